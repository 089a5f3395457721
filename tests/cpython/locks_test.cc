#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/status.h"
#include "ratchet/sync/event.h"
#include "ratchet/sync/mutex.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// Lock, which is mutex here, and Event.

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LockTests : public cpython_test {
 protected:
  // Takes the lock and says so.
  shared_future<int> locker(const std::string& name) {
    return start(acquire(lock), marks(name));
  }

  mutex lock;
};

// test_locks.LockTests.test_lock
TEST_F(LockTests, Lock) {
  EXPECT_FALSE(lock.locked());
  static_cast<void>(
      lock.acquire());  // A machine that nobody runs does nothing.
  EXPECT_FALSE(lock.locked());
}

// test_locks.LockTests.test_acquire
TEST_F(LockTests, Acquire) {
  shared_future<int> t1, t2, t3;
  EXPECT_THAT(
      run(
          acquire(lock),
          [&] {
            t1 = locker("1");
            t2 = locker("2");
          },
          turn(), [&] { EXPECT_THAT(taken(), IsEmpty()); }, release(lock),
          turn(), [&] { EXPECT_THAT(taken(), ElementsAre("1")); }, turn(),
          [&] {
            EXPECT_THAT(taken(), IsEmpty());
            t3 = locker("3");
          },
          release(lock), turn(),
          [&] { EXPECT_THAT(taken(), ElementsAre("2")); }, release(lock),
          turn(), [&] { EXPECT_THAT(taken(), ElementsAre("3")); }),
      IsOk());
  EXPECT_THAT(t1.result(), IsOk());
  EXPECT_THAT(t2.result(), IsOk());
  EXPECT_THAT(t3.result(), IsOk());
  EXPECT_TRUE(lock.locked());
}

// test_locks.LockTests.test_acquire_cancel
TEST_F(LockTests, AcquireCancel) {
  shared_future<int> t;
  EXPECT_THAT(run(
                  acquire(lock),
                  [&] {
                    t = locker("not reached");
                    loop.call_soon([&] { EXPECT_TRUE(t.cancel()); });
                  },
                  on(t)),
              IsCancelled());
  EXPECT_THAT(lock.release(), IsOk());
  EXPECT_TRUE(lock.try_acquire());  // Nobody is in the line.
  EXPECT_THAT(taken(), IsEmpty());
}

// test_locks.LockTests.test_cancel_race
TEST_F(LockTests, CancelRace) {
  // A releases the lock, and B, who is first in line, is cancelled.
  new_future fa;
  shared_future<int> ta, tb, tc;
  EXPECT_THAT(
      run([&] { ta = start(acquire(lock), on(fa.f), lastly_release(lock)); },
          turn(),
          [&] {
            EXPECT_TRUE(lock.locked());
            tb = start(acquire(lock), marks("B"), lastly_release(lock));
          },
          turn(),
          [&] { tc = start(acquire(lock), marks("C"), lastly_release(lock)); },
          turn(),
          [&] {
            fa.set_result();
            EXPECT_TRUE(tb.cancel());
          },
          turn(),
          [&] {
            EXPECT_FALSE(lock.locked());
            EXPECT_TRUE(ta.done());
            EXPECT_TRUE(tb.cancelled());
            EXPECT_FALSE(tc.done());
          },
          on(tc)),
      IsOk());
  EXPECT_THAT(taken(), ElementsAre("C"));
}

// test_locks.LockTests.test_cancel_release_race
TEST_F(LockTests, CancelReleaseRace) {
  int calls = 0, locks = 0;
  shared_future<int> t1, t2, t3;
  const auto lockit = [&] {
    return start([&] { ++calls; }, acquire(lock), [&] { ++locks; });
  };
  EXPECT_THAT(run(
                  acquire(lock),
                  [&] {
                    t1 = lockit();
                    t2 = lockit();
                    t3 = lockit();
                  },
                  turn(),
                  [&] {
                    loop.call_soon([&] {
                      EXPECT_TRUE(t1.cancel());
                      EXPECT_THAT(lock.release(), IsOk());
                    });
                  },
                  on(t1), except([&](const absl::Status& s) {
                    EXPECT_THAT(s, IsCancelled());
                    EXPECT_EQ(locks, 1);
                    EXPECT_EQ(calls, 3);
                    EXPECT_TRUE(t1.cancelled());
                    EXPECT_TRUE(t2.done());
                    EXPECT_TRUE(t3.cancel());
                  }),
                  turn()),
              IsOk());
  EXPECT_TRUE(t3.cancelled());
}

