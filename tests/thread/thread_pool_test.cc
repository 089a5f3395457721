#include "ratchet/thread/thread_pool.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/support/allocations.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"
#include "tests/thread/gate.h"
#include "tests/thread/scale.h"

namespace ratchet {
namespace {

using test::gate;
using test::IsCancelled;
using test::IsKind;
using test::IsOk;
using test::IsOkAndHolds;
using test::kSlower;
using test::script;
using test::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Notes the thread in which the last one of it ends. Movable.
class witness {
 public:
  explicit witness(std::thread::id* where) : where_(where) {}
  witness(witness&& other) noexcept
      : where_(std::exchange(other.where_, nullptr)) {}
  witness& operator=(witness&&) = delete;
  ~witness() {
    if (where_ != nullptr) *where_ = std::this_thread::get_id();
  }

 private:
  std::thread::id* where_;
};

class ThreadPoolTest : public test::loop_test {
 protected:
  // Keeps all threads of a pool of one busy until `busy` is opened.
  void occupy(thread_pool& pool) {
    gate started;
    blocked = run_in(pool, [&] {
      started.open();
      busy.wait();
    });
    started.wait();
  }

  const std::thread::id here = std::this_thread::get_id();
  gate busy;
  future<void> blocked;
};

// -- What it gives ------------------------------------------------------------

TEST_F(ThreadPoolTest, RunsTheFunctionInAnotherThread) {  // S161
  thread_pool pool(2);
  const auto where = loop.run_until_complete(
      run_in(pool, [] { return std::this_thread::get_id(); }));
  ASSERT_THAT(where, IsOk());
  EXPECT_NE(*where, here);
}

TEST_F(ThreadPoolTest, FlattensWhatTheFunctionReturnsAsThenDoes) {
  thread_pool pool(1);
  const future<int> value = run_in(pool, [] { return 1; });
  const future<int> status_or =
      run_in(pool, [] { return absl::StatusOr<int>(2); });
  const future<int> error = run_in(
      pool, [] { return absl::StatusOr<int>(absl::NotFoundError("it")); });
  const future<void> nothing = run_in(pool, [] {});
  const future<void> ok = run_in(pool, [] { return absl::OkStatus(); });
  const future<void> status =
      run_in(pool, [] { return absl::DataLossError("all"); });
  const future<std::unique_ptr<int>> movable = run_in(
      pool, [p = std::make_unique<int>(3)]() mutable { return std::move(p); });
  const future<void> cancelled = run_in(pool, [] { return cancelled_error(); });
  run_until_idle();
  EXPECT_EQ(value.value(), 1);
  EXPECT_EQ(status_or.value(), 2);
  EXPECT_THAT(error, StatusIs(absl::StatusCode::kNotFound, "it"));
  EXPECT_THAT(nothing, IsOk());
  EXPECT_THAT(ok, IsOk());
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, "all"));
  EXPECT_EQ(*movable.value(), 3);
  EXPECT_TRUE(cancelled.cancelled());
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(ThreadPoolTest, AnExceptionIsTheError) {  // S161
  thread_pool pool(1);
  EXPECT_THAT(loop.run_until_complete(run_in(
                  pool, []() -> int { throw std::runtime_error("thrown"); })),
              IsKind(error_kind::thrown, HasSubstr("thrown")));
}

TEST_F(ThreadPoolTest, AnExceptionOfTheMoveIntoTheFutureIsTheError) {
  struct fragile {
    explicit fragile(std::thread::id loop) : loop_(loop) {}
    fragile(fragile&& other) : loop_(other.loop_) {
      if (std::this_thread::get_id() == loop_) {
        throw std::runtime_error("moved");
      }
    }
    std::thread::id loop_;
  };
  thread_pool pool(1);
  const future<fragile> f = run_in(pool, [id = here] { return fragile(id); });
  run_until_idle();
  EXPECT_THAT(f.status(), IsKind(error_kind::thrown, HasSubstr("moved")));
}
#endif

TEST_F(ThreadPoolTest, AnErrorThatNobodyLooksAtIsReported) {  // S38
  thread_pool pool(1);
  (void)run_in(pool, [] { return absl::DataLossError("all"); });
  run_until_idle();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].status, absl::DataLossError("all"));
}

// -- Order --------------------------------------------------------------------

