#include "ratchet/task.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsCancelled;
using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::ratchet::test::StatusIs;
using ::ratchet::test::trace;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A test that its machines can write to.
class TaskTest : public loop_test {
 public:
  using loop_test::mark;
  using loop_test::mark_iteration;
};

absl::Status not_found() { return absl::NotFoundError("x"); }

// Marks its first step and each yield, ends with their number.
class counter final : public task<int> {
 public:
  counter(TaskTest& t, std::string name, int yields)
      : t_(t), name_(std::move(name)), yields_(yields) {}
  step start() {
    t_.mark_iteration(absl::StrCat(name_, n_));
    if (n_ == yields_) return done(n_);
    ++n_;
    return yield<&counter::start>();
  }

 private:
  TaskTest& t_;
  std::string name_;
  int yields_;
  int n_ = 0;
};

// Awaits a future and marks what came: "a value 3", "a error NOT_FOUND".
class waits final : public task<int> {
 public:
  waits(TaskTest& t, std::string name, shared_future<int> f)
      : t_(t), name_(std::move(name)), f_(std::move(f)) {}
  step start() {
    t_.mark_iteration(name_ + " starts");
    return await<&waits::finish>(f_);
  }

 private:
  step finish(absl::StatusOr<int> r) {
    t_.mark_iteration(
        absl::StrCat(name_, " ",
                     r.ok() ? absl::StrCat("value ", *r)
                            : absl::StatusCodeToString(r.status().code())));
    if (!r.ok()) return fail(r.status());
    return done(*r);
  }
  TaskTest& t_;
  std::string name_;
  shared_future<int> f_;
};

// -- Order --------------------------------------------------------------------

TEST_F(TaskTest, StartsInTheNextIterationInCreationOrder) {  // S41
  count_from_here();
  loop.call_soon(marks_iteration("before"));
  future<int> a = create_task(counter(*this, "a", 0));
  loop.call_soon(marks_iteration("between"));
  future<int> b = create_task(counter(*this, "b", 0));
  EXPECT_THAT(seen, IsEmpty());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("before@1", "a0@1", "between@1", "b0@1"));
  EXPECT_THAT(a.result(), IsOkAndHolds(0));
}

TEST_F(TaskTest, YieldLetsEverythingReadyRunFirst) {  // S45
  count_from_here();
  future<int> a = create_task(counter(*this, "a", 2));
  future<int> b = create_task(counter(*this, "b", 1));
  loop.call_soon([this] { loop.call_soon(marks_iteration("soon")); });
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("a0@1", "b0@1", "a1@2", "b1@2", "soon@2", "a2@3"));
  EXPECT_EQ(elapsed(), absl::ZeroDuration());  // No timer is involved.
}

TEST_F(TaskTest, ATaskIsAFuture) {  // S43
  future<int> a = create_task(counter(*this, "a", 1));
  a.add_done_callback(marks_iteration("done"));
  count_from_here();
  iterate(2);
  EXPECT_TRUE(a.done());  // Within its last step.
  EXPECT_THAT(taken(), ElementsAre("a0@1", "a1@2"));
  iterate();
  EXPECT_THAT(taken(), ElementsAre("done@3"));
}

TEST_F(TaskTest, AwaitingAPendingFutureGoesOnOneHopAfterIt) {  // S40
  promise<int> p;
  shared_future<int> f = p.get_future();
  count_from_here();
  future<int> a = create_task(waits(*this, "a", f));
  future<int> b = create_task(waits(*this, "b", f));
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "b starts@1"));
  f.add_done_callback(marks_iteration("callback"));
  ASSERT_THAT(p.set_value(3), IsOk());
  loop.call_soon(marks_iteration("soon"));
  EXPECT_THAT(taken(), IsEmpty());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a value 3@3", "b value 3@3", "callback@3",
                                   "soon@3"));  // S36
}

TEST_F(TaskTest, AwaitingADoneFutureGoesStraightOn) {  // S39, S42
  count_from_here();
  future<int> a = create_task(waits(*this, "a", make_ready_future(3)));
  future<int> b = create_task(
      waits(*this, "b", make_error_future<int>(absl::NotFoundError("x"))));
  loop.call_soon(marks_iteration("soon"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a value 3@1", "b starts@1",
                                   "b NOT_FOUND@1", "soon@1"));
  EXPECT_EQ(b.status(), not_found());
}

