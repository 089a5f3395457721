#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/status.h"
#include "ratchet/sync/barrier.h"
#include "ratchet/task.h"
#include "ratchet/wait.h"
#include "ratchet/when_all.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class BarrierTests : public cpython_test {
 protected:
  static constexpr size_t kN = 5;

  static coro::line wait(barrier& b, size_t* index = nullptr) {
    return on([&b] { return b.wait(); }, index);
  }
  static coro::line reset(barrier& b) {
    return on([&b] { return b.reset(); });
  }
  static coro::line abort(barrier& b) {
    return on([&b] { return b.abort(); });
  }
  // Starts `n` coroutines; `make` is given the number of each, from 0.
  futures make_tasks(size_t n, const std::function<coro(size_t)>& make) {
    futures tasks;
    for (size_t i = 0; i < n; ++i) tasks.push_back(loop.create_task(make(i)));
    return tasks;
  }
  void gather_tasks(size_t n, const std::function<coro(size_t)>& make) {
    EXPECT_THAT(loop.run_until_complete(when_all(make_tasks(n, make))), IsOk());
  }
  // try: <what was before>; except BrokenBarrierError: a; else: b
  static coro::line if_broken(std::function<coro()> a,
                              std::function<coro()> b) {
    return [a, b](coro& c, absl::Status s) {
      if (kind_of(s) == error_kind::broken_barrier) return c.on(a());
      EXPECT_THAT(s, IsOk());
      return c.on(b());
    };
  }
  static coro nothing() { return coro(); }
  static void expect_empty(const barrier& b) {
    EXPECT_EQ(b.n_waiting(), 0u);
    EXPECT_FALSE(b.broken());
  }
  static std::vector<std::string> times(size_t n, const std::string& what) {
    return std::vector<std::string>(n, what);
  }

  std::vector<size_t> index = std::vector<size_t>(kN, 99);
};

// test_locks.BarrierTests.test_barrier
TEST_F(BarrierTests, Barrier) {
  barrier b(kN);
  static_cast<void>(b.wait());  // A machine that nobody runs does nothing.
  EXPECT_EQ(b.parties(), kN);
  expect_empty(b);
}

// test_locks.BarrierTests.test_barrier_parties
TEST_F(BarrierTests, BarrierParties) {
#ifndef NDEBUG
  EXPECT_DEATH(barrier(0), "barrier");
#endif
  EXPECT_EQ(barrier(kN).parties(), kN);
}

// test_locks.BarrierTests.test_context_manager
TEST_F(BarrierTests, ContextManager) {
  barrier b(3);
  gather_tasks(3, [&](size_t i) {
    return coro(wait(b, &index[i]),
                [this, i] { mark(absl::StrCat(i, ":", index[i])); });
  });
  // The last to come goes first.
  EXPECT_THAT(taken(), ElementsAre("2:2", "0:0", "1:1"));
  expect_empty(b);
}

// test_locks.BarrierTests.test_filling_one_task
TEST_F(BarrierTests, FillingOneTask) {
  barrier b(1);
  EXPECT_THAT(run(wait(b, &index[0]), ret(1)), IsOkAndHolds(1));
  EXPECT_EQ(index[0], 0u);
  EXPECT_EQ(loop.iteration(), 2u);  // Without suspending.
  expect_empty(b);
}

// test_locks.BarrierTests.test_filling_one_task_twice
TEST_F(BarrierTests, FillingOneTaskTwice) {
  barrier b(1);
  shared_future<int> t1 = start(wait(b, &index[0]));
  iterate();
  EXPECT_TRUE(t1.done());
  expect_empty(b);
  shared_future<int> t2 = start(wait(b, &index[1]));
  iterate();
  EXPECT_TRUE(t2.done());
  EXPECT_EQ(index[0], 0u);
  EXPECT_EQ(index[1], 0u);
  expect_empty(b);
}

