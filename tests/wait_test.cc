#include "ratchet/wait.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::error_later;
using test::into;
using test::IsCancelled;
using test::IsOk;
using test::IsOkAndHolds;
using test::no_default;
using test::number_later;
using test::script;
using test::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class WaitTest : public test::loop_test {
 protected:
  using shared = std::vector<shared_future<int>>;
  using result = wait_result<shared_future<int>>;

  shared_future<int> later(int seconds) {
    return create_task(number_later(absl::Seconds(seconds), seconds));
  }
  shared_future<int> failing(int seconds) {
    return create_task(
        error_later(absl::Seconds(seconds), absl::AbortedError("x")));
  }

  // Waits in a task; marks when it went on, and leaves the result.
  future<void> waiting(shared futures,
                       wait_mode mode = wait_mode::all_completed,
                       absl::Duration timeout = absl::InfiniteDuration()) {
    return create_task(script({
        [=](script& s, absl::Status) {
          return s.on(into(wait(futures, mode, timeout), &got));
        },
        [this](script& s, absl::Status status) {
          mark_iteration(status.ok() ? "over" : "failed");
          return s.end(status);
        },
    }));
  }

  std::optional<absl::StatusOr<result>> got;
};

// -- Modes --------------------------------------------------------------------

TEST_F(WaitTest, AllCompletedGivesAllInArgumentOrder) {  // S85
  const shared futures = {later(3), later(1), later(2)};
  const auto r = loop.run_until_complete(wait(futures));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(r->done, futures);
  EXPECT_THAT(r->pending, IsEmpty());
  EXPECT_EQ(elapsed(), absl::Seconds(3));
}

TEST_F(WaitTest, GoesOnTwoHopsAfterTheCompletionThatDecided) {  // S85
  promise<int> p;
  future<void> task = waiting({p.get_future()});
  iterate();
  count_from_here();
  EXPECT_THAT(p.set_value(1), IsOk());
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("over@2"));
}

TEST_F(WaitTest, AlwaysSuspends) {  // S85
  future<void> task = waiting({make_ready_future(1).share()});
  count_from_here();
  iterate(4);
  // The task's step, the callback, the wake-up.
  EXPECT_THAT(taken(), ElementsAre("over@3"));
}

TEST_F(WaitTest, FirstCompletedGivesWhatIsDoneWhenItGoesOn) {  // S86
  promise<int> a;
  promise<int> b;
  promise<int> c;
  const shared futures = {a.get_future(), b.get_future(), c.get_future()};
  future<void> task = waiting(futures, wait_mode::first_completed);
  iterate();
  EXPECT_THAT(c.set_value(1), IsOk());
  iterate();
  EXPECT_THAT(a.set_value(1), IsOk());  // Before the task has resumed.
  EXPECT_THAT(loop.run_until_complete(task), IsOk());
  ASSERT_TRUE(got.has_value());
  EXPECT_THAT((*got)->done, ElementsAre(futures[0], futures[2]));
  EXPECT_THAT((*got)->pending, ElementsAre(futures[1]));
}

TEST_F(WaitTest, FirstErrorIgnoresValuesAndCancellations) {  // S87
  promise<int> p;
  const shared futures = {later(1), p.get_future(), failing(2), later(9)};
  future<void> task = waiting(futures, wait_mode::first_error);
  iterate();
  shared_future<int>(futures[1]).cancel();
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(2));
  EXPECT_THAT((*got)->pending, ElementsAre(futures[3]));
  EXPECT_THAT(futures[2], StatusIs(absl::StatusCode::kAborted, "x"));
}

