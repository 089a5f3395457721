#ifndef RATCHET_TIMER_WHEEL_H_
#define RATCHET_TIMER_WHEEL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "ratchet/internal/timer_hook.h"
#include "ratchet/internal/timer_pool.h"
#include "ratchet/internal/timer_radix.h"

namespace ratchet {

class wheel_timer;

// timer_wheel: the pending timers of one event loop.
//
//   timer_wheel wheel;                         // now() == 0
//   timer_wheel::timer a, b;
//   wheel.schedule(a, 5);
//   wheel.schedule(b, 3);
//   wheel.advance(*wheel.next_deadline());     // now() == 3
//   assert(wheel.pop_due() == &b);
//   assert(wheel.pop_due() == nullptr);
//
// A timer is idle, armed, or due:
//
//            schedule()            advance()          pop_due()
//     idle ------------->  armed ------------>  due ------------> idle
//                       (again: a new deadline
//                        and a new place)
//   cancel() and ~timer() lead from armed and from due to idle; schedule()
//   leads from due to armed. scheduled() is armed or due.
//
// Order: timers come out by deadline, equal deadlines in the order of their
// schedule() calls, never before their deadline. Those that became due in one
// advance() come out before those of the next. Between any two calls every
// timer, also the one just popped, may be scheduled, cancelled and destroyed.
//
// Units: ticks since an origin the owner picks (event_loop: nanoseconds since
// the Unix epoch); any value of int64_t.
// Errors: none. Running out of memory ends the process.
// Complexity: schedule() and cancel() O(1); advance() and pop_due() O(1) per
// timer that becomes due, plus at most 11 short moves in the life of a timer,
// made by advance() and next_deadline(), some thousands at a time (a schedule()
// that finds many timers close together makes up to 10^5: 0.5 ms). Deadlines
// that had passed when they were scheduled, out of order: O(log n).
// Of cancelled timers something is left inside until it is swept, a few at a
// time, by later calls: see statistics. Memory is kept for reuse until the
// wheel is destroyed; a million timers take 31 bytes each beside their hooks.
// Thread-safety: thread-compatible, but for next_deadline() and has_due(),
// which put the inside in order and count as writing.
// Sources: Varghese, Lauck, "Hashed and Hierarchical Timing Wheels", SOSP '87;
// the structure is a radix heap (Ahuja, Mehlhorn, Orlin, Tarjan, JACM 1990),
// see ratchet/internal/timer_radix.h.
class timer_wheel {
 public:
  using tick = int64_t;

  // Intrusive hook (16 bytes): embed it in whatever waits. The owner keeps it
  // in place while scheduled() and may free it at any time, for its destructor
  // cancels.
  using timer = wheel_timer;

  // What there is inside, for metrics. stale <= 2 * live + 1024 after each
  // call of cancel(), schedule() and pop_due().
  struct statistics {
    size_t live;    // Timers armed or due.
    size_t stale;   // Cancelled timers of which 24 bytes are not yet reused.
    size_t chunks;  // Blocks of 1088 bytes that hold both.
    size_t bytes;   // Memory held, used or not.
  };

  explicit timer_wheel(tick now = 0);
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;
  ~timer_wheel();  // Leaves every remaining timer unscheduled.

  tick now() const { return now_; }

  // Arms `t`. If it is armed or due, here or in another wheel, it is cancelled
  // there first, so it counts as scheduled last. A deadline that has passed is
  // legal; the timer becomes due with the next advance(), by that deadline.
  void schedule(timer& t, tick deadline);

  // Makes `t` idle: it never comes out of pop_due(). Returns false, and does
  // nothing, if it was neither armed nor due in this wheel.
  bool cancel(timer& t);

  // Moves now() forward to `to`, or leaves it if `to` is earlier. Every armed
  // timer with a deadline up to now() becomes due, behind those that are still
  // due from earlier calls.
  void advance(tick to) {
    if (late_.empty()) {
      if (to <= now_) return;
      if (to_key(to) < armed_.earliest()) {
        now_ = to;
        return;
      }
    }
    advance_slow(to);
  }

  // The next due timer, idle by now; null when there is none. Timers scheduled
  // since the last advance() never come out before the next one.
  timer* pop_due();

