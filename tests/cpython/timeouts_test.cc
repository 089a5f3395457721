#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/timeout.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TimeoutTests : public cpython_test {
 protected:
  static auto times_out() { return IsKind(error_kind::timeout, _); }
  // except TimeoutError: say(what)
  coro::line timed_out(const std::string& what) {
    return except([this, what](const absl::Status& s) {
      EXPECT_THAT(s, times_out());
      say(what);
    });
  }
};

// test_timeouts.TimeoutTests.test_timeout_basic
TEST_F(TimeoutTests, TimeoutBasic) {
  timeout_scope cm(ms(10));
  EXPECT_THAT(run(enter(cm), nap(10000), leave(cm), rethrow(says("left"))),
              times_out());
  EXPECT_TRUE(cm.expired());
  EXPECT_THAT(taken(), ElementsAre("left 10"));
}

// test_timeouts.TimeoutTests.test_timeout_at_basic
TEST_F(TimeoutTests, TimeoutAtBasic) {
  timeout_scope cm(at_ms(10));
  EXPECT_THAT(run(enter(cm), nap(10000), leave(cm), rethrow(says("left"))),
              times_out());
  EXPECT_TRUE(cm.expired());
  EXPECT_EQ(cm.deadline(), at_ms(10));
  EXPECT_THAT(taken(), ElementsAre("left 10"));
}

// test_timeouts.TimeoutTests.test_nested_timeouts
TEST_F(TimeoutTests, NestedTimeouts) {
  timeout_scope cm1(at_ms(10)), cm2(at_ms(10));
  EXPECT_THAT(run(enter(cm1), enter(cm2), nap(10000), leave(cm2),
                  rethrow([&](const absl::Status& s) {
                    // Only the outermost one makes a time-out of it.
                    EXPECT_THAT(s, IsCancelled());
                    say("cancelled");
                  }),
                  leave(cm1)),
              times_out());
  EXPECT_TRUE(cm1.expired());
  EXPECT_TRUE(cm2.expired());
  EXPECT_THAT(taken(), ElementsAre("cancelled 10"));
}

// test_timeouts.TimeoutTests.test_waiter_cancelled
TEST_F(TimeoutTests, WaiterCancelled) {
  timeout_scope cm(ms(10));
  EXPECT_THAT(run(enter(cm), nap(10000), rethrow([&](const absl::Status& s) {
                    EXPECT_THAT(s, IsCancelled());
                    say("cancelled");
                  }),
                  leave(cm)),
              times_out());
  EXPECT_THAT(taken(), ElementsAre("cancelled 10"));
}

// test_timeouts.TimeoutTests.test_timeout_not_called
TEST_F(TimeoutTests, TimeoutNotCalled) {
  timeout_scope cm(ms(10000));
  EXPECT_THAT(run(enter(cm), nap(10), leave(cm), says("left")), IsOk());
  EXPECT_FALSE(cm.expired());
  EXPECT_EQ(cm.deadline(), at_ms(10000));
  // The timer is gone: nothing can happen any more.
  run_until_idle();
  EXPECT_EQ(now_ms(), 10);
  EXPECT_THAT(taken(), ElementsAre("left 10"));
}

// test_timeouts.TimeoutTests.test_timeout_disabled
TEST_F(TimeoutTests, TimeoutDisabled) {
  timeout_scope cm(absl::InfiniteDuration());
  EXPECT_THAT(run(enter(cm), nap(10), leave(cm), says("left")), IsOk());
  EXPECT_FALSE(cm.expired());
  EXPECT_EQ(cm.deadline(), absl::InfiniteFuture());
  EXPECT_THAT(taken(), ElementsAre("left 10"));
}

// test_timeouts.TimeoutTests.test_timeout_at_disabled
TEST_F(TimeoutTests, TimeoutAtDisabled) {
  timeout_scope cm(absl::InfiniteFuture());
  EXPECT_THAT(run(enter(cm), nap(10), leave(cm), says("left")), IsOk());
  EXPECT_FALSE(cm.expired());
  EXPECT_EQ(cm.deadline(), absl::InfiniteFuture());
  EXPECT_THAT(taken(), ElementsAre("left 10"));
}

// test_timeouts.TimeoutTests.test_timeout_zero
TEST_F(TimeoutTests, TimeoutZero) {
  timeout_scope cm(absl::ZeroDuration());
  EXPECT_THAT(run(enter(cm), says("body"), nap(10000), leave(cm),
                  rethrow(says("left"))),
              times_out());
  EXPECT_TRUE(cm.expired());
  EXPECT_EQ(cm.deadline(), at_ms(0));
  EXPECT_THAT(taken(), ElementsAre("body 0", "left 0"));
}

