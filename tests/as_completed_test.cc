#include "ratchet/as_completed.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

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
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AsCompletedTest : public test::loop_test {
 protected:
  template <class F>
  using taken_one = absl::StatusOr<typename completions<F>::value_type>;

  // Takes the next of `stream` in a task, and runs until it has it.
  template <class F>
  taken_one<F> take(completions<F>& stream) {
    return loop.run_until_complete(stream.next());
  }

  // A task that takes the next one and marks its index, or the error.
  template <class F>
  future<void> taker(completions<F>& stream, const std::string& name = "") {
    auto got = std::make_shared<std::optional<taken_one<F>>>();
    return create_task(script({
        [got, &stream](script& s, absl::Status) {
          return s.on(into(stream.next(), got.get()));
        },
        [got, name, this](script& s, absl::Status status) {
          mark_iteration(status.ok() ? absl::StrCat(name, (*got)->value().index)
                         : is_cancelled(status) ? name + "cancelled"
                         : is_timeout(status)   ? name + "timeout"
                                                : name + "end");
          return s.end(status.ok() || is_timeout(status) ? absl::OkStatus()
                                                         : status);
        },
    }));
  }
};

// -- Order --------------------------------------------------------------------

TEST_F(AsCompletedTest, GivesThemInTheOrderInWhichTheyCome) {  // S92
  std::vector<number_later> machines;
  machines.emplace_back(absl::Seconds(3), 30);
  machines.emplace_back(absl::Seconds(1), 10);
  machines.emplace_back(absl::Seconds(2), 20);
  auto stream = as_completed(std::move(machines));
  for (const size_t index : {1u, 2u, 0u}) {
    EXPECT_FALSE(stream.empty());
    const auto c = take(stream);
    ASSERT_THAT(c, IsOk());
    EXPECT_EQ(c->index, index);
    const int tens = index == 0 ? 3 : static_cast<int>(index);
    EXPECT_THAT(c->result, IsOkAndHolds(tens * 10));
    EXPECT_EQ(elapsed(), absl::Seconds(tens));
  }
  EXPECT_TRUE(stream.empty());
  EXPECT_EQ(stream.size(), 0u);
}

TEST_F(AsCompletedTest, ATakerGoesOnTwoHopsAfterTheCompletion) {  // S92
  promise<int> p;
  std::vector<future<int>> futures;
  futures.push_back(p.get_future());
  auto stream = as_completed(std::move(futures));
  future<void> t = taker(stream);
  iterate();
  count_from_here();
  EXPECT_THAT(p.set_value(1), IsOk());
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("0@2"));
}

TEST_F(AsCompletedTest, WhatIsThereAlreadyIsTakenWithoutSuspending) {  // S92
  promise<int> p;
  std::vector<future<int>> futures;
  futures.push_back(make_ready_future(1));
  futures.push_back(make_ready_future(2));
  auto stream = as_completed(std::move(futures));
  iterate();
  std::optional<taken_one<future<int>>> got;
  future<void> task = create_task(script({
      [&](script& s, absl::Status) { return s.on(into(stream.next(), &got)); },
      [&](script& s, absl::Status) {
        mark_iteration(absl::StrCat((*got)->index));
        return s.on(into(stream.next(), &got));
      },
      [&](script& s, absl::Status) {
        mark_iteration(absl::StrCat((*got)->index));
        return s.end();
      },
  }));
  count_from_here();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("0@1", "1@1"));
}

TEST_F(AsCompletedTest, WhatWasDoneAtTheCallComesFirst) {  // S93
  promise<int> p;
  std::vector<future<int>> futures;
  futures.push_back(p.get_future());
  futures.push_back(make_ready_future(2));
  futures.push_back(make_ready_future(3));
  EXPECT_THAT(p.set_value(1), IsOk());
  futures.push_back(create_task(number_later(absl::ZeroDuration(), 4)));
  auto stream = as_completed(std::move(futures));
  for (size_t i = 0; i < 4; ++i) {
    const auto c = take(stream);
    ASSERT_THAT(c, IsOk());
    EXPECT_EQ(c->index, i);
  }
}

