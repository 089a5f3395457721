// Timers: w2, w2r and w3, of the wheel alone; of the loop by call_later()
// (..l_..); and by timers that are part of their owner (..i_..). Time is
// virtual: it stands still in w2, and goes on by 1 ms steps in w3.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/callback_handle.h"
#include "ratchet/clock.h"
#include "ratchet/event_loop.h"
#include "ratchet/timer_wheel.h"
#include "tests/benchmarks/core.h"
#include "tests/benchmarks/harness.h"
#include "tests/benchmarks/millisecond_clock.h"

namespace bench {
namespace {

using ratchet::callback_handle;
using ratchet::event_loop;
using ratchet::timer_wheel;

constexpr timer_wheel::tick kOrigin = 1'700'000'000'123'456'789;

// -- w2, w2r: cancel one and arm one; arm one that is armed -------------------

enum class refresh { cancel_and_arm, in_place };

template <refresh kHow>
void wheel_w2(run& r, uint64_t timers) {
  const std::vector<int64_t> delays = w2_delays(timers);
  const std::vector<rearming> all =
      w2_rearmings(timers, r.scaled(kW2Operations));
  timer_wheel wheel(kOrigin);
  std::vector<timer_wheel::timer> hooks(timers);
  for (size_t i = 0; i < timers; ++i) {
    wheel.schedule(hooks[i], kOrigin + delays[i]);
  }
  uint64_t check = 0;
  r.start();
  for (const rearming& one : all) {
    if constexpr (kHow == refresh::cancel_and_arm) {
      check += wheel.cancel(hooks[one.timer]) ? 1 : 0;
    } else {
      check += one.timer + 1;
    }
    wheel.schedule(hooks[one.timer], kOrigin + one.delay);
  }
  r.stop(all.size());
  r.check = check;
  r.bytes_per_item =
      static_cast<double>(wheel.stats().bytes) / static_cast<double>(timers) +
      sizeof(timer_wheel::timer);
}

// Lengths as a program has them, made before the timed section.
std::vector<absl::Duration> as_durations(const std::vector<int64_t>& delays) {
  std::vector<absl::Duration> lengths;
  lengths.reserve(delays.size());
  for (int64_t d : delays) lengths.push_back(absl::Nanoseconds(d));
  return lengths;
}
std::vector<absl::Duration> lengths_of(const std::vector<rearming>& all) {
  std::vector<absl::Duration> lengths;
  lengths.reserve(all.size());
  for (const rearming& one : all) {
    lengths.push_back(absl::Nanoseconds(one.delay));
  }
  return lengths;
}

void call_later_w2(run& r, uint64_t timers) {
  const std::vector<absl::Duration> delays = as_durations(w2_delays(timers));
  const std::vector<rearming> all =
      w2_rearmings(timers, r.scaled(kW2Operations));
  const std::vector<absl::Duration> lengths = lengths_of(all);
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  std::vector<callback_handle> handles(timers);
  uint64_t check = 0;
  run_inside(loop, [&] {
    for (size_t i = 0; i < timers; ++i) {
      handles[i] = loop.call_later(delays[i], [] {});
    }
    r.start();
    for (size_t i = 0; i < all.size(); ++i) {
      callback_handle& handle = handles[all[i].timer];
      check += handle.cancel() ? 1 : 0;
      handle = loop.call_later(lengths[i], [] {});
    }
    r.stop(all.size());
  });
  r.check = check;
}

class idle_timer final : public event_loop::timer {
  void timer_due() override {}
};

template <refresh kHow>
void intrusive_w2(run& r, uint64_t timers) {
  const std::vector<absl::Duration> delays = as_durations(w2_delays(timers));
  const std::vector<rearming> all =
      w2_rearmings(timers, r.scaled(kW2Operations));
  const std::vector<absl::Duration> lengths = lengths_of(all);
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  std::vector<idle_timer> hooks(timers);
  uint64_t check = 0;
  run_inside(loop, [&] {
    const absl::Time now = loop.now();
    for (size_t i = 0; i < timers; ++i) loop.arm(hooks[i], now + delays[i]);
    r.start();
    for (size_t i = 0; i < all.size(); ++i) {
      idle_timer& t = hooks[all[i].timer];
      if constexpr (kHow == refresh::cancel_and_arm) {
        check += loop.disarm(t) ? 1 : 0;
      } else {
        check += all[i].timer + 1;
      }
      loop.arm(t, now + lengths[i]);
    }
    r.stop(all.size());
  });
  r.check = check;
}

// -- w3: arm a million, and let all of them fire ------------------------------

// As if by steps of 1 ms; the longest that one took is a number of its own.
void wheel_w3(run& r) {
  const std::vector<int64_t> delays = w3_delays(r.scaled(kW3Timers));
  timer_wheel wheel(kOrigin);
  std::vector<timer_wheel::timer> hooks(delays.size());
  uint64_t check = 0;
  int64_t worst = 0;
  timer_wheel::tick now = kOrigin;
  r.start();
  for (size_t i = 0; i < delays.size(); ++i) {
    wheel.schedule(hooks[i], now + delays[i]);
  }
  int64_t begin = clock_ns(CLOCK_MONOTONIC);
  while (wheel.size() > 0) {
    now += kMillisecond;
    wheel.advance(now);
    while (const timer_wheel::timer* const t = wheel.pop_due()) {
      check += static_cast<uint64_t>(t - hooks.data()) + 1;
    }
    const int64_t end = clock_ns(CLOCK_MONOTONIC);
    worst = std::max(worst, end - begin);
    begin = end;
  }
  r.stop(delays.size());
  r.check = check;
  r.field("worst_step_us", static_cast<double>(worst) / kMicrosecond);
}

// As a virtual clock has it: from each deadline to the next.
void wheel_w3_by_deadline(run& r, const std::vector<int64_t>& delays) {
  timer_wheel wheel(kOrigin);
  std::vector<timer_wheel::timer> hooks(delays.size());
  uint64_t check = 0;
  r.start();
  for (size_t i = 0; i < delays.size(); ++i) {
    wheel.schedule(hooks[i], kOrigin + delays[i]);
  }
  while (const std::optional<timer_wheel::tick> next = wheel.next_deadline()) {
    wheel.advance(*next);
    while (const timer_wheel::timer* const t = wheel.pop_due()) {
      check += static_cast<uint64_t>(t - hooks.data()) + 1;
    }
  }
  r.stop(delays.size());
  r.check = check;
}

void call_later_w3(run& r) {
  const std::vector<absl::Duration> delays =
      as_durations(w3_delays(r.scaled(kW3Timers)));
  millisecond_clock clock;
  event_loop loop(clock);
  uint64_t check = 0;
  size_t left = delays.size();
  struct fired {
    uint64_t* check;
    size_t* left;
    event_loop* loop;
    uint32_t index;
    void operator()() const {
      *check += index + 1;
      if (--*left == 0) loop->stop();
    }
  };
  r.start();
  loop.call_soon([&] {
    for (size_t i = 0; i < delays.size(); ++i) {
      loop.call_later(delays[i],
                      fired{&check, &left, &loop, static_cast<uint32_t>(i)});
    }
  });
  const absl::Status ran = loop.run_forever();
  r.stop(delays.size());
  require(ran.ok(), "run_forever() ends by stop()");
  r.check = check;
  r.field("worst_step_us",
          static_cast<double>(clock.worst_step_ns()) / kMicrosecond);
}

class firing_timer final : public event_loop::timer {
 public:
  struct tally {
    event_loop* loop;
    uint64_t check;
    size_t left;
  };
  void begin(tally* of, uint32_t index) {
    of_ = of;
    index_ = index;
  }

