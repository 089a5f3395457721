#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/clock.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/remote.h"
#include "ratchet/shield.h"
#include "ratchet/status.h"
#include "ratchet/thread/cross_thread_promise.h"
#include "ratchet/thread/submit.h"
#include "ratchet/thread/thread_pool.h"
#include "ratchet/when_all.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// Other threads: to_thread and run_in_executor, which are run_in here;
// wrap_future, which is what cross_thread_promise is for; and
// run_coroutine_threadsafe, which is submit.

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ToThreadTests : public cpython_test {
 protected:
  thread_pool pool{2};
};

// test_threads.ToThreadTests.test_to_thread
TEST_F(ToThreadTests, ToThread) {
  EXPECT_THAT(run(on([&] { return run_in(pool, [] { return 40 + 2; }); })),
              IsOkAndHolds(42));
}

// test_threads.ToThreadTests.test_to_thread_exception
TEST_F(ToThreadTests, ToThreadException) {
  EXPECT_THAT(
      run(on([&] { return run_in(pool, [] { return failure("test"); }); })),
      StatusIs(absl::StatusCode::kUnknown, "test"));
}

// test_threads.ToThreadTests.test_to_thread_once
TEST_F(ToThreadTests, ToThreadOnce) {
  std::atomic<int> calls{0};
  EXPECT_THAT(run(on([&] { return run_in(pool, [&] { ++calls; }); })), IsOk());
  EXPECT_EQ(calls, 1);
}

// test_threads.ToThreadTests.test_to_thread_concurrent
TEST_F(ToThreadTests, ToThreadConcurrent) {
  std::atomic<int> calls{0};
  EXPECT_THAT(run(on([&] {
                std::vector<future<void>> fs;
                for (int i = 0; i < 10; ++i) {
                  fs.push_back(run_in(pool, [&] { ++calls; }));
                }
                return when_all(std::move(fs));
              })),
              IsOk());
  EXPECT_EQ(calls, 10);
}

// test_threads.ToThreadTests.test_to_thread_args_kwargs
TEST_F(ToThreadTests, ToThreadArgsKwargs) {
  // Arguments are what the function captures, also what can only be moved.
  auto owned = std::make_unique<int>(5);
  EXPECT_THAT(run(on([&] {
                return run_in(
                    pool, [text = std::string("test"), p = std::move(owned)] {
                      return static_cast<int>(text.size()) + *p;
                    });
              })),
              IsOkAndHolds(9));
}

class ExecutorTests : public ToThreadTests {};

// test_events.EventLoopTestsMixin.test_run_in_executor
TEST_F(ExecutorTests, RunInExecutor) {
  future<std::thread::id> f =
      run_in(pool, [] { return std::this_thread::get_id(); });
  const absl::StatusOr<std::thread::id> id = loop.run_until_complete(f);
  ASSERT_TRUE(id.ok());
  EXPECT_NE(*id, std::this_thread::get_id());
}

// test_events.EventLoopTestsMixin.test_run_in_executor_cancel
TEST_F(ExecutorTests, RunInExecutorCancel) {
  // The loop is closed when the function ends: nothing is called any more.
  std::atomic<bool> go{false};
  future<void> f = run_in(pool, [&] {
    while (!go) std::this_thread::yield();
  });
  f.add_done_callback(marks("called"));
  EXPECT_TRUE(f.cancel());
  EXPECT_TRUE(f.cancelled());
  EXPECT_THAT(loop.close(), IsOk());
  go = true;
  pool.shutdown();
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_TRUE(f.cancelled());
}

