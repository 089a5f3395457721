#include "ratchet/clock.h"

#include <cstdint>
#include <limits>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace ratchet {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

TEST(VirtualClockTest, StartsAtTheEpochUnlessToldOtherwise) {
  virtual_clock epoch;
  EXPECT_EQ(epoch.now(), absl::UnixEpoch());
  EXPECT_EQ(epoch.now_ns(), 0);
  virtual_clock other(absl::FromUnixSeconds(7));
  EXPECT_EQ(other.now(), absl::FromUnixSeconds(7));
  EXPECT_EQ(other.now_ns(), 7'000'000'000);
}

TEST(VirtualClockTest, StandsStill) {
  virtual_clock clock;
  EXPECT_EQ(clock.now_ns(), clock.now_ns());
}

TEST(VirtualClockTest, JumpsToADeadline) {
  virtual_clock clock;
  EXPECT_TRUE(clock.jump_to(5));
  EXPECT_EQ(clock.now_ns(), 5);
}

TEST(VirtualClockTest, NeverGoesBackwards) {
  virtual_clock clock;
  ASSERT_TRUE(clock.jump_to(5));
  EXPECT_TRUE(clock.jump_to(3));
  EXPECT_EQ(clock.now_ns(), 5);
  clock.advance(-absl::Seconds(1));
  EXPECT_EQ(clock.now_ns(), 5);
  clock.advance(-absl::InfiniteDuration());
  EXPECT_EQ(clock.now_ns(), 5);
}

TEST(VirtualClockTest, AdvancesByHand) {
  virtual_clock clock;
  clock.advance(absl::Milliseconds(3));
  clock.advance(absl::Nanoseconds(4));
  EXPECT_EQ(clock.now(), absl::FromUnixNanos(3'000'004));
}

TEST(SteadyClockTest, IsAnchoredToTheWallClock) {
  steady_clock clock;
  EXPECT_LT(absl::AbsDuration(clock.now() - absl::Now()), absl::Hours(1));
}

TEST(SteadyClockTest, NeverGoesBackwards) {
  steady_clock a, b;
  int64_t last = a.now_ns();
  for (int i = 0; i < 1000; ++i) {
    const int64_t now = (i % 2 == 0 ? a : b).now_ns();
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST(SteadyClockTest, CannotJump) {
  steady_clock clock;
  const int64_t before = clock.now_ns();
  EXPECT_FALSE(clock.jump_to(before + 3'600'000'000'000));
  EXPECT_LT(clock.now_ns(), before + 3'600'000'000'000);
}

TEST(DeadlineTest, AfterIsTheSum) {
  EXPECT_EQ(internal::deadline_after(5, absl::Nanoseconds(3)), 8);
  EXPECT_EQ(internal::deadline_after(5, -absl::Nanoseconds(8)), -3);
  EXPECT_EQ(internal::deadline_after(5, absl::ZeroDuration()), 5);
}

TEST(DeadlineTest, SaturatesAtTheEndsOfTheRange) {
  using internal::deadline_after;
  using internal::kNever;
  EXPECT_EQ(deadline_after(5, absl::InfiniteDuration()), kNever);
  EXPECT_EQ(deadline_after(-5, absl::InfiniteDuration()), kNever);
  EXPECT_EQ(deadline_after(kNever - 1, absl::Nanoseconds(5)), kNever);
  EXPECT_EQ(deadline_after(1, absl::Hours(24 * 366 * 293)), kNever);
  EXPECT_EQ(deadline_after(kMin + 1, -absl::Nanoseconds(5)), kMin);
  EXPECT_EQ(deadline_after(-1, -absl::InfiniteDuration()), kMin);
}

TEST(DeadlineTest, OfATimeSaturatesToo) {
  EXPECT_EQ(internal::deadline_at(absl::FromUnixNanos(-4)), -4);
  EXPECT_EQ(internal::deadline_at(absl::InfiniteFuture()), internal::kNever);
  EXPECT_EQ(internal::deadline_at(absl::InfinitePast()), kMin);
  EXPECT_EQ(internal::deadline_at(
                absl::FromCivil(absl::CivilYear(9999), absl::UTCTimeZone())),
            internal::kNever);
}

TEST(DeadlineTest, BackToATimeKeepsNever) {
  EXPECT_EQ(internal::deadline_to_time(4), absl::FromUnixNanos(4));
  EXPECT_EQ(internal::deadline_to_time(internal::kNever),
            absl::InfiniteFuture());
}

}  // namespace
}  // namespace ratchet
