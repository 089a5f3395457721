#include <numeric>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/status.h"
#include "ratchet/sync/event.h"
#include "ratchet/sync/queue.h"
#include "ratchet/task_group.h"
#include "ratchet/timeout.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// Getting and putting.

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class QueueTests : public cpython_test {
 protected:
  template <class Queue>
  static coro::line put(Queue& q, int item) {
    return on([&q, item] { return q.put(item); });
  }
  // The item is then the value of the coroutine.
  template <class Queue>
  static coro::line get(Queue& q) {
    return on([&q] { return q.get(); });
  }
  coro::line expect(std::vector<std::string> names) {
    return [this, names] { EXPECT_EQ(taken(), names); };
  }
  // Puts 1, 3, 2 and gives what comes out.
  template <class Queue>
  std::vector<int> order() {
    Queue q;
    std::vector<int> items;
    EXPECT_THAT(run(put(q, 1), put(q, 3), put(q, 2)), IsOk());
    while (!q.empty()) items.push_back(run(get(q)).value());
    return items;
  }
};

class QueueBasicTests : public QueueTests {};

// test_queues.QueueBasicTests.test_empty
TEST_F(QueueBasicTests, Empty) {
  queue<int> q;
  EXPECT_TRUE(q.empty());
  EXPECT_THAT(run(
                  put(q, 1), [&] { EXPECT_FALSE(q.empty()); }, get(q)),
              IsOkAndHolds(1));
  EXPECT_TRUE(q.empty());
}

// test_queues.QueueBasicTests.test_full
TEST_F(QueueBasicTests, Full) {
  EXPECT_FALSE(queue<int>().full());
  queue<int> q(1);
  EXPECT_THAT(run(put(q, 1)), IsOk());
  EXPECT_TRUE(q.full());
}

// test_queues.QueueBasicTests.test_order
TEST_F(QueueBasicTests, Order) {
  EXPECT_THAT(order<queue<int>>(), ElementsAre(1, 3, 2));
}

// test_queues.LifoQueueTests.test_order
TEST_F(QueueBasicTests, LifoOrder) {
  EXPECT_THAT(order<lifo_queue<int>>(), ElementsAre(2, 3, 1));
}

// test_queues.PriorityQueueTests.test_order
TEST_F(QueueBasicTests, PriorityOrder) {
  EXPECT_THAT(order<priority_queue<int>>(), ElementsAre(1, 2, 3));
}

// test_queues.QueueBasicTests.test_maxsize
TEST_F(QueueBasicTests, Maxsize) {
  queue<int> q(2);
  EXPECT_EQ(q.maxsize(), 2u);
  shared_future<int> t;
  EXPECT_THAT(run(
                  [&] {
                    t = start(put(q, 0), marks("0"), put(q, 1), marks("1"),
                              put(q, 2), marks("2"));
                  },
                  turn(), turn(),
                  // It is blocked after two items.
                  expect({"0", "1"}), get(q),
                  [](coro& c) {
                    EXPECT_EQ(c.value(), 0);
                    return c.turn();
                  },
                  expect({"2"}),
                  [&] {
                    EXPECT_THAT(q.get_nowait(), IsOkAndHolds(1));
                    EXPECT_THAT(q.get_nowait(), IsOkAndHolds(2));
                    EXPECT_TRUE(t.done());
                  }),
              IsOk());
  EXPECT_THAT(t.result(), IsOk());
}

class QueueGetTests : public QueueTests {};

// test_queues.QueueGetTests.test_blocking_get
TEST_F(QueueGetTests, BlockingGet) {
  queue<int> q;
  EXPECT_THAT(q.put_nowait(1), IsOk());
  EXPECT_THAT(run([&] { loop.call_soon(marks("next iteration")); }, get(q),
                  marks("got")),
              IsOkAndHolds(1));
  EXPECT_THAT(taken(), ElementsAre("got", "next iteration"));
}

