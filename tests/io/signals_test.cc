#include "ratchet/io/signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/clock.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "tests/support/allocations.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What the process does when `number` comes.
void (*disposition(int number))(int) {
  struct sigaction now = {};
  EXPECT_EQ(sigaction(number, nullptr, &now), 0);
  return now.sa_handler;
}

class SignalsTest : public loop_test {
 protected:
  // REQUIRES: they can be watched.
  static signal_watcher watching(const std::vector<int>& signals) {
    absl::StatusOr<signal_watcher> w = signal_watcher::watch(signals);
    EXPECT_THAT(w, IsOk());
    return *std::move(w);
  }
};

TEST_F(SignalsTest, ASignalThatCameBeforeIsNotLost) {
  signal_watcher w = watching({SIGUSR1});
  raise(SIGUSR1);
  EXPECT_THAT(loop.run_until_complete(w.next()), IsOkAndHolds(SIGUSR1));
}

TEST_F(SignalsTest, ASignalThatComesLaterWakesTheLoop) {
  signal_watcher w = watching({SIGUSR1, SIGUSR2});
  future<int> next = loop.create_task(w.next());
  iterate(3);
  EXPECT_FALSE(next.done());
  loop.call_later(absl::Seconds(1), [] { raise(SIGUSR2); });
  EXPECT_THAT(loop.run_until_complete(std::move(next)), IsOkAndHolds(SIGUSR2));
  EXPECT_EQ(elapsed(), absl::Seconds(1));
}

TEST_F(SignalsTest, ALoopThatSleepsIsWokenAndIsNoDeadlock) {
  steady_clock real;
  event_loop other(real);
  signal_watcher w = watching({SIGUSR1});
  std::thread sender([] { kill(getpid(), SIGUSR1); });
  EXPECT_THAT(other.run_until_complete(w.next()), IsOkAndHolds(SIGUSR1));
  sender.join();
}

TEST_F(SignalsTest, AWatcherThatNobodyWaitsForIsNothingToWaitFor) {
  const signal_watcher w = watching({SIGUSR1});
  run_until_idle();
}

TEST_F(SignalsTest, RepeatedSignalsComeOnceAndTheLowestFirst) {
  signal_watcher w = watching({SIGUSR1, SIGUSR2, SIGHUP});
  raise(SIGUSR2);
  raise(SIGUSR2);
  raise(SIGHUP);
  EXPECT_THAT(loop.run_until_complete(w.next()), IsOkAndHolds(SIGHUP));
  EXPECT_THAT(loop.run_until_complete(w.next()), IsOkAndHolds(SIGUSR2));
  EXPECT_THAT(
      loop.run_until_complete(with_timeout(w.next(), absl::Milliseconds(1))),
      IsKind(error_kind::timeout, _));
  raise(SIGUSR2);
  EXPECT_THAT(loop.run_until_complete(w.next()), IsOkAndHolds(SIGUSR2));
}

TEST_F(SignalsTest, ACancelledNextLosesNothing) {
  signal_watcher w = watching({SIGUSR1});
  future<int> next = loop.create_task(w.next());
  iterate();
  raise(SIGUSR1);
  EXPECT_TRUE(next.cancel());
  EXPECT_THAT(loop.run_until_complete(std::move(next)), IsCancelled());
  EXPECT_THAT(loop.run_until_complete(w.next()), IsOkAndHolds(SIGUSR1));
}

TEST_F(SignalsTest, ASecondTaskIsRefused) {
  signal_watcher w = watching({SIGUSR1});
  future<int> first = loop.create_task(w.next());
  EXPECT_THAT(loop.run_until_complete(w.next()),
              IsKind(error_kind::invalid_state, HasSubstr("SIGUSR1")));
  raise(SIGUSR1);
  EXPECT_THAT(loop.run_until_complete(std::move(first)), IsOk());
}

TEST_F(SignalsTest, ANextThatIsNotAwaitedIsInNobodysWay) {
  std::optional<signal_watcher> w = watching({SIGUSR1});
  future<int> never = loop.create_task(w->next());
  never.cancel();
  auto later = w->next();
  raise(SIGUSR1);
  EXPECT_THAT(loop.run_until_complete(w->next()), IsOkAndHolds(SIGUSR1));
  w.reset();
  EXPECT_THAT(loop.run_until_complete(std::move(later)),
              IsKind(error_kind::destroyed, _));
}

