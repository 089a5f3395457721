#include "ratchet/when_any.h"

#include <memory>
#include <sstream>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
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
using test::IsCancelled;
using test::IsKind;
using test::IsOk;
using test::IsOkAndHolds;
using test::no_default;
using test::number_later;
using test::StatusIs;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class WhenAnyTest : public test::loop_test {};

// -- What it gives ------------------------------------------------------------

TEST_F(WhenAnyTest, GivesTheFirstWithItsIndexAndTheRest) {
  auto first = loop.run_until_complete(when_any(
      number_later(absl::Seconds(3), 30), number_later(absl::Seconds(1), 10),
      number_later(absl::Seconds(2), 20)));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(1));
  EXPECT_EQ(first->index, 1u);
  EXPECT_THAT(first->result, IsOkAndHolds(10));
  // The others, in argument order, go on.
  ASSERT_EQ(first->rest.size(), 2u);
  EXPECT_THAT(loop.run_until_complete(std::move(first->rest[0])),
              IsOkAndHolds(30));
  EXPECT_THAT(loop.run_until_complete(std::move(first->rest[1])),
              IsOkAndHolds(20));
}

TEST_F(WhenAnyTest, AnErrorIsAResultLikeAnother) {
  const auto first = loop.run_until_complete(
      when_any(number_later(absl::Seconds(2), 1),
               error_later(absl::Seconds(1), absl::UnavailableError("down"))));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->index, 1u);
  EXPECT_THAT(first->result, StatusIs(absl::StatusCode::kUnavailable, "down"));
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(WhenAnyTest, ACancelledOneIsAResultLikeAnother) {
  promise<int> a;
  shared_future<int> child = a.get_future();
  auto any = when_any(std::vector<shared_future<int>>{child});
  child.cancel();
  const auto first = loop.run_until_complete(std::move(any));
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(first->result, IsCancelled());
}

TEST_F(WhenAnyTest, TakesRangesOfFuturesAndMachines) {
  std::vector<number_later> machines;
  for (int i = 0; i < 4; ++i) machines.emplace_back(absl::Seconds(9 - i), i);
  auto first = loop.run_until_complete(when_any(std::move(machines)));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->index, 3u);
  auto next = loop.run_until_complete(when_any(std::move(first->rest)));
  ASSERT_THAT(next, IsOk());
  EXPECT_EQ(next->index, 2u);
  EXPECT_THAT(next->result, IsOkAndHolds(2));
}

TEST_F(WhenAnyTest, CopiesAnLvalueRange) {
  promise<int> p;
  const std::vector<shared_future<int>> shared = {p.get_future(),
                                                  make_ready_future(2).share()};
  const auto first = loop.run_until_complete(when_any(shared));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->index, 1u);
  ASSERT_EQ(first->rest.size(), 1u);
  EXPECT_EQ(first->rest[0], shared[0]);
  EXPECT_TRUE(shared[1].valid());
}

TEST_F(WhenAnyTest, GivesAStatusForVoid) {
  const auto first = loop.run_until_complete(
      when_any(sleep_for(absl::Seconds(2)), sleep_for(absl::Seconds(1))));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->index, 1u);
  EXPECT_THAT(first->result, IsOk());
}

TEST_F(WhenAnyTest, MovesWhatCannotBeCopied) {
  promise<no_default> a;
  promise<no_default> b;
  auto any = when_any(a.get_future(), b.get_future());
  EXPECT_THAT(b.set_value(7), IsOk());
  const auto first = loop.run_until_complete(std::move(any));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->result->n(), 7);
}

TEST_F(WhenAnyTest, ASharedFutureMayComeTwice) {
  promise<int> p;
  const shared_future<int> child = p.get_future();
  auto any = when_any(child, child);
  EXPECT_THAT(p.set_value(1), IsOk());
  const auto first = loop.run_until_complete(std::move(any));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->index, 0u);
  ASSERT_EQ(first->rest.size(), 1u);
  EXPECT_THAT(first->rest[0].result(), IsOkAndHolds(1));
}

TEST_F(WhenAnyTest, OfNothingIsAnInvalidArgument) {
  const auto any = when_any(std::vector<future<int>>());
  EXPECT_THAT(any, StatusIs(absl::StatusCode::kInvalidArgument,
                            HasSubstr("when_any() was given no futures")));
  const auto any_ok = when_any_ok(std::vector<future<int>>());
  EXPECT_THAT(any_ok, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("no futures")));
}

// -- When ---------------------------------------------------------------------

