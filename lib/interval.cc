#include "ratchet/interval.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "ratchet/internal/loop_core.h"

namespace ratchet {
namespace {

constexpr int64_t kOnTimeNs = 5'000'000;

}  // namespace

interval::next_tick interval::next() { return next_tick(*this); }

step interval::next_tick::start() {
  interval& of = *of_;
  if (of.period_ <= absl::ZeroDuration()) {
    return fail(absl::InvalidArgumentError(absl::StrCat(
        "interval::next(): the period is ", absl::FormatDuration(of.period_),
        ", which is not positive: there would be no end of "
        "ticks")));
  }
  const int64_t now = running_core("interval::next()").now_ns();
  if (!of.started_) {
    of.started_ = true;
    of.due_ns_ = of.options_.immediately
                     ? now
                     : internal::deadline_after(now, of.period_);
  }
  // Also after the sleep: another one may have taken this tick.
  if (of.due_ns_ > now) {
    return sleep_until<&next_tick::start>(
        internal::deadline_to_time(of.due_ns_));
  }
  const interval_tick tick = {of.taken_++,
                              internal::deadline_to_time(of.due_ns_)};
  int64_t from = of.due_ns_;
  if (now - of.due_ns_ > kOnTimeNs) {
    switch (of.options_.missed) {
      case missed_tick::burst:
        break;
      case missed_tick::delay:
        from = now;
        break;
      case missed_tick::skip:
        from = now -
               (now - of.due_ns_) %
                   std::max<int64_t>(1, absl::ToInt64Nanoseconds(of.period_));
        break;
    }
  }
  of.due_ns_ = internal::deadline_after(from, of.period_);
  return done(tick);
}

}  // namespace ratchet
