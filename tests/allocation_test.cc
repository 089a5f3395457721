// What is allocated, asserted: blocks of the slab, and calls of operator new,
// of which there are none once the slab has its pages.

#include <cstdint>
#include <utility>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/internal/context.h"
#include "ratchet/promise.h"
#include "ratchet/task.h"
#include "ratchet/task_local.h"
#include "tests/support/allocations.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::allocation_count;
using ::ratchet::test::loop_test;

class AllocationTest : public loop_test {
 protected:
  // What `f` allocates when it runs in a loop that has run it before.
  template <class F>
  void measure(F f) {
    for (int warm_up = 0; warm_up < 3; ++warm_up) f();
    const allocation_count count;
    f();
    blocks = count.blocks();
    heap = count.from_heap();
  }
  void run() {
    loop.stop();
    (void)loop.run_forever();
  }
  // Of the heap, in a warm loop. (With AddressSanitizer, blocks are its.)
  uint64_t steady_heap() const {
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
    return 0;
#else
    return heap;
#endif
  }

  uint64_t blocks = 0, heap = 0;
};

// Of values that are aligned to more than any block is. The test's end checks
// that all blocks are back.
TEST_F(AllocationTest, OverAlignedValuesComeAndGo) {
  struct alignas(256) wide {
    int x;
  };
  for (int i = 0; i < 3; ++i) {
    promise<wide> p;
    auto f = p.get_future().then([](wide w) { return wide{w.x + 1}; });
    p.set_value(wide{i}).IgnoreError();
    run();
    run();
    EXPECT_EQ(f.value().x, i + 1);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(&f.value()) % 256, 0u);
  }
}

TEST_F(AllocationTest, ACallbackIsOneBlock) {
  measure([this] {
    loop.call_soon([] {});
    run();
  });
  EXPECT_EQ(blocks, 1u);
  EXPECT_EQ(steady_heap(), 0u);
  measure([this] {
    loop.call_later(-absl::Seconds(1), [] {});
    run();
  });
  EXPECT_EQ(blocks, 1u);
  EXPECT_EQ(steady_heap(), 0u);
}

TEST_F(AllocationTest, AnIntrusiveTimerIsNone) {
  class my_timer final : public event_loop::timer {
    void timer_due() override {}
  };
  my_timer timers[100];
  measure([&] {
    int64_t n = 0;
    for (my_timer& t : timers) {
      loop.arm(t, loop.now() + absl::Nanoseconds(n++ * 997));
    }
    for (my_timer& t : timers) {
      if (n-- % 2 == 0) loop.disarm(t);
    }
    clock.advance(absl::Seconds(1));
    run();
  });
  EXPECT_EQ(blocks, 0u);
  EXPECT_EQ(steady_heap(), 0u);
}

TEST_F(AllocationTest, APromiseAndItsFutureAreOneBlock) {
  measure([] {
    promise<int> p;
    future<int> f = p.get_future();
    p.set_value(1).IgnoreError();
    ASSERT_TRUE(std::move(f).result().ok());
  });
  EXPECT_EQ(blocks, 1u);
  EXPECT_EQ(steady_heap(), 0u);
}

TEST_F(AllocationTest, EachContinuationIsOneBlockWhateverItCaptures) {
  struct captured {
    char bytes[200] = {};
  };
  measure([&] {
    promise<int> p;
    future<int> f =
        p.get_future()
            .then([c = captured()](int x) { return x + c.bytes[0]; })
            .or_else([c = captured()](const absl::Status&) {
              return static_cast<int>(c.bytes[0]);
            })
            .then_result([](absl::StatusOr<int> r) { return r; })
            .finally([c = captured()] { (void)c; });
    p.set_value(1).IgnoreError();
    for (int i = 0; i < 4; ++i) run();
    ASSERT_TRUE(f.done());
  });
  EXPECT_EQ(blocks, 5u);  // Four, and the promise.
  EXPECT_EQ(steady_heap(), 0u);
}

TEST_F(AllocationTest,
       SharingAndWaitingOnASharedFutureIsNoneButTheContinuation) {
  measure([&] {
    promise<int> p;
    shared_future<int> s = p.get_future();
    const shared_future<int> t = s;
    future<void> a = s.then([](int) {}), b = t.then([](int) {});
    p.set_value(1).IgnoreError();
    run();
    ASSERT_TRUE(a.done() && b.done());
  });
  EXPECT_EQ(blocks, 3u);
  EXPECT_EQ(steady_heap(), 0u);
}

TEST_F(AllocationTest, CancellingIsNone) {
  measure([&] {
    promise<int> p;
    future<int> f = p.get_future().then([](int x) { return x; });
    f.cancel();
    run();
    ASSERT_TRUE(f.cancelled());
  });
  EXPECT_EQ(blocks, 2u);
  EXPECT_EQ(steady_heap(), 0u);
}

// Sleeps for a second.
class sleeper final : public task<void> {
 public:
  step start() { return sleep_for<&sleeper::end>(absl::Seconds(1)); }

 private:
  step end() { return done(); }
};

TEST_F(AllocationTest, CancellingATaskIsNone) {
  for (const bool twice : {false, true}) {
    measure([&] {
      future<void> sleeps = create_task(sleeper());
      future<void> starts = create_task(sleeper());
      starts.cancel();
      run();
      sleeps.cancel();
      if (twice) sleeps.cancel();
      run();
      ASSERT_TRUE(sleeps.cancelled() && starts.cancelled());
    });
    EXPECT_EQ(blocks, 2u);
    EXPECT_EQ(steady_heap(), 0u);
  }
}

