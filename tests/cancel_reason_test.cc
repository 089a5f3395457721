// The reason of a request to cancel: where it travels, and which one is seen
// when requests meet. Where asyncio has messages for cancel(msg), what is
// expected here is what CPython 3.13 shows in the awaiting task.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/shield.h"
#include "ratchet/sleep.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/timeout.h"
#include "ratchet/when_all.h"
#include "ratchet/when_any.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsCancelled;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::ratchet::test::script;
using ::ratchet::test::StatusIs;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// "ok", "Cancelled(why)", or the message of another error.
std::string text(const absl::Status& s) {
  if (s.ok()) return "ok";
  if (!is_cancelled(s)) return std::string(s.message());
  return absl::StrCat("Cancelled(", cancel_reason(s), ")");
}

TEST(CancelReasonStatusTest, TheMessageHasTheReason) {
  EXPECT_THAT(cancelled_error("why"),
              StatusIs(absl::StatusCode::kCancelled, "cancelled: why"));
  EXPECT_THAT(cancelled_error("why"), IsCancelled());
  EXPECT_EQ(cancel_reason(cancelled_error("why")), "why");
  EXPECT_EQ(cancel_reason(cancelled_error(": odd\n")), ": odd\n");
}

TEST(CancelReasonStatusTest, WithoutOneItIsAsItWas) {
  EXPECT_EQ(cancelled_error(""), cancelled_error());
  EXPECT_EQ(cancelled_error().message(), "cancelled");
  EXPECT_EQ(cancel_reason(cancelled_error()), "");
}

TEST(CancelReasonStatusTest, OtherErrorsHaveNone) {
  EXPECT_EQ(cancel_reason(absl::OkStatus()), "");
  EXPECT_EQ(cancel_reason(absl::CancelledError("cancelled: not ours")), "");
  EXPECT_EQ(cancel_reason(absl::InternalError("cancelled: no")), "");
}

TEST(CancelReasonStatusTest, ItSurvivesAGroupError) {
  const std::vector<absl::Status> leaves = errors_of(
      internal::group_error({absl::InternalError("x"), cancelled_error("y")}));
  ASSERT_EQ(leaves.size(), 2u);
  EXPECT_EQ(cancel_reason(leaves[1]), "y");
}

class CancelReasonTest : public loop_test {
 protected:
  // A state that marks the status it gets under `name` and ends with it.
  auto ends(const std::string& name) {
    return [this, name](script& s, absl::Status status) {
      mark(absl::StrCat(name, " ", text(status)));
      return s.end(std::move(status));
    };
  }
  // A task that awaits `f` and ends as that did.
  future<void> awaiting(shared_future<void> f, const std::string& name) {
    return create_task(
        script({[f = std::move(f)](script& s, absl::Status) { return s.on(f); },
                ends(name)}));
  }
  future<void> sleeping(const std::string& name) {
    return create_task(script(
        {[](script& s, absl::Status) { return s.sleep(absl::Seconds(10)); },
         ends(name)}));
  }
  task_handle self() { return loop.current_task(); }
};

// -- Plain futures and chains

TEST_F(CancelReasonTest, OfAPlainFuture) {
  promise<int> p;
  future<int> f = p.get_future();
  EXPECT_TRUE(f.cancel("enough"));
  EXPECT_THAT(f.status(), IsCancelled());
  EXPECT_EQ(text(f.status()), "Cancelled(enough)");
  EXPECT_EQ(text(f.result().status()), "Cancelled(enough)");
  EXPECT_FALSE(f.cancel("again"));  // Settled: nothing changes.
  EXPECT_EQ(text(f.status()), "Cancelled(enough)");
}

TEST_F(CancelReasonTest, OfASleep) {
  future<void> f = sleep_for(absl::Seconds(1));
  EXPECT_TRUE(f.cancel("up"));
  EXPECT_EQ(text(f.status()), "Cancelled(up)");
}

