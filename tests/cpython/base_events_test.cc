#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/callback_handle.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/remote.h"
#include "ratchet/sleep.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/task_info.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// The loop: what test_base_events says of it.

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BaseEventLoopTests : public cpython_test {
 protected:
  // loop.stop() behind what `f` does.
  void run_until_stopped() { EXPECT_THAT(loop.run_forever(), IsOk()); }
};

// test_base_events.BaseEventLoopTests.test_close
TEST_F(BaseEventLoopTests, Close) {
  EXPECT_FALSE(loop.is_closed());
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_TRUE(loop.is_closed());
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_THAT(loop.close(), IsOk());
  new_future f;
  EXPECT_THAT(loop.run_forever(), IsKind(error_kind::closed, _));
  EXPECT_THAT(loop.run_until_complete(f.f), IsKind(error_kind::closed, _));
}

// test_base_events.BaseEventLoopTests.test__add_callback_handle
TEST_F(BaseEventLoopTests, AddCallbackHandle) {
  const callback_handle h = loop.call_soon(marks("ran"));
  EXPECT_TRUE(h.pending());
  iterate();
  EXPECT_FALSE(h.pending());
  EXPECT_THAT(taken(), ElementsAre("ran"));
}

// test_base_events.BaseEventLoopTests.test__add_callback_cancelled_handle
TEST_F(BaseEventLoopTests, AddCallbackCancelledHandle) {
  callback_handle h = loop.call_soon(marks("ran"));
  EXPECT_TRUE(h.cancel());
  EXPECT_FALSE(h.pending());
  iterate();
  EXPECT_THAT(taken(), IsEmpty());
}

// test_base_events.BaseEventLoopTests.test_call_soon
TEST_F(BaseEventLoopTests, CallSoon) {
  const callback_handle h = loop.call_soon(marks("cb"));
  EXPECT_THAT(h.status(), IsOk());
  EXPECT_TRUE(h.pending());
  EXPECT_THAT(taken(), IsEmpty());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("cb"));
}

// test_base_events.BaseEventLoopTests.test_call_later
TEST_F(BaseEventLoopTests, CallLater) {
  const callback_handle h = loop.call_later(absl::Seconds(10), says("cb"));
  EXPECT_TRUE(h.pending());
  iterate();  // Not ready.
  EXPECT_TRUE(h.pending());
  EXPECT_THAT(taken(), IsEmpty());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("cb 10000"));
}

// test_base_events.BaseEventLoopTests.test_call_later_negative_delays
TEST_F(BaseEventLoopTests, CallLaterNegativeDelays) {
  loop.call_later(-absl::Seconds(1), marks("a"));
  loop.call_later(-absl::Seconds(2), marks("b"));
  iterate();
  EXPECT_THAT(taken(), ElementsAre("b", "a"));
}

// test_base_events.BaseEventLoopTests.test_time_and_call_at
TEST_F(BaseEventLoopTests, TimeAndCallAt) {
  loop.call_at(loop.now() + ms(100), [&] { loop.stop(); });
  run_until_stopped();
  EXPECT_EQ(now_ms(), 100);
}

// test_base_events.BaseEventLoopTests.test_check_thread
TEST_F(BaseEventLoopTests, CheckThread) {
#ifdef NDEBUG
  GTEST_SKIP() << "the thread is checked in debug builds";
#endif
  EXPECT_DEATH(std::thread([&] { loop.call_soon([] {}); }).join(), "call_soon");
  EXPECT_DEATH(std::thread([&] { loop.call_later(ms(60), [] {}); }).join(),
               "call_later");
  EXPECT_DEATH(std::thread([&] { loop.call_at(at_ms(60), [] {}); }).join(),
               "call_at");
}

// test_base_events.BaseEventLoopTests.test__run_once
TEST_F(BaseEventLoopTests, RunOnce_) {
  // The loop waits for the first timer that is not cancelled.
  callback_handle h1 = loop.call_later(absl::Seconds(5), says("h1"));
  const callback_handle h2 = loop.call_later(absl::Seconds(10), [&] {
    say("h2");
    loop.stop();
  });
  EXPECT_TRUE(h1.cancel());
  count_from_here();
  run_until_stopped();
  mark_iteration("end");
  EXPECT_THAT(taken(), ElementsAre("h2 10000", "end@1"));
  EXPECT_FALSE(h2.pending());
}

