#include "ratchet/sync/semaphore.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "tests/sync/waiting.h"

namespace ratchet {
namespace {

using ::ratchet::test::sync_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SemaphoreTest : public sync_test {
 protected:
  SemaphoreTest() { count_from_here(); }
  auto acquiring() {
    return [this] { return s.acquire(); };
  }
  void fill_line() {
    a = start("a", acquiring());
    b = start("b", acquiring());
    c = start("c", acquiring());
    d = start("d", acquiring());
    iterate();
    ASSERT_THAT(taken(), ElementsAre("a ok@1", "b ok@1"));
    count_from_here();
  }

  semaphore s{2, "slots"};
  future<void> a, b, c, d;
};

TEST_F(SemaphoreTest, GivesWhatThereIs) {
  fill_line();
  EXPECT_TRUE(s.locked());
  EXPECT_EQ(s.available(), 0u);
  EXPECT_FALSE(s.try_acquire());
}

// S145: the unit is reserved.
TEST_F(SemaphoreTest, ReleaseHandsOver) {
  fill_line();
  s.release();
  EXPECT_EQ(s.available(), 0u);
  EXPECT_FALSE(s.try_acquire());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("c ok@1"));
}

TEST_F(SemaphoreTest, SeveralUnitsInOneBatch) {
  fill_line();
  s.release();
  s.release();
  s.release();
  EXPECT_EQ(s.available(), 1u);
  EXPECT_FALSE(s.try_acquire()) << "c and d have not taken theirs";
  iterate();
  EXPECT_THAT(taken(), ElementsAre("c ok@1", "d ok@1"));
  EXPECT_TRUE(s.try_acquire());
}

// S147.
TEST_F(SemaphoreTest, ACancelledWaiterGivesItsUnitOn) {
  fill_line();
  s.release();
  c.cancel();  // Woken already.
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("c cancelled@1", "d ok@2"));
}

TEST_F(SemaphoreTest, ACancelledWaiterGivesItsUnitBack) {
  fill_line();
  d.cancel();
  s.release();
  c.cancel();
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("d cancelled@1", "c cancelled@1"));
  EXPECT_EQ(s.available(), 1u);
  EXPECT_FALSE(s.locked());
}

TEST_F(SemaphoreTest, GrowsWhenReleasedTooOften) {
  s.release();
  EXPECT_EQ(s.available(), 3u);
}

TEST_F(SemaphoreTest, ABoundedOneRefuses) {
  bounded_semaphore bounded(1, "one");
  const absl::Status refused = bounded.release();
  EXPECT_EQ(kind_of(refused), error_kind::over_release);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("bounded_semaphore one"));
  EXPECT_EQ(bounded.available(), 1u);
  ASSERT_TRUE(bounded.try_acquire());
  EXPECT_TRUE(bounded.locked());
  EXPECT_TRUE(bounded.release().ok());
}

TEST_F(SemaphoreTest, GuardsReleaseUnits) {
  bounded_semaphore bounded(1);
  {
    const auto unit = loop.run_until_complete(bounded.hold());
    ASSERT_TRUE(unit.ok());
    EXPECT_EQ(bounded.available(), 0u);
    const auto other = loop.run_until_complete(s.hold());
    ASSERT_TRUE(other.ok());
    EXPECT_EQ(s.available(), 1u);
  }
  EXPECT_EQ(bounded.available(), 1u);
  EXPECT_EQ(s.available(), 2u);
}

TEST_F(SemaphoreTest, DestroyedItFailsItsWaiters) {
  std::optional<semaphore> doomed(std::in_place, 0, "gone");
  a = start("a", [&] { return doomed->acquire(); });
  b = start("b", [&] { return doomed->acquire(); });
  iterate();
  count_from_here();
  doomed->release();
  doomed.reset();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a destroyed@1", "b destroyed@1"));
  EXPECT_THAT(std::string(b.status().message()), HasSubstr("semaphore gone"));
}

TEST_F(SemaphoreTest, ALongLineIsServedInLinearTime) {
  semaphore many(0);
  std::vector<future<void>> all;
  constexpr int kTasks = 20000;
  int served = 0;
  for (int i = 0; i < kTasks; ++i) {
    all.push_back(loop.create_task(many.acquire()));
    all.back().add_done_callback([&served] { ++served; });
  }
  iterate();
  // Every other one goes; the rest is woken at once.
  for (int i = 0; i < kTasks; i += 2) all[static_cast<size_t>(i)].cancel();
  for (int i = 0; i < kTasks; ++i) many.release();
  iterate(3);
  EXPECT_EQ(served, kTasks);
  EXPECT_EQ(many.available(), static_cast<size_t>(kTasks / 2));
}

}  // namespace
}  // namespace ratchet
