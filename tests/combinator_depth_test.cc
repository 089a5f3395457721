// Combinators of combinators, a hundred thousand deep, are cancelled on a
// thread with a stack of 256 KiB: nothing here may recurse.

#include <pthread.h>

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/clock.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/when_all.h"
#include "ratchet/when_any.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/sanitizers.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::script;
using ::testing::_;

constexpr int kDepth = 100'000;
constexpr size_t kStack = (ratchet::test::kSanitized ? 512 : 256) * 1024;

// Runs `f` with a loop on a thread with a small stack.
void on_a_small_stack(std::function<void(event_loop&)> f) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kStack), 0);
  pthread_t thread;
  const auto run = [](void* argument) -> void* {
    virtual_clock clock;
    event_loop loop(clock);
    (*static_cast<std::function<void(event_loop&)>*>(argument))(loop);
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &f), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  ASSERT_EQ(pthread_attr_destroy(&attributes), 0);
}

template <class F>
std::vector<F> vector_of(F f) {
  std::vector<F> futures;
  futures.push_back(std::move(f));
  return futures;
}

future<void> all_of(future<void> f) {
  return when_all(vector_of(std::move(f)));
}
future<void> any_of(future<void> f) {
  return when_any(vector_of(std::move(f)))
      .then([](any_result<future<void>> first) { return first.result; });
}

TEST(CombinatorDepthTest, WhenAllIsCancelled) {
  on_a_small_stack([](event_loop& loop) {
    promise<void> p;
    future<void> f = p.get_future();
    for (int i = 0; i < kDepth; ++i) f = all_of(std::move(f));
    EXPECT_TRUE(f.cancel("deep"));
    EXPECT_TRUE(p.cancelled());
    EXPECT_FALSE(f.done());
    EXPECT_THAT(loop.run_forever(), IsKind(error_kind::deadlock, _));
    EXPECT_EQ(cancel_reason(f.status()), "deep");
  });
}

TEST(CombinatorDepthTest, WhenAnyIsCancelled) {
  on_a_small_stack([](event_loop& loop) {
    promise<void> p;
    future<void> f = p.get_future();
    for (int i = 0; i < kDepth; ++i) f = any_of(std::move(f));
    EXPECT_TRUE(f.cancel("deep"));
    EXPECT_TRUE(p.cancelled());
    EXPECT_THAT(loop.run_forever(), IsKind(error_kind::deadlock, _));
    EXPECT_EQ(cancel_reason(f.status()), "deep");
  });
}

TEST(CombinatorDepthTest, TheTwoInTurnWithTasksBetween) {
  on_a_small_stack([](event_loop& loop) {
    promise<void> p;
    future<void> f = p.get_future();
    for (int i = 0; i < kDepth / 10; ++i) {
      f = create_task(script({
          [g = shared_future<void>(any_of(all_of(std::move(f))))](
              script& s, absl::Status) { return s.on(g); },
          [](script& s, absl::Status status) { return s.end(status); },
      }));
    }
    loop.stop();
    EXPECT_THAT(loop.run_forever(), IsOk());
    EXPECT_TRUE(f.cancel("deep"));
    EXPECT_TRUE(p.cancelled());
    EXPECT_THAT(loop.run_forever(), IsKind(error_kind::deadlock, _));
    EXPECT_EQ(cancel_reason(f.status()), "deep");
  });
}

// What refuses at the bottom makes the task nearest to it remember.
TEST(CombinatorDepthTest, ARefusalComesAllTheWayUp) {
  on_a_small_stack([](event_loop& loop) {
    promise<void> p;
    future<void> f = p.get_future();
    for (int i = 0; i < kDepth; ++i) f = all_of(std::move(f));
    future<void> task = create_task(script({
        [g = shared_future<void>(std::move(f))](script& s, absl::Status) {
          return s.on(g);
        },
        [](script& s, absl::Status status) { return s.end(status); },
    }));
    loop.stop();
    EXPECT_THAT(loop.run_forever(), IsOk());
    ASSERT_THAT(p.set_value(), IsOk());
    EXPECT_TRUE(task.cancel("late"));
    EXPECT_THAT(loop.run_forever(), IsKind(error_kind::deadlock, _));
    EXPECT_EQ(cancel_reason(task.status()), "late");
  });
}

TEST(CombinatorDepthTest, EachOfManyBranchesIsAsked) {
  on_a_small_stack([](event_loop& loop) {
    std::vector<promise<void>> promises(64);
    std::vector<future<void>> level;
    for (promise<void>& p : promises) level.push_back(p.get_future());
    while (level.size() > 1) {
      std::vector<future<void>> next;
      for (size_t i = 0; i < level.size(); i += 2) {
        std::vector<future<void>> pair;
        pair.push_back(std::move(level[i]));
        pair.push_back(std::move(level[i + 1]));
        next.push_back(when_all(std::move(pair)));
      }
      level = std::move(next);
    }
    ASSERT_THAT(promises[5].set_value(), IsOk());
    EXPECT_TRUE(level[0].cancel("all"));
    for (size_t i = 0; i < promises.size(); ++i) {
      EXPECT_EQ(promises[i].cancelled(), i != 5);
    }
    EXPECT_THAT(loop.run_forever(), IsKind(error_kind::deadlock, _));
    EXPECT_EQ(cancel_reason(level[0].status()), "all");
  });
}

}  // namespace
}  // namespace ratchet