  bool has_due() const;

  // The number of due timers. O(n).
  size_t count_due() const;

  // The earliest deadline among armed timers, exactly; nullopt when none is
  // armed. It may have passed, and due timers do not count.
  std::optional<tick> next_deadline() const {
    // Inline, for GCC returns an optional by stores narrower than its loads,
    // which then wait for every store before them: 60 ns at 10^6 timers.
    const internal::timer_entry* first = first_armed();
    if (first == nullptr) return std::nullopt;
    return to_tick(first->key);
  }

  // The number of timers armed or due.
  size_t size() const { return pool_.live(); }

  // Whether size() == 0: the loop asks in each iteration.
  bool empty() const { return pool_.empty(); }

  statistics stats() const;

  // The same for timers of four bytes, whose owner sees to it that they are
  // scheduled in no other wheel, and cancelled before they go. A wheel with
  // such timers and others needs an owner that can tell which one is due.
  void schedule(internal::timer_hook& t, tick deadline);
  bool cancel(internal::timer_hook& t) {
    const uint32_t id = t.id;
    if (id == 0) return false;
    t.id = 0;
    pool_.cancel(id);
    return true;
  }
  internal::timer_hook* pop_due_hook() {
    return due_.empty() ? nullptr : pop_some();
  }

  // OK, or kInternal naming the broken invariant. O(n): tests and debug only.
  absl::Status check_invariants() const;

 private:
  struct late_entry {
    internal::timer_entry entry;
    size_t order;
  };

  // Signed order to unsigned order and back.
  static uint64_t to_key(tick t) {
    return static_cast<uint64_t>(t) ^ (uint64_t{1} << 63);
  }
  static tick to_tick(uint64_t key) {
    return static_cast<tick>(key ^ (uint64_t{1} << 63));
  }

  void advance_slow(tick to);
  internal::timer_hook* pop_some();
  void arm(internal::timer_hook& t, tick deadline);
  ABSL_ATTRIBUTE_NOINLINE void rearm(internal::timer_hook& t, tick deadline);
  ABSL_ATTRIBUTE_NOINLINE void take_over(timer& t, tick deadline);
  ABSL_ATTRIBUTE_NOINLINE void look_and_arm(internal::timer_hook& t,
                                            tick deadline);
  ABSL_ATTRIBUTE_NOINLINE void arm_more(internal::timer_hook& t, tick deadline);
  ABSL_ATTRIBUTE_NOINLINE void schedule_late(uint64_t key,
                                             internal::timer_hook* t,
                                             uint32_t id);
  const internal::timer_entry* first_armed() const;
  void sort_late() const;

  tick now_;
  // Asking for the first timer drops cancelled ones before it and sorts what
  // is near: so these change in const functions.
  mutable internal::timer_pool pool_;
  mutable internal::timer_radix armed_;  // Deadlines after now().
  // Scheduled with a deadline that had passed, since the last advance().
  mutable internal::timer_chain late_;
  mutable uint64_t late_key_ =
      0;  // The greatest key in late_, if late_sorted_.
  mutable bool late_sorted_ = true;
  mutable std::vector<late_entry> scratch_;  // For sorting late_.
  mutable internal::timer_chain due_;
};

class wheel_timer : private internal::timer_hook {
 public:
  wheel_timer() : timer_hook{0} {}
  wheel_timer(const wheel_timer&) = delete;
  wheel_timer& operator=(const wheel_timer&) = delete;
  ~wheel_timer() {
    if (scheduled()) wheel_->cancel(*this);
  }

  // Armed, or due and not popped yet.
  bool scheduled() const { return id != 0; }

 private:
  friend class timer_wheel;

  timer_wheel* wheel_ = nullptr;  // Where it is, or was, scheduled.
};

inline bool timer_wheel::cancel(timer& t) {
  return t.wheel_ == this && cancel(static_cast<internal::timer_hook&>(t));
}
inline timer_wheel::timer* timer_wheel::pop_due() {
  return static_cast<timer*>(pop_due_hook());
}

}  // namespace ratchet

#endif  // RATCHET_TIMER_WHEEL_H_
