#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/status.h"
#include "ratchet/sync/condition.h"
#include "ratchet/sync/mutex.h"
#include "ratchet/timeout.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ConditionTests : public cpython_test {
 protected:
  coro::line wait() {
    return on([this] { return cond.wait(); });
  }
  template <class Predicate>
  coro::line wait_for(Predicate predicate) {
    return on([this, predicate] { return cond.wait(predicate); });
  }
  coro::line notify(size_t n = 1) {
    return [this, n] { EXPECT_THAT(cond.notify(n), IsOk()); };
  }
  // Waits and keeps the lock, or gives it back.
  shared_future<int> keeper(const std::string& name) {
    return start(acquire(cond), wait(), marks(name));
  }
  shared_future<int> passer(const std::string& name) {
    return start(acquire(cond), wait(), marks(name), release(cond));
  }
  // What the trace holds, in the middle of a coroutine.
  template <class... Names>
  coro::line expect(Names... names) {
    return [this, names...] { EXPECT_THAT(taken(), ElementsAre(names...)); };
  }
  coro::line expect_locked() {
    return [this] { EXPECT_TRUE(cond.locked()); };
  }
  // A consumer of items, of which there are `state`; less than 0: it ends.
  shared_future<int> consumer(const std::string& name) {
    return start(
        acquire(cond), wait_for([this] { return state != 0; }),
        [this, name] {
          if (state < 0) return;
          --state;
          mark(name);
        },
        again_if(2, [this] { return state >= 0; }), lastly_release(cond));
  }
  // One item for two consumers; the one that is woken is cancelled, after
  // `between`. The other one must get the item.
  void no_wake_up_is_lost(coro::line between) {
    std::optional<timeout_scope> scope;
    shared_future<int> c0 = consumer("c0"), c1 = consumer("c1");
    EXPECT_THAT(run(
                    turn(), acquire(cond), [&] { ++state; }, notify(),
                    std::move(between), [&] { EXPECT_TRUE(c0.cancel()); },
                    [&] {
                      scope.emplace(ms(10));
                      EXPECT_THAT(scope->enter(), IsOk());
                    },
                    wait_for([this] { return state == 0; }),
                    [&](coro& c, absl::Status s) {
                      return c.on(coro(raise(scope->leave(std::move(s)))));
                    },
                    except([](const absl::Status& s) {
                      EXPECT_THAT(s, IsKind(error_kind::timeout, _));
                    }),
                    [&] {
                      EXPECT_EQ(state, 0);
                      state = -1;
                      EXPECT_THAT(cond.notify_all(), IsOk());
                    },
                    lastly_release(cond), on(c1)),
                IsOk());
    EXPECT_TRUE(c0.cancelled());
    EXPECT_THAT(taken(), ElementsAre("c1"));
  }

  condition cond;
  int state = 0;
};

// test_locks.ConditionTests.test_wait
TEST_F(ConditionTests, Wait) {
  shared_future<int> t1 = keeper("1"), t2 = keeper("2"), t3 = keeper("3");
  EXPECT_THAT(
      run(
          turn(), expect(), [&] { EXPECT_FALSE(cond.locked()); }, acquire(cond),
          notify(), turn(), expect(), expect_locked(), release(cond), turn(),
          expect("1"), expect_locked(), notify(2), turn(), expect(),
          expect_locked(), release(cond), turn(), expect("2"), expect_locked(),
          release(cond), turn(), expect("3"), expect_locked()),
      IsOk());
  EXPECT_THAT(t1.result(), IsOk());
  EXPECT_THAT(t2.result(), IsOk());
  EXPECT_THAT(t3.result(), IsOk());
}

// test_locks.ConditionTests.test_wait_cancel
TEST_F(ConditionTests, WaitCancel) {
  shared_future<int> t;
  EXPECT_THAT(run(
                  acquire(cond),
                  [&] {
                    t = start(wait());
                    loop.call_soon([&] { EXPECT_TRUE(t.cancel()); });
                  },
                  on(t)),
              IsCancelled());
  EXPECT_TRUE(cond.locked());
}