// test_locks.BarrierTests.test_filling_task_by_task
TEST_F(BarrierTests, FillingTaskByTask) {
  barrier b(3);
  shared_future<int> t1 = start(wait(b));
  iterate();
  EXPECT_EQ(b.n_waiting(), 1u);
  shared_future<int> t2 = start(wait(b));
  iterate();
  EXPECT_EQ(b.n_waiting(), 2u);
  shared_future<int> t3 = start(wait(b));
  iterate();
  EXPECT_TRUE(t3.done());
  EXPECT_FALSE(t1.done());
  EXPECT_THAT(loop.run_until_complete(ratchet::wait(futures{t1, t2, t3})),
              IsOk());
  expect_empty(b);
}

// test_locks.BarrierTests.test_filling_tasks_wait_twice
TEST_F(BarrierTests, FillingTasksWaitTwice) {
  barrier b(kN);
  gather_tasks(kN, [&](size_t) {
    return coro(wait(b), marks("once"), wait(b), marks("twice"));
  });
  const trace all = taken();
  ASSERT_EQ(all.size(), 2 * kN);
  // Nobody goes through twice before everybody has once.
  EXPECT_EQ(trace(all.begin(), all.begin() + kN), times(kN, "once"));
  EXPECT_EQ(trace(all.begin() + kN, all.end()), times(kN, "twice"));
  expect_empty(b);
}

// test_locks.BarrierTests.test_filling_tasks_check_return_value
TEST_F(BarrierTests, FillingTasksCheckReturnValue) {
  barrier b(kN);
  gather_tasks(kN, [&](size_t i) {
    return coro(wait(b), marks("once"), wait(b, &index[i]), marks("twice"));
  });
  EXPECT_EQ(taken().size(), 2 * kN);
  EXPECT_THAT(index, UnorderedElementsAre(0u, 1u, 2u, 3u, 4u));
  expect_empty(b);
}

// test_locks.BarrierTests.test_draining_state
TEST_F(BarrierTests, DrainingState) {
  // While it drains, one who comes waits outside; the last to leave makes it
  // fill again.
  barrier b(kN);
  shared_future<int> newcomer;
  size_t left = 0;
  gather_tasks(kN, [&](size_t) {
    return coro(wait(b), [&] {
      EXPECT_EQ(b.n_waiting(), 0u);
      if (++left == 1) newcomer = start(wait(b));
    });
  });
  iterate(2);
  EXPECT_EQ(left, kN);
  EXPECT_FALSE(newcomer.done());
  EXPECT_EQ(b.n_waiting(), 1u);
  EXPECT_FALSE(b.broken());
  EXPECT_TRUE(newcomer.cancel());
  EXPECT_THAT(loop.run_until_complete(newcomer), IsCancelled());
  expect_empty(b);
}

// test_locks.BarrierTests.test_blocking_tasks_while_draining
TEST_F(BarrierTests, BlockingTasksWhileDraining) {
  constexpr size_t kRewait = 2;
  barrier b(kN), nowaiting(kN - kRewait);
  size_t rewait = kRewait;
  gather_tasks(kN, [&](size_t) {
    return coro(wait(b), [&](coro& c) {
      if (rewait > 0) {
        --rewait;
        return c.on(coro(wait(b), marks("again")));
      }
      return c.on(
          coro(wait(nowaiting), marks("drained"), wait(b), marks("again")));
    });
  });
  const trace all = taken();
  ASSERT_EQ(all.size(), 3 + kN);
  EXPECT_EQ(trace(all.begin(), all.begin() + 3), times(3, "drained"));
  EXPECT_EQ(trace(all.begin() + 3, all.end()), times(kN, "again"));
  expect_empty(b);
  expect_empty(nowaiting);
}

