#include "ratchet/io/socket_address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/fatal.h"

namespace ratchet {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);
constexpr size_t kPathRoom = sizeof(sockaddr_un::sun_path);

static_assert(sizeof(sockaddr_storage) >= sizeof(sockaddr_un));

absl::string_view to_absl(std::string_view s) { return {s.data(), s.size()}; }

// The storage is read and written as what it is by way of copies: the compiler
// may take the types for unrelated.
template <class Raw>
Raw get(const sockaddr* data) {
  Raw raw;
  std::memcpy(&raw, data, sizeof raw);
  return raw;
}

absl::Status refused(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("socket_address: \"", to_absl(text), "\" ", to_absl(why)));
}

// Digits and nothing else.
std::optional<uint32_t> number(std::string_view text, uint32_t most) {
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c)))
      return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
    if (value > most) return std::nullopt;
  }
  return static_cast<uint32_t>(value);
}

absl::StatusOr<uint32_t> scope_of(std::string_view text,
                                  std::string_view zone) {
  if (const auto index = number(zone, UINT32_MAX)) return *index;
  const unsigned index = if_nametoindex(std::string(zone).c_str());
  if (index == 0) {
    return absl::NotFoundError(
        absl::StrCat("socket_address: \"", to_absl(text),
                     "\" names a network interface, \"", to_absl(zone),
                     "\", which is not there: `ip link` lists those that are"));
  }
  return index;
}

// What parse() reads as the interface that it is: a name with a digit alone is
// an index, and some bytes end the address.
bool plain_name(std::string_view name) {
  return !number(name, UINT32_MAX).has_value() &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '_' || c == '-' || c == '.';
         });
}

std::string zone_string(uint32_t scope) {
  char name[IF_NAMESIZE] = {};
  if (if_indextoname(scope, name) != nullptr && plain_name(name)) return name;
  return absl::StrCat(scope);
}

template <class Address>
bool to_binary(int family, std::string_view text, Address& address) {
  return text.find('\0') == std::string_view::npos &&
         inet_pton(family, std::string(text).c_str(), &address) == 1;
}

template <class Address>
std::string to_numeric(int family, const Address& address) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(family, &address, text, sizeof text);
  return text;
}

// -1, 0, 1 for bytes that compare like that.
template <class Bytes>
int compare_bytes(const Bytes& a, const Bytes& b) {
  const int order = std::memcmp(&a, &b, sizeof a);
  return order < 0 ? -1 : order > 0;
}
template <class T>
int compare_values(T a, T b) {
  return a < b ? -1 : b < a;
}

sockaddr_in ipv4(const in_addr& host, uint16_t port) {
  sockaddr_in raw = {};
  raw.sin_family = AF_INET;
  raw.sin_port = htons(port);
  raw.sin_addr = host;
  return raw;
}

sockaddr_in6 ipv6(const in6_addr& host, uint16_t port, uint32_t scope) {
  sockaddr_in6 raw = {};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(port);
  raw.sin6_addr = host;
  raw.sin6_scope_id = scope;
  return raw;
}

}  // namespace

absl::StatusOr<socket_address> socket_address::parse(std::string_view text) {
  if (text.substr(0, kUnixPrefix.size()) == kUnixPrefix) {
    return unix_path(text.substr(kUnixPrefix.size()));
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.back() == ']') {
    return refused(text,
                   "has no port: write ADDRESS:PORT, [IPV6]:PORT, "
                   "unix:PATH or unix:@NAME");
  }
  std::string_view host = text.substr(0, colon);
  const auto port = number(text.substr(colon + 1), UINT16_MAX);
  if (!port.has_value()) {
    return refused(text, "has a port that is no number from 0 to 65535");
  }
  const bool bracketed = !host.empty() && host.front() == '[';
  if (bracketed) {
    if (host.back() != ']') return refused(text, "has a [ without its ]");
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) {
      return refused(text, "has brackets around what is no IPv6 address");
    }
  } else if (host.find(':') != std::string_view::npos) {
    return refused(text,
                   "is ambiguous: write an IPv6 address with a port as "
                   "[ADDRESS]:PORT");
  } else if (host.empty()) {
    return refused(text,
                   "has no address: 0.0.0.0 and [::] are every interface");
  }
  return ip(host, static_cast<uint16_t>(*port));
}

