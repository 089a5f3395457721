#ifndef RATCHET_INTERVAL_H_
#define RATCHET_INTERVAL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/clock.h"
#include "ratchet/task.h"

namespace ratchet {

// What an interval does when a tick was taken more than 5 ms late. With a
// period of 10, and the tick of 20 taken at 45:
enum class missed_tick {
  burst,  // Catches up: 30 and 40 at once, then 50, 60, ...
  delay,  // Starts again from there: 55, 65, ...
  skip,   // Leaves out what is past: 50, 60, ...
};

struct interval_options {
  missed_tick missed = missed_tick::burst;
  // The first tick comes with the first next(); else one period later.
  bool immediately = true;
};

// One tick: its number, from 0 in the order in which they are taken, and the
// time for which it was due (not: at which it was taken).
struct interval_tick {
  uint64_t number;
  absl::Time due;
};

// interval: a tick every so often.
//
//   step start() { return await<&m::tick>(every_second_.next()); }
//   step tick(ratchet::interval_tick t) { ...; return start(); }
//
//   ratchet::interval every_second_{absl::Seconds(1)};
//
// The time starts with the first next(); from then on tick k is due at start +
// k * period, however late the ones before were taken (but see missed_tick): it
// does not drift.
//
// Lifetime: must outlive what next() gives, and stay in place meanwhile; a
// member of the task that awaits it does.
// Thread-safety: on the loop's thread only.
class interval {
 public:
  // A period that is not positive is an error of next().
  explicit interval(absl::Duration period, interval_options options = {})
      : period_(period), options_(options) {}

  // The next tick, as a machine to be awaited, or to be handed to create_task:
  // interval_tick. Goes on without suspending when the tick is due already.
  // kInvalidArgument if the period is zero or negative.
  // Several that wait at once get a tick each, in order. Cancelling one *loses
  // its place* among them, and nothing else: the tick is given by the next one.
  class next_tick;
  [[nodiscard]] next_tick next();

  // Starts anew with the next next(), with the numbers too.
  void reset() {
    started_ = false;
    taken_ = 0;
  }

  absl::Duration period() const { return period_; }

 private:
  absl::Duration period_;
  interval_options options_;
  bool started_ = false;
  uint64_t taken_ = 0;
  int64_t due_ns_ = 0;
};

// The machine of next().
class interval::next_tick final : public task<interval_tick> {
 public:
  explicit next_tick(interval& of) : of_(&of) {}

  step start();
  std::string task_name() const override { return "interval::next"; }

 private:
  interval* of_;
};

}  // namespace ratchet

#endif  // RATCHET_INTERVAL_H_