// test_locks.ConditionTests.test_wait_cancel_contested
TEST_F(ConditionTests, WaitCancelContested) {
  // Cancelled while it waits for the lock: it gets the lock first.
  shared_future<int> t;
  EXPECT_THAT(
      run(
          acquire(cond), expect_locked(), [&] { t = start(wait()); }, turn(),
          [&] { EXPECT_FALSE(cond.locked()); }, acquire(cond), expect_locked(),
          notify(),
          [&] {
            loop.call_soon([&] { EXPECT_TRUE(t.cancel()); });
            loop.call_soon([&] { EXPECT_THAT(cond.release(), IsOk()); });
          },
          on(t),
          except([](const absl::Status& s) { EXPECT_THAT(s, IsCancelled()); })),
      IsOk());
  EXPECT_TRUE(t.cancelled());
  EXPECT_TRUE(cond.locked());
}

// test_locks.ConditionTests.test_wait_cancel_after_notify
TEST_F(ConditionTests, WaitCancelAfterNotify) {
  shared_future<int> waiter = start(acquire(cond), marks("waits"), wait(),
                                    marks("no"), lastly_release(cond));
  EXPECT_THAT(run(
                  turn(), acquire(cond), notify(),
                  turn(),  // It gets to acquire().
                  [&] { EXPECT_TRUE(waiter.cancel()); }, turn(),
                  [&] { EXPECT_FALSE(waiter.done()); }, release(cond), turn()),
              IsOk());
  EXPECT_TRUE(waiter.cancelled());
  EXPECT_FALSE(cond.locked());
  EXPECT_THAT(taken(), ElementsAre("waits"));
}

// test_locks.ConditionTests.test_wait_unacquired
TEST_F(ConditionTests, WaitUnacquired) {
  EXPECT_THAT(run(wait()), IsKind(error_kind::not_acquired, _));
}

// test_locks.ConditionTests.test_wait_for
TEST_F(ConditionTests, WaitFor) {
  bool presult = false;
  shared_future<int> t = start(acquire(cond), wait_for([&] { return presult; }),
                               marks("1"), release(cond));
  EXPECT_THAT(run(
                  turn(), expect(), acquire(cond), notify(), release(cond),
                  turn(), expect(), [&] { presult = true; }, acquire(cond),
                  notify(), release(cond), turn(), expect("1")),
              IsOk());
  EXPECT_THAT(t.result(), IsOk());
}

// test_locks.ConditionTests.test_wait_for_unacquired
TEST_F(ConditionTests, WaitForUnacquired) {
  EXPECT_THAT(run(wait_for([] { return true; })), IsOk());
  EXPECT_THAT(run(wait_for([] { return false; })),
              IsKind(error_kind::not_acquired, _));
}

// test_locks.ConditionTests.test_notify
TEST_F(ConditionTests, Notify) {
  shared_future<int> t1 = passer("1"), t2 = passer("2"), t3 = passer("3");
  EXPECT_THAT(run(turn(), expect(), acquire(cond), notify(1), release(cond),
                  turn(), expect("1"), acquire(cond), notify(1), notify(2048),
                  release(cond), turn(), expect("2", "3")),
              IsOk());
  EXPECT_THAT(t1.result(), IsOk());
  EXPECT_THAT(t2.result(), IsOk());
  EXPECT_THAT(t3.result(), IsOk());
}

// test_locks.ConditionTests.test_notify_all
TEST_F(ConditionTests, NotifyAll) {
  shared_future<int> t1 = passer("1"), t2 = passer("2");
  EXPECT_THAT(run(
                  turn(), expect(), acquire(cond),
                  [&] { EXPECT_THAT(cond.notify_all(), IsOk()); },
                  release(cond), turn(), expect("1", "2")),
              IsOk());
  EXPECT_THAT(t1.result(), IsOk());
  EXPECT_THAT(t2.result(), IsOk());
}

// test_locks.ConditionTests.test_notify_unacquired
TEST_F(ConditionTests, NotifyUnacquired) {
  EXPECT_THAT(cond.notify(), IsKind(error_kind::not_acquired, _));
}