 private:
  void timer_due() override {
    of_->check += index_ + 1;
    if (--of_->left == 0) of_->loop->stop();
  }
  tally* of_ = nullptr;
  uint32_t index_ = 0;
};

void intrusive_w3(run& r, ratchet::clock& clock) {
  const std::vector<absl::Duration> delays =
      as_durations(w3_delays(r.scaled(kW3Timers)));
  event_loop loop(clock);
  firing_timer::tally all{&loop, 0, delays.size()};
  std::vector<firing_timer> timers(delays.size());
  r.start();
  loop.call_soon([&] {
    const absl::Time now = loop.now();
    for (size_t i = 0; i < delays.size(); ++i) {
      timers[i].begin(&all, static_cast<uint32_t>(i));
      loop.arm(timers[i], now + delays[i]);
    }
  });
  const absl::Status ran = loop.run_forever();
  r.stop(delays.size());
  require(ran.ok(), "run_forever() ends by stop()");
  r.check = all.check;
}

}  // namespace

void add_timer_workloads() {
  const struct {
    const char* suffix;
    uint64_t timers;
  } sizes[] = {{"_1e3", 1'000}, {"_1e5", 100'000}, {"_1e6", 1'000'000}};
  const auto add_each = [&](const char* name, const char* how,
                            void (*workload)(run&, uint64_t)) {
    for (const auto& size : sizes) {
      add(std::string(name) + size.suffix, how,
          [workload, timers = size.timers](run& r) {
            workload(r, r.scaled(timers));
          });
    }
  };
  add_each("w2", "wheel: cancel, schedule", wheel_w2<refresh::cancel_and_arm>);
  add_each("w2l", "loop: handle.cancel(), call_later()", call_later_w2);
  add_each("w2i", "loop: disarm(), arm()",
           intrusive_w2<refresh::cancel_and_arm>);
  add_each("w2r", "wheel: schedule again", wheel_w2<refresh::in_place>);
  add_each("w2ri", "loop: arm() again", intrusive_w2<refresh::in_place>);
  add("w3", "wheel, 1 ms steps", wheel_w3);
  add("w3l", "loop: call_later(), 1 ms steps", call_later_w3);
  add("w3i", "loop: arm(), 1 ms steps", [](run& r) {
    millisecond_clock clock;
    intrusive_w3(r, clock);
  });
  add("w3ir", "loop: arm(), real time", [](run& r) {
    ratchet::steady_clock clock;
    intrusive_w3(r, clock);
  });
  add("w3d", "wheel, from deadline to deadline",
      [](run& r) { wheel_w3_by_deadline(r, w3_delays(r.scaled(kW3Timers))); });
  add("w3e", "wheel, all with the same deadline", [](run& r) {
    wheel_w3_by_deadline(r,
                         std::vector<int64_t>(r.scaled(kW3Timers), kW8mDelay));
  });
}

}  // namespace bench
