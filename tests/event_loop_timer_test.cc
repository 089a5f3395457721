// The timers of event_loop: call_later, call_at and the intrusive ones.

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsOk;
using ::ratchet::test::loop_test;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

class TimerTest : public loop_test {
 protected:
  // A callback that adds what, and the time in ms: "a@5ms".
  auto marks_time(const std::string& what) {
    return [this, what] {
      mark(absl::StrCat(what, "@", absl::FormatDuration(elapsed())));
    };
  }
};

TEST_F(TimerTest, TheClockJumpsToTheNextDeadline) {  // S10
  loop.call_later(absl::Hours(1), marks_time("a"));
  loop.call_later(absl::Milliseconds(5), marks_time("b"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("b@5ms", "a@1h"));
}

TEST_F(TimerTest, NowIsConstantDuringABatch) {  // S10
  loop.call_soon([this] {
    EXPECT_EQ(loop.now(), absl::UnixEpoch());
    clock.advance(absl::Seconds(1));
    EXPECT_EQ(loop.now(), absl::UnixEpoch());
    // From the batch's time, so due at once.
    loop.call_later(absl::Seconds(1), marks_time("timer"));
  });
  loop.call_soon([this] { EXPECT_EQ(loop.now(), absl::UnixEpoch()); });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("timer@1s"));
}

TEST_F(TimerTest, NowIsReadAnewBetweenRuns) {
  EXPECT_EQ(loop.now(), absl::UnixEpoch());
  clock.advance(absl::Seconds(1));
  EXPECT_EQ(loop.now(), absl::FromUnixSeconds(1));
  loop.call_later(absl::Seconds(1), marks_time("a"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a@2s"));
}

TEST_F(TimerTest, TimeDoesNotMoveWhileSomethingIsReady) {  // S10
  int left = 100;
  std::function<void()> again = [&] {
    EXPECT_EQ(loop.now(), absl::UnixEpoch());
    if (--left > 0) loop.call_soon(again);
  };
  loop.call_soon(again);
  loop.call_later(absl::Nanoseconds(1), marks_time("timer"));
  run_until_idle();
  EXPECT_EQ(left, 0);
  EXPECT_THAT(taken(), ElementsAre("timer@1ns"));
}

TEST_F(TimerTest, FiresByDeadlineAlsoWhenAllAreLate) {  // S5
  loop.call_later(absl::Seconds(3), marks("3"));
  loop.call_later(absl::Seconds(1), marks("1"));
  loop.call_later(absl::Seconds(2), marks("2"));
  clock.advance(absl::Seconds(10));
  count_from_here();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("1", "2", "3"));
}

TEST_F(TimerTest, NeverFiresEarlyAndFiresOnce) {  // S5
  loop.call_later(absl::Seconds(1), marks_time("a"));
  iterate();
  clock.advance(absl::Seconds(1) - absl::Nanoseconds(1));
  iterate();
  EXPECT_THAT(taken(), IsEmpty());
  clock.advance(absl::Nanoseconds(1));
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("a@1s"));
}