// test_locks.ConditionTests.test_notify_all_unacquired
TEST_F(ConditionTests, NotifyAllUnacquired) {
  EXPECT_THAT(cond.notify_all(), IsKind(error_kind::not_acquired, _));
}

// test_locks.ConditionTests.test_context_manager
TEST_F(ConditionTests, ContextManager) {
  EXPECT_FALSE(cond.locked());
  EXPECT_THAT(run(acquire(cond), expect_locked(), lastly_release(cond)),
              IsOk());
  EXPECT_FALSE(cond.locked());
}

// test_locks.ConditionTests.test_explicit_lock
TEST_F(ConditionTests, ExplicitLock) {
  mutex lock;
  condition on_it(lock);
  EXPECT_FALSE(on_it.locked());
  EXPECT_THAT(run(
                  acquire(on_it),
                  [&] {
                    EXPECT_TRUE(lock.locked());
                    EXPECT_TRUE(on_it.locked());
                  },
                  release(on_it),
                  [&] {
                    EXPECT_FALSE(lock.locked());
                    EXPECT_FALSE(on_it.locked());
                  },
                  acquire(lock),
                  [&] {
                    EXPECT_TRUE(lock.locked());
                    EXPECT_TRUE(on_it.locked());
                  },
                  release(lock)),
              IsOk());
  EXPECT_FALSE(lock.locked());
  EXPECT_FALSE(on_it.locked());
}

// test_locks.ConditionTests.test_timeout_in_block
TEST_F(ConditionTests, TimeoutInBlock) {
  EXPECT_THAT(
      run(acquire(cond), on([&] { return with_timeout(cond.wait(), ms(500)); }),
          except([&](const absl::Status& s) {
            EXPECT_THAT(s, IsKind(error_kind::timeout, _));
            EXPECT_TRUE(cond.locked());  // It has it again.
            say("timed out");
          }),
          release(cond)),
      IsOk());
  EXPECT_THAT(taken(), ElementsAre("timed out 500"));
}

// test_locks.ConditionTests.test_cancelled_error_wakeup
TEST_F(ConditionTests, CancelledErrorWakeup) {
  shared_future<int> t = start(acquire(cond), wait_for([] { return false; }),
                               rethrow([&](const absl::Status& s) {
                                 EXPECT_EQ(cancel_reason(s), "foo");
                                 EXPECT_TRUE(cond.locked());
                                 mark("raised");
                               }),
                               lastly_release(cond));
  EXPECT_THAT(run(
                  turn(), [&] { EXPECT_TRUE(t.cancel("foo")); }, on(t)),
              IsCancelled());
  EXPECT_EQ(cancel_reason(t.status()), "foo");
  EXPECT_FALSE(cond.locked());
  EXPECT_THAT(taken(), ElementsAre("raised"));
}

// test_locks.ConditionTests.test_cancelled_error_re_aquire
TEST_F(ConditionTests, CancelledErrorReAquire) {
  bool wake = false;
  shared_future<int> t = start(acquire(cond), wait_for([&] { return wake; }),
                               rethrow([&](const absl::Status& s) {
                                 EXPECT_EQ(cancel_reason(s), "foo");
                                 EXPECT_TRUE(cond.locked());
                                 mark("raised");
                               }),
                               lastly_release(cond));
  EXPECT_THAT(run(
                  turn(), acquire(cond), [&] { wake = true; }, notify(),
                  turn(),  // It waits for the lock now.
                  [&] { EXPECT_TRUE(t.cancel("foo")); }, release(cond), on(t)),
              IsCancelled());
  EXPECT_EQ(cancel_reason(t.status()), "foo");
  EXPECT_FALSE(cond.locked());
  EXPECT_THAT(taken(), ElementsAre("raised"));
}

// test_locks.ConditionTests.test_cancelled_wakeup
TEST_F(ConditionTests, CancelledWakeup) {
  no_wake_up_is_lost([] {});
}

// test_locks.ConditionTests.test_cancelled_wakeup_relock
TEST_F(ConditionTests, CancelledWakeupRelock) { no_wake_up_is_lost(turn()); }

}  // namespace
}  // namespace ratchet::test
