#include "ratchet/sync/queue.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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

class QueueTest : public sync_test {
 protected:
  QueueTest() { count_from_here(); }
  auto getting() {
    return [this] { return q.get(); };
  }
  auto putting(int item) {
    return [this, item] { return q.put(item); };
  }

  queue<int> q{2, "jobs"};
  future<void> a, b, c;
};

TEST_F(QueueTest, FirstInFirstOut) {
  a = start("a", putting(1));
  b = start("b", putting(2));
  c = start("c", getting());
  future<void> d = start("d", getting());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a ok@1", "b ok@1", "c 1@1", "d 2@1"));
}

TEST_F(QueueTest, AGetterWaitsForAnItem) {
  a = start("a", getting());
  b = start("b", getting());
  iterate();
  ASSERT_TRUE(q.put_nowait(7).ok());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a 7@2"));
}

TEST_F(QueueTest, APutterWaitsForAPlace) {
  for (int i : {1, 2}) ASSERT_TRUE(q.put_nowait(i).ok());
  EXPECT_TRUE(q.full());
  a = start("a", putting(3));
  iterate();
  EXPECT_EQ(*q.get_nowait(), 1);
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a ok@2"));
  EXPECT_EQ(q.size(), 2u);
}

// S156: whoever comes first takes it; a goes to the end of the line.
TEST_F(QueueTest, AWakeUpReservesNothing) {
  a = start("a", getting());
  b = start("b", getting());
  iterate();
  ASSERT_TRUE(q.put_nowait(7).ok());
  EXPECT_EQ(*q.get_nowait(), 7);
  iterate();
  ASSERT_TRUE(q.put_nowait(8).ok());
  ASSERT_TRUE(q.put_nowait(9).ok());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("b 8@3", "a 9@3"));
}

TEST_F(QueueTest, TheNowaitFormsFailAndKeepTheItem) {
  queue<std::unique_ptr<int>> boxes(1, "boxes");
  EXPECT_EQ(kind_of(boxes.get_nowait().status()), error_kind::queue_empty);
  EXPECT_EQ(boxes.get_nowait().status().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(boxes.put_nowait(std::make_unique<int>(1)).ok());
  auto two = std::make_unique<int>(2);
  const absl::Status full = boxes.put_nowait(std::move(two));
  EXPECT_EQ(kind_of(full), error_kind::queue_full);
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.message()), HasSubstr("queue boxes"));
  ASSERT_NE(two, nullptr);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(**boxes.get_nowait(), 1);
}

// S158.
TEST_F(QueueTest, ACancelledGetterLosesNoItem) {
  a = start("a", getting());
  b = start("b", getting());
  iterate();
  ASSERT_TRUE(q.put_nowait(7).ok());  // Wakes a.
  a.cancel();
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("a cancelled@2", "b 7@3"));
}

TEST_F(QueueTest, ACancelledPutterLosesNoPlace) {
  for (int i : {1, 2}) ASSERT_TRUE(q.put_nowait(i).ok());
  a = start("a", putting(3));
  b = start("b", putting(4));
  iterate();
  EXPECT_EQ(*q.get_nowait(), 1);  // Wakes a.
  a.cancel();
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("a cancelled@2", "b ok@3"));
  EXPECT_EQ(*q.get_nowait(), 2);
  EXPECT_EQ(*q.get_nowait(), 4);
}

TEST_F(QueueTest, JoinWaitsForWhatIsUnfinished) {
  a = start("a", [this] { return q.join(); });
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a ok@1"));
  ASSERT_TRUE(q.put_nowait(1).ok());
  b = start("b", [this] { return q.join(); });
  iterate();
  ASSERT_TRUE(q.get_nowait().ok());
  EXPECT_EQ(q.unfinished(), 1u);
  ASSERT_TRUE(q.task_done().ok());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("b ok@3"));
  const absl::Status once_more = q.task_done();
  EXPECT_EQ(kind_of(once_more), error_kind::over_done);
  EXPECT_THAT(std::string(once_more.message()), HasSubstr("queue jobs"));
}