TEST_F(ThreadPoolTest, CompletesInTheLoopAndAnAwaiterGoesOnOneHopLater) {
  // S161
  thread_pool pool(1);
  shared_future<void> f = run_in(pool, [this] { busy.wait(); });
  const future<void> task = create_task(script({
      [&](script& s, absl::Status) { return s.on(f); },
      [&](script& s, absl::Status status) {
        mark_iteration("awaiter");
        return s.end(status);
      },
  }));
  iterate(1);  // Up to the await.
  busy.open();
  pool.shutdown();
  EXPECT_FALSE(f.done());
  count_from_here();
  loop.call_soon([&] {
    mark_iteration(f.done() ? "done too early" : "before");
    loop.call_soon(marks_iteration("later"));
  });
  iterate(1);
  EXPECT_TRUE(f.done());
  iterate(1);
  EXPECT_THAT(taken(), ElementsAre("before@1", "later@2", "awaiter@2"));
}

TEST_F(ThreadPoolTest, OneThreadRunsThemInOrder) {
  thread_pool pool(1);
  std::vector<int> order;
  std::vector<future<void>> all;
  for (int i = 0; i < 1000; ++i) {
    all.push_back(run_in(pool, [&order, i] { order.push_back(i); }));
  }
  run_until_idle();
  ASSERT_THAT(order, SizeIs(1000));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST_F(ThreadPoolTest, ALoopWithAJobUnderWayIsNotDeadlocked) {
  thread_pool pool(1);
  occupy(pool);
  std::thread opener([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    busy.open();
  });
  EXPECT_THAT(loop.run_until_complete(std::move(blocked)), IsOk());
  opener.join();
}

TEST_F(ThreadPoolTest, AllThreadsWork) {
  constexpr size_t kThreads = 3;
  thread_pool pool(kThreads);
  EXPECT_EQ(pool.size(), kThreads);
  gate all_here;
  std::atomic<size_t> arrived{0};
  std::vector<future<void>> all;
  for (size_t i = 0; i < kThreads; ++i) {
    all.push_back(run_in(pool, [&] {
      if (++arrived == kThreads) all_here.open();
      all_here.wait();  // For ever, if they came one after the other.
    }));
  }
  run_until_idle();
  for (const future<void>& f : all) EXPECT_THAT(f, IsOk());
}

TEST_F(ThreadPoolTest, WakesAThreadWhileAnotherOneIsBusy) {
  thread_pool pool(2);
  occupy(pool);
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(loop.run_until_complete(run_in(pool, [i] { return i; })),
                IsOkAndHolds(i));
  }
  busy.open();
}

TEST_F(ThreadPoolTest, NoSizeIsThatOfTheMachineAndThreadsHaveNames) {
  thread_pool pool(0, "a_long_name_of_a_pool");
  EXPECT_GE(pool.size(), 1u);
  EXPECT_THAT(loop.run_until_complete(run_in(pool,
                                             [] {
                                               char name[16] = {};
                                               pthread_getname_np(
                                                   pthread_self(), name, 16);
                                               return std::string(name);
                                             })),
              IsOkAndHolds(std::string("a_long_name_of_")));
  thread_pool named(1, "disk");
  EXPECT_EQ(named.name(), "disk");
  EXPECT_THAT(loop.run_until_complete(run_in(named,
                                             [] {
                                               char name[16] = {};
                                               pthread_getname_np(
                                                   pthread_self(), name, 16);
                                               return std::string(name);
                                             })),
              IsOkAndHolds(std::string("disk-0")));
}

TEST_F(ThreadPoolTest, SaysWhatATaskAwaits) {
  thread_pool pool(1, "disk");
  occupy(pool);
  const future<void> task = create_task(script({
      [this](script& s, absl::Status) { return s.on(std::move(blocked)); },
      [](script& s, absl::Status status) { return s.end(status); },
  }));
  iterate();
  ASSERT_THAT(loop.all_tasks(), SizeIs(1));
  EXPECT_EQ(loop.all_tasks()[0].awaiting, "run_in(disk)");
  busy.open();
  run_until_idle();
  EXPECT_THAT(task, IsOk());
}

// -- Cancelling ---------------------------------------------------------------

