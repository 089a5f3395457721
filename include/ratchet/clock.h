#ifndef RATCHET_CLOCK_H_
#define RATCHET_CLOCK_H_

#include <cstdint>

#include "absl/time/time.h"

namespace ratchet {

// clock: where an event loop gets its time from.
//
// Two come with the library. `steady_clock` is real time. `virtual_clock` is
// the one for tests and simulations: it stands still while anything is ready
// to run and, when nothing is, jumps straight to the next deadline, so that an
// hour of sleeping takes no time and every run is the same.
//
//   ratchet::virtual_clock clock;                     // 1970-01-01 00:00:00
//   ratchet::event_loop loop(clock);
//   loop.run_until_complete(ratchet::sleep_for(absl::Hours(1)));
//   clock.now() - absl::UnixEpoch() == absl::Hours(1);
//
// Units: nanoseconds since the Unix epoch inside, absl::Time outside.
// Guarantee: time never goes backwards.
class clock {
 public:
  clock() = default;
  clock(const clock&) = delete;
  clock& operator=(const clock&) = delete;
  virtual ~clock() = default;

  absl::Time now() { return absl::FromUnixNanos(now_ns()); }
  virtual int64_t now_ns() = 0;

  // Offered by the loop when nothing is ready before `deadline_ns`. A clock
  // that can be there at once moves and returns true; on false the loop waits
  // in real time.
  virtual bool jump_to(int64_t deadline_ns) = 0;

  // Whether jump_to() may: then the loop looks at its descriptors before.
  virtual bool jumps() const { return true; }
};

// Real time. Anchored to the system's wall clock once, when the process first
// asks, and monotonic from there on: setting the wall clock moves no timer.
// Thread-safety: thread-safe.
class steady_clock final : public clock {
 public:
  int64_t now_ns() override;
  bool jump_to(int64_t) override { return false; }
  bool jumps() const override { return false; }
};

// Time that passes only when everybody waits (rule S10).
// Thread-safety: thread-compatible; one thread at a time.
class virtual_clock final : public clock {
 public:
  explicit virtual_clock(absl::Time start = absl::UnixEpoch())
      : now_(absl::ToUnixNanos(start)) {}

  int64_t now_ns() override { return now_; }
  bool jump_to(int64_t deadline_ns) override;

  // Moves the clock forward by hand, for tests that drive a loop step by step.
  // Negative lengths do nothing.
  void advance(absl::Duration length);

 private:
  int64_t now_;
};

namespace internal {

// now + delay as a deadline in nanoseconds, saturated at the ends of int64_t:
// kNever for absl::InfiniteDuration() and everything past the range.
constexpr int64_t kNever = INT64_MAX;
int64_t deadline_after(int64_t now_ns, absl::Duration delay);
int64_t deadline_at(absl::Time deadline);
absl::Time deadline_to_time(int64_t deadline_ns);

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_CLOCK_H_