// S171 to S173.
TEST_F(QueueTest, ShutDownItGivesWhatItHas) {
  ASSERT_TRUE(q.put_nowait(1).ok());
  q.shutdown();
  q.shutdown();
  EXPECT_TRUE(q.is_shut_down());
  EXPECT_EQ(kind_of(q.put_nowait(2)), error_kind::queue_shut_down);
  a = start("a", putting(2));
  b = start("b", getting());
  c = start("c", getting());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a queue_shut_down@1", "b 1@1",
                                   "c queue_shut_down@1"));
  EXPECT_EQ(kind_of(q.get_nowait().status()), error_kind::queue_shut_down);
}

TEST_F(QueueTest, ShuttingDownWakesEverybody) {
  queue<int> empty(1), full(1);
  ASSERT_TRUE(full.put_nowait(1).ok());
  a = start("a", [&] { return empty.get(); });
  b = start("b", [&] { return full.put(2); });
  iterate();
  empty.shutdown();
  full.shutdown();
  iterate();
  EXPECT_THAT(taken(),
              ElementsAre("a queue_shut_down@2", "b queue_shut_down@2"));
}

// S174.
TEST_F(QueueTest, ImmediateShutdownDropsTheItems) {
  struct tell {
    std::function<void()> f;
    ~tell() {
      if (f) f();
    }
  };
  queue<std::unique_ptr<tell>> things;
  int dropped = 0;
  for (int i = 0; i < 3; ++i) {
    auto t = std::make_unique<tell>();
    t->f = [&] {
      ++dropped;
      EXPECT_TRUE(things.empty());
      EXPECT_TRUE(things.is_shut_down());
    };
    ASSERT_TRUE(things.put_nowait(std::move(t)).ok());
  }
  a = start("a", [&] { return things.join(); });
  iterate();
  things.shutdown(true);
  EXPECT_EQ(dropped, 3);
  EXPECT_EQ(things.unfinished(), 0u);
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a ok@2"));
}

TEST_F(QueueTest, ThePrioritizedOneGivesTheSmallest) {
  priority_queue<int> p;
  for (int i : {5, 1, 4, 2, 3}) ASSERT_TRUE(p.put_nowait(i).ok());
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(*p.get_nowait(), i);
  priority_queue<std::string, std::greater<>> largest;
  for (const char* s : {"b", "c", "a"}) ASSERT_TRUE(largest.put_nowait(s).ok());
  EXPECT_EQ(*largest.get_nowait(), "c");
}

TEST_F(QueueTest, TheStackGivesTheLast) {
  lifo_queue<int> s;
  for (int i : {1, 2, 3}) ASSERT_TRUE(s.put_nowait(i).ok());
  EXPECT_EQ(*s.get_nowait(), 3);
  EXPECT_EQ(*s.get_nowait(), 2);
}

TEST_F(QueueTest, DestroyedItFailsItsWaiters) {
  std::optional<queue<int>> doomed(std::in_place, 1, "gone");
  ASSERT_TRUE(doomed->put_nowait(1).ok());
  a = start("a", [&] { return doomed->put(2); });
  b = start("b", [&] { return doomed->join(); });
  iterate();
  count_from_here();
  ASSERT_TRUE(doomed->get_nowait().ok());  // Wakes a.
  doomed.reset();
  iterate();
  EXPECT_THAT(taken(), ::testing::UnorderedElementsAre("a destroyed@1",
                                                       "b destroyed@1"));
  EXPECT_THAT(std::string(b.status().message()), HasSubstr("queue gone"));
}

TEST_F(QueueTest, MovesUntilItIsUsed) {
  ASSERT_TRUE(q.put_nowait(1).ok());
  queue<int> moved(std::move(q));
  EXPECT_EQ(moved.size(), 1u);
  EXPECT_EQ(*moved.get_nowait(), 1);
}

}  // namespace
}  // namespace ratchet