TEST_F(ThreadPoolTest, CancellingWhatRunsCancelsTheFutureAtOnce) {  // S162
  thread_pool pool(1);
  std::thread::id ended_in;
  gate started;
  std::atomic<bool> finished{false};
  auto f = run_in(pool, [&] {
    started.open();
    busy.wait();
    finished = true;
    return witness(&ended_in);
  });
  started.wait();
  EXPECT_TRUE(f.cancel());
  EXPECT_TRUE(f.cancelled());
  EXPECT_FALSE(f.cancel());
  EXPECT_FALSE(finished);
  busy.open();
  run_until_idle();
  EXPECT_TRUE(finished);
  EXPECT_EQ(ended_in, here);  // The outcome that nobody wants.
  EXPECT_TRUE(f.cancelled());
}

TEST_F(ThreadPoolTest, CancellingWhatHasNotStartedTakesItOut) {  // S162
  thread_pool pool(1);
  occupy(pool);
  std::thread::id ended_in;
  future<void> f = run_in(pool, [w = witness(&ended_in)] { ADD_FAILURE(); });
  const future<int> next = run_in(pool, [] { return 1; });
  EXPECT_EQ(pool.queued(), 2u);
  EXPECT_TRUE(f.cancel());
  EXPECT_EQ(pool.queued(), 1u);
  EXPECT_EQ(ended_in, here);
  EXPECT_TRUE(f.cancelled());
  busy.open();
  run_until_idle();
  EXPECT_THAT(next, IsOk());
}

TEST_F(ThreadPoolTest, ATaskThatIsCancelledGivesItUp) {  // S162
  thread_pool pool(1);
  occupy(pool);
  future<void> task = create_task(script({
      [&](script& s, absl::Status) {
        return s.on(run_in(pool, [] { ADD_FAILURE(); }));
      },
      [](script& s, absl::Status status) { return s.end(status); },
  }));
  iterate();
  EXPECT_EQ(pool.queued(), 1u);
  task.cancel();
  EXPECT_EQ(pool.queued(), 0u);
  iterate();
  EXPECT_TRUE(task.cancelled());
  busy.open();
}

TEST_F(ThreadPoolTest, ManyAreCancelledAndMany) {
  thread_pool pool(3);
  for (int round = 0; round < 100 / kSlower; ++round) {
    std::atomic<int> ran{0};
    std::vector<future<void>> all;
    for (int i = 0; i < 200; ++i) {
      all.push_back(run_in(pool, [&ran] { ++ran; }));
    }
    for (size_t i = 0; i < all.size(); i += 2) all[i].cancel();
    run_until_idle();
    for (size_t i = 1; i < all.size(); i += 2) EXPECT_THAT(all[i], IsOk());
    EXPECT_GE(ran, 100);
    EXPECT_EQ(pool.queued(), 0u);
  }
}

// -- Where things end ---------------------------------------------------------

TEST_F(ThreadPoolTest, TheFunctionEndsInItsThreadTheOutcomeInTheLoops) {
  thread_pool pool(1);
  std::thread::id function, outcome, ran;
  auto f = run_in(pool, [&, w = witness(&function)] {
    ran = std::this_thread::get_id();
    return witness(&outcome);
  });
  pool.shutdown();
  EXPECT_EQ(function, ran);  // Before the loop knows anything.
  EXPECT_EQ(outcome, std::thread::id());
  run_until_idle();
  f = {};
  EXPECT_EQ(outcome, here);
}

TEST_F(ThreadPoolTest, WhatAClosedLoopAskedForRunsAndItsOutcomeGoes) {  // S163
  // In a thread of its own: with AddressSanitizer a block that another thread
  // frees stays in the count of the one that allocated it.
  std::thread([this] {
    thread_pool pool(1);
    std::thread::id function, outcome, ran;
    future<witness> left;
    {
      event_loop other(clock);
      occupy(pool);
      left = run_in(pool, [&, w = witness(&function)] {
        ran = std::this_thread::get_id();
        return witness(&outcome);
      });
      (void)run_in(pool, [] { return 1; }).then([](int) { ADD_FAILURE(); });
    }
    EXPECT_FALSE(left.done());
    EXPECT_TRUE(left.cancel());  // Of no consequence for the pool.
    busy.open();
    pool.shutdown();
    EXPECT_NE(ran, std::thread::id());
    EXPECT_EQ(function, ran);
    EXPECT_EQ(outcome, ran);
    EXPECT_TRUE(left.cancelled());
    blocked = {};
  }).join();
}