// test_timeouts.TimeoutTests.test_timeout_zero_sleep_zero
TEST_F(TimeoutTests, TimeoutZeroSleepZero) {
  timeout_scope cm(absl::ZeroDuration());
  EXPECT_THAT(run(enter(cm), turn(), says("not reached"), leave(cm)),
              times_out());
  EXPECT_TRUE(cm.expired());
  EXPECT_EQ(cm.deadline(), at_ms(0));
  EXPECT_THAT(taken(), ElementsAre());
}

// test_timeouts.TimeoutTests.test_timeout_in_the_past_sleep_zero
TEST_F(TimeoutTests, TimeoutInThePastSleepZero) {
  timeout_scope cm(-absl::Seconds(11));
  EXPECT_THAT(run(enter(cm), turn(), says("not reached"), leave(cm)),
              times_out());
  EXPECT_TRUE(cm.expired());
  EXPECT_EQ(cm.deadline(), at_ms(-11000));
  EXPECT_THAT(taken(), ElementsAre());
}

// test_timeouts.TimeoutTests.test_foreign_exception_passed
TEST_F(TimeoutTests, ForeignExceptionPassed) {
  timeout_scope cm(ms(10));
  EXPECT_THAT(run(enter(cm), raise("KeyError"), leave(cm)),
              StatusIs(absl::StatusCode::kUnknown, "KeyError"));
  EXPECT_FALSE(cm.expired());
}

// test_timeouts.TimeoutTests.test_timeout_exception_context
TEST_F(TimeoutTests, TimeoutExceptionContext) {
  // Cancelled replaces the error during whose clean-up it came.
  timeout_scope cm(ms(10));
  EXPECT_THAT(run(
                  enter(cm), raise("ZeroDivision"),
                  [](coro& c, absl::Status s) {
                    EXPECT_EQ(text_of(s), "ZeroDivision");
                    return c.nap(ms(1000));
                  },
                  leave(cm)),
              times_out());
  EXPECT_EQ(now_ms(), 10);
}

// test_timeouts.TimeoutTests.test_foreign_exception_on_timeout
TEST_F(TimeoutTests, ForeignExceptionOnTimeout) {
  timeout_scope cm(ms(10));
  EXPECT_THAT(
      run(enter(cm), call(coro(nap(1000), lastly_raise("ZeroDivision"))),
          leave(cm), rethrow(says("left"))),
      StatusIs(absl::StatusCode::kUnknown, "ZeroDivision"));
  EXPECT_TRUE(cm.expired());
  EXPECT_THAT(taken(), ElementsAre("left 10"));
}

// test_timeouts.TimeoutTests.test_foreign_exception_on_timeout_2
TEST_F(TimeoutTests, ForeignExceptionOnTimeout2) {
  timeout_scope cm(ms(10));
  EXPECT_THAT(
      run(
          enter(cm), raise("ValueError"),
          [](coro& c, absl::Status) { return c.nap(ms(1000)); },
          rethrow([](const absl::Status& s) { EXPECT_THAT(s, IsCancelled()); }),
          lastly_raise("KeyError"), lastly_raise("ZeroDivision"), leave(cm)),
      StatusIs(absl::StatusCode::kUnknown, "ZeroDivision"));
  EXPECT_EQ(now_ms(), 10);
}

// test_timeouts.TimeoutTests.test_foreign_cancel_doesnt_timeout_if_not_expired
TEST_F(TimeoutTests, ForeignCancelDoesntTimeoutIfNotExpired) {
  timeout_scope cm(ms(10000));
  EXPECT_THAT(run(
                  enter(cm), [&] { me().cancel(); }, nap(10000), leave(cm),
                  rethrow(says("left"))),
              IsCancelled());
  EXPECT_FALSE(cm.expired());
  EXPECT_THAT(taken(), ElementsAre("left 0"));
}

// test_timeouts.TimeoutTests.test_outer_task_is_not_cancelled
TEST_F(TimeoutTests, OuterTaskIsNotCancelled) {
  timeout_scope cm(ms(1));
  shared_future<int> task =
      start(enter(cm), nap(10000), leave(cm), timed_out("timed out"));
  EXPECT_THAT(run(on(task)), IsOk());
  EXPECT_FALSE(task.cancelled());
  EXPECT_TRUE(task.done());
  EXPECT_EQ(task.task().cancelling(), 0u);
  EXPECT_THAT(taken(), ElementsAre("timed out 1"));
}

