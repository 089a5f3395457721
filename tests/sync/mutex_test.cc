#include "ratchet/sync/mutex.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/sync/held.h"
#include "ratchet/task_info.h"
#include "ratchet/timeout.h"
#include "tests/support/loop_test.h"
#include "tests/sync/waiting.h"

namespace ratchet {
namespace {

using ::ratchet::test::sync_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MutexTest : public sync_test {
 protected:
  MutexTest() { count_from_here(); }
  auto acquiring() {
    return [this] { return m.acquire(); };
  }
  // Locked, with a, b and c in the line.
  void fill_line() {
    ASSERT_TRUE(m.try_acquire());
    a = start("a", acquiring());
    b = start("b", acquiring());
    c = start("c", acquiring());
    iterate();
    count_from_here();
  }

  mutex m{"db"};
  future<void> a, b, c;
};

TEST_F(MutexTest, FreeDoesNotSuspend) {
  a = start("a", acquiring());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a ok@1"));
  EXPECT_TRUE(m.locked());
}

TEST_F(MutexTest, IsHandedOnInOrder) {
  fill_line();
  EXPECT_THAT(taken(), IsEmpty());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(m.release().ok());
    iterate();
  }
  EXPECT_THAT(taken(), ElementsAre("a ok@1", "b ok@2", "c ok@3"));
}

// S131: in between the mutex is free, but not for those who come later.
TEST_F(MutexTest, NobodyBargesIn) {
  fill_line();
  ASSERT_TRUE(m.release().ok());
  EXPECT_FALSE(m.locked());
  EXPECT_FALSE(m.try_acquire());
  future<void> late = start("late", acquiring());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a ok@1"));
}

TEST_F(MutexTest, OnlyCancelledOnesAreNoObstacle) {
  ASSERT_TRUE(m.try_acquire());
  a = start("a", acquiring());
  iterate();
  ASSERT_TRUE(m.release().ok());  // Wakes a ...
  EXPECT_FALSE(m.try_acquire());
  iterate();
  ASSERT_TRUE(m.locked());
  b = start("b", acquiring());
  iterate();
  b.cancel();
  ASSERT_TRUE(m.release().ok());  // ... but not b.
  EXPECT_TRUE(m.try_acquire());
}

TEST_F(MutexTest, ReleasingAFreeOneSaysWhichOne) {
  const absl::Status status = m.release();
  EXPECT_EQ(kind_of(status), error_kind::not_acquired);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("mutex db"));
}

TEST_F(MutexTest, ACancelledWaiterLeavesTheLine) {
  fill_line();
  b.cancel();
  ASSERT_TRUE(m.release().ok());
  iterate();
  ASSERT_TRUE(m.release().ok());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("b cancelled@1", "a ok@1", "c ok@2"));
}

// S133: woken and cancelled in one batch, in both orders.
TEST_F(MutexTest, ACancelledWaiterEatsNoWakeUp) {
  fill_line();
  ASSERT_TRUE(m.release().ok());
  a.cancel();
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("a cancelled@1", "b ok@2"));
  b = future<void>();
  count_from_here();
  c.cancel();
  ASSERT_TRUE(m.release().ok());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("c cancelled@1"));
  EXPECT_TRUE(m.try_acquire());
}

TEST_F(MutexTest, ATimeoutLosesThePlace) {
  ASSERT_TRUE(m.try_acquire());
  a = start("a",
            [this] { return with_timeout(m.acquire(), absl::Seconds(1)); });
  loop.call_later(absl::Seconds(2), [this] { loop.stop(); });
  ASSERT_TRUE(loop.run_forever().ok());
  EXPECT_THAT(seen, ElementsAre(HasSubstr("a timeout")));
  ASSERT_TRUE(m.release().ok());
  EXPECT_TRUE(m.try_acquire());
}

TEST_F(MutexTest, ItsWaitersSayWhatTheyWaitFor) {
  fill_line();
  const std::vector<task_info> tasks = loop.all_tasks();
  ASSERT_EQ(tasks.size(), 3u);
  EXPECT_EQ(tasks[0].name, "a");
  EXPECT_EQ(tasks[0].awaiting, "mutex db");
}

