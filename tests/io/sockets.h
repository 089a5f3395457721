#ifndef RATCHET_TESTS_IO_SOCKETS_H_
#define RATCHET_TESTS_IO_SOCKETS_H_

// The other side of a listener, with system calls alone; and what there is to
// be known about the descriptors of the process.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "gtest/gtest.h"
#include "ratchet/io/socket_address.h"

namespace ratchet::test {

// A client that does not block.
class client final {
 public:
  client() = default;
  explicit client(const socket_address& address)
      : fd_(socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                   0)) {
    EXPECT_GE(fd_, 0);
    // Else a second line would wait for the first one to be acknowledged.
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    error_ = ::connect(fd_, address.data(), address.size()) == 0 ? 0 : errno;
  }
  client(client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), error_(other.error_) {}
  client& operator=(client&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(error_, other.error_);
    return *this;
  }
  ~client() { close(); }

  int fd() const { return fd_; }
  // Of connect(): 0, EINPROGRESS, ...
  int error() const { return error_; }

  // Waits until the connection is there; false if it was refused, or is not
  // there after `timeout_ms`.
  bool connected(int timeout_ms = 10'000) const {
    pollfd p = {fd_, POLLOUT, 0};
    if (poll(&p, 1, timeout_ms) != 1) return false;
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 && (p.revents & POLLHUP) == 0;
  }

  void send(std::string_view data) const {
    EXPECT_EQ(::send(fd_, data.data(), data.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(data.size()));
  }
  // Reads until `size` bytes have come, or the end.
  std::string receive(size_t size) const {
    std::string data;
    while (data.size() < size) {
      pollfd p = {fd_, POLLIN, 0};
      if (poll(&p, 1, 10'000) != 1) break;
      char buffer[4096];
      const ssize_t n =
          read(fd_, buffer, std::min(sizeof buffer, size - data.size()));
      if (n <= 0) break;
      data.append(buffer, static_cast<size_t>(n));
    }
    return data;
  }
  // What is there now.
  std::string received() const {
    std::string data;
    char buffer[4096];
    ssize_t n;
    while ((n = read(fd_, buffer, sizeof buffer)) > 0) {
      data.append(buffer, static_cast<size_t>(n));
    }
    return data;
  }
  // Whether the other side has ended, or broken, the connection.
  bool ended() const {
    char c;
    const ssize_t n = recv(fd_, &c, 1, MSG_PEEK);
    return n == 0 || (n < 0 && errno != EAGAIN);
  }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // Breaks the connection: "reset by peer".
  void reset() {
    const linger hard = {1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close();
  }

  socket_address own_address() const {
    sockaddr_storage storage = {};
    socklen_t size = sizeof(storage);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &size);
    return *socket_address::from_raw(reinterpret_cast<sockaddr*>(&storage),
                                     size);
  }

 private:
  int fd_ = -1;
  int error_ = 0;
};

// How many descriptors the process has open.
inline size_t open_descriptors() {
  DIR* const folder = opendir("/proc/self/fd");
  size_t count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

// A folder of the test, which goes with all in it.
class scratch_folder final {
 public:
  scratch_folder() {
    char name[] = "/tmp/ratchet_test.XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    path_ = name;
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() {
    DIR* const folder = opendir(path_.c_str());
    while (const dirent* entry = readdir(folder)) {
      unlink(path(entry->d_name).c_str());
    }
    closedir(folder);
    rmdir(path_.c_str());
  }

  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_IO_SOCKETS_H_
