#include "ratchet/sync/condition.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/sync/mutex.h"
#include "ratchet/task.h"
#include "tests/sync/waiting.h"

namespace ratchet {
namespace {

using ::ratchet::test::sync_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Acquires, waits, releases.
class waits_once final : public task<void> {
 public:
  explicit waits_once(condition& c) : c_(c) {}
  step start() { return await<&waits_once::locked>(c_.acquire()); }

 private:
  step locked() { return await<&waits_once::notified>(c_.wait()); }
  step notified(absl::Status outcome) {
    if (kind_of(outcome) != error_kind::destroyed) {
      EXPECT_TRUE(c_.locked()) << outcome;
      c_.release().IgnoreError();
    }
    return done(std::move(outcome));
  }

  condition& c_;
};

class ConditionTest : public sync_test {
 protected:
  auto waiting_once() {
    return [this] { return waits_once(c); };
  }
  void fill_line() {
    for (future<void>* f : {&x, &y, &z}) {
      *f = start(std::string(1, name_++), waiting_once());
    }
    iterate();
    ASSERT_FALSE(c.locked());
    count_from_here();
  }
  void notify(size_t n) {
    ASSERT_TRUE(c.try_acquire());
    ASSERT_TRUE(c.notify(n).ok());
    ASSERT_TRUE(c.release().ok());
  }

  condition c{"changed"};
  future<void> x, y, z;
  char name_ = 'x';
};

TEST_F(ConditionTest, NotifiedOnesGoOnOneByOne) {
  fill_line();
  notify(2);
  iterate(4);
  // x finds the mutex free; y gets it when x has released it.
  EXPECT_THAT(taken(), ElementsAre("x ok@1", "y ok@1"));
  EXPECT_FALSE(z.done());
}

TEST_F(ConditionTest, TheyQueueUpForTheMutex) {
  fill_line();
  ASSERT_TRUE(c.try_acquire());
  ASSERT_TRUE(c.notify_all().ok());
  iterate(3);
  EXPECT_THAT(taken(), IsEmpty());
  ASSERT_TRUE(c.release().ok());
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("x ok@4", "y ok@5", "z ok@6"));
}

TEST_F(ConditionTest, NeedsTheMutex) {
  for (const absl::Status& status :
       {c.notify(), c.notify_all(), loop.run_until_complete(c.wait())}) {
    EXPECT_EQ(kind_of(status), error_kind::not_acquired);
    EXPECT_THAT(std::string(status.message()), HasSubstr("condition changed"));
  }
}

// S140: however long it takes.
TEST_F(ConditionTest, CancelledItAcquiresTheMutexFirst) {
  fill_line();
  ASSERT_TRUE(c.try_acquire());
  x.cancel();
  iterate(2);
  x.cancel();  // Remembered, too.
  iterate();
  EXPECT_THAT(taken(), IsEmpty());
  ASSERT_TRUE(c.release().ok());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("x cancelled@4"));
}

// S141.
TEST_F(ConditionTest, ANotificationOfACancelledOneIsPassedOn) {
  fill_line();
  notify(1);
  x.cancel();
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("x cancelled@1", "y ok@2"));
}

TEST_F(ConditionTest, WaitsForAPredicate) {
  int items = 0;
  ASSERT_TRUE(c.try_acquire());
  future<void> f =
      start("f", [&] { return c.wait([&items] { return items == 2; }); });
  iterate();
  count_from_here();
  for (items = 1; items <= 2; ++items) {
    notify(1);
    iterate();
    if (items == 2) break;
    EXPECT_THAT(taken(), IsEmpty());
  }
  EXPECT_THAT(taken(), ElementsAre("f ok@2"));
  EXPECT_TRUE(c.locked());
}

// S142: not even the mutex is asked.
TEST_F(ConditionTest, ATruePredicateAwaitsNothing) {
  EXPECT_TRUE(loop.run_until_complete(c.wait([] { return true; })).ok());
}

TEST_F(ConditionTest, SharesAMutex) {
  mutex m;
  condition not_empty(m), not_full(m);
  ASSERT_TRUE(not_empty.try_acquire());
  EXPECT_TRUE(m.locked());
  EXPECT_TRUE(not_full.locked());
  EXPECT_TRUE(not_full.notify().ok());
  EXPECT_TRUE(not_full.release().ok());
}

TEST_F(ConditionTest, MovesUntilItIsUsed) {
  condition moved(std::move(c));
  EXPECT_THAT(std::string(moved.notify().message()),
              HasSubstr("condition changed"));
  EXPECT_TRUE(moved.try_acquire());
  EXPECT_TRUE(moved.notify().ok());
  EXPECT_FALSE(moved.try_acquire());
}

TEST_F(ConditionTest, DestroyedItFailsItsWaiters) {
  std::optional<condition> doomed(std::in_place, "gone");
  x = start("x", [&] { return waits_once(*doomed); });
  y = start("y", [&] { return waits_once(*doomed); });
  iterate();
  count_from_here();
  ASSERT_TRUE(doomed->try_acquire());
  ASSERT_TRUE(doomed->notify().ok());
  iterate();  // x waits for the mutex now.
  doomed.reset();
  iterate();
  EXPECT_THAT(taken(), ::testing::UnorderedElementsAre("x destroyed@2",
                                                       "y destroyed@2"));
  EXPECT_THAT(std::string(x.status().message()),
              HasSubstr("mutex of condition gone"));
  EXPECT_THAT(std::string(y.status().message()), HasSubstr("condition gone"));
}

// The mutex lives on, and the notified task gets it.
TEST_F(ConditionTest, DestroyedBeforeItsMutex) {
  mutex m;
  std::optional<condition> doomed(std::in_place, m);
  ASSERT_TRUE(m.try_acquire());
  x = start("x", [&] { return doomed->wait(); });
  iterate();
  ASSERT_TRUE(m.try_acquire());
  ASSERT_TRUE(doomed->notify().ok());
  iterate();
  count_from_here();
  doomed.reset();
  ASSERT_TRUE(m.release().ok());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("x destroyed@1"));
}

}  // namespace
}  // namespace ratchet
