#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/shield.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "ratchet/wait.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

auto times_out() { return IsKind(error_kind::timeout, _); }

class AsyncioWaitForTest : public cpython_test {
 protected:
  // wait_for of a task that exists, and that the test looks at afterwards.
  static coro::line wait_for(shared_future<int>& f, absl::Duration timeout) {
    return on([&f, timeout] { return with_timeout(f, timeout); });
  }
  // Cancelling a wait_for must cancel what it waits for.
  void cancel_wait_for(absl::Duration timeout) {
    promise<int> never;
    shared_future<int> blocked = never.get_future();
    shared_future<int> task = start(on(blocked));
    shared_future<int> wait;
    EXPECT_THAT(run(
                    [&] {
                      wait = start(wait_for(task, timeout));
                      loop.call_soon([&] { EXPECT_TRUE(wait.cancel()); });
                    },
                    on(wait)),
                IsCancelled());
    EXPECT_TRUE(task.cancelled());
    EXPECT_TRUE(blocked.cancelled());
    EXPECT_EQ(now_ms(), 0);
  }
};

// test_waitfor.AsyncioWaitForTest.test_asyncio_wait_for_cancelled
TEST_F(AsyncioWaitForTest, AsyncioWaitForCancelled) {
  // What is awaited ignores the request; the wait ends when it ends.
  shared_future<int> wait;
  EXPECT_THAT(
      run(
          [&] {
            wait = create_task(with_timeout(stubborn(ms(200), 1), ms(400)));
          },
          turn(), [&] { EXPECT_TRUE(wait.cancel()); }, on([&] {
            return ratchet::wait(std::vector<shared_future<int>>{wait});
          }),
          says("done")),
      IsOk());
  EXPECT_THAT(wait.result(), IsOkAndHolds(1));
  EXPECT_THAT(taken(), ElementsAre("done 200"));
}

