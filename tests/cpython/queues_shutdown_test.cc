#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/status.h"
#include "ratchet/sync/queue.h"
#include "ratchet/task_group.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// task_done, join and shutdown, for every kind of queue.

namespace ratchet::test {
namespace {

using ::testing::_;

template <class Queue>
class QueueOfAnyKindTests : public cpython_test {
 protected:
  coro::line put(int item) {
    return on([this, item] { return q.put(item); });
  }
  coro::line get() {
    return on([this] { return q.get(); });
  }
  coro::line join() {
    return on([this] { return q.join(); });
  }
  static auto is_shut_down() { return IsKind(error_kind::queue_shut_down, _); }
  // put() and get() fail, waiting or not.
  void expect_shut_down() {
    EXPECT_THAT(run(put(1)), is_shut_down());
    EXPECT_THAT(q.put_nowait(1), is_shut_down());
    EXPECT_THAT(run(get()), is_shut_down());
    EXPECT_THAT(q.get_nowait(), is_shut_down());
  }
  void expect_no_unfinished() {
    EXPECT_THAT(q.task_done(), IsKind(error_kind::over_done, _));
  }

  Queue q;
};

using kinds =
    ::testing::Types<queue<int>, lifo_queue<int>, priority_queue<int>>;
TYPED_TEST_SUITE(QueueOfAnyKindTests, kinds);

// test_queues._QueueJoinTestMixin.test_task_done_underflow
TYPED_TEST(QueueOfAnyKindTests, TaskDoneUnderflow) {
  this->expect_no_unfinished();
}

// test_queues._QueueJoinTestMixin.test_task_done
TYPED_TEST(QueueOfAnyKindTests, TaskDone) {
  for (int i = 0; i < 100; ++i) EXPECT_THAT(this->q.put_nowait(i), IsOk());
  int sum = 0;
  bool running = true;
  task_group group;
  EXPECT_THAT(this->run(
                  enter(group),
                  [&] {
                    for (int worker = 0; worker < 2; ++worker) {
                      this->spawn(
                          group, this->get(),
                          [&](coro& c) {
                            sum += c.value();
                            EXPECT_THAT(this->q.task_done(), IsOk());
                            return c.on(coro());
                          },
                          again_if(2, [&] { return running; }));
                    }
                  },
                  this->join(),
                  [&] {
                    EXPECT_EQ(sum, 4950);
                    running = false;
                    EXPECT_THAT(this->q.put_nowait(0), IsOk());
                    EXPECT_THAT(this->q.put_nowait(0), IsOk());
                  },
                  leave(group)),
              IsOk());
  EXPECT_TRUE(this->q.empty());
}

// test_queues._QueueJoinTestMixin.test_join_empty_queue
TYPED_TEST(QueueOfAnyKindTests, JoinEmptyQueue) {
  EXPECT_THAT(this->run(this->join(), this->join()), IsOk());
  EXPECT_EQ(this->loop.iteration(), 2u);  // Neither suspends.
}

// test_queues._QueueShutdownTestMixin.test_shutdown_empty
TYPED_TEST(QueueOfAnyKindTests, ShutdownEmpty) {
  shared_future<int> getter = this->start(this->get());
  this->iterate();
  this->q.shutdown();
  EXPECT_EQ(this->q.size(), 0u);
  EXPECT_TRUE(this->q.is_shut_down());
  EXPECT_FALSE(getter.done());
  EXPECT_THAT(this->run(this->join()), IsOk());
  EXPECT_THAT(getter, this->is_shut_down());
  this->expect_shut_down();
}

// test_queues._QueueShutdownTestMixin.test_shutdown_nonempty
TYPED_TEST(QueueOfAnyKindTests, ShutdownNonempty) {
  TypeParam full(1);
  EXPECT_THAT(full.put_nowait(7), IsOk());
  shared_future<int> join =
      this->start(on([&] { return full.join(); }), this->marks("joined"));
  shared_future<int> putter = this->start(on([&] { return full.put(8); }));
  this->iterate();
  EXPECT_FALSE(putter.done());
  full.shutdown();
  EXPECT_EQ(full.size(), 1u);
  this->iterate();
  EXPECT_THAT(putter, this->is_shut_down());
  // What it has can still be taken.
  EXPECT_THAT(this->run(on([&] { return full.get(); })), IsOkAndHolds(7));
  this->iterate();
  EXPECT_FALSE(join.done());
  EXPECT_THAT(full.put_nowait(1), this->is_shut_down());
  EXPECT_THAT(full.get_nowait(), this->is_shut_down());
  EXPECT_THAT(full.task_done(), IsOk());
  this->iterate();
  EXPECT_THAT(join.result(), IsOk());
  EXPECT_THAT(full.task_done(), IsKind(error_kind::over_done, _));
}

// test_queues._QueueShutdownTestMixin.test_shutdown_immediate
TYPED_TEST(QueueOfAnyKindTests, ShutdownImmediate) {
  EXPECT_THAT(this->q.put_nowait(7), IsOk());
  shared_future<int> join = this->start(this->join());
  this->iterate();
  EXPECT_FALSE(join.done());
  this->q.shutdown(/*immediate=*/true);
  EXPECT_EQ(this->q.size(), 0u);
  this->iterate();
  EXPECT_THAT(join.result(), IsOk());
  this->expect_shut_down();
  this->expect_no_unfinished();
}

// test_queues._QueueShutdownTestMixin.test_shutdown_immediate_with_unfinished
TYPED_TEST(QueueOfAnyKindTests, ShutdownImmediateWithUnfinished) {
  EXPECT_THAT(this->q.put_nowait(7), IsOk());
  EXPECT_THAT(this->q.put_nowait(7), IsOk());
  shared_future<int> join = this->start(this->join());
  EXPECT_THAT(this->run(this->get()), IsOkAndHolds(7));
  this->q.shutdown(/*immediate=*/true);  // Unfinished: 2 -> 1.
  EXPECT_EQ(this->q.size(), 0u);
  this->iterate();
  EXPECT_FALSE(join.done());
  this->expect_shut_down();
  EXPECT_THAT(this->q.task_done(), IsOk());
  this->expect_no_unfinished();
  this->iterate();
  EXPECT_THAT(join.result(), IsOk());
}

}  // namespace
}  // namespace ratchet::test