TEST_F(WhenAnyTest, CompletesOneHopAfterTheFirstChild) {
  promise<int> a;
  promise<int> b;
  auto any = when_any(a.get_future(), b.get_future());
  any.add_done_callback(marks_iteration("outer"));
  count_from_here();
  EXPECT_THAT(b.set_value(2), IsOk());
  EXPECT_FALSE(any.done());
  iterate();
  EXPECT_TRUE(any.done());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("outer@2"));
}

TEST_F(WhenAnyTest, OfADoneFutureCompletesInTheNextIteration) {
  promise<int> a;
  auto any = when_any(a.get_future(), make_ready_future(2));
  EXPECT_FALSE(any.done());
  iterate();
  ASSERT_TRUE(any.done());
  EXPECT_EQ(any.value().index, 1u);
}

TEST_F(WhenAnyTest, ATieGoesToTheOneWhoseCallbackRunsFirst) {
  promise<int> a;
  promise<int> b;
  auto any = when_any(a.get_future(), b.get_future());
  EXPECT_THAT(b.set_value(2), IsOk());
  EXPECT_THAT(a.set_value(1), IsOk());
  const auto first = loop.run_until_complete(std::move(any));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->index, 1u);
  EXPECT_THAT(first->rest[0].result(), IsOkAndHolds(1));
}

// -- Leaving ------------------------------------------------------------------

TEST_F(WhenAnyTest, DroppingItLetsTheChildrenGoOn) {
  shared_future<int> child = create_task(number_later(absl::Seconds(1), 1));
  (void)when_any(child, shared_future<int>(child));
  run_until_idle();
  EXPECT_THAT(child.result(), IsOkAndHolds(1));
}

TEST_F(WhenAnyTest, CancellingItCancelsItAtOnceAndAsksEveryChild) {
  promise<int> a;
  future<int> task = create_task(test::stubborn(absl::Seconds(1), 2));
  shared_future<int> child = std::move(task).share();
  auto any = when_any(shared_future<int>(a.get_future()), child);
  iterate();
  EXPECT_TRUE(any.cancel());
  EXPECT_TRUE(any.cancelled());
  EXPECT_TRUE(a.cancelled());
  EXPECT_EQ(child.task().cancelling(), 1u);
  EXPECT_FALSE(any.cancel());
  run_until_idle();
  EXPECT_THAT(child.result(), IsOkAndHolds(2));
}

TEST_F(WhenAnyTest, CancellingADoneOneIsRefusedAndLeavesTheRest) {
  promise<int> a;
  promise<int> b;
  auto any = when_any(a.get_future(), b.get_future());
  EXPECT_THAT(a.set_value(1), IsOk());
  iterate();
  EXPECT_FALSE(any.cancel());
  EXPECT_FALSE(b.cancelled());
}

TEST_F(WhenAnyTest, CancellingItAfterAChildIsDoneStillCancels) {
  promise<int> a;
  promise<int> b;
  auto any = when_any(a.get_future(), b.get_future());
  EXPECT_THAT(a.set_value(1), IsOk());
  EXPECT_TRUE(any.cancel());  // The child's callback has not run.
  EXPECT_TRUE(b.cancelled());
  iterate(2);
  EXPECT_TRUE(any.cancelled());
}

TEST_F(WhenAnyTest, CancellingItInACallbackOfAChildIsHarmless) {
  promise<int> a;
  shared_future<int> child = a.get_future();
  future<any_result<shared_future<int>>> any;
  child.add_done_callback([&] { any.cancel(); });
  any = when_any(child, child);
  EXPECT_THAT(a.set_value(1), IsOk());
  iterate(3);
  EXPECT_TRUE(any.cancelled());
}

TEST_F(WhenAnyTest, DroppingTheRestInItsContinuationIsHarmless) {
  promise<int> a;
  promise<int> b;
  future<void> gone =
      when_any(a.get_future(), b.get_future())
          .then([](any_result<future<int>> first) { first.rest.clear(); });
  EXPECT_THAT(a.set_value(1), IsOk());
  EXPECT_THAT(loop.run_until_complete(std::move(gone)), IsOk());
  EXPECT_THAT(b.set_value(2), IsOk());
}

// -- when_any_ok --------------------------------------------------------------

