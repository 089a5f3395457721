#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/task_info.h"
#include "ratchet/when_all.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// Eager tasks: what a loop with eager_task_factory makes of create_task is here
// create_task(eager, ...).

namespace ratchet::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EagerTaskFactoryLoopTests : public cpython_test {
 protected:
  std::vector<std::string> all_names() {
    std::vector<std::string> names;
    for (const task_info& info : loop.all_tasks()) names.push_back(info.name);
    return names;
  }

  shared_future<int> t;
};

// test_eager_task_factory.EagerTaskFactoryLoopTests.test_eager_task_factory_set
TEST_F(EagerTaskFactoryLoopTests, EagerTaskFactorySet) {
  EXPECT_THAT(run([&] { t = start_eager(ret(1)); },
                  [&] { EXPECT_TRUE(t.task().valid()); }, on(t)),
              IsOkAndHolds(1));
}

// test_eager_task_factory.EagerTaskFactoryLoopTests.test_await_future_during_eager_step
TEST_F(EagerTaskFactoryLoopTests, AwaitFutureDuringEagerStep) {
  new_future fut;
  EXPECT_THAT(run(
                  [&] {
                    t = start_eager([&] { fut.set_result(5); });
                    EXPECT_TRUE(t.done());
                  },
                  on(fut.f)),
              IsOkAndHolds(5));
}

// test_eager_task_factory.EagerTaskFactoryLoopTests.test_eager_completion
TEST_F(EagerTaskFactoryLoopTests, EagerCompletion) {
  EXPECT_THAT(run(
                  [&] {
                    loop.call_soon(says("next iteration"));
                    t = start_eager(says("t"), ret(7));
                    EXPECT_TRUE(t.done());
                  },
                  on(t), says("awaited")),
              IsOkAndHolds(7));
  EXPECT_THAT(taken(), ElementsAre("t 0", "awaited 0", "next iteration 0"));
}

// test_eager_task_factory.EagerTaskFactoryLoopTests.test_block_after_eager_step
TEST_F(EagerTaskFactoryLoopTests, BlockAfterEagerStep) {
  EXPECT_THAT(run(
                  [&] {
                    t = start_eager(says("first step"), nap(100), ret(3));
                    say("created");
                    EXPECT_FALSE(t.done());
                  },
                  on(t), [&] { EXPECT_TRUE(t.done()); }, says("awaited")),
              IsOkAndHolds(3));
  EXPECT_THAT(taken(), ElementsAre("first step 0", "created 0", "awaited 100"));
}

// test_eager_task_factory.EagerTaskFactoryLoopTests.test_cancellation_after_eager_completion
TEST_F(EagerTaskFactoryLoopTests, CancellationAfterEagerCompletion) {
  EXPECT_THAT(run(
                  [&] {
                    t = start_eager(ret(3));
                    EXPECT_FALSE(t.cancel());
                  },
                  on(t), [&] { EXPECT_FALSE(t.cancelled()); }),
              IsOkAndHolds(3));
}

// test_eager_task_factory.EagerTaskFactoryLoopTests.test_current_task
TEST_F(EagerTaskFactoryLoopTests, CurrentTask) {
  task_handle captured;
  EXPECT_THAT(run(
                  [&] {
                    const task_handle creator = me();
                    t = start_eager([&] { captured = me(); }, nap(100),
                                    [&] { EXPECT_EQ(me(), captured); });
                    EXPECT_EQ(captured, t.task());
                    EXPECT_EQ(me(), creator);
                  },
                  on(t)),
              IsOk());
}

// test_eager_task_factory.EagerTaskFactoryLoopTests.test_all_tasks_with_eager_completion
TEST_F(EagerTaskFactoryLoopTests, AllTasksWithEagerCompletion) {
  EXPECT_THAT(run([&] {
                t = start_eager([&] {
                  EXPECT_THAT(all_names(), ElementsAre("coro#1", "coro#2"));
                });
                EXPECT_THAT(all_names(), ElementsAre("coro#1"));
              }),
              IsOk());
}