TEST_F(CancelReasonTest, GoesUpAChainAndComesDownAgain) {
  promise<int> p;
  future<int> f = p.get_future()
                      .then([](int x) { return x; })
                      .or_else([](const absl::Status&) { return 1; })
                      .finally([] {})
                      .then_result([this](absl::StatusOr<int> r) {
                        mark(text(r.status()));
                        return r;
                      });
  EXPECT_TRUE(f.cancel("upstream"));
  run_until_idle();
  EXPECT_EQ(text(f.status()), "Cancelled(upstream)");
  EXPECT_THAT(taken(), ElementsAre("Cancelled(upstream)"));
}

TEST_F(CancelReasonTest, IsRememberedByEachKindOfContinuation) {  // S57
  promise<int> p;
  const shared_future<int> s = p.get_future();
  future<int> a = s.then([](int x) { return x; });
  future<int> b = s.or_else([](const absl::Status&) { return 1; });
  future<int> c = s.finally([] {});
  future<void> d =
      s.then_result([this](absl::StatusOr<int> r) { mark(text(r.status())); });
  ASSERT_THAT(p.set_value(1), IsOk());
  for (future<int>* f : {&a, &b, &c}) EXPECT_TRUE(f->cancel("late"));
  EXPECT_TRUE(d.cancel("first"));
  EXPECT_TRUE(d.cancel("last"));
  iterate();
  for (future<int>* f : {&a, &b, &c}) {
    EXPECT_EQ(text(f->status()), "Cancelled(late)");
  }
  EXPECT_THAT(d, IsOk());
  EXPECT_THAT(taken(), ElementsAre("Cancelled(last)"));
}

TEST_F(CancelReasonTest, OfTheSourceComesBeforeOneThatIsRemembered) {
  promise<int> p;
  future<int> source = p.get_future();
  future<void> f = std::move(source).then([](int) {});
  future<int> g =
      make_error_future<int>(cancelled_error("source")).then([](int x) {
        return x;
      });
  EXPECT_TRUE(g.cancel("late"));
  EXPECT_TRUE(f.cancel("early"));
  EXPECT_TRUE(f.cancel("late"));
  iterate();
  EXPECT_EQ(text(f.status()), "Cancelled(early)");
  EXPECT_EQ(text(g.status()), "Cancelled(source)");
}

TEST_F(CancelReasonTest, FromInsideTheCallback) {  // S59
  promise<void> p;
  shared_future<int> value;
  value = p.get_future().then([&] {
    value.cancel("value");
    return 1;
  });
  promise<int> inner;
  shared_future<int> flattened;
  flattened = make_ready_future().then([&] {
    flattened.cancel("inner");
    return inner.get_future();
  });
  shared_future<void> status;
  status = make_ready_future().then([&] {
    status.cancel("status");
    return absl::OkStatus();
  });
  shared_future<void> thrown;
  thrown = make_ready_future().then([&] {
    thrown.cancel("lost");
    return absl::InternalError("wins");
  });
  ASSERT_THAT(p.set_value(), IsOk());
  run_until_idle();
  EXPECT_EQ(text(value.status()), "Cancelled(value)");
  EXPECT_EQ(text(flattened.status()), "Cancelled(inner)");
  EXPECT_TRUE(inner.cancelled());
  EXPECT_EQ(text(status.status()), "Cancelled(status)");
  EXPECT_EQ(text(thrown.status()), "wins");
}

TEST_F(CancelReasonTest, WithAnInnerTaskThatRefuses) {
  shared_future<int> f;
  f = make_ready_future().then(
      [] { return test::stubborn(absl::Seconds(1), 7); });
  iterate(2);
  EXPECT_TRUE(f.cancel("no use"));
  run_until_idle();
  EXPECT_THAT(f.result(), IsOkAndHolds(7));
}

// A large value in the place where a reason was held.
TEST_F(CancelReasonTest, IsForgottenWhereTheCallbackAnswersIt) {  // S62
  future<std::string> f =
      make_ready_future(1).then_result([this](absl::StatusOr<int> r) {
        mark(text(r.status()));
        return std::string(100, 'x');
      });
  EXPECT_TRUE(f.cancel("a reason that is too long for a small string"));
  iterate();
  EXPECT_THAT(f.result(), IsOkAndHolds(std::string(100, 'x')));
}

