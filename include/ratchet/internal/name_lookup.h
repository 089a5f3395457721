#ifndef RATCHET_INTERNAL_NAME_LOOKUP_H_
#define RATCHET_INTERNAL_NAME_LOOKUP_H_

// Included by resolve.cc, and by its tests, which put other functions in the
// place of getaddrinfo.

#include <netdb.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ratchet/future.h"
#include "ratchet/io/resolve.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/thread/thread_pool.h"

namespace ratchet::internal {

// getaddrinfo and freeaddrinfo, or what behaves like them; called by the
// threads of pools.
struct name_lookup {
  int (*look_up)(const char* host, const char* service, const addrinfo* hints,
                 addrinfo** result);
  void (*release)(addrinfo* result);
};

// resolve() by way of `with`.
future<std::vector<socket_address>> resolve_with(
    name_lookup with, thread_pool& pool, std::string host, uint16_t port,
    const resolve_options& options);

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_NAME_LOOKUP_H_