// test_waitfor.AsyncioWaitForTest.test_asyncio_wait_for_timeout
TEST_F(AsyncioWaitForTest, AsyncioWaitForTimeout) {
  int value = 0;
  EXPECT_THAT(run(on([] { return with_timeout(stubborn(ms(200), 7), ms(100)); },
                     &value),
                  says("done")),
              IsOk());
  EXPECT_EQ(value, 7);
  EXPECT_THAT(taken(), ElementsAre("done 200"));
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_timeout_less_then_0_or_0_future_done
TEST_F(AsyncioWaitForTest, WaitForTimeoutLessThen0Or0FutureDone) {
  shared_future<int> fut = make_ready_future(5);
  EXPECT_THAT(run([&] { loop.call_soon(says("next iteration")); },
                  wait_for(fut, absl::ZeroDuration()), says("got")),
              IsOkAndHolds(5));
  EXPECT_TRUE(fut.done());
  // Without suspending.
  EXPECT_THAT(taken(), ElementsAre("got 0", "next iteration 0"));
  EXPECT_THAT(loop.run_until_complete(
                  with_timeout(shared_future<int>(fut), -absl::Seconds(1))),
              IsOkAndHolds(5));
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_timeout_less_then_0_or_0_coroutine_do_not_started
TEST_F(AsyncioWaitForTest, WaitForTimeoutLessThen0Or0CoroutineDoNotStarted) {
  EXPECT_THAT(run(on([&] {
                return with_timeout(coro(says("started")),
                                    absl::ZeroDuration());
              })),
              times_out());
  EXPECT_THAT(taken(), IsEmpty());
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_timeout_less_then_0_or_0
TEST_F(AsyncioWaitForTest, WaitForTimeoutLessThen0Or0) {
  for (const absl::Duration timeout : {absl::ZeroDuration(), -ms(1000)}) {
    shared_future<int> fut =
        start(says("started"), nap(10000), lastly(says("stopped")), ret(1));
    EXPECT_THAT(run(turn(), wait_for(fut, timeout), rethrow([&] {
                      EXPECT_TRUE(fut.done());
                      EXPECT_TRUE(fut.cancelled());
                      say("timed out");
                    })),
                times_out());
    EXPECT_THAT(taken(), ElementsAre("started 0", "stopped 0", "timed out 0"));
  }
}

// test_waitfor.AsyncioWaitForTest.test_wait_for
TEST_F(AsyncioWaitForTest, WaitFor) {
  shared_future<int> fut =
      start(says("started"), nap(100000), lastly(says("stopped")), ret(1));
  EXPECT_THAT(run(wait_for(fut, ms(100)), rethrow([&] {
                    EXPECT_TRUE(fut.done());
                    EXPECT_TRUE(fut.cancelled());
                    say("timed out");
                  })),
              times_out());
  EXPECT_THAT(taken(),
              ElementsAre("started 0", "stopped 100", "timed out 100"));
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_blocking
TEST_F(AsyncioWaitForTest, WaitForBlocking) {
  EXPECT_THAT(run(on([] {
                return with_timeout(coro(ret(3)), absl::InfiniteDuration());
              })),
              IsOkAndHolds(3));
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_race_condition
TEST_F(AsyncioWaitForTest, WaitForRaceCondition) {
  promise<int> p;
  future<int> fut = p.get_future();
  EXPECT_THAT(
      run([&] { loop.call_soon([&] { EXPECT_THAT(p.set_value(9), IsOk()); }); },
          on([&] { return with_timeout(std::move(fut), ms(200)); })),
      IsOkAndHolds(9));
  run_until_idle();
  EXPECT_EQ(now_ms(), 0);  // The timer was taken away.
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_cancellation_race_condition
TEST_F(AsyncioWaitForTest, WaitForCancellationRaceCondition) {
  EXPECT_THAT(run(on([] {
                    return with_timeout(
                        coro(nap(1000), except([](const absl::Status& s) {
                               EXPECT_THAT(s, IsCancelled());
                             }),
                             ret(1)),
                        ms(10));
                  }),
                  says("got"), [](coro& c) { return c.ret(c.value()); }),
              IsOkAndHolds(1));
  EXPECT_THAT(taken(), ElementsAre("got 10"));
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_waits_for_task_cancellation
TEST_F(AsyncioWaitForTest, WaitForWaitsForTaskCancellation) {
  shared_future<int> inner = start(
      nap(10000), [](coro& c, absl::Status) { return c.nap(ms(1)); },
      lastly(says("task done")), raise(cancelled_error()));
  EXPECT_THAT(run(wait_for(inner, ms(1)), rethrow(says("timed out"))),
              times_out());
  EXPECT_THAT(taken(), ElementsAre("task done 2", "timed out 2"));
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_waits_for_task_cancellation_w_timeout_0
TEST_F(AsyncioWaitForTest, WaitForWaitsForTaskCancellationWTimeout0) {
  shared_future<int> inner = start(
      nap(10000), [](coro& c, absl::Status) { return c.nap(ms(1)); },
      lastly(says("task done")), raise(cancelled_error()));
  EXPECT_THAT(run(nap(1), wait_for(inner, absl::ZeroDuration()),
                  rethrow(says("timed out"))),
              times_out());
  EXPECT_TRUE(inner.cancelled());
  EXPECT_THAT(taken(), ElementsAre("task done 2", "timed out 2"));
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_reraises_exception_during_cancellation
TEST_F(AsyncioWaitForTest, WaitForReraisesExceptionDuringCancellation) {
  shared_future<int> inner = start(nap(200), lastly_raise("FooException"));
  EXPECT_THAT(run(wait_for(inner, ms(1))),
              StatusIs(absl::StatusCode::kUnknown, "FooException"));
  EXPECT_EQ(now_ms(), 1);
}

// test_waitfor.AsyncioWaitForTest.test_cancel_blocking_wait_for
TEST_F(AsyncioWaitForTest, CancelBlockingWaitFor) {
  cancel_wait_for(absl::InfiniteDuration());
}

// test_waitfor.AsyncioWaitForTest.test_cancel_wait_for
TEST_F(AsyncioWaitForTest, CancelWaitFor) {
  cancel_wait_for(absl::Seconds(60));
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_cancel_suppressed
TEST_F(AsyncioWaitForTest, WaitForCancelSuppressed) {
  EXPECT_THAT(run(on([] {
                return with_timeout(coro(nap(10000), pass(), ret(42)), ms(100));
              })),
              IsOkAndHolds(42));
  EXPECT_EQ(now_ms(), 100);
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_issue86296
TEST_F(AsyncioWaitForTest, WaitForIssue86296) {
  // The inner task ends in the iteration in which the waiting one is cancelled.
  shared_future<int> inner, task;
  EXPECT_THAT(run(
                  [&] {
                    inner = start(ret(4));
                    task = start(wait_for(inner, ms(100000)), nap(1000),
                                 says("reached the end"));
                    EXPECT_FALSE(task.done());
                  },
                  turn(), [&] { EXPECT_TRUE(task.cancel()); }, on(task)),
              IsCancelled());
  EXPECT_TRUE(inner.done());
  EXPECT_THAT(inner.result(), IsOkAndHolds(4));
  EXPECT_EQ(now_ms(), 0);
  EXPECT_THAT(taken(), IsEmpty());
}

class WaitForShieldTests : public cpython_test {};

// test_waitfor.WaitForShieldTests.test_zero_timeout
TEST_F(WaitForShieldTests, ZeroTimeout) {
  shared_future<int> task = start(nap(10), says("task"), ret(1));
  shared_future<int> shielded;
  EXPECT_THAT(run([&] { shielded = shield(task); }, on([&] {
                    return with_timeout(shielded, absl::ZeroDuration());
                  }),
                  except([&](const absl::Status& s) {
                    EXPECT_THAT(s, times_out());
                    say("timed out");
                  }),
                  [&] {
                    // It goes on in the background.
                    EXPECT_FALSE(task.done());
                    EXPECT_TRUE(shielded.cancelled());
                  },
                  nap(100)),
              IsOk());
  EXPECT_THAT(task.result(), IsOkAndHolds(1));
  EXPECT_THAT(taken(), ElementsAre("timed out 0", "task 10"));
}

// test_waitfor.WaitForShieldTests.test_none_timeout
TEST_F(WaitForShieldTests, NoneTimeout) {
  shared_future<int> task = start(nap(100), ret(6));
  EXPECT_THAT(run(
                  on([&] {
                    return with_timeout(shield(task), absl::InfiniteDuration());
                  }),
                  [&] { EXPECT_TRUE(task.done()); }, says("done")),
              IsOkAndHolds(6));
  EXPECT_THAT(task.result(), IsOkAndHolds(6));
  EXPECT_THAT(taken(), ElementsAre("done 100"));
}

// test_waitfor.WaitForShieldTests.test_shielded_timeout
TEST_F(WaitForShieldTests, ShieldedTimeout) {
  shared_future<int> task = start(nap(100), ret(6));
  EXPECT_THAT(run(on([&] { return with_timeout(shield(task), ms(10)); }),
                  except([&](const absl::Status& s) {
                    EXPECT_THAT(s, times_out());
                    EXPECT_FALSE(task.done());
                    say("timed out");
                  }),
                  on(task), says("done")),
              IsOkAndHolds(6));
  EXPECT_THAT(taken(), ElementsAre("timed out 10", "done 100"));
}

}  // namespace
}  // namespace ratchet::test
