#include "ratchet/internal/io_calls.h"

#include <unistd.h>

namespace ratchet::internal {
namespace {

class system_calls final : public io_calls {};

thread_local io_calls* tls_calls = nullptr;

}  // namespace

ssize_t io_calls::read(int fd, void* buffer, size_t size) {
  return ::read(fd, buffer, size);
}

ssize_t io_calls::receive(int fd, void* buffer, size_t size) {
  return ::recv(fd, buffer, size, 0);
}

ssize_t io_calls::send(int fd, const iovec* parts, size_t count) {
  if (count == 1) {
    return ::send(fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL);
  }
  msghdr message = {};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = count;
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

ssize_t io_calls::write(int fd, const iovec* parts, size_t count) {
  return ::writev(fd, parts, static_cast<int>(count));
}

int io_calls::accept(int fd, sockaddr* address, socklen_t* size) {
  return ::accept4(fd, address, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

ssize_t io_calls::receive_from(int fd, void* buffer, size_t size,
                               sockaddr* address, socklen_t* address_size) {
  return ::recvfrom(fd, buffer, size, MSG_TRUNC, address, address_size);
}

ssize_t io_calls::send_to(int fd, const void* data, size_t size,
                          const sockaddr* address, socklen_t address_size) {
  return ::sendto(fd, data, size, MSG_NOSIGNAL, address, address_size);
}

io_calls& io_calls::current() {
  static system_calls system;
  return tls_calls != nullptr ? *tls_calls : system;
}

void io_calls::set_current(io_calls* calls) { tls_calls = calls; }

}  // namespace ratchet::internal
