#include "ratchet/promise.h"

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsCancelled;
using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::ratchet::test::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PromiseTest : public loop_test {};
using PromiseDeathTest = PromiseTest;

TEST_F(PromiseTest, CompletesItsFutureWithAValueMadeInPlace) {
  promise<std::string> p;
  future<std::string> f = p.get_future();
  EXPECT_FALSE(p.done());
  EXPECT_THAT(p.set_value(3u, 'x'), IsOk());
  EXPECT_TRUE(p.done());
  EXPECT_FALSE(p.cancelled());
  EXPECT_THAT(f.result(), IsOkAndHolds("xxx"));
}

TEST_F(PromiseTest, CompletesItWithAnError) {
  promise<int> p;
  future<int> f = p.get_future();
  EXPECT_THAT(p.set_error(absl::NotFoundError("x")), IsOk());
  EXPECT_EQ(f.status(), absl::NotFoundError("x"));
}

TEST_F(PromiseTest, CompletesItWithEither) {
  promise<std::unique_ptr<int>> p, q;
  auto f = p.get_future(), g = q.get_future();
  EXPECT_THAT(p.set_result(std::make_unique<int>(4)), IsOk());
  EXPECT_THAT(q.set_result(absl::NotFoundError("x")), IsOk());
  EXPECT_EQ(*f.value(), 4);
  EXPECT_EQ(g.status(), absl::NotFoundError("x"));
  promise<void> v, w;
  auto h = v.get_future(), i = w.get_future();
  EXPECT_THAT(v.set_result(absl::OkStatus()), IsOk());
  EXPECT_THAT(w.set_result(absl::NotFoundError("x")), IsOk());
  EXPECT_THAT(h.status(), IsOk());
  EXPECT_EQ(i.status(), absl::NotFoundError("x"));
}

TEST_F(PromiseTest, CompletingTwiceFailsAndChangesNothing) {  // S32
  promise<int> p;
  future<int> f = p.get_future();
  ASSERT_THAT(p.set_value(1), IsOk());
  const auto refused = [](const char* call) {
    return AllOf(IsKind(error_kind::invalid_state, HasSubstr(call)),
                 StatusIs(absl::StatusCode::kFailedPrecondition,
                          HasSubstr("the future is settled already")));
  };
  EXPECT_THAT(p.set_value(2), refused("set_value()"));
  EXPECT_THAT(p.set_error(absl::NotFoundError("x")), refused("set_error()"));
  EXPECT_THAT(p.set_result(3), refused("set_value()"));
  EXPECT_THAT(f.result(), IsOkAndHolds(1));
}

TEST_F(PromiseTest, ACancelledFutureCannotBeCompleted) {  // S32
  promise<int> p;
  future<int> f = p.get_future();
  ASSERT_TRUE(f.cancel());
  EXPECT_TRUE(p.done());
  EXPECT_TRUE(p.cancelled());
  EXPECT_THAT(p.set_value(1), IsKind(error_kind::invalid_state,
                                     HasSubstr("its consumer cancelled it")));
  EXPECT_TRUE(f.cancelled());
}

TEST_F(PromiseTest, TheLibrarysCancelledIsAnErrorHere) {
  // As asyncio's set_exception(CancelledError()): cancelled() is false, but who
  // waits for it is cancelled.
  promise<int> p;
  future<int> f = p.get_future();
  ASSERT_THAT(p.set_error(cancelled_error()), IsOk());
  EXPECT_FALSE(f.cancelled());
  EXPECT_THAT(f.status(), IsCancelled());
  future<int> g = std::move(f).then([](int x) { return x; });
  run_until_idle();
  EXPECT_TRUE(g.cancelled());
}

TEST_F(PromiseTest, BrokenItFailsItsFuture) {
  std::optional<promise<int>> p(std::in_place);
  future<int> f = p->get_future();
  f.add_done_callback(marks("one hop later"));
  p.reset();
  EXPECT_TRUE(f.done());
  EXPECT_FALSE(f.cancelled());
  EXPECT_THAT(taken(), IsEmpty());  // S33
  EXPECT_THAT(f.status(),
              AllOf(IsKind(error_kind::broken_promise, HasSubstr("broken")),
                    StatusIs(absl::StatusCode::kAborted,
                             HasSubstr("broken promise: it was destroyed"))));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("one hop later"));
}