TEST_F(WhenAnyTest, OkGivesTheFirstSuccess) {
  auto first = loop.run_until_complete(when_any_ok(
      error_later(absl::Seconds(1), absl::AbortedError("x")),
      number_later(absl::Seconds(3), 3), number_later(absl::Seconds(2), 2)));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(2));
  EXPECT_EQ(first->index, 2u);
  EXPECT_EQ(first->value, 2);
  ASSERT_EQ(first->rest.size(), 2u);
  EXPECT_THAT(first->rest[0], StatusIs(absl::StatusCode::kAborted, "x"));
  EXPECT_THAT(loop.run_until_complete(std::move(first->rest[1])),
              IsOkAndHolds(3));
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(WhenAnyTest, OkFailsWithAllErrorsInOrderOfCompletion) {
  const auto first = loop.run_until_complete(
      when_any_ok(error_later(absl::Seconds(2), absl::AbortedError("late")),
                  error_later(absl::Seconds(1), absl::DataLossError("soon"))));
  EXPECT_THAT(first, StatusIs(absl::StatusCode::kDataLoss, "soon; late"));
  EXPECT_THAT(first, IsKind(error_kind::group, _));
  EXPECT_THAT(errors_of(first.status()),
              ElementsAre(StatusIs(absl::StatusCode::kDataLoss, "soon"),
                          StatusIs(absl::StatusCode::kAborted, "late")));
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(WhenAnyTest, OkCountsACancelledChildAsFailed) {
  promise<int> a;
  shared_future<int> child = a.get_future();
  auto any = when_any_ok(
      child, create_task(error_later(absl::Seconds(1), absl::AbortedError("x")))
                 .share());
  child.cancel();
  const auto first = loop.run_until_complete(std::move(any));
  EXPECT_THAT(first, IsKind(error_kind::group, "cancelled; x"));
  EXPECT_THAT(
      errors_of(first.status()),
      ElementsAre(IsCancelled(), StatusIs(absl::StatusCode::kAborted, "x")));
}

TEST_F(WhenAnyTest, OkOfCancelledChildrenHasFailedAndIsNotCancelled) {
  promise<int> a;
  shared_future<int> child = a.get_future();
  auto any = when_any_ok(std::vector<shared_future<int>>{child});
  child.cancel();
  iterate();
  EXPECT_TRUE(any.done());
  EXPECT_FALSE(any.cancelled());
  EXPECT_THAT(any, IsKind(error_kind::group, "cancelled"));
}

TEST_F(WhenAnyTest, OkOfRacesFlattensTheErrors) {
  auto inner =
      when_any_ok(error_later(absl::Seconds(1), absl::AbortedError("a")),
                  error_later(absl::Seconds(2), absl::AbortedError("b")));
  auto outer = when_any_ok(std::move(inner));
  const auto first = loop.run_until_complete(std::move(outer));
  EXPECT_THAT(errors_of(first.status()),
              ElementsAre(StatusIs(absl::StatusCode::kAborted, "a"),
                          StatusIs(absl::StatusCode::kAborted, "b")));
}

TEST_F(WhenAnyTest, OkGivesMonostateForVoidAndMovesWhatCannotBeCopied) {
  const auto first = loop.run_until_complete(when_any_ok(make_ready_future()));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->value, std::monostate());
  const auto pointer = loop.run_until_complete(
      when_any_ok(make_ready_future(std::make_unique<int>(3))));
  ASSERT_THAT(pointer, IsOk());
  EXPECT_EQ(*pointer->value, 3);
}

TEST_F(WhenAnyTest, OkCancelledAsksOnlyThoseThatStillRun) {
  promise<int> a;
  promise<int> b;
  auto any = when_any_ok(a.get_future(), b.get_future());
  EXPECT_THAT(a.set_error(absl::AbortedError("x")), IsOk());
  iterate();
  EXPECT_TRUE(any.cancel());
  EXPECT_TRUE(any.cancelled());
  EXPECT_TRUE(b.cancelled());
}

// -- For people, and misuse ---------------------------------------------------

TEST_F(WhenAnyTest, SaysWhatItIs) {
  promise<int> p;
  std::ostringstream out;
  out << when_any(p.get_future()) << ' ' << when_any_ok(make_ready_future(1));
  EXPECT_EQ(out.str(), "<when_any pending> <when_any_ok pending>");
  iterate();
}

using WhenAnyDeathTest = WhenAnyTest;

TEST_F(WhenAnyDeathTest, RefusesFuturesOfAnotherLoop) {
  promise<int> here;
  event_loop other(clock);
  EXPECT_DEATH((void)when_any(here.get_future(), make_ready_future(1)),
               "when_any\\(\\) was given futures of different event loops");
}

}  // namespace
}  // namespace ratchet