class sleeper final : public task<void> {
 public:
  sleeper(TaskTest& t, std::string name, absl::Duration length)
      : t_(t), name_(std::move(name)), length_(length) {}
  step start() {
    t_.mark_iteration(name_ + " sleeps");
    return sleep_for<&sleeper::wake>(length_);
  }

 private:
  step wake() {
    t_.mark_iteration(name_ + " wakes");
    return done();
  }
  TaskTest& t_;
  std::string name_;
  absl::Duration length_;
};

TEST_F(TaskTest, ASleepEndsOneHopAfterItsTimer) {  // S46, S48
  count_from_here();
  future<void> a = create_task(sleeper(*this, "a", absl::Seconds(1)));
  future<void> b = create_task(sleeper(*this, "b", absl::Seconds(1)));
  loop.call_later(absl::Seconds(1), marks_iteration("timer"));
  run_until_idle();
  // The timer was armed before the sleeps; all three fire in iteration 2.
  EXPECT_THAT(taken(), ElementsAre("a sleeps@1", "b sleeps@1", "timer@2",
                                   "a wakes@3", "b wakes@3"));
  EXPECT_EQ(elapsed(), absl::Seconds(1));
}

TEST_F(TaskTest, SleepsOfNoLengthAreYields) {  // S45
  count_from_here();
  future<void> a = create_task(sleeper(*this, "a", absl::ZeroDuration()));
  future<void> b = create_task(sleeper(*this, "b", -absl::Hours(1)));
  future<void> c = create_task(sleeper(*this, "c", -absl::InfiniteDuration()));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a sleeps@1", "b sleeps@1", "c sleeps@1",
                                   "a wakes@2", "b wakes@2", "c wakes@2"));
}

TEST_F(TaskTest, AnInfiniteSleepIsADeadlockUntilItIsCancelled) {
  future<void> a = create_task(sleeper(*this, "a", absl::InfiniteDuration()));
  EXPECT_THAT(loop.run_forever(), IsKind(error_kind::deadlock,
                                         HasSubstr("sleeper#1 in state wake")));
  EXPECT_TRUE(a.cancel());
  run_until_idle();
  EXPECT_TRUE(a.cancelled());
}

class sleeps_until final : public task<void> {
 public:
  sleeps_until(TaskTest& t, absl::Time time) : t_(t), time_(time) {}
  step start() { return sleep_until<&sleeps_until::wake>(time_); }

 private:
  step wake() {
    t_.mark_iteration(absl::FormatTime("%s", t_time(), absl::UTCTimeZone()));
    return done();
  }
  static absl::Time t_time() { return event_loop::current().now(); }
  TaskTest& t_;
  absl::Time time_;
};

TEST_F(TaskTest, SleepUntilATimeAndOneThatHasPassed) {
  clock.advance(absl::Seconds(5));
  count_from_here();
  future<void> a = create_task(sleeps_until(*this, absl::FromUnixSeconds(7)));
  future<void> b = create_task(sleeps_until(*this, absl::FromUnixSeconds(2)));
  run_until_idle();
  // Through the timers: two iterations later. Iteration 4 waits for the other.
  EXPECT_THAT(taken(), ElementsAre("5@3", "7@5"));
}

// -- Machines in machines -----------------------------------------------------

class caller final : public task<int> {
 public:
  caller(TaskTest& t, int yields) : t_(t), yields_(yields) {}
  step start() {
    t_.mark_iteration("calls");
    return await<&caller::finish>(counter(t_, "callee", yields_));
  }

 private:
  step finish(int n) {
    t_.mark_iteration("called");
    return done(n + 100);
  }
  TaskTest& t_;
  int yields_;
};

TEST_F(TaskTest, AnAwaitedMachineRunsInsideWithoutAHop) {  // S44
  count_from_here();
  future<int> a = create_task(caller(*this, 0));
  loop.call_soon(marks_iteration("soon"));
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("calls@1", "callee0@1", "called@1", "soon@1"));
  EXPECT_THAT(a.result(), IsOkAndHolds(100));
  future<int> b = create_task(caller(*this, 2));
  count_from_here();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("calls@1", "callee0@1", "callee1@2",
                                   "callee2@3", "called@3"));
  EXPECT_THAT(b.result(), IsOkAndHolds(102));
}