// test_queues.QueueGetTests.test_get_with_putters
TEST_F(QueueGetTests, GetWithPutters) {
  // A get that need not wait wakes a putter.
  queue<int> q(1);
  shared_future<int> putter;
  EXPECT_THAT(run(
                  put(q, 1), [&] { putter = start(put(q, 2)); }, turn(),
                  [&] { EXPECT_FALSE(putter.done()); }, get(q),
                  [](coro& c) {
                    EXPECT_EQ(c.value(), 1);
                    return c.turn();
                  },
                  [&] { EXPECT_TRUE(putter.done()); }),
              IsOk());
  EXPECT_THAT(q.get_nowait(), IsOkAndHolds(2));
}

// test_queues.QueueGetTests.test_blocking_get_wait
TEST_F(QueueGetTests, BlockingGetWait) {
  queue<int> q;
  event started;
  shared_future<int> t;
  EXPECT_THAT(
      run([&] { t = start([&] { started.set(); }, get(q), says("finished")); },
          on([&] { return started.wait(); }), expect({}),
          [&] { loop.call_later(ms(10), [&] { return q.put_nowait(1); }); },
          on(t)),
      IsOkAndHolds(1));
  EXPECT_THAT(taken(), ElementsAre("finished 10"));
}

// test_queues.QueueGetTests.test_nonblocking_get
TEST_F(QueueGetTests, NonblockingGet) {
  queue<int> q;
  EXPECT_THAT(q.put_nowait(1), IsOk());
  EXPECT_THAT(q.get_nowait(), IsOkAndHolds(1));
}

// test_queues.QueueGetTests.test_nonblocking_get_exception
TEST_F(QueueGetTests, NonblockingGetException) {
  EXPECT_THAT(queue<int>().get_nowait(), IsKind(error_kind::queue_empty, _));
}

// test_queues.QueueGetTests.test_get_cancelled_race
TEST_F(QueueGetTests, GetCancelledRace) {
  queue<int> q;
  shared_future<int> t1 = start(get(q)), t2 = start(get(q));
  EXPECT_THAT(run([&] { EXPECT_TRUE(t1.cancel()); }, turn(),
                  [&] { EXPECT_TRUE(t1.done()); }, put(q, 7), turn(),
                  [&] { EXPECT_TRUE(t2.done()); }, on(t2)),
              IsOkAndHolds(7));
}

// test_queues.QueueGetTests.test_get_with_waiting_putters
TEST_F(QueueGetTests, GetWithWaitingPutters) {
  queue<int> q(1);
  shared_future<int> a = start(put(q, 1)), b = start(put(q, 2));
  EXPECT_THAT(run(get(q),
                  [&](coro& c) {
                    EXPECT_EQ(c.value(), 1);
                    return c.on(q.get());
                  }),
              IsOkAndHolds(2));
  EXPECT_TRUE(a.done());
  EXPECT_TRUE(b.done());
}

// test_queues.QueueGetTests.test_why_are_getters_waiting
TEST_F(QueueGetTests, WhyAreGettersWaiting) {
  queue<int> q(1);
  task_group group;
  int put_items = 0, got_items = 0;
  EXPECT_THAT(run(
                  enter(group),
                  [&] {
                    spawn(
                        group, on([&] { return q.put(put_items); }),
                        [&] { ++put_items; },
                        again_if(2, [&] { return put_items < 5; }));
                    spawn(
                        group, get(q),
                        [&](coro& c) {
                          EXPECT_EQ(c.value(), got_items++);
                          return c.on(coro());
                        },
                        again_if(2, [&] { return got_items < 5; }));
                  },
                  leave(group)),
              IsOk());
  EXPECT_EQ(got_items, 5);
}

// test_queues.QueueGetTests.test_cancelled_getters_not_being_held_in_self_getters
TEST_F(QueueGetTests, CancelledGettersNotBeingHeldInSelfGetters) {
  queue<int> q(5);
  EXPECT_THAT(run(on([&] { return with_timeout(q.get(), ms(100)); })),
              IsKind(error_kind::timeout, _));
  EXPECT_EQ(now_ms(), 100);
  EXPECT_THAT(q.put_nowait(1), IsOk());
  EXPECT_THAT(run(get(q)), IsOkAndHolds(1));  // Nobody else wants it.
}

