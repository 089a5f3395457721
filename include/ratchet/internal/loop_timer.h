#ifndef RATCHET_INTERNAL_LOOP_TIMER_H_
#define RATCHET_INTERNAL_LOOP_TIMER_H_

// Included by event_loop.h, whose `timer` this is.

#include "ratchet/internal/runnable.h"
#include "ratchet/timer_wheel.h"

namespace ratchet::internal {

// A timer of the loop and nothing else: an entry in its wheel and what happens
// then.
class loop_timer : public runnable {
 public:
  loop_timer() { begin_as_timer(); }

  // Its turn has come; it is not scheduled any more.
  void timer_due() override = 0;
  // Instead of timer_due(): the loop closes. What was kept alive for the
  // timer's sake can go.
  void timer_dropped() override {}

  // Armed, or due, and its turn has not come.
  bool scheduled() const { return in_wheel.hook.id != 0; }

 protected:
  ~loop_timer() override {
    if (scheduled()) in_wheel.wheel->cancel(in_wheel.hook);
  }

 private:
  friend class loop_core;

  // It goes to `wheel`, and from where it is.
  void move_to(timer_wheel& wheel) {
    if (scheduled() && in_wheel.wheel != &wheel) {
      in_wheel.wheel->cancel(in_wheel.hook);
    }
    in_wheel.wheel = &wheel;
  }

  bool is_in(const timer_wheel& wheel) const {
    return scheduled() && in_wheel.wheel == &wheel;
  }

  // It never stands in a queue.
  void take_turn() final;
  void drop_turn() final;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_LOOP_TIMER_H_
