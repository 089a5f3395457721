#include "ratchet/internal/sockets.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/system_error.h"

namespace ratchet::internal {
namespace {

template <class Call>
absl::StatusOr<socket_address> address_by(Call call, int fd,
                                          std::string_view name) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  if (call(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return system_error(errno, name);
  }
  return socket_address::from_raw(reinterpret_cast<sockaddr*>(&storage), size);
}

// What can be done about it; empty if that says the error.
absl::string_view advice(int error, const socket_address& address) {
  const bool internet = address.is_ip();
  switch (error) {
    case EADDRINUSE:
      return internet ? "another socket has this address: end what listens "
                        "there (ss -lp names it), take another port (0 is any "
                        "that is free), or share it with reuse_port"
                      : "another process listens there, or it is no socket";
    case EADDRNOTAVAIL:
      return "no interface of this machine has this address";
    case EACCES:
      return internet ? "ports below 1024 need a privilege "
                        "(CAP_NET_BIND_SERVICE)"
                      : "its folder cannot be written to";
    case ENOENT:
      return internet ? "" : "its folder is not there";
    default:
      return "";
  }
}

}  // namespace

void owned_descriptor::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

absl::StatusOr<owned_descriptor> open_socket(int family, int type,
                                             std::string_view what) {
  owned_descriptor fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return system_error(errno, what);
  return fd;
}

absl::Status set_socket_option(int fd, int level, int option, int value,
                               std::string_view what) {
  if (::setsockopt(fd, level, option, &value, sizeof(value)) == 0) {
    return absl::OkStatus();
  }
  return system_error(errno, what);
}

absl::StatusOr<socket_address> local_address(int fd) {
  return address_by(::getsockname, fd, "getsockname");
}

absl::StatusOr<socket_address> peer_address(int fd) {
  return address_by(::getpeername, fd, "getpeername");
}

absl::Status bind_error(int error, std::string_view what,
                        const socket_address& address) {
  absl::Status status = system_error(error, what);
  const absl::string_view more = advice(error, address);
  if (more.empty()) return status;
  return absl::Status(error == EADDRNOTAVAIL
                          ? absl::StatusCode::kInvalidArgument
                          : status.code(),
                      absl::StrCat(status.message(), ": ", more));
}

}  // namespace ratchet::internal
