#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "ratchet/when_all.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::calling;
using test::error_later;
using test::into;
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
using ::testing::ElementsAre;

constexpr auto kSecond = absl::Seconds(1);

class WithTimeoutTest : public test::loop_test {
 protected:
  // Awaits `awaitable` in a task, marks how and when it ended, and goes on.
  template <class A>
  future<void> waiting(A awaitable) {
    auto state = std::make_shared<std::optional<A>>(std::move(awaitable));
    return create_task(script({
        [state](script& s, absl::Status) { return s.on(std::move(**state)); },
        [this](script& s, absl::Status status) {
          mark_iteration(status.ok()            ? "value"
                         : is_timeout(status)   ? "timeout"
                         : is_cancelled(status) ? "cancelled"
                                                : "error");
          return s.end(status);
        },
    }));
  }

  std::optional<absl::StatusOr<int>> got;
};

// -- In time ------------------------------------------------------------------

TEST_F(WithTimeoutTest, RunsAMachineInPlace) {  // S98
  // No task is created but the one that awaits: nothing else can run between.
  future<void> task = create_task(script({
      [&](script& s, absl::Status) {
        return s.on(into(with_timeout(calling([&] {
                                        EXPECT_EQ(loop.all_tasks().size(), 1u);
                                        return 1;
                                      }),
                                      kSecond),
                         &got));
      },
      [](script& s, absl::Status status) { return s.end(status); },
  }));
  iterate();
  EXPECT_THAT(task, IsOk());
  run_until_idle();
  EXPECT_EQ(elapsed(), absl::ZeroDuration());  // S100: the timer is gone.
}

TEST_F(WithTimeoutTest, GivesTheOutcomeOneHopAfterIt) {  // S100
  promise<void> p;
  future<void> task = waiting(with_timeout(p.get_future(), kSecond));
  iterate();
  count_from_here();
  EXPECT_THAT(p.set_value(), IsOk());
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("value@1"));
}

TEST_F(WithTimeoutTest, GivesADoneOneWithoutSuspending) {  // S99, S100
  for (const absl::Duration timeout :
       {kSecond, absl::ZeroDuration(), -kSecond, absl::InfiniteDuration()}) {
    SCOPED_TRACE(timeout);
    future<void> task = waiting(with_timeout(make_ready_future(), timeout));
    count_from_here();
    iterate();
    EXPECT_THAT(taken(), ElementsAre("value@1"));
    EXPECT_THAT(task, IsOk());
  }
}

TEST_F(WithTimeoutTest, PassesTheErrorOn) {  // S100
  EXPECT_THAT(
      loop.run_until_complete(with_timeout(
          error_later(kSecond, absl::AbortedError("x")), absl::Seconds(2))),
      StatusIs(absl::StatusCode::kAborted, "x"));
}

TEST_F(WithTimeoutTest, InfiniteIsNone) {  // S98
  EXPECT_THAT(loop.run_until_complete(with_timeout(
                  number_later(absl::Hours(99), 1), absl::InfiniteDuration())),
              IsOkAndHolds(1));
}

TEST_F(WithTimeoutTest, TakesSharedFuturesAndWhatCannotBeCopied) {
  promise<no_default> p;
  auto machine = with_timeout(p.get_future(), kSecond);
  EXPECT_THAT(p.set_value(2), IsOk());
  EXPECT_EQ(loop.run_until_complete(std::move(machine))->n(), 2);
  const shared_future<int> shared = make_ready_future(3).share();
  EXPECT_THAT(loop.run_until_complete(with_timeout(shared, kSecond)),
              IsOkAndHolds(3));
  EXPECT_THAT(
      loop.run_until_complete(with_timeout(shared, absl::ZeroDuration())),
      IsOkAndHolds(3));
}

// -- Too late -----------------------------------------------------------------

TEST_F(WithTimeoutTest, CancelsAPlainFutureThereAndThen) {  // S101
  promise<void> p;
  future<void> task = waiting(with_timeout(p.get_future(), kSecond));
  loop.call_later(kSecond, [&] { EXPECT_FALSE(p.cancelled()); });
  iterate();
  loop.call_later(kSecond, [&] {
    EXPECT_TRUE(p.cancelled());
    count_from_here();
  });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("timeout@1"));
  EXPECT_EQ(elapsed(), kSecond);
}