TEST_F(WaitTest, FirstErrorWithoutAnErrorWaitsForAll) {  // S87
  const shared futures = {later(1), later(2)};
  const auto r = loop.run_until_complete(wait(futures, wait_mode::first_error));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(r->done.size(), 2u);
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

// -- Time-outs ----------------------------------------------------------------

TEST_F(WaitTest, ATimeoutIsNoErrorAndCancelsNothing) {  // S88
  const shared futures = {later(3), later(1)};
  const auto r = loop.run_until_complete(
      wait(futures, wait_mode::all_completed, absl::Seconds(2)));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(2));
  EXPECT_THAT(r->done, ElementsAre(futures[1]));
  EXPECT_THAT(r->pending, ElementsAre(futures[0]));
  run_until_idle();
  EXPECT_THAT(futures[0].result(), IsOkAndHolds(3));
}

TEST_F(WaitTest, ATimeoutOfZeroOrLessExpiresInTheNextIteration) {  // S88
  for (const absl::Duration timeout :
       {absl::ZeroDuration(), -absl::Seconds(1)}) {
    SCOPED_TRACE(timeout);
    promise<int> p;
    future<void> task =
        waiting({p.get_future()}, wait_mode::all_completed, timeout);
    count_from_here();
    iterate(4);
    EXPECT_THAT(taken(), ElementsAre("over@3"));
    EXPECT_EQ((*got)->pending.size(), 1u);
    EXPECT_THAT(task, IsOk());
  }
}

TEST_F(WaitTest, TheCompletionTakesTheTimerAway) {  // S88, S9
  EXPECT_THAT(loop.run_until_complete(wait(
                  shared{later(1)}, wait_mode::all_completed, absl::Hours(1))),
              IsOk());
  run_until_idle();
  EXPECT_EQ(elapsed(), absl::Seconds(1));
}

// -- Errors -------------------------------------------------------------------

TEST_F(WaitTest, ErrorsOfTheFuturesAreNotItsOwn) {  // S89
  promise<int> p;
  const shared futures = {failing(1), p.get_future()};
  shared_future<int>(futures[1]).cancel();
  const auto r = loop.run_until_complete(wait(futures));
  ASSERT_THAT(r, IsOk());
  EXPECT_THAT(r->done[0], StatusIs(absl::StatusCode::kAborted, "x"));
  EXPECT_THAT(r->done[1], IsCancelled());
}

TEST_F(WaitTest, DoesNotLookAtErrors) {  // S38
  { ASSERT_THAT(loop.run_until_complete(wait(shared{failing(1)})), IsOk()); }
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].cause, error_report::cause::unretrieved);
}

TEST_F(WaitTest, LooksAtTheFirstErrorWhenThatIsWhatItWaitsFor) {  // S38
  {
    auto r = loop.run_until_complete(
        wait(shared{failing(1), later(2)}, wait_mode::first_error));
    ASSERT_THAT(r, IsOk());
    run_until_idle();
  }
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(WaitTest, DoesNotLookAtTheErrorOfTheLastOne) {  // S38
  {
    auto r = loop.run_until_complete(
        wait(shared{later(1), failing(2)}, wait_mode::first_error));
    ASSERT_THAT(r, IsOk());
  }
  EXPECT_EQ(reports.size(), 1u);
}

TEST_F(WaitTest, LooksAtErrorsUntilItsTaskGoesOn) {  // S38
  promise<int> late;
  const shared_future<int> f = late.get_future().share();
  future<void> task = waiting({f, later(9)}, wait_mode::first_error);
  loop.call_later(absl::Seconds(1), [&] {
    EXPECT_TRUE(task.cancel());
    EXPECT_THAT(late.set_error(absl::AbortedError("x")), IsOk());
  });
  run_until_idle();
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(f.unretrieved());
}

TEST_F(WaitTest, LetsGoOfWhatItWouldHaveLookedAt) {
  promise<int> late;
  future<void> task;
  {
    const shared_future<int> f = late.get_future().share();
    task = waiting({f, later(9)}, wait_mode::first_error);
  }
  loop.call_later(absl::Seconds(1), [&] {
    EXPECT_TRUE(task.cancel());
    EXPECT_THAT(late.set_error(absl::AbortedError("x")), IsOk());
    loop.stop();  // The next batch, which is to look, does not come.
  });
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_THAT(loop.close(), IsOk());
}

TEST_F(WaitTest, OfNothingIsAnInvalidArgument) {  // S91
  EXPECT_THAT(loop.run_until_complete(wait(shared())),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("wait() was given no futures")));
}

