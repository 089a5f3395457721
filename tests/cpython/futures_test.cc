#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/callback_handle.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/shield.h"
#include "ratchet/sleep.h"
#include "ratchet/status.h"
#include "ratchet/task_info.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

auto invalid_state() { return IsKind(error_kind::invalid_state, _); }

class BaseFutureTests : public cpython_test {
 protected:
  // A future, and the end from which it is completed.
  struct pair {
    promise<int> p;
    shared_future<int> f = p.get_future();
  };
  std::string text(const shared_future<int>& f) {
    std::ostringstream out;
    out << f;
    return out.str();
  }
};

// test_futures.BaseFutureTests.test_initial_state
TEST_F(BaseFutureTests, InitialState) {
  const pair x;
  shared_future<int> f = x.f;
  EXPECT_FALSE(f.cancelled());
  EXPECT_FALSE(f.done());
  EXPECT_TRUE(f.cancel());
  EXPECT_TRUE(f.cancelled());
}

// test_futures.BaseFutureTests.test_constructor_use_running_loop
TEST_F(BaseFutureTests, ConstructorUseRunningLoop) {
  // Of the loop that runs, though another one is newer.
  virtual_clock other_clock;
  event_loop other(other_clock);
  shared_future<void> slept;
  EXPECT_THAT(run([&] { slept = sleep_for(ms(20)).share(); },
                  on([&] { return slept; }), says("slept")),
              IsOk());
  EXPECT_EQ(other_clock.now(), absl::UnixEpoch());
  EXPECT_THAT(taken(), ElementsAre("slept 20"));
}

// test_futures.BaseFutureTests.test_constructor_use_global_loop
TEST_F(BaseFutureTests, ConstructorUseGlobalLoop) {
  // No loop runs: the newest one of the thread.
  virtual_clock other_clock;
  event_loop other(other_clock);
  EXPECT_EQ(&event_loop::current(), &other);
  future<void> slept = sleep_for(ms(20));
  EXPECT_THAT(other.run_until_complete(slept), IsOk());
  EXPECT_EQ(other_clock.now() - absl::UnixEpoch(), ms(20));
  EXPECT_EQ(now_ms(), 0);
}

// test_futures.BaseFutureTests.test_uninitialized
TEST_F(BaseFutureTests, Uninitialized) {
  // A handle on nothing says so and ends the process.
  EXPECT_FALSE(shared_future<int>().valid());
  EXPECT_DEATH(static_cast<void>(shared_future<int>().result()), "result");
  EXPECT_DEATH(static_cast<void>(shared_future<int>().status()), "status");
  EXPECT_DEATH(static_cast<void>(shared_future<int>().cancel()), "cancel");
  EXPECT_DEATH(shared_future<int>().add_done_callback([] {}),
               "add_done_callback");
}

// test_futures.BaseFutureTests.test_cancel
TEST_F(BaseFutureTests, Cancel) {
  pair x;
  EXPECT_TRUE(x.f.cancel());
  EXPECT_TRUE(x.f.cancelled());
  EXPECT_TRUE(x.f.done());
  EXPECT_THAT(x.f.result(), IsCancelled());
  EXPECT_THAT(x.f.status(), IsCancelled());
  EXPECT_THAT(x.p.set_value(1), invalid_state());
  EXPECT_THAT(x.p.set_error(failure("x")), invalid_state());
  EXPECT_FALSE(x.f.cancel());
  EXPECT_TRUE(x.f.cancelled());
}

// test_futures.BaseFutureTests.test_result
TEST_F(BaseFutureTests, Result) {
  pair x;
  EXPECT_THAT(x.f.result(), invalid_state());
  EXPECT_THAT(x.p.set_value(42), IsOk());
  EXPECT_FALSE(x.f.cancelled());
  EXPECT_TRUE(x.f.done());
  EXPECT_THAT(x.f.result(), IsOkAndHolds(42));
  EXPECT_THAT(x.f.status(), IsOk());
  EXPECT_THAT(x.p.set_value(1), invalid_state());
  EXPECT_THAT(x.p.set_error(failure("x")), invalid_state());
  EXPECT_FALSE(x.f.cancel());
  EXPECT_THAT(x.f.result(), IsOkAndHolds(42));
}

