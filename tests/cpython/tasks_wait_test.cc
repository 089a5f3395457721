#include <cstddef>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/as_completed.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/wait.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// wait and as_completed.

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TaskWaitTests : public cpython_test {
 protected:
  using result = wait_result<shared_future<int>>;

  // done, pending = await asyncio.wait(fs, ...), into `r`.
  coro::line wait_all(futures fs, wait_mode mode = wait_mode::all_completed,
                      absl::Duration timeout = absl::InfiniteDuration()) {
    return on([fs, mode, timeout] { return wait(fs, mode, timeout); }, &r);
  }

  result r;
};

// test_tasks.BaseTaskTests.test_wait
TEST_F(TaskWaitTests, Wait) {
  shared_future<int> a = start(nap(100)), b = start(nap(150));
  EXPECT_THAT(run(wait_all({b, a}), says("done"), ret(42)), IsOkAndHolds(42));
  EXPECT_THAT(r.done, ElementsAre(b, a));
  EXPECT_THAT(r.pending, IsEmpty());
  // Again: no time passes.
  EXPECT_THAT(run(wait_all({b, a}), says("again")), IsOk());
  EXPECT_THAT(r.done, ElementsAre(b, a));
  EXPECT_THAT(taken(), ElementsAre("done 150", "again 150"));
}

// test_tasks.BaseTaskTests.test_wait_duplicate_coroutines
TEST_F(TaskWaitTests, WaitDuplicateCoroutines) {
  shared_future<int> c = start(ret(1)), d = start(ret(2));
  EXPECT_THAT(run(wait_all({c, c, d})), IsOk());
  EXPECT_THAT(r.done, ElementsAre(c, d));
  EXPECT_THAT(r.pending, IsEmpty());
}