// Ends in the way it is told: 0 value, 1 error, 2 cancelled, 3 thrown.
class ends final : public task<int> {
 public:
  explicit ends(int how) : how_(how) {}
  step start() {
    if (how_ == 0) return done(1);
    if (how_ == 1) return fail(not_found());
    if (how_ == 2) return fail(cancelled_error());
#ifdef ABSL_HAVE_EXCEPTIONS
    throw std::runtime_error("from a state");
#else
    return fail(internal::make_error(error_kind::thrown,
                                     "std::runtime_error: from a state"));
#endif
  }

 private:
  int how_;
};

class skipped final : public task<int> {
 public:
  skipped(TaskTest& t, int how) : t_(t), how_(how) {}
  step start() { return await<&skipped::next>(ends(how_)); }

 private:
  step next(int n) {
    t_.mark("next");
    return done(n);
  }
  TaskTest& t_;
  int how_;
};

TEST_F(TaskTest, AnErrorSkipsAStateThatTakesTheValue) {  // S43, S44, S51
  future<int> f[4];
  for (int how = 0; how < 4; ++how) f[how] = create_task(skipped(*this, how));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("next"));
  EXPECT_THAT(f[0].result(), IsOkAndHolds(1));
  EXPECT_EQ(f[1].status(), not_found());
  EXPECT_FALSE(f[1].cancelled());
  EXPECT_TRUE(f[2].cancelled());
  EXPECT_EQ(f[2].task().cancelling(), 0u);  // S51: nobody had asked.
  EXPECT_THAT(f[3].status(),
              IsKind(error_kind::thrown, "std::runtime_error: from a state"));
}

class recurses final : public task<int> {
 public:
  explicit recurses(int n) : n_(n) {}
  step start() {
    if (n_ == 0) return yield<&recurses::bottom>();
    return await<&recurses::up>(recurses(n_ - 1));
  }

 private:
  step bottom() { return done(0); }
  step up(int below) { return done(below + 1); }
  int n_;
};