// test_base_events.BaseEventLoopTests.test__run_once_schedule_handle
TEST_F(BaseEventLoopTests, RunOnceScheduleHandle) {
  // What a timer's callback schedules belongs to the next batch.
  callback_handle handle;
  loop.call_later(-absl::Seconds(1), [&] {
    mark("processed");
    handle = loop.call_soon(marks("later"));
  });
  iterate();
  EXPECT_THAT(taken(), ElementsAre("processed"));
  EXPECT_TRUE(handle.pending());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("later"));
}

// test_base_events.BaseEventLoopTests.test__run_once_cancelled_event_cleanup
TEST_F(BaseEventLoopTests, RunOnceCancelledEventCleanup) {
  // Cancelled timers, few or many, early or late, leave the others alone.
  loop.call_later(absl::Seconds(3000), says("first"));
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(loop.call_later(absl::Seconds(3600), says("no")).cancel());
    EXPECT_TRUE(loop.call_later(absl::Seconds(100), says("no")).cancel());
  }
  iterate();
  loop.call_later(absl::Seconds(3600), says("second"));
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(loop.call_later(absl::Seconds(3600), says("no")).cancel());
  }
  count_from_here();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("first 3000000", "second 3600000"));
}

// test_base_events.BaseEventLoopTests.test_run_until_complete_loop_orphan_future_close_loop
TEST_F(BaseEventLoopTests, RunUntilCompleteLoopOrphanFutureCloseLoop) {
  // A run that ends early leaves nothing behind that would end the next one.
  loop.call_soon([&] { loop.stop(); });
  future<void> first = sleep_for(ms(100));
  EXPECT_THAT(loop.run_until_complete(first), IsKind(error_kind::stopped, _));
  EXPECT_THAT(loop.run_until_complete(sleep_for(ms(200))), IsOk());
  EXPECT_EQ(now_ms(), 200);
  EXPECT_TRUE(first.done());
}

// test_base_events.BaseEventLoopTests.test_default_exc_handler_callback
TEST_F(BaseEventLoopTests, DefaultExcHandlerCallback) {
  // A callback that does its work and then fails.
  for (const bool timed : {false, true}) {
    new_future fut;
    auto fails = [&]() -> absl::Status {
      fut.set_result(1);
      return failure("ZeroDivision");
    };
    timed ? loop.call_later(ms(10), fails) : loop.call_soon(fails);
    fut.f.add_done_callback([&] { loop.stop(); });
    run_until_stopped();
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].cause, error_report::cause::callback);
    EXPECT_EQ(reports[0].status, failure("ZeroDivision"));
    EXPECT_EQ(reports[0].who, timed ? "call_later()" : "call_soon()");
    reports.clear();
  }
}

// test_base_events.BaseEventLoopTests.test_default_exc_handler_coro
TEST_F(BaseEventLoopTests, DefaultExcHandlerCoro) {
  shared_future<int> fut = start(nap(10), raise("ZeroDivision"));
  fut.add_done_callback([&] { loop.stop(); });
  run_until_stopped();
  EXPECT_THAT(reports, IsEmpty());
  fut = {};
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].cause, error_report::cause::unretrieved);
  EXPECT_EQ(reports[0].status, failure("ZeroDivision"));
  EXPECT_THAT(reports[0].who, HasSubstr("coro#1"));
}

// test_base_events.BaseEventLoopTests.test_set_exc_handler_custom
TEST_F(BaseEventLoopTests, SetExcHandlerCustom) {
  const auto run_loop = [&] {
    loop.call_soon([] { return failure("ZeroDivision"); });
    iterate();
  };
  int called = 0;
  loop.set_error_handler([&](const error_report& report) {
    EXPECT_EQ(report.status, failure("ZeroDivision"));
    ++called;
  });
  run_loop();
  EXPECT_EQ(called, 1);
  // Without one, the error goes to standard error.
  loop.set_error_handler({});
  ::testing::internal::CaptureStderr();
  run_loop();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("ZeroDivision"));
  EXPECT_EQ(called, 1);
}

#ifdef ABSL_HAVE_EXCEPTIONS
// test_base_events.BaseEventLoopTests.test_set_exc_handler_broken
TEST_F(BaseEventLoopTests, SetExcHandlerBroken) {
  loop.set_error_handler(
      [](const error_report&) { throw std::runtime_error("spam"); });
  loop.call_soon([] { return failure("ZeroDivision"); });
  loop.call_soon(marks("the loop goes on"));
  ::testing::internal::CaptureStderr();
  iterate();
  const std::string printed = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(printed, HasSubstr("spam"));
  EXPECT_THAT(taken(), ElementsAre("the loop goes on"));
}