TEST_F(WithTimeoutTest, WaitsUntilATaskHasGivenIn) {  // S101
  future<void> inner = create_task(script({
      [](script& s, absl::Status) { return s.sleep(absl::Hours(1)); },
      [](script& s, absl::Status) { return s.sleep(absl::Seconds(7)); },
      [](script& s, absl::Status) { return s.end(cancelled_error()); },
  }));
  EXPECT_THAT(loop.run_until_complete(with_timeout(std::move(inner), kSecond)),
              IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), absl::Seconds(8));
}

TEST_F(WithTimeoutTest, GivesWhatOneThatDoesNotGiveInEndsWith) {  // S101
  EXPECT_THAT(loop.run_until_complete(
                  with_timeout(stubborn(absl::Seconds(5), 5), kSecond)),
              IsOkAndHolds(5));
  EXPECT_THAT(loop.run_until_complete(with_timeout(
                  create_task(stubborn(absl::Seconds(5), 6)), kSecond)),
              IsOkAndHolds(6));
  EXPECT_EQ(elapsed(), absl::Seconds(10));
}

TEST_F(WithTimeoutTest, AMachineGetsItAtItsOwnAwait) {  // S101
  promise<void> p;
  shared_future<void> inner = p.get_future();
  EXPECT_THAT(loop.run_until_complete(with_timeout(
                  script({
                      [&](script& s, absl::Status) { return s.on(inner); },
                      [](script& s, absl::Status status) {
                        EXPECT_THAT(status, IsCancelled());
                        return s.end(absl::DataLossError("cleaned up"));
                      },
                  }),
                  kSecond)),
              StatusIs(absl::StatusCode::kDataLoss, "cleaned up"));
  EXPECT_TRUE(inner.cancelled());
}

