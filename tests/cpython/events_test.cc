#include <memory>
#include <string>
#include <thread>

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
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// What test_events says of every loop, of handles and of timers.

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EventLoopTestsMixin : public cpython_test {};

// test_events.EventLoopTestsMixin.test_run_until_complete_nesting
TEST_F(EventLoopTestsMixin, RunUntilCompleteNesting) {
  auto token = std::make_shared<int>(1);
  EXPECT_THAT(run([&](coro& c) {
                EXPECT_TRUE(loop.is_running());
                const absl::Status status =
                    loop.run_until_complete(coro([token] {})).status();
                EXPECT_EQ(loop.all_tasks().size(), 1u);  // Was never started.
                return c.end(status);
              }),
              IsKind(error_kind::running, _));
  EXPECT_EQ(token.use_count(), 1);
}

// test_events.EventLoopTestsMixin.test_run_until_complete
TEST_F(EventLoopTestsMixin, RunUntilComplete) {
  EXPECT_THAT(loop.run_until_complete(sleep_for(ms(100))), IsOk());
  EXPECT_EQ(now_ms(), 100);
}

// test_events.EventLoopTestsMixin.test_run_until_complete_stopped
TEST_F(EventLoopTestsMixin, RunUntilCompleteStopped) {
  EXPECT_THAT(run([&] { loop.stop(); }, nap(100)),
              IsKind(error_kind::stopped, _));
  EXPECT_EQ(now_ms(), 0);
}

// test_events.EventLoopTestsMixin.test_call_later
TEST_F(EventLoopTestsMixin, CallLater) {
  loop.call_later(ms(100), [&, text = std::string("hello world")] {
    say(text);
    loop.stop();
  });
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_THAT(taken(), ElementsAre("hello world 100"));
}

// test_events.EventLoopTestsMixin.test_call_soon
TEST_F(EventLoopTestsMixin, CallSoon) {
  loop.call_soon([&] {
    mark("hello");
    loop.stop();
  });
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_THAT(taken(), ElementsAre("hello"));
}

// test_events.EventLoopTestsMixin.test_call_soon_threadsafe
TEST_F(EventLoopTestsMixin, CallSoonThreadsafe) {
  const auto add = [this](const char* what) {
    mark(what);
    if (seen.size() == 2) loop.stop();
  };
  std::thread([&] {
    EXPECT_THAT(loop.post([&] { add("hello"); }), IsOk());
  }).join();
  loop.call_soon([&] { add("world"); });
  EXPECT_THAT(loop.run_forever(), IsOk());
  // What other threads post comes behind what is ready.
  EXPECT_THAT(taken(), ElementsAre("world", "hello"));
}

// test_events.EventLoopTestsMixin.test_call_soon_threadsafe_same_thread
TEST_F(EventLoopTestsMixin, CallSoonThreadsafeSameThread) {
  EXPECT_THAT(loop.post(marks("hello")), IsOk());
  loop.call_soon(marks("world"));
  iterate();
  EXPECT_THAT(taken(), ElementsAre("hello", "world"));
}

// test_events.EventLoopTestsMixin.test_prompt_cancellation
TEST_F(EventLoopTestsMixin, PromptCancellation) {
  // A task that waits for what other threads may bring is cancelled at once.
  const remote r = loop.make_remote();
  new_future never;
  shared_future<int> t = start(on(never.f));
  loop.call_later(ms(100), [&] { EXPECT_TRUE(t.cancel()); });
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_EQ(now_ms(), 100);
}

// test_events.EventLoopTestsMixin.test_timeout_rounding
TEST_F(EventLoopTestsMixin, TimeoutRounding) {
  // Short sleeps take no useless iterations: two each, and two around them.
  const auto sleeps = [](double seconds) {
    return [seconds](coro& c) { return c.nap(absl::Seconds(seconds)); };
  };
  EXPECT_THAT(run(sleeps(1e-2), sleeps(1e-4), sleeps(1e-6), sleeps(1e-8)),
              IsOk());
  EXPECT_EQ(loop.iteration(), 10u);
  EXPECT_EQ(elapsed(), absl::Nanoseconds(10101010));
}

// test_events.EventLoopTestsMixin.test_close_running_event_loop
TEST_F(EventLoopTestsMixin, CloseRunningEventLoop) {
  EXPECT_THAT(run([&](coro& c) { return c.end(loop.close()); }),
              IsKind(error_kind::running, _));
  EXPECT_FALSE(loop.is_closed());
}

