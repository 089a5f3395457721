// Chains of ten million continuations, and of as many machines as memory
// allows, on a thread with a stack of 256 KiB: nothing here may recurse.

#include <pthread.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/sanitizers.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::kSanitized;
using ::testing::HasSubstr;

constexpr int kLength = kSanitized ? 1'000'000 : 10'000'000;
constexpr size_t kStack = (kSanitized ? 512 : 256) * 1024;

// Runs `f` on a thread with a small stack.
void on_a_small_stack(std::function<void()> f) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kStack), 0);
  pthread_t thread;
  const auto run = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &f), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  ASSERT_EQ(pthread_attr_destroy(&attributes), 0);
}

future<int> lengthen(future<int> f, int links) {
  for (int i = 0; i < links; ++i) {
    f = std::move(f).then([](int x) { return x + 1; });
  }
  return f;
}

// As the fixture, for the thread.
struct loop_in_thread {
  virtual_clock clock;
  event_loop loop{clock};
  void run() {
    EXPECT_THAT(loop.run_forever(),
                IsKind(error_kind::deadlock, HasSubstr("deadlock")));
  }
};

TEST(FutureChainTest, APendingOneResolves) {
  on_a_small_stack([] {
    loop_in_thread l;
    promise<int> p;
    future<int> f = lengthen(p.get_future(), kLength);
    ASSERT_THAT(p.set_value(0), IsOk());
    l.run();
    EXPECT_THAT(f.result(), IsOkAndHolds(kLength));
  });
}

TEST(FutureChainTest, AReadyOneResolves) {
  on_a_small_stack([] {
    loop_in_thread l;
    future<int> f = lengthen(make_ready_future(0), kLength);
    l.run();
    EXPECT_THAT(f.result(), IsOkAndHolds(kLength));
  });
}

TEST(FutureChainTest, APendingOneFails) {
  on_a_small_stack([] {
    loop_in_thread l;
    promise<int> p;
    future<int> f = lengthen(p.get_future(), kLength);
    ASSERT_THAT(p.set_error(absl::NotFoundError("x")), IsOk());
    l.run();
    EXPECT_EQ(f.status(), absl::NotFoundError("x"));
  });
}

TEST(FutureChainTest, APendingOneIsCancelled) {
  on_a_small_stack([] {
    loop_in_thread l;
    promise<int> p;
    future<int> f = lengthen(p.get_future(), kLength);
    EXPECT_TRUE(f.cancel());
    EXPECT_TRUE(p.cancelled());
    l.run();
    EXPECT_TRUE(f.cancelled());
  });
}

TEST(FutureChainTest, AnUnresolvedOneGoesWithItsLoop) {
  on_a_small_stack([] {
    std::optional<loop_in_thread> l(std::in_place);
    promise<int> p;
    future<int> f = lengthen(p.get_future(), kLength);
    future<int> ready = lengthen(make_ready_future(0), kLength / 10);
    l.reset();
    EXPECT_FALSE(f.done());
    EXPECT_FALSE(ready.done());
  });
}

TEST(FutureChainTest, AnUnresolvedOneBreaksWithItsPromise) {
  on_a_small_stack([] {
    loop_in_thread l;
    std::optional<promise<int>> p(std::in_place);
    future<int> f = lengthen(p->get_future(), kLength / 10);
    p.reset();
    l.run();
    EXPECT_THAT(f.status(), IsKind(error_kind::broken_promise, HasSubstr("")));
  });
}

TEST(FutureChainTest, AnUnresolvedOneIsDroppedByItsClosedLoop) {
  on_a_small_stack([] {
    loop_in_thread l;
    promise<int> p;
    { future<int> f = lengthen(p.get_future(), kLength / 10); }
    ASSERT_THAT(l.loop.close(), IsOk());
    EXPECT_FALSE(p.set_value(1).ok());  // Drops every link.
  });
}

TEST(FutureChainTest, FuturesThatReturnFutures) {
  on_a_small_stack([] {
    loop_in_thread l;
    std::function<future<int>(int)> down = [&down](int n) {
      if (n == 0) return make_ready_future(0);
      return make_ready_future(n - 1).then([&down](int m) { return down(m); });
    };
    future<int> f = down(kLength / 10);
    l.run();
    EXPECT_THAT(f.result(), IsOkAndHolds(0));
  });
}

class recursion final : public task<int> {
 public:
  recursion(int depth, shared_future<int> bottom)
      : depth_(depth), bottom_(std::move(bottom)) {}
  step start() {
    if (depth_ == 0) return await<&recursion::next>(std::move(bottom_));
    return await<&recursion::next>(recursion(depth_ - 1, std::move(bottom_)));
  }

 private:
  step next(int x) { return done(x + 1); }
  int depth_;
  shared_future<int> bottom_;
};

TEST(MachineChainTest, MachinesThatAwaitMachines) {
  on_a_small_stack([] {
    constexpr int kDepth = kLength / 10;
    loop_in_thread l;
    promise<int> p;
    shared_future<int> bottom = p.get_future();
    future<int> resolves = create_task(recursion(kDepth, bottom));
    l.run();
    ASSERT_THAT(p.set_value(0), IsOk());
    l.run();
    EXPECT_THAT(resolves.result(), IsOkAndHolds(kDepth + 1));
  });
}

TEST(MachineChainTest, UnresolvedTheyGoWithTheirLoop) {
  on_a_small_stack([] {
    std::optional<loop_in_thread> l(std::in_place);
    l->loop.set_error_handler([](const error_report&) {});
    promise<int> p;
    (void)create_task(recursion(kLength / 10, p.get_future()));
    l->run();
    l.reset();
  });
}

TEST(MachineChainTest, CancelledTheyUnwind) {
  on_a_small_stack([] {
    loop_in_thread l;
    promise<int> p;
    future<int> f = create_task(recursion(kLength / 10, p.get_future()));
    l.run();
    EXPECT_TRUE(f.cancel());
    l.run();
    EXPECT_TRUE(f.cancelled());
  });
}

TEST(TaskChainTest, TasksThatAwaitTasksAreCancelledAndDestroyed) {
  class waits final : public task<int> {
   public:
    explicit waits(shared_future<int> f) : f_(std::move(f)) {}
    step start() { return await<&waits::next>(std::move(f_)); }

   private:
    step next(int x) { return done(x); }
    shared_future<int> f_;
  };
  for (const bool cancelled : {true, false}) {
    on_a_small_stack([cancelled] {
      std::optional<loop_in_thread> l(std::in_place);
      l->loop.set_error_handler([](const error_report&) {});
      promise<int> p;
      shared_future<int> last = p.get_future();
      for (int i = 0; i < kLength / 100; ++i) last = create_task(waits(last));
      l->run();
      if (cancelled) {
        EXPECT_TRUE(last.cancel());
        l->run();
        EXPECT_TRUE(last.cancelled());
      }
      last = shared_future<int>();
      l.reset();
    });
  }
}

}  // namespace
}  // namespace ratchet