// test_futures.BaseFutureTests.test_exception
TEST_F(BaseFutureTests, Exception) {
  pair x;
  EXPECT_THAT(x.f.status(), invalid_state());
  EXPECT_THAT(x.p.set_error(failure("RuntimeError")), IsOk());
  EXPECT_FALSE(x.f.cancelled());
  EXPECT_TRUE(x.f.done());
  EXPECT_EQ(text_of(x.f.result().status()), "RuntimeError");
  EXPECT_EQ(x.f.status(), failure("RuntimeError"));
  EXPECT_THAT(x.p.set_value(1), invalid_state());
  EXPECT_THAT(x.p.set_error(failure("x")), invalid_state());
  EXPECT_FALSE(x.f.cancel());
}

// test_futures.BaseFutureTests.test_yield_from_twice
TEST_F(BaseFutureTests, YieldFromTwice) {
  // The second await does not suspend.
  pair x;
  shared_future<int> task = start(
      says("A"), on(x.f), says("B"),
      [&] { loop.call_soon(says("next iteration")); }, on(x.f), says("C"));
  iterate();
  EXPECT_THAT(taken(), ElementsAre("A 0"));
  EXPECT_THAT(x.p.set_value(42), IsOk());
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("B 0", "C 0", "next iteration 0"));
  EXPECT_THAT(task.result(), IsOkAndHolds(42));
}

// test_futures.BaseFutureTests.test_future_repr
TEST_F(BaseFutureTests, FutureRepr) {
  // What a future prints names its state, and needs no debug mode.
  pair pending, cancelled, finished, failed;
  EXPECT_EQ(text(pending.f), "<future pending>");
  cancelled.f.cancel();
  EXPECT_EQ(text(cancelled.f), "<future cancelled>");
  EXPECT_THAT(finished.p.set_value(4), IsOk());
  EXPECT_EQ(text(finished.f), "<future value>");
  EXPECT_THAT(failed.p.set_error(failure("RuntimeError")), IsOk());
  EXPECT_EQ(text(failed.f), "<future error>");
  EXPECT_TRUE(failed.f.unretrieved());  // Printing is not looking.
  EXPECT_EQ(failed.f.status(), failure("RuntimeError"));
}

// test_futures.BaseFutureTests.test_copy_state
TEST_F(BaseFutureTests, CopyState) {
  // shield() copies what its source ends with, whatever it is.
  pair value, error, cancelled;
  const shared_future<int> new_value = shield(value.f);
  const shared_future<int> new_error = shield(error.f);
  const shared_future<int> new_cancelled = shield(cancelled.f);
  EXPECT_THAT(value.p.set_value(10), IsOk());
  EXPECT_THAT(error.p.set_error(failure("RuntimeError")), IsOk());
  cancelled.f.cancel();
  EXPECT_FALSE(new_value.done());
  iterate();
  EXPECT_THAT(new_value.result(), IsOkAndHolds(10));
  EXPECT_EQ(new_error.status(), failure("RuntimeError"));
  EXPECT_TRUE(new_cancelled.cancelled());
}

// test_futures.BaseFutureTests.test_tb_logger_abandoned
TEST_F(BaseFutureTests, TbLoggerAbandoned) {
  { const pair x; }
  iterate();
  EXPECT_THAT(reports, IsEmpty());
}

// test_futures.BaseFutureTests.test_tb_logger_not_called_after_cancel
TEST_F(BaseFutureTests, TbLoggerNotCalledAfterCancel) {
  {
    pair x;
    EXPECT_THAT(x.p.set_error(failure("x")), IsOk());
    EXPECT_TRUE(x.f.unretrieved());
    EXPECT_FALSE(x.f.cancel());  // Counts as looking at it.
    EXPECT_FALSE(x.f.unretrieved());
  }
  EXPECT_THAT(reports, IsEmpty());
}

