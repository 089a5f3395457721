#include "ratchet/internal/poller.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "ratchet/internal/system_error.h"

namespace ratchet::internal {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kNanosPerMilli = 1'000'000;

// How many descriptors one call tells of: the others are told by the next.
constexpr int kMostEvents = 256;
// What an event carries that is none of a watch: a wake-up.
constexpr uint64_t kWakeUp = ~uint64_t{0};

absl::Status failed(const char* call) {
  return system_error(errno, absl::StrCat("event loop: ", call, " failed"));
}

// As epoll_wait, in milliseconds rounded up.
int wait_millis(int epoll, epoll_event* events, int64_t timeout_ns) {
  int timeout = -1;
  if (timeout_ns >= 0) {
    const int64_t millis =
        timeout_ns / kNanosPerMilli + (timeout_ns % kNanosPerMilli != 0);
    timeout = static_cast<int>(std::min<int64_t>(millis, INT_MAX));
  }
  return epoll_wait(epoll, events, kMostEvents, timeout);
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
    return static_cast<int>(
        syscall(SYS_epoll_pwait2, epoll, events, kMostEvents,
                timeout_ns < 0 ? nullptr : &timeout, nullptr, 0));
  }
#endif
  return wait_millis(epoll, events, timeout_ns);
}

epoll_event event_of(int fd, uint32_t generation, uint32_t interest) {
  epoll_event event = {};
  if ((interest & kIoLevel) == 0) event.events = static_cast<uint32_t>(EPOLLET);
  if ((interest & kIoReadable) != 0) event.events |= EPOLLIN | EPOLLRDHUP;
  if ((interest & kIoWritable) != 0) event.events |= EPOLLOUT;
  event.data.u64 = uint64_t{generation} << 32 | static_cast<uint32_t>(fd);
  return event;
}

}  // namespace

poller::poller() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) {
    status_ = failed("epoll_create1");
    return;
  }
  event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event_ < 0) {
    status_ = failed("eventfd");
    return;
  }
  epoll_event interest = {};
  interest.events = EPOLLIN | EPOLLET;  // A wake is an edge: no read needed.
  interest.data.u64 = kWakeUp;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &interest) != 0) {
    status_ = failed("epoll_ctl");
  }
}

poller::~poller() {
  if (event_ >= 0) close(event_);
  if (epoll_ >= 0) close(epoll_);
}

absl::Status poller::add(int fd, uint32_t interest, io_watch& watch) {
  if (!status_.ok()) return status_;
  if (fd < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("event loop: ", fd, " is no descriptor"));
  }
  const size_t index = static_cast<size_t>(fd);
  if (index >= slots_.size()) slots_.resize(index + 1);
  slot& s = slots_[index];
  if (s.watch != nullptr) {
    io_watch& stale = *s.watch;
    remove(stale, removal::stays_open);
    stale.io_dropped(/*loop_closed=*/false);
  }
  ++s.generation;
  epoll_event event = event_of(fd, s.generation, interest);
  int added = epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  if (added != 0 && errno == EEXIST) {
    added = epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
  }
  if (added != 0) {
    if (errno == EPERM) {
      return absl::FailedPreconditionError(
          absl::StrCat("event loop: descriptor ", fd,
                       " cannot be waited for: it is always ready, as a "
                       "regular file is; read it in a thread_pool"));
    }
    if (errno == EBADF) {
      return absl::InvalidArgumentError(
          absl::StrCat("event loop: ", fd, " is no open descriptor"));
    }
    return failed("epoll_ctl");
  }
  s.watch = &watch;
  watch.watched_ = fd;
  ++watching_;
  return absl::OkStatus();
}

bool poller::change(io_watch& watch, uint32_t interest) {
  const int fd = watch.watched_;
  const slot& s = slots_[static_cast<size_t>(fd)];
  epoll_event event = event_of(fd, s.generation, interest);
  return epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0;
}

void poller::remove(io_watch& watch, removal how) {
  if (watch.watched_ < 0) return;
  slot& s = slots_[static_cast<size_t>(watch.watched_)];
  // What has been reported and not told yet, and what a copy of the descriptor
  // in another process still reports, is then of an older generation.
  ++s.generation;
  s.watch = nullptr;
  if (how == removal::stays_open) {
    epoll_event unused = {};
    // Fails if it has been closed: then it is out already.
    epoll_ctl(epoll_, EPOLL_CTL_DEL, watch.watched_, &unused);
  }
  watch.watched_ = -1;
  --watching_;
}

io_watch* poller::find(int fd) const {
  const size_t index = static_cast<size_t>(fd);
  return fd >= 0 && index < slots_.size() ? slots_[index].watch : nullptr;
}

bool poller::awaited() {
  if (watching_ == 0) return false;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const size_t at = (awaited_last_ + i) % slots_.size();
    const io_watch* const watch = slots_[at].watch;
    if (watch != nullptr && watch->io_awaited()) {
      awaited_last_ = at;
      return true;
    }
  }
  return false;
}

void poller::drop_all() {
  // What is dropped may remove others.
  for (size_t i = 0; i < slots_.size(); ++i) {
    io_watch* const watch = slots_[i].watch;
    if (watch == nullptr) continue;
    remove(*watch, removal::stays_open);
    watch->io_dropped(/*loop_closed=*/true);
  }
}

void poller::tell(const epoll_event& event) {
  const uint64_t which = event.data.u64;
  if (which == kWakeUp) return;
  const slot& s = slots_[which & UINT32_MAX];
  if (s.watch == nullptr || s.generation != which >> 32) return;
  uint32_t events = 0;
  // An error, and the end of both directions, is for whoever tries.
  if ((event.events & EPOLLIN) != 0) events |= kIoReadable;
  if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    events |= kIoReadable | kIoEnded;
  }
  if ((event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    events |= kIoWritable;
  }
  s.watch->io_ready(events);
}

absl::Status poller::wait(int64_t timeout_ns) {
  epoll_event events[kMostEvents];
  const int count = wait_nanos(epoll_, events, timeout_ns);
  if (count < 0 && errno != EINTR) return failed("epoll_wait");
  for (int i = 0; i < count; ++i) tell(events[i]);
  return absl::OkStatus();
}

void poller::wake() {
  const uint64_t one = 1;
  // Fails only when the counter is full (EAGAIN), after 2^64 - 2 wakes.
  [[maybe_unused]] const ssize_t written = write(event_, &one, sizeof one);
}

}  // namespace ratchet::internal
