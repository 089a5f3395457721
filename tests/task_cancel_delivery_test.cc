// How a request to cancel a task is delivered, answered and taken back: rules
// S59 to S64 and S71 of docs/asyncio.md.

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

using TaskCancelDeliveryTest = machine_test;

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

TEST_F(TaskCancelDeliveryTest, OfItselfIsDeliveredAtTheNextSuspension) {  // S59
  promise<int> p;
  shared_future<int> f = p.get_future();
  task_handle self;
  const auto cancel_self = [&] {
    self = loop.current_task();
    EXPECT_TRUE(self.cancel());
    EXPECT_FALSE(f.done());
  };
  future<int> a =
      create_task(steps(*this, "a", {doing(cancel_self, of(f)), a_yield()}));
  count_from_here();
  iterate();
  EXPECT_TRUE(f.cancelled());  // At once, when it suspended.
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a1 cancelled@2", "a2 ok@3"));
  self = task_handle();
}

TEST_F(TaskCancelDeliveryTest, OfItselfBeforeAYieldOrASleep) {  // S59
  const auto cancel_self = [this] { loop.current_task().cancel(); };
  future<int> a = create_task(
      steps(*this, "a", {doing(cancel_self, a_yield()), a_yield()}));
  count_from_here();
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a1 cancelled@2", "a2 ok@3"));

  class sleeps final : public task<void> {
   public:
    explicit sleeps(event_loop& l) : loop_(l) {}
    step start() {
      loop_.current_task().cancel();
      return sleep_for<&sleeps::next>(absl::Hours(1));
    }

   private:
    step next() { return done(); }
    event_loop& loop_;
  };
  future<void> b = create_task(sleeps(loop));
  iterate(2);
  EXPECT_TRUE(b.cancelled());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

// Cancels itself and ends at once: with a value, an error, or after a yield.
class ends_cancelling final : public task<int> {
 public:
  ends_cancelling(machine_test& t, bool error) : t_(t), error_(error) {}
  step start() {
    EXPECT_TRUE(t_.loop.current_task().cancel());
    if (error_) return fail(absl::NotFoundError("x"));
    return done(1);
  }

 private:
  machine_test& t_;
  bool error_;
};

TEST_F(TaskCancelDeliveryTest,
       OfItselfThenAValueIsDiscardedButAnErrorWins) {  // S59
  future<int> a = create_task(ends_cancelling(*this, false));
  future<int> b = create_task(ends_cancelling(*this, true));
  iterate();
  EXPECT_TRUE(a.cancelled());
  EXPECT_EQ(b.status(), absl::NotFoundError("x"));
}

class calls final : public task<int> {
 public:
  explicit calls(machine_test& t) : t_(t) {}
  step start() { return await<&calls::next>(ends_cancelling(t_, false)); }

 private:
  step next(int n) {
    t_.mark(absl::StrCat("callee gave ", n));
    return done(n);
  }
  machine_test& t_;
};

TEST_F(TaskCancelDeliveryTest,
       OfItselfInACalleeIsDiscardedAtTheEndOfTheTask) {  // S59
  future<int> a = create_task(calls(*this));
  iterate();
  EXPECT_THAT(taken(), ElementsAre("callee gave 1"));  // No suspension: S71.
  EXPECT_TRUE(a.cancelled());
}

TEST_F(TaskCancelDeliveryTest,
       TwoRequestsBeforeDeliveryAreOneCancelled) {  // S60
  promise<int> p;
  future<int> a =
      create_task(steps(*this, "a", {of(p.get_future()), a_yield()}));
  count_from_here();
  iterate();
  EXPECT_TRUE(a.cancel());
  EXPECT_TRUE(a.cancel());
  EXPECT_EQ(a.task().cancelling(), 2u);
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a1 cancelled@2", "a2 ok@3"));
}

TEST_F(TaskCancelDeliveryTest, ARequestAfterDeliveryIsANewOne) {  // S61
  promise<int> p, clean_up;
  future<int> a = create_task(steps(
      *this, "a", {of(p.get_future()), of(clean_up.get_future()), a_yield()}));
  count_from_here();
  iterate();
  EXPECT_TRUE(a.cancel());
  iterate();
  EXPECT_TRUE(a.cancel());
  EXPECT_TRUE(clean_up.cancelled());
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a1 cancelled@2",
                                   "a2 cancelled@3", "a3 ok@4"));
}

TEST_F(TaskCancelDeliveryTest,
       ABodyThatSuppressesItGoesOnAsIfNothingHadHappened) {
  // S62
  promise<int> p;
  future<int> a =
      create_task(steps(*this, "a", {of(p.get_future()), a_yield(), ready()}));
  iterate();
  EXPECT_TRUE(a.cancel());
  run_until_idle();
  EXPECT_THAT(a.result(), IsOkAndHolds(3));
  EXPECT_FALSE(a.cancelled());
  EXPECT_EQ(a.task().cancelling(), 1u);  // Until uncancel().
}