// test_timeouts.TimeoutTests.test_nested_timeouts_concurrent
TEST_F(TimeoutTests, NestedTimeoutsConcurrent) {
  timeout_scope outer(ms(2)), inner(ms(100));
  EXPECT_THAT(run(
                  enter(outer), enter(inner),
                  [&] { clock.advance(ms(10)); },  // Crunches numbers.
                  nap(1000), leave(inner), rethrow([&](const absl::Status& s) {
                    EXPECT_THAT(s, IsCancelled());
                    say("inner left");
                  }),
                  leave(outer)),
              times_out());
  EXPECT_TRUE(outer.expired());
  EXPECT_FALSE(inner.expired());
  EXPECT_THAT(taken(), ElementsAre("inner left 10"));
}

// test_timeouts.TimeoutTests.test_nested_timeouts_loop_busy
TEST_F(TimeoutTests, NestedTimeoutsLoopBusy) {
  timeout_scope outer(ms(100)), inner(ms(10));
  EXPECT_THAT(run(
                  enter(outer), enter(inner),
                  [&] { clock.advance(ms(50)); },  // Busy for a while.
                  nap(1000), leave(inner), timed_out("inner"),
                  // Interrupted by the outer one.
                  nap(10000), leave(outer), timed_out("outer")),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("inner 50", "outer 100"));
}

// test_timeouts.TimeoutTests.test_nested_timeouts_loop_busy
TEST_F(TimeoutTests, NestedTimeoutsLoopBusyPastBoth) {
  // Both expire in one batch: the outermost makes the time-out.
  timeout_scope outer(ms(100)), inner(ms(10));
  EXPECT_THAT(run(
                  enter(outer), enter(inner), [&] { clock.advance(ms(100)); },
                  nap(1000), leave(inner), rethrow([&](const absl::Status& s) {
                    EXPECT_THAT(s, IsCancelled());
                    say("inner");
                  }),
                  nap(10000), leave(outer), timed_out("outer")),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("inner 100", "outer 100"));
}

// test_timeouts.TimeoutTests.test_reschedule
TEST_F(TimeoutTests, Reschedule) {
  timeout_scope cm(at_ms(10000));
  promise<void> entered;
  future<void> is_entered = entered.get_future();
  shared_future<int> task = start(
      enter(cm), [&] { EXPECT_THAT(entered.set_value(), IsOk()); }, nap(50000),
      leave(cm));
  EXPECT_THAT(run(
                  on(is_entered),
                  [&] {
                    EXPECT_EQ(cm.deadline(), at_ms(10000));
                    EXPECT_THAT(cm.reschedule(at_ms(30000)), IsOk());
                    EXPECT_EQ(cm.deadline(), at_ms(30000));
                    EXPECT_THAT(cm.reschedule(absl::InfiniteFuture()), IsOk());
                    EXPECT_EQ(cm.deadline(), absl::InfiniteFuture());
                    EXPECT_TRUE(task.cancel());
                  },
                  on(task)),
              IsCancelled());
  EXPECT_FALSE(cm.expired());
  EXPECT_EQ(now_ms(), 0);
}

// test_timeouts.TimeoutTests.test_nested_timeout_in_finally
TEST_F(TimeoutTests, NestedTimeoutInFinally) {
  timeout_scope cm(ms(10));
  std::optional<timeout_scope> cleanup;
  EXPECT_THAT(run(
                  enter(cm), nap(1000),
                  [&](coro& c, absl::Status s) {
                    EXPECT_THAT(s, IsCancelled());
                    say("finally");
                    cleanup.emplace(ms(10));
                    EXPECT_THAT(cleanup->enter(), IsOk());
                    return c.nap(ms(10000));
                  },
                  lastly([&](const absl::Status& s) {
                    EXPECT_THAT(cleanup->leave(s), times_out());
                    say("cleaned");
                  }),
                  leave(cm)),
              times_out());
  EXPECT_TRUE(cm.expired());
  EXPECT_TRUE(cleanup->expired());
  EXPECT_THAT(taken(), ElementsAre("finally 10", "cleaned 20"));
}

// test_timeouts.TimeoutTests.test_timeout_after_cancellation
TEST_F(TimeoutTests, TimeoutAfterCancellation) {
  timeout_scope cm(absl::ZeroDuration());
  EXPECT_THAT(run([&] { me().cancel(); }, nap(1000), pass(),
                  [&] { EXPECT_EQ(me().cancelling(), 1u); }, enter(cm),
                  nap(1000), leave(cm), timed_out("timed out"),
                  [&] { EXPECT_EQ(me().cancelling(), 1u); }),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("timed out 0"));
}

