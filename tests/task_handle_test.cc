// What can be asked about tasks: handles, names, states, lists, deadlocks.

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/map_concurrent.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/task_info.h"
#include "ratchet/timeout.h"
#include "ratchet/wait.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class TaskHandleTest : public loop_test {
 public:
  using loop_test::loop;
};
using TaskDeathTest = TaskHandleTest;

class waiting final : public task<int> {
 public:
  explicit waiting(shared_future<int> f) : f_(std::move(f)) {}
  step start() { return await<&waiting::with_value>(f_); }

 private:
  step with_value(int x) { return done(x); }
  shared_future<int> f_;
};

class nested final : public task<int> {
 public:
  explicit nested(shared_future<int> f) : f_(std::move(f)) {}
  step start() { return await<&nested::after>(waiting(f_)); }

 private:
  step after(int x) { return done(x); }
  shared_future<int> f_;
};

class sleeping final : public task<void> {
 public:
  explicit sleeping(absl::Duration length) : length_(length) {}
  step start() { return sleep_for<&sleeping::wake>(length_); }

 private:
  step wake() { return yield<&sleeping::last>(); }
  step last() { return done(); }
  absl::Duration length_;
};

class named final : public task<void> {
 public:
  explicit named(TaskHandleTest& t) : t_(t) {}
  std::string task_name() const override { return "my name"; }
  step start() {
    const task_handle self = t_.loop.current_task();
    EXPECT_TRUE(self.valid());
    EXPECT_EQ(self.info().name, "my name");
    EXPECT_FALSE(self.done());
    return done();
  }

 private:
  TaskHandleTest& t_;
};

TEST_F(TaskHandleTest, AnEmptyOneStandsForNoTask) {
  EXPECT_FALSE(task_handle().valid());
  EXPECT_FALSE(static_cast<bool>(task_handle()));
  EXPECT_TRUE(task_handle() == task_handle());
  EXPECT_FALSE(make_ready_future(1).task().valid());
}

TEST_F(TaskHandleTest, KnowsItsTask) {
  promise<int> p;
  future<int> f = create_task(waiting(p.get_future()));
  const task_handle a = f.task();
  const task_handle b = a;
  EXPECT_TRUE(a.valid());
  EXPECT_TRUE(a == b);
  future<int> g = create_task(waiting(make_ready_future(1)));
  EXPECT_TRUE(a != g.task());
  EXPECT_FALSE(a.done());
  ASSERT_THAT(p.set_value(1), IsOk());
  run_until_idle();
  EXPECT_TRUE(a.done());
  EXPECT_FALSE(a.cancelled());
}

TEST_F(TaskHandleTest, KeepsTheTaskButNotAnErrorFromBeingReported) {
  task_handle handle;
  {
    future<int> f =
        create_task(waiting(make_error_future<int>(absl::NotFoundError("x"))));
    handle = f.task();
    run_until_idle();
  }
  EXPECT_TRUE(handle.done());
  EXPECT_THAT(reports, IsEmpty());
  handle = task_handle();
  EXPECT_THAT(reports, SizeIs(1));  // The last reference.
}

TEST_F(TaskHandleTest, OutlivesItsLoop) {
  task_handle pending, done;
  {
    event_loop other(clock);
    catch_reports(other);
    pending = create_task(sleeping(absl::Seconds(1))).task();
    done = create_task(waiting(make_ready_future(1))).task();
    other.stop();
    (void)other.run_forever();
  }
  EXPECT_TRUE(done.done());
  EXPECT_FALSE(pending.done());
  EXPECT_EQ(pending.cancelling(), 0u);
  EXPECT_EQ(pending.info().name, "sleeping#1");
  (void)pending.cancel();
  EXPECT_FALSE(pending.cancelled());
}

TEST_F(TaskHandleTest, OutlivesItsLoopWithATaskThatAwaitedAMachine) {
  promise<int> p;
  task_handle simple, deep;
  {
    event_loop other(clock);
    catch_reports(other);
    promise<int> q;
    shared_future<int> f = q.get_future();
    simple = create_task(waiting(f)).task();
    deep = create_task(nested(f)).task();
    other.stop();
    (void)other.run_forever();
    p = std::move(q);
  }
  for (const task_handle& handle : {simple, deep}) {
    EXPECT_FALSE(handle.done());
    EXPECT_EQ(handle.info().awaiting, "");
    (void)handle.cancel();
    EXPECT_EQ(handle.cancelling(), 1u);
    EXPECT_EQ(handle.uncancel(), 0u);
    EXPECT_FALSE(handle.done());
  }
  EXPECT_THAT(p.set_value(1), IsOk());
}