// test_locks.BarrierTests.test_filling_tasks_cancel_one
TEST_F(BarrierTests, FillingTasksCancelOne) {
  barrier b(3);
  const auto make = [&] { return start(wait(b), marks("passed")); };
  shared_future<int> t1 = make();
  iterate();
  EXPECT_EQ(b.n_waiting(), 1u);
  shared_future<int> t2 = make();
  iterate();
  EXPECT_EQ(b.n_waiting(), 2u);
  EXPECT_TRUE(t1.cancel());
  iterate();
  EXPECT_EQ(b.n_waiting(), 1u);
  EXPECT_THAT(loop.run_until_complete(t1), IsCancelled());
  shared_future<int> t3 = make();
  iterate();
  EXPECT_EQ(b.n_waiting(), 2u);
  shared_future<int> t4 = make();
  EXPECT_THAT(loop.run_until_complete(when_all(futures{t2, t3, t4})), IsOk());
  EXPECT_THAT(taken(), ElementsAre("passed", "passed", "passed"));
  expect_empty(b);
}

// test_locks.BarrierTests.test_reset_barrier
TEST_F(BarrierTests, ResetBarrier) {
  barrier b(1);
  shared_future<int> t = start(reset(b));
  iterate();
  EXPECT_THAT(t.result(), IsOk());
  expect_empty(b);
}

// test_locks.BarrierTests.test_reset_barrier_while_tasks_waiting
TEST_F(BarrierTests, ResetBarrierWhileTasksWaiting) {
  barrier b(kN);
  const futures tasks = make_tasks(kN - 1, [&](size_t i) {
    return coro(
        wait(b),
        if_broken([this, i] { return coro(marks(absl::StrCat(i))); }, nothing));
  });
  iterate();
  shared_future<int> resetting = start(reset(b));
  EXPECT_THAT(loop.run_until_complete(when_all(tasks)), IsOk());
  EXPECT_THAT(taken(), ElementsAre("0", "1", "2", "3"));
  EXPECT_THAT(resetting.result(), IsOk());
  expect_empty(b);
}

// test_locks.BarrierTests.test_reset_barrier_when_tasks_half_draining
TEST_F(BarrierTests, ResetBarrierWhenTasksHalfDraining) {
  barrier b(kN);
  size_t inside = kN;
  gather_tasks(kN, [&](size_t) {
    return coro(wait(b), rethrow([&] { --inside; }),
                if_broken([&] { return coro(marks("broken")); },
                          [&] {
                            if (--inside != kN / 2) return coro();
                            return coro(reset(b));
                          }));
  });
  EXPECT_THAT(taken(), ElementsAre("broken", "broken"));
  expect_empty(b);
}

// test_locks.BarrierTests.test_reset_barrier_when_tasks_half_draining_half_blocking
TEST_F(BarrierTests, ResetBarrierWhenTasksHalfDrainingHalfBlocking) {
  barrier b(kN);
  size_t count = 0;
  gather_tasks(kN, [&](size_t) {
    return coro(wait(b), if_broken(
                             // Those that were to leave come back.
                             [&] { return coro(marks("broken"), wait(b)); },
                             [&] {
                               if (++count > kN / 2)
                                 return coro(reset(b), wait(b));
                               // Those that wait outside do not notice.
                               return coro(wait(b),
                                           rethrow(marks("not reached")));
                             }));
  });
  EXPECT_THAT(taken(), ElementsAre("broken", "broken"));
  expect_empty(b);
}

// test_locks.BarrierTests.test_reset_barrier_while_tasks_waiting_and_waiting_again
TEST_F(BarrierTests, ResetBarrierWhileTasksWaitingAndWaitingAgain) {
  barrier b(kN);
  const futures tasks = make_tasks(kN - 1, [&](size_t) {
    return coro(wait(b),
                if_broken([&] { return coro(marks("broken")); }, nothing),
                wait(b), marks("passed"));
  });
  shared_future<int> resetting = start(reset(b));
  iterate();
  shared_future<int> last = start(wait(b), marks("passed"));
  EXPECT_THAT(loop.run_until_complete(when_all(tasks)), IsOk());
  EXPECT_TRUE(resetting.done());
  EXPECT_TRUE(last.done());
  const trace all = taken();
  ASSERT_EQ(all.size(), 2 * kN - 1);
  EXPECT_EQ(trace(all.begin(), all.begin() + 4), times(4, "broken"));
  EXPECT_EQ(trace(all.begin() + 4, all.end()), times(kN, "passed"));
  expect_empty(b);
}

