#include "ratchet/internal/runnable.h"

#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "absl/algorithm/container.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ratchet::internal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class node final : public runnable {
 public:
  explicit node(int id) : id_(id) {}
  void take_turn() override {}
  void drop_turn() override {}
  int id() const { return id_; }

 private:
  int id_;
};

int id_of(runnable* r) { return static_cast<node*>(r)->id(); }

std::vector<int> drain(run_queue& queue) {
  std::vector<int> ids;
  while (runnable* const r = queue.pop()) ids.push_back(id_of(r));
  return ids;
}

std::vector<int> drain(waiter_list& list) {
  std::vector<int> ids;
  while (runnable* const w = list.pop()) ids.push_back(id_of(w));
  return ids;
}

TEST(RunQueueTest, IsEmptyAtFirstAndAfterTheLastOne) {
  run_queue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.pop(), nullptr);
  node a(1);
  queue.push(a);
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.pop(), &a);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.pop(), nullptr);
}

TEST(RunQueueTest, IsFirstInFirstOut) {
  run_queue queue;
  node a(1), b(2), c(3);
  queue.push(a);
  queue.push(b);
  EXPECT_EQ(queue.pop(), &a);
  queue.push(c);
  queue.push(a);
  EXPECT_THAT(drain(queue), ElementsAre(2, 3, 1));
}

TEST(RunQueueTest, AppendsAnotherQueueAndEmptiesIt) {
  run_queue queue, other;
  node a(1), b(2), c(3), d(4);
  other.push(a);
  other.push(b);
  queue.append(other);  // To an empty one.
  EXPECT_TRUE(other.empty());
  other.push(c);
  queue.append(other);
  queue.append(other);  // Nothing.
  other.push(d);        // It works on.
  EXPECT_THAT(drain(queue), ElementsAre(1, 2, 3));
  EXPECT_THAT(drain(other), ElementsAre(4));
}

TEST(RunQueueTest, AppendsTheWaitersOfAFuture) {
  run_queue queue;
  waiter_list list;
  node a(1), b(2), c(3), d(4);
  queue.push(a);
  list.push(b);
  list.push(c);
  queue.append(list);
  queue.push(d);
  EXPECT_THAT(drain(queue), ElementsAre(1, 2, 3, 4));
}

TEST(WaiterListTest, KeepsTheOrderOfArrival) {
  waiter_list list;
  node a(1), b(2), c(3);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.pop(), nullptr);
  list.push(a);
  list.push(b);
  list.push(c);
  EXPECT_THAT(drain(list), ElementsAre(1, 2, 3));
}

TEST(WaiterListTest, RemovesTheFirstTheMiddleAndTheLast) {
  node a(1), b(2), c(3), d(4);
  for (node* const gone : {&a, &b, &c}) {
    waiter_list list;
    std::vector<int> expected;
    for (node* const n : {&a, &b, &c}) {
      list.push(*n);
      if (n != gone) expected.push_back(n->id());
    }
    list.remove(*gone);
    list.push(d);
    expected.push_back(4);
    EXPECT_EQ(drain(list), expected) << "removed " << gone->id();
  }
  waiter_list one;
  one.push(a);
  one.remove(a);
  EXPECT_TRUE(one.empty());
  one.push(b);
  EXPECT_THAT(drain(one), ElementsAre(2));
}

TEST(WaiterListTest, BehavesLikeADeque) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    waiter_list list;
    run_queue queue;
    std::deque<node> nodes;  // Stays in place.
    std::deque<node*> model, queued;
    for (int i = 0; i < 2000; ++i) {
      switch (random() % 8) {
        case 0:
        case 1:
        case 2:
        case 3:
          nodes.emplace_back(i);
          list.push(nodes.back());
          model.push_back(&nodes.back());
          break;
        case 4:
        case 5:
          if (!model.empty()) {
            const size_t at = random() % model.size();
            list.remove(*model[at]);
            model.erase(model.begin() + static_cast<std::ptrdiff_t>(at));
          }
          break;
        case 6:
          if (random() % 10 != 0 || list.empty()) break;
          queue.append(list);
          list = waiter_list();  // Append leaves it as it was.
          absl::c_copy(model, std::back_inserter(queued));
          model.clear();
          break;
        case 7:
          if (queued.empty()) {
            ASSERT_EQ(queue.pop(), nullptr);
          } else {
            ASSERT_EQ(queue.pop(), queued.front());
            queued.pop_front();
          }
          break;
      }
      ASSERT_EQ(list.empty(), model.empty());
    }
    for (node* const n : model) ASSERT_EQ(list.pop(), n);
    EXPECT_THAT(drain(list), IsEmpty());
  }
}

}  // namespace
}  // namespace ratchet::internal