TEST_F(SignalsTest, EveryWatcherGetsTheSignal) {
  signal_watcher one = watching({SIGUSR1});
  signal_watcher two = watching({SIGUSR1, SIGUSR2});
  raise(SIGUSR1);
  EXPECT_THAT(loop.run_until_complete(one.next()), IsOkAndHolds(SIGUSR1));
  EXPECT_THAT(loop.run_until_complete(two.next()), IsOkAndHolds(SIGUSR1));
}

TEST_F(SignalsTest, LoopsOfSeveralThreadsGetTheSignal) {
  constexpr int kThreads = 4;
  steady_clock real;
  std::vector<std::thread> threads;
  std::atomic<int> watching_now{0};
  std::atomic<int> got{0};
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      event_loop mine(real);
      signal_watcher w = watching({SIGUSR1});
      ++watching_now;
      const absl::StatusOr<int> number = mine.run_until_complete(w.next());
      if (number.ok() && *number == SIGUSR1) ++got;
    });
  }
  while (watching_now < kThreads) std::this_thread::yield();
  kill(getpid(), SIGUSR1);
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(got, kThreads);
  EXPECT_EQ(disposition(SIGUSR1), SIG_DFL);
}

TEST_F(SignalsTest, TheDispositionComesBackWithTheLastWatcher) {
  ASSERT_NE(signal(SIGUSR1, SIG_IGN), SIG_ERR);
  std::optional<signal_watcher> one = watching({SIGUSR1, SIGUSR2});
  std::optional<signal_watcher> two = watching({SIGUSR1});
  EXPECT_NE(disposition(SIGUSR1), SIG_IGN);
  one.reset();
  EXPECT_NE(disposition(SIGUSR1), SIG_IGN);
  EXPECT_EQ(disposition(SIGUSR2), SIG_DFL);
  two.reset();
  EXPECT_EQ(disposition(SIGUSR1), SIG_IGN);
  raise(SIGUSR1);  // Ends nobody.
  signal(SIGUSR1, SIG_DFL);
}

TEST_F(SignalsTest, WhatOthersHaveSetSinceStays) {
  std::optional<signal_watcher> w = watching({SIGUSR1});
  signal(SIGUSR1, SIG_IGN);
  w.reset();
  EXPECT_EQ(disposition(SIGUSR1), SIG_IGN);
  signal(SIGUSR1, SIG_DFL);
}

TEST_F(SignalsTest, AWatcherDoesNotGetWhatCameForOneBeforeIt) {
  std::optional<signal_watcher> w = watching({SIGUSR1});
  const signal_watcher keeps_the_handler = watching({SIGUSR1});
  raise(SIGUSR1);
  w.reset();
  w = watching({SIGUSR1});
  EXPECT_THAT(
      loop.run_until_complete(with_timeout(w->next(), absl::Milliseconds(1))),
      IsKind(error_kind::timeout, _));
}