// test_events.EventLoopTestsMixin.test_close
TEST_F(EventLoopTestsMixin, Close) {
  EXPECT_THAT(loop.close(), IsOk());
  const auto func = marks("never");
  const auto is_closed = IsKind(error_kind::closed, _);
  EXPECT_THAT(loop.run_forever(), is_closed);
  new_future fut;
  EXPECT_THAT(loop.run_until_complete(fut.f), is_closed);
  EXPECT_THAT(loop.call_soon(func), is_closed);
  EXPECT_THAT(loop.post(func), is_closed);
  EXPECT_THAT(loop.call_later(ms(1000), func), is_closed);
  EXPECT_THAT(loop.call_at(loop.now(), func), is_closed);
  EXPECT_THAT(loop.create_task(coro(func)), is_closed);
  EXPECT_THAT(taken(), IsEmpty());
}

class HandleTests : public cpython_test {};

// test_events.HandleTests.test_handle
TEST_F(HandleTests, Handle) {
  callback_handle h = loop.call_soon(marks("no"));
  EXPECT_FALSE(h.cancelled());
  EXPECT_TRUE(h.cancel());
  EXPECT_TRUE(h.cancelled());
  iterate();
  EXPECT_THAT(taken(), IsEmpty());
}

// test_events.HandleTests.test_callback_with_exception
TEST_F(HandleTests, CallbackWithException) {
  loop.call_soon([] { return failure("ValueError"); });
  loop.call_soon(marks("the rest of the batch"));
  iterate();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].cause, error_report::cause::callback);
  EXPECT_EQ(reports[0].status, failure("ValueError"));
  EXPECT_THAT(taken(), ElementsAre("the rest of the batch"));
}

// test_events.HandleTests.test_handle_weakref
TEST_F(HandleTests, HandleWeakref) {
  // A handle can be dropped, and can outlive its callback.
  loop.call_soon(marks("a"));
  callback_handle kept = loop.call_soon(marks("b"));
  iterate();
  EXPECT_FALSE(kept.pending());
  EXPECT_FALSE(kept.cancel());
  EXPECT_THAT(taken(), ElementsAre("a", "b"));
}

class TimerTests : public cpython_test {};

// test_events.TimerTests.test_when
TEST_F(TimerTests, When) {
  loop.call_at(at_ms(70), says("timer"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("timer 70"));
}

// test_events.TimerTests.test_timer
TEST_F(TimerTests, Timer) {
  // Cancelling lets go of the callable at once.
  auto token = std::make_shared<int>(1);
  callback_handle h = loop.call_at(at_ms(70), [token] {});
  EXPECT_FALSE(h.cancelled());
  EXPECT_EQ(token.use_count(), 2);
  EXPECT_TRUE(h.cancel());
  EXPECT_TRUE(h.cancelled());
  EXPECT_EQ(token.use_count(), 1);
}

// test_events.TimerTests.test_timer_comparison
TEST_F(TimerTests, TimerComparison) {
  // By deadline; equal ones in the order of the calls.
  const absl::Time when = at_ms(50);
  loop.call_at(when + absl::Seconds(10), says("h3"));
  loop.call_at(when, says("h1"));
  loop.call_at(when, says("h2"));
  callback_handle cancelled = loop.call_at(when, says("no"));
  EXPECT_TRUE(cancelled.cancel());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("h1 50", "h2 50", "h3 10050"));
}

class GetEventLoopTestsMixin : public cpython_test {};

// test_events.GetEventLoopTestsMixin.test_get_event_loop_returns_running_loop
TEST_F(GetEventLoopTestsMixin, GetEventLoopReturnsRunningLoop) {
  virtual_clock other_clock;
  event_loop other(other_clock);
  EXPECT_EQ(&event_loop::current(), &other);
  EXPECT_THAT(run([&] { EXPECT_EQ(&event_loop::current(), &loop); }), IsOk());
  EXPECT_EQ(&event_loop::current(), &other);
}

// test_events.GetEventLoopTestsMixin.test_get_event_loop_returns_running_loop2
TEST_F(GetEventLoopTestsMixin, GetEventLoopReturnsRunningLoop2) {
  // Each thread has its own; one without is told so.
  std::thread([&] {
    virtual_clock other_clock;
    event_loop other(other_clock);
    EXPECT_EQ(&event_loop::current(), &other);
  }).join();
  EXPECT_EQ(&event_loop::current(), &loop);
  EXPECT_DEATH(std::thread([] { event_loop::current(); }).join(), "loop");
}

}  // namespace
}  // namespace ratchet::test
