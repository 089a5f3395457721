#include "ratchet/timer_wheel.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace ratchet {
namespace {

using tick = timer_wheel::tick;
using timer = timer_wheel::timer;

constexpr tick kFirst = std::numeric_limits<tick>::min();
constexpr tick kLast = std::numeric_limits<tick>::max();
constexpr tick kMillisecond = 1'000'000;
constexpr tick kHour = 3'600'000 * kMillisecond;

// Pops everything that is due.
std::vector<timer*> pop_all(timer_wheel& wheel) {
  std::vector<timer*> popped;
  while (timer* t = wheel.pop_due()) popped.push_back(t);
  return popped;
}

// The indices in `timers` of what is due.
std::vector<size_t> pop_indices(timer_wheel& wheel,
                                const std::vector<timer>& timers) {
  std::vector<size_t> popped;
  while (timer* t = wheel.pop_due()) {
    popped.push_back(static_cast<size_t>(t - timers.data()));
  }
  return popped;
}

using popped = std::vector<timer*>;
using indices = std::vector<size_t>;

static_assert(sizeof(timer) <= 16, "a hook costs two words");
static_assert(!std::is_polymorphic<timer>::value, "a hook has no vtable");
static_assert(!std::is_copy_constructible<timer>::value, "a hook stays");
static_assert(!std::is_move_constructible<timer>::value, "a hook stays");
static_assert(!std::is_copy_constructible<timer_wheel>::value, "so does this");

TEST(TimerWheelTest, StartsEmptyAtTheGivenTime) {
  timer_wheel wheel(42);
  EXPECT_EQ(wheel.now(), 42);
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_FALSE(wheel.has_due());
  EXPECT_EQ(wheel.pop_due(), nullptr);
  EXPECT_EQ(wheel.next_deadline(), std::nullopt);
  EXPECT_TRUE(wheel.check_invariants().ok());
}

TEST(TimerWheelTest, TimerFiresAtItsDeadlineAndNotBefore) {
  timer_wheel wheel;
  timer t;
  wheel.schedule(t, 10);
  wheel.advance(9);
  EXPECT_FALSE(wheel.has_due());
  EXPECT_EQ(wheel.pop_due(), nullptr);
  wheel.advance(10);
  EXPECT_TRUE(wheel.has_due());
  EXPECT_EQ(wheel.pop_due(), &t);
  EXPECT_EQ(wheel.pop_due(), nullptr);
}

TEST(TimerWheelTest, TimerIsScheduledUntilItIsPopped) {
  timer_wheel wheel;
  timer t;
  EXPECT_FALSE(t.scheduled());
  wheel.schedule(t, 10);
  EXPECT_TRUE(t.scheduled());
  wheel.advance(10);
  EXPECT_TRUE(t.scheduled());
  EXPECT_EQ(wheel.size(), 1u);
  wheel.pop_due();
  EXPECT_FALSE(t.scheduled());
  EXPECT_EQ(wheel.size(), 0u);
}

TEST(TimerWheelTest, EarlierDeadlinesComeFirst) {
  timer_wheel wheel;
  timer a, b, c;
  wheel.schedule(a, 30);
  wheel.schedule(b, 10);
  wheel.schedule(c, 20);
  wheel.advance(100);
  EXPECT_EQ(pop_all(wheel), (popped{&b, &c, &a}));
}

TEST(TimerWheelTest, EqualDeadlinesComeInScheduleOrder) {
  timer_wheel wheel;
  std::vector<timer> timers(1000);
  for (timer& t : timers) wheel.schedule(t, kHour);
  wheel.advance(kHour);
  for (timer& t : timers) ASSERT_EQ(wheel.pop_due(), &t);
}

TEST(TimerWheelTest, EqualDeadlinesScheduledAtDifferentTimesStayInOrder) {
  timer_wheel wheel;
  std::vector<timer> timers(40);
  // Each time nearer to the deadline, so each time on a lower level.
  for (size_t i = 0; i < timers.size(); ++i) {
    wheel.schedule(timers[i], kHour);
    wheel.advance(kHour - (kHour >> (i + 1)) - 1);
    ASSERT_TRUE(wheel.check_invariants().ok()) << wheel.check_invariants();
  }
  wheel.advance(kHour);
  for (timer& t : timers) ASSERT_EQ(wheel.pop_due(), &t);
}

TEST(TimerWheelTest, RearmingMovesToTheNewDeadline) {
  timer_wheel wheel;
  timer t;
  wheel.schedule(t, 10);
  wheel.schedule(t, 20);
  EXPECT_EQ(wheel.size(), 1u);
  wheel.advance(10);
  EXPECT_FALSE(wheel.has_due());
  wheel.advance(20);
  EXPECT_EQ(pop_all(wheel), popped{&t});
}

TEST(TimerWheelTest, RearmingWithTheSameDeadlineGoesBehindItsEquals) {
  timer_wheel wheel;
  timer a, b;
  wheel.schedule(a, 10);
  wheel.schedule(b, 10);
  wheel.schedule(a, 10);
  wheel.advance(10);
  EXPECT_EQ(pop_all(wheel), (popped{&b, &a}));
}

TEST(TimerWheelTest, RearmingADueTimerMakesItWaitAgain) {
  timer_wheel wheel;
  timer a, b;
  wheel.schedule(a, 10);
  wheel.schedule(b, 10);
  wheel.advance(10);
  wheel.schedule(a, 11);
  EXPECT_EQ(pop_all(wheel), popped{&b});
  wheel.advance(11);
  EXPECT_EQ(pop_all(wheel), popped{&a});
}

TEST(TimerWheelTest, CancelledTimerNeverFires) {
  timer_wheel wheel;
  timer a, b;
  wheel.schedule(a, 10);
  wheel.schedule(b, 10);
  EXPECT_TRUE(wheel.cancel(a));
  EXPECT_FALSE(a.scheduled());
  wheel.advance(10);
  EXPECT_EQ(pop_all(wheel), popped{&b});
}

TEST(TimerWheelTest, CancelledDueTimerNeverFires) {
  timer_wheel wheel;
  timer a;
  wheel.schedule(a, 10);
  wheel.advance(10);
  EXPECT_TRUE(wheel.cancel(a));
  EXPECT_FALSE(wheel.has_due());
  EXPECT_EQ(wheel.pop_due(), nullptr);
}

TEST(TimerWheelTest, CancelOfAnIdleTimerReturnsFalse) {
  timer_wheel wheel;
  timer t;
  EXPECT_FALSE(wheel.cancel(t));
  wheel.schedule(t, 1);
  EXPECT_TRUE(wheel.cancel(t));
  EXPECT_FALSE(wheel.cancel(t));
  wheel.schedule(t, 1);
  wheel.advance(1);
  wheel.pop_due();
  EXPECT_FALSE(wheel.cancel(t));
}

TEST(TimerWheelTest, CancelInAnotherWheelDoesNothing) {
  timer_wheel wheel, other;
  timer t;
  wheel.schedule(t, 1);
  EXPECT_FALSE(other.cancel(t));
  EXPECT_TRUE(t.scheduled());
  wheel.advance(1);
  EXPECT_EQ(wheel.pop_due(), &t);
}

TEST(TimerWheelTest, ScheduleTakesATimerFromAnotherWheel) {
  timer_wheel wheel, other;
  timer t;
  wheel.schedule(t, 1);
  other.schedule(t, 2);
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_EQ(other.size(), 1u);
  wheel.advance(5);
  EXPECT_EQ(wheel.pop_due(), nullptr);
  other.advance(5);
  EXPECT_EQ(other.pop_due(), &t);
}

TEST(TimerWheelTest, TimerMayBeFreedAtOnceAfterCancel) {
  timer_wheel wheel;
  timer last;
  for (int i = 0; i < 1000; ++i) {
    auto t = std::make_unique<timer>();
    wheel.schedule(*t, 1 + i % 7);
    EXPECT_TRUE(wheel.cancel(*t));
  }
  wheel.schedule(last, 7);
  EXPECT_EQ(wheel.next_deadline(), 7);
  wheel.advance(7);
  EXPECT_EQ(pop_all(wheel), popped{&last});
}

TEST(TimerWheelTest, DestroyingATimerCancelsIt) {
  timer_wheel wheel;
  timer last;
  {
    timer armed, due;
    wheel.schedule(due, 1);
    wheel.advance(1);
    wheel.schedule(armed, 2);
    wheel.schedule(last, 2);
    EXPECT_EQ(wheel.size(), 3u);
  }
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_FALSE(wheel.has_due());
  wheel.advance(2);
  EXPECT_EQ(pop_all(wheel), popped{&last});
}

TEST(TimerWheelTest, DestroyingTheWheelLeavesItsTimersIdle) {
  timer armed, due, late, cancelled;
  {
    timer_wheel wheel;
    wheel.schedule(due, 1);
    wheel.advance(1);
    wheel.schedule(armed, 2);
    wheel.schedule(late, 0);
    wheel.schedule(cancelled, 3);
    wheel.cancel(cancelled);
  }
  EXPECT_FALSE(armed.scheduled());
  EXPECT_FALSE(due.scheduled());
  EXPECT_FALSE(late.scheduled());
  timer_wheel other;
  other.schedule(armed, 1);
  EXPECT_TRUE(armed.scheduled());
}

TEST(TimerWheelTest, TimersOfFourBytesDoAsTheOthersDo) {
  static_assert(sizeof(internal::timer_hook) == 4, "");
  static_assert(std::is_trivial_v<internal::timer_hook>, "");
  internal::timer_hook a{}, b{}, c{};
  {
    timer_wheel wheel;
    wheel.schedule(a, 5);
    wheel.schedule(b, 3);
    wheel.schedule(c, 4);
    EXPECT_TRUE(wheel.cancel(c));
    EXPECT_FALSE(wheel.cancel(c));
    EXPECT_EQ(wheel.next_deadline(), 3);
    wheel.schedule(b, 5);  // Behind `a`, by now.
    EXPECT_EQ(wheel.size(), 2u);
    wheel.advance(5);
    EXPECT_EQ(wheel.pop_due_hook(), &a);
    EXPECT_EQ(wheel.pop_due_hook(), &b);
    EXPECT_EQ(wheel.pop_due_hook(), nullptr);
    EXPECT_EQ(a.id, 0u);
    EXPECT_EQ(b.id, 0u);
    EXPECT_TRUE(wheel.check_invariants().ok());
    wheel.schedule(c, 7);
  }
  EXPECT_EQ(c.id, 0u);  // The wheel let it go.
}

TEST(TimerWheelTest, ADeadlineThatHasPassedWaitsForTheNextAdvance) {
  timer_wheel wheel(100);
  timer past, present;
  wheel.schedule(present, 100);
  wheel.schedule(past, 50);
  EXPECT_FALSE(wheel.has_due());
  EXPECT_EQ(wheel.pop_due(), nullptr);
  EXPECT_EQ(wheel.next_deadline(), 50);
  wheel.advance(100);
  EXPECT_EQ(pop_all(wheel), (popped{&past, &present}));
}

TEST(TimerWheelTest, LateTimersComeByDeadlineAndBeforeTheRest) {
  timer_wheel wheel(100);
  timer a, b, c, d, e;
  wheel.schedule(a, 101);
  wheel.schedule(b, 90);
  wheel.schedule(c, 80);
  wheel.schedule(d, 90);
  wheel.schedule(e, 100);
  wheel.advance(101);
  EXPECT_EQ(pop_all(wheel), (popped{&c, &b, &d, &e, &a}));
}

TEST(TimerWheelTest, WhatIsStillDueComesBeforeWhatBecomesDue) {
  timer_wheel wheel;
  timer a, b, c;
  wheel.schedule(a, 10);
  wheel.schedule(b, 20);
  wheel.advance(10);
  wheel.schedule(c, 5);
  wheel.advance(20);
  EXPECT_EQ(pop_all(wheel), (popped{&a, &c, &b}));
}

TEST(TimerWheelTest, WhatAPoppedTimerSchedulesWaitsForTheNextAdvance) {
  timer_wheel wheel;
  timer a, b;
  wheel.schedule(a, 10);
  wheel.schedule(b, 10);
  wheel.advance(10);
  ASSERT_EQ(wheel.pop_due(), &a);
  wheel.schedule(a, 10);  // As call_later(0) does.
  EXPECT_EQ(pop_all(wheel), popped{&b});
  wheel.advance(10);
  EXPECT_EQ(pop_all(wheel), popped{&a});
}

TEST(TimerWheelTest, APoppedTimerMayCancelAndDestroyOthers) {
  timer_wheel wheel;
  std::vector<std::unique_ptr<timer>> timers;
  for (int i = 0; i < 100; ++i) {
    timers.push_back(std::make_unique<timer>());
    wheel.schedule(*timers.back(), 1 + i % 2);
  }
  wheel.advance(2);
  timer* t = wheel.pop_due();
  ASSERT_EQ(t, timers[0].get());
  timers.clear();  // `t` too.
  EXPECT_EQ(wheel.pop_due(), nullptr);
  EXPECT_EQ(wheel.size(), 0u);
}

TEST(TimerWheelTest, TimersScheduledIntoARangeBeingDrainedMerge) {
  timer_wheel wheel;
  std::vector<timer> timers(200);
  // Close enough to share slots, many enough to have them divided.
  for (size_t i = 0; i < 100; ++i) {
    wheel.schedule(timers[i], 10'000 + static_cast<tick>(i) * 10);
  }
  ASSERT_EQ(wheel.next_deadline(), 10'000);
  wheel.advance(10'095);
  EXPECT_EQ(pop_indices(wheel, timers),
            (indices{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  for (size_t i = 100; i < 190; ++i) {
    wheel.schedule(timers[i], 10'100 + static_cast<tick>(i - 100) * 10);
  }
  ASSERT_TRUE(wheel.check_invariants().ok());
  wheel.advance(20'000);
  for (size_t i = 10; i < 100; ++i) {
    ASSERT_EQ(wheel.pop_due(), &timers[i]);
    ASSERT_EQ(wheel.pop_due(), &timers[i + 90]);
  }
}

TEST(TimerWheelTest, SchedulingBeforeALookedUpDeadlineComesFirst) {
  timer_wheel wheel;
  std::vector<timer> far(100);
  for (timer& t : far) wheel.schedule(t, kHour);
  EXPECT_EQ(wheel.next_deadline(), kHour);
  timer near;
  wheel.schedule(near, 1);
  EXPECT_EQ(wheel.next_deadline(), 1);
  wheel.advance(1);
  EXPECT_EQ(pop_all(wheel), popped{&near});
  EXPECT_EQ(wheel.next_deadline(), kHour);
}

TEST(TimerWheelTest, NextDeadlineIgnoresCancelledAndDueTimers) {
  timer_wheel wheel;
  timer a, b, c;
  wheel.schedule(a, 10);
  wheel.schedule(b, 20);
  wheel.schedule(c, 30);
  wheel.cancel(a);
  EXPECT_EQ(wheel.next_deadline(), 20);
  wheel.advance(20);
  EXPECT_EQ(wheel.next_deadline(), 30);
  wheel.cancel(c);
  EXPECT_EQ(wheel.next_deadline(), std::nullopt);
}

TEST(TimerWheelTest, AdvanceToAnEarlierTimeLeavesNow) {
  timer_wheel wheel(10);
  timer t, late;
  wheel.schedule(t, 11);
  wheel.schedule(late, 3);
  wheel.advance(5);
  EXPECT_EQ(wheel.now(), 10);
  EXPECT_EQ(pop_all(wheel), popped{&late});
}

TEST(TimerWheelTest, TheWholeRangeOfTicksIsUsable) {
  timer_wheel wheel(kFirst);
  timer first, negative, zero, positive, last;
  wheel.schedule(last, kLast);
  wheel.schedule(positive, 1);
  wheel.schedule(zero, 0);
  wheel.schedule(negative, -1);
  wheel.schedule(first, kFirst);
  ASSERT_TRUE(wheel.check_invariants().ok());
  EXPECT_EQ(wheel.next_deadline(), kFirst);
  wheel.advance(kFirst);
  EXPECT_EQ(pop_all(wheel), popped{&first});
  EXPECT_EQ(wheel.next_deadline(), -1);
  wheel.advance(0);
  EXPECT_EQ(pop_all(wheel), (popped{&negative, &zero}));
  wheel.advance(kLast - 1);
  EXPECT_EQ(pop_all(wheel), popped{&positive});
  EXPECT_EQ(wheel.next_deadline(), kLast);
  wheel.advance(kLast);
  EXPECT_EQ(pop_all(wheel), popped{&last});
  wheel.schedule(first, kLast);
  wheel.schedule(zero, kFirst);
  wheel.advance(kLast);
  EXPECT_EQ(pop_all(wheel), (popped{&zero, &first}));
}

// Jumps from deadline to deadline as a virtual clock does.
TEST(TimerWheelTest, FiresInOrderWhenTimeJumpsFromDeadlineToDeadline) {
  timer_wheel wheel(-5);
  std::vector<timer> timers(20'000);
  std::vector<tick> deadlines;
  std::mt19937_64 random(7);
  for (timer& t : timers) {
    deadlines.push_back(static_cast<tick>(random() >> (1 + random() % 63)));
    wheel.schedule(t, deadlines.back());
  }
  std::vector<size_t> order(timers.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return deadlines[a] < deadlines[b];
  });
  size_t fired = 0;
  while (std::optional<tick> next = wheel.next_deadline()) {
    ASSERT_EQ(next, deadlines[order[fired]]);
    wheel.advance(*next);
    while (timer* t = wheel.pop_due()) {
      ASSERT_EQ(t, &timers[order[fired]]);
      ++fired;
    }
  }
  EXPECT_EQ(fired, timers.size());
}

TEST(TimerWheelTest, ManyTimersOfOneSlotStayInOrderWhenItIsDivided) {
  timer_wheel wheel;
  std::vector<timer> timers(200'000);
  std::mt19937_64 random(3);
  std::vector<tick> deadlines(timers.size());
  for (size_t i = 0; i < timers.size(); ++i) {
    deadlines[i] = kHour + static_cast<tick>(random() % 1000);
    wheel.schedule(timers[i], deadlines[i]);
  }
  ASSERT_TRUE(wheel.check_invariants().ok());
  wheel.advance(2 * kHour);
  tick deadline = 0;
  size_t before = 0;
  for (size_t fired = 0; fired < timers.size(); ++fired) {
    const auto i = static_cast<size_t>(wheel.pop_due() - timers.data());
    ASSERT_TRUE(deadline < deadlines[i] ||
                (deadline == deadlines[i] && before < i));
    deadline = deadlines[i];
    before = i;
  }
}

TEST(TimerWheelTest, TwoRunsAreIdentical) {
  const auto run = [] {
    timer_wheel wheel;
    std::vector<timer> timers(500);
    std::mt19937_64 random(1);
    indices fired;
    for (int i = 0; i < 20'000; ++i) {
      const size_t index = random() % timers.size();
      if (random() % 4 == 0) {
        wheel.cancel(timers[index]);
      } else {
        wheel.schedule(timers[index],
                       wheel.now() + static_cast<tick>(random() % 1000));
      }
      wheel.advance(wheel.now() + static_cast<tick>(random() % 3));
      for (size_t x : pop_indices(wheel, timers)) fired.push_back(x);
    }
    return fired;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace ratchet
