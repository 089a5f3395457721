#include "ratchet/shield.h"

#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "ratchet/when_all.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

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
using ::testing::IsEmpty;

class ShieldTest : public test::loop_test {};

TEST_F(ShieldTest, ADoneFutureComesBackAsItIs) {  // S115
  const shared_future<int> done = make_ready_future(1).share();
  EXPECT_EQ(shield(done), done);
  shared_future<int> failed =
      make_error_future<int>(absl::AbortedError("x")).share();
  EXPECT_EQ(shield(failed), failed);
  EXPECT_THAT(failed, StatusIs(absl::StatusCode::kAborted, "x"));
}

TEST_F(ShieldTest, CopiesTheValueOneHopAfterTheInnerOne) {  // S116
  promise<int> p;
  auto outer = shield(p.get_future());
  outer.add_done_callback(marks_iteration("outer"));
  count_from_here();
  EXPECT_THAT(p.set_value(1), IsOk());
  EXPECT_FALSE(outer.done());
  iterate();
  EXPECT_TRUE(outer.done());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("outer@2"));
  EXPECT_THAT(std::move(outer).result(), IsOkAndHolds(1));
}

TEST_F(ShieldTest, CopiesTheErrorAndLooksAtIt) {  // S116, S38
  {
    promise<int> p;
    auto outer = shield(p.get_future());
    EXPECT_THAT(p.set_error(absl::AbortedError("x")), IsOk());
    iterate();
    EXPECT_THAT(outer, StatusIs(absl::StatusCode::kAborted, "x"));
  }
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(ShieldTest, CopiesTheCancellation) {  // S116
  promise<int> p;
  shared_future<int> inner = p.get_future();
  auto outer = shield(inner);
  inner.cancel();
  iterate();
  EXPECT_TRUE(outer.cancelled());
}

TEST_F(ShieldTest, TakesVoidSharedMachinesAndWhatCannotBeCopied) {
  EXPECT_THAT(
      loop.run_until_complete(shield(number_later(absl::Seconds(1), 1))),
      IsOkAndHolds(1));
  promise<void> v;
  future<void> outer = shield(v.get_future());
  promise<no_default> p;
  future<no_default> odd = shield(p.get_future());
  promise<int> s;
  const shared_future<int> inner = s.get_future();
  const shared_future<int> shared = shield(inner);
  EXPECT_THAT(v.set_value(), IsOk());
  EXPECT_THAT(p.set_value(3), IsOk());
  EXPECT_THAT(s.set_value(4), IsOk());
  iterate();
  EXPECT_THAT(outer, IsOk());
  EXPECT_EQ(std::move(odd).result()->n(), 3);
  EXPECT_THAT(shared.result(), IsOkAndHolds(4));
  EXPECT_THAT(inner.result(), IsOkAndHolds(4));  // Copied, not moved.
}

// -- Cancelling ---------------------------------------------------------------

TEST_F(ShieldTest, StopsTheCancellationOfTheOuterOne) {  // S117
  shared_future<int> inner = create_task(number_later(absl::Seconds(1), 1));
  auto outer = shield(inner);
  iterate();
  EXPECT_TRUE(outer.cancel());
  EXPECT_TRUE(outer.cancelled());
  EXPECT_FALSE(outer.cancel());
  EXPECT_EQ(inner.task().cancelling(), 0u);
  run_until_idle();
  EXPECT_THAT(inner.result(), IsOkAndHolds(1));
}

TEST_F(ShieldTest, StopsTheCancellationOfATaskThatAwaitsIt) {  // S117
  promise<void> p;
  shared_future<void> inner = p.get_future();
  future<void> task = create_task(script({
      [&](script& s, absl::Status) { return s.on(shield(inner)); },
      [this](script& s, absl::Status status) {
        mark_iteration("resumed");
        return s.end(status);
      },
  }));
  iterate();
  count_from_here();
  EXPECT_TRUE(task.cancel());
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("resumed@1"));
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(inner.done());
}