TEST_F(TaskCancelDeliveryTest, UncancelCountsDownToZero) {  // S63
  promise<int> p;
  future<int> a = create_task(gives_in(p.get_future()));
  const task_handle task = a.task();
  EXPECT_EQ(task.uncancel(), 0u);
  EXPECT_TRUE(task.cancel());
  EXPECT_TRUE(task.cancel());
  EXPECT_EQ(task.cancelling(), 2u);
  EXPECT_EQ(task.uncancel(), 1u);
  EXPECT_EQ(task.cancelling(), 1u);
  EXPECT_EQ(task.uncancel(), 0u);
  EXPECT_EQ(task.uncancel(), 0u);
}

TEST_F(TaskCancelDeliveryTest,
       UncancelWithdrawsARequestThatWasNotDelivered) {  // S63
  // Of S65, S58 and S57.
  promise<int> p;
  future<int> a =
      create_task(steps(*this, "a", {a_yield(), of(p.get_future())}));
  count_from_here();
  EXPECT_TRUE(a.cancel());
  EXPECT_EQ(a.task().uncancel(), 0u);
  iterate();
  EXPECT_TRUE(a.cancel());
  EXPECT_EQ(a.task().uncancel(), 0u);
  iterate();
  ASSERT_THAT(p.set_value(1), IsOk());
  EXPECT_TRUE(a.cancel());
  EXPECT_EQ(a.task().uncancel(), 0u);
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a1 ok@2", "a2 ok@3"));
}

TEST_F(TaskCancelDeliveryTest, UncancelToMoreThanZeroWithdrawsNothing) {  // S63
  future<int> a = create_task(steps(*this, "a", {a_yield()}));
  count_from_here();
  iterate();
  EXPECT_TRUE(a.cancel());
  EXPECT_TRUE(a.cancel());
  EXPECT_EQ(a.task().uncancel(), 1u);
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a1 cancelled@2"));
}

TEST_F(TaskCancelDeliveryTest,
       UncancelDoesNotReviveAWaiterThatWasCancelled) {  // S63
  promise<int> p;
  future<int> a = create_task(steps(*this, "a", {of(p.get_future())}));
  future<void> b = create_task(sleeper(*this, absl::Hours(1)));
  count_from_here();
  iterate();
  EXPECT_TRUE(a.cancel());
  EXPECT_TRUE(b.cancel());
  EXPECT_EQ(a.task().uncancel(), 0u);
  EXPECT_EQ(b.task().uncancel(), 0u);
  iterate();
  EXPECT_THAT(taken(),
              ElementsAre("a starts@1", "a1 cancelled@2", "woken cancelled@2"));
}

TEST_F(TaskCancelDeliveryTest, UncancelOnADoneTaskCountsOnly) {  // S63
  promise<int> p;
  future<int> a = create_task(gives_in(p.get_future()));
  EXPECT_TRUE(a.cancel());
  run_until_idle();
  EXPECT_EQ(a.task().uncancel(), 0u);
  EXPECT_TRUE(a.cancelled());
}

// Answers Cancelled with an error, after a clean-up that waits.
class answers final : public task<int> {
 public:
  explicit answers(shared_future<int> f) : f_(std::move(f)) {}
  step start() { return await<&answers::next>(f_); }

 private:
  step next(absl::StatusOr<int> r) {
    EXPECT_THAT(r, IsCancelled());
    return yield<&answers::cleaned_up>();
  }
  step cleaned_up() { return fail(absl::AbortedError("clean-up failed")); }
  shared_future<int> f_;
};

TEST_F(TaskCancelDeliveryTest, AnsweredWithAnErrorItHasFailed) {  // S64
  promise<int> p;
  future<int> a = create_task(answers(p.get_future()));
  iterate();
  EXPECT_TRUE(a.cancel());
  iterate();
  EXPECT_FALSE(a.done());  // Only when the clean-up has ended.
  iterate();
  EXPECT_FALSE(a.cancelled());
  EXPECT_EQ(a.status(), absl::AbortedError("clean-up failed"));
}

TEST_F(TaskCancelDeliveryTest, APointWithoutSuspensionDoesNotDeliver) {  // S71
  const auto cancel_self = [this] { loop.current_task().cancel(); };
  future<int> a = create_task(
      steps(*this, "a", {doing(cancel_self, ready()), ready(), a_yield()}));
  count_from_here();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a1 ok@1", "a2 ok@1",
                                   "a3 cancelled@2"));
}

TEST_F(TaskCancelDeliveryTest,
       LooksAtItsErrorAlsoWhenItReturnsFalse) {  // S38, S52
  {
    future<int> a = create_task(ends_cancelling(*this, true));
    run_until_idle();
    EXPECT_TRUE(a.unretrieved());
    EXPECT_FALSE(a.cancel());
    EXPECT_FALSE(a.unretrieved());
  }
  EXPECT_THAT(reports, IsEmpty());
}

}  // namespace
}  // namespace ratchet