// -- Tasks

TEST_F(CancelReasonTest, TwoRequestsWhileItAwaitsAFuture) {
  promise<void> p;
  future<void> f = awaiting(p.get_future(), "task");
  iterate();
  EXPECT_TRUE(f.cancel("a"));  // Cancels the future.
  EXPECT_TRUE(f.cancel("b"));  // Remembered; the wake-up is a Cancelled.
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("task Cancelled(a)"));
  EXPECT_EQ(text(f.status()), "Cancelled(a)");
  EXPECT_EQ(text(f.status()), "Cancelled(a)");  // asyncio: only the first time.
}

TEST_F(CancelReasonTest, TwoRequestsBeforeTheFirstStep) {
  future<void> f = sleeping("task");
  EXPECT_TRUE(f.cancel("a"));
  EXPECT_TRUE(f.cancel("b"));
  future<void> g = sleeping("task");
  EXPECT_TRUE(g.cancel("a"));
  EXPECT_TRUE(g.cancel());
  run_until_idle();
  EXPECT_EQ(text(f.status()), "Cancelled(b)");
  EXPECT_EQ(text(g.status()), "Cancelled()");
}

TEST_F(CancelReasonTest, TwoRequestsAfterTheWakeUp) {
  promise<void> p;
  future<void> f = awaiting(p.get_future(), "task");
  iterate();
  ASSERT_THAT(p.set_value(), IsOk());
  EXPECT_TRUE(f.cancel("a"));
  EXPECT_TRUE(f.cancel("b"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("task Cancelled(b)"));
}

TEST_F(CancelReasonTest, TheFutureIsCancelledByAnother) {  // S67
  promise<void> p;
  shared_future<void> source = p.get_future();
  future<void> f = awaiting(source, "task");
  iterate();
  EXPECT_TRUE(source.cancel("source"));
  EXPECT_TRUE(f.cancel("task"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("task Cancelled(source)"));
}

TEST_F(CancelReasonTest, TwoRequestsWhileItSleeps) {
  future<void> f = sleeping("f");
  future<void> g = sleeping("g");
  iterate();
  EXPECT_TRUE(f.cancel("a"));
  EXPECT_TRUE(f.cancel("b"));
  EXPECT_TRUE(g.cancel());
  EXPECT_TRUE(g.cancel("b"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("f Cancelled(a)", "g Cancelled()"));
}

TEST_F(CancelReasonTest, WithdrawnItIsForgotten) {  // S63
  promise<void> p;
  future<void> f = create_task(script({
      [f = shared_future<void>(p.get_future())](script& s, absl::Status) {
        return s.on(f);
      },
      [this](script& s, absl::Status status) {
        mark(text(status));
        return s.sleep(absl::Seconds(1));
      },
      ends("then"),
  }));
  iterate();
  ASSERT_THAT(p.set_value(), IsOk());
  EXPECT_TRUE(f.cancel("a"));
  EXPECT_EQ(f.task().uncancel(), 0u);
  iterate();
  EXPECT_TRUE(f.cancel());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("ok", "then Cancelled()"));
}

TEST_F(CancelReasonTest, WithdrawnTheSleepKeepsIts) {  // S63
  future<void> f = sleeping("f");
  iterate();
  EXPECT_TRUE(f.cancel("a"));
  EXPECT_TRUE(f.cancel("b"));
  EXPECT_EQ(f.task().uncancel(), 1u);
  EXPECT_EQ(f.task().uncancel(), 0u);
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("f Cancelled(a)"));
}

TEST_F(CancelReasonTest, OfOneself) {  // S59
  promise<void> never;
  shared_future<void> waited = never.get_future();
  future<void> returns = create_task(script({[this](script& s, absl::Status) {
    self().cancel("returns");
    return s.end();
  }}));
  future<void> fails = create_task(script({[this](script& s, absl::Status) {
    self().cancel("fails");
    return s.end(absl::InternalError("error"));
  }}));
  future<void> sleeps = create_task(script({[this](script& s, absl::Status) {
                                              self().cancel("first");
                                              self().cancel("last");
                                              return s.sleep(absl::Seconds(1));
                                            },
                                            ends("sleeps")}));
  future<void> yields = create_task(script({[this](script& s, absl::Status) {
                                              self().cancel("yields");
                                              return s.pause();
                                            },
                                            ends("yields")}));
  future<void> awaits = create_task(script({[&](script& s, absl::Status) {
                                              self().cancel("awaits");
                                              return s.on(waited);
                                            },
                                            ends("awaits")}));
  future<void> after = create_task(script({[this](script& s, absl::Status) {
    const step last = s.end();
    self().cancel("after done()");
    return last;
  }}));
  run_until_idle();
  EXPECT_EQ(text(returns.status()), "Cancelled(returns)");
  EXPECT_EQ(text(fails.status()), "error");
  EXPECT_EQ(text(after.status()), "Cancelled(after done())");
  EXPECT_THAT(taken(),
              ElementsAre("sleeps Cancelled(last)", "yields Cancelled(yields)",
                          "awaits Cancelled(awaits)"));
  EXPECT_EQ(text(waited.status()), "Cancelled(awaits)");
}

TEST_F(CancelReasonTest, GoesThroughTasksAndFrames) {  // S55
  future<void> inner = sleeping("inner");
  const task_handle task = inner.task();
  future<void> outer = create_task(script({
      [this, f = shared_future<void>(std::move(inner))](script& s,
                                                        absl::Status) {
        return s.on(
            script({[f](script& frame, absl::Status) { return frame.on(f); },
                    ends("frame")}));
      },
      ends("outer"),
  }));
  iterate(2);
  EXPECT_TRUE(outer.task().cancel("deep"));
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("inner Cancelled(deep)", "frame Cancelled(deep)",
                          "outer Cancelled(deep)"));
  EXPECT_EQ(text(outer.status()), "Cancelled(deep)");
}