// test_futures.BaseFutureTests.test_tb_logger_result_unretrieved
TEST_F(BaseFutureTests, TbLoggerResultUnretrieved) {
  {
    pair x;
    EXPECT_THAT(x.p.set_value(42), IsOk());
    EXPECT_FALSE(x.f.unretrieved());
  }
  EXPECT_THAT(reports, IsEmpty());
}

// test_futures.BaseFutureTests.test_tb_logger_result_retrieved
TEST_F(BaseFutureTests, TbLoggerResultRetrieved) {
  {
    pair x;
    EXPECT_THAT(x.p.set_value(42), IsOk());
    EXPECT_THAT(x.f.result(), IsOkAndHolds(42));
  }
  EXPECT_THAT(reports, IsEmpty());
}

// test_futures.BaseFutureTests.test_tb_logger_exception_unretrieved
TEST_F(BaseFutureTests, TbLoggerExceptionUnretrieved) {
  {
    pair x;
    EXPECT_THAT(x.p.set_error(failure("boom")), IsOk());
    EXPECT_THAT(reports, IsEmpty());
  }
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].cause, error_report::cause::unretrieved);
  EXPECT_EQ(reports[0].status, failure("boom"));
}

// test_futures.BaseFutureTests.test_tb_logger_exception_retrieved
TEST_F(BaseFutureTests, TbLoggerExceptionRetrieved) {
  {
    pair x;
    EXPECT_THAT(x.p.set_error(failure("boom")), IsOk());
    EXPECT_EQ(x.f.status(), failure("boom"));
  }
  EXPECT_THAT(reports, IsEmpty());
}

// test_futures.BaseFutureTests.test_tb_logger_exception_result_retrieved
TEST_F(BaseFutureTests, TbLoggerExceptionResultRetrieved) {
  {
    pair x;
    EXPECT_THAT(x.p.set_error(failure("boom")), IsOk());
    EXPECT_EQ(x.f.result().status(), failure("boom"));
  }
  EXPECT_THAT(reports, IsEmpty());
}

// test_futures.BaseFutureTests.test_future_exception_never_retrieved
TEST_F(BaseFutureTests, FutureExceptionNeverRetrieved) {
  {
    pair x;
    EXPECT_THAT(x.p.set_error(absl::ResourceExhaustedError("memory")), IsOk());
  }
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].status, absl::ResourceExhaustedError("memory"));
  EXPECT_THAT(to_string(reports[0]), HasSubstr("memory"));
  EXPECT_THAT(reports[0].who, HasSubstr("future"));
}

// test_futures.BaseFutureTests.test_set_result_unless_cancelled
TEST_F(BaseFutureTests, SetResultUnlessCancelled) {
  // A producer that comes too late hears of it, and does no harm.
  pair x;
  x.f.cancel();
  EXPECT_TRUE(x.p.done());
  EXPECT_TRUE(x.p.cancelled());
  EXPECT_THAT(x.p.set_value(2), invalid_state());
  EXPECT_TRUE(x.f.cancelled());
}

// test_futures.BaseFutureTests.test_future_stop_iteration_args
TEST_F(BaseFutureTests, FutureStopIterationArgs) {
  // A tuple is a value like any other.
  promise<std::pair<int, int>> p;
  shared_future<std::pair<int, int>> f = p.get_future();
  EXPECT_THAT(p.set_value(1, 2), IsOk());
  std::pair<int, int> result;
  EXPECT_THAT(run(on(f, &result)), IsOk());
  EXPECT_EQ(result, std::make_pair(1, 2));
}

// test_futures.BaseFutureTests.test_future_del_collect
TEST_F(BaseFutureTests, FutureDelCollect) {
  // A value whose destructor uses the library.
  struct evil {
    explicit evil(event_loop& l) : owner(&l) {}
    evil(evil&& other) noexcept : owner(std::exchange(other.owner, nullptr)) {}
    evil& operator=(evil&&) = delete;
    ~evil() {
      if (owner != nullptr) owner->call_soon([] {});
    }
    event_loop* owner;
  };
  for (int i = 0; i < 100; ++i) {
    promise<evil> p;
    future<evil> f = p.get_future();
    EXPECT_THAT(p.set_value(loop), IsOk());
  }
  EXPECT_EQ(loop.iteration(), 0u);
  iterate();
}

