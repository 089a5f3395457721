#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// run(), and what a Runner does, which is an event_loop that is shut down.

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RunTests : public cpython_test {
 protected:
  virtual_clock own_clock;
};

// test_runners.RunTests.test_asyncio_run_return
TEST_F(RunTests, AsyncioRunReturn) {
  EXPECT_THAT(ratchet::run(coro(turn(), ret(42)), own_clock), IsOkAndHolds(42));
}

// test_runners.RunTests.test_asyncio_run_raises
TEST_F(RunTests, AsyncioRunRaises) {
  EXPECT_THAT(ratchet::run(coro(turn(), raise("spam")), own_clock),
              StatusIs(absl::StatusCode::kUnknown, "spam"));
}

// test_runners.RunTests.test_asyncio_run_from_running_loop
TEST_F(RunTests, AsyncioRunFromRunningLoop) {
  EXPECT_THAT(
      run([&](coro& c) {
        return c.end(ratchet::run(coro(marks("never")), own_clock).status());
      }),
      IsKind(error_kind::running, _));
  EXPECT_THAT(taken(), IsEmpty());
}

// test_runners.RunTests.test_asyncio_run_cancels_hanging_tasks
TEST_F(RunTests, AsyncioRunCancelsHangingTasks) {
  shared_future<int> leftover;
  EXPECT_THAT(ratchet::run(coro(
                               [&] {
                                 leftover = create_task(coro(
                                     nap(100), rethrow(marks("cancelled"))));
                               },
                               ret(123)),
                           own_clock),
              IsOkAndHolds(123));
  EXPECT_TRUE(leftover.cancelled());
  EXPECT_EQ(own_clock.now(), absl::UnixEpoch());
  EXPECT_THAT(taken(), ElementsAre("cancelled"));
}

// test_runners.RunTests.test_asyncio_run_reports_hanging_tasks_errors
TEST_F(RunTests, AsyncioRunReportsHangingTasksErrors) {
  shared_future<int> leftover;
  EXPECT_THAT(ratchet::run(coro(
                               [&] {
                                 catch_reports(event_loop::current());
                                 leftover = create_task(coro(
                                     nap(100), pass(), raise("ZeroDivision")));
                               },
                               ret(123)),
                           own_clock),
              IsOkAndHolds(123));
  EXPECT_TRUE(leftover.done());
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].cause, error_report::cause::shutdown);
  EXPECT_EQ(reports[0].status, failure("ZeroDivision"));
  EXPECT_THAT(reports[0].who, HasSubstr("coro#2"));
}

// test_runners.RunTests.test_asyncio_run_closes_gens_after_hanging_tasks_errors
TEST_F(RunTests, AsyncioRunClosesGensAfterHangingTasksErrors) {
  // Main fails, and so does a task that is cancelled: the error of main wins,
  // and what the task held is gone.
  auto token = std::make_shared<int>(1);
  EXPECT_THAT(ratchet::run(coro(
                               [&] {
                                 catch_reports(event_loop::current());
                                 static_cast<void>(create_task(
                                     coro([token] {}, nap(1000), pass(),
                                          raise("ZeroDivision"))));
                               },
                               raise("FancyExit")),
                           own_clock),
              StatusIs(absl::StatusCode::kUnknown, "FancyExit"));
  EXPECT_EQ(token.use_count(), 1);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].status, failure("ZeroDivision"));
}

// test_runners.RunTests.test_asyncio_run_set_event_loop
TEST_F(RunTests, AsyncioRunSetEventLoop) {
  EXPECT_THAT(
      ratchet::run(coro([&] { EXPECT_NE(&event_loop::current(), &loop); },
                        turn(), ret(42)),
                   own_clock),
      IsOkAndHolds(42));
  EXPECT_EQ(&event_loop::current(), &loop);
}

// test_runners.RunTests.test_asyncio_run_loop_factory
TEST_F(RunTests, AsyncioRunLoopFactory) {
  // Which clock the loop goes by is up to the caller.
  EXPECT_THAT(ratchet::run(coro(nap(5000)), own_clock), IsOk());
  EXPECT_EQ(own_clock.now() - absl::UnixEpoch(), ms(5000));
}

class RunnerTests : public cpython_test {};

// test_runners.RunnerTests.test_run
TEST_F(RunnerTests, Run) {
  EXPECT_THAT(run(turn(), ret(3)), IsOkAndHolds(3));
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_TRUE(loop.is_closed());
}

// test_runners.RunnerTests.test_explicit_close
TEST_F(RunnerTests, ExplicitClose) {
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_TRUE(loop.is_closed());
  EXPECT_THAT(run(ret(1)), IsKind(error_kind::closed, _));
}

// test_runners.RunnerTests.test_double_close
TEST_F(RunnerTests, DoubleClose) {
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_TRUE(loop.is_closed());
  loop.shutdown().IgnoreError();
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_TRUE(loop.is_closed());
}

// test_runners.RunnerTests.test_second_with_block_raises
TEST_F(RunnerTests, SecondWithBlockRaises) {
  EXPECT_THAT(run(marks("1")), IsOk());
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_THAT(run(marks("2")), IsKind(error_kind::closed, _));
  EXPECT_THAT(taken(), ElementsAre("1"));
}

// test_runners.RunnerTests.test_recursive_run
TEST_F(RunnerTests, RecursiveRun) {
  EXPECT_THAT(
      run([&](coro& c) {
        return c.end(loop.run_until_complete(coro(marks("g"))).status());
      }),
      IsKind(error_kind::running, _));
  EXPECT_THAT(taken(), IsEmpty());
}

// test_runners.RunnerTests.test_interrupt_call_soon
TEST_F(RunnerTests, InterruptCallSoon) {
  // A main task that yields for ever, cancelled by a timer.
  shared_future<int> t = start(turn(), again_if(1, [] { return true; }),
                               rethrow([&] { mark("cancelled"); }));
  loop.call_later(absl::ZeroDuration(), [&] { EXPECT_TRUE(t.cancel()); });
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_THAT(taken(), ElementsAre("cancelled"));
}

// test_runners.RunnerTests.test_interrupt_wait
TEST_F(RunnerTests, InterruptWait) {
  // Cancels what it waits for as well.
  new_future fut;
  shared_future<int> t = start(on(fut.f), rethrow(says("cancelled")));
  loop.call_later(ms(100), [&] { EXPECT_TRUE(t.cancel()); });
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_TRUE(fut.f.cancelled());
  EXPECT_THAT(taken(), ElementsAre("cancelled 100"));
}

// test_runners.RunnerTests.test_interrupt_cancelled_task
TEST_F(RunnerTests, InterruptCancelledTask) {
  shared_future<int> sub;
  EXPECT_THAT(run(
                  [&] {
                    const task_handle main = me();
                    sub = start(turn(), [main] {
                      EXPECT_TRUE(main.cancel());
                      EXPECT_TRUE(main.cancel());  // Once more, to no effect.
                    });
                  },
                  nap(10000)),
              IsCancelled());
  EXPECT_EQ(now_ms(), 0);
}

// test_runners.RunnerTests.test_set_event_loop_called_once
TEST_F(RunnerTests, SetEventLoopCalledOnce) {
  EXPECT_THAT(run([&] { EXPECT_EQ(&event_loop::current(), &loop); }), IsOk());
  EXPECT_EQ(&event_loop::current(), &loop);
  EXPECT_THAT(run([&] { EXPECT_EQ(&event_loop::current(), &loop); }), IsOk());
  EXPECT_EQ(&event_loop::current(), &loop);
}

}  // namespace
}  // namespace ratchet::test
