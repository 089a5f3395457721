// What the combinators allocate, and that they leave nothing behind.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/as_completed.h"
#include "ratchet/internal/slab.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/shield.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "ratchet/wait.h"
#include "ratchet/when_all.h"
#include "ratchet/when_any.h"
#include "tests/support/allocations.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/sanitizers.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::allocation_count;
using test::IsOk;
using test::IsOkAndHolds;

constexpr int kRaces = test::kSanitized ? 100000 : 1000000;
constexpr int kRounds = 10000;

class CombinatorMemoryTest : public test::loop_test {
 protected:
  struct cost {
    uint64_t blocks;  // Of the slab.
    uint64_t heap;    // Calls of operator new, pages of the slab among them.
  };

  std::vector<future<int>> pending(size_t n) {
    promises_.clear();
    promises_.resize(n);
    std::vector<future<int>> futures;
    futures.reserve(n);
    for (auto& p : promises_) futures.push_back(p.get_future());
    return futures;
  }
  void complete() {
    for (auto& p : promises_) p.set_value(1).IgnoreError();  // gMock allocates.
  }
  uint64_t live() { return internal::slab_stats().live; }

  // What `make` of n futures costs until it is done, with the slab warm.
  template <class F>
  cost of(size_t n, F make) {
    cost result{};
    for (int warm_up = 0; warm_up < 2; ++warm_up) {
      auto futures = pending(n);
      const allocation_count count;
      auto outer = make(std::move(futures));
      complete();
      iterate();
      EXPECT_TRUE(outer.done());
      result = {count.blocks(), count.from_heap()};
      EXPECT_THAT(loop.run_until_complete(std::move(outer)), IsOk());
    }
    return result;
  }

  // Runs `f` many times against one long-lived future: nothing may be left.
  template <class F>
  void expect_flat(int rounds, F f) {
    promise<int> long_lived;
    const shared_future<int> child = long_lived.get_future();
    for (int i = 0; i < 3; ++i) f(child);
    const uint64_t before = live();
    const allocation_count first;
    f(child);
    const uint64_t per_round = first.blocks();
    const uint64_t heap_per_round = first.from_heap();
    const allocation_count count;
    for (int i = 0; i < rounds; ++i) f(child);
    EXPECT_EQ(live(), before);
    EXPECT_EQ(count.blocks(), static_cast<uint64_t>(rounds) * per_round);
    EXPECT_LE(count.from_heap(),
              static_cast<uint64_t>(rounds) * heap_per_round);
    EXPECT_FALSE(child.done());
    // Had anything been left on it, this would run it.
    const uint64_t began = loop.iteration();
    EXPECT_THAT(long_lived.set_value(1), IsOk());
    run_until_idle();
    EXPECT_EQ(loop.iteration(), began + 1);  // Nothing was queued.
  }

  std::vector<promise<int>> promises_;
};

TEST_F(CombinatorMemoryTest, AWhenAllIsTwoBlocksAndItsResults) {
  const auto make = [](std::vector<future<int>> futures) {
    return when_all(std::move(futures));
  };
  const cost few = of(10, make);
  const cost many = of(1000, make);
  EXPECT_EQ(few.blocks, 1u);  // From the slab, where the block is small.
  EXPECT_EQ(many.blocks, 1u);
  EXPECT_EQ(many.heap, few.heap);
  EXPECT_LE(many.heap, 3u);  // Its children, the results, asan's block.
}

TEST_F(CombinatorMemoryTest, AWhenAllSettledIsNoMore) {
  const auto make = [](std::vector<future<int>> futures) {
    return when_all_settled(std::move(futures));
  };
  EXPECT_EQ(of(10, make).heap, of(1000, make).heap);
  EXPECT_EQ(of(1000, make).blocks, 1u);
}

TEST_F(CombinatorMemoryTest, AWhenAnyIsTwoBlocks) {
  const auto make = [](std::vector<future<int>> futures) {
    return when_any(std::move(futures));
  };
  const cost few = of(10, make);
  const cost many = of(1000, make);
  EXPECT_EQ(many.blocks, 1u);
  EXPECT_EQ(many.heap, few.heap);
  EXPECT_LE(many.heap, 2u);
}

TEST_F(CombinatorMemoryTest, AShieldIsOneBlock) {
  const auto make = [](std::vector<future<int>> futures) {
    return shield(std::move(futures[0]));
  };
  EXPECT_EQ(of(1, make).blocks, 1u);
}

// Takes all that a stream gives.
class taking_all final : public task<int> {
 public:
  explicit taking_all(std::vector<future<int>> futures)
      : stream_(as_completed(std::move(futures))) {}
  step start() {
    return stream_.empty() ? done(sum_)
                           : await<&taking_all::one>(stream_.next());
  }

 private:
  step one(const completed<int>& c) {
    sum_ += *c.result;
    return start();
  }

  completions<future<int>> stream_;
  int sum_ = 0;
};

