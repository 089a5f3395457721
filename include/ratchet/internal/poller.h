#ifndef RATCHET_INTERNAL_POLLER_H_
#define RATCHET_INTERNAL_POLLER_H_

// Included by inbox.h: how a loop sleeps, and how it is woken.

#include <cstdint>

#include "absl/status/status.h"

namespace ratchet::internal {

// poller: an epoll instance with an eventfd in it.
//
// Units: nanoseconds. Time-outs are exact where the kernel has epoll_pwait2
// (5.11 and later), else rounded up to the next millisecond: never early.
// Thread-safety: wake() is thread-safe, wait() is for one thread.
class poller {
 public:
  poller();
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;
  ~poller();

  // Not OK when the descriptors could not be made: kResourceExhausted or
  // kInternal, with the system's words.
  const absl::Status& status() const { return status_; }

  // Returns when woken, when `timeout_ns` have passed (negative: no limit), or
  // when a signal came. Several wakes before a wait count as one.
  absl::Status wait(int64_t timeout_ns);

  // Makes the current or the next wait() return.
  void wake();

 private:
  int epoll_ = -1;
  int event_ = -1;
  absl::Status status_;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_POLLER_H_