class QueuePutTests : public QueueTests {};

// test_queues.QueuePutTests.test_blocking_put
TEST_F(QueuePutTests, BlockingPut) {
  queue<int> q;
  EXPECT_THAT(run([&] { loop.call_soon(marks("next iteration")); }, put(q, 1),
                  marks("put"), get(q)),
              IsOkAndHolds(1));
  EXPECT_THAT(taken(), ElementsAre("put", "next iteration"));
}

// test_queues.QueuePutTests.test_blocking_put_wait
TEST_F(QueuePutTests, BlockingPutWait) {
  queue<int> q(1);
  event started;
  shared_future<int> t;
  EXPECT_THAT(run(
                  [&] {
                    loop.call_later(ms(10), [&] {
                      EXPECT_THAT(q.get_nowait(), IsOkAndHolds(1));
                    });
                    t = start([&] { started.set(); }, put(q, 1), put(q, 2),
                              says("finished"));
                  },
                  on([&] { return started.wait(); }), expect({}), on(t)),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("finished 10"));
}

// test_queues.QueuePutTests.test_nonblocking_put
TEST_F(QueuePutTests, NonblockingPut) {
  queue<int> q;
  EXPECT_THAT(q.put_nowait(1), IsOk());
  EXPECT_EQ(q.size(), 1u);
  EXPECT_THAT(q.get_nowait(), IsOkAndHolds(1));
}

// test_queues.QueuePutTests.test_get_cancel_drop_one_pending_reader
TEST_F(QueuePutTests, GetCancelDropOnePendingReader) {
  queue<int> q;
  shared_future<int> reader = start(get(q));
  EXPECT_THAT(run(
                  [&] {
                    EXPECT_THAT(q.put_nowait(1), IsOk());
                    EXPECT_THAT(q.put_nowait(2), IsOk());
                    EXPECT_TRUE(reader.cancel());
                  },
                  on(reader), except([&](const absl::Status& s) {
                    EXPECT_THAT(s, IsCancelled());
                    mark("cancelled");
                  }),
                  get(q)),
              IsOkAndHolds(1));
  EXPECT_THAT(taken(), ElementsAre("cancelled"));
}

// test_queues.QueuePutTests.test_get_cancel_drop_many_pending_readers
TEST_F(QueuePutTests, GetCancelDropManyPendingReaders) {
  queue<int> q;
  task_group group;
  shared_future<int> reader1, reader2, reader3;
  EXPECT_THAT(run(
                  enter(group),
                  [&] {
                    reader1 = child(group, get(q));
                    reader2 = child(group, get(q));
                    reader3 = child(group, get(q));
                  },
                  turn(),
                  [&] {
                    EXPECT_THAT(q.put_nowait(1), IsOk());
                    EXPECT_THAT(q.put_nowait(2), IsOk());
                    EXPECT_TRUE(reader1.cancel());
                  },
                  on(reader1), except([](const absl::Status& s) {
                    EXPECT_THAT(s, IsCancelled());
                  }),
                  on(reader3), leave(group)),
              IsOk());
  EXPECT_THAT(reader2.result(), IsOkAndHolds(1));
  EXPECT_THAT(reader3.result(), IsOkAndHolds(2));
}

// test_queues.QueuePutTests.test_put_cancel_drop
TEST_F(QueuePutTests, PutCancelDrop) {
  queue<int> q(1);
  EXPECT_THAT(q.put_nowait(1), IsOk());
  shared_future<int> writer;
  EXPECT_THAT(run([&] { writer = start(put(q, 2)); }, turn(),
                  [&] {
                    EXPECT_THAT(q.get_nowait(), IsOkAndHolds(1));
                    EXPECT_TRUE(writer.cancel());
                  },
                  on(writer), except([&](const absl::Status& s) {
                    EXPECT_THAT(s, IsCancelled());
                    mark("cancelled");
                  }),
                  [&] { writer = start(put(q, 2)); }, on(writer)),
              IsOk());
  EXPECT_THAT(q.get_nowait(), IsOkAndHolds(2));
  EXPECT_EQ(q.size(), 0u);
  EXPECT_THAT(taken(), ElementsAre("cancelled"));
}