TEST_F(CancelReasonTest, OfASecondRequestThatTheInnerTaskSees) {  // S61
  future<void> inner = create_task(script({
      [](script& s, absl::Status) { return s.sleep(absl::Seconds(10)); },
      [this](script& s, absl::Status status) {
        mark(text(status));
        return s.sleep(absl::Seconds(10));
      },
      ends("inner"),
  }));
  future<void> outer = awaiting(std::move(inner), "outer");
  iterate(2);
  EXPECT_TRUE(outer.cancel("a"));
  iterate();
  EXPECT_TRUE(outer.cancel("b"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("Cancelled(a)", "inner Cancelled(b)",
                                   "outer Cancelled(b)"));
}

TEST_F(CancelReasonTest, IsRememberedWhenWhatItAwaitsRefuses) {
  // A when_all whose children are all done, but whose turn has not come.
  promise<void> p;
  std::vector<future<void>> children;
  children.push_back(p.get_future());
  future<void> f = awaiting(when_all(std::move(children)), "task");
  iterate();
  ASSERT_THAT(p.set_value(), IsOk());
  EXPECT_TRUE(f.cancel("remembered"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("task Cancelled(remembered)"));
}

// -- Combinators

TEST_F(CancelReasonTest, OfWhenAll) {
  std::vector<promise<int>> promises(2);
  std::vector<shared_future<int>> children;
  for (promise<int>& p : promises) children.push_back(p.get_future());
  future<std::vector<int>> all = when_all(children);
  EXPECT_TRUE(all.cancel("a"));
  EXPECT_FALSE(all.cancel("b"));
  iterate();
  EXPECT_EQ(text(children[0].status()), "Cancelled(a)");
  EXPECT_EQ(text(children[1].status()), "Cancelled(a)");
  EXPECT_EQ(text(all.status()), "Cancelled(a)");
}

TEST_F(CancelReasonTest, OfWhenAllWhoseLastChildDoesNotGiveIn) {
  promise<int> p;
  std::vector<future<int>> children;
  children.push_back(p.get_future());
  children.push_back(create_task(test::stubborn(absl::Seconds(1), 1)));
  future<std::vector<absl::StatusOr<int>>> all =
      when_all_settled(std::move(children));
  iterate();
  EXPECT_TRUE(all.cancel("a"));
  run_until_idle();
  // asyncio: no message.
  EXPECT_EQ(text(all.status()), "Cancelled(a)");
}

TEST_F(CancelReasonTest, OfWhenAny) {
  promise<int> p;
  const shared_future<int> child = p.get_future();
  std::vector<shared_future<int>> children = {child};
  auto any = when_any(children);
  EXPECT_TRUE(any.cancel("race"));
  EXPECT_EQ(text(any.status()), "Cancelled(race)");
  EXPECT_EQ(text(child.status()), "Cancelled(race)");
}

TEST_F(CancelReasonTest, OfAShield) {
  promise<int> p;
  const shared_future<int> inner = p.get_future();
  shared_future<int> outer = shield(inner);
  shared_future<int> copy = shield(inner);
  EXPECT_TRUE(outer.cancel("outer"));
  EXPECT_EQ(text(outer.status()), "Cancelled(outer)");
  EXPECT_FALSE(inner.done());
  shared_future<int>(inner).cancel("inner");
  iterate();
  EXPECT_EQ(text(copy.status()), "Cancelled(inner)");  // asyncio: no message.
}

// -- What the library asks for itself

TEST_F(CancelReasonTest, OfATimeout) {
  future<void> f = create_task(script({
      [this](script& s, absl::Status) {
        return s.on(with_timeout(sleeping("inner"), absl::Milliseconds(1500)));
      },
      ends("outer"),
  }));
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("inner Cancelled(the timeout of 1.5s has expired)",
                          "outer timed out after 1.5s"));
  EXPECT_THAT(f.status(), StatusIs(absl::StatusCode::kDeadlineExceeded, _));
}

TEST_F(CancelReasonTest, OfATimeoutOfNothing) {  // S99
  future<void> inner = sleeping("inner");
  iterate();
  future<void> f =
      create_task(with_timeout(std::move(inner), absl::ZeroDuration()));
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("inner Cancelled(the timeout of 0 has expired)"));
  EXPECT_TRUE(is_timeout(f.status()));
}