TEST_F(AsCompletedTest, TheWaitBeginsWithTheCall) {  // S92
  promise<int> a;
  promise<int> b;
  std::vector<future<int>> futures;
  futures.push_back(a.get_future());
  futures.push_back(b.get_future());
  auto stream = as_completed(std::move(futures));
  EXPECT_THAT(b.set_value(2), IsOk());
  iterate(5);
  EXPECT_THAT(a.set_value(1), IsOk());
  iterate(5);
  EXPECT_EQ(stream.size(), 2u);
  EXPECT_EQ(take(stream)->index, 1u);
  EXPECT_EQ(stream.size(), 1u);
  EXPECT_EQ(take(stream)->index, 0u);
}

TEST_F(AsCompletedTest, AnErrorIsAResultAndDoesNotAffectTheOthers) {  // S94
  promise<int> p;
  shared_future<int> cancelled = p.get_future();
  std::vector<shared_future<int>> futures = {
      create_task(error_later(absl::Seconds(1), absl::AbortedError("x"))),
      cancelled, create_task(number_later(absl::Seconds(2), 2))};
  auto stream = as_completed(futures);
  futures.clear();
  cancelled.cancel();
  EXPECT_THAT(take(stream)->result, IsCancelled());
  EXPECT_THAT(take(stream)->result, StatusIs(absl::StatusCode::kAborted, "x"));
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(2));
  EXPECT_THAT(reports, IsEmpty());
}

// -- Arguments ----------------------------------------------------------------

TEST_F(AsCompletedTest, OfNothingGivesNothingAndDoesNotSuspend) {  // S96
  auto stream = as_completed(std::vector<future<int>>());
  EXPECT_TRUE(stream.empty());
  future<void> t = taker(stream);
  count_from_here();
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("end@1"));
  EXPECT_THAT(t, StatusIs(absl::StatusCode::kOutOfRange,
                          HasSubstr("every completion has been taken")));
}

TEST_F(AsCompletedTest, AnEmptyHandleIsAnEmptyStream) {
  completions<future<int>> stream;
  EXPECT_TRUE(stream.empty());
  EXPECT_EQ(stream.size(), 0u);
  EXPECT_THAT(take(stream),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("taken")));
}

TEST_F(AsCompletedTest, ASharedFutureGivenTwiceCountsOnce) {  // S92
  promise<int> p;
  const shared_future<int> child = p.get_future();
  auto stream = as_completed(std::vector<shared_future<int>>{child, child});
  EXPECT_EQ(stream.size(), 1u);
  EXPECT_THAT(p.set_value(1), IsOk());
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(1));
  EXPECT_TRUE(stream.empty());
}

TEST_F(AsCompletedTest, TakesVoidAndWhatCannotBeCopied) {
  std::vector<future<void>> sleeps;
  sleeps.push_back(sleep_for(absl::Seconds(1)));
  auto voids = as_completed(std::move(sleeps));
  EXPECT_THAT(take(voids)->result, IsOk());

  promise<no_default> p;
  std::vector<future<no_default>> futures;
  futures.push_back(p.get_future());
  auto stream = as_completed(std::move(futures));
  EXPECT_THAT(p.set_value(9), IsOk());
  EXPECT_EQ(take(stream)->result->n(), 9);
}

TEST_F(AsCompletedTest, IsMovable) {
  std::vector<future<int>> futures;
  futures.push_back(create_task(number_later(absl::Seconds(1), 1)));
  auto stream = as_completed(std::move(futures));
  auto moved = std::move(stream);
  EXPECT_TRUE(stream.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_THAT(take(moved)->result, IsOkAndHolds(1));
}

// -- Time-outs ----------------------------------------------------------------

TEST_F(AsCompletedTest, ATimeoutEndsEveryTurnStillToCome) {  // S95
  std::vector<shared_future<int>> futures = {
      create_task(number_later(absl::Seconds(1), 1)),
      create_task(number_later(absl::Seconds(5), 5)),
      create_task(number_later(absl::Seconds(6), 6))};
  auto stream = as_completed(futures, absl::Seconds(2));
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(1));
  EXPECT_THAT(take(stream), IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), absl::Seconds(2));
  EXPECT_FALSE(stream.empty());
  EXPECT_THAT(take(stream), IsKind(error_kind::timeout, _));
  EXPECT_TRUE(stream.empty());
  // The futures are not cancelled.
  run_until_idle();
  EXPECT_THAT(futures[2].result(), IsOkAndHolds(6));
}

