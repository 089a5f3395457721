#include "ratchet/io/resolve.h"

#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/name_lookup.h"
#include "ratchet/internal/system_error.h"

namespace ratchet {
namespace {

using addresses = std::vector<socket_address>;

std::string what(const std::string& host) {
  return internal::quoted_call("resolve", host);
}

absl::StatusCode code_of(int error) {
  switch (error) {
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY:
#endif
      return absl::StatusCode::kNotFound;
    case EAI_AGAIN:
      return absl::StatusCode::kUnavailable;
    case EAI_MEMORY:
      return absl::StatusCode::kResourceExhausted;
    case EAI_FAIL:
    case EAI_SYSTEM:
      return absl::StatusCode::kInternal;
    default:  // The name, or what was asked for: EAI_FAMILY, EAI_IDN_ENCODE...
      return absl::StatusCode::kInvalidArgument;
  }
}

absl::StatusOr<addresses> look_up(const internal::name_lookup& with,
                                  const std::string& host, uint16_t port,
                                  int family) {
  addrinfo hints = {};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;  // Else each address comes three times.
  // Who asks for a family is to get it: with AI_ADDRCONFIG a machine that is
  // connected with nothing would not even find its own localhost.
  if (family == AF_UNSPEC) hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  errno = 0;
  const int error = with.look_up(host.c_str(), nullptr, &hints, &list);
  if (error == EAI_SYSTEM && errno != 0) {
    return internal::system_error(errno, what(host));
  }
  if (error != 0) {
    return absl::Status(code_of(error),
                        absl::StrCat(what(host), ": ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list,
                                                             with.release);
  addresses found;
  for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
    const auto address = socket_address::from_raw(a->ai_addr, a->ai_addrlen);
    if (!address.ok() || !address->is_ip()) continue;
    const socket_address with_port = address->with_port(port);
    // A handful: /etc/hosts has some names twice.
    if (std::find(found.begin(), found.end(), with_port) == found.end()) {
      found.push_back(with_port);
    }
  }
  if (found.empty()) {
    return absl::NotFoundError(
        absl::StrCat(what(host), ": the name has no address"));
  }
  return found;
}

absl::Status refused(const std::string& host, std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      what(host), ": ", absl::string_view(why.data(), why.size())));
}

// The outcome where no look-up is needed; nullopt for what may be a name.
std::optional<absl::StatusOr<addresses>> known(const std::string& host,
                                               uint16_t port, int family) {
  if (family != AF_UNSPEC && family != AF_INET && family != AF_INET6) {
    return refused(host,
                   "the family is neither AF_UNSPEC nor AF_INET nor AF_INET6");
  }
  if (host.empty()) {
    return refused(host,
                   "there is no name; socket_address::any() is every "
                   "interface, loopback() this machine");
  }
  if (host.find('\0') != std::string::npos) {
    return refused(host, "the name has a zero in it");
  }
  const auto numeric = socket_address::ip(host, port);
  if (!numeric.ok()) {
    // No name has a colon.
    if (host.find(':') == std::string::npos) return std::nullopt;
    return absl::Status(
        numeric.status().code(),
        absl::StrCat(what(host), ": ", numeric.status().message()));
  }
  if (family != AF_UNSPEC && family != numeric->family()) {
    return refused(host,
                   "this is an address of another family than the options ask "
                   "for");
  }
  return addresses{*numeric};
}

}  // namespace

future<addresses> internal::resolve_with(name_lookup with, thread_pool& pool,
                                         std::string host, uint16_t port,
                                         const resolve_options& options) {
  const int family = options.family;
  if (auto outcome = known(host, port, family)) {
    if (!outcome->ok()) return make_error_future<addresses>(outcome->status());
    return make_ready_future(**std::move(outcome));
  }
  return run_in(pool, [with, host = std::move(host), port, family] {
    return look_up(with, host, port, family);
  });
}

future<addresses> resolve(thread_pool& pool, std::string host, uint16_t port,
                          const resolve_options& options) {
  return internal::resolve_with({getaddrinfo, freeaddrinfo}, pool,
                                std::move(host), port, options);
}

std::vector<socket_address> interleave_families(const addresses& all) {
  // Those of each family, families in the order in which they come first.
  std::vector<addresses> families;
  for (const socket_address& a : all) {
    const auto same = std::find_if(
        families.begin(), families.end(),
        [&a](const addresses& f) { return f.front().family() == a.family(); });
    if (same != families.end()) {
      same->push_back(a);
    } else {
      families.push_back({a});
    }
  }
  addresses in_turn;
  in_turn.reserve(all.size());
  for (size_t i = 0; in_turn.size() < all.size(); ++i) {
    for (const addresses& family : families) {
      if (i < family.size()) in_turn.push_back(family[i]);
    }
  }
  return in_turn;
}

}  // namespace ratchet