TEST_F(TaskHandleTest, InfoFollowsTheTask) {
  promise<int> p;
  future<int> f = create_task(nested(p.get_future()));
  future<void> g = create_task(sleeping(absl::Seconds(1)));
  const task_handle a = f.task(), b = g.task();
  clock.advance(absl::Seconds(3));
  EXPECT_EQ(loop.now(), absl::FromUnixSeconds(3));
  EXPECT_EQ(a.info().id, 1u);
  EXPECT_EQ(b.info().id, 2u);
  EXPECT_EQ(a.info().name, "nested#1");
  EXPECT_EQ(a.info().class_name, "nested");
  EXPECT_EQ(a.info().state, "start");
  EXPECT_EQ(a.info().awaiting, "its turn");
  iterate();
  // Its own state, then that of the machine that it awaits.
  EXPECT_EQ(a.info().state, "after");
  EXPECT_THAT(a.info().stack, ElementsAre("waiting in state with_value"));
  EXPECT_EQ(a.info().awaiting, "future of a promise");
  EXPECT_EQ(to_string(a.info()),
            "nested#1 in state after, awaiting waiting in state with_value, "
            "awaiting future of a promise, since 1970-01-01T00:00:03+00:00");
  EXPECT_EQ(a.info().since, absl::FromUnixSeconds(3));
  EXPECT_EQ(b.info().state, "wake");
  EXPECT_EQ(b.info().awaiting, "sleep until 1970-01-01T00:00:04+00:00");
  clock.advance(absl::Seconds(1));
  iterate(2);
  EXPECT_EQ(b.info().state, "last");
  EXPECT_EQ(b.info().awaiting, "its turn");
  EXPECT_EQ(b.info().since, absl::FromUnixSeconds(4));
  ASSERT_THAT(p.set_value(1), IsOk());
  run_until_idle();
  EXPECT_EQ(to_string(a.info()), "nested#1");
  EXPECT_EQ(to_string(b.info()), "sleeping#2");
}

TEST_F(TaskHandleTest, TheNameCanBeOverridden) {
  future<void> f = create_task(named(*this));
  EXPECT_EQ(f.task().info().name, "my name");
  EXPECT_EQ(f.task().info().class_name, "named");
  run_until_idle();
  EXPECT_TRUE(f.done());
}

TEST_F(TaskHandleTest, IdsCountFromOneInEachLoop) {
  event_loop other(clock);
  future<void> a = loop.create_task(sleeping(absl::ZeroDuration()));
  future<void> b = other.create_task(sleeping(absl::ZeroDuration()));
  future<void> c = loop.create_task(sleeping(absl::ZeroDuration()));
  EXPECT_EQ(a.task().info().id, 1u);
  EXPECT_EQ(b.task().info().id, 1u);
  EXPECT_EQ(c.task().info().id, 2u);
  run_until_idle();
  (void)other.run_forever();
}

// -- Lists of tasks -----------------------------------------------------------

TEST_F(TaskHandleTest, AllTasksAreThoseNotDoneInCreationOrder) {  // S15
  EXPECT_THAT(loop.all_tasks(), IsEmpty());
  std::vector<future<void>> tasks;
  for (const int seconds : {3, 1, 2}) {
    tasks.push_back(create_task(sleeping(absl::Seconds(seconds))));
  }
  promise<int> p;
  future<int> f = create_task(nested(p.get_future()));  // One task, not two.
  event_loop other(clock);
  future<void> elsewhere = other.create_task(sleeping(absl::Seconds(1)));
  sleeping inert(absl::Seconds(1));
  iterate();
  const auto names = [this] {
    std::vector<std::string> result;
    for (const task_info& info : loop.all_tasks()) result.push_back(info.name);
    return result;
  };
  EXPECT_THAT(names(), ElementsAre("sleeping#1", "sleeping#2", "sleeping#3",
                                   "nested#4"));
  clock.advance(absl::Seconds(1));
  iterate(3);
  EXPECT_THAT(names(), ElementsAre("sleeping#1", "sleeping#3", "nested#4"));
  ASSERT_THAT(p.set_value(1), IsOk());
  run_until_idle();
  EXPECT_THAT(names(), IsEmpty());
  (void)other.run_forever();
}

class sees_current final : public task<void> {
 public:
  explicit sees_current(TaskHandleTest& t) : t_(t) {}
  step start() {
    me_ = t_.loop.current_task();
    EXPECT_THAT(me_.info().name, HasSubstr("sees_current#"));
    EXPECT_EQ(me_.info().state, "start");
    EXPECT_EQ(me_.info().awaiting, "");
    return await<&sees_current::after>(inner(t_, me_));
  }