// test_futures.DuckTests.test_ensure_future
TEST_F(BaseFutureTests, DuckEnsureFuture) {
  // What takes futures or machines leaves a future what it is.
  const shared_future<int> f = make_ready_future(1);
  EXPECT_EQ(shield(f), f);
}

// What `removing` a callback is here: the handle that add_done_callback gave is
// cancelled.
class BaseFutureDoneCallbackTests : public BaseFutureTests {
 protected:
  callback_handle add(const std::string& name) {
    return x.f.add_done_callback(marks(name));
  }
  void complete() {
    EXPECT_THAT(taken(), IsEmpty());
    EXPECT_THAT(x.p.set_value(7), IsOk());
    EXPECT_THAT(taken(), IsEmpty());  // Never inside the call.
    iterate();
    EXPECT_THAT(x.f.result(), IsOkAndHolds(7));
  }

  pair x;
};

// test_futures.BaseFutureDoneCallbackTests.test_callbacks_remove_first_callback
TEST_F(BaseFutureDoneCallbackTests, CallbacksRemoveFirstCallback) {
  callback_handle cb1 = add("42"), cb2 = add("17"), cb3 = add("100");
  EXPECT_TRUE(cb1.cancel());
  EXPECT_FALSE(cb1.cancel());
  complete();
  EXPECT_THAT(taken(), ElementsAre("17", "100"));
}

// test_futures.BaseFutureDoneCallbackTests.test_callbacks_remove_first_and_second_callback
TEST_F(BaseFutureDoneCallbackTests, CallbacksRemoveFirstAndSecondCallback) {
  callback_handle cb1 = add("42"), cb2 = add("17"), cb3 = add("100");
  EXPECT_TRUE(cb1.cancel());
  EXPECT_TRUE(cb2.cancel());
  EXPECT_FALSE(cb1.cancel());
  complete();
  EXPECT_THAT(taken(), ElementsAre("100"));
}

// test_futures.BaseFutureDoneCallbackTests.test_callbacks_remove_third_callback
TEST_F(BaseFutureDoneCallbackTests, CallbacksRemoveThirdCallback) {
  callback_handle cb1 = add("42"), cb2 = add("17"), cb3 = add("100");
  EXPECT_TRUE(cb3.cancel());
  EXPECT_FALSE(cb3.cancel());
  complete();
  EXPECT_THAT(taken(), ElementsAre("42", "17"));
}

// test_futures.BaseFutureDoneCallbackTests.test_callbacks_invoked_on_set_result
TEST_F(BaseFutureDoneCallbackTests, CallbacksInvokedOnSetResult) {
  add("42");
  add("17");
  complete();
  EXPECT_THAT(taken(), ElementsAre("42", "17"));
}

// test_futures.BaseFutureDoneCallbackTests.test_callbacks_invoked_on_set_exception
TEST_F(BaseFutureDoneCallbackTests, CallbacksInvokedOnSetException) {
  add("100");
  EXPECT_THAT(x.p.set_error(failure("RuntimeError")), IsOk());
  EXPECT_THAT(taken(), IsEmpty());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("100"));
  EXPECT_EQ(x.f.status(), failure("RuntimeError"));
}

// test_futures.BaseFutureDoneCallbackTests.test_remove_done_callback
TEST_F(BaseFutureDoneCallbackTests, RemoveDoneCallback) {
  // Each registration is its own, also of the same function.
  std::vector<callback_handle> ones = {add("1")};
  EXPECT_TRUE(add("2").cancel());
  EXPECT_FALSE(callback_handle().cancel());
  add("2");
  for (int i = 0; i < 5; ++i) ones.push_back(add("1"));
  for (callback_handle& one : ones) EXPECT_TRUE(one.cancel());
  complete();
  EXPECT_THAT(taken(), ElementsAre("2"));
}