TEST_F(WithTimeoutTest, OfAWhenAllThatFailsWithCancelledIsATimeout) {  // S101
  EXPECT_THAT(loop.run_until_complete(with_timeout(
                  when_all(stubborn(absl::Seconds(2), 1)), kSecond)),
              IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

// -- Zero or less -------------------------------------------------------------

TEST_F(WithTimeoutTest, OfZeroCancelsAndTakesTwoHops) {  // S99
  promise<void> p;
  shared_future<void> inner = p.get_future();
  future<void> task = waiting(with_timeout(inner, absl::ZeroDuration()));
  count_from_here();
  iterate();
  EXPECT_TRUE(inner.cancelled());
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("timeout@3"));
}

TEST_F(WithTimeoutTest, OfZeroNeverStartsAMachine) {  // S99
  EXPECT_THAT(loop.run_until_complete(with_timeout(calling([]() -> int {
                                                     ADD_FAILURE();
                                                     return 0;
                                                   }),
                                                   -kSecond)),
              IsKind(error_kind::timeout, _));
}

TEST_F(WithTimeoutTest, OfZeroWaitsForATaskAndGivesItsValueOrError) {  // S99
  future<int> inner = create_task(stubborn(absl::Seconds(3), 3));
  iterate();
  EXPECT_THAT(loop.run_until_complete(
                  with_timeout(std::move(inner), absl::ZeroDuration())),
              IsOkAndHolds(3));
  EXPECT_EQ(elapsed(), absl::Seconds(3));
  future<void> failing = create_task(script({
      [](script& s, absl::Status) { return s.sleep(absl::Hours(1)); },
      [](script& s, absl::Status) { return s.end(absl::DataLossError("x")); },
  }));
  iterate();
  EXPECT_THAT(loop.run_until_complete(
                  with_timeout(std::move(failing), absl::ZeroDuration())),
              StatusIs(absl::StatusCode::kDataLoss, "x"));
}

TEST_F(WithTimeoutTest, OfZeroCancelledMeanwhileLeavesTheTaskAlone) {  // S104
  shared_future<int> inner = create_task(stubborn(absl::Seconds(3), 3));
  iterate();
  future<int> task = create_task(with_timeout(inner, absl::ZeroDuration()));
  iterate(2);
  count_from_here();
  EXPECT_TRUE(task.cancel());
  iterate();
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(inner.task().cancelling(), 1u);  // By the time-out alone.
  run_until_idle();
  EXPECT_THAT(inner.result(), IsOkAndHolds(3));
}

// -- Races --------------------------------------------------------------------

TEST_F(WithTimeoutTest, AtTheSameInstantTheTimeoutWins) {  // S102
  for (const bool result_first : {true, false}) {
    SCOPED_TRACE(result_first);
    promise<void> p;
    shared_future<void> inner = p.get_future();
    const auto complete = [&] {
      loop.call_later(kSecond, [&] { p.set_value().IgnoreError(); });
    };
    if (result_first) complete();
    future<void> task = waiting(with_timeout(inner, kSecond));
    iterate();
    if (!result_first) complete();
    run_until_idle();
    EXPECT_THAT(task, IsKind(error_kind::timeout, _));
    // Which timer is older decides whether the result is kept.
    EXPECT_EQ(inner.cancelled(), !result_first);
  }
}

TEST_F(WithTimeoutTest, ASleepThatEndsAtThatInstantIsCancelled) {  // S102, S57
  future<int> inner = create_task(number_later(kSecond, 1));
  iterate();
  EXPECT_THAT(loop.run_until_complete(with_timeout(std::move(inner), kSecond)),
              IsKind(error_kind::timeout, _));
}

TEST_F(WithTimeoutTest, CancellingTheWaitingTaskIsPassedOn) {  // S103
  shared_future<int> inner = create_task(number_later(absl::Hours(1), 1));
  future<int> task = create_task(with_timeout(inner, absl::Seconds(9)));
  iterate();
  EXPECT_TRUE(task.cancel());
  run_until_idle();
  EXPECT_TRUE(inner.cancelled());
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

TEST_F(WithTimeoutTest, WhatDoesNotGiveInIsDeliveredAllTheSame) {  // S103
  future<int> task = create_task(with_timeout(
      create_task(stubborn(absl::Seconds(3), 3)), absl::Seconds(9)));
  iterate(2);
  EXPECT_TRUE(task.cancel());
  run_until_idle();
  EXPECT_EQ(task.task().cancelling(), 1u);
  EXPECT_THAT(std::move(task).result(), IsOkAndHolds(3));
}

TEST_F(WithTimeoutTest, CancelledBetweenEndAndResumptionItIsCancelled) {
  // S103, S57
  promise<void> p;
  shared_future<void> inner = p.get_future();
  future<void> task = waiting(with_timeout(inner, kSecond));
  iterate();
  EXPECT_THAT(p.set_value(), IsOk());
  EXPECT_TRUE(task.cancel());
  iterate();
  EXPECT_TRUE(task.cancelled());
  EXPECT_THAT(inner, IsOk());
}

TEST_F(WithTimeoutTest, CancelledWhileItWaitsForTheEndIsNoTimeout) {  // S104
  future<void> inner = create_task(script({
      [](script& s, absl::Status) { return s.sleep(absl::Hours(1)); },
      [](script& s, absl::Status) { return s.sleep(absl::Seconds(7)); },
      [](script& s, absl::Status status) { return s.end(status); },
  }));
  future<void> task = create_task(with_timeout(std::move(inner), kSecond));
  loop.call_later(absl::Seconds(2), [&] { EXPECT_TRUE(task.cancel()); });
  run_until_idle();
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(WithTimeoutTest, OfATimeoutGoesToTheShorterOne) {  // S111
  EXPECT_THAT(
      loop.run_until_complete(with_timeout(
          with_timeout(number_later(absl::Hours(1), 1), absl::Seconds(2)),
          absl::Seconds(5))),
      IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(WithTimeoutTest, NeverAwaitedItLeavesTheFutureAlone) {
  promise<void> p;
  { auto never = with_timeout(p.get_future(), kSecond); }
  EXPECT_FALSE(p.cancelled());
}

}  // namespace
}  // namespace ratchet