 private:
  class inner final : public task<void> {
   public:
    inner(TaskHandleTest& t, task_handle caller)
        : t_(t), caller_(std::move(caller)) {}
    step start() { return yield<&inner::again>(); }

   private:
    step again() {
      EXPECT_TRUE(t_.loop.current_task() == caller_);  // It is the same task.
      return done();
    }
    TaskHandleTest& t_;
    task_handle caller_;
  };

  step after() {
    EXPECT_TRUE(t_.loop.current_task() == me_);
    me_ = task_handle();  // Or it would own itself.
    return done();
  }
  TaskHandleTest& t_;
  task_handle me_;
};

TEST_F(TaskHandleTest, TheCurrentTaskIsTheOneWhoseStateRuns) {  // S15
  EXPECT_FALSE(loop.current_task().valid());
  future<void> a = create_task(sees_current(*this));
  future<void> b = create_task(sees_current(*this));
  loop.call_soon([this] { EXPECT_FALSE(loop.current_task().valid()); });
  run_until_idle();
  EXPECT_THAT(a.status(), IsOk());
  EXPECT_THAT(b.status(), IsOk());
  EXPECT_FALSE(loop.current_task().valid());
}

// Awaits a machine, or a future, that a test gives it, whatever its type.
template <class Awaited>
class awaits final : public task<void> {
 public:
  explicit awaits(Awaited awaited) : awaited_(std::move(awaited)) {}
  step start() {
    return this->template await<&awaits::got>(std::move(awaited_));
  }
  std::string task_name() const override { return "awaits"; }

 private:
  step got() { return this->done(); }
  Awaited awaited_;
};

// Awaits the end of some children.
class parent final : public task<void> {
 public:
  parent(shared_future<int> f, int children)
      : f_(std::move(f)), children_(children) {}
  step start() {
    EXPECT_THAT(group_.enter(), IsOk());
    for (int i = 0; i < children_; ++i) {
      static_cast<void>(group_.create_task(waiting(f_)));
    }
    return await<&parent::together>(group_.leave());
  }

 private:
  step together() { return done(); }
  shared_future<int> f_;
  int children_;
  task_group group_;
};

TEST_F(TaskHandleTest, ACombinatorSaysHowMuchItAwaits) {
  promise<int> p, q;
  const shared_future<int> f = p.get_future(), g = q.get_future();
  const auto text = [this](auto machine) {
    const shared_future<void> task = create_task(awaits(std::move(machine)));
    iterate();
    return internal::awaited_by(task.task().info());
  };
  const shared_future<void> one = create_task(parent(f, 1));
  EXPECT_EQ(text(parent(f, 2)),
            "parent in state together, awaiting task_group::leave in state "
            "woken, awaiting 2 children");
  EXPECT_EQ(internal::awaited_by(one.task().info()),
            "task_group::leave in state woken, awaiting 1 child");
  EXPECT_EQ(text(map_concurrent(std::vector<int>{1, 2, 3}, 2,
                                [f](int) { return f; })),
            "map_concurrent in state woken, awaiting 2 under way");
  EXPECT_EQ(text(wait(std::vector<shared_future<int>>{f, g, f})),
            "wait in state finish, awaiting 2 pending of 2");
  EXPECT_EQ(text(with_timeout(f, absl::Seconds(5))),
            "with_timeout(5s) in state finish, awaiting future of a promise");
  ASSERT_THAT(p.set_value(1), IsOk());
  ASSERT_THAT(q.set_value(1), IsOk());
  run_until_idle();
}

TEST_F(TaskHandleTest, AWaitSaysHowManyOfItsFuturesArePending) {
  promise<int> p, q;
  const shared_future<int> f = p.get_future(), g = q.get_future();
  const auto waits =
      create_task(wait(std::vector<shared_future<int>>{f, g})).share();
  iterate();
  ASSERT_THAT(p.set_value(1), IsOk());
  iterate(2);
  EXPECT_EQ(waits.task().info().awaiting, "1 pending of 2");
  ASSERT_THAT(q.set_value(1), IsOk());
  run_until_idle();
}

