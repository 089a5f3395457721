#ifndef RATCHET_TESTS_IO_OTHER_PROCESS_H_
#define RATCHET_TESTS_IO_OTHER_PROCESS_H_

// A process for the other side of connections: a fork that makes system calls
// alone. It has descriptors, and a death, of its own.

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <functional>
#include <utility>

#include "gtest/gtest.h"

namespace ratchet::test {

// Runs `body` in a process that has no other descriptor than the one it is
// given: a packet socket to the test, which closes when the test lets go of it.
// It ends with `body`, with the test, or with the object. REQUIRES: the test
// has one thread.
class other_process final {
 public:
  explicit other_process(const std::function<void(int control)>& body) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    pid_ = fork();
    EXPECT_GE(pid_, 0);
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (int fd = 3; fd < kMostInherited; ++fd) {
        if (fd != ends[1]) ::close(fd);
      }
      body(ends[1]);
      _exit(0);
    }
    EXPECT_LT(ends[1], kMostInherited);
    ::close(ends[1]);
    control_ = ends[0];
  }
  other_process(other_process&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        control_(std::exchange(other.control_, -1)) {}
  other_process& operator=(other_process&&) = delete;
  ~other_process() {
    if (control_ >= 0) ::close(control_);
    kill();
  }

  int control() const { return control_; }

  // Kills it with SIGKILL, and waits until it is no more.
  void kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }

  // A packet, from either side to the other. receive() is false if there is no
  // other side any more.
  template <class T>
  static void send(int control, const T& packet) {
    EXPECT_EQ(::send(control, &packet, sizeof packet, MSG_NOSIGNAL),
              static_cast<ssize_t>(sizeof packet));
  }
  template <class T>
  static bool receive(int control, T& packet) {
    ssize_t n;
    do {
      n = recv(control, &packet, sizeof packet, 0);
    } while (n < 0 && errno == EINTR);
    return n == static_cast<ssize_t>(sizeof packet);
  }

 private:
  static constexpr int kMostInherited = 256;

  pid_t pid_ = -1;
  int control_ = -1;
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_IO_OTHER_PROCESS_H_
