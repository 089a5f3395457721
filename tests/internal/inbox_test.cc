#include "ratchet/internal/inbox.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace ratchet::internal {
namespace {

using ::ratchet::test::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::atomic<int> alive{0};

class item final : public posted {
 public:
  item(int from, int n) : thread(from), number(n) { ++alive; }
  ~item() override { --alive; }
  void take_turn() override { delete this; }
  void drop_turn() override { delete this; }

  const int thread, number;
};

std::vector<int> numbers(inbox::batch batch) {
  std::vector<int> result;
  while (posted* const p = batch.pop()) {
    result.push_back(static_cast<item*>(p)->number);
    p->drop_turn();
  }
  return result;
}

class InboxTest : public ::testing::Test {
 protected:
  ~InboxTest() override { EXPECT_EQ(alive, 0); }
};

TEST_F(InboxTest, GivesWhatWasPushedInOrder) {
  inbox box;
  EXPECT_TRUE(box.empty());
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(box.push(new item(0, i)));
  EXPECT_FALSE(box.empty());
  EXPECT_THAT(numbers(box.take()), ElementsAre(1, 2, 3));
  EXPECT_TRUE(box.empty());
  EXPECT_THAT(numbers(box.take()), IsEmpty());
}

TEST_F(InboxTest, ABatchOwnsWhatIsLeftInIt) {
  inbox box;
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(box.push(new item(0, i)));
  inbox::batch batch = box.take();
  batch.pop()->drop_turn();
  inbox::batch moved = std::move(batch);
  moved.pop()->drop_turn();
  EXPECT_EQ(alive, 1);
}

TEST_F(InboxTest, ClosedItRefusesAndGivesTheRest) {
  inbox box;
  ASSERT_TRUE(box.push(new item(0, 1)));
  EXPECT_THAT(numbers(box.close()), ElementsAre(1));
  auto refused = std::make_unique<item>(0, 2);
  EXPECT_FALSE(box.push(refused.get()));
  EXPECT_THAT(numbers(box.close()), IsEmpty());
}

TEST_F(InboxTest, DestroyedItDestroysTheRest) {
  inbox box;
  ASSERT_TRUE(box.push(new item(0, 1)));
}

TEST_F(InboxTest, APushBeforehandEndsTheNextWait) {
  inbox box;
  ASSERT_TRUE(box.push(new item(0, 1)));
  EXPECT_THAT(box.wait(-1), IsOk());
  numbers(box.take());
}

TEST_F(InboxTest, APushEndsTheWait) {
  inbox box;
  box.add_remote();
  std::thread other([&] { ASSERT_TRUE(box.push(new item(0, 7))); });
  std::vector<int> got;
  while (got.empty()) {
    ASSERT_THAT(box.wait(-1), IsOk());
    got = numbers(box.take());
  }
  EXPECT_THAT(got, ElementsAre(7));
  other.join();
  box.remove_remote();
}

TEST_F(InboxTest, TheLastRemoteToGoEndsTheWait) {
  inbox box;
  box.add_remote();
  box.add_remote();
  EXPECT_TRUE(box.has_remotes());
  std::thread other([&] {
    box.remove_remote();
    box.remove_remote();
  });
  while (box.has_remotes()) ASSERT_THAT(box.wait(-1), IsOk());
  other.join();
}

// The last remote goes between the loop's look at has_remotes() and its wait:
// nobody is left who could end that.
TEST_F(InboxTest, ALastRemoteThatIsGoneAlreadyEndsTheWait) {
  inbox box;
  box.add_remote();
  EXPECT_TRUE(box.has_remotes());
  box.remove_remote();
  EXPECT_THAT(box.wait(-1), IsOk());
}

TEST_F(InboxTest, NothingIsLostAndEachThreadsOrderIsKept) {
  constexpr int kThreads = 4, kEach = 20000;
  inbox box;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    box.add_remote();
    threads.emplace_back([&box, t] {
      for (int i = 0; i < kEach; ++i) {
        ASSERT_TRUE(box.push(new item(t, i)));
      }
      box.remove_remote();
    });
  }
  int next[kThreads] = {};
  int count = 0;
  while (count < kThreads * kEach) {
    ASSERT_THAT(box.wait(-1), IsOk());
    inbox::batch batch = box.take();
    while (posted* const p = batch.pop()) {
      const std::unique_ptr<item> got(static_cast<item*>(p));
      ASSERT_EQ(got->number, next[got->thread]++);
      ++count;
    }
  }
  for (std::thread& t : threads) t.join();
  EXPECT_TRUE(box.empty());
}

TEST_F(InboxTest, ClosingWhileThreadsPushLosesNothing) {
  constexpr int kThreads = 4;
  for (int round = 0; round < 50; ++round) {
    inbox box;
    std::atomic<int> taken_over{0};
    std::atomic<int> begun{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        ++begun;
        for (int i = 0;; ++i) {
          auto p = std::make_unique<item>(t, i);
          if (!box.push(p.get())) return;  // From now on all are refused.
          p.release();
          ++taken_over;
        }
      });
    }
    while (begun < kThreads) std::this_thread::yield();
    const size_t left = numbers(box.close()).size();
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(static_cast<int>(left), taken_over);
  }
}

}  // namespace
}  // namespace ratchet::internal