// test_base_events.BaseEventLoopTests.test_default_exc_handler_broken
TEST_F(BaseEventLoopTests, DefaultExcHandlerBroken) {
  // The error that the broken handler was told of is not lost.
  loop.set_error_handler(
      [](const error_report&) { throw std::runtime_error("ham"); });
  loop.call_soon([]() -> absl::Status { throw std::runtime_error("spam"); });
  ::testing::internal::CaptureStderr();
  iterate();
  const std::string printed = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(printed, HasSubstr("ham"));
  EXPECT_THAT(printed, HasSubstr("spam"));
}

// test_base_events.BaseEventLoopTests.test_run_until_complete_baseexception
TEST_F(BaseEventLoopTests, RunUntilCompleteBaseexception) {
  // A task that throws ends the run, and leaves no stop() behind.
  EXPECT_THAT(run([] { throw std::runtime_error("interrupt"); }),
              IsKind(error_kind::thrown, HasSubstr("interrupt")));
  loop.call_soon([&] {
    loop.call_soon([&] {
      loop.stop();
      mark("called");
    });
  });
  run_until_stopped();
  EXPECT_THAT(taken(), ElementsAre("called"));
}
#endif  // ABSL_HAVE_EXCEPTIONS

// test_base_events.BaseEventLoopTests.test_create_task_error_closes_coro
TEST_F(BaseEventLoopTests, CreateTaskErrorClosesCoro) {
  auto token = std::make_shared<int>(1);
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_THAT(create_task(coro([token] {})), IsKind(error_kind::closed, _));
  EXPECT_EQ(token.use_count(), 1);
}

// test_base_events.BaseEventLoopTests.test_create_named_task_with_default_factory
TEST_F(BaseEventLoopTests, CreateNamedTaskWithDefaultFactory) {
  class test_task final : public task<void> {
   public:
    step start() { return done(); }
    std::string task_name() const override { return "test_task"; }
  };
  future<void> t = loop.create_task(test_task());
  EXPECT_EQ(t.task().info().name, "test_task");
  EXPECT_THAT(loop.run_until_complete(t), IsOk());
}

// test_base_events.BaseEventLoopTests.test_single_selecter_event_callback_after_stopping
TEST_F(BaseEventLoopTests, SingleSelecterEventCallbackAfterStopping) {
  // What was posted is taken up once, though the loop is stopped and run again.
  const remote r = loop.make_remote();
  int count = 0;
  std::thread([&] { EXPECT_THAT(r.post([&] { ++count; }), IsOk()); }).join();
  for (int i = 0; i < 2; ++i) {
    loop.call_soon([&] { loop.stop(); });
    run_until_stopped();
    EXPECT_EQ(count, 1);
  }
}

// test_base_events.BaseEventLoopTests.test_run_once
TEST_F(BaseEventLoopTests, RunOnce) {
  int count = 0;
  loop.call_soon([&] { ++count; });
  loop.call_soon([&] { loop.stop(); });
  run_until_stopped();
  EXPECT_EQ(count, 1);
}

// test_base_events.BaseEventLoopTests.test_run_forever_pre_stopped
TEST_F(BaseEventLoopTests, RunForeverPreStopped) {
  loop.call_later(ms(100), marks("no"));
  count_from_here();
  loop.stop();
  run_until_stopped();
  mark_iteration("end");
  EXPECT_EQ(now_ms(), 0);  // It did not wait.
  EXPECT_THAT(taken(), ElementsAre("end@1"));
}

// test_base_events.BaseEventLoopTests.test_custom_run_forever_integration
TEST_F(BaseEventLoopTests, CustomRunForeverIntegration) {
  // Somebody else's loop drives this one, iteration by iteration.
  loop.call_soon([&] {
    EXPECT_TRUE(loop.is_running());
    EXPECT_EQ(&event_loop::current(), &loop);
    mark_iteration("callback");
  });
  count_from_here();
  iterate(10);
  EXPECT_FALSE(loop.is_running());
  mark_iteration("end");
  EXPECT_THAT(taken(), ElementsAre("callback@1", "end@10"));
}

class RunningLoopTests : public cpython_test {};

// test_base_events.RunningLoopTests.test_running_loop_within_a_loop
TEST_F(RunningLoopTests, RunningLoopWithinALoop) {
  virtual_clock other_clock;
  event_loop other(other_clock);
  EXPECT_THAT(run([&](coro& c) { return c.end(other.run_forever()); }),
              IsKind(error_kind::running, HasSubstr("another")));
}

}  // namespace
}  // namespace ratchet::test