// test_eager_task_factory.EagerTaskFactoryLoopTests.test_all_tasks_with_blocking
TEST_F(EagerTaskFactoryLoopTests, AllTasksWithBlocking) {
  new_future fut1, fut2;
  EXPECT_THAT(
      run(
          [&] {
            t = start_eager(
                [&] {
                  EXPECT_THAT(all_names(), ElementsAre("coro#1", "coro#2"));
                },
                on(fut1.f), [&] { fut2.set_result(); });
            EXPECT_THAT(all_names(), ElementsAre("coro#1", "coro#2"));
            fut1.set_result();
          },
          on(fut2.f), [&] { EXPECT_THAT(all_names(), ElementsAre("coro#1")); }),
      IsOk());
}

// How many tasks are made by what starts tasks in a tree, and how many of them
// ever wait.
class BaseTaskCountingTests : public cpython_test,
                              public ::testing::WithParamInterface<bool> {
 protected:
  // Counts, as the factory of the original does, the tasks that were not done
  // when they had been created.
  template <class F>
  F counted(F f) {
    if (!f.done()) ++tasks;
    return f;
  }
  shared_future<int> make(coro c) {
    return counted(
        shared_future<int>(GetParam() ? loop.create_task(eager, std::move(c))
                                      : loop.create_task(std::move(c))));
  }
  int expected() const { return GetParam() ? 0 : 780; }  // 5 + 25 + 125 + 625

  coro chain(int depth) {
    if (depth == 0) return coro(ret(0));
    return coro([this, depth](coro& c) { return c.on(chain(depth - 1)); },
                [](coro& c) { return c.ret(1 + c.value()); });
  }
  coro gather(int depth) {
    if (depth == 0) return coro();
    return coro([this, depth](coro& c) {
      futures children;
      for (int i = 0; i < 5; ++i) children.push_back(make(gather(depth - 1)));
      return c.on(when_all(std::move(children)));
    });
  }
  coro groups(int depth) {
    if (depth == 0) return coro();
    auto group = std::make_shared<task_group>();
    return coro(
        enter(*group),
        [this, group, depth] {
          for (int i = 0; i < 5; ++i) {
            coro child = groups(depth - 1);
            static_cast<void>(
                counted(GetParam() ? group->create_task(eager, std::move(child))
                                   : group->create_task(std::move(child))));
          }
        },
        leave(*group));
  }

  int tasks = 0;
};
INSTANTIATE_TEST_SUITE_P(NonEagerTests, BaseTaskCountingTests,
                         ::testing::Values(false));
INSTANTIATE_TEST_SUITE_P(EagerTests, BaseTaskCountingTests,
                         ::testing::Values(true));

// test_eager_task_factory.BaseTaskCountingTests.test_awaitables_chain
TEST_P(BaseTaskCountingTests, AwaitablesChain) {
  EXPECT_THAT(loop.run_until_complete(chain(100)), IsOkAndHolds(100));
  EXPECT_EQ(tasks, 0);              // None but the main task,
  EXPECT_EQ(loop.iteration(), 2u);  // which never waits.
}

// test_eager_task_factory.BaseTaskCountingTests.test_recursive_taskgroups
TEST_P(BaseTaskCountingTests, RecursiveTaskgroups) {
  EXPECT_THAT(loop.run_until_complete(groups(4)), IsOk());
  EXPECT_EQ(tasks, expected());
  if (GetParam()) {
    EXPECT_EQ(loop.iteration(), 2u);
  }
}

// test_eager_task_factory.BaseTaskCountingTests.test_recursive_gather
TEST_P(BaseTaskCountingTests, RecursiveGather) {
  EXPECT_THAT(loop.run_until_complete(gather(4)), IsOk());
  EXPECT_EQ(tasks, expected());
  if (GetParam()) {
    EXPECT_EQ(loop.iteration(), 2u);
  }
}

}  // namespace
}  // namespace ratchet::test
