// What a timer costs, next to what a standard container would cost. Each
// contender gives one interface, so that one body measures all; the checksum
// ("check") of what fires depends on the order and is equal for all of them.

#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "ratchet/timer_wheel.h"

namespace {

using tick = int64_t;

constexpr tick kMillisecond = 1'000'000;
constexpr tick kHour = 3'600'000 * kMillisecond;

// splitmix64: cheap, and no number waits for the one before.
class random_ticks {
 public:
  explicit random_ticks(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // Uniform in [0, bound), bound < 2^32.
  size_t below(size_t bound) { return ((next() >> 32) * bound) >> 32; }
  // Uniform in [low, high).
  tick between(tick low, tick high) {
    return low + static_cast<tick>(static_cast<double>(next() >> 11) * 0x1p-53 *
                                   static_cast<double>(high - low));
  }

 private:
  uint64_t state_;
};

// The contenders: `count` timers, named by their index.

class wheel_timers {
 public:
  explicit wheel_timers(size_t count, tick now)
      : wheel_(now), timers_(new ratchet::timer_wheel::timer[count]) {}

  void schedule(size_t i, tick deadline) {
    wheel_.schedule(timers_[i], deadline);
  }
  void cancel(size_t i) { wheel_.cancel(timers_[i]); }
  bool next(tick* deadline) const {
    const std::optional<tick> next = wheel_.next_deadline();
    if (!next.has_value()) return false;
    *deadline = *next;
    return true;
  }
  template <class F>
  void advance(tick to, F on_due) {
    wheel_.advance(to);
    while (ratchet::timer_wheel::timer* t = wheel_.pop_due()) {
      on_due(static_cast<size_t>(t - timers_.get()));
    }
  }

 private:
  ratchet::timer_wheel wheel_;
  std::unique_ptr<ratchet::timer_wheel::timer[]> timers_;
};

class multimap_timers {
 public:
  explicit multimap_timers(size_t count, tick) : places_(count) {}

  void schedule(size_t i, tick deadline) {
    if (places_[i].armed) armed_.erase(places_[i].at);
    places_[i] = {true, armed_.emplace(deadline, i)};
  }
  void cancel(size_t i) {
    armed_.erase(places_[i].at);
    places_[i].armed = false;
  }
  bool next(tick* deadline) const {
    if (armed_.empty()) return false;
    *deadline = armed_.begin()->first;
    return true;
  }
  template <class F>
  void advance(tick to, F on_due) {
    while (!armed_.empty() && armed_.begin()->first <= to) {
      const size_t i = armed_.begin()->second;
      armed_.erase(armed_.begin());
      places_[i].armed = false;
      on_due(i);
    }
  }

 private:
  struct place {
    bool armed = false;
    std::multimap<tick, size_t>::iterator at;
  };
  std::multimap<tick, size_t> armed_;
  std::vector<place> places_;
};

// A binary heap which forgets cancelled timers when they reach its top, or all
// of them when they are the greater part, as asyncio does.
class heap_timers {
 public:
  explicit heap_timers(size_t count, tick) : sequence_(count) {}

  void schedule(size_t i, tick deadline) {
    if (sequence_[i] != 0) cancel(i);
    sequence_[i] = ++last_;
    heap_.push_back({deadline, last_, i});
    std::push_heap(heap_.begin(), heap_.end());
  }
  void cancel(size_t i) {
    sequence_[i] = 0;
    if (++cancelled_ * 2 > heap_.size()) {
      heap_.erase(std::remove_if(heap_.begin(), heap_.end(),
                                 [this](const item& x) { return gone(x); }),
                  heap_.end());
      std::make_heap(heap_.begin(), heap_.end());
      cancelled_ = 0;
    }
  }
  bool next(tick* deadline) {
    while (!heap_.empty() && gone(heap_.front())) {
      pop();
      --cancelled_;
    }
    if (heap_.empty()) return false;
    *deadline = heap_.front().deadline;
    return true;
  }
  template <class F>
  void advance(tick to, F on_due) {
    tick deadline;
    while (next(&deadline) && deadline <= to) {
      const size_t i = heap_.front().index;
      pop();
      sequence_[i] = 0;
      on_due(i);
    }
  }