TEST_F(PromiseTest, BrokenWithNobodyThereItTellsNobody) {
  { promise<int> never_asked; }
  {
    promise<int> p;
    (void)p.get_future();
  }
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(PromiseTest, BrokenAfterItsFutureWasCancelledItChangesNothing) {
  std::optional<promise<int>> p(std::in_place);
  future<int> f = p->get_future();
  ASSERT_TRUE(f.cancel());
  p.reset();
  EXPECT_TRUE(f.cancelled());
}

TEST_F(PromiseTest, BrokenInTheMiddleOfAChainEndsIt) {
  std::optional<promise<int>> p(std::in_place);
  future<int> f =
      p->get_future().then([](int x) { return x + 1; }).finally([&] {
        mark("finally");
      });
  p.reset();
  run_until_idle();
  EXPECT_THAT(f.status(), IsKind(error_kind::broken_promise, HasSubstr("")));
  EXPECT_THAT(taken(), ElementsAre("finally"));
}

TEST_F(PromiseTest, MayBreakInItsOwnContinuation) {
  auto p = std::make_unique<promise<int>>();
  future<void> f = p->get_future().then([&](int) { p.reset(); });
  ASSERT_THAT(p->set_value(1), IsOk());
  run_until_idle();
  EXPECT_EQ(p, nullptr);
  EXPECT_THAT(f.status(), IsOk());
}

TEST_F(PromiseTest, MayBeBrokenByACallbackThatItsContinuationHolds) {
  // The callback of the continuation owns the promise it waits for: it goes
  // when the loop does.
  event_loop other(clock);
  auto p = std::make_shared<promise<int>>(other);
  (void)p->get_future().then([p](int) {});
  EXPECT_THAT(p->set_value(1), IsOk());  // Or else it would be a cycle.
}

TEST_F(PromiseTest, MoveAssignmentBreaksTheOldOne) {
  promise<int> p, q;
  future<int> f = p.get_future(), g = q.get_future();
  p = std::move(q);
  EXPECT_FALSE(q.valid());
  EXPECT_THAT(f.status(), IsKind(error_kind::broken_promise, HasSubstr("")));
  EXPECT_FALSE(g.done());
  EXPECT_THAT(p.set_value(1), IsOk());
  EXPECT_THAT(g.result(), IsOkAndHolds(1));
}

TEST_F(PromiseTest, BelongsToTheLoopItIsGiven) {
  event_loop newer(clock);
  promise<int> p(loop), q(newer), r;
  p.get_future().add_done_callback(marks("older"));
  q.get_future().add_done_callback(marks("newer"));
  r.get_future().add_done_callback(marks("current"));
  for (promise<int>* const each : {&p, &q, &r}) {
    ASSERT_THAT(each->set_value(1), IsOk());
  }
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("older"));
  (void)newer.run_forever();
  EXPECT_THAT(taken(), ElementsAre("newer", "current"));
}

TEST_F(PromiseTest, OnAClosedLoopItCompletesButSaysWhoIsLost) {  // S14
  promise<int> with, without;
  future<int> f = with.get_future(), g = without.get_future();
  const auto alive = std::make_shared<int>(0);
  f.add_done_callback([alive] { ADD_FAILURE(); });
  ASSERT_THAT(loop.close(), IsOk());
  EXPECT_THAT(with.set_value(1),
              IsKind(error_kind::closed, HasSubstr("closed")));
  EXPECT_THAT(f.result(), IsOkAndHolds(1));  // Its state changes all the same.
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_THAT(without.set_value(2), IsOk());
  EXPECT_THAT(g.result(), IsOkAndHolds(2));
}

TEST_F(PromiseTest, MayOutliveItsLoop) {
  std::optional<promise<int>> p, q;
  future<int> f, g;
  {
    event_loop other(clock);
    p.emplace(other);
    q.emplace(other);
    f = p->get_future();
    g = q->get_future();
  }
  EXPECT_FALSE(p->done());
  EXPECT_THAT(p->set_value(1), IsOk());
  EXPECT_THAT(f.result(), IsOkAndHolds(1));
  q.reset();
  EXPECT_THAT(g.status(), IsKind(error_kind::broken_promise, HasSubstr("")));
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(PromiseTest, AValueThatThrowsWhileItIsMadeLeavesItPending) {
  struct throws {
    explicit throws(int x) {
      if (x == 0) throw x;
    }
  };
  promise<throws> p;
  future<throws> f = p.get_future();
  EXPECT_THROW((void)p.set_value(0), int);
  EXPECT_FALSE(f.done());
  EXPECT_THAT(p.set_value(1), IsOk());
  EXPECT_TRUE(f.done());
}
#endif

// -- Misuse -------------------------------------------------------------------

TEST_F(PromiseDeathTest, UseOfAMovedFromPromise) {
  promise<int> p;
  promise<int> q = std::move(p);
  EXPECT_FALSE(p.valid());
  EXPECT_DEATH((void)p.done(),
               "ratchet: done\\(\\) on a promise that was moved from");
  EXPECT_DEATH((void)p.cancelled(), "ratchet: cancelled\\(\\) on a promise");
  EXPECT_DEATH((void)p.set_value(1), "ratchet: set_value\\(\\) on a promise");
  EXPECT_DEATH((void)p.set_error(absl::NotFoundError("x")),
               "ratchet: set_error\\(\\) on a promise");
}

#ifndef NDEBUG
TEST_F(PromiseDeathTest, GetFutureTwice) {
  promise<int> p;
  future<int> f = p.get_future();
  EXPECT_DEATH((void)p.get_future(),
               "ratchet: get_future\\(\\) was called twice, or on a moved-from "
               "promise: share\\(\\) the future it gave");
  promise<int> q = std::move(p);
  EXPECT_DEATH((void)p.get_future(), "ratchet: get_future\\(\\) was called");
  EXPECT_DEATH((void)q.get_future(), "ratchet: get_future\\(\\) was called");
}

TEST_F(PromiseDeathTest, SetErrorWithOk) {
  promise<int> p;
  EXPECT_DEATH((void)p.set_error(absl::OkStatus()),
               "ratchet: set_error\\(\\) was given an OK status");
}

TEST_F(PromiseDeathTest, OnAnotherThread) {
  promise<int> p;
  EXPECT_DEATH(std::thread([&] { (void)p.set_value(1); }).join(),
               "ratchet: set_value\\(\\) was called on thread");
}
#endif

TEST(PromiseWithoutLoopDeathTest, NeedsALoop) {
  EXPECT_DEATH(promise<int>(),
               "ratchet: promise needs an event loop, and this thread has "
               "none");
}

}  // namespace
}  // namespace ratchet
