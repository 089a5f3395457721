// Random tasks that use the primitives and are cancelled at random: nothing is
// held twice, nothing is lost, and nobody is forgotten.

#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/sync.h"
#include "ratchet/task.h"
#include "ratchet/when_all.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::loop_test;

class RandomTest : public loop_test,
                   public ::testing::WithParamInterface<uint32_t> {
 protected:
  RandomTest() : random(GetParam()) {}

  int up_to(int n) { return std::uniform_int_distribution<int>(0, n)(random); }
  absl::Duration some_time() { return absl::Milliseconds(up_to(3)); }

  // Cancels some of `tasks` at some times, then waits for the rest.
  template <class T>
  void cancel_some(std::vector<shared_future<T>> tasks) {
    for (int i = 0; i < 40; ++i) {
      loop.call_later(absl::Milliseconds(up_to(60)), [this, tasks] {
        const auto n = static_cast<int>(tasks.size()) - 1;
        auto victim = tasks[static_cast<size_t>(up_to(n))];
        victim.cancel();
      });
    }
    const auto all = loop.run_until_complete(when_all_settled(tasks));
    ASSERT_TRUE(all.ok()) << all.status();  // No deadlock.
  }

  std::mt19937 random;
};

// What a lock of `units` units lets in.
template <class Lock>
class user final : public task<void> {
 public:
  user(Lock& lock, int& inside, int units, int rounds, std::mt19937& random)
      : lock_(lock),
        inside_(inside),
        units_(units),
        rounds_(rounds),
        random_(random) {}

  step start() {
    if (rounds_-- == 0) return done();
    return await<&user::entered>(lock_.acquire());
  }

 private:
  step entered() {
    ++inside_;
    EXPECT_LE(inside_, units_);
    return sleep_for<&user::leaves>(absl::Milliseconds(random_() % 3));
  }
  step leaves(absl::Status status) {
    --inside_;
    static_cast<void>(lock_.release());
    if (!status.ok()) return fail(std::move(status));
    return start();
  }

  Lock& lock_;
  int& inside_;
  const int units_;
  int rounds_;
  std::mt19937& random_;
};

template <class Lock>
std::vector<shared_future<void>> users(Lock& lock, int& inside, int units,
                                       std::mt19937& random) {
  std::vector<shared_future<void>> tasks;
  for (int i = 0; i < 20; ++i) {
    tasks.push_back(
        create_task(user<Lock>(lock, inside, units, 5, random)).share());
  }
  return tasks;
}

TEST_P(RandomTest, AMutexLetsOneIn) {
  mutex m;
  int inside = 0;
  cancel_some(users(m, inside, 1, random));
  EXPECT_EQ(inside, 0);
  EXPECT_TRUE(m.try_acquire());
}

TEST_P(RandomTest, ASemaphoreKeepsItsUnits) {
  bounded_semaphore s(3);
  int inside = 0;
  cancel_some(users(s, inside, 3, random));
  EXPECT_EQ(inside, 0);
  EXPECT_EQ(s.available(), 3u);
}

// Puts numbers; those that were put are noted.
class producer final : public task<void> {
 public:
  producer(queue<int>& q, std::multiset<int>& put, int first)
      : q_(q), put_(put), next_(first), end_(first + 20) {}
  step start() {
    if (next_ == end_) return done();
    return await<&producer::was_put>(q_.put(next_));
  }

 private:
  step was_put() {
    put_.insert(next_++);
    return start();
  }

  queue<int>& q_;
  std::multiset<int>& put_;
  int next_;
  const int end_;
};

class consumer final : public task<void> {
 public:
  consumer(queue<int>& q, std::multiset<int>& got, std::mt19937& random)
      : q_(q), got_(got), random_(random) {}
  step start() { return await<&consumer::work>(q_.get()); }

 private:
  step work(absl::StatusOr<int> item) {
    if (!item.ok()) {
      const bool end = kind_of(item.status()) == error_kind::queue_shut_down;
      return end ? done() : fail(item.status());
    }
    got_.insert(*item);
    EXPECT_TRUE(q_.task_done().ok());
    return sleep_for<&consumer::start>(absl::Milliseconds(random_() % 2));
  }

  queue<int>& q_;
  std::multiset<int>& got_;
  std::mt19937& random_;
};

TEST_P(RandomTest, AQueueLosesNothing) {
  queue<int> q(static_cast<size_t>(up_to(4)));
  std::multiset<int> put, got;
  std::vector<shared_future<void>> tasks;
  for (int i = 0; i < 8; ++i) {
    tasks.push_back(create_task(producer(q, put, i * 100)).share());
    tasks.push_back(create_task(consumer(q, got, random)).share());
  }
  // One consumer is never cancelled, so that all ends.
  auto last = create_task(consumer(q, got, random)).share();
  loop.call_later(absl::Seconds(1), [&q] { q.shutdown(); });
  cancel_some(tasks);
  ASSERT_TRUE(loop.run_until_complete(last).ok());
  EXPECT_EQ(put, got);
  EXPECT_EQ(q.unfinished(), 0u);
  EXPECT_TRUE(q.empty());
}

// Each waits for a number that grows; whoever makes it grow notifies.
TEST_P(RandomTest, AConditionForgetsNobody) {
  condition changed;
  int level = 0;
  std::vector<shared_future<void>> tasks;
  class waits final : public task<void> {
   public:
    waits(condition& c, int& level, int wanted)
        : c_(c), level_(level), wanted_(wanted) {}
    step start() { return await<&waits::locked>(c_.acquire()); }

   private:
    step locked() {
      return await<&waits::reached>(
          c_.wait([this] { return level_ >= wanted_; }));
    }
    step reached(absl::Status status) {
      EXPECT_TRUE(c_.locked());
      EXPECT_TRUE(c_.release().ok());
      return done(std::move(status));
    }
    condition& c_;
    int& level_;
    const int wanted_;
  };
  for (int i = 0; i < 20; ++i) {
    tasks.push_back(create_task(waits(changed, level, up_to(50))).share());
  }
  for (int i = 0; i <= 50; ++i) {
    loop.call_later(absl::Milliseconds(i), [&] {
      ++level;
      // Free at this time: those who have it never sleep.
      ASSERT_TRUE(changed.try_acquire());
      ASSERT_TRUE(changed.notify_all().ok());
      ASSERT_TRUE(changed.release().ok());
    });
  }
  cancel_some(tasks);
  EXPECT_TRUE(changed.try_acquire());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTest, ::testing::Range(1u, 26u));

}  // namespace
}  // namespace ratchet
