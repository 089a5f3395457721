#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/callback_handle.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/task_info.h"
#include "ratchet/wait.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// Cancelling tasks.

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TaskCancelTests : public cpython_test {
 protected:
  // Sleeps for `sleep_ms` in a block with a time-out made by hand of cancel()
  // and uncancel(), as libraries made them before there were scopes.
  shared_future<int> request_with_timeout(int sleep_ms, int timeout_ms) {
    return start(
        [this, timeout_ms] {
          const task_handle self = me();
          timer = loop.call_later(ms(timeout_ms), [this, self] {
            timed_out = true;
            EXPECT_TRUE(self.cancel());
          });
        },
        nap(sleep_ms), says("block finished"),
        lastly([this](const absl::Status&) { timer.cancel(); }),
        [this](coro& c, absl::Status s) {
          if (timed_out && me().uncancel() == 0 && is_cancelled(s)) {
            say("timed out");
          } else {
            EXPECT_THAT(s, IsOk());
          }
          return c.turn();
        },
        says("outer code"));
  }

  callback_handle timer;
  bool timed_out = false;
};

// test_tasks.BaseTaskTests.test_cancelling
TEST_F(TaskCancelTests, Cancelling) {
  shared_future<int> t = start(nap(10000));
  EXPECT_EQ(t.task().cancelling(), 0u);
  EXPECT_TRUE(t.cancel());
  EXPECT_EQ(t.task().cancelling(), 1u);
  EXPECT_TRUE(t.cancel());
  EXPECT_EQ(t.task().cancelling(), 2u);
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
}

// test_tasks.BaseTaskTests.test_uncancel_basic
TEST_F(TaskCancelTests, UncancelBasic) {
  shared_future<int> t = start(nap(10000), except([&](const absl::Status& s) {
                                 EXPECT_THAT(s, IsCancelled());
                                 EXPECT_EQ(me().uncancel(), 0u);
                                 say("first");
                               }),
                               nap(10000), rethrow(says("second")));
  EXPECT_THAT(run(nap(10)), IsOk());
  EXPECT_TRUE(t.cancel());  // The first sleep.
  EXPECT_EQ(t.task().cancelling(), 1u);
  EXPECT_FALSE(t.cancelled());
  EXPECT_THAT(run(nap(10)), IsOk());
  EXPECT_EQ(t.task().cancelling(), 0u);
  EXPECT_FALSE(t.cancelled());
  EXPECT_TRUE(t.cancel());  // The second one.
  EXPECT_EQ(t.task().cancelling(), 1u);
  EXPECT_FALSE(t.cancelled());
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_TRUE(t.cancelled());
  // Without effect on a task that is done.
  EXPECT_EQ(t.task().uncancel(), 0u);
  EXPECT_TRUE(t.cancelled());
  EXPECT_THAT(taken(), ElementsAre("first 10", "second 20"));
}

// test_tasks.BaseTaskTests.test_uncancel_structured_blocks
TEST_F(TaskCancelTests, UncancelStructuredBlocksTimedOut) {
  shared_future<int> t = request_with_timeout(10000, 100);
  EXPECT_THAT(loop.run_until_complete(t), IsOk());
  EXPECT_EQ(t.task().cancelling(), 0u);
  EXPECT_THAT(taken(), ElementsAre("timed out 100", "outer code 100"));
}

// test_tasks.BaseTaskTests.test_uncancel_structured_blocks
TEST_F(TaskCancelTests, UncancelStructuredBlocksInTime) {
  shared_future<int> t = request_with_timeout(0, 10000);
  EXPECT_THAT(loop.run_until_complete(t), IsOk());
  EXPECT_FALSE(timed_out);
  EXPECT_EQ(t.task().cancelling(), 0u);
  EXPECT_THAT(taken(), ElementsAre("block finished 0", "outer code 0"));
}

