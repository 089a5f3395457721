#ifndef RATCHET_IO_RESOLVE_H_
#define RATCHET_IO_RESOLVE_H_

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ratchet/future.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/thread/thread_pool.h"

namespace ratchet {

struct resolve_options {
  // AF_INET or AF_INET6: addresses of that family alone. AF_UNSPEC: of those
  // families with which this machine has an address itself (AI_ADDRCONFIG).
  int family = AF_UNSPEC;
};

// resolve: the addresses of a host, each with `port`, in the order in which
// they should be tried (RFC 6724); at least one, none twice.
//
//   ratchet::future<std::vector<socket_address>> found =
//       resolve(pool, "example.org", 443);
//
// `host` is a name, or a numeric address as for socket_address::ip(), which
// needs no thread: that future is ready. Names are looked up by the system
// (getaddrinfo) in a thread of `pool`, which is busy as long: often some
// milliseconds, with name servers that do not answer many seconds. Give names a
// pool of their own, or an await a time limit.
//
// Errors, with the name and the system's words: kNotFound for a name that does
// not exist, or has no address (of that family); kUnavailable if the name
// server cannot be asked now, so that trying again may help; kInvalidArgument
// for what can be no name, and for a numeric address of another family;
// kResourceExhausted for lack of memory, kInternal for a name server that
// refuses; and those of run_in().
//
// Cancelling it is cancelling run_in(): at once, and a look-up that has begun
// goes on in its thread. *Loses data*: what it finds.
// Callable from any thread that has a loop.
future<std::vector<socket_address>> resolve(
    thread_pool& pool, std::string host, uint16_t port,
    const resolve_options& options = resolve_options());

// The same addresses, families in turn: the first one's family, then the other,
// each in its order (RFC 8305, section 4). Then no family that does not work
// here stands before all of one that does.
//
//   6a 6b 6c 4a 4b    becomes    6a 4a 6b 4b 6c
//
// Complexity: O(n).
std::vector<socket_address> interleave_families(
    const std::vector<socket_address>& addresses);

}  // namespace ratchet

#endif  // RATCHET_IO_RESOLVE_H_
