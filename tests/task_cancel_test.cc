// Requests to cancel tasks, and where they go: rules S52 to S58 and S65 to S70
// of docs/asyncio.md.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/steps.h"

namespace ratchet {
namespace {

using ::ratchet::test::a_yield;
using ::ratchet::test::doing;
using ::ratchet::test::gives_in;
using ::ratchet::test::IsCancelled;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::machine_test;
using ::ratchet::test::of;
using ::ratchet::test::ready;
using ::ratchet::test::steps;
using ::ratchet::test::text_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using TaskCancelTest = machine_test;

TEST_F(TaskCancelTest, OnADoneTaskReturnsFalseAndChangesNothing) {  // S52
  future<int> a = create_task(gives_in(make_ready_future(1)));
  run_until_idle();
  EXPECT_FALSE(a.cancel());
  EXPECT_EQ(a.task().cancelling(), 0u);
  EXPECT_THAT(a.result(), IsOkAndHolds(1));
}

TEST_F(TaskCancelTest, IsARequest) {  // S53
  promise<int> p;
  future<int> a = create_task(gives_in(p.get_future()));
  iterate();
  EXPECT_TRUE(a.cancel());
  EXPECT_EQ(a.task().cancelling(), 1u);
  EXPECT_FALSE(a.done());
  EXPECT_FALSE(a.cancelled());
  iterate();
  EXPECT_TRUE(a.cancelled());
  EXPECT_THAT(a.status(), IsCancelled());
  EXPECT_EQ(a.task().cancelling(), 1u);
}

TEST_F(TaskCancelTest, CancelsThePlainFutureItWaitsForAtOnce) {  // S54
  promise<int> p;
  shared_future<int> f = p.get_future();
  count_from_here();
  f.add_done_callback(marks_iteration("callback"));
  future<int> a = create_task(steps(*this, "a", {of(f)}));
  future<int> b = create_task(steps(*this, "b", {of(f)}));
  iterate();
  EXPECT_TRUE(a.cancel());
  EXPECT_TRUE(f.cancelled());  // For its other awaiters, too.
  EXPECT_TRUE(p.cancelled());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "b starts@1", "callback@2",
                                   "a1 cancelled@2", "b1 cancelled@2"));
  EXPECT_EQ(b.task().cancelling(), 0u);
}

TEST_F(TaskCancelTest, PassesTheRequestOnToTheTaskItWaitsFor) {  // S55
  promise<int> p;
  count_from_here();
  shared_future<int> inner = create_task(
      steps(*this, "inner", {of(p.get_future())}).ending_with_the_error());
  future<int> outer = create_task(steps(*this, "outer", {of(inner)}));
  iterate();
  (void)taken();
  EXPECT_TRUE(outer.cancel());
  EXPECT_TRUE(p.cancelled());
  EXPECT_EQ(inner.task().cancelling(), 1u);
  iterate();
  EXPECT_TRUE(inner.cancelled());
  EXPECT_FALSE(outer.done());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("inner1 cancelled@2", "outer1 cancelled@3"));
}

TEST_F(TaskCancelTest, IfTheInnerTaskDoesNotGiveInTheOuterGoesOn) {  // S55
  promise<int> p;
  shared_future<int> inner =
      create_task(steps(*this, "inner", {of(p.get_future())}));
  future<int> outer = create_task(steps(*this, "outer", {of(inner)}));
  count_from_here();
  iterate();
  EXPECT_TRUE(outer.cancel());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("inner starts@1", "outer starts@1",
                                   "inner1 cancelled@2", "outer1 ok@3"));
  EXPECT_EQ(outer.task().cancelling(), 1u);
  EXPECT_THAT(outer.result(), IsOkAndHolds(1));
}

TEST_F(TaskCancelTest, ASharedInnerTaskIsCancelledForEverybody) {  // S56
  promise<int> p;
  shared_future<int> inner = create_task(gives_in(p.get_future()));
  future<int> a = create_task(gives_in(inner));
  future<int> b = create_task(gives_in(inner));
  iterate();
  EXPECT_TRUE(a.cancel());
  run_until_idle();
  EXPECT_TRUE(inner.cancelled());
  EXPECT_TRUE(a.cancelled());
  EXPECT_TRUE(b.cancelled());
  EXPECT_EQ(b.task().cancelling(), 0u);
}