// test_locks.BarrierTests.test_reset_barrier_while_tasks_draining
TEST_F(BarrierTests, ResetBarrierWhileTasksDraining) {
  barrier b(kN);
  size_t count = 0;
  gather_tasks(kN, [&](size_t) {
    return coro(
        wait(b),
        [&](coro& c) {
          // The last to leave resets it, to no effect.
          if (++count == kN) return c.on(coro(reset(b), wait(b)));
          return c.on(
              coro(wait(b), marks("second"), rethrow(marks("not reached"))));
        },
        wait(b), marks("third"));
  });
  const trace all = taken();
  ASSERT_EQ(all.size(), 2 * kN - 1);
  EXPECT_EQ(trace(all.begin(), all.begin() + 4), times(4, "second"));
  EXPECT_EQ(trace(all.begin() + 4, all.end()), times(kN, "third"));
  expect_empty(b);
}

// test_locks.BarrierTests.test_abort_barrier
TEST_F(BarrierTests, AbortBarrier) {
  barrier b(1);
  shared_future<int> t = start(abort(b));
  iterate();
  EXPECT_THAT(t.result(), IsOk());
  EXPECT_EQ(b.n_waiting(), 0u);
  EXPECT_TRUE(b.broken());
}

// test_locks.BarrierTests.test_abort_barrier_when_tasks_half_draining_half_blocking
TEST_F(BarrierTests, AbortBarrierWhenTasksHalfDrainingHalfBlocking) {
  barrier b(kN);
  size_t count = 0;
  gather_tasks(kN, [&](size_t) {
    return coro(
        wait(b),
        if_broken([&] { return coro(marks("draining")); },
                  [&] {
                    if (++count > kN / 2) return coro(abort(b));
                    return coro(
                        wait(b),
                        if_broken([&] { return coro(marks("blocked")); },
                                  nothing));
                  }));
  });
  EXPECT_TRUE(b.broken());
  EXPECT_THAT(taken(),
              ElementsAre("draining", "draining", "blocked", "blocked"));
  EXPECT_EQ(b.n_waiting(), 0u);
}

// test_locks.BarrierTests.test_abort_barrier_when_exception
TEST_F(BarrierTests, AbortBarrierWhenException) {
  barrier b(kN);
  gather_tasks(kN, [&](size_t i) {
    return coro(
        wait(b, &index[i]),
        [&, i](coro& c) {
          if (index[i] == kN / 2) return c.on(coro(abort(b)));
          return c.on(coro(wait(b), marks("not reached")));
        },
        if_broken([&] { return coro(marks("broken")); }, nothing));
  });
  EXPECT_TRUE(b.broken());
  EXPECT_THAT(taken(), times(kN - 1, "broken"));
  EXPECT_EQ(b.n_waiting(), 0u);
}

// test_locks.BarrierTests.test_abort_barrier_when_exception_then_resetting
TEST_F(BarrierTests, AbortBarrierWhenExceptionThenResetting) {
  barrier b1(kN), b2(kN);
  gather_tasks(kN, [&](size_t i) {
    return coro(
        wait(b1, &index[i]),
        [&, i](coro& c) {
          if (index[i] == kN / 2) return c.on(coro(abort(b1)));
          return c.on(coro(wait(b1), marks("not reached")));
        },
        if_broken([&] { return coro(marks("broken")); }, nothing),
        // Everybody has left it now: it is reset, and used again.
        wait(b2, &index[i]),
        [&, i](coro& c) {
          return c.on(index[i] == kN / 2 ? coro(reset(b1)) : coro());
        },
        wait(b2), wait(b1), marks("passed"));
  });
  const trace all = taken();
  ASSERT_EQ(all.size(), 2 * kN - 1);
  EXPECT_EQ(trace(all.begin(), all.begin() + 4), times(4, "broken"));
  EXPECT_EQ(trace(all.begin() + 4, all.end()), times(kN, "passed"));
  expect_empty(b1);
}

}  // namespace
}  // namespace ratchet::test