// test_tasks.BaseTaskTests.test_wait_errors
TEST_F(TaskWaitTests, WaitErrors) {
  EXPECT_THAT(run(wait_all({})),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

// test_tasks.BaseTaskTests.test_wait_invalid_args
TEST_F(TaskWaitTests, WaitInvalidArgs) {
  EXPECT_THAT(run(on([] { return wait(std::vector<coro>()); })),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

// test_tasks.BaseTaskTests.test_wait_first_completed
TEST_F(TaskWaitTests, WaitFirstCompleted) {
  shared_future<int> a = start(nap(10000)), b = start(nap(100));
  EXPECT_THAT(run(wait_all({b, a}, wait_mode::first_completed), says("first")),
              IsOk());
  EXPECT_THAT(r.done, ElementsAre(b));
  EXPECT_THAT(r.pending, ElementsAre(a));
  EXPECT_FALSE(a.done());
  EXPECT_THAT(b.result(), IsOk());
  EXPECT_THAT(run(wait_all({a, b}), says("all")), IsOk());
  EXPECT_THAT(taken(), ElementsAre("first 100", "all 10000"));
}

// test_tasks.BaseTaskTests.test_wait_really_done
TEST_F(TaskWaitTests, WaitReallyDone) {
  // What completes until the wait resumes is done, too.
  shared_future<int> a = start(turn()), b = start(turn(), turn());
  EXPECT_THAT(run(wait_all({b, a}, wait_mode::first_completed)), IsOk());
  EXPECT_THAT(r.done, ElementsAre(b, a));
  EXPECT_THAT(a.result(), IsOk());
  EXPECT_THAT(b.result(), IsOk());
}

// test_tasks.BaseTaskTests.test_wait_first_exception
TEST_F(TaskWaitTests, WaitFirstException) {
  shared_future<int> a = start(nap(10000));
  shared_future<int> b = start(raise("ZeroDivision"));
  EXPECT_THAT(run(wait_all({b, a}, wait_mode::first_error), says("failed")),
              IsOk());
  EXPECT_THAT(r.done, ElementsAre(b));
  EXPECT_THAT(r.pending, ElementsAre(a));
  EXPECT_THAT(run(wait_all({a, b}), says("all")), IsOk());
  EXPECT_EQ(b.status(), failure("ZeroDivision"));
  EXPECT_THAT(taken(), ElementsAre("failed 0", "all 10000"));
}

// test_tasks.BaseTaskTests.test_wait_first_exception_in_wait
TEST_F(TaskWaitTests, WaitFirstExceptionInWait) {
  shared_future<int> a = start(nap(10000));
  shared_future<int> b = start(nap(10), raise("ZeroDivision"));
  EXPECT_THAT(run(wait_all({b, a}, wait_mode::first_error), says("failed")),
              IsOk());
  EXPECT_THAT(r.done, ElementsAre(b));
  EXPECT_THAT(r.pending, ElementsAre(a));
  EXPECT_EQ(b.status(), failure("ZeroDivision"));
  EXPECT_THAT(run(wait_all({a, b}), says("all")), IsOk());
  EXPECT_THAT(taken(), ElementsAre("failed 10", "all 10000"));
}

// test_tasks.BaseTaskTests.test_wait_with_exception
TEST_F(TaskWaitTests, WaitWithException) {
  shared_future<int> a = start(nap(100));
  shared_future<int> b = start(nap(150), raise("ZeroDivision"));
  EXPECT_THAT(run(wait_all({b, a}), says("done")), IsOk());
  EXPECT_THAT(r.done, ElementsAre(b, a));
  EXPECT_EQ(r.done[0].status(), failure("ZeroDivision"));
  EXPECT_THAT(r.done[1], IsOk());
  EXPECT_THAT(r.pending, IsEmpty());
  EXPECT_THAT(taken(), ElementsAre("done 150"));
}

// test_tasks.BaseTaskTests.test_wait_with_timeout
TEST_F(TaskWaitTests, WaitWithTimeout) {
  shared_future<int> a = start(nap(100)), b = start(nap(150));
  EXPECT_THAT(run(wait_all({b, a}, wait_mode::all_completed, ms(110)),
                  says("time is over")),
              IsOk());
  EXPECT_THAT(r.done, ElementsAre(a));
  EXPECT_THAT(r.pending, ElementsAre(b));
  EXPECT_THAT(run(wait_all({a, b}), says("all")), IsOk());
  EXPECT_THAT(taken(), ElementsAre("time is over 110", "all 150"));
}

// test_tasks.BaseTaskTests.test_wait_concurrent_complete
TEST_F(TaskWaitTests, WaitConcurrentComplete) {
  // A task ends at the very moment.
  shared_future<int> a = start(nap(100)), b = start(nap(150));
  EXPECT_THAT(run(wait_all({b, a}, wait_mode::all_completed, ms(100)),
                  says("time is over")),
              IsOk());
  EXPECT_THAT(r.done, ElementsAre(a));
  EXPECT_THAT(r.pending, ElementsAre(b));
  EXPECT_THAT(run(wait_all({a, b})), IsOk());
  EXPECT_THAT(taken(), ElementsAre("time is over 100"));
}

// test_tasks.BaseTaskTests.test_wait_with_iterator_of_tasks
TEST_F(TaskWaitTests, WaitWithIteratorOfTasks) {
  shared_future<int> a = start(nap(100)), b = start(nap(150));
  const shared_future<int> range[] = {b, a};
  EXPECT_THAT(run(on([&] { return wait(range); }, &r), says("done")), IsOk());
  EXPECT_THAT(r.done, ElementsAre(b, a));
  EXPECT_THAT(taken(), ElementsAre("done 150"));
}

// test_tasks.BaseTaskTests.test_wait_generator
TEST_F(TaskWaitTests, WaitGenerator) {
  // Machines, which the wait starts.
  wait_result<future<int>> done;
  EXPECT_THAT(run(on(
                  [] {
                    std::vector<coro> coros;
                    for (int i = 0; i < 10; ++i) coros.emplace_back(ret(i));
                    return wait(std::move(coros));
                  },
                  &done)),
              IsOk());
  EXPECT_EQ(done.done.size(), 10u);
  EXPECT_THAT(done.pending, IsEmpty());
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(done.done[static_cast<size_t>(i)].result(), IsOkAndHolds(i));
  }
}

// test_tasks.BaseTaskTests.test_yield_wait_does_not_shield_cancel
TEST_F(TaskWaitTests, YieldWaitDoesNotShieldCancel) {
  new_future waiter;
  shared_future<int> inner = start(on(waiter.f), says("inner"));
  shared_future<int> f = start(wait_all({inner}), says("not reached"));
  iterate();
  EXPECT_TRUE(f.cancel());
  EXPECT_THAT(loop.run_until_complete(f), IsCancelled());
  waiter.set_result();
  iterate();
  EXPECT_TRUE(inner.done());
  EXPECT_THAT(taken(), ElementsAre("inner 0"));
}

class AsCompletedTests : public cpython_test {
 protected:
  using stream = completions<shared_future<int>>;

  // Takes the next completion and says what it is: "1=20".
  coro::line take() {
    return on([this] { return next.next(); }, &got);
  }
  coro::line tell() {
    return [this] {
      say(absl::StrCat(got.index, "=",
                       got.result.ok() ? absl::StrCat(*got.result)
                                       : text_of(got.result.status())));
    };
  }
  // Takes and tells all that is left.
  coro all() {
    return coro(take(), tell(), again_if(2, [this] { return !next.empty(); }));
  }

  stream next;
  completed<int> got{0, 0};
};

// test_tasks.BaseTaskTests.test_as_completed
TEST_F(AsCompletedTests, AsCompleted) {
  next = as_completed(futures{start(nap(10), ret(2)), start(nap(150), ret(3)),
                              start(nap(10), ret(1))});
  EXPECT_THAT(loop.run_until_complete(all()), IsOk());
  EXPECT_THAT(taken(), ElementsAre("0=2 10", "2=1 10", "1=3 150"));
}

// test_tasks.BaseTaskTests.test_as_completed
TEST_F(AsCompletedTests, AsCompletedLate) {
  // The loop was busy when all were due: they come in the order of deadlines.
  next = as_completed(futures{start(nap(20), ret(2)), start(nap(150), ret(3)),
                              start(nap(10), ret(1))});
  iterate();
  clock.advance(ms(140));
  EXPECT_THAT(loop.run_until_complete(all()), IsOk());
  EXPECT_THAT(taken(), ElementsAre("2=1 140", "0=2 140", "1=3 150"));
}

// test_tasks.BaseTaskTests.test_as_completed_same_tasks_in_as_out
TEST_F(AsCompletedTests, AsCompletedSameTasksInAsOut) {
  // Which future it is tells the index.
  futures in = {start(nap(30), ret(30)), start(ret(0)),
                start(nap(20), ret(20))};
  next = as_completed(in);
  for (const size_t index : {1u, 2u, 0u}) {
    EXPECT_THAT(loop.run_until_complete(coro(take())), IsOk());
    EXPECT_EQ(got.index, index);
    EXPECT_TRUE(in[index].done());
    EXPECT_THAT(in[index].result(), IsOkAndHolds(*got.result));
  }
  EXPECT_TRUE(next.empty());
}

// test_tasks.BaseTaskTests.test_as_completed_with_timeout
TEST_F(AsCompletedTests, AsCompletedWithTimeout) {
  shared_future<int> a = start(nap(100), ret(1)), b = start(nap(150), ret(2));
  next = as_completed(futures{a, b}, ms(120));
  EXPECT_THAT(run(
                  take(), tell(), take(), except([&](const absl::Status& s) {
                    EXPECT_THAT(s, IsKind(error_kind::timeout, _));
                    say("timed out");
                  }),
                  [&] { EXPECT_FALSE(b.done()); }, on(b), says("b")),
              IsOkAndHolds(2));
  EXPECT_THAT(taken(), ElementsAre("0=1 100", "timed out 120", "b 150"));
}

// test_tasks.BaseTaskTests.test_as_completed_with_unused_timeout
TEST_F(AsCompletedTests, AsCompletedWithUnusedTimeout) {
  next = as_completed(futures{start(nap(10), ret(1))}, ms(1000));
  EXPECT_THAT(loop.run_until_complete(all()), IsOk());
  run_until_idle();
  EXPECT_EQ(now_ms(), 10);  // The timer is gone.
  EXPECT_THAT(taken(), ElementsAre("0=1 10"));
}

// test_tasks.BaseTaskTests.test_as_completed_resume_iterator
TEST_F(AsCompletedTests, AsCompletedResumeIterator) {
  next = as_completed(
      futures{start(ret(0)), start(ret(10)), start(ret(20)), start(ret(30))});
  EXPECT_THAT(run(take(), tell(), take(), tell()), IsOk());
  EXPECT_EQ(next.size(), 2u);
  EXPECT_THAT(loop.run_until_complete(all()), IsOk());
  EXPECT_THAT(taken(), ElementsAre("0=0 0", "1=10 0", "2=20 0", "3=30 0"));
}

// test_tasks.BaseTaskTests.test_as_completed_reverse_wait
TEST_F(AsCompletedTests, AsCompletedReverseWait) {
  // Two awaitables are taken at once: who is awaited first gets the first.
  next = as_completed(futures{start(nap(50), ret(1)), start(nap(100), ret(2))});
  auto first = next.next();
  auto second = next.next();
  EXPECT_THAT(run(on([&] { return std::move(second); }, &got), tell(),
                  on([&] { return std::move(first); }, &got), tell()),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("0=1 50", "1=2 100"));
}

// test_tasks.BaseTaskTests.test_as_completed_concurrent
TEST_F(AsCompletedTests, AsCompletedConcurrent) {
  next = as_completed(futures{start(nap(50), ret(1)), start(nap(50), ret(2))});
  future<completed<int>> one = create_task(next.next());
  future<completed<int>> two = create_task(next.next());
  EXPECT_THAT(run(on(one, &got), tell(), on(two, &got), tell()), IsOk());
  EXPECT_THAT(taken(), ElementsAre("0=1 50", "1=2 50"));
}

// test_tasks.BaseTaskTests.test_as_completed_duplicate_coroutines
TEST_F(AsCompletedTests, AsCompletedDuplicateCoroutines) {
  shared_future<int> c = start(ret(1)), d = start(ret(2));
  next = as_completed(futures{c, c, d});
  EXPECT_EQ(next.size(), 2u);
  EXPECT_THAT(loop.run_until_complete(all()), IsOk());
  EXPECT_THAT(taken(), ElementsAre("0=1 0", "1=2 0"));
}

// test_tasks.BaseTaskTests.test_as_completed_coroutine_use_running_loop
TEST_F(AsCompletedTests, AsCompletedCoroutineUseRunningLoop) {
  // Machines are started by the call, in the loop that runs.
  completions<future<int>> started;
  EXPECT_THAT(run(
                  [&] {
                    std::vector<coro> coros;
                    coros.emplace_back(ret(42));
                    started = as_completed(std::move(coros));
                    EXPECT_EQ(started.size(), 1u);
                    EXPECT_EQ(loop.all_tasks().size(), 2u);
                  },
                  on([&] { return started.next(); }, &got), tell()),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("0=42 0"));
}

}  // namespace
}  // namespace ratchet::test