TEST_F(CombinatorMemoryTest, AStreamIsTwoBlocksHoweverManyItGives) {
  const auto make = [](std::vector<future<int>> futures) {
    return create_task(taking_all(std::move(futures)));
  };
  for (const size_t n : {10u, 1000u}) {
    SCOPED_TRACE(n);
    cost result{};
    for (int warm_up = 0; warm_up < 2; ++warm_up) {
      auto futures = pending(n);
      const allocation_count count;
      auto sum = make(std::move(futures));
      complete();
      const auto total = loop.run_until_complete(std::move(sum));
      result = {count.blocks(), count.from_heap()};
      ASSERT_THAT(total, IsOkAndHolds(static_cast<int>(n)));
    }
    EXPECT_EQ(result.blocks, 3u);  // The task, the stream, and the run's end.
    EXPECT_LE(result.heap, 3u);    // What it watches, asan's blocks.
  }
}

TEST_F(CombinatorMemoryTest, ForEachIsABlockMore) {
  for (int warm_up = 0; warm_up < 2; ++warm_up) {
    auto futures = pending(1000);
    int sum = 0;
    const allocation_count count;
    auto all = create_task(
        as_completed(std::move(futures)).for_each([&](const completed<int>& c) {
          sum += *c.result;
        }));
    for (auto& p : promises_) {
      p.set_value(1).IgnoreError();
      iterate(2);
    }
    const uint64_t blocks = count.blocks();
    EXPECT_TRUE(all.done());
    EXPECT_EQ(sum, 1000);
    EXPECT_EQ(blocks, 2u);  // The task, which it is, and the stream.
  }
}

TEST_F(CombinatorMemoryTest, WaitingForAStreamAllocatesNothing) {
  auto sum = create_task(taking_all(pending(1000)));
  iterate(2);
  const allocation_count count;
  for (auto& p : promises_) {
    p.set_value(1).IgnoreError();
    iterate(2);  // Its callback, then the task, which waits again.
  }
  EXPECT_EQ(count.blocks(), 0u);
  EXPECT_EQ(count.from_heap(), 0u);
  EXPECT_THAT(loop.run_until_complete(std::move(sum)), IsOkAndHolds(1000));
}

TEST_F(CombinatorMemoryTest, RacesLeaveNothingOnALongLivedFuture) {
  expect_flat(kRaces, [this](const shared_future<int>& child) {
    promise<int> winner;
    auto race = when_any(child, shared_future<int>(winner.get_future()));
    winner.set_value(1).IgnoreError();
    iterate();
    EXPECT_TRUE(race.done());
  });
}

TEST_F(CombinatorMemoryTest, SuccessfulRacesLeaveNothing) {
  expect_flat(kRounds, [this](const shared_future<int>& child) {
    promise<int> winner;
    auto race = when_any_ok(child, shared_future<int>(winner.get_future()));
    winner.set_value(1).IgnoreError();
    iterate();
    EXPECT_TRUE(race.done());
  });
}

TEST_F(CombinatorMemoryTest, WaitsThatTimeOutLeaveNothing) {
  expect_flat(kRounds, [this](const shared_future<int>& child) {
    const auto r = loop.run_until_complete(
        wait(std::vector<shared_future<int>>{child}, wait_mode::all_completed,
             absl::Seconds(1)));
    EXPECT_EQ(r->pending.size(), 1u);
  });
}

TEST_F(CombinatorMemoryTest, WaitsThatAreCancelledLeaveNothing) {
  expect_flat(kRounds, [this](const shared_future<int>& child) {
    auto task = create_task(wait(std::vector<shared_future<int>>{child}));
    iterate();
    task.cancel();
    iterate(2);
    EXPECT_TRUE(task.cancelled());
  });
}

TEST_F(CombinatorMemoryTest, StreamsThatAreDroppedLeaveNothing) {
  expect_flat(kRounds, [](const shared_future<int>& child) {
    auto stream =
        as_completed(std::vector<shared_future<int>>{child}, absl::Hours(1));
    EXPECT_EQ(stream.size(), 1u);
  });
}

TEST_F(CombinatorMemoryTest, StreamsThatAreLeftHalfWayLeaveNothing) {
  expect_flat(kRounds, [this](const shared_future<int>& child) {
    promise<int> other;
    auto stream = as_completed(std::vector<shared_future<int>>{
        child, shared_future<int>(other.get_future())});
    auto first = create_task(stream.next());
    auto second = create_task(stream.next());
    iterate();
    other.set_value(1).IgnoreError();
    iterate(2);
    EXPECT_TRUE(first.done());
    second.cancel();
    iterate(2);
    EXPECT_TRUE(second.cancelled());
    EXPECT_EQ(stream.size(), 1u);
  });
}

TEST_F(CombinatorMemoryTest, StreamsThatTimeOutLeaveNothing) {
  expect_flat(kRounds, [this](const shared_future<int>& child) {
    auto stream = as_completed(std::vector<shared_future<int>>{child},
                               absl::ZeroDuration());
    EXPECT_FALSE(loop.run_until_complete(stream.next()).ok());
  });
}

TEST_F(CombinatorMemoryTest, ShieldsThatAreCancelledLeaveNothing) {
  expect_flat(kRounds, [this](const shared_future<int>& child) {
    auto outer = shield(child);
    outer.cancel();
    iterate();
    EXPECT_TRUE(outer.cancelled());
  });
}

TEST_F(CombinatorMemoryTest, TimeoutsOfShieldsLeaveNothing) {
  expect_flat(kRounds, [this](const shared_future<int>& child) {
    EXPECT_FALSE(
        loop.run_until_complete(with_timeout(shield(child), absl::Seconds(1)))
            .ok());
    iterate(2);
  });
}

}  // namespace
}  // namespace ratchet
