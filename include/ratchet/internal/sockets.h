#ifndef RATCHET_INTERNAL_SOCKETS_H_
#define RATCHET_INTERNAL_SOCKETS_H_

// Included by the sources of ratchet/io: sockets before they belong to a
// stream.

#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/io/socket_address.h"

namespace ratchet::internal {

// A descriptor that is closed with its owner.
class owned_descriptor final {
 public:
  explicit owned_descriptor(int fd = -1) : fd_(fd) {}
  owned_descriptor(owned_descriptor&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)) {}
  owned_descriptor& operator=(owned_descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~owned_descriptor() { reset(); }

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_;
};

// A socket that does not block, and is not inherited by other programs. `what`
// begins the message of an error.
absl::StatusOr<owned_descriptor> open_socket(int family, int type,
                                             std::string_view what);

// setsockopt() of an int.
absl::Status set_socket_option(int fd, int level, int option, int value,
                               std::string_view what);

// Its own address, and that of the other side.
absl::StatusOr<socket_address> local_address(int fd);
absl::StatusOr<socket_address> peer_address(int fd);

// What an errno of bind() means to people: "address already in use: ...".
absl::Status bind_error(int error, std::string_view what,
                        const socket_address& address);

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_SOCKETS_H_