// test_tasks.BaseTaskTests.test_uncancel_resets_must_cancel
TEST_F(TaskCancelTests, UncancelResetsMustCancel) {
  new_future fut;
  shared_future<int> t = start(on(fut.f), ret(42));
  iterate();
  fut.set_result();
  EXPECT_TRUE(t.cancel());  // Woken already, so the request is remembered,
  EXPECT_EQ(t.task().cancelling(), 1u);
  EXPECT_EQ(t.task().uncancel(), 0u);  // and withdrawn.
  EXPECT_EQ(t.task().cancelling(), 0u);
  EXPECT_THAT(loop.run_until_complete(t), IsOkAndHolds(42));
}

// test_tasks.BaseTaskTests.test_cancel
TEST_F(TaskCancelTests, Cancel) {
  shared_future<int> t = start(nap(10000), ret(12));
  loop.call_soon([&] { EXPECT_TRUE(t.cancel()); });
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_TRUE(t.done());
  EXPECT_TRUE(t.cancelled());
  EXPECT_FALSE(t.cancel());
  EXPECT_EQ(now_ms(), 0);
}

// test_tasks.BaseTaskTests.test_cancel_yield
TEST_F(TaskCancelTests, CancelYield) {
  shared_future<int> t = start(turn(), says("not reached"), turn(), ret(12));
  iterate();
  EXPECT_TRUE(t.cancel());
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_TRUE(t.done());
  EXPECT_TRUE(t.cancelled());
  EXPECT_FALSE(t.cancel());
  EXPECT_THAT(taken(), IsEmpty());
}

// test_tasks.BaseTaskTests.test_cancel_inner_future
TEST_F(TaskCancelTests, CancelInnerFuture) {
  new_future f;
  shared_future<int> t = start(on(f.f), ret(12));
  iterate();
  EXPECT_TRUE(f.f.cancel());
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_TRUE(f.f.cancelled());
  EXPECT_TRUE(t.cancelled());
  EXPECT_EQ(t.task().cancelling(), 0u);  // Nobody asked the task.
}

// test_tasks.BaseTaskTests.test_cancel_both_task_and_inner_future
TEST_F(TaskCancelTests, CancelBothTaskAndInnerFuture) {
  new_future f;
  shared_future<int> t = start(on(f.f), rethrow(says("cancelled")), ret(12));
  iterate();
  EXPECT_TRUE(f.f.cancel());
  EXPECT_TRUE(t.cancel());
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_TRUE(t.done());
  EXPECT_TRUE(f.f.cancelled());
  EXPECT_TRUE(t.cancelled());
  EXPECT_THAT(taken(), ElementsAre("cancelled 0"));
}

// test_tasks.BaseTaskTests.test_cancel_task_catching
TEST_F(TaskCancelTests, CancelTaskCatching) {
  new_future fut1, fut2;
  shared_future<int> t = start(
      on(fut1.f), says("one"), on(fut2.f),
      except([](const absl::Status& s) { EXPECT_THAT(s, IsCancelled()); }),
      ret(42));
  iterate();
  fut1.set_result();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("one 0"));
  EXPECT_TRUE(t.cancel());
  EXPECT_TRUE(fut2.f.cancelled());
  EXPECT_THAT(loop.run_until_complete(t), IsOkAndHolds(42));
  EXPECT_FALSE(t.cancelled());
}

// test_tasks.BaseTaskTests.test_cancel_task_ignoring
TEST_F(TaskCancelTests, CancelTaskIgnoring) {
  new_future fut1, fut2, fut3;
  shared_future<int> t = start(on(fut1.f), says("one"), on(fut2.f), pass(),
                               says("two"), on(fut3.f));
  iterate();
  fut1.set_result();
  iterate();
  EXPECT_TRUE(t.cancel());
  EXPECT_TRUE(fut2.f.cancelled());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("one 0", "two 0"));
  EXPECT_FALSE(t.done());
  fut3.set_result(42);
  EXPECT_THAT(loop.run_until_complete(t), IsOkAndHolds(42));
  EXPECT_FALSE(fut3.f.cancelled());
  EXPECT_FALSE(t.cancelled());
}

