#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "ratchet/timer_wheel.h"
#include "tests/support/counting_new.h"

namespace ratchet {
namespace {

using tick = timer_wheel::tick;
using timer = timer_wheel::timer;

constexpr tick kMillisecond = 1'000'000;
constexpr tick kHour = 3'600'000 * kMillisecond;

TEST(TimerWheelCostTest, WhatIsLeftOfCancelledTimersIsBounded) {
  timer_wheel wheel;
  std::vector<timer> timers(100);
  std::mt19937_64 random(5);
  for (timer& t : timers) wheel.schedule(t, kHour);
  size_t most = 0;
  size_t bytes = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    timer& t = timers[random() % timers.size()];
    wheel.cancel(t);
    wheel.schedule(t, 1 + static_cast<tick>(random() % kHour));
    most = std::max(most, wheel.stats().stale);
    if (i == 10'000) bytes = wheel.stats().bytes;
  }
  EXPECT_LE(most, 2 * timers.size() + 1024);
  EXPECT_EQ(wheel.stats().bytes, bytes);
  EXPECT_LE(wheel.stats().chunks, 200u);
}

TEST(TimerWheelCostTest, WhatIsLeftIsBoundedWhenAllAreCancelled) {
  for (const bool fire : {false, true}) {
    timer_wheel wheel;
    std::vector<timer> timers(100'000);
    std::mt19937_64 random(5);
    for (timer& t : timers) {
      wheel.schedule(t, static_cast<tick>(random() % kHour));
    }
    if (fire) wheel.advance(kHour);
    for (timer& t : timers) {
      wheel.cancel(t);
      const timer_wheel::statistics stats = wheel.stats();
      ASSERT_LE(stats.stale, 2 * stats.live + 1024);
    }
    EXPECT_FALSE(wheel.has_due());
    EXPECT_EQ(wheel.size(), 0u);
    EXPECT_TRUE(wheel.check_invariants().ok());
  }
}

TEST(TimerWheelCostTest, WhatIsLeftIsBoundedWhenTheOthersFire) {
  timer_wheel wheel;
  std::vector<timer> fired(50'000), cancelled(50'000);
  for (timer& t : fired) wheel.schedule(t, kMillisecond);
  for (timer& t : cancelled) wheel.schedule(t, kHour);
  for (timer& t : cancelled) wheel.cancel(t);
  wheel.advance(kMillisecond);
  while (wheel.pop_due() != nullptr) {
    const timer_wheel::statistics stats = wheel.stats();
    ASSERT_LE(stats.stale, 2 * stats.live + 1024);
  }
}

TEST(TimerWheelCostTest, NothingIsAllocatedInSteadyState) {
  timer_wheel wheel;
  std::vector<timer> timers(10'000);
  std::mt19937_64 random(11);
  const auto run = [&](int operations) {
    for (int i = 0; i < operations; ++i) {
      timer& t = timers[random() % timers.size()];
      if (random() % 4 == 0) wheel.cancel(t);
      wheel.schedule(
          t, wheel.now() + static_cast<tick>(random() % (kHour / 1000)) - 10);
      if (i % 16 == 0) {
        wheel.advance(wheel.now() + static_cast<tick>(random() % kMillisecond));
        while (wheel.pop_due() != nullptr) {
        }
        wheel.next_deadline();
      }
    }
  };
  run(400'000);
  const size_t before = test::mallocs();
  const size_t bytes = wheel.stats().bytes;
  run(400'000);
  EXPECT_EQ(test::mallocs(), before);
  EXPECT_EQ(wheel.stats().bytes, bytes);
}

TEST(TimerWheelCostTest, AMillionSleepersTakeFewBytesEach) {
  timer_wheel wheel;
  std::vector<timer> timers(1'000'000);
  for (timer& t : timers) wheel.schedule(t, 10'000 * kMillisecond);
  EXPECT_EQ(wheel.size(), timers.size());
  EXPECT_LE(wheel.stats().bytes / timers.size(), 32u);
  EXPECT_EQ(wheel.next_deadline(), 10'000 * kMillisecond);
  wheel.advance(10'000 * kMillisecond);
  for (timer& t : timers) ASSERT_EQ(wheel.pop_due(), &t);
}

}  // namespace
}  // namespace ratchet
