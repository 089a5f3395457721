#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/status.h"
#include "ratchet/sync/semaphore.h"
#include "ratchet/task_group.h"
#include "ratchet/timeout.h"
#include "ratchet/when_all.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SemaphoreTests : public cpython_test {
 protected:
  // Takes a unit and says so.
  shared_future<int> taker(semaphore& sem, const std::string& name) {
    return start(acquire(sem), marks(name));
  }
};

// test_locks.SemaphoreTests.test_initial_value_zero
TEST_F(SemaphoreTests, InitialValueZero) {
  semaphore sem(0);
  EXPECT_TRUE(sem.locked());
}

// test_locks.SemaphoreTests.test_semaphore
TEST_F(SemaphoreTests, Semaphore) {
  semaphore sem;
  EXPECT_EQ(sem.available(), 1u);
  static_cast<void>(sem.acquire());  // A machine that nobody runs does nothing.
  EXPECT_FALSE(sem.locked());
  EXPECT_EQ(sem.available(), 1u);
}

// test_locks.SemaphoreTests.test_acquire
TEST_F(SemaphoreTests, Acquire) {
  semaphore sem(3);
  shared_future<int> t1, t2, t3, t4;
  EXPECT_THAT(run(
                  acquire(sem), acquire(sem),
                  [&] {
                    EXPECT_FALSE(sem.locked());
                    t1 = taker(sem, "1");
                    t2 = taker(sem, "2");
                    t3 = taker(sem, "3");
                  },
                  turn(),
                  [&] {
                    EXPECT_THAT(taken(), ElementsAre("1"));
                    EXPECT_TRUE(sem.locked());
                    EXPECT_EQ(sem.available(), 0u);
                    t4 = taker(sem, "4");
                    sem.release();
                    sem.release();
                    EXPECT_EQ(sem.available(), 0u);  // Reserved.
                  },
                  turn(),
                  [&] {
                    EXPECT_THAT(taken(), ElementsAre("2", "3"));
                    EXPECT_TRUE(sem.locked());
                    EXPECT_FALSE(t4.done());
                    sem.release();
                  },
                  on(t4)),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("4"));
}

// test_locks.SemaphoreTests.test_acquire_cancel
TEST_F(SemaphoreTests, AcquireCancel) {
  semaphore sem;
  shared_future<int> t;
  EXPECT_THAT(run(
                  acquire(sem),
                  [&] {
                    t = taker(sem, "not reached");
                    loop.call_soon([&] { EXPECT_TRUE(t.cancel()); });
                  },
                  on(t)),
              IsCancelled());
  sem.release();
  EXPECT_TRUE(sem.try_acquire());
  EXPECT_THAT(taken(), IsEmpty());
}

// test_locks.SemaphoreTests.test_acquire_cancel_before_awoken
TEST_F(SemaphoreTests, AcquireCancelBeforeAwoken) {
  semaphore sem(0);
  shared_future<int> t1 = taker(sem, "1"), t2 = taker(sem, "2"),
                     t3 = taker(sem, "3"), t4 = taker(sem, "4");
  EXPECT_THAT(run(
                  turn(),
                  [&] {
                    EXPECT_TRUE(t1.cancel());
                    EXPECT_TRUE(t2.cancel());
                    sem.release();
                  },
                  turn(), turn(),
                  [&] {
                    EXPECT_TRUE(t3.done());
                    EXPECT_FALSE(t4.done());
                    EXPECT_FALSE(t3.cancel());
                    EXPECT_TRUE(t4.cancel());
                  },
                  turn()),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("3"));
}

// test_locks.SemaphoreTests.test_acquire_hang
TEST_F(SemaphoreTests, AcquireHang) {
  semaphore sem(0);
  shared_future<int> t1 = taker(sem, "1"), t2 = taker(sem, "2");
  EXPECT_THAT(run(
                  turn(),
                  [&] {
                    EXPECT_TRUE(t1.cancel());
                    sem.release();
                  },
                  turn(), turn(),
                  [&] {
                    EXPECT_TRUE(sem.locked());
                    EXPECT_TRUE(t2.done());
                  }),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("2"));
}