TEST_F(TimerTest, EqualDeadlinesFireInOneBatchInTheOrderOfTheCalls) {  // S6
  count_from_here();
  loop.call_later(absl::Seconds(1), marks_iteration("a"));
  loop.call_at(absl::FromUnixSeconds(1), marks_iteration("b"));
  loop.call_later(absl::Milliseconds(1000), marks_iteration("c"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a@1", "b@1", "c@1"));
}

TEST_F(TimerTest, ZeroAndNegativeDelaysFireInTheNextIteration) {  // S7
  clock.advance(absl::Hours(1));
  count_from_here();
  loop.call_later(absl::ZeroDuration(), marks_iteration("0"));
  loop.call_later(-absl::Seconds(1), marks_iteration("-1"));
  loop.call_later(-absl::Seconds(5), marks_iteration("-5"));
  loop.call_at(absl::UnixEpoch(), marks_iteration("epoch"));
  loop.call_at(absl::InfinitePast(), marks_iteration("infinite past"));
  loop.call_later(-absl::Seconds(1), marks_iteration("-1 again"));
  loop.call_soon(marks_iteration("soon"));
  iterate();
  EXPECT_THAT(taken(), ElementsAre("soon@1", "infinite past@1", "epoch@1",
                                   "-5@1", "-1@1", "-1 again@1", "0@1"));
}

TEST_F(TimerTest, ADelayOfZeroFromATimerTakesOneMoreIteration) {  // S2, S4
  count_from_here();
  loop.call_later(absl::Seconds(1), [this] {
    mark_iteration("a");
    loop.call_later(absl::ZeroDuration(), marks_iteration("c"));
    loop.call_later(-absl::Seconds(1), marks_iteration("b"));
  });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a@1", "b@2", "c@2"));
}

TEST_F(TimerTest, AnInfiniteDelayNeverFires) {
  const callback_handle never =
      loop.call_later(absl::InfiniteDuration(), marks("never"));
  loop.call_at(absl::InfiniteFuture(), marks("never"));
  loop.call_later(absl::Hours(24 * 366 * 300), marks("past the range"));
  loop.call_later(absl::Seconds(1), marks("1"));
  run_until_idle();  // And does not keep the loop from its deadlock.
  EXPECT_THAT(taken(), ElementsAre("1"));
  EXPECT_EQ(elapsed(), absl::Seconds(1));
  EXPECT_TRUE(never.pending());
}

TEST_F(TimerTest, TheLastDeadlineThatFitsFires) {
  const absl::Time last =
      absl::FromUnixNanos(std::numeric_limits<int64_t>::max() - 1);
  loop.call_at(last, marks("last"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("last"));
  EXPECT_EQ(clock.now(), last);
}

TEST_F(TimerTest, ACancelledOneNeitherFiresNorMovesTheClock) {  // S8, S9
  callback_handle handle = loop.call_later(absl::Seconds(9), marks("never"));
  loop.call_later(absl::Seconds(1), marks_time("a"));
  EXPECT_TRUE(handle.cancel());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a@1s"));
  EXPECT_EQ(elapsed(), absl::Seconds(1));
}

TEST_F(TimerTest, ADueOneCanStillBeCancelled) {  // S8
  callback_handle b, c;
  loop.call_later(absl::Seconds(1), [&] {
    mark("a");
    EXPECT_TRUE(b.pending());
    EXPECT_TRUE(b.cancel());
    EXPECT_FALSE(b.pending());
    EXPECT_TRUE(c.cancel());
  });
  b = loop.call_later(absl::Seconds(1), marks("b"));
  loop.call_later(absl::Seconds(1), marks("between"));
  c = loop.call_later(absl::Seconds(1), marks("c"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a", "between"));
}

TEST_F(TimerTest, ACallbackOfTheBatchCanCancelADueTimer) {  // S8
  callback_handle timer = loop.call_later(absl::ZeroDuration(), marks("timer"));
  loop.call_soon([&] { EXPECT_TRUE(timer.cancel()); });
  run_until_idle();
  EXPECT_THAT(taken(), IsEmpty());
}

// -- Intrusive timers ---------------------------------------------------------

// Calls a function when it is due.
class test_timer final : public event_loop::timer {
 public:
  test_timer() = default;
  explicit test_timer(std::function<void()> f) : due(std::move(f)) {}

  std::function<void()> due;
  int dropped = 0;

 private:
  void timer_due() override {
    const std::function<void()> f = due;  // It may end this object.
    if (f) f();
  }
  void timer_dropped() override { ++dropped; }
};

TEST_F(TimerTest, IntrusiveTimersFireInOrderWithTheOthers) {  // S6
  test_timer a(marks("a")), c(marks("c"));
  EXPECT_TRUE(loop.arm(a, absl::FromUnixSeconds(1)));
  loop.call_later(absl::Seconds(1), marks("b"));
  EXPECT_TRUE(loop.arm(c, absl::FromUnixSeconds(1)));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(a.dropped, 0);
}

TEST_F(TimerTest, DisarmTellsWhetherItWasArmed) {
  test_timer a(marks("a"));
  EXPECT_FALSE(loop.disarm(a));
  loop.arm(a, absl::FromUnixSeconds(1));
  EXPECT_TRUE(loop.disarm(a));
  EXPECT_FALSE(loop.disarm(a));
  run_until_idle();
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_EQ(a.dropped, 0);
  EXPECT_EQ(elapsed(), absl::ZeroDuration());  // S9
}

TEST_F(TimerTest, ArmedAnewItHasTheNewDeadlineAndPlace) {
  test_timer a(marks_time("a")), b(marks_time("b"));
  loop.arm(a, absl::FromUnixSeconds(1));
  loop.arm(b, absl::FromUnixSeconds(2));
  loop.arm(a, absl::FromUnixSeconds(2));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("b@2s", "a@2s"));
}

TEST_F(TimerTest, MayBeArmedAnewInItsOwnCallback) {
  int left = 3;
  test_timer a;
  a.due = [&] {
    mark(absl::FormatDuration(elapsed()));
    if (--left > 0) loop.arm(a, loop.now() + absl::Seconds(1));
  };
  loop.arm(a, absl::FromUnixSeconds(1));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("1s", "2s", "3s"));
}

TEST_F(TimerTest, ArmedForAPastTimeInItsCallbackItFiresInTheNextIteration) {
  int left = 3;
  test_timer a;
  count_from_here();
  a.due = [&] {
    mark_iteration("a");
    if (--left > 0) loop.arm(a, absl::UnixEpoch());
  };
  loop.arm(a, absl::FromUnixSeconds(1));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a@1", "a@2", "a@3"));
}

TEST_F(TimerTest, MayBeDestroyedInItsOwnCallback) {
  auto a = std::make_unique<test_timer>();
  a->due = [&] {
    mark("a");
    a.reset();
  };
  loop.arm(*a, absl::FromUnixSeconds(1));
  run_until_idle();
  EXPECT_EQ(a, nullptr);
  EXPECT_THAT(taken(), ElementsAre("a"));
}

TEST_F(TimerTest, MayDisarmRearmAndDestroyOthersThatAreDue) {
  test_timer disarmed(marks("disarmed")), rearmed(marks_time("rearmed"));
  auto destroyed = std::make_unique<test_timer>(marks("destroyed"));
  test_timer first([&] {
    mark("first");
    EXPECT_TRUE(loop.disarm(disarmed));
    EXPECT_TRUE(loop.arm(rearmed, absl::FromUnixSeconds(2)));
    destroyed.reset();
  });
  for (test_timer* const t : {&first, &disarmed, &rearmed, destroyed.get()}) {
    loop.arm(*t, absl::FromUnixSeconds(1));
  }
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("first", "rearmed@2s"));
}

TEST_F(TimerTest, ItsDestructorDisarms) {
  {
    test_timer a(marks("a"));
    loop.arm(a, absl::FromUnixSeconds(1));
  }
  run_until_idle();
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

TEST_F(TimerTest, IsDroppedWhenItsLoopCloses) {
  test_timer a(marks("a")), never(marks("never"));
  loop.arm(a, absl::FromUnixSeconds(1));
  loop.arm(never, absl::InfiniteFuture());
  ASSERT_THAT(loop.close(), IsOk());
  EXPECT_EQ(a.dropped, 1);
  EXPECT_EQ(never.dropped, 1);
  EXPECT_FALSE(loop.disarm(a));
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(TimerTest, CannotBeArmedOnAClosedLoop) {  // S14
  ASSERT_THAT(loop.close(), IsOk());
  test_timer a(marks("a"));
  EXPECT_FALSE(loop.arm(a, absl::FromUnixSeconds(1)));
  EXPECT_EQ(a.dropped, 1);
}

TEST_F(TimerTest, MayOutliveItsLoop) {
  test_timer a(marks("a"));
  {
    event_loop other(clock);
    other.arm(a, absl::FromUnixSeconds(1));
  }
  EXPECT_EQ(a.dropped, 1);
  loop.arm(a, absl::FromUnixSeconds(1));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a"));
}

TEST_F(TimerTest, MovesToAnotherLoopWhenArmedThere) {
  event_loop other(clock);
  test_timer a(marks("a"));
  loop.arm(a, absl::FromUnixSeconds(1));
  other.arm(a, absl::FromUnixSeconds(2));
  run_until_idle();
  EXPECT_THAT(taken(), IsEmpty());
  (void)other.run_forever();
  EXPECT_THAT(taken(), ElementsAre("a"));
  EXPECT_EQ(a.dropped, 0);
}

// -- Against a model ----------------------------------------------------------

// Random calls against a list that is sorted by (deadline, number of the call).
TEST_F(TimerTest, FireLikeASortedList) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    struct entry {
      int64_t deadline;
      int number;
    };
    std::vector<entry> model;
    std::vector<std::pair<int, callback_handle>> handles;
    std::vector<int> fired, expected;
    const int64_t begin =
        loop.now() == absl::UnixEpoch() ? 0 : absl::ToUnixNanos(loop.now());
    for (int i = 0; i < 300; ++i) {
      const int64_t delay = static_cast<int64_t>(random() % 60) - 10;
      model.push_back({begin + delay, i});
      handles.emplace_back(
          i, loop.call_later(absl::Nanoseconds(delay),
                             [&fired, i] { fired.push_back(i); }));
      if (random() % 4 == 0) {
        const size_t at = random() % handles.size();
        handles[at].second.cancel();
        const int number = handles[at].first;
        model.erase(
            std::remove_if(model.begin(), model.end(),
                           [&](const entry& e) { return e.number == number; }),
            model.end());
      }
    }
    std::stable_sort(
        model.begin(), model.end(),
        [](const entry& a, const entry& b) { return a.deadline < b.deadline; });
    for (const entry& e : model) expected.push_back(e.number);
    run_until_idle();
    EXPECT_THAT(fired, ElementsAreArray(expected));
  }
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(TimerTest, AnExceptionOfADerivedTimerGoesToTheErrorHandler) {  // S11
  class throwing final : public event_loop::timer {
    void timer_due() override { throw std::runtime_error("late"); }
  };
  throwing t;
  loop.arm(t, loop.now());
  loop.call_at(loop.now(), marks_time("behind it"));
  run_until_idle();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].cause, error_report::cause::callback);
  EXPECT_EQ(kind_of(reports[0].status), error_kind::thrown);
  EXPECT_THAT(seen, ElementsAre("behind it@0"));
}
#endif  // ABSL_HAVE_EXCEPTIONS

}  // namespace
}  // namespace ratchet
