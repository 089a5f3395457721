#include "ratchet/internal/inbox.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/internal/runnable.h"
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

std::vector<int> numbers(run_queue& queue) {
  std::vector<int> result;
  while (runnable* const r = queue.pop()) {
    result.push_back(static_cast<item*>(r)->number);
    r->drop_turn();
  }
  return result;
}
std::vector<int> taken_from(inbox& box) {
  run_queue queue;
  box.take(queue);
  return numbers(queue);
}
std::vector<int> left_in(inbox& box) {
  run_queue queue;
  box.close(queue);
  return numbers(queue);
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
  EXPECT_THAT(taken_from(box), ElementsAre(1, 2, 3));
  EXPECT_TRUE(box.empty());
  EXPECT_THAT(taken_from(box), IsEmpty());
}

TEST_F(InboxTest, WhatIsTakenComesBehindWhatIsInTheQueue) {
  inbox box;
  run_queue queue;
  for (int i = 1; i <= 2; ++i) ASSERT_TRUE(box.push(new item(0, i)));
  box.take(queue);
  ASSERT_TRUE(box.push(new item(0, 3)));
  box.take(queue);
  box.take(queue);
  for (int i = 4; i <= 5; ++i) ASSERT_TRUE(box.push(new item(0, i)));
  box.close(queue);
  queue.push(*new item(0, 6));
  EXPECT_THAT(numbers(queue), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(InboxTest, ClosedItRefusesAndGivesTheRest) {
  inbox box;
  ASSERT_TRUE(box.push(new item(0, 1)));
  EXPECT_THAT(left_in(box), ElementsAre(1));
  auto refused = std::make_unique<item>(0, 2);
  EXPECT_FALSE(box.push(refused.get()));
  EXPECT_THAT(left_in(box), IsEmpty());
}

TEST_F(InboxTest, DestroyedItDestroysTheRest) {
  inbox box;
  ASSERT_TRUE(box.push(new item(0, 1)));
}

TEST_F(InboxTest, APushBeforehandEndsTheNextWait) {
  inbox box;
  ASSERT_TRUE(box.push(new item(0, 1)));
  EXPECT_THAT(box.wait(-1), IsOk());
  taken_from(box);
}

TEST_F(InboxTest, APushEndsTheWait) {
  inbox box;
  box.add_remote();
  std::thread other([&] { ASSERT_TRUE(box.push(new item(0, 7))); });
  std::vector<int> got;
  while (got.empty()) {
    ASSERT_THAT(box.wait(-1), IsOk());
    got = taken_from(box);
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
    run_queue queue;
    box.take(queue);
    while (runnable* const r = queue.pop()) {
      const std::unique_ptr<item> got(static_cast<item*>(r));
      ASSERT_EQ(got->number, next[got->thread]++);
      ++count;
    }
  }
  for (std::thread& t : threads) t.join();
  EXPECT_TRUE(box.empty());
}

// What a callback may do that was just posted.
TEST_F(InboxTest, MayGoAsSoonAsTheElementIsInside) {
  for (int round = 0; round < 2000; ++round) {
    auto box = std::make_shared<inbox>();
    box->add_remote();
    auto to = std::make_unique<std::shared_ptr<inbox>>(box);
    std::thread other(
        [&] { ASSERT_TRUE(inbox::push(*to, new item(0, round))); });
    if (round % 2 == 0) std::this_thread::yield();
    run_queue queue;
    while (queue.empty()) {
      ASSERT_THAT(box->wait(-1), IsOk());
      box->take(queue);
    }
    to.reset();
    box.reset();
    EXPECT_THAT(numbers(queue), ElementsAre(round));
    other.join();
  }
}

TEST_F(InboxTest, AWaitThatEndedByItselfLeavesNobodyAsleep) {
  inbox box;
  EXPECT_THAT(box.wait(0), IsOk());
  EXPECT_TRUE(box.empty());
  ASSERT_TRUE(box.push(new item(0, 1)));
  ASSERT_TRUE(box.push(new item(0, 2)));
  EXPECT_THAT(taken_from(box), ElementsAre(1, 2));
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
    const size_t left = left_in(box).size();
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(static_cast<int>(left), taken_over);
  }
}

}  // namespace
}  // namespace ratchet::internal