absl::StatusOr<socket_address> socket_address::ip(std::string_view numeric,
                                                  uint16_t port) {
  in_addr host4;
  if (to_binary(AF_INET, numeric, host4)) {
    const sockaddr_in raw = ipv4(host4, port);
    return from_raw(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
  }
  const size_t percent = numeric.find('%');
  in6_addr host6;
  if (to_binary(AF_INET6, numeric.substr(0, percent), host6)) {
    uint32_t scope = 0;
    if (percent != std::string_view::npos) {
      const auto found = scope_of(numeric, numeric.substr(percent + 1));
      if (!found.ok()) return found.status();
      scope = *found;
    }
    const sockaddr_in6 raw = ipv6(host6, port, scope);
    return from_raw(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
  }
  if (!numeric.empty() && numeric.front() == '[') {
    return refused(numeric,
                   "is not a numeric IP address: brackets are for an "
                   "address with a port");
  }
  return refused(numeric,
                 "is not a numeric IP address, as 127.0.0.1 and ::1 are: "
                 "resolve() looks names up");
}

socket_address socket_address::loopback(uint16_t port, int family) {
  RATCHET_CHECK(family == AF_INET || family == AF_INET6,
                "socket_address::loopback() was given a family that is neither "
                "AF_INET nor AF_INET6");
  return *ip(family == AF_INET6 ? "::1" : "127.0.0.1", port);
}

socket_address socket_address::any(uint16_t port, int family) {
  RATCHET_CHECK(family == AF_INET || family == AF_INET6,
                "socket_address::any() was given a family that is neither "
                "AF_INET nor AF_INET6");
  return *ip(family == AF_INET6 ? "::" : "0.0.0.0", port);
}

absl::StatusOr<socket_address> socket_address::unix_path(
    std::string_view path) {
  if (path.empty()) {
    return refused(path, "is no path of a Unix socket: it is empty");
  }
  if (path.size() >= kPathRoom) {
    return refused(
        path, absl::StrCat("is too long for a Unix socket: it has ",
                           path.size(), " bytes, and ", kPathRoom - 1,
                           " are the most; a relative path may be shorter"));
  }
  const bool abstract = path.front() == '@';
  if (!abstract && path.find('\0') != std::string_view::npos) {
    return refused(path, "is no path of a Unix socket: it has a zero in it");
  }
  sockaddr_un raw = {};
  raw.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), raw.sun_path);
  if (abstract) raw.sun_path[0] = '\0';
  // The zero behind a path is part of it, an abstract name ends with its size.
  const size_t size = kPathOffset + path.size() + (abstract ? 0 : 1);
  return from_raw(reinterpret_cast<const sockaddr*>(&raw),
                  static_cast<socklen_t>(size));
}

absl::StatusOr<socket_address> socket_address::from_raw(const sockaddr* address,
                                                        socklen_t size) {
  if (address == nullptr || size < sizeof(sa_family_t)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "socket_address::from_raw(): ", size,
        " bytes are no address: was the call that stores it successful?"));
  }
  sa_family_t family;
  std::memcpy(
      &family,
      reinterpret_cast<const char*>(address) + offsetof(sockaddr, sa_family),
      sizeof family);
  socket_address result;
  const auto store = [&result](const auto& raw, size_t used) {
    std::memcpy(&result.storage_, &raw, used);
    result.size_ = static_cast<socklen_t>(used);
  };
  if (family == AF_INET && size >= sizeof(sockaddr_in)) {
    const auto raw = get<sockaddr_in>(address);
    store(ipv4(raw.sin_addr, ntohs(raw.sin_port)), sizeof raw);
    return result;
  }
  if (family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    const auto raw = get<sockaddr_in6>(address);
    store(ipv6(raw.sin6_addr, ntohs(raw.sin6_port), raw.sin6_scope_id),
          sizeof raw);
    return result;
  }
  // Linux counts the zero behind a path of 108 bytes, for which there is none.
  if (family == AF_UNIX && size <= sizeof(sockaddr_un) + 1) {
    sockaddr_un raw = {};
    size_t used = std::min<size_t>(size, sizeof raw);
    std::memcpy(&raw, address, used);
    if (used > kPathOffset && raw.sun_path[0] != '\0') {
      const size_t length = strnlen(raw.sun_path, used - kPathOffset);
      std::fill(raw.sun_path + length, raw.sun_path + kPathRoom, '\0');
      used = kPathOffset + std::min(length + 1, kPathRoom);
    }
    store(raw, used);
    return result;
  }
  if (family == AF_INET || family == AF_INET6 || family == AF_UNIX) {
    return absl::InvalidArgumentError(absl::StrCat(
        "socket_address::from_raw(): ", size,
        " bytes are not the size of an address of family ", family));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("socket_address::from_raw(): family ", family,
                   " is neither AF_INET nor AF_INET6 nor AF_UNIX"));
}

