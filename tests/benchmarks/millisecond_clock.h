#ifndef RATCHET_TESTS_BENCHMARKS_MILLISECOND_CLOCK_H_
#define RATCHET_TESTS_BENCHMARKS_MILLISECOND_CLOCK_H_

#include <algorithm>
#include <cstdint>

#include "ratchet/clock.h"
#include "tests/benchmarks/harness.h"

namespace bench {

// Virtual time that passes by whole milliseconds, as it does in loops that look
// at their clock so often, and in ours while it is busy.
class millisecond_clock final : public ratchet::clock {
 public:
  int64_t now_ns() override { return now_; }
  bool jump_to(int64_t deadline_ns) override {
    const int64_t steps =
        (deadline_ns - now_ + kMillisecond - 1) / kMillisecond;
    now_ += std::max<int64_t>(steps, 1) * kMillisecond;
    const int64_t real = clock_ns(CLOCK_MONOTONIC);
    if (last_jump_ != 0) worst_ = std::max(worst_, real - last_jump_);
    last_jump_ = real;
    return true;
  }

  // The longest, in real time, from one step to the next.
  int64_t worst_step_ns() const { return worst_; }

 private:
  int64_t now_ = 0;
  int64_t last_jump_ = 0;
  int64_t worst_ = 0;
};

}  // namespace bench

#endif  // RATCHET_TESTS_BENCHMARKS_MILLISECOND_CLOCK_H_
