#ifndef RATCHET_TESTS_IO_SIGNAL_STORM_H_
#define RATCHET_TESTS_IO_SIGNAL_STORM_H_

// Signals that interrupt every system call that waits.

#include <signal.h>
#include <sys/time.h>

namespace ratchet::test {

// SIGALRM every `microseconds` while it lives, which restarts nothing.
class signal_storm final {
 public:
  explicit signal_storm(int microseconds = 100) {
    came = 0;
    struct sigaction action = {};
    action.sa_handler = [](int) { came = came + 1; };
    sigaction(SIGALRM, &action, &before_);
    const itimerval every = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &every, nullptr);
  }
  signal_storm(const signal_storm&) = delete;
  signal_storm& operator=(const signal_storm&) = delete;
  ~signal_storm() {
    const itimerval never = {};
    setitimer(ITIMER_REAL, &never, nullptr);
    sigaction(SIGALRM, &before_, nullptr);
  }

  static inline volatile sig_atomic_t came = 0;

 private:
  struct sigaction before_;
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_IO_SIGNAL_STORM_H_
