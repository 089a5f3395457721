#include "ratchet/remote.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::loop_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class RemoteTest : public loop_test {
 protected:
  static constexpr int kThreads = 4;
};

TEST_F(RemoteTest, PostsFromAnotherThread) {  // S13
  std::thread other([r = loop.make_remote(), this] {
    EXPECT_THAT(r.post([this] {
      mark("posted");
      EXPECT_TRUE(loop.is_running());
    }),
                IsOk());
  });
  run_until_idle();  // Waits for the thread, and ends when its remote is gone.
  EXPECT_THAT(taken(), ElementsAre("posted"));
  other.join();
}

TEST_F(RemoteTest, PostsComeBehindWhatIsReady) {  // S13
  count_from_here();
  loop.call_soon(marks_iteration("soon"));
  std::thread([this] {
    EXPECT_THAT(loop.post(marks_iteration("posted")), IsOk());
  }).join();
  loop.call_soon(marks_iteration("soon, but later"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("soon@1", "soon, but later@1", "posted@1"));
}

TEST_F(RemoteTest, OnTheLoopsThreadAPostIsACallSoon) {  // S13
  loop.call_soon([this] {
    loop.call_soon(marks("a"));
    EXPECT_THAT(loop.post(marks("b")), IsOk());
    EXPECT_THAT(loop.make_remote().post(marks("c")), IsOk());
    loop.call_soon(marks("d"));
  });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a", "b", "c", "d"));
}

TEST_F(RemoteTest, APostToALoopThatIsNotTheCurrentOneIsACallSoonToo) {  // S13
  event_loop newer(clock);
  loop.call_soon(marks("a"));
  EXPECT_THAT(loop.post(marks("b")), IsOk());
  loop.call_soon(marks("c"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a", "b", "c"));
}

TEST_F(RemoteTest, NoneIsLostAndEachThreadsOrderIsKept) {  // S13
  constexpr int kEach = 5000;
  std::vector<int> next(kThreads, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&next, t, r = loop.make_remote()] {
      for (int i = 0; i < kEach; ++i) {
        ASSERT_THAT(r.post([&next, t, i] {
          EXPECT_EQ(next[static_cast<size_t>(t)]++, i);
        }),
                    IsOk());
      }
    });
  }
  run_until_idle();
  for (std::thread& t : threads) t.join();
  EXPECT_THAT(next, ElementsAre(kEach, kEach, kEach, kEach));
}

TEST_F(RemoteTest, AFailureIsReported) {  // S11
  std::thread([this] {
    EXPECT_THAT(loop.post([] { return absl::NotFoundError("posted"); }),
                IsOk());
#ifdef ABSL_HAVE_EXCEPTIONS
    EXPECT_THAT(loop.post([] { throw std::runtime_error("thrown"); }), IsOk());
#endif
    EXPECT_THAT(loop.post(marks("went on")), IsOk());
  }).join();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("went on"));
  ASSERT_GE(reports.size(), 1u);
  EXPECT_EQ(reports[0].who, "post()");
  EXPECT_EQ(reports[0].status, absl::NotFoundError("posted"));
#ifdef ABSL_HAVE_EXCEPTIONS
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_THAT(reports[1].status,
              IsKind(error_kind::thrown, HasSubstr("thrown")));
#endif
}

TEST_F(RemoteTest, MayOutliveItsLoop) {
  std::optional<remote> r;
  {
    event_loop other(clock);
    r = other.make_remote();
  }
  const auto alive = std::make_shared<int>(0);
  EXPECT_THAT(
      r->post([alive] {}),
      IsKind(error_kind::closed, HasSubstr("the event loop is closed")));
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(RemoteTest, WhatWasPostedAndDidNotRunGoesWithTheLoop) {
  const auto alive = std::make_shared<int>(0);
  {
    event_loop other(clock);
    std::thread([&] {
      EXPECT_THAT(other.post([alive] { ADD_FAILURE(); }), IsOk());
    }).join();
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

// Threads that go on posting while the loop closes: refused from then on, and
// every callable is destroyed.
TEST_F(RemoteTest, ALoopMayCloseWhileThreadsPost) {
  for (int round = 0; round < 5; ++round) {
    const auto alive = std::make_shared<int>(0);
    std::atomic<int> begun{0}, ran{0};
    std::atomic<int> accepted{0};
    auto other = std::make_unique<event_loop>(clock);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, r = other->make_remote(), mine = alive] {
        ++begun;
        for (;;) {
          const absl::Status status = r.post([&ran, mine] { ++ran; });
          if (!status.ok()) {
            EXPECT_THAT(status,
                        IsKind(error_kind::closed, HasSubstr("closed")));
            return;
          }
          ++accepted;
        }
      });
    }
    while (begun < kThreads) std::this_thread::yield();
    other->stop();
    ASSERT_THAT(other->run_forever(), IsOk());
    other.reset();
    for (std::thread& t : threads) t.join();
    EXPECT_LE(ran, accepted);
    EXPECT_EQ(alive.use_count(), 1);
  }
}

TEST_F(RemoteTest, CopiesCountAndMovedFromOnesDoNot) {
  std::optional<remote> a = loop.make_remote();
  remote b = *a;
  remote c = std::move(b);
  a = c;
  a.reset();
  loop.call_later(absl::Seconds(1), marks("timer"));
  {
    // With a remote left, the loop would wait for ever: c goes in a thread.
    std::thread other([d = std::move(c), this] {
      EXPECT_THAT(d.post(marks("posted")), IsOk());
    });
    run_until_idle();
    other.join();
  }
  EXPECT_THAT(taken(), ::testing::UnorderedElementsAre("timer", "posted"));
}

// -- In real time -------------------------------------------------------------

TEST(RemoteRealTimeTest, AnIdleLoopWaitsForItAndItsEndIsADeadlock) {
  event_loop loop;
  std::atomic<bool> gone{false};
  bool ran = false;
  std::thread other([&, r = std::make_optional(loop.make_remote())]() mutable {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_THAT(r->post([&] { ran = true; }), IsOk());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    gone = true;
    r.reset();
  });
  EXPECT_THAT(loop.run_forever(),
              IsKind(error_kind::deadlock, HasSubstr("no other thread")));
  EXPECT_TRUE(gone);
  EXPECT_TRUE(ran);
  other.join();
}

TEST(RemoteRealTimeTest, APostWakesALoopThatSleeps) {
  event_loop loop;
  const callback_handle timer = loop.call_later(absl::Hours(1), [] {});
  std::thread other([r = loop.make_remote(), &loop] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_THAT(r.post([&loop] { loop.stop(); }), IsOk());
  });
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_TRUE(timer.pending());
  other.join();
}

TEST(RemoteRealTimeTest, TimersFireInRealTimeAndNotEarly) {
  event_loop loop;
  const absl::Time begin = loop.now();
  absl::Time fired;
  loop.call_later(absl::Milliseconds(3), [&] {
    fired = loop.now();
    loop.stop();
  });
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_GE(fired - begin, absl::Milliseconds(3));
}

}  // namespace
}  // namespace ratchet