TEST_F(TaskHandleTest, TasksOfOneNameAreToldApartByTheirIds) {
  promise<int> p;
  const shared_future<int> f = p.get_future();
  const shared_future<void> a = create_task(awaits(f));
  const shared_future<void> b = create_task(awaits(f));
  const future<void> c = create_task(awaits(b));
  iterate();
  EXPECT_THAT(to_string(a.task().info()), HasSubstr("awaits#1 in state got"));
  EXPECT_THAT(to_string(b.task().info()), HasSubstr("awaits#2 in state got"));
  EXPECT_EQ(a.task().info().name, "awaits");
  EXPECT_EQ(c.task().info().awaiting, "task awaits#2");
  ASSERT_THAT(p.set_value(1), IsOk());
  run_until_idle();
}

TEST_F(TaskHandleTest, ASleepInAMachineSaysUntilWhen) {
  const future<void> f = create_task(awaits(sleeping(absl::Minutes(1))));
  iterate();
  EXPECT_EQ(to_string(f.task().info()),
            "awaits#1 in state got, awaiting sleeping in state wake, awaiting "
            "sleep until 1970-01-01T00:01:00+00:00, since "
            "1970-01-01T00:00:00+00:00");
  run_until_idle();
}

TEST_F(TaskHandleTest, ADeadlockListsTheTasksAndWhatEachAwaits) {  // S28
  promise<int> p;
  shared_future<int> f = p.get_future();
  future<int> a = create_task(waiting(f));
  future<int> b = create_task(nested(f.then([](int x) { return x; })));
  future<int> c = create_task(waiting(create_task(nested(f))));
  future<void> d = create_task(sleeping(absl::InfiniteDuration()));
  EXPECT_THAT(
      loop.run_forever(),
      IsKind(error_kind::deadlock,
             AllOf(HasSubstr("deadlock: nothing is ready, no timer is armed, "
                             "nobody waits for a descriptor "
                             "and no other thread holds a remote; pending:\n"),
                   HasSubstr("\n  waiting#1 in state with_value, awaiting "
                             "future of a promise, since 1970-01-01T"),
                   HasSubstr("\n  nested#2 in state after, awaiting waiting in "
                             "state with_value, awaiting future from then(), "
                             "since 1970-01-01T"),
                   HasSubstr("\n  nested#3 in state after, awaiting waiting in "
                             "state with_value, awaiting future of a promise, "
                             "since 1970-01-01T"),
                   HasSubstr("\n  waiting#4 in state with_value, awaiting "
                             "task nested#3, since 1970-01-01T"),
                   HasSubstr("\n  sleeping#5 in state wake, awaiting sleep "
                             "without end, since 1970-01-01T"))));
  ASSERT_THAT(p.set_value(1), IsOk());
  d.cancel();
  EXPECT_THAT(loop.run_forever(),
              IsKind(error_kind::deadlock, HasSubstr("no task is pending")));
}

// -- Misuse -------------------------------------------------------------------

TEST_F(TaskDeathTest, UseOfAnEmptyHandle) {
  const task_handle none;
  const auto sentence = [](const char* call) {
    return std::string("ratchet: ") + call +
           "\\(\\) on a task_handle that stands for no task: ask valid\\(\\)";
  };
  EXPECT_DEATH((void)none.done(), sentence("done"));
  EXPECT_DEATH((void)none.cancelled(), sentence("cancelled"));
  EXPECT_DEATH((void)none.cancel(), sentence("cancel"));
  EXPECT_DEATH((void)none.cancelling(), sentence("cancelling"));
  EXPECT_DEATH((void)none.uncancel(), sentence("uncancel"));
  EXPECT_DEATH((void)none.info(), sentence("info"));
}

TEST_F(TaskDeathTest, AwaitOfAFutureOfAnotherLoop) {
  event_loop other(clock);
  promise<int> p(other);
  future<int> f = loop.create_task(waiting(p.get_future()));
  EXPECT_DEATH(run_until_idle(),
               "ratchet: task waiting#1 awaits a future of another event loop: "
               "pass the value with post\\(\\)");
}

class awaits_nothing final : public task<void> {
 public:
  step start() { return await<&awaits_nothing::next>(future<int>()); }

 private:
  step next() { return done(); }
};

TEST_F(TaskDeathTest, AwaitOfAnEmptyFuture) {
  future<void> f = create_task(awaits_nothing());
  EXPECT_DEATH(run_until_idle(), "ratchet: await on a future that is empty");
}

struct something {
  virtual ~something() = default;
  int x = 0;
};
class second_base final : public something, public task<void> {
 public:
  step start() { return done(); }
};

TEST_F(TaskDeathTest, ATaskThatIsNotTheFirstBase) {
  EXPECT_DEATH((void)create_task(second_base()),
               "ratchet: task<T> must be the first base class of a machine");
}