TEST_F(ThreadPoolTest, WhatWasDeliveredAndNotTakenGoesWithTheLoop) {
  std::thread::id outcome;
  {
    event_loop other(clock);
    thread_pool pool(1);
    (void)run_in(pool, [&] { return witness(&outcome); });
    pool.shutdown();
    EXPECT_EQ(outcome, std::thread::id());
  }
  EXPECT_EQ(outcome, here);
}

TEST_F(ThreadPoolTest, AClosedLoopTakesNothing) {
  thread_pool pool(1);
  EXPECT_THAT(loop.close(), IsOk());
  std::thread::id ended_in;
  const future<void> f =
      run_in(pool, [w = witness(&ended_in)] { ADD_FAILURE(); });
  EXPECT_THAT(f.status(), IsKind(error_kind::closed, HasSubstr("closed")));
  EXPECT_EQ(ended_in, here);
}

// -- The end of the pool ------------------------------------------------------

TEST_F(ThreadPoolTest, ShutDownItFinishesWhatIsQueuedAndTakesNothing) {
  thread_pool pool(2, "disk");
  std::atomic<int> ran{0};
  std::vector<future<void>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(run_in(pool, [&ran] { ++ran; }));
  }
  pool.shutdown();
  EXPECT_EQ(ran, 100);
  pool.shutdown();
  std::thread::id ended_in;
  const future<void> refused =
      run_in(pool, [w = witness(&ended_in)] { ADD_FAILURE(); });
  EXPECT_TRUE(refused.done());
  EXPECT_THAT(refused.status(),
              AllOf(IsKind(error_kind::not_accepting, HasSubstr("\"disk\"")),
                    StatusIs(absl::StatusCode::kFailedPrecondition,
                             HasSubstr("was shut down"))));
  EXPECT_EQ(ended_in, here);
  run_until_idle();
  for (const future<void>& f : all) EXPECT_THAT(f, IsOk());
}

TEST_F(ThreadPoolTest, DestroyedItSettlesEveryFuture) {
  std::thread::id ended_in;
  std::optional<thread_pool> pool(std::in_place, 1, "disk");
  occupy(*pool);
  future<void> queued =
      run_in(*pool, [w = witness(&ended_in)] { ADD_FAILURE(); });
  std::thread opener([&] {
    while (pool->queued() != 0) std::this_thread::yield();
    busy.open();
  });
  pool.reset();
  opener.join();
  EXPECT_EQ(ended_in, here);
  run_until_idle();
  EXPECT_THAT(blocked, IsOk());
  EXPECT_THAT(queued.status(),
              AllOf(IsKind(error_kind::destroyed, HasSubstr("\"disk\"")),
                    StatusIs(absl::StatusCode::kAborted,
                             HasSubstr("before the function was started"))));
  EXPECT_FALSE(queued.cancel());
}

using ThreadPoolDeathTest = ThreadPoolTest;

TEST_F(ThreadPoolDeathTest, AThreadOfThePoolCannotEndIt) {
  EXPECT_DEATH(
      {
        std::optional<thread_pool> pool(std::in_place, 1, "disk");
        (void)loop.run_until_complete(run_in(*pool, [&] { pool.reset(); }));
      },
      "thread_pool \"disk\" was destroyed by one of its own threads");
  EXPECT_DEATH(
      {
        thread_pool pool(1, "disk");
        (void)loop.run_until_complete(run_in(pool, [&] { pool.shutdown(); }));
      },
      "thread_pool \"disk\" was shut down by one of its own threads");
}

TEST_F(ThreadPoolDeathTest, AThreadWithoutALoopCannotCallIt) {
  EXPECT_DEATH(
      {
        thread_pool pool(1);
        (void)loop.run_until_complete(
            run_in(pool, [&] { (void)run_in(pool, [] {}); }));
      },
      "run_in\\(\\) needs an event loop, and this thread has none");
}

// -- Cost and load ------------------------------------------------------------