// The reason's text is on the heap; a task keeps it in a block while it has to
// be remembered.
TEST_F(AllocationTest, AReasonIsOneBlockOfATaskThatRemembersIt) {
  measure([&] {
    promise<int> p;
    future<int> f = p.get_future().then([](int x) { return x; });
    f.cancel("reason");
    run();
    ASSERT_TRUE(f.cancelled());
  });
  EXPECT_EQ(blocks, 2u);
  measure([&] {
    future<void> sleeps = create_task(sleeper());
    run();
    sleeps.cancel("reason");
    run();
    ASSERT_TRUE(sleeps.cancelled());
  });
  EXPECT_EQ(blocks, 2u);
}

// A hundred yields, sleeps, and awaits of one shared future.
class busy final : public task<int> {
 public:
  explicit busy(shared_future<int> f) : f_(std::move(f)) {}
  step start() { return yield<&busy::yielded>(); }

 private:
  step yielded() {
    if (++n_ % 100 != 0) return yield<&busy::yielded>();
    return slept();
  }
  step slept() {
    if (++n_ % 100 != 0) return sleep_for<&busy::slept>(absl::Seconds(n_));
    return await<&busy::awaited>(f_);
  }
  step awaited(absl::StatusOr<int>) {
    if (++n_ % 100 != 0) return await<&busy::awaited>(f_);
    return done(n_);
  }
  shared_future<int> f_;
  int n_ = 0;
};

TEST_F(AllocationTest, ATaskIsOneBlockAndNothingIsAllocatedToWait) {
  measure([&] {
    promise<int> p;
    future<int> f = create_task(busy(p.get_future()));
    for (int i = 0; i < 400; ++i) {
      if (i == 350) p.set_value(1).IgnoreError();
      run();
      clock.advance(absl::Seconds(200));
    }
    ASSERT_TRUE(f.done());
  });
  EXPECT_EQ(blocks, 2u);  // The task and the promise.
  EXPECT_EQ(steady_heap(), 0u);
}

TEST_F(AllocationTest, InSteadyStateTheHeapIsNotUsed) {
  class pair final : public task<int> {
   public:
    step start() { return await<&pair::next>(child()); }

   private:
    class child final : public task<int> {
     public:
      step start() { return sleep_for<&child::wake>(absl::Seconds(1)); }

     private:
      step wake() { return yield<&child::last>(); }
      step last() { return done(1); }
    };
    step next(int x) { return done(x); }
  };
  int rounds = 0;
  measure([&] {
    future<int> f = create_task(pair());
    for (int i = 0; i < 5; ++i) {
      run();
      clock.advance(absl::Seconds(1));
    }
    ASSERT_TRUE(f.done());
    ++rounds;
  });
  EXPECT_EQ(rounds, 4);
  EXPECT_EQ(blocks, 2u);  // The task, and the machine it awaits.
  EXPECT_EQ(steady_heap(), 0u);
}

TEST_F(AllocationTest, AnAwaitOfAFutureIsNone) {
  class awaits final : public task<int> {
   public:
    explicit awaits(future<int> f) : f_(std::move(f)) {}
    step start() { return await<&awaits::next>(std::move(f_)); }

   private:
    step next(int x) { return done(x); }
    future<int> f_;
  };
  measure([&] {
    promise<int> p;
    future<int> f = create_task(awaits(p.get_future()));
    run();
    p.set_value(1).IgnoreError();
    run();
    ASSERT_TRUE(f.done());
  });
  EXPECT_EQ(blocks, 2u);
  EXPECT_EQ(steady_heap(), 0u);
}

// -- Contexts: the tests above are of programs that set no task_local.

task_local<int> variable;

TEST_F(AllocationTest, ReadingATaskLocalIsNone) {
  measure([&] {
    loop.call_soon([] { ASSERT_EQ(variable.get(), 0); });
    run();
  });
  EXPECT_EQ(blocks, 1u);  // The callback.
  EXPECT_EQ(steady_heap(), 0u);
}

TEST_F(AllocationTest, AContextIsABlockForEachTaskAndNoneForCallbacks) {
  class idle final : public task<void> {
   public:
    step start() { return yield<&idle::next>(); }

   private:
    step next() { return done(); }
  };
  const internal::context_scope scope(nullptr);
  variable.set(1);
  measure([&] {
    loop.call_soon([] { ASSERT_EQ(variable.get(), 1); });
    loop.call_later(-absl::Seconds(1), [] { ASSERT_EQ(variable.get(), 1); });
    run();
  });
  EXPECT_EQ(blocks, 2u);
  EXPECT_EQ(steady_heap(), 0u);
  measure([&] {
    promise<void> p;
    future<void> f = p.get_future().then([] { ASSERT_EQ(variable.get(), 1); });
    p.set_value().IgnoreError();
    run();
    ASSERT_TRUE(f.done());
  });
  EXPECT_EQ(blocks, 2u);
  EXPECT_EQ(steady_heap(), 0u);
  measure([&] {
    future<void> f = create_task(idle());
    run();
    run();
    ASSERT_TRUE(f.done());
  });
  EXPECT_EQ(blocks, 2u);
  EXPECT_EQ(steady_heap(), 0u);
}

TEST_F(AllocationTest, SettingIsABlockAndOneForTheFirstInAContext) {
  measure([&] {
    const internal::context_scope scope(nullptr);
    variable.set(1);
    variable.set(2);
    variable.set(3);
  });
  EXPECT_EQ(blocks, 4u);
  EXPECT_EQ(steady_heap(), 0u);
}

}  // namespace
}  // namespace ratchet