// test_locks.LockTests.test_finished_waiter_cancelled
TEST_F(LockTests, FinishedWaiterCancelled) {
  shared_future<int> tb, tc;
  EXPECT_THAT(run(
                  acquire(lock), [&] { tb = locker("B"); }, turn(),
                  [&] {
                    tc = locker("C");
                    EXPECT_TRUE(tb.cancel());
                  },
                  release(lock), turn(),
                  [&] {
                    EXPECT_TRUE(lock.locked());
                    EXPECT_TRUE(tb.cancelled());
                  },
                  on(tc)),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("C"));
}

// test_locks.LockTests.test_release_not_acquired
TEST_F(LockTests, ReleaseNotAcquired) {
  EXPECT_THAT(lock.release(), IsKind(error_kind::not_acquired, _));
}

// test_locks.LockTests.test_release_no_waiters
TEST_F(LockTests, ReleaseNoWaiters) {
  EXPECT_THAT(
      run(
          acquire(lock), [&] { EXPECT_TRUE(lock.locked()); }, release(lock)),
      IsOk());
  EXPECT_FALSE(lock.locked());
}

// test_locks.LockTests.test_context_manager
TEST_F(LockTests, ContextManager) {
  EXPECT_FALSE(lock.locked());
  held<mutex> guard;
  EXPECT_THAT(run(on([&] { return lock.hold(); }, &guard), marks("held")),
              IsOk());
  EXPECT_TRUE(lock.locked());
  guard = held<mutex>();
  EXPECT_FALSE(lock.locked());
  EXPECT_THAT(taken(), ElementsAre("held"));
}

class EventTests : public cpython_test {
 protected:
  shared_future<int> waiter(const std::string& name) {
    return start(wait(), marks(name));
  }
  coro::line wait() {
    return on([this] { return ev.wait(); });
  }

  event ev;
};

// test_locks.EventTests.test_wait
TEST_F(EventTests, Wait) {
  EXPECT_FALSE(ev.is_set());
  shared_future<int> t1, t2, t3;
  EXPECT_THAT(run(
                  [&] {
                    t1 = waiter("1");
                    t2 = waiter("2");
                  },
                  turn(),
                  [&] {
                    EXPECT_THAT(taken(), IsEmpty());
                    t3 = waiter("3");
                    ev.set();
                  },
                  turn()),
              IsOk());
  // The third one comes when it is set, before the two that were woken.
  EXPECT_THAT(taken(), ElementsAre("3", "1", "2"));
  EXPECT_THAT(t1.result(), IsOk());
  EXPECT_THAT(t2.result(), IsOk());
  EXPECT_THAT(t3.result(), IsOk());
}

// test_locks.EventTests.test_wait_on_set
TEST_F(EventTests, WaitOnSet) {
  ev.set();
  EXPECT_THAT(run([&] { loop.call_soon(marks("next iteration")); }, wait(),
                  marks("went on")),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("went on", "next iteration"));
}

// test_locks.EventTests.test_wait_cancel
TEST_F(EventTests, WaitCancel) {
  shared_future<int> t;
  EXPECT_THAT(run(
                  [&] {
                    t = waiter("not reached");
                    loop.call_soon([&] { EXPECT_TRUE(t.cancel()); });
                  },
                  on(t)),
              IsCancelled());
  ev.set();  // Wakes nobody.
  run_until_idle();
  EXPECT_THAT(taken(), IsEmpty());
}

// test_locks.EventTests.test_clear
TEST_F(EventTests, Clear) {
  EXPECT_FALSE(ev.is_set());
  ev.set();
  EXPECT_TRUE(ev.is_set());
  ev.clear();
  EXPECT_FALSE(ev.is_set());
}

// test_locks.EventTests.test_clear_with_waiters
TEST_F(EventTests, ClearWithWaiters) {
  shared_future<int> t;
  EXPECT_THAT(run([&] { t = waiter("1"); }, turn(),
                  [&] {
                    EXPECT_THAT(taken(), IsEmpty());
                    ev.set();
                    ev.clear();
                    EXPECT_FALSE(ev.is_set());
                    ev.set();
                    ev.set();
                    EXPECT_FALSE(t.done());
                  },
                  turn()),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("1"));
  EXPECT_THAT(t.result(), IsOk());
}

}  // namespace
}  // namespace ratchet::test