TEST_F(CancelReasonTest, OfAScopeWhoseDeadlineWasMoved) {
  auto scope = std::make_unique<timeout_scope>(absl::Seconds(60));
  future<void> f = create_task(script({
      [&](script& s, absl::Status) {
        EXPECT_THAT(scope->enter(), IsOk());
        return s.sleep(absl::Seconds(1));
      },
      [&](script& s, absl::Status) {
        EXPECT_THAT(scope->reschedule(loop.now() + absl::Seconds(2)), IsOk());
        return s.sleep(absl::Seconds(60));
      },
      ends("scope"),
  }));
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("scope Cancelled(the timeout of 2s has expired)"));
  EXPECT_THAT(f.status(), IsCancelled());  // It never left the scope.
}

// The order of two requests in one instant, as with one in asyncio.
TEST_F(CancelReasonTest, OfATimeoutAndOfAnotherInOneBatch) {
  for (const bool first : {true, false}) {
    timeout_scope* scope = nullptr;
    future<void> f = create_task(script({
        [&, in = std::make_shared<timeout_scope>(absl::Seconds(1))](
            script& s, absl::Status) {
          scope = in.get();
          if (!first) {
            EXPECT_THAT(scope->enter(), IsOk());
          }
          auto later = loop.call_later(
              absl::Seconds(1), [task = self()] { task.cancel("other"); });
          if (first) {
            EXPECT_THAT(scope->enter(), IsOk());
          }
          return s.sleep(absl::Seconds(9));
        },
        [&](script& s, absl::Status status) {
          mark(text(status));
          return s.end(scope->leave(std::move(status)));
        },
    }));
    run_until_idle();
    EXPECT_THAT(f.status(), IsCancelled());  // S110
  }
  EXPECT_THAT(taken(), ElementsAre("Cancelled(other)",
                                   "Cancelled(the timeout of 1s has expired)"));
}

