#ifndef RATCHET_TESTS_IO_PIPES_H_
#define RATCHET_TESTS_IO_PIPES_H_

// Descriptors for tests: pairs that are connected, and end with the test.

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "gtest/gtest.h"

namespace ratchet::test {

// Two sockets that do not block, connected to each other.
class socket_pair {
 public:
  explicit socket_pair(int type = SOCK_STREAM) {
    int fds[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
              0);
    ours = fds[0];
    theirs = fds[1];
  }
  socket_pair(const socket_pair&) = delete;
  socket_pair& operator=(const socket_pair&) = delete;
  ~socket_pair() {
    close_ours();
    close_theirs();
  }

  void close_ours() { close_once(ours); }
  void close_theirs() { close_once(theirs); }
  // For who takes it over.
  int take_ours() { return std::exchange(ours, -1); }
  int take_theirs() { return std::exchange(theirs, -1); }

  // What the other end does, at once.
  void send(std::string_view data) const {
    EXPECT_EQ(write(theirs, data.data(), data.size()),
              static_cast<ssize_t>(data.size()));
  }
  // What has come to it; empty if nothing, or the end.
  std::string received(size_t most = 1 << 20) const {
    int there = 0;
    EXPECT_EQ(ioctl(theirs, FIONREAD, &there), 0);
    std::string data(std::min(most, static_cast<size_t>(there)), '\0');
    const ssize_t got = read(theirs, data.data(), data.size());
    data.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return data;
  }
  // Writes until it would block, and returns how much went in.
  static size_t fill(int fd) {
    const std::string block(1 << 16, 'x');
    size_t total = 0;
    for (;;) {
      const ssize_t written = write(fd, block.data(), block.size());
      if (written <= 0) return total;
      total += static_cast<size_t>(written);
    }
  }

  int ours = -1;
  int theirs = -1;

 private:
  static void close_once(int& fd) {
    if (fd >= 0) close(std::exchange(fd, -1));
  }
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_IO_PIPES_H_
