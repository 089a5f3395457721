// Cancelling tasks: rules S52 to S71 of docs/asyncio.md.

#include <functional>
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

namespace ratchet {
namespace {

using ::ratchet::test::IsCancelled;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TaskCancelTest : public loop_test {
 public:
  using loop_test::loop;
  using loop_test::mark;
  using loop_test::mark_iteration;
};

std::string text_of(const absl::Status& s) {
  if (s.ok()) return "ok";
  return is_cancelled(s) ? "cancelled" : std::string(s.message());
}

// Awaits its sources one after the other, marks how each await ended ("a1 ok"),
// and goes on whatever it was, as `try: await f / except: pass` does. Ends with
// how many there were, or, if told so, with the last error.
class steps final : public task<int> {
 public:
  using source = std::function<shared_future<int>()>;

  steps(TaskCancelTest& t, std::string name, std::vector<source> sources)
      : t_(t), name_(std::move(name)), sources_(std::move(sources)) {}
  steps ending_with_the_error() && {
    with_error_ = true;
    return std::move(*this);
  }

  step start() {
    t_.mark_iteration(name_ + " starts");
    return next(absl::OkStatus());
  }

 private:
  step next(const absl::Status& s) {
    if (n_ == sources_.size()) {
      if (with_error_ && !s.ok()) return fail(s);
      return done(static_cast<int>(n_));
    }
    const shared_future<int> f = sources_[n_++]();
    if (!f.valid()) return yield<&steps::after>();
    return await<&steps::after_value>(f);
  }
  step after_value(absl::StatusOr<int> r) { return after(r.status()); }
  step after(absl::Status s) {
    t_.mark_iteration(absl::StrCat(name_, n_, " ", text_of(s)));
    return next(s);
  }

  TaskCancelTest& t_;
  std::string name_;
  std::vector<source> sources_;
  size_t n_ = 0;
  bool with_error_ = false;
};

// What steps::source can be besides a future.
steps::source a_yield() {
  return [] { return shared_future<int>(); };
}
steps::source ready(int n = 1) {
  return [n] { return shared_future<int>(make_ready_future(n)); };
}
steps::source of(shared_future<int> f) {
  return [f = std::move(f)] { return f; };
}
// Does something first.
steps::source doing(std::function<void()> f, steps::source then) {
  return [f = std::move(f), then = std::move(then)] {
    f();
    return then();
  };
}

// Ends cancelled as soon as anything is.
class gives_in final : public task<int> {
 public:
  explicit gives_in(shared_future<int> f) : f_(std::move(f)) {}
  step start() { return await<&gives_in::next>(f_); }

 private:
  step next(int x) { return done(x); }
  shared_future<int> f_;
};

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
  explicit sleeper(TaskCancelTest& t, absl::Duration length)
      : t_(t), length_(length) {}
  step start() { return sleep_for<&sleeper::wake>(length_); }

 private:
  step wake(absl::Status s) {
    t_.mark_iteration(absl::StrCat("woken ", text_of(s)));
    return done(s);
  }
  TaskCancelTest& t_;
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

TEST_F(TaskCancelTest, OfItselfIsDeliveredAtTheNextSuspension) {  // S59
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

TEST_F(TaskCancelTest, OfItselfBeforeAYieldOrASleep) {  // S59
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
  ends_cancelling(TaskCancelTest& t, bool error) : t_(t), error_(error) {}
  step start() {
    EXPECT_TRUE(t_.loop.current_task().cancel());
    if (error_) return fail(absl::NotFoundError("x"));
    return done(1);
  }

 private:
  TaskCancelTest& t_;
  bool error_;
};

TEST_F(TaskCancelTest, OfItselfThenAValueIsDiscardedButAnErrorWins) {  // S59
  future<int> a = create_task(ends_cancelling(*this, false));
  future<int> b = create_task(ends_cancelling(*this, true));
  iterate();
  EXPECT_TRUE(a.cancelled());
  EXPECT_EQ(b.status(), absl::NotFoundError("x"));
}

class calls final : public task<int> {
 public:
  explicit calls(TaskCancelTest& t) : t_(t) {}
  step start() { return await<&calls::next>(ends_cancelling(t_, false)); }

 private:
  step next(int n) {
    t_.mark(absl::StrCat("callee gave ", n));
    return done(n);
  }
  TaskCancelTest& t_;
};

TEST_F(TaskCancelTest, OfItselfInACalleeIsDiscardedAtTheEndOfTheTask) {  // S59
  future<int> a = create_task(calls(*this));
  iterate();
  EXPECT_THAT(taken(), ElementsAre("callee gave 1"));  // No suspension: S71.
  EXPECT_TRUE(a.cancelled());
}

TEST_F(TaskCancelTest, TwoRequestsBeforeDeliveryAreOneCancelled) {  // S60
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

TEST_F(TaskCancelTest, ARequestAfterDeliveryIsANewOne) {  // S61
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

TEST_F(TaskCancelTest, ABodyThatSuppressesItGoesOnAsIfNothingHadHappened) {
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

TEST_F(TaskCancelTest, UncancelCountsDownToZero) {  // S63
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

TEST_F(TaskCancelTest, UncancelWithdrawsARequestThatWasNotDelivered) {  // S63
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

TEST_F(TaskCancelTest, UncancelToMoreThanZeroWithdrawsNothing) {  // S63
  future<int> a = create_task(steps(*this, "a", {a_yield()}));
  count_from_here();
  iterate();
  EXPECT_TRUE(a.cancel());
  EXPECT_TRUE(a.cancel());
  EXPECT_EQ(a.task().uncancel(), 1u);
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a1 cancelled@2"));
}

TEST_F(TaskCancelTest, UncancelDoesNotReviveAWaiterThatWasCancelled) {  // S63
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

TEST_F(TaskCancelTest, UncancelOnADoneTaskCountsOnly) {  // S63
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

TEST_F(TaskCancelTest, AnsweredWithAnErrorItHasFailed) {  // S64
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
  scope(TaskCancelTest& t, int depth, shared_future<int> f)
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
  TaskCancelTest& t_;
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

TEST_F(TaskCancelTest, APointWithoutSuspensionDoesNotDeliver) {  // S71
  const auto cancel_self = [this] { loop.current_task().cancel(); };
  future<int> a = create_task(
      steps(*this, "a", {doing(cancel_self, ready()), ready(), a_yield()}));
  count_from_here();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a1 ok@1", "a2 ok@1",
                                   "a3 cancelled@2"));
}

TEST_F(TaskCancelTest, LooksAtItsErrorAlsoWhenItReturnsFalse) {  // S38, S52
  {
    future<int> a = create_task(ends_cancelling(*this, true));
    run_until_idle();
    EXPECT_TRUE(a.unretrieved());
    EXPECT_FALSE(a.cancel());
    EXPECT_FALSE(a.unretrieved());
  }
  EXPECT_THAT(reports, IsEmpty());
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
