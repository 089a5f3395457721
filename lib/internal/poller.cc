#include "ratchet/internal/poller.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace ratchet::internal {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kNanosPerMilli = 1'000'000;

absl::Status system_error(const char* call) {
  const int error = errno;
  const bool exhausted = error == EMFILE || error == ENFILE || error == ENOMEM;
  return absl::Status(exhausted ? absl::StatusCode::kResourceExhausted
                                : absl::StatusCode::kInternal,
                      absl::StrCat("event loop: ", call, " failed: ",
                                   std::generic_category().message(error)));
}

// As epoll_wait, in milliseconds rounded up.
int wait_millis(int epoll, epoll_event* events, int64_t timeout_ns) {
  int timeout = -1;
  if (timeout_ns >= 0) {
    const int64_t millis =
        timeout_ns / kNanosPerMilli + (timeout_ns % kNanosPerMilli != 0);
    timeout = static_cast<int>(std::min<int64_t>(millis, INT_MAX));
  }
  return epoll_wait(epoll, events, 1, timeout);
}

int wait_nanos(int epoll, epoll_event* events, int64_t timeout_ns) {
#ifdef SYS_epoll_pwait2
  static const bool has_pwait2 = [] {
    // With a bad descriptor: EBADF where the call exists.
    const timespec zero = {};
    epoll_event event;
    return syscall(SYS_epoll_pwait2, -1, &event, 1, &zero, nullptr, 0) == -1 &&
           errno == EBADF;
  }();
  if (has_pwait2) {
    timespec timeout;
    timeout.tv_sec = static_cast<time_t>(timeout_ns / kNanosPerSecond);
    timeout.tv_nsec =
        static_cast<decltype(timeout.tv_nsec)>(timeout_ns % kNanosPerSecond);
    return static_cast<int>(syscall(SYS_epoll_pwait2, epoll, events, 1,
                                    timeout_ns < 0 ? nullptr : &timeout,
                                    nullptr, 0));
  }
#endif
  return wait_millis(epoll, events, timeout_ns);
}

}  // namespace

poller::poller() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) {
    status_ = system_error("epoll_create1");
    return;
  }
  event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event_ < 0) {
    status_ = system_error("eventfd");
    return;
  }
  epoll_event interest = {};
  interest.events = EPOLLIN | EPOLLET;  // A wake is an edge: no read needed.
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &interest) != 0) {
    status_ = system_error("epoll_ctl");
  }
}

poller::~poller() {
  if (event_ >= 0) close(event_);
  if (epoll_ >= 0) close(epoll_);
}

absl::Status poller::wait(int64_t timeout_ns) {
  epoll_event event;
  if (wait_nanos(epoll_, &event, timeout_ns) < 0 && errno != EINTR) {
    return system_error("epoll_wait");
  }
  return absl::OkStatus();
}

void poller::wake() {
  const uint64_t one = 1;
  // Fails only when the counter is full (EAGAIN), after 2^64 - 2 wakes.
  [[maybe_unused]] const ssize_t written = write(event_, &one, sizeof one);
}

}  // namespace ratchet::internal
