// Many threads and much of everything. Real threads, so that what is checked is
// what must hold in every order.

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/remote.h"
#include "ratchet/status.h"
#include "ratchet/thread.h"
#include "tests/support/status_matchers.h"
#include "tests/thread/scale.h"

namespace ratchet {
namespace {

using test::IsKind;
using test::IsOk;
using test::kSlower;
using ::testing::_;

constexpr int kThreads = 8;

TEST(ThreadStressTest, NoPostIsLostAndEachThreadsOrderIsKept) {  // S13
  constexpr int kEach = 1'000'000 / kSlower;
  event_loop loop;
  std::vector<int> next(kThreads, 0);
  int out_of_order = 0;
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t, door = loop.make_remote()] {
      for (int i = 0; i < kEach; ++i) {
        const absl::Status status = door.post([&next, &out_of_order, t, i] {
          if (next[t]++ != i) ++out_of_order;
        });
        if (!status.ok()) ++refused;
        // Not more memory than a slow loop needs.
        if (i % 4096 == 0) std::this_thread::yield();
      }
    });
  }
  // Ends when the last remote has gone.
  EXPECT_THAT(loop.run_forever(), IsKind(error_kind::deadlock, _));
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(out_of_order, 0);
  EXPECT_EQ(next, std::vector<int>(kThreads, kEach));
}

TEST(ThreadStressTest, ALoopThatClosesRefusesAndLeaksNothing) {
  for (int round = 0; round < 20; ++round) {
    const auto alive = std::make_shared<int>(0);
    std::atomic<int> begun{0}, accepted{0}, ran{0};
    std::optional<event_loop> loop(std::in_place);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, door = loop->make_remote(), mine = alive] {
        ++begun;
        for (;;) {
          const absl::Status status = door.post([&ran, mine] { ++ran; });
          if (!status.ok()) {
            EXPECT_THAT(status, IsKind(error_kind::closed, _));
            return;
          }
          ++accepted;
          std::this_thread::yield();
        }
      });
    }
    while (begun < kThreads) std::this_thread::yield();
    loop->stop();
    EXPECT_THAT(loop->run_forever(), IsOk());
    if (round % 2 == 0) {
      EXPECT_THAT(loop->close(), IsOk());
    }
    loop.reset();
    // The remotes are still there, and the threads use them.
    for (std::thread& t : threads) t.join();
    EXPECT_LE(ran, accepted);
    EXPECT_EQ(alive.use_count(), 1);
  }
}

TEST(ThreadStressTest, RemotesOutliveTheirLoops) {
  std::vector<remote> doors;
  for (int i = 0; i < 100; ++i) {
    event_loop loop;
    doors.push_back(loop.make_remote());
    doors.push_back(doors.back());
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&doors] {
      for (const remote& door : doors) {
        const remote mine = door;
        EXPECT_THAT(mine.post([] { ADD_FAILURE(); }),
                    IsKind(error_kind::closed, _));
      }
    });
  }
  for (std::thread& t : threads) t.join();
}

TEST(ThreadStressTest, APoolIsDestroyedWithWorkQueuedByManyLoops) {
  for (int round = 0; round < 50 / kSlower; ++round) {
    std::optional<thread_pool> pool(std::in_place, 2);
    std::atomic<int> submitted{0}, settled{0};
    std::atomic<bool> gone{false};
    std::vector<std::thread> threads;
    constexpr int kJobs = 200;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        event_loop loop;
        std::vector<future<std::string>> all;
        for (int i = 0; i < kJobs; ++i) {
          all.push_back(run_in(*pool, [i] { return std::to_string(i); }));
        }
        ++submitted;
        while (!gone) std::this_thread::yield();
        EXPECT_THAT(loop.run_forever(), IsKind(error_kind::deadlock, _));
        for (const future<std::string>& f : all) {
          if (!f.done()) continue;
          ++settled;
          if (!f.status().ok()) {
            EXPECT_THAT(f.status(), IsKind(error_kind::destroyed, _));
          }
        }
      });
    }
    while (submitted < 3) std::this_thread::yield();
    pool.reset();
    gone = true;
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(settled, 3 * kJobs);
  }
}

}  // namespace
}  // namespace ratchet