TEST_F(AsCompletedTest, WhatIsQueuedComesBeforeTheTimeout) {  // S95
  std::vector<number_later> machines;
  machines.emplace_back(absl::Seconds(3), 3);
  machines.emplace_back(absl::Seconds(1), 1);
  auto stream = as_completed(std::move(machines), absl::Seconds(2));
  EXPECT_THAT(loop.run_until_complete(sleep_for(absl::Seconds(2))), IsOk());
  iterate();
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(1));
  EXPECT_THAT(take(stream), IsKind(error_kind::timeout, _));
}

TEST_F(AsCompletedTest, TheLastCompletionTakesTheTimerAway) {  // S95, S9
  std::vector<number_later> machines;
  machines.emplace_back(absl::Seconds(1), 1);
  auto stream = as_completed(std::move(machines), absl::Hours(1));
  run_until_idle();
  EXPECT_EQ(elapsed(), absl::Seconds(1));
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(1));
}

TEST_F(AsCompletedTest, ATimeoutOfZeroExpiresInTheNextIteration) {  // S95
  promise<int> p;
  std::vector<shared_future<int>> futures = {p.get_future(),
                                             make_ready_future(2).share()};
  auto stream = as_completed(futures, absl::ZeroDuration());
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(2));
  EXPECT_THAT(take(stream), IsKind(error_kind::timeout, _));
  EXPECT_FALSE(p.cancelled());
}

TEST_F(AsCompletedTest, ACompletionInTheBatchOfTheTimeoutIsTooLate) {  // S95
  promise<int> p;
  std::vector<future<int>> futures;
  futures.push_back(p.get_future());
  auto stream = as_completed(std::move(futures), absl::Seconds(1));
  loop.call_later(absl::Seconds(1), [&] {
    // Behind the stream's timer, in the same batch.
    EXPECT_THAT(p.set_value(1), IsOk());
  });
  EXPECT_THAT(take(stream), IsKind(error_kind::timeout, _));
  EXPECT_TRUE(stream.empty());
}

TEST_F(AsCompletedTest, ACompletionBeforeTheTimerCallbackMayStillLose) {
  // S95: what counts is the callback of the future, one hop after it.
  promise<int> p;
  shared_future<int> child = p.get_future();
  loop.call_later(absl::Seconds(1),
                  [&] { EXPECT_THAT(p.set_value(1), IsOk()); });
  auto stream =
      as_completed(std::vector<shared_future<int>>{child}, absl::Seconds(1));
  EXPECT_THAT(take(stream), IsKind(error_kind::timeout, _));
  EXPECT_TRUE(stream.empty());
  EXPECT_THAT(child.result(), IsOkAndHolds(1));
}

// -- Leaving, and several takers ----------------------------------------------

TEST_F(AsCompletedTest, LeavingEarlyLetsTheOthersGoOn) {  // S96
  std::vector<shared_future<int>> futures = {
      create_task(number_later(absl::Seconds(1), 1)),
      create_task(number_later(absl::Seconds(2), 2))};
  {
    auto stream = as_completed(futures, absl::Hours(1));
    EXPECT_EQ(take(stream)->index, 0u);
  }
  run_until_idle();
  EXPECT_THAT(futures[1].result(), IsOkAndHolds(2));
  EXPECT_EQ(elapsed(), absl::Seconds(2));  // The timer went with the stream.
}

TEST_F(AsCompletedTest, LeavingWhileACompletionIsQueuedIsHarmless) {
  promise<int> p;
  std::vector<future<int>> futures;
  futures.push_back(p.get_future());
  auto stream = std::make_unique<completions<future<int>>>(
      as_completed(std::move(futures)));
  EXPECT_THAT(p.set_value(1), IsOk());
  stream.reset();
  iterate(2);
}

