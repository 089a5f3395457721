// Who may go first: tasks, what they await, their handles, and loops.

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::loop_test;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Counts the machines that are alive.
struct counts_itself {
  counts_itself() { ++alive; }
  counts_itself(const counts_itself&) { ++alive; }
  counts_itself& operator=(const counts_itself&) = default;
  ~counts_itself() { --alive; }
  static inline int alive = 0;
};

class TaskLifetimeTest : public loop_test {
 protected:
  TaskLifetimeTest() { renew(); }
  ~TaskLifetimeTest() override { EXPECT_EQ(counts_itself::alive, 0); }

  void renew() {
    other = std::make_unique<event_loop>(clock);
    catch_reports(*other);
  }
  void iterate_other() {
    other->stop();
    ASSERT_THAT(other->run_forever(), IsOk());
  }

  std::unique_ptr<event_loop> other;  // The one that goes.
};

class awaiting final : public task<int> {
 public:
  explicit awaiting(shared_future<int> f) : f_(std::move(f)) {}
  step start() { return await<&awaiting::next>(std::move(f_)); }

 private:
  step next(int x) { return done(x); }
  shared_future<int> f_;
  counts_itself count_;
};

class calling final : public task<int> {
 public:
  explicit calling(shared_future<int> f) : f_(std::move(f)) {}
  step start() { return await<&calling::next>(awaiting(std::move(f_))); }

 private:
  step next(int x) { return done(x); }
  shared_future<int> f_;
  counts_itself count_;
};

class sleeping final : public task<void> {
 public:
  step start() { return sleep_for<&sleeping::wake>(absl::Seconds(1)); }

 private:
  step wake() { return done(); }
  counts_itself count_;
};

class yielding final : public task<void> {
 public:
  step start() { return yield<&yielding::start>(); }

 private:
  counts_itself count_;
};

TEST_F(TaskLifetimeTest, DroppingItsFutureDoesNotStopIt) {
  promise<int> p(loop);
  (void)loop.create_task(awaiting(p.get_future()));
  iterate();
  EXPECT_THAT(loop.all_tasks(), SizeIs(1));
  EXPECT_EQ(counts_itself::alive, 1);
  ASSERT_THAT(p.set_value(1), IsOk());
  iterate();
  EXPECT_THAT(loop.all_tasks(), IsEmpty());
  EXPECT_EQ(counts_itself::alive, 0);
}

TEST_F(TaskLifetimeTest, ItsLoopDestroysWhatIsLeftAndReportsIt) {
  promise<int> p(*other);
  (void)other->create_task(calling(p.get_future()));
  (void)other->create_task(sleeping());
  iterate_other();
  (void)other->create_task(yielding());
  EXPECT_EQ(counts_itself::alive, 4);  // A machine and its callee, two more.
  other.reset();
  EXPECT_EQ(counts_itself::alive, 0);
  ASSERT_THAT(reports, SizeIs(3));
  for (const error_report& report : reports) {
    EXPECT_EQ(report.cause, error_report::cause::task_destroyed);
    EXPECT_THAT(report.status,
                IsKind(error_kind::closed, HasSubstr("its loop was destroyed "
                                                     "while it awaits ")));
  }
  EXPECT_EQ(reports[0].who, "calling#1");
  EXPECT_EQ(reports[0].state, "next");
  EXPECT_THAT(std::string(reports[0].status.message()), HasSubstr("future"));
  EXPECT_EQ(reports[1].who, "sleeping#2");
  EXPECT_EQ(reports[1].state, "wake");
  EXPECT_THAT(std::string(reports[1].status.message()), HasSubstr("sleep"));
  EXPECT_EQ(reports[2].who, "yielding#3");
  EXPECT_EQ(reports[2].state, "start");
}

TEST_F(TaskLifetimeTest, AClosedLoopLeavesThemPendingForEver) {  // S24
  promise<int> p(*other);
  future<int> a = other->create_task(awaiting(p.get_future()));
  future<void> b = other->create_task(sleeping());
  iterate_other();
  ASSERT_THAT(other->close(), IsOk());
  EXPECT_THAT(other->all_tasks(), SizeIs(2));
  EXPECT_THAT(p.set_value(1), IsKind(error_kind::closed, HasSubstr("closed")));
  EXPECT_FALSE(a.done());
  EXPECT_TRUE(a.cancel());
  EXPECT_FALSE(a.done());
  (void)b.cancel();
  EXPECT_FALSE(b.done());
  EXPECT_THAT(reports, IsEmpty());
  other.reset();
  EXPECT_THAT(reports, SizeIs(2));
}