TEST_F(TaskCancelTest, AlreadyWokenItGetsCancelledInPlaceOfTheResult) {  // S57
  promise<int> p;
  shared_future<int> f = p.get_future();
  future<int> a = create_task(steps(*this, "a", {of(f), a_yield()}));
  iterate();
  count_from_here();
  ASSERT_THAT(p.set_value(5), IsOk());
  EXPECT_TRUE(a.cancel());
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a1 cancelled@1", "a2 ok@2"));
  EXPECT_THAT(f.result(), IsOkAndHolds(5));  // It stays in the future.
}

TEST_F(TaskCancelTest,
       AlreadyWokenWithAnErrorItCountsAsRetrieved) {  // S57, S38
  {
    promise<int> p;
    shared_future<int> f = p.get_future();
    future<int> a = create_task(gives_in(f));
    iterate();
    ASSERT_THAT(p.set_error(absl::NotFoundError("x")), IsOk());
    EXPECT_TRUE(a.cancel());
    iterate();
    EXPECT_TRUE(a.cancelled());
    EXPECT_FALSE(f.unretrieved());
  }
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(TaskCancelTest, DuringAYieldItIsRemembered) {  // S58
  future<int> a = create_task(steps(*this, "a", {a_yield(), a_yield()}));
  count_from_here();
  iterate();
  EXPECT_TRUE(a.cancel());
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a1 cancelled@2", "a2 ok@3"));
}

class sleeper final : public task<void> {
 public:
  explicit sleeper(machine_test& t, absl::Duration length)
      : t_(t), length_(length) {}
  step start() { return sleep_for<&sleeper::wake>(length_); }

 private:
  step wake(absl::Status s) {
    t_.mark_iteration(absl::StrCat("woken ", text_of(s)));
    return done(s);
  }
  machine_test& t_;
  absl::Duration length_;
};

TEST_F(TaskCancelTest, ASleepEndsAndItsTimerNoLongerHoldsTheLoop) {  // S47
  future<void> a = create_task(sleeper(*this, absl::Hours(1)));
  count_from_here();
  iterate();
  EXPECT_TRUE(a.cancel());
  EXPECT_TRUE(a.cancel());  // Twice before delivery: one Cancelled.
  EXPECT_THAT(taken(), IsEmpty());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("woken cancelled@2"));
  EXPECT_TRUE(a.cancelled());
  run_until_idle();
  EXPECT_EQ(elapsed(), absl::ZeroDuration());  // S9
}

TEST_F(TaskCancelTest, ASleepThatIsOverButNotWokenIsCancelledToo) {  // S57
  future<void> a = create_task(sleeper(*this, absl::Seconds(1)));
  iterate();
  clock.advance(absl::Seconds(1));
  count_from_here();
  iterate();  // Its timer.
  EXPECT_TRUE(a.cancel());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("woken cancelled@2"));
}

TEST_F(TaskCancelTest, ATimerThatIsDueInTheSameBatchDoesNotWakeItTwice) {
  // S46, S8
  future<void> a = create_task(sleeper(*this, absl::Seconds(1)));
  iterate();
  loop.call_soon([&] { EXPECT_TRUE(a.cancel()); });
  clock.advance(absl::Seconds(1));
  count_from_here();
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("woken cancelled@2"));
}

TEST_F(TaskCancelTest, BeforeTheFirstStepTheBodyNeverRuns) {  // S65
  count_from_here();
  future<int> a = create_task(steps(*this, "a", {}));
  a.add_done_callback(marks_iteration("callback"));
  loop.call_soon([&] {
    EXPECT_TRUE(a.cancelled());  // At its place in the queue.
    mark_iteration("soon");
  });
  EXPECT_TRUE(a.cancel());
  EXPECT_FALSE(a.done());
  run_until_idle();
  EXPECT_TRUE(a.cancelled());
  EXPECT_THAT(taken(), ElementsAre("soon@1", "callback@2"));
}