TEST_F(SignalsTest, WhatCannotBeWatchedIsRefusedByName) {
  for (const int number :
       {0, -1, 65, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, 33}) {
    EXPECT_THAT(signal_watcher::watch({SIGUSR1, number}),
                StatusIs(absl::StatusCode::kInvalidArgument, _))
        << number;
    EXPECT_EQ(disposition(SIGUSR1), SIG_DFL);
  }
  EXPECT_THAT(signal_watcher::watch({SIGKILL}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("SIGKILL cannot be")));
  EXPECT_THAT(signal_watcher::watch({}),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

TEST_F(SignalsTest, RealTimeSignalsComeToo) {
  signal_watcher w = watching({SIGRTMAX});
  raise(SIGRTMAX);
  EXPECT_THAT(loop.run_until_complete(w.next()), IsOkAndHolds(SIGRTMAX));
}

TEST_F(SignalsTest, AWatcherThatIsDestroyedFailsWhoWaits) {
  std::optional<signal_watcher> w = watching({SIGUSR1});
  future<int> next = loop.create_task(w->next());
  iterate();
  w.reset();
  EXPECT_THAT(loop.run_until_complete(std::move(next)),
              IsKind(error_kind::destroyed, HasSubstr("SIGUSR1")));
}

TEST_F(SignalsTest, WhatNextGaveStaysValidWhenItsWatcherIsMoved) {
  signal_watcher w = watching({SIGUSR1});
  future<int> next = loop.create_task(w.next());
  iterate();
  const signal_watcher moved = std::move(w);
  raise(SIGUSR1);
  EXPECT_THAT(loop.run_until_complete(std::move(next)), IsOkAndHolds(SIGUSR1));
}

TEST_F(SignalsTest, AClosedLoopWatchesNoMore) {
  signal_watcher w = watching({SIGUSR1});
  const future<int> next = loop.create_task(w.next());
  iterate();
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_FALSE(next.done());
  EXPECT_EQ(disposition(SIGUSR1), SIG_DFL);
  EXPECT_THAT(signal_watcher::watch({SIGUSR1}), IsKind(error_kind::closed, _));
}

TEST_F(SignalsTest, WatchersMayOutliveTheirLoop) {
  signal_watcher w;
  {
    event_loop short_lived(clock);
    w = watching({SIGUSR1});
  }
  EXPECT_EQ(disposition(SIGUSR1), SIG_DFL);
}

// Takes signals, again and again.
class counts final : public task<int> {
 public:
  counts(signal_watcher& w, int until) : watcher_(w), until_(until) {}
  step start() { return await<&counts::came>(watcher_.next()); }

 private:
  step came(int /*number*/) {
    if (++count_ == until_) return done(count_);
    raise(SIGUSR1);
    return start();
  }

  signal_watcher& watcher_;
  const int until_;
  int count_ = 0;
};

TEST_F(SignalsTest, WaitingAllocatesNothing) {
  signal_watcher w = watching({SIGUSR1});
  raise(SIGUSR1);
  EXPECT_THAT(loop.run_until_complete(counts(w, 2)), IsOk());
  future<int> counting = loop.create_task(counts(w, 100));
  iterate();
  raise(SIGUSR1);
  const allocation_count made;
  while (!counting.done()) iterate(20);
  EXPECT_EQ(made.blocks(), 0U);
  EXPECT_EQ(made.from_heap(), 0U);
}

TEST_F(SignalsTest, ReportsNameTheSignals) {
  signal_watcher w = watching({SIGINT, SIGTERM});
  const future<int> next = loop.create_task(w.next());
  iterate();
  ASSERT_EQ(loop.all_tasks().size(), 1U);
  EXPECT_THAT(loop.all_tasks()[0].awaiting, HasSubstr("SIGINT or SIGTERM"));
}

// -- next_signal() -----------------------------------------------------------

TEST_F(SignalsTest, NextSignalWatchesFromTheCallUntilItIsDone) {
  future<int> next = next_signal({SIGUSR1, SIGUSR2});
  raise(SIGUSR2);
  EXPECT_THAT(loop.run_until_complete(std::move(next)), IsOkAndHolds(SIGUSR2));
  EXPECT_EQ(disposition(SIGUSR2), SIG_DFL);
}

TEST_F(SignalsTest, NextSignalIsSomethingToWaitFor) {
  steady_clock real;
  event_loop other(real);
  future<int> next = next_signal({SIGUSR1});
  std::thread sender([] { kill(getpid(), SIGUSR1); });
  EXPECT_THAT(other.run_until_complete(std::move(next)), IsOkAndHolds(SIGUSR1));
  sender.join();
}

TEST_F(SignalsTest, CancellingOrDroppingNextSignalWatchesNoMore) {
  future<int> cancelled = next_signal({SIGUSR1});
  EXPECT_TRUE(cancelled.cancel());
  EXPECT_EQ(disposition(SIGUSR1), SIG_DFL);
  std::optional<future<int>> dropped = next_signal({SIGUSR1});
  EXPECT_NE(disposition(SIGUSR1), SIG_DFL);
  dropped.reset();
  EXPECT_EQ(disposition(SIGUSR1), SIG_DFL);
  run_until_idle();
}

TEST_F(SignalsTest, NextSignalFailsForWhatCannotBeWatched) {
  EXPECT_THAT(loop.run_until_complete(next_signal({SIGKILL})),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

}  // namespace
}  // namespace ratchet::test