// test_tasks.BaseTaskTests.test_cancel_current_task
TEST_F(TaskCancelTests, CancelCurrentTask) {
  shared_future<int> t =
      start([&] { EXPECT_TRUE(me().cancel()); }, says("goes on"), nap(100000),
            says("not reached"), ret(12));
  EXPECT_FALSE(t.cancelled());
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_TRUE(t.done());
  EXPECT_TRUE(t.cancelled());
  EXPECT_FALSE(t.cancel());
  EXPECT_EQ(now_ms(), 0);
  EXPECT_THAT(taken(), ElementsAre("goes on 0"));
}

// test_tasks.BaseTaskTests.test_cancel_at_end
TEST_F(TaskCancelTests, CancelAtEnd) {
  shared_future<int> t = start([&] { EXPECT_TRUE(me().cancel()); }, ret(12));
  EXPECT_FALSE(t.cancelled());
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_TRUE(t.done());
  EXPECT_TRUE(t.cancelled());
  EXPECT_FALSE(t.cancel());
}

// test_tasks.BaseTaskTests.test_cancel_awaited_task
TEST_F(TaskCancelTests, CancelAwaitedTask) {
  // What a task awaits after it has cancelled itself is cancelled, too.
  new_future fut;
  shared_future<int> nested;
  shared_future<int> t = start([&] { nested = start(on(fut.f)); }, turn(),
                               [&] { EXPECT_TRUE(me().cancel()); }, on(nested));
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_TRUE(t.cancelled());
  EXPECT_TRUE(nested.cancelled());
  EXPECT_TRUE(fut.f.cancelled());
}

// test_tasks.BaseTaskTests.test_cancel_traceback_for_future_result
TEST_F(TaskCancelTests, CancelTracebackForFutureResult) {
  // Awaiting a task that is being cancelled: Cancelled comes one hop after it.
  shared_future<int> t;
  count_from_here();
  EXPECT_THAT(
      run([&] { t = start(nap(10000), rethrow(marks_iteration("nested"))); },
          turn(), [&] { EXPECT_TRUE(t.cancel()); }, on(t),
          rethrow(marks_iteration("outer"))),
      IsCancelled());
  EXPECT_THAT(taken(), ElementsAre("nested@3", "outer@4"));
}

// test_tasks.BaseTaskTests.test_cancel_traceback_for_future_exception
TEST_F(TaskCancelTests, CancelTracebackForFutureException) {
  shared_future<int> t;
  EXPECT_THAT(run([&] { t = start(nap(10000)); }, turn(),
                  [&] { EXPECT_TRUE(t.cancel()); },
                  on([&] { return wait(futures{t}); }),
                  [&](coro& c) { return c.end(t.status()); }),
              IsCancelled());
}

// test_tasks.BaseTaskTests.test_task_cancel_waiter_future
TEST_F(TaskCancelTests, TaskCancelWaiterFuture) {
  new_future fut;
  shared_future<int> t = start(on(fut.f));
  iterate();
  EXPECT_EQ(t.task().info().awaiting, "future of a promise");
  EXPECT_TRUE(t.cancel());
  iterate();
  EXPECT_TRUE(t.cancelled());
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_TRUE(fut.f.cancelled());
}

// test_tasks.BaseTaskTests.test_baseexception_during_cancel
TEST_F(TaskCancelTests, BaseexceptionDuringCancel) {
  shared_future<int> t =
      start(call(coro(nap(10000))), pass(), raise("SystemExit"));
  iterate();
  EXPECT_TRUE(t.cancel());
  EXPECT_FALSE(t.done());
  iterate();
  EXPECT_TRUE(t.done());
  EXPECT_FALSE(t.cancelled());
  EXPECT_EQ(t.status(), failure("SystemExit"));
}

}  // namespace
}  // namespace ratchet::test