// test_queues.QueuePutTests.test_nonblocking_put_exception
TEST_F(QueuePutTests, NonblockingPutException) {
  queue<int> q(1);
  EXPECT_THAT(q.put_nowait(1), IsOk());
  EXPECT_THAT(q.put_nowait(2), IsKind(error_kind::queue_full, _));
  EXPECT_EQ(q.size(), 1u);
}

// test_queues.QueuePutTests.test_put_cancelled
TEST_F(QueuePutTests, PutCancelled) {
  queue<int> q;
  shared_future<int> t = start(put(q, 1));
  EXPECT_THAT(run(get(q)), IsOkAndHolds(1));
  EXPECT_THAT(t.result(), IsOk());
}

// test_queues.QueuePutTests.test_put_cancelled_race
TEST_F(QueuePutTests, PutCancelledRace) {
  queue<int> q(1);
  shared_future<int> a = start(put(q, 1)), b = start(put(q, 2)),
                     c = start(put(q, 9));
  EXPECT_THAT(
      run(
          [&] {
            EXPECT_TRUE(a.done());
            EXPECT_FALSE(b.done());
            EXPECT_TRUE(c.cancel());
          },
          turn(),
          [&] {
            EXPECT_TRUE(c.done());
            EXPECT_THAT(q.get_nowait(), IsOkAndHolds(1));
          },
          turn(), [&] { EXPECT_THAT(q.get_nowait(), IsOkAndHolds(2)); }, on(b)),
      IsOk());
  EXPECT_TRUE(c.cancelled());
}

// test_queues.QueuePutTests.test_put_with_waiting_getters
TEST_F(QueuePutTests, PutWithWaitingGetters) {
  queue<int> q;
  shared_future<int> t = start(get(q));
  EXPECT_THAT(run(put(q, 4), on(t)), IsOkAndHolds(4));
}

// test_queues.QueuePutTests.test_why_are_putters_waiting
TEST_F(QueuePutTests, WhyArePuttersWaiting) {
  queue<int> q(2);
  task_group group;
  std::vector<int> got;
  EXPECT_THAT(run(
                  enter(group),
                  [&] {
                    spawn(group, turn(), [&] {
                      while (!q.empty()) got.push_back(q.get_nowait().value());
                    });
                    for (int i = 0; i < 4; ++i) spawn(group, put(q, i));
                  },
                  leave(group)),
              IsOk());
  EXPECT_THAT(got, ElementsAre(0, 1));
  EXPECT_THAT(q.get_nowait(), IsOkAndHolds(2));
  EXPECT_THAT(q.get_nowait(), IsOkAndHolds(3));
}

// test_queues.QueuePutTests.test_cancelled_puts_not_being_held_in_self_putters
TEST_F(QueuePutTests, CancelledPutsNotBeingHeldInSelfPutters) {
  queue<int> q(1);
  EXPECT_THAT(q.put_nowait(1), IsOk());
  shared_future<int> t = start(put(q, 5));
  iterate();
  EXPECT_TRUE(t.cancel());
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_THAT(q.get_nowait(), IsOkAndHolds(1));
  iterate();
  EXPECT_TRUE(q.empty());
}

// test_queues.QueuePutTests.test_cancelled_put_silence_value_error_exception
TEST_F(QueuePutTests, CancelledPutSilenceValueErrorException) {
  // Cancelled when it had been woken already.
  queue<int> q(1);
  EXPECT_THAT(q.put_nowait(1), IsOk());
  shared_future<int> t = start(put(q, 5));
  iterate();
  EXPECT_THAT(q.get_nowait(), IsOkAndHolds(1));
  EXPECT_TRUE(t.cancel());
  EXPECT_THAT(loop.run_until_complete(t), IsCancelled());
  EXPECT_TRUE(q.empty());
}

}  // namespace
}  // namespace ratchet::test