TEST_F(CancelReasonTest, OfAGroupWhoseChildFails) {  // S121
  task_group* group = nullptr;
  future<void> f = create_task(script({
      [&, g = std::make_shared<task_group>()](script& s, absl::Status) {
        group = g.get();
        EXPECT_THAT(group->enter(), IsOk());
        // They run until the group ends.
        (void)group->create_task(script(
            {[](script& c, absl::Status) { return c.sleep(absl::Seconds(10)); },
             ends("sibling")}));
        (void)group->create_task(test::error_later(
            absl::Seconds(1), absl::InternalError("disk full")));
        return s.sleep(absl::Seconds(10));
      },
      [&](script& s, absl::Status status) {
        mark(absl::StrCat("body ", text(status)));
        return s.on(group->leave(status));
      },
      ends("group"),
  }));
  run_until_idle();
  const test::trace marks = taken();
  ASSERT_EQ(marks.size(), 3u);
  for (size_t i : {0u, 1u}) {
    EXPECT_THAT(marks[i], HasSubstr("Cancelled(task_group: task "));
    EXPECT_THAT(marks[i], HasSubstr("error_later#3 failed: disk full)"));
  }
  EXPECT_EQ(marks[2], "group disk full");
  EXPECT_THAT(f.status(), StatusIs(absl::StatusCode::kInternal, "disk full"));
}

TEST_F(CancelReasonTest, OfAGroupWhoseBodyFails) {  // S124
  task_group group;
  future<void> f = create_task(script({
      [&](script& s, absl::Status) {
        EXPECT_THAT(group.enter(), IsOk());
        (void)group.create_task(script(
            {[](script& c, absl::Status) { return c.sleep(absl::Seconds(10)); },
             ends("child")}));
        return s.pause();
      },
      [&](script& s, absl::Status) {
        return s.on(group.leave(absl::InternalError("oops")));
      },
      ends("group"),
  }));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("child Cancelled(task_group: the body "
                                   "failed: oops)",
                                   "group oops"));
  EXPECT_THAT(f.status(), StatusIs(absl::StatusCode::kInternal, "oops"));
}

TEST_F(CancelReasonTest, OfAGroupFromOutside) {  // S125, S129
  for (const bool waiting : {true, false}) {
    task_group group;
    future<void> f = create_task(script({
        [&](script& s, absl::Status) {
          EXPECT_THAT(group.enter(), IsOk());
          (void)group.create_task(script({[](script& c, absl::Status) {
                                            return c.sleep(absl::Seconds(10));
                                          },
                                          ends("child")}));
          return waiting ? s.pause() : s.sleep(absl::Seconds(9));
        },
        [&](script& s, absl::Status status) {
          return s.on(group.leave(std::move(status)));
        },
        ends("group"),
    }));
    iterate(3);
    EXPECT_TRUE(f.cancel("stop"));
    run_until_idle();
    EXPECT_EQ(text(f.status()), "Cancelled(stop)");
    // asyncio: the children get no message.
    EXPECT_THAT(taken(),
                ElementsAre("child Cancelled(stop)", "group Cancelled(stop)"));
  }
}

TEST_F(CancelReasonTest, IsKeptWhenAGroupAsksAgain) {  // S125
  task_group group;
  future<void> f = create_task(script({
      [&](script& s, absl::Status) {
        EXPECT_THAT(group.enter(), IsOk());
        (void)group.create_task(script({
            [](script& c, absl::Status) { return c.sleep(absl::Seconds(10)); },
            [](script& c, absl::Status) {
              return c.end(absl::InternalError("bad"));
            },
        }));
        return s.on(group.leave());
      },
      [&](script& s, absl::Status status) {
        mark(text(status));
        return s.sleep(absl::Seconds(1));
      },
      ends("then"),
  }));
  iterate(3);
  EXPECT_TRUE(f.cancel("outside"));
  run_until_idle();
  // asyncio: no message.
  EXPECT_THAT(taken(), ElementsAre("bad", "then Cancelled(outside)"));
}

TEST_F(CancelReasonTest, OfALoopThatShutsDown) {  // S26
  future<void> f = sleeping("task");
  iterate();
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_THAT(taken(),
              ElementsAre("task Cancelled(the loop is shutting down)"));
}

}  // namespace
}  // namespace ratchet