TEST_F(AsCompletedTest, AnErrorThatNobodyTakesIsReported) {  // S38
  {
    std::vector<future<int>> futures;
    futures.push_back(make_error_future<int>(absl::AbortedError("x")));
    auto stream = as_completed(std::move(futures));
    iterate();
  }
  EXPECT_EQ(reports.size(), 1u);
}

TEST_F(AsCompletedTest, CanBeTakenUpAgain) {  // S96
  std::vector<number_later> machines;
  for (int i = 1; i <= 3; ++i) machines.emplace_back(absl::Seconds(i), i);
  auto stream = as_completed(std::move(machines));
  EXPECT_EQ(take(stream)->index, 0u);
  EXPECT_THAT(loop.run_until_complete(sleep_for(absl::Seconds(9))), IsOk());
  EXPECT_EQ(take(stream)->index, 1u);
  EXPECT_EQ(take(stream)->index, 2u);
}

TEST_F(AsCompletedTest, TakersAreServedInTheOrderInWhichTheyCame) {
  std::vector<promise<int>> promises(3);
  std::vector<future<int>> futures;
  for (auto& p : promises) futures.push_back(p.get_future());
  auto stream = as_completed(std::move(futures));
  std::vector<future<void>> takers;
  for (const char* name : {"a", "b", "c", "d"}) {
    takers.push_back(taker(stream, name));
  }
  iterate();
  count_from_here();
  EXPECT_THAT(promises[2].set_value(2), IsOk());
  EXPECT_THAT(promises[0].set_value(0), IsOk());
  iterate(4);
  EXPECT_THAT(taken(), ElementsAre("a2@2", "b0@2"));
  // One completion is left for two takers: the last one finds out.
  EXPECT_THAT(promises[1].set_value(1), IsOk());
  iterate(4);
  EXPECT_THAT(taken(), ElementsAre("c1@6", "dend@7"));
  EXPECT_THAT(takers[3], StatusIs(absl::StatusCode::kOutOfRange, _));
}

TEST_F(AsCompletedTest, CancellingATakerCancelsNoFuture) {  // S97
  promise<int> p;
  std::vector<future<int>> futures;
  futures.push_back(p.get_future());
  auto stream = as_completed(std::move(futures));
  future<void> t = taker(stream);
  iterate();
  EXPECT_TRUE(t.cancel());
  iterate(2);
  EXPECT_TRUE(t.cancelled());
  EXPECT_FALSE(p.cancelled());
  EXPECT_THAT(p.set_value(1), IsOk());
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(1));
}

TEST_F(AsCompletedTest, ATakerCancelledAfterItWasWokenPassesItOn) {  // S97, S57
  promise<int> p;
  std::vector<future<int>> futures;
  futures.push_back(p.get_future());
  auto stream = as_completed(std::move(futures));
  future<void> first = taker(stream, "first");
  future<void> second = taker(stream, "second");
  iterate();
  EXPECT_THAT(p.set_value(1), IsOk());
  iterate();
  count_from_here();
  EXPECT_TRUE(first.cancel());  // It has been woken.
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("firstcancelled@1", "second0@2"));
}

TEST_F(AsCompletedTest, DroppingItTellsThoseWhoWait) {
  promise<int> p;
  std::vector<future<int>> futures;
  futures.push_back(p.get_future());
  auto stream = as_completed(std::move(futures));
  future<void> a = taker(stream, "a");
  future<void> b = taker(stream, "b");
  iterate();
  stream = completions<future<int>>();
  run_until_idle();
  EXPECT_THAT(a, StatusIs(absl::StatusCode::kOutOfRange, _));
  EXPECT_THAT(b, StatusIs(absl::StatusCode::kOutOfRange, _));
}

using AsCompletedDeathTest = AsCompletedTest;

TEST_F(AsCompletedDeathTest, RefusesFuturesOfAnotherLoop) {
  promise<int> here;
  event_loop other(clock);
  std::vector<future<int>> futures;
  futures.push_back(here.get_future());
  EXPECT_DEATH((void)as_completed(std::move(futures)),
               "as_completed\\(\\) was given futures of different event loops");
}

}  // namespace
}  // namespace ratchet
