#include "ratchet/run.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/promise.h"
#include "ratchet/sleep.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::calling;
using test::error_later;
using test::IsCancelled;
using test::IsKind;
using test::IsOk;
using test::IsOkAndHolds;
using test::no_default;
using test::number_later;
using test::script;
using test::StatusIs;
using test::stubborn;
using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

constexpr auto kSecond = absl::Seconds(1);

step end(script& s, absl::Status status) { return s.end(std::move(status)); }

// -- run_until_complete -------------------------------------------------------

class RunUntilCompleteTest : public test::loop_test {};

TEST_F(RunUntilCompleteTest, RunsAMachineAFutureOrASharedFuture) {  // S19, S20
  EXPECT_THAT(loop.run_until_complete(number_later(kSecond, 1)),
              IsOkAndHolds(1));
  EXPECT_THAT(loop.run_until_complete(sleep_for(kSecond)), IsOk());
  const shared_future<int> shared = create_task(number_later(kSecond, 2));
  EXPECT_THAT(loop.run_until_complete(shared), IsOkAndHolds(2));
  EXPECT_THAT(loop.run_until_complete(shared), IsOkAndHolds(2));
  EXPECT_EQ(elapsed(), absl::Seconds(3));
}

TEST_F(RunUntilCompleteTest, GivesTheErrorOrCancelled) {  // S20
  EXPECT_THAT(
      loop.run_until_complete(error_later(kSecond, absl::AbortedError("x"))),
      StatusIs(absl::StatusCode::kAborted, "x"));
  promise<int> p;
  shared_future<int> cancelled = p.get_future();
  cancelled.cancel();
  EXPECT_THAT(loop.run_until_complete(cancelled), IsCancelled());
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(RunUntilCompleteTest, MovesTheValueOut) {
  promise<no_default> p;
  auto odd = p.get_future();
  EXPECT_THAT(p.set_value(4), IsOk());
  EXPECT_EQ(loop.run_until_complete(std::move(odd))->n(), 4);
  EXPECT_EQ(
      **loop.run_until_complete(make_ready_future(std::make_unique<int>(5))),
      5);
}

TEST_F(RunUntilCompleteTest, EndsOneHopAfterTheFuture) {  // S19
  future<void> other = create_task(script({
      [&](script& s, absl::Status) {
        mark_iteration("other");
        return s.pause();
      },
      [&](script& s, absl::Status) {
        mark_iteration("other");
        return s.pause();
      },
      [&](script& s, absl::Status) {
        mark_iteration("other");
        return s.end();
      },
  }));
  // It ends in the first iteration; the batch of the second runs to its end.
  EXPECT_THAT(loop.run_until_complete(calling([] { return 1; })),
              IsOkAndHolds(1));
  EXPECT_THAT(taken(), ElementsAre("other@1", "other@2"));
  run_until_idle();
}

TEST_F(RunUntilCompleteTest, OfADoneFutureRunsOneIteration) {  // S20
  loop.call_soon(marks("ran"));
  EXPECT_THAT(loop.run_until_complete(make_ready_future(1)), IsOkAndHolds(1));
  EXPECT_THAT(taken(), ElementsAre("ran"));
  EXPECT_EQ(loop.iteration(), 1u);
}

TEST_F(RunUntilCompleteTest, StoppedTooEarlyLeavesTheFuture) {  // S21
  future<int> f = create_task(number_later(absl::Seconds(3), 3));
  loop.call_later(kSecond, [&] { loop.stop(); });
  EXPECT_THAT(loop.run_until_complete(f),
              IsKind(error_kind::stopped, HasSubstr("stopped before")));
  EXPECT_TRUE(f.valid());
  EXPECT_FALSE(f.done());
  EXPECT_EQ(elapsed(), kSecond);
  // A later run goes on with it, and is not stopped by what the first left.
  EXPECT_THAT(loop.run_until_complete(f), IsOkAndHolds(3));
  EXPECT_EQ(elapsed(), absl::Seconds(3));
}

TEST_F(RunUntilCompleteTest, StoppedInTheBatchThatCompletesItHasTheValue) {
  promise<int> p;
  future<int> f = p.get_future();
  loop.call_soon([&] {
    EXPECT_THAT(p.set_value(1), IsOk());
    loop.stop();
  });
  EXPECT_THAT(loop.run_until_complete(f), IsOkAndHolds(1));
  // Its callback is still in the queue: the next run meets it (S19).
  loop.call_soon(marks("next"));
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_THAT(taken(), ElementsAre("next"));
}

TEST_F(RunUntilCompleteTest, ReportsADeadlockWithWhatWaits) {  // S28
  promise<void> never;
  shared_future<void> f = never.get_future();
  const absl::Status status = loop.run_until_complete(script({
      [&](script& s, absl::Status) { return s.on(f); },
      end,
  }));
  EXPECT_THAT(status, IsKind(error_kind::deadlock,
                             AllOf(HasSubstr("deadlock: nothing is ready"),
                                   HasSubstr("script#1"),
                                   HasSubstr("awaiting future"))));
  // The loop is usable, and so is the future.
  EXPECT_THAT(never.set_value(), IsOk());
  EXPECT_THAT(loop.run_until_complete(f), IsOk());
}

TEST_F(RunUntilCompleteTest, IsRefusedInARunningLoop) {  // S22
  bool refused = false;
  loop.call_soon([&] {
    EXPECT_THAT(loop.run_until_complete(calling([]() -> int {
      ADD_FAILURE();
      return 0;
    })),
                IsKind(error_kind::running, HasSubstr("already running")));
    virtual_clock other_clock;
    event_loop other(other_clock);
    EXPECT_THAT(other.run_until_complete(make_ready_future(1)),
                IsKind(error_kind::running, HasSubstr("another event loop")));
    refused = true;
  });
  run_until_idle();
  EXPECT_TRUE(refused);
}

TEST_F(RunUntilCompleteTest, IsRefusedOnAClosedLoop) {  // S14
  promise<int> p;
  future<int> f = p.get_future();
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_THAT(loop.run_until_complete(f), IsKind(error_kind::closed, _));
  EXPECT_TRUE(f.valid());
}

TEST_F(RunUntilCompleteTest, TheOutcomeUsesAFutureUp) {
  future<std::string> value = make_ready_future(std::string("a value"));
  EXPECT_THAT(loop.run_until_complete(value), IsOkAndHolds("a value"));
  EXPECT_FALSE(value.valid());

  future<int> error = make_error_future<int>(absl::NotFoundError("gone"));
  EXPECT_THAT(loop.run_until_complete(error),
              StatusIs(absl::StatusCode::kNotFound, "gone"));
  EXPECT_FALSE(error.valid());

  shared_future<int> shared = make_ready_future(2);
  EXPECT_THAT(loop.run_until_complete(shared), IsOkAndHolds(2));
  EXPECT_THAT(loop.run_until_complete(shared), IsOkAndHolds(2));
}

using RunUntilCompleteDeathTest = RunUntilCompleteTest;

TEST_F(RunUntilCompleteDeathTest, RefusesAFutureThatIsUsedUp) {
  future<std::string> f = make_ready_future(std::string("a value"));
  EXPECT_THAT(loop.run_until_complete(f), IsOkAndHolds("a value"));
  EXPECT_DEATH((void)loop.run_until_complete(f),
               "ratchet: run_until_complete\\(\\) on a future that is empty");
}

TEST_F(RunUntilCompleteDeathTest, RefusesAFutureOfAnotherLoop) {
  future<int> here = make_ready_future(1);
  event_loop other(clock);
  EXPECT_DEATH((void)other.run_until_complete(std::move(here)),
               "run_until_complete\\(\\) was given a future of another event");
}

// -- shutdown -----------------------------------------------------------------

class ShutdownTest : public test::loop_test {};

TEST_F(ShutdownTest, CancelsEveryTaskAndWaits) {  // S26
  std::vector<future<void>> tasks;
  for (const char* name : {"a", "b", "c"}) {
    tasks.push_back(create_task(script({
        [](script& s, absl::Status) { return s.sleep(absl::Hours(1)); },
        [this, name](script& s, absl::Status status) {
          mark(name);
          return s.end(status);
        },
    })));
  }
  iterate();
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_THAT(taken(), ElementsAre("a", "b", "c"));  // In creation order.
  for (const auto& t : tasks) EXPECT_TRUE(t.cancelled());
  EXPECT_TRUE(loop.is_closed());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

TEST_F(ShutdownTest, ATaskThatNeverStartedNeverRuns) {  // S65, S27
  future<int> never = create_task(calling([]() -> int {
    ADD_FAILURE();
    return 0;
  }));
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_TRUE(never.cancelled());
}

TEST_F(ShutdownTest, WaitsForATaskThatSwallowsIt) {  // S26
  future<int> slow = create_task(stubborn(absl::Seconds(9), 9));
  iterate();
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_THAT(std::move(slow).result(), IsOkAndHolds(9));
  EXPECT_EQ(elapsed(), absl::Seconds(9));
}

TEST_F(ShutdownTest, ReportsTheErrorsOfTasks) {  // S26
  future<void> failing = create_task(script({
      [](script& s, absl::Status) { return s.sleep(absl::Hours(1)); },
      [](script& s, absl::Status) { return s.end(absl::DataLossError("x")); },
  }));
  iterate();
  EXPECT_THAT(loop.shutdown(), IsOk());
  failing = future<void>();
  ASSERT_EQ(reports.size(), 1u);  // Once.
  EXPECT_EQ(reports[0].cause, error_report::cause::shutdown);
  EXPECT_EQ(reports[0].who, "script#1");
  EXPECT_THAT(reports[0].status, StatusIs(absl::StatusCode::kDataLoss, "x"));
}

TEST_F(ShutdownTest, DoesNotWaitForTasksCreatedMeanwhile) {  // S26
  future<int> late;
  future<void> spawns = create_task(script({
      [](script& s, absl::Status) { return s.sleep(absl::Hours(1)); },
      [&](script& s, absl::Status status) {
        late = create_task(number_later(kSecond, 1));
        return s.end(status);
      },
  }));
  iterate();
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_FALSE(late.done());
  EXPECT_EQ(late.task().cancelling(), 0u);
}

TEST_F(ShutdownTest, WithoutTasksRunsNothing) {
  loop.call_soon(marks("never"));
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_TRUE(loop.is_closed());
}

TEST_F(ShutdownTest, IsRefusedTwiceAndWhileTheLoopRuns) {
  loop.call_soon(
      [&] { EXPECT_THAT(loop.shutdown(), IsKind(error_kind::running, _)); });
  iterate();
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_THAT(loop.shutdown(), IsKind(error_kind::closed, _));
}

TEST_F(ShutdownTest, ReportsADeadlockOfATaskThatSwallowsItForEver) {  // S28
  promise<void> never;
  shared_future<void> f = never.get_future();
  future<void> stuck = create_task(script({
      [](script& s, absl::Status) { return s.sleep(absl::Hours(1)); },
      [&](script& s, absl::Status) { return s.on(f); },
      end,
  }));
  iterate();
  EXPECT_THAT(loop.shutdown(), IsKind(error_kind::deadlock, _));
  EXPECT_FALSE(loop.is_closed());
}

// -- run ----------------------------------------------------------------------

TEST(RunTest, GivesWhatTheMachineGives) {  // S25
  virtual_clock clock;
  EXPECT_THAT(run(number_later(kSecond, 7), clock), IsOkAndHolds(7));
  EXPECT_THAT(run(error_later(kSecond, absl::AbortedError("x")), clock),
              StatusIs(absl::StatusCode::kAborted, "x"));
  EXPECT_THAT(
      run(script({[](script& s, absl::Status) { return s.end(); }}), clock),
      IsOk());
  EXPECT_EQ(clock.now(), absl::UnixEpoch() + absl::Seconds(2));
}

TEST(RunTest, InRealTimeNeedsNoClock) {
  EXPECT_THAT(run(calling([] { return 1; })), IsOkAndHolds(1));
}

TEST(RunTest, TheMachineMayCancelItself) {  // S51
  virtual_clock clock;
  EXPECT_THAT(run(script({[](script& s, absl::Status) {
                    return s.end(cancelled_error());
                  }}),
                  clock),
              IsCancelled());
}

TEST(RunTest, CancelsTasksThatNobodyAwaits) {  // S26, S27
  virtual_clock clock;
  std::string seen;
  EXPECT_THAT(run(calling([&] {
                    future<void> alone = create_task(script({
                        [&](script& s, absl::Status) {
                          seen += "started ";
                          return s.sleep(absl::Hours(1));
                        },
                        [&](script& s, absl::Status status) {
                          if (is_cancelled(status)) seen += "cancelled";
                          return s.end(status);
                        },
                    }));
                    return 1;
                  }),
                  clock),
              IsOkAndHolds(1));
  // Made in the last step of main, it still has its first one (S27).
  EXPECT_EQ(seen, "started cancelled");
  EXPECT_EQ(clock.now(), absl::UnixEpoch());
}

TEST(RunTest, WaitsForATaskThatSwallowsTheCancellation) {  // S26
  virtual_clock clock;
  EXPECT_THAT(run(script({
                      [](script& s, absl::Status) {
                        (void)create_task(stubborn(absl::Seconds(5), 0));
                        return s.sleep(kSecond);
                      },
                      end,
                  }),
                  clock),
              IsOk());
  EXPECT_EQ(clock.now(), absl::UnixEpoch() + absl::Seconds(5));
}

TEST(RunTest, PrintsTheErrorsOfTheShutdown) {  // S26
  virtual_clock clock;
  CaptureStderr();
  EXPECT_THAT(
      run(script({
              [](script& s, absl::Status) {
                (void)create_task(script({
                    [](script& t, absl::Status) {
                      return t.sleep(absl::Hours(1));
                    },
                    [](script& t, absl::Status) {
                      return t.end(absl::DataLossError("in my last words"));
                    },
                }));
                return s.sleep(kSecond);
              },
              end,
          }),
          clock),
      IsOk());
  EXPECT_THAT(GetCapturedStderr(), HasSubstr("in my last words"));
}

TEST(RunTest, ReportsADeadlockInMain) {  // S28
  virtual_clock clock;
  CaptureStderr();
  EXPECT_THAT(run(script({
                      [](script& s, absl::Status) {
                        return s.sleep(absl::InfiniteDuration());
                      },
                      end,
                  }),
                  clock),
              IsKind(error_kind::deadlock, HasSubstr("script#1")));
  EXPECT_THAT(GetCapturedStderr(), HasSubstr("script#1"));
}

TEST(RunTest, StoppedItCancelsMain) {  // S21, S26
  virtual_clock clock;
  bool cancelled = false;
  EXPECT_THAT(run(script({
                      [](script& s, absl::Status) {
                        event_loop::current().stop();
                        return s.sleep(kSecond);
                      },
                      [&](script& s, absl::Status status) {
                        cancelled = is_cancelled(status);
                        return s.end(status);
                      },
                  }),
                  clock),
              IsKind(error_kind::stopped, _));
  EXPECT_TRUE(cancelled);
}

TEST(RunTest, IsRefusedInARunningLoop) {  // S22, S25
  virtual_clock clock;
  EXPECT_THAT(run(calling([&] {
                    event_loop& mine = event_loop::current();
                    EXPECT_THAT(run(calling([]() -> int {
                                      ADD_FAILURE();
                                      return 0;
                                    }),
                                    clock),
                                IsKind(error_kind::running, _));
                    EXPECT_EQ(&event_loop::current(), &mine);
                    return 1;
                  }),
                  clock),
              IsOkAndHolds(1));
}

TEST(RunTest, OneAfterTheOtherOnOneClock) {
  virtual_clock clock;
  for (int i = 1; i <= 3; ++i) {
    EXPECT_THAT(run(number_later(kSecond, i), clock), IsOkAndHolds(i));
    EXPECT_EQ(clock.now(), absl::UnixEpoch() + absl::Seconds(i));
  }
}

TEST(RunTest, BesideALoopThatDoesNotRun) {
  virtual_clock clock;
  event_loop idle(clock);
  EXPECT_THAT(run(number_later(kSecond, 1), clock), IsOkAndHolds(1));
  EXPECT_EQ(&event_loop::current(), &idle);
}

TEST(RunTest, HandlesMayOutliveIt) {
  virtual_clock clock;
  std::optional<future<void>> left;
  std::optional<promise<void>> kept;
  EXPECT_THAT(run(calling([&] {
                    kept.emplace();
                    left = kept->get_future().then([] { ADD_FAILURE(); });
                    return 1;
                  }),
                  clock),
              IsOkAndHolds(1));
  EXPECT_FALSE(left->done());
  EXPECT_THAT(kept->set_value(), IsKind(error_kind::closed, _));
  EXPECT_FALSE(left->done());
}

}  // namespace
}  // namespace ratchet