class WrapFutureTests : public cpython_test {
 protected:
  // The future of a promise that another thread completes.
  future<int> from_thread(int value) {
    promise_.emplace();
    future<int> f = promise_->get_future();
    thread_ = std::thread(
        [this, value] { EXPECT_THAT(promise_->set_value(value), IsOk()); });
    return f;
  }
  ~WrapFutureTests() override {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::optional<cross_thread_promise<int>> promise_;
  std::thread thread_;
};

// test_futures.BaseFutureTests.test_wrap_future
TEST_F(WrapFutureTests, WrapFuture) {
  EXPECT_THAT(loop.run_until_complete(from_thread(5)), IsOkAndHolds(5));
}

// test_futures.BaseFutureTests.test_wrap_future_future
TEST_F(WrapFutureTests, WrapFutureFuture) {
  // What is a future of the loop already stays what it is.
  const shared_future<int> f = make_ready_future(1);
  EXPECT_EQ(shield(f), f);
}

// test_futures.BaseFutureTests.test_wrap_future_use_running_loop
TEST_F(WrapFutureTests, WrapFutureUseRunningLoop) {
  virtual_clock other_clock;
  event_loop other(other_clock);
  future<int> f;
  EXPECT_THAT(run([&] { f = from_thread(6); }), IsOk());
  EXPECT_THAT(loop.run_until_complete(f), IsOkAndHolds(6));
}

// test_futures.BaseFutureTests.test_wrap_future_use_global_loop
TEST_F(WrapFutureTests, WrapFutureUseGlobalLoop) {
  virtual_clock other_clock;
  event_loop other(other_clock);  // The newest one.
  future<int> f = from_thread(7);
  EXPECT_THAT(other.run_until_complete(f), IsOkAndHolds(7));
}

// test_futures.BaseFutureTests.test_wrap_future_cancel
TEST_F(WrapFutureTests, WrapFutureCancel) {
  cross_thread_promise<int> p;
  future<int> f = p.get_future();
  EXPECT_TRUE(f.cancel());
  iterate();
  EXPECT_TRUE(p.cancelled());
  EXPECT_TRUE(f.cancelled());
  EXPECT_THAT(p.set_value(1), IsKind(error_kind::invalid_state, _));
}

// test_futures.BaseFutureTests.test_wrap_future_cancel2
TEST_F(WrapFutureTests, WrapFutureCancel2) {
  // Cancelled when the value is on its way.
  cross_thread_promise<int> p;
  future<int> f = p.get_future();
  EXPECT_THAT(p.set_value(42), IsOk());
  EXPECT_TRUE(f.cancel());
  iterate();
  EXPECT_TRUE(p.done());
  EXPECT_TRUE(f.cancelled());
}

class RunCoroutineThreadsafeTests : public cpython_test {
 protected:
  // asyncio.run_coroutine_threadsafe(c, loop).result() in another thread,
  // while the loop runs here.
  absl::StatusOr<int> from_thread(coro c) {
    return loop.run_until_complete(
        run_in(pool, [door = loop.make_remote(), c = std::move(c)]() mutable {
          return submit(door, std::move(c)).get();
        }));
  }

  thread_pool pool{1};
};

// test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe
TEST_F(RunCoroutineThreadsafeTests, RunCoroutineThreadsafe) {
  EXPECT_THAT(from_thread(coro(nap(50), says("slept"), ret(1 + 2))),
              IsOkAndHolds(3));
  EXPECT_THAT(taken(), ElementsAre("slept 50"));
}

// test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_with_exception
TEST_F(RunCoroutineThreadsafeTests, RunCoroutineThreadsafeWithException) {
  EXPECT_THAT(from_thread(coro(nap(50), raise("Fail!"))),
              StatusIs(absl::StatusCode::kUnknown, "Fail!"));
}

// test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_with_timeout
TEST_F(RunCoroutineThreadsafeTests, RunCoroutineThreadsafeWithTimeout) {
  // The other thread gives up, and takes the task back: one that has started,
  // as a task that is cancelled earlier never runs.
  new_future never;
  std::promise<void> started;
  EXPECT_THAT(loop.run_until_complete(run_in(
                  pool,
                  [&started, door = loop.make_remote(),
                   c = coro([&started] { started.set_value(); }, on(never.f),
                            rethrow(says("cancelled")))]() mutable {
                    auto f = submit(door, std::move(c));
                    started.get_future().wait();
                    EXPECT_FALSE(f.wait(absl::ZeroDuration()));
                    EXPECT_TRUE(f.cancel());
                    return std::move(f).get();
                  })),
              IsCancelled());
  iterate();  // As the original does: the request may come with the answer.
  EXPECT_THAT(loop.all_tasks(), IsEmpty());
  EXPECT_TRUE(never.f.cancelled());
  EXPECT_THAT(taken(), ElementsAre("cancelled 0"));
}

// test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_task_cancelled
TEST_F(RunCoroutineThreadsafeTests, RunCoroutineThreadsafeTaskCancelled) {
  EXPECT_THAT(
      from_thread(coro(
          nap(50), [this] { EXPECT_TRUE(me().cancel()); }, turn(), ret(3))),
      IsCancelled());
}

}  // namespace
}  // namespace ratchet::test