TEST_F(ThreadPoolTest, AJobIsOneBlock) {
  thread_pool pool(1);
  std::string text = "a text that is too long to be kept in place";
  uint64_t blocks = 0, heap = 0;
  for (int round = 0; round < 4; ++round) {  // The first ones warm up.
    const std::string& source = text;
    const test::allocation_count count;
    auto f = run_in(pool, [&source] { return &source; });
    f.add_done_callback([this] { loop.stop(); });
    const absl::Status status = loop.run_forever();
    blocks = count.blocks();
    heap = count.from_heap();
    ASSERT_THAT(status, IsOk());
    EXPECT_THAT(std::move(f).result(), IsOkAndHolds(&source));
  }
  EXPECT_EQ(blocks, 2u);  // The job's, and the one of the callback.
#ifndef ABSL_HAVE_ADDRESS_SANITIZER
  EXPECT_EQ(heap, 0u);  // In any thread.
#endif
  (void)heap;
}

TEST_F(ThreadPoolTest, ManyJobs) {
  thread_pool pool(4);
  constexpr int kJobs = 100'000 / kSlower;
  int64_t sum = 0;
  int left = kJobs;
  for (int i = 0; i < kJobs; ++i) {
    (void)run_in(pool, [i] { return i; }).then([&](int n) {
      sum += n;
      if (--left == 0) loop.stop();
    });
  }
  ASSERT_THAT(loop.run_forever(), IsOk());
  EXPECT_EQ(sum, int64_t{kJobs} * (kJobs - 1) / 2);
}

// Submits a function, awaits it, and so on.
class one_by_one final : public task<int> {
 public:
  one_by_one(thread_pool& pool, int times) : pool_(pool), left_(times) {}
  step start() {
    if (left_-- == 0) return done(sum_);
    return await<&one_by_one::next>(run_in(pool_, [] { return 1; }));
  }

 private:
  step next(int one) {
    sum_ += one;
    return start();
  }

  thread_pool& pool_;
  int left_, sum_ = 0;
};

TEST(ThreadPoolSharedTest, ManyLoopsShareAPool) {
  thread_pool pool(2);
  static constexpr int kTimes = 1000 / kSlower;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&pool] {
      event_loop loop;
      std::vector<future<int>> all;
      for (int i = 0; i < 10; ++i) {
        all.push_back(create_task(one_by_one(pool, kTimes)));
      }
      EXPECT_THAT(loop.run_forever(),
                  IsKind(error_kind::deadlock, HasSubstr("")));
      for (const future<int>& f : all) EXPECT_EQ(f.value(), kTimes);
    });
  }
  for (std::thread& t : threads) t.join();
}

TEST(ThreadPoolSharedTest, LoopsEndWhileTheirJobsAreUnderWay) {
  std::thread([] {  // As above.
    thread_pool pool(2);
    std::atomic<int> ran{0};
    int asked = 0;
    for (int round = 0; round < 200 / kSlower; ++round) {
      event_loop loop;
      for (int i = 0; i < 20; ++i, ++asked) {
        (void)run_in(pool, [&ran] { return std::to_string(++ran); });
      }
      loop.stop();
      EXPECT_THAT(loop.run_forever(), IsOk());
    }
    pool.shutdown();
    EXPECT_EQ(ran, asked);
  })
      .join();
}

TEST(ThreadPoolSharedTest, PoolsEndWhileTheirJobsAreUnderWay) {
  event_loop loop;
  for (int round = 0; round < 200 / kSlower; ++round) {
    std::vector<future<int>> all;
    {
      thread_pool pool(2);
      for (int i = 0; i < 20; ++i)
        all.push_back(run_in(pool, [] { return 1; }));
    }
    EXPECT_THAT(loop.run_forever(),
                IsKind(error_kind::deadlock, HasSubstr("")));
    for (const future<int>& f : all) {
      ASSERT_TRUE(f.done());
      if (!f.status().ok()) {
        EXPECT_THAT(f.status(), IsKind(error_kind::destroyed, HasSubstr("")));
      }
    }
  }
}

// A function that has a loop of its own may use the pool from it.
TEST(ThreadPoolSharedTest, AFunctionWithALoopMayUseThePool) {
  thread_pool pool(2);
  EXPECT_THAT(run(one_by_one(pool, 1)), IsOkAndHolds(1));
  event_loop loop;
  EXPECT_THAT(loop.run_until_complete(
                  run_in(pool, [&pool] { return run(one_by_one(pool, 3)); })),
              IsOkAndHolds(3));
}

}  // namespace
}  // namespace ratchet