 private:
  struct item {
    bool operator<(const item& other) const {
      return deadline != other.deadline ? deadline > other.deadline
                                        : sequence > other.sequence;
    }
    tick deadline;
    uint64_t sequence;
    size_t index;
  };
  bool gone(const item& x) const { return sequence_[x.index] != x.sequence; }
  void pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }
  std::vector<item> heap_;
  std::vector<uint64_t> sequence_;  // Of the item of each timer; 0: idle.
  uint64_t last_ = 0;
  size_t cancelled_ = 0;
};

constexpr tick kStart = 1'700'000'000'123'456'789;

// With that many timers outstanding, delays 1 ms to 1 h: cancel one, arm one.
template <class Timers>
void BM_CancelAndArm(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  Timers timers(count, kStart);
  random_ticks random(1);
  for (size_t i = 0; i < count; ++i) {
    timers.schedule(i, kStart + random.between(kMillisecond, kHour));
  }
  for (auto _ : state) {
    const size_t i = random.below(count);
    timers.cancel(i);
    timers.schedule(i, kStart + random.between(kMillisecond, kHour));
  }
  state.SetItemsProcessed(state.iterations());
}

// The same for the refresh of an idle time-out: arm one that is armed.
template <class Timers>
void BM_Rearm(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  Timers timers(count, kStart);
  random_ticks random(1);
  for (size_t i = 0; i < count; ++i) {
    timers.schedule(i, kStart + random.between(kMillisecond, kHour));
  }
  for (auto _ : state) {
    const size_t i = random.below(count);
    timers.schedule(i, kStart + random.between(kMillisecond, kHour));
  }
  state.SetItemsProcessed(state.iterations());
}

// Only what BM_CancelAndArm and BM_Rearm spend on random numbers.
void BM_RandomNumbers(benchmark::State& state) {
  random_ticks random(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(random.below(1000));
    benchmark::DoNotOptimize(random.between(kMillisecond, kHour));
  }
}
BENCHMARK(BM_RandomNumbers);

uint64_t mix(uint64_t check, size_t i) {
  return (check ^ i) * 0x9E3779B97F4A7C15u;
}

// The time of a steady clock, in nanoseconds.
int64_t clock_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

// Arms that many timers with delays of 0 to 1000 ms and lets all of them fire,
// while time goes on by 1 ms; also the longest that one such step took.
template <class Timers>
void BM_ArmAndFireByMillisecond(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  tick now = kStart;
  Timers timers(count, now);
  uint64_t check = 0;
  std::vector<int64_t> worst;
  for (auto _ : state) {
    check = 0;
    worst.push_back(0);
    random_ticks random(1);
    for (size_t i = 0; i < count; ++i) {
      timers.schedule(i, now + random.between(0, 1000 * kMillisecond));
    }
    for (int ms = 0; ms < 1000; ++ms) {
      const int64_t begin = clock_ns();
      now += kMillisecond;
      timers.advance(now, [&check](size_t i) { check = mix(check, i); });
      worst.back() = std::max(worst.back(), clock_ns() - begin);
    }
  }
  std::sort(worst.begin(), worst.end());
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["worst_us"] =
      static_cast<double>(worst[worst.size() / 2]) / 1000;
  state.counters["check"] = static_cast<double>(check & 0xffff);
}

// The same, but time jumps to the next deadline, as a virtual clock does.
template <class Timers>
void BM_ArmAndFireByDeadline(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  tick now = kStart;
  Timers timers(count, now);
  uint64_t check = 0;
  for (auto _ : state) {
    check = 0;
    random_ticks random(1);
    for (size_t i = 0; i < count; ++i) {
      timers.schedule(i, now + random.between(0, 1000 * kMillisecond));
    }
    while (timers.next(&now)) {
      timers.advance(now, [&check](size_t i) { check = mix(check, i); });
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["check"] = static_cast<double>(check & 0xffff);
}

// That many timers with one deadline, as of tasks that sleep equally long.
template <class Timers>
void BM_ArmAndFireEqual(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  tick now = kStart;
  Timers timers(count, now);
  uint64_t check = 0;
  for (auto _ : state) {
    check = 0;
    for (size_t i = 0; i < count; ++i) {
      timers.schedule(i, now + 10'000 * kMillisecond);
    }
    while (timers.next(&now)) {
      timers.advance(now, [&check](size_t i) { check = mix(check, i); });
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["check"] = static_cast<double>(check & 0xffff);
}

#define RATCHET_BENCHMARK(name, contender) \
  BENCHMARK_TEMPLATE(name, contender)      \
      ->ArgName("timers")                  \
      ->Arg(1'000)                         \
      ->Arg(100'000)                       \
      ->Arg(1'000'000)

#define RATCHET_CONTENDERS(name)            \
  RATCHET_BENCHMARK(name, wheel_timers);    \
  RATCHET_BENCHMARK(name, multimap_timers); \
  RATCHET_BENCHMARK(name, heap_timers)

RATCHET_CONTENDERS(BM_CancelAndArm);
RATCHET_CONTENDERS(BM_Rearm);
RATCHET_CONTENDERS(BM_ArmAndFireByMillisecond);
RATCHET_CONTENDERS(BM_ArmAndFireByDeadline);
RATCHET_CONTENDERS(BM_ArmAndFireEqual);

}  // namespace