// -- Arguments ----------------------------------------------------------------

TEST_F(WaitTest, ASharedFutureGivenTwiceCountsOnce) {  // S91
  const shared_future<int> f = later(1);
  const auto r = loop.run_until_complete(wait(shared{f, f}));
  ASSERT_THAT(r, IsOk());
  EXPECT_THAT(r->done, ElementsAre(f));
}

TEST_F(WaitTest, StartsMachinesWhenItIsCalled) {
  std::vector<number_later> machines;
  machines.emplace_back(absl::Seconds(1), 1);
  auto waiting_machine = wait(std::move(machines));
  EXPECT_EQ(loop.all_tasks().size(), 1u);
  run_until_idle();
  EXPECT_EQ(elapsed(), absl::Seconds(1));
  const auto r = loop.run_until_complete(std::move(waiting_machine));
  EXPECT_EQ(r->done.size(), 1u);
}

TEST_F(WaitTest, TakesVoidAndWhatCannotBeCopied) {
  std::vector<future<void>> sleeps;
  sleeps.push_back(sleep_for(absl::Seconds(1)));
  EXPECT_EQ(loop.run_until_complete(wait(std::move(sleeps)))->done.size(), 1u);

  promise<no_default> p;
  std::vector<future<no_default>> futures;
  futures.push_back(p.get_future());
  auto machine = wait(std::move(futures));
  EXPECT_THAT(p.set_value(4), IsOk());
  auto r = loop.run_until_complete(std::move(machine));
  ASSERT_THAT(r, IsOk());
  EXPECT_EQ(std::move(r->done[0]).result()->n(), 4);
}

TEST_F(WaitTest, NeverStartedItLeavesTheFuturesAlone) {
  const shared_future<int> f = later(1);
  { auto never = wait(shared{f}); }
  run_until_idle();
  EXPECT_THAT(f.result(), IsOkAndHolds(1));
}

// -- Cancelling ---------------------------------------------------------------

TEST_F(WaitTest, CancellingItCancelsNoFuture) {  // S90
  promise<int> p;
  const shared futures = {later(1), p.get_future()};
  future<void> task =
      waiting(futures, wait_mode::all_completed, absl::Hours(1));
  iterate();
  EXPECT_TRUE(task.cancel());
  iterate(2);
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(p.cancelled());
  run_until_idle();
  EXPECT_THAT(futures[0].result(), IsOkAndHolds(1));
  EXPECT_EQ(elapsed(), absl::Seconds(1));  // Its timer went with it.
}

TEST_F(WaitTest, CancelledAfterItsEndItIsCancelledAllTheSame) {  // S57
  promise<int> p;
  future<void> task = waiting({p.get_future()});
  iterate();
  EXPECT_THAT(p.set_value(1), IsOk());
  iterate();  // The wait is over, the task has not resumed.
  EXPECT_TRUE(task.cancel());
  iterate();
  EXPECT_TRUE(task.cancelled());
}

TEST_F(WaitTest, ManyOfOneFutureAreServedInTheirOrder) {
  promise<int> p;
  const shared futures = {p.get_future()};
  std::vector<future<void>> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(waiting(futures));
  iterate();
  EXPECT_TRUE(tasks[1].cancel());
  count_from_here();
  EXPECT_THAT(p.set_value(1), IsOk());
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("failed@1", "over@2", "over@2"));
}

using WaitDeathTest = WaitTest;

TEST_F(WaitDeathTest, RefusesFuturesOfDifferentLoops) {
  const shared_future<int> here = make_ready_future(1).share();
  event_loop other(clock);
  const shared_future<int> there = make_ready_future(1).share();
  EXPECT_DEATH((void)other.run_until_complete(wait(shared{there, here})),
               "wait\\(\\) was given futures of different event loops");
}

}  // namespace
}  // namespace ratchet