class sleeps_outside final : public task<void> {
 public:
  step start() { return sleep_for<&sleeps_outside::next>(absl::Seconds(1)); }

 private:
  step next() { return done(); }
};

TEST_F(TaskDeathTest, ATransitionOutsideOfARunningLoop) {
  sleeps_outside inert;
  EXPECT_DEATH((void)inert.start(),
               "ratchet: sleep_for\\(\\) was called on a machine outside of a "
               "running loop: only its states may");
}

TEST(TaskWithoutLoopDeathTest, NeedsALoop) {
  EXPECT_DEATH((void)create_task(sleeping(absl::Seconds(1))),
               "ratchet: create_task\\(\\) needs an event loop, and this "
               "thread has none");
}

#ifndef NDEBUG
class two_transitions final : public task<void> {
 public:
  step start() {
    (void)yield<&two_transitions::start>();
    return done();
  }
};

TEST_F(TaskDeathTest, TwoTransitionsInAState) {
  future<void> f = create_task(two_transitions());
  EXPECT_DEATH(run_until_idle(),
               "ratchet: state start of two_transitions made two transitions: "
               "a state returns the one that it makes");
}

class two_transitions_elsewhere final : public task<void> {
 public:
  step start() {
    (void)yield<&two_transitions_elsewhere::next>();
    return done();
  }

 private:
  step next() { return done(); }
};

TEST_F(TaskDeathTest, TwoTransitionsAreOfTheStateThatMadeThem) {
  future<void> f = create_task(two_transitions_elsewhere());
  EXPECT_DEATH(run_until_idle(),
               "ratchet: state start of two_transitions_elsewhere made two "
               "transitions: a state returns the one that it makes");
}

// One that waits inside of its state, while others run theirs.
class two_transitions_around_a_run final : public task<void> {
 public:
  explicit two_transitions_around_a_run(event_loop& loop) : loop_(loop) {}
  step start() {
    (void)yield<&two_transitions_around_a_run::next>();
    EXPECT_THAT(loop_.run_until_complete(sleeping(absl::Seconds(1))), IsOk());
    return done();
  }

 private:
  step next() { return done(); }

  event_loop& loop_;
};

TEST_F(TaskDeathTest, TwoTransitionsAroundANestedRun) {
  loop.allow_nested_runs(true);
  future<void> f = create_task(two_transitions_around_a_run(loop));
  EXPECT_DEATH(run_until_idle(),
               "ratchet: state start of two_transitions_around_a_run made two "
               "transitions: a state returns the one that it makes");
}

#ifdef __cpp_rtti
class with_a_state : public task<int> {
 public:
  step start() { return yield<&with_a_state::state>(); }
  step state() { return done(1); }
};

class into_another final : public task<int> {
 public:
  step start() { return yield<&with_a_state::state>(); }
};

class into_its_base final : public with_a_state {
 public:
  step start() { return yield<&with_a_state::state>(); }
};

TEST_F(TaskDeathTest, AStateOfAnotherMachine) {
  future<int> f = create_task(into_another());
  EXPECT_DEATH(run_until_idle(),
               "ratchet: state start of into_another names state state of "
               "with_a_state as the next one: a transition is to a state of "
               "the same machine");
}

TEST_F(TaskHandleTest, AStateOfItsBase) {
  EXPECT_THAT(loop.run_until_complete(into_its_base()), IsOkAndHolds(1));
}
#endif

class of_another final : public task<void> {
 public:
  explicit of_another(of_another* other) : other_(other) {}
  step start() { return other_->done(); }

 private:
  of_another* other_;
};

TEST_F(TaskDeathTest, TheTransitionOfAnotherMachine) {
  EXPECT_DEATH(
      {
        of_another other(nullptr);
        future<void> f = create_task(of_another(&other));
        run_until_idle();
      },
      "ratchet: state start of of_another returned the transition of another "
      "machine");
}

class fails_with_ok final : public task<void> {
 public:
  step start() { return fail(absl::OkStatus()); }
};

TEST_F(TaskDeathTest, FailWithOk) {
  future<void> f = create_task(fails_with_ok());
  EXPECT_DEATH(run_until_idle(),
               "ratchet: fail\\(\\) was given an OK status: use done\\(\\)");
}

TEST_F(TaskDeathTest, CreateTaskOnAnotherThread) {
  EXPECT_DEATH(std::thread([this] {
                 (void)loop.create_task(sleeping(absl::Seconds(1)));
               }).join(),
               "ratchet: create_task\\(\\) was called on thread");
}
#endif

}  // namespace
}  // namespace ratchet