uint16_t socket_address::port() const {
  switch (family()) {
    case AF_INET:
      return ntohs(get<sockaddr_in>(data()).sin_port);
    case AF_INET6:
      return ntohs(get<sockaddr_in6>(data()).sin6_port);
    default:
      return 0;
  }
}

socket_address socket_address::with_port(uint16_t port) const {
  RATCHET_CHECK(is_ip(),
                "with_port() was called on the address of a Unix socket, " +
                    to_string() + ", which has no port: see is_ip()");
  socket_address result = *this;
  if (family() == AF_INET) {
    auto raw = get<sockaddr_in>(data());
    raw.sin_port = htons(port);
    std::memcpy(&result.storage_, &raw, sizeof raw);
  } else if (family() == AF_INET6) {
    auto raw = get<sockaddr_in6>(data());
    raw.sin6_port = htons(port);
    std::memcpy(&result.storage_, &raw, sizeof raw);
  }
  return result;
}

std::string socket_address::host_string() const {
  if (family() == AF_INET) {
    return to_numeric(AF_INET, get<sockaddr_in>(data()).sin_addr);
  }
  if (family() == AF_INET6) {
    const auto raw = get<sockaddr_in6>(data());
    std::string text = to_numeric(AF_INET6, raw.sin6_addr);
    if (raw.sin6_scope_id != 0) {
      absl::StrAppend(&text, "%", zone_string(raw.sin6_scope_id));
    }
    return text;
  }
  const auto raw = get<sockaddr_un>(data());
  const size_t room = size_ - kPathOffset;
  if (room == 0) return "";
  if (raw.sun_path[0] == '\0') {
    return absl::StrCat("@", absl::string_view(raw.sun_path + 1, room - 1));
  }
  const std::string path(raw.sun_path, strnlen(raw.sun_path, room));
  // A file with a name that would be taken for an abstract one.
  return path.front() == '@' ? "./" + path : path;
}

std::string socket_address::to_string() const {
  switch (family()) {
    case AF_INET:
      return absl::StrCat(host_string(), ":", port());
    case AF_INET6:
      return absl::StrCat("[", host_string(), "]:", port());
    default:
      return absl::StrCat(to_absl(kUnixPrefix), host_string());
  }
}

int socket_address::compare(const socket_address& other) const {
  if (family() != other.family()) {
    return compare_values(family(), other.family());
  }
  if (family() == AF_INET) {
    const auto a = get<sockaddr_in>(data());
    const auto b = get<sockaddr_in>(other.data());
    const int hosts = compare_bytes(a.sin_addr, b.sin_addr);
    return hosts != 0 ? hosts : compare_values(port(), other.port());
  }
  if (family() == AF_INET6) {
    const auto a = get<sockaddr_in6>(data());
    const auto b = get<sockaddr_in6>(other.data());
    const int hosts = compare_bytes(a.sin6_addr, b.sin6_addr);
    if (hosts != 0) return hosts;
    if (a.sin6_scope_id != b.sin6_scope_id) {
      return compare_values(a.sin6_scope_id, b.sin6_scope_id);
    }
    return compare_values(port(), other.port());
  }
  const auto bytes = [](const socket_address& a) {
    return std::string_view(reinterpret_cast<const char*>(&a.storage_),
                            a.size_);
  };
  return compare_values(bytes(*this), bytes(other));
}

std::ostream& operator<<(std::ostream& out, const socket_address& a) {
  return out << a.to_string();
}

}  // namespace ratchet