// test_locks.SemaphoreTests.test_acquire_no_hang
TEST_F(SemaphoreTests, AcquireNoHang) {
  // The unit that was reserved for one who is cancelled comes back.
  semaphore sem(1);
  shared_future<int> t1, t2;
  t1 = start(acquire(sem), turn(), lastly_release(sem),
             [&] { EXPECT_TRUE(t2.cancel()); });
  t2 = start(acquire(sem), marks("not reached"), lastly_release(sem));
  EXPECT_THAT(run(
                  on([&] {
                    return when_all_settled(futures{t1, t2});
                  }),
                  [&] {
                    EXPECT_THAT(t1.result(), IsOk());
                    EXPECT_TRUE(t2.cancelled());
                  },
                  on([&] { return with_timeout(sem.acquire(), ms(1000)); }),
                  says("acquired")),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("acquired 0"));
}

// test_locks.SemaphoreTests.test_release_not_acquired
TEST_F(SemaphoreTests, ReleaseNotAcquired) {
  bounded_semaphore sem;
  EXPECT_THAT(sem.release(), IsKind(error_kind::over_release, _));
  EXPECT_EQ(sem.available(), 1u);
}

// test_locks.SemaphoreTests.test_release_no_waiters
TEST_F(SemaphoreTests, ReleaseNoWaiters) {
  semaphore sem;
  EXPECT_THAT(
      run(
          acquire(sem), [&] { EXPECT_TRUE(sem.locked()); }, release(sem)),
      IsOk());
  EXPECT_FALSE(sem.locked());
}

// test_locks.SemaphoreTests.test_acquire_fifo_order
TEST_F(SemaphoreTests, AcquireFifoOrder) {
  semaphore sem(1);
  task_group group;
  EXPECT_THAT(run(
                  enter(group),
                  [&] {
                    for (const std::string name : {"c1", "c2", "c3"}) {
                      spawn(group, acquire(sem), says(name + "_1"), nap(10),
                            release(sem), acquire(sem), says(name + "_2"),
                            nap(10), release(sem));
                    }
                  },
                  leave(group)),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("c1_1 0", "c2_1 10", "c3_1 20", "c1_2 30",
                                   "c2_2 40", "c3_2 50"));
}

// test_locks.SemaphoreTests.test_acquire_fifo_order_2
TEST_F(SemaphoreTests, AcquireFifoOrder2) {
  semaphore sem(1);
  shared_future<int> t1 = taker(sem, "1");
  shared_future<int> t2 =
      start(acquire(sem), marks("2"), release(sem), acquire(sem), marks("4"));
  shared_future<int> t3 = taker(sem, "3");
  EXPECT_THAT(run(turn(), release(sem), release(sem), on([&] {
                    return when_all(futures{t1, t2, t3});
                  })),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("1", "2", "3", "4"));
}

// test_locks.SemaphoreTests.test_acquire_fifo_order_3
TEST_F(SemaphoreTests, AcquireFifoOrder3) {
  semaphore sem(0);
  shared_future<int> t1 = taker(sem, "1"), t2 = taker(sem, "2"),
                     t3 = taker(sem, "3");
  EXPECT_THAT(run(
                  turn(), [&] { EXPECT_TRUE(t1.cancel()); }, turn(),
                  release(sem), release(sem), on([&] {
                    return when_all_settled(futures{t1, t2, t3});
                  })),
              IsOk());
  EXPECT_TRUE(t1.cancelled());
  EXPECT_THAT(taken(), ElementsAre("2", "3"));
}

// test_locks.SemaphoreTests.test_acquire_fifo_order_4
TEST_F(SemaphoreTests, AcquireFifoOrder4) {
  // One that is woken and finds more units wakes the others.
  semaphore sem(0);
  shared_future<int> t4;
  shared_future<int> t1 =
      start([&] { EXPECT_EQ(sem.available(), 0u); }, acquire(sem),
            [&] {
              EXPECT_EQ(sem.available(), 0u);
              t4 = start(marks("4"));
            },
            marks("1"));
  shared_future<int> t2 = start(
      [&] {
        for (int i = 0; i < 3; ++i) sem.release();
        EXPECT_EQ(sem.available(), 2u);
        EXPECT_TRUE(sem.locked());  // The first one has not woken up yet.
      },
      acquire(sem), marks("2"));
  shared_future<int> t3 = start(
      acquire(sem), [&] { EXPECT_TRUE(sem.locked()); }, marks("3"));
  EXPECT_THAT(run([&] { EXPECT_EQ(sem.available(), 2u); }, turn(), on([&] {
                    return when_all(futures{t1, t2, t3, t4});
                  })),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("1", "2", "3", "4"));
}

}  // namespace
}  // namespace ratchet::test