// test_futures.BaseFutureDoneCallbackTests.test_remove_done_callbacks_list_mutation
TEST_F(BaseFutureDoneCallbackTests, RemoveDoneCallbacksListMutation) {
  // Removing runs the callable's destructor, which removes others.
  std::vector<callback_handle> rest;
  struct evil {
    std::vector<callback_handle>* victims;
    std::shared_ptr<int> alive = std::make_shared<int>(1);
    explicit evil(std::vector<callback_handle>* v) : victims(v) {}
    evil(evil&&) = default;
    evil& operator=(evil&&) = delete;
    ~evil() {
      if (alive == nullptr) return;
      for (callback_handle& h : *victims) h.cancel();
    }
    void operator()() const {}
  };
  add("first");
  callback_handle bad = x.f.add_done_callback(evil(&rest));
  for (int i = 0; i < 63; ++i) rest.push_back(add("other"));
  EXPECT_TRUE(bad.cancel());
  complete();
  EXPECT_THAT(taken(), ElementsAre("first"));
}

// test_futures.BaseFutureDoneCallbackTests.test_remove_done_callbacks_list_clear
TEST_F(BaseFutureDoneCallbackTests, RemoveDoneCallbacksListClear) {
  std::vector<callback_handle> all;
  for (int i = 0; i < 64; ++i) all.push_back(add("cb"));
  for (auto h = all.rbegin(); h != all.rend(); ++h) EXPECT_TRUE(h->cancel());
  complete();
  EXPECT_THAT(taken(), IsEmpty());
}

// test_futures.BaseFutureDoneCallbackTests.test_schedule_callbacks_list_mutation_1
TEST_F(BaseFutureDoneCallbackTests, ScheduleCallbacksListMutation1) {
  // Once the future is done, what is queued runs.
  std::vector<callback_handle> later;
  x.f.add_done_callback([&] {
    mark("mut");
    for (callback_handle& h : later) EXPECT_FALSE(h.cancel());
  });
  later = {add("a"), add("b")};
  complete();
  EXPECT_THAT(taken(), ElementsAre("mut", "a", "b"));
}

// test_futures.BaseFutureDoneCallbackTests.test_schedule_callbacks_list_mutation_2
TEST_F(BaseFutureDoneCallbackTests, ScheduleCallbacksListMutation2) {
  // Callbacks that add callbacks: each a hop later, none twice.
  count_from_here();
  int extra = 0;
  std::function<void()> more = [&] {
    mark_iteration("more");
    if (++extra < 4) x.f.add_done_callback([&] { more(); });
  };
  x.f.add_done_callback([&] { more(); });
  EXPECT_THAT(x.p.set_value(7), IsOk());
  iterate(6);
  EXPECT_THAT(taken(), ElementsAre("more@1", "more@2", "more@3", "more@4"));
}

class FutureTests : public BaseFutureTests {};

// test_futures2.FutureTests.test_future_traceback
TEST_F(FutureTests, FutureTraceback) {
  // An error can be awaited any number of times, and does not grow.
  shared_future<int> f = start(raise("TypeError"));
  int caught = 0;
  EXPECT_THAT(run(on(f), except([&](const absl::Status& s) {
                    EXPECT_EQ(s, failure("TypeError"));
                    ++caught;
                  }),
                  again_if(2, [&] { return caught < 5; })),
              IsOk());
  EXPECT_EQ(caught, 5);
}

// test_futures2.FutureReprTests.test_recursive_repr_for_pending_tasks
TEST_F(FutureTests, RecursiveReprForPendingTasks) {
  // Printing the tasks from inside one of them.
  std::string all;
  EXPECT_THAT(run(turn(),
                  [&] {
                    for (const task_info& info : loop.all_tasks()) {
                      all += to_string(info);
                    }
                  }),
              IsOk());
  EXPECT_THAT(all, HasSubstr("coro#"));
}

}  // namespace
}  // namespace ratchet::test