TEST_F(TaskCancelTest, TheAwaitedFutureIsCancelledBySomebodyElse) {  // S66
  promise<int> p;
  shared_future<int> f = p.get_future();
  future<int> a = create_task(gives_in(f));
  iterate();
  EXPECT_TRUE(f.cancel());
  iterate();
  EXPECT_TRUE(a.cancelled());
  EXPECT_EQ(a.task().cancelling(), 0u);
}

TEST_F(TaskCancelTest, CancellingBothDeliversOne) {  // S67
  for (const bool task_first : {true, false}) {
    promise<int> p;
    shared_future<int> f = p.get_future();
    future<int> a = create_task(steps(*this, "a", {of(f), a_yield()}));
    count_from_here();
    iterate();
    EXPECT_TRUE(task_first ? a.cancel() : f.cancel());
    EXPECT_EQ(task_first ? f.cancel() : a.cancel(), !task_first);
    iterate(2);
    EXPECT_THAT(taken(),
                ElementsAre("a starts@1", "a1 cancelled@2", "a2 ok@3"));
  }
}

TEST_F(TaskCancelTest, CatchingItLeavesTheAwaitedOneAsItIs) {  // S68
  promise<int> p;
  shared_future<int> inner = create_task(gives_in(p.get_future()));
  future<int> a = create_task(steps(*this, "a", {of(inner)}));
  iterate();
  EXPECT_TRUE(inner.cancel());
  run_until_idle();
  EXPECT_THAT(a.result(), IsOkAndHolds(1));
  EXPECT_TRUE(inner.cancelled());
  EXPECT_THAT(inner.result(), IsCancelled());
}

// Scopes of machines within machines, each cleaning up.
class scope final : public task<int> {
 public:
  scope(machine_test& t, int depth, shared_future<int> f)
      : t_(t), depth_(depth), f_(std::move(f)) {}
  step start() {
    if (depth_ == 0) return await<&scope::leave>(f_);
    return await<&scope::leave>(scope(t_, depth_ - 1, f_));
  }

 private:
  step leave(absl::StatusOr<int> r) {
    t_.mark_iteration(absl::StrCat("leave ", depth_));
    return done(std::move(r));
  }
  machine_test& t_;
  int depth_;
  shared_future<int> f_;
};

TEST_F(TaskCancelTest, CleansUpFromTheInsideOutwardsInOneStep) {  // S69
  promise<int> p;
  future<int> a = create_task(scope(*this, 2, p.get_future()));
  count_from_here();
  iterate();
  EXPECT_TRUE(a.cancel());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("leave 0@2", "leave 1@2", "leave 2@2"));
  EXPECT_TRUE(a.cancelled());
}

TEST_F(TaskCancelTest, WhoAskedMakesNoDifference) {  // S70
  promise<int> p, q, r;
  future<int> by_callback = create_task(gives_in(p.get_future()));
  future<int> by_timer = create_task(gives_in(q.get_future()));
  shared_future<int> by_task = create_task(gives_in(r.get_future()));
  loop.call_soon([&] { EXPECT_TRUE(by_callback.cancel()); });
  loop.call_later(absl::Seconds(1), [&] { EXPECT_TRUE(by_timer.cancel()); });
  future<int> killer = create_task(
      steps(*this, "k",
            {doing([&] { EXPECT_TRUE(by_task.task().cancel()); }, ready())}));
  run_until_idle();
  EXPECT_TRUE(by_callback.cancelled());
  EXPECT_TRUE(by_timer.cancelled());
  EXPECT_TRUE(by_task.cancelled());
}

TEST_F(TaskCancelTest, ReachesThroughALongChainOfTasks) {  // S55
  promise<int> p;
  shared_future<int> last = p.get_future();
  std::vector<shared_future<int>> all;
  for (int i = 0; i < 1000; ++i) {
    last = create_task(gives_in(last));
    all.push_back(last);
  }
  iterate();
  EXPECT_TRUE(last.cancel());
  EXPECT_TRUE(p.cancelled());
  run_until_idle();
  for (const auto& f : all) EXPECT_TRUE(f.cancelled());
}

}  // namespace
}  // namespace ratchet
