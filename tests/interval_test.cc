#include "ratchet/interval.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
#include "tests/support/allocations.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::IsCancelled;
using test::IsOk;
using test::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kPeriod = absl::Milliseconds(100);

int64_t millis(absl::Time t) { return absl::ToUnixMillis(t); }

class IntervalTest : public test::loop_test {
 public:
  using loop_test::clock;
  using loop_test::mark;

 protected:
  // What comes of ticks that are followed by work of these lengths.
  test::trace ticks(interval of, std::vector<absl::Duration> work);
};

// Marks "number due@taken" for each tick.
class worker final : public task<void> {
 public:
  worker(IntervalTest& t, interval of, std::vector<absl::Duration> work)
      : t_(t), of_(of), work_(std::move(work)) {}
  step start() {
    if (at_ == work_.size()) return done();
    return await<&worker::tick>(of_.next());
  }

 private:
  step tick(interval_tick tick) {
    t_.mark(absl::StrCat(tick.number, " ", millis(tick.due), "@",
                         millis(t_.clock.now())));
    const absl::Duration length = work_[at_++];
    if (length == absl::ZeroDuration()) return start();
    return sleep_for<&worker::start>(length);
  }

  IntervalTest& t_;
  interval of_;
  std::vector<absl::Duration> work_;
  size_t at_ = 0;
};

test::trace IntervalTest::ticks(interval of, std::vector<absl::Duration> work) {
  EXPECT_THAT(loop.run_until_complete(worker(*this, of, std::move(work))),
              IsOk());
  return taken();
}

absl::Duration ms(int n) { return absl::Milliseconds(n); }

TEST_F(IntervalTest, TicksAtOnceAndThenOnceAPeriod) {
  EXPECT_THAT(ticks(interval(kPeriod), {ms(0), ms(0), ms(0)}),
              ElementsAre("0 0@0", "1 100@100", "2 200@200"));
}

TEST_F(IntervalTest, OrFirstAfterAPeriod) {
  interval_options options;
  options.immediately = false;
  EXPECT_THAT(ticks(interval(kPeriod, options), {ms(0), ms(0)}),
              ElementsAre("0 100@100", "1 200@200"));
}

TEST_F(IntervalTest, WorkThatFitsInChangesNothing) {
  EXPECT_THAT(ticks(interval(kPeriod), {ms(30), ms(99), ms(1), ms(0)}),
              ElementsAre("0 0@0", "1 100@100", "2 200@200", "3 300@300"));
}

TEST_F(IntervalTest, BurstCatchesUp) {
  EXPECT_THAT(
      ticks(interval(kPeriod), {ms(350), ms(0), ms(0), ms(0), ms(0)}),
      ElementsAre("0 0@0", "1 100@350", "2 200@350", "3 300@350", "4 400@400"));
}

TEST_F(IntervalTest, DelayStartsAgain) {
  interval_options options;
  options.missed = missed_tick::delay;
  EXPECT_THAT(ticks(interval(kPeriod, options), {ms(350), ms(0), ms(0)}),
              ElementsAre("0 0@0", "1 100@350", "2 450@450"));
}

TEST_F(IntervalTest, SkipLeavesOutWhatIsPast) {
  interval_options options;
  options.missed = missed_tick::skip;
  EXPECT_THAT(ticks(interval(kPeriod, options), {ms(350), ms(0), ms(0)}),
              ElementsAre("0 0@0", "1 100@350", "2 400@400"));
}

TEST_F(IntervalTest, ALittleLateIsOnTime) {
  interval_options options;
  options.missed = missed_tick::delay;
  EXPECT_THAT(ticks(interval(kPeriod, options), {ms(105), ms(0), ms(0)}),
              ElementsAre("0 0@0", "1 100@105", "2 200@200"));
  EXPECT_THAT(ticks(interval(kPeriod, options), {ms(106), ms(0), ms(0)}),
              ElementsAre("0 200@200", "1 300@306", "2 406@406"));
}

TEST_F(IntervalTest, DoesNotDrift) {
  const test::trace all = ticks(interval(absl::Nanoseconds(333'333'333)),
                                std::vector<absl::Duration>(3001, ms(7)));
  EXPECT_EQ(all.back(), "3000 999999@999999");
}

TEST_F(IntervalTest, CancellingLosesNoTick) {
  interval of(kPeriod);
  EXPECT_THAT(loop.run_until_complete(of.next()), IsOk());
  auto waits = create_task(of.next());
  loop.call_later(ms(50), [&] { waits.cancel(); });
  EXPECT_THAT(loop.run_until_complete(waits), IsCancelled());
  EXPECT_EQ(elapsed(), ms(50));
  const auto tick = loop.run_until_complete(of.next());
  ASSERT_THAT(tick, IsOk());
  EXPECT_EQ(tick->number, 1u);
  EXPECT_EQ(millis(tick->due), 100);
  EXPECT_EQ(elapsed(), ms(100));
}

TEST_F(IntervalTest, SeveralThatWaitGetATickEach) {
  interval of(kPeriod);
  const auto a = create_task(of.next());
  const auto b = create_task(of.next());
  const auto c = create_task(of.next());
  run_until_idle();
  EXPECT_EQ(a.value().number, 0u);
  EXPECT_EQ(b.value().number, 1u);
  EXPECT_EQ(c.value().number, 2u);
  EXPECT_EQ(elapsed(), ms(200));
}

TEST_F(IntervalTest, ResetStartsAnew) {
  interval of(kPeriod);
  EXPECT_THAT(loop.run_until_complete(of.next()), IsOk());
  clock.advance(ms(1234));
  of.reset();
  const auto tick = loop.run_until_complete(of.next());
  ASSERT_THAT(tick, IsOk());
  EXPECT_EQ(tick->number, 0u);
  EXPECT_EQ(millis(tick->due), 1234);
}

TEST_F(IntervalTest, APeriodMustBePositive) {
  for (const absl::Duration period : {absl::ZeroDuration(), -kPeriod}) {
    interval of(period);
    EXPECT_THAT(loop.run_until_complete(of.next()),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("not positive")));
  }
}

TEST_F(IntervalTest, AnInfinitePeriodTicksOnce) {
  interval of(absl::InfiniteDuration());
  EXPECT_THAT(loop.run_until_complete(of.next()), IsOk());
  const auto never = create_task(of.next());
  run_until_idle();
  EXPECT_FALSE(never.done());
}

// Awaits `times` ticks.
class counter final : public task<void> {
 public:
  explicit counter(int times) : left_(times) {}
  step start() {
    return left_-- == 0 ? done() : await<&counter::start>(of_.next());
  }

 private:
  interval of_{kPeriod};
  int left_;
};

TEST_F(IntervalTest, ATickIsOneBlock) {
  const auto blocks_of = [&](int ticks) {
    const test::allocation_count count;
    EXPECT_THAT(loop.run_until_complete(counter(ticks)), IsOk());
    return count.blocks();
  };
  EXPECT_EQ(blocks_of(20) - blocks_of(10), 10u);
}

}  // namespace
}  // namespace ratchet
