#ifndef RATCHET_IO_SOCKET_ADDRESS_H_
#define RATCHET_IO_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace ratchet {

// socket_address: where a socket is bound, or what it is connected to: an IPv4
// or IPv6 address with a port, or the name of a Unix socket.
//
//   absl::StatusOr<socket_address> a = socket_address::parse("[::1]:80");
//   a->host_string();                  // "::1"
//   a->to_string();                    // "[::1]:80"
//   ::connect(fd, a->data(), a->size());
//
//   text                  family    what it is
//   --------------------  --------  ----------------------------------------
//   127.0.0.1:80          AF_INET   IPv4
//   [::1]:80              AF_INET6  IPv6
//   [fe80::1%eth0]:80     AF_INET6  of one network interface, by name or index
//   unix:/run/x.sock      AF_UNIX   a path, absolute or not
//   unix:@name            AF_UNIX   Linux's abstract names, which are no files
//   unix:                 AF_UNIX   unnamed: who connects without bind() (this
//                                   one is printed, but not parsed)
//
// A value: nothing is looked up, opened or bound. Names of hosts are for
// resolve(). An IPv4 address within an IPv6 one ("::ffff:1.2.3.4") is IPv6.
//
// Errors: kInvalidArgument, with the text, what is wrong with it and what to
// write instead; kNotFound for the name of a network interface that is not
// there.
// Thread-safety: as an int.
class socket_address {
 public:
  // As in the table. parse(a.to_string()) is a, for every a with a name, if
  // that fits (see unix_path) and does not begin with '@' while being a path.
  static absl::StatusOr<socket_address> parse(std::string_view text);

  // "127.0.0.1", "::1", "fe80::1%eth0": without brackets.
  static absl::StatusOr<socket_address> ip(std::string_view numeric,
                                           uint16_t port);

  // 127.0.0.1 or ::1. REQUIRES: AF_INET or AF_INET6 (fatal in debug builds;
  // else IPv4), as for any().
  static socket_address loopback(uint16_t port, int family = AF_INET);

  // 0.0.0.0 or ::, for bind(): every interface of this machine.
  static socket_address any(uint16_t port, int family = AF_INET);

  // A path, or "@" and an abstract name. 107 bytes at most; an abstract name
  // can have any bytes, a path no zero.
  static absl::StatusOr<socket_address> unix_path(std::string_view path);

  // What accept(), getsockname() and their like have stored. The flow label of
  // an IPv6 address is left out: it is no part of who that is.
  // Errors: kInvalidArgument for another family, or too short a size.
  static absl::StatusOr<socket_address> from_raw(const sockaddr* address,
                                                 socklen_t size);

  // For system calls.
  const sockaddr* data() const {
    return reinterpret_cast<const sockaddr*>(&storage_);
  }
  socklen_t size() const { return size_; }

  // AF_INET, AF_INET6 or AF_UNIX.
  int family() const { return storage_.ss_family; }
  bool is_ip() const { return family() != AF_UNIX; }

  // 0 for a Unix socket.
  uint16_t port() const;
  // The same host at another port. REQUIRES: is_ip() (fatal in debug builds;
  // else a copy).
  socket_address with_port(uint16_t port) const;

  // Without the port: what ip() takes; for a Unix socket what unix_path()
  // takes.
  std::string host_string() const;
  std::string to_string() const;

  // By family, then address, then port; a total order.
  friend bool operator==(const socket_address& a, const socket_address& b) {
    return a.compare(b) == 0;
  }
  friend bool operator!=(const socket_address& a, const socket_address& b) {
    return a.compare(b) != 0;
  }
  friend bool operator<(const socket_address& a, const socket_address& b) {
    return a.compare(b) < 0;
  }

  template <class H>
  friend H AbslHashValue(H h, const socket_address& a) {
    return H::combine_contiguous(
        std::move(h), reinterpret_cast<const unsigned char*>(&a.storage_),
        a.size_);
  }

  friend std::ostream& operator<<(std::ostream& out, const socket_address& a);

 private:
  socket_address() = default;

  int compare(const socket_address& other) const;

  // What means the same has the same bytes: all that is not used is zero.
  sockaddr_storage storage_ = {};
  socklen_t size_ = 0;
};

}  // namespace ratchet

#endif  // RATCHET_IO_SOCKET_ADDRESS_H_