// test_timeouts.TimeoutTests.test_cancel_in_timeout_after_cancellation
TEST_F(TimeoutTests, CancelInTimeoutAfterCancellation) {
  timeout_scope cm(ms(1000));
  EXPECT_THAT(run([&] { me().cancel(); }, nap(1000), pass(), enter(cm),
                  [&] { me().cancel(); }, nap(2000), leave(cm)),
              IsCancelled());
  EXPECT_FALSE(cm.expired());
  EXPECT_EQ(now_ms(), 0);
}

// test_timeouts.TimeoutTests.test_timeout_already_entered
TEST_F(TimeoutTests, TimeoutAlreadyEntered) {
  timeout_scope cm(ms(10));
  EXPECT_THAT(run(
                  enter(cm),
                  [&] {
                    EXPECT_THAT(cm.enter(),
                                StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("entered")));
                  },
                  leave(cm)),
              IsOk());
}

// test_timeouts.TimeoutTests.test_timeout_double_enter
TEST_F(TimeoutTests, TimeoutDoubleEnter) {
  timeout_scope cm(ms(10));
  EXPECT_THAT(
      run(enter(cm), leave(cm), enter(cm)),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("entered")));
}

// test_timeouts.TimeoutTests.test_timeout_finished
TEST_F(TimeoutTests, TimeoutFinished) {
  timeout_scope cm(ms(10));
  EXPECT_THAT(run(enter(cm), leave(cm)), IsOk());
  EXPECT_THAT(cm.reschedule(at_ms(20)),
              IsKind(error_kind::invalid_state, HasSubstr("finished")));
}

// test_timeouts.TimeoutTests.test_timeout_expired
TEST_F(TimeoutTests, TimeoutExpired) {
  timeout_scope cm(ms(10));
  EXPECT_THAT(run(enter(cm), nap(1000), leave(cm)), times_out());
  EXPECT_THAT(cm.reschedule(at_ms(20)),
              IsKind(error_kind::invalid_state, HasSubstr("expired")));
}

// test_timeouts.TimeoutTests.test_timeout_expiring
TEST_F(TimeoutTests, TimeoutExpiring) {
  // The body swallows Cancelled: no time-out, and the request is taken back.
  timeout_scope cm(ms(10));
  EXPECT_THAT(run(enter(cm), nap(1000), except([&](const absl::Status& s) {
                    EXPECT_THAT(s, IsCancelled());
                    EXPECT_THAT(cm.reschedule(at_ms(20)),
                                IsKind(error_kind::invalid_state,
                                       HasSubstr("expiring")));
                    EXPECT_EQ(me().cancelling(), 1u);
                    say("caught");
                  }),
                  leave(cm), [&] { EXPECT_EQ(me().cancelling(), 0u); }),
              IsOk());
  EXPECT_TRUE(cm.expired());
  EXPECT_THAT(taken(), ElementsAre("caught 10"));
}

// test_timeouts.TimeoutTests.test_timeout_not_entered
TEST_F(TimeoutTests, TimeoutNotEntered) {
  timeout_scope cm(ms(10));
  EXPECT_THAT(cm.reschedule(at_ms(20)),
              IsKind(error_kind::invalid_state, HasSubstr("entered")));
}

// test_timeouts.TimeoutTests.test_timeout_without_task
TEST_F(TimeoutTests, TimeoutWithoutTask) {
  timeout_scope cm(ms(10));
  EXPECT_THAT(cm.enter(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                   HasSubstr("task")));
  EXPECT_THAT(cm.reschedule(at_ms(20)),
              IsKind(error_kind::invalid_state, HasSubstr("entered")));
}

// test_timeouts.TimeoutTests.test_timeout_taskgroup
TEST_F(TimeoutTests, TimeoutTaskgroup) {
  // An error of the clean-up wins over the time-out that caused it.
  timeout_scope cm(ms(10));
  task_group group;
  const absl::StatusOr<int> r = run(
      enter(cm), enter(group),
      [&] {
        spawn(group, nap(2000), rethrow(says("child cancelled")),
              lastly_raise("ZeroDivision"));
      },
      raise("ValueError"),
      [](coro& c, absl::Status) { return c.nap(ms(1000)); },
      rethrow(says("body cancelled")), leave(group), leave(cm));
  EXPECT_THAT(group_of(r), ElementsAre("ZeroDivision"));
  EXPECT_TRUE(cm.expired());
  EXPECT_THAT(taken(), ElementsAre("body cancelled 10", "child cancelled 10"));
}

}  // namespace
}  // namespace ratchet::test