TEST_F(TaskLifetimeTest, WhatItAwaitedMayOutliveItsLoop) {
  // Settled, cancelled, broken, or asked, after the task is gone.
  for (int how = 0; how < 4; ++how) {
    SCOPED_TRACE(how);
    auto p = std::make_optional<promise<int>>(*other);
    shared_future<int> f = p->get_future();
    (void)other->create_task(awaiting(f));
    (void)other->create_task(calling(f));
    future<int> kept = other->create_task(awaiting(f));
    iterate_other();
    other.reset();
    if (how == 0) (void)p->set_value(1);
    if (how == 1) (void)f.cancel();
    if (how == 2) p.reset();
    if (how == 3) f.add_done_callback([] {});
    EXPECT_FALSE(kept.done());
    EXPECT_EQ(kept.task().info().awaiting, "");
    renew();
  }
}

TEST_F(TaskLifetimeTest, TasksThatAwaitEachOtherGoWithTheirLoop) {  // S49
  shared_future<int> a, b;
  // A cycle: each awaits the other.
  struct late final : task<int> {
    explicit late(shared_future<int>& f) : f_(f) {}
    step start() { return await<&late::next>(f_); }
    step next(int x) { return done(x); }
    shared_future<int>& f_;
    counts_itself count_;
  };
  a = other->create_task(late(b));
  b = other->create_task(late(a));
  iterate_other();
  a = b = shared_future<int>();
  other.reset();
}

TEST_F(TaskLifetimeTest, AContinuationOfATaskThatIsDestroyedIsDropped) {
  const auto alive = std::make_shared<int>(0);
  future<void> f =
      other->create_task(sleeping()).then([alive] { ADD_FAILURE(); });
  other->create_task(sleeping()).finally([alive] { ADD_FAILURE(); }).cancel();
  iterate_other();
  other.reset();
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_FALSE(f.done());
}

TEST_F(TaskLifetimeTest, AStateMayDropItsOwnFutureAndHandles) {
  struct drops final : task<int> {
    explicit drops(std::optional<future<int>>& f) : f_(f) {}
    step start() {
      f_.reset();
      return yield<&drops::again>();
    }
    step again() {
      f_.reset();
      return done(1);
    }
    std::optional<future<int>>& f_;
    counts_itself count_;
  };
  std::optional<future<int>> f;
  f = loop.create_task(drops(f));
  run_until_idle();
  EXPECT_FALSE(f.has_value());
}

TEST_F(TaskLifetimeTest, AnAwaitedMachineEndsBeforeItsCallerGoesOn) {
  struct caller final : task<void> {
    step start() { return await<&caller::next>(yielded()); }
    step next() {
      EXPECT_EQ(counts_itself::alive, 0);
      return done();
    }
    struct yielded final : task<void> {
      step start() { return yield<&yielded::end>(); }
      step end() { return done(); }
      counts_itself count_;
    };
  };
  future<void> f = loop.create_task(caller());
  run_until_idle();
  EXPECT_THAT(f.status(), IsOk());
}

TEST_F(TaskLifetimeTest, AnythingCanGoInAnyOrder) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<std::function<void()>> ends;
    const auto keep = [&](auto thing) {
      auto shared =
          std::make_shared<std::optional<decltype(thing)>>(std::move(thing));
      ends.push_back([shared] { shared->reset(); });
      return shared;
    };
    renew();
    auto p = keep(promise<int>(*other));
    auto f = keep(shared_future<int>((*p)->get_future()));
    auto a = keep(shared_future<int>(other->create_task(awaiting(**f))));
    auto b = keep(other->create_task(calling(**a)));
    auto c = keep(other->create_task(sleeping()));
    auto d = keep((*c)->task());
    keep((**a).task());
    keep((**a).then([](int x) { return x; }));
    auto e = keep(other->create_task(
        awaiting(shared_future<int>((**a).then([](int x) { return x; })))));
    ends.push_back([&] { other.reset(); });
    ends.push_back([&] {
      if (p->has_value()) (void)(*p)->set_value(1);
    });
    ends.push_back([&] {
      if (b->has_value()) (void)(*b)->cancel();
    });
    ends.push_back([&] {
      if (d->has_value()) (void)(*d)->cancel();
    });
    for (int i = 0; i < 3; ++i) {
      ends.push_back([&] {
        if (other != nullptr) iterate_other();
      });
    }
    std::shuffle(ends.begin(), ends.end(), random);
    for (const auto& end : ends) end();
    ends.clear();
    EXPECT_EQ(counts_itself::alive, 0);
  }
}

}  // namespace
}  // namespace ratchet