TEST_F(TaskTest, MachinesNestAsDeepAsTheyLike) {
  future<int> f = create_task(recurses(100'000));
  run_until_idle();
  EXPECT_THAT(f.result(), IsOkAndHolds(100'000));
}

// -- Errors that nobody looked at ---------------------------------------------

TEST_F(TaskTest, AnErrorThatNobodyLookedAtIsReported) {  // S38
  (void)create_task(ends(1));
  run_until_idle();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].cause, error_report::cause::unretrieved);
  EXPECT_EQ(reports[0].who, "task ends#1");
  EXPECT_EQ(reports[0].status, not_found());
}

TEST_F(TaskTest, AwaitingItCountsAsLooking) {  // S38
  {
    future<int> f = create_task(ends(1));
    future<int> g = create_task(waits(*this, "g", std::move(f)));
    run_until_idle();
    (void)g.status();
    (void)create_task(ends(2));  // A cancellation is no error.
    run_until_idle();
  }
  EXPECT_THAT(reports, IsEmpty());
}

// -- Awaiting oneself ---------------------------------------------------------

class narcissus final : public task<int> {
 public:
  explicit narcissus(shared_future<int>& self) : self_(self) {}
  step start() { return await<&narcissus::next>(self_); }

 private:
  step next(absl::StatusOr<int> r) {
    EXPECT_THAT(r, IsKind(error_kind::self_await, HasSubstr("await itself")));
    return done(1);
  }
  shared_future<int>& self_;
};

TEST_F(TaskTest, AwaitingItselfIsAnErrorOneHopLater) {  // S49
  shared_future<int> self;
  self = create_task(narcissus(self));
  iterate();
  EXPECT_FALSE(self.done());
  iterate();
  EXPECT_THAT(self.result(), IsOkAndHolds(1));
}

// -- create_task --------------------------------------------------------------

TEST_F(TaskTest, CreatesInPlaceAndInALoop) {
  event_loop newer(clock);
  future<int> in_place = create_task<ends>(0);
  future<int> moved = loop.create_task(ends(0));
  EXPECT_EQ(newer.all_tasks().size(), 1u);
  EXPECT_EQ(loop.all_tasks().size(), 1u);
  run_until_idle();
  EXPECT_TRUE(moved.done());
  EXPECT_FALSE(in_place.done());
  (void)newer.run_forever();
  EXPECT_TRUE(in_place.done());
}

TEST_F(TaskTest, AMachineIsInertUntilThenAndCanBeCopied) {
  const counter original(*this, "a", 0);
  counter copy = original;
  { counter never = copy; }
  EXPECT_THAT(loop.all_tasks(), IsEmpty());
  future<int> f = create_task(std::move(copy));
  future<int> g = create_task(counter(original));
  count_from_here();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a0@1", "a0@1"));
}

TEST_F(TaskTest, OnAClosedLoopItHasFailedAtOnce) {  // S14
  ASSERT_THAT(loop.close(), IsOk());
  future<int> f = create_task(ends(0));
  EXPECT_TRUE(f.done());
  EXPECT_THAT(f.status(), AllOf(IsKind(error_kind::closed, HasSubstr("closed")),
                                StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("closed"))));
  EXPECT_FALSE(f.task().valid());
}

TEST_F(TaskTest, ItsMembersLiveAsLongAsAHandleToItsResult) {
  class holds final : public task<void> {
   public:
    explicit holds(std::shared_ptr<int> p) : p_(std::move(p)) {}
    step start() { return done(); }

   private:
    std::shared_ptr<int> p_;
  };
  const auto alive = std::make_shared<int>(0);
  {
    future<void> f = create_task(holds(alive));
    run_until_idle();
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
  (void)create_task(holds(alive));
  run_until_idle();
  EXPECT_EQ(alive.use_count(), 1);
}

// -- Eager --------------------------------------------------------------------

TEST_F(TaskTest, AnEagerOneRunsItsFirstStepInTheCall) {  // S166
  count_from_here();
  loop.call_soon([this] {
    mark_iteration("creates");
    EXPECT_FALSE(loop.current_task().valid());
    future<int> f = create_task(eager, counter(*this, "a", 1));
    mark_iteration("created");
    EXPECT_FALSE(loop.current_task().valid());
    EXPECT_FALSE(f.done());
  });
  loop.call_soon(marks_iteration("soon"));
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("creates@1", "a0@1", "created@1", "soon@1", "a1@2"));
}

TEST_F(TaskTest, AnEagerOneThatEndsInItsFirstStepIsDone) {  // S167
  loop.call_soon([this] {
    future<int> f = create_task(eager, ends(0));
    EXPECT_TRUE(f.done());
    EXPECT_FALSE(f.cancel());
    EXPECT_THAT(loop.all_tasks(), IsEmpty());
    EXPECT_TRUE(create_task(eager, ends(2)).cancelled());
    (void)create_task(eager, ends(1));  // S38
    EXPECT_THAT(reports, SizeIs(1));
    f.add_done_callback(marks_iteration("callback"));  // S34
    count_from_here();
  });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("callback@1"));
}

TEST_F(TaskTest, OutsideOfARunAnEagerOneStartsAsAnyOther) {  // S169
  future<int> f = create_task(eager, counter(*this, "a", 0));
  EXPECT_THAT(seen, IsEmpty());
  run_until_idle();
  EXPECT_THAT(f.result(), IsOkAndHolds(0));
}

TEST_F(TaskTest, AnEagerOneThatSuspendsCanBeCancelledThere) {  // S168
  promise<int> p;
  shared_future<int> inner = p.get_future();
  loop.call_soon([&] {
    future<int> f = create_task(eager, waits(*this, "a", inner));
    EXPECT_TRUE(f.cancel());
    EXPECT_TRUE(inner.cancelled());
  });
  count_from_here();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a starts@1", "a CANCELLED@2"));
}

// -- Two runs -----------------------------------------------------------------

TEST_F(TaskTest, TwoRunsAreTheSame) {
  const auto run = [this] {
    count_from_here();
    promise<int> p;
    shared_future<int> f = p.get_future();
    std::vector<future<int>> tasks;
    std::vector<future<void>> sleeps;
    for (int i = 0; i < 20; ++i) {
      tasks.push_back(create_task(waits(*this, absl::StrCat("w", i), f)));
      tasks.push_back(create_task(counter(*this, "c", i)));
      sleeps.push_back(
          create_task(sleeper(*this, "s", absl::Milliseconds(i * 7 % 5))));
    }
    loop.call_later(absl::Milliseconds(2), [&] { (void)p.set_value(1); });
    run_until_idle();
    return taken();
  };
  const trace first = run();
  EXPECT_EQ(run(), first);
}

}  // namespace
}  // namespace ratchet