TEST_F(ShieldTest, AfterThatAnErrorIsReportedLikeAnyOther) {  // S118
  {
    promise<int> p;
    auto outer = shield(p.get_future());
    outer.cancel();
    iterate();  // The link is cut.
    EXPECT_THAT(p.set_error(absl::AbortedError("late")), IsOk());
    iterate(2);
  }
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_THAT(reports[0].status, StatusIs(absl::StatusCode::kAborted, "late"));
}

TEST_F(ShieldTest, AnErrorBeforeTheLinkIsCutCountsAsLookedAt) {  // S118
  {
    promise<int> p;
    auto outer = shield(p.get_future());
    outer.cancel();
    EXPECT_THAT(p.set_error(absl::AbortedError("in time")), IsOk());
    iterate(2);
  }
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(ShieldTest, AResultAfterTheCancellationIsDropped) {
  promise<int> p;
  auto outer = shield(p.get_future());
  EXPECT_TRUE(outer.cancel());
  EXPECT_THAT(p.set_value(1), IsOk());
  iterate(2);
  EXPECT_TRUE(outer.cancelled());
}

TEST_F(ShieldTest, CancelledBetweenCompletionAndCallbackItIsCancelled) {
  promise<int> p;
  shared_future<int> inner = p.get_future();
  auto outer = shield(inner);
  EXPECT_THAT(p.set_value(1), IsOk());
  EXPECT_TRUE(outer.cancel());
  iterate(2);
  EXPECT_TRUE(outer.cancelled());
  EXPECT_THAT(inner.result(), IsOkAndHolds(1));
}

TEST_F(ShieldTest, DroppingItLetsTheInnerOneGoOn) {
  shared_future<int> inner = create_task(number_later(absl::Seconds(1), 1));
  (void)shield(inner);
  run_until_idle();
  EXPECT_THAT(inner.result(), IsOkAndHolds(1));
}

TEST_F(ShieldTest, ADroppedOneReportsTheErrorThatItTook) {  // S38, S116
  {
    promise<int> p;
    (void)shield(p.get_future());
    EXPECT_THAT(p.set_error(absl::AbortedError("x")), IsOk());
    iterate(2);
  }
  EXPECT_EQ(reports.size(), 1u);
}

// -- With others --------------------------------------------------------------

TEST_F(ShieldTest, AShieldedWhenAllSurvives) {  // S119
  shared_future<int> child = create_task(number_later(absl::Seconds(1), 1));
  auto outer = shield(when_all(child));
  iterate();
  EXPECT_TRUE(outer.cancel());
  run_until_idle();
  EXPECT_THAT(child.result(), IsOkAndHolds(1));
}

TEST_F(ShieldTest, AWhenAllOfShieldsEndsAndTheChildrenSurvive) {  // S119
  shared_future<int> child = create_task(number_later(absl::Seconds(1), 1));
  auto all = when_all(shield(child));
  iterate();
  EXPECT_TRUE(all.cancel());
  iterate();
  EXPECT_THAT(all, IsCancelled());
  run_until_idle();
  EXPECT_THAT(child.result(), IsOkAndHolds(1));
}

TEST_F(ShieldTest, ATimeoutDoesNotReachTheInnerOne) {  // S101, S117
  shared_future<int> child = create_task(number_later(absl::Seconds(5), 5));
  EXPECT_THAT(
      loop.run_until_complete(with_timeout(shield(child), absl::Seconds(1))),
      IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), absl::Seconds(1));
  run_until_idle();
  EXPECT_THAT(child.result(), IsOkAndHolds(5));
}

TEST_F(ShieldTest, OfAShieldAddsAHop) {
  promise<int> p;
  auto outer = shield(shield(p.get_future()));
  outer.add_done_callback(marks_iteration("outer"));
  count_from_here();
  EXPECT_THAT(p.set_value(1), IsOk());
  iterate(4);
  EXPECT_THAT(taken(), ElementsAre("outer@3"));
}

TEST_F(ShieldTest, SaysWhatItIs) {
  promise<int> p;
  auto outer = shield(p.get_future());
  std::ostringstream out;
  out << outer;
  EXPECT_EQ(out.str(), "<shield pending>");
}

}  // namespace
}  // namespace ratchet