TEST_F(MutexTest, DestroyedItFailsItsWaiters) {
  std::optional<mutex> doomed(std::in_place, "short-lived");
  ASSERT_TRUE(doomed->try_acquire());
  a = start("a", [&] { return doomed->acquire(); });
  b = start("b", [&] { return doomed->acquire(); });
  iterate();
  ASSERT_TRUE(doomed->release().ok());  // a is woken, b waits.
  count_from_here();
  doomed.reset();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a destroyed@1", "b destroyed@1"));
  EXPECT_EQ(b.status().code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(b.status().message()),
              HasSubstr("mutex short-lived was destroyed"));
  EXPECT_THAT(std::string(a.status().message()), HasSubstr("short-lived"));
}

TEST_F(MutexTest, DestroyedItLeavesTheCancelledOnesCancelled) {
  std::optional<mutex> doomed(std::in_place);
  ASSERT_TRUE(doomed->try_acquire());
  a = start("a", [&] { return doomed->acquire(); });
  iterate();
  count_from_here();
  a.cancel();
  doomed.reset();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a cancelled@1"));
}

TEST_F(MutexTest, MovesUntilItIsUsed) {
  mutex moved(std::move(m));
  ASSERT_TRUE(moved.try_acquire());
  EXPECT_THAT(std::string(moved.release().message()), IsEmpty());
  EXPECT_THAT(std::string(moved.release().message()), HasSubstr("mutex db"));
}

TEST_F(MutexTest, MayOutliveItsLoop) {
  mutex longer;
  {
    virtual_clock inner_clock;
    event_loop inner(inner_clock);
    inner.set_error_handler([](const error_report&) {});
    ASSERT_TRUE(longer.try_acquire());
    future<void> f = inner.create_task(longer.acquire());
    inner.stop();
    ASSERT_TRUE(inner.run_forever().ok());
  }
  ASSERT_TRUE(longer.release().ok());
  EXPECT_TRUE(longer.try_acquire());
}

// -- hold() -------------------------------------------------------------------

TEST_F(MutexTest, AGuardReleases) {
  {
    const absl::StatusOr<held<mutex>> lock = loop.run_until_complete(m.hold());
    ASSERT_TRUE(lock.ok());
    EXPECT_TRUE(lock->holds());
    EXPECT_TRUE(m.locked());
  }
  EXPECT_FALSE(m.locked());
}

TEST_F(MutexTest, AGuardThatNobodyTakesReleases) {
  loop.create_task(m.hold()).cancel();
  { future<held<mutex>> dropped = loop.create_task(m.hold()); }
  iterate(2);
  EXPECT_FALSE(m.locked());
}

TEST_F(MutexTest, AGuardMoves) {
  ASSERT_TRUE(m.try_acquire());
  held<mutex> first(m);
  held<mutex> second(std::move(first));
  EXPECT_TRUE(second.holds());
  first = std::move(second);
  EXPECT_FALSE(second);
  EXPECT_TRUE(m.locked());
  first = held<mutex>();
  EXPECT_FALSE(m.locked());
  first.release();  // Again: nothing happens.
}

TEST_F(MutexTest, AssigningAGuardReleasesTheOldOne) {
  mutex other;
  ASSERT_TRUE(m.try_acquire());
  ASSERT_TRUE(other.try_acquire());
  held<mutex> guard(m);
  guard = held<mutex>(other);
  EXPECT_FALSE(m.locked());
  EXPECT_TRUE(other.locked());
}

TEST_F(MutexTest, AGuardMayOutliveItsMutex) {
  std::optional<mutex> doomed(std::in_place);
  ASSERT_TRUE(doomed->try_acquire());
  held<mutex> guard(*doomed);
  held<mutex> moved(std::move(guard));
  doomed.reset();
  EXPECT_FALSE(moved.holds());
  moved.release();
}

}  // namespace
}  // namespace ratchet
