#include "ratchet/sleep.h"

#include <optional>
#include <sstream>
#include <utility>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/run.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::IsOk;
using test::script;
using ::testing::ElementsAre;

class SleepTest : public test::loop_test {};

TEST_F(SleepTest, CompletesWhenTheTimeHasPassed) {  // S46
  EXPECT_THAT(loop.run_until_complete(sleep_for(absl::Milliseconds(1500))),
              IsOk());
  EXPECT_EQ(elapsed(), absl::Milliseconds(1500));
  EXPECT_THAT(loop.run_until_complete(
                  sleep_until(absl::UnixEpoch() + absl::Seconds(2))),
              IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(SleepTest, BeginsWithTheCall) {  // S46
  future<void> sleep = sleep_for(absl::Seconds(2));
  EXPECT_THAT(loop.run_until_complete(sleep_for(absl::Seconds(1))), IsOk());
  EXPECT_FALSE(sleep.done());
  EXPECT_THAT(loop.run_until_complete(std::move(sleep)), IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(SleepTest, EqualDeadlinesEndInTheOrderOfTheCalls) {  // S46, S6
  auto a = sleep_for(absl::Seconds(1)).then(marks("a"));
  auto b = sleep_until(absl::UnixEpoch() + absl::Seconds(1)).then(marks("b"));
  auto c = sleep_for(absl::Seconds(1)).then(marks("c"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a", "b", "c"));
}

TEST_F(SleepTest, TimersOfAnInstantComeBeforeWhatTheyWake) {  // S48
  auto sleep = sleep_for(absl::Seconds(1)).then(marks("woken"));
  loop.call_later(absl::Seconds(1), marks("timer"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("timer", "woken"));
}

TEST_F(SleepTest, ZeroNegativeAndPastEndInTheNextIteration) {
  for (const absl::Duration length :
       {absl::ZeroDuration(), -absl::Seconds(5), -absl::InfiniteDuration()}) {
    SCOPED_TRACE(length);
    future<void> sleep = sleep_for(length);
    EXPECT_FALSE(sleep.done());
    iterate();
    EXPECT_TRUE(sleep.done());
  }
  future<void> past = sleep_until(absl::InfinitePast());
  iterate();
  EXPECT_TRUE(past.done());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

TEST_F(SleepTest, AnInfiniteOneNeverEnds) {
  future<void> for_ever = sleep_for(absl::InfiniteDuration());
  future<void> until_never = sleep_until(absl::InfiniteFuture());
  run_until_idle();
  EXPECT_FALSE(for_ever.done());
  EXPECT_TRUE(for_ever.cancel());
  EXPECT_TRUE(for_ever.cancelled());
  EXPECT_TRUE(until_never.cancel());
}

TEST_F(SleepTest, AnInfiniteOneMayBeDropped) {
  { future<void> for_ever = sleep_for(absl::InfiniteDuration()); }
  run_until_idle();
  EXPECT_THAT(loop.close(), IsOk());
}

TEST_F(SleepTest, CancellingItTakesTheTimerAway) {  // S47, S9
  future<void> sleep = sleep_for(absl::Hours(1));
  EXPECT_TRUE(sleep.cancel());
  EXPECT_TRUE(sleep.cancelled());
  EXPECT_FALSE(sleep.cancel());
  run_until_idle();
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

TEST_F(SleepTest, CanBeCancelledByATimerOfItsBatch) {  // S8, S37
  std::optional<future<void>> sleep;
  loop.call_later(absl::Seconds(1), [&] { EXPECT_TRUE(sleep->cancel()); });
  sleep = sleep_for(absl::Seconds(1));
  run_until_idle();
  EXPECT_TRUE(sleep->cancelled());
}

TEST_F(SleepTest, CancellingATaskThatAwaitsItCancelsIt) {  // S54
  future<void> task = create_task(script({
      [](script& s, absl::Status) { return s.on(sleep_for(absl::Hours(1))); },
      [](script& s, absl::Status status) { return s.end(status); },
  }));
  iterate();
  EXPECT_TRUE(task.cancel());
  run_until_idle();
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

TEST_F(SleepTest, DroppingItLeavesTheTimer) {
  { future<void> sleep = sleep_for(absl::Seconds(1)); }
  run_until_idle();
  EXPECT_EQ(elapsed(), absl::Seconds(1));
}

TEST_F(SleepTest, SaysWhatItIs) {
  std::ostringstream out;
  out << sleep_for(absl::Seconds(1));
  EXPECT_EQ(out.str(), "<sleep pending>");
}

TEST_F(SleepTest, OnAClosedLoopItStaysPending) {
  EXPECT_THAT(loop.close(), IsOk());
  future<void> sleep = sleep_for(absl::Seconds(1));
  EXPECT_FALSE(sleep.done());
  EXPECT_TRUE(sleep.cancel());
}

}  // namespace
}  // namespace ratchet
