// bound_group: what ends with an object, wherever it is destroyed.

#include "ratchet/bound_group.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/sync/mutex.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/timeout.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsCancelled;
using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::ratchet::test::script;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string text(const absl::Status& s) {
  if (s.ok()) return "ok";
  if (!is_cancelled(s)) return std::string(s.message());
  return absl::StrCat("Cancelled(", cancel_reason(s), ")");
}

// An object whose work uses it. Everything it does touches `alive_`, so that
// the sanitizers see what comes too late.
class session final {
 public:
  explicit session(test::trace* trace)
      : trace_(trace), alive_(std::make_unique<int>(1)) {}
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  ~session() { mark("~session"); }

  void mark(const std::string& what) {
    trace_->push_back(what);
    *alive_ += 1;
  }
  auto marks(const std::string& what) {
    return [this, what] { mark(what); };
  }

  // Uses the session in its destructor, too.
  class user {
   public:
    user(session& s, std::string name) : session_(&s), name_(std::move(name)) {}
    user(user&& other) noexcept
        : session_(std::exchange(other.session_, nullptr)),
          name_(std::move(other.name_)) {}
    user& operator=(user&&) = delete;
    ~user() {
      if (session_ != nullptr) session_->mark("~" + name_);
    }
    session* operator->() const { return session_; }
    void forget() { session_ = nullptr; }

   private:
    session* session_;
    std::string name_;
  };

  // A task that waits in the way that `wait` says, in `depth` frames.
  class worker final : public task<void> {
   public:
    using wait = std::function<step(worker&)>;
    worker(session& s, std::string name, int depth, wait w)
        : user_(s, std::move(name)), depth_(depth), wait_(std::move(w)) {}

    step start() {
      if (depth_ == 0) return wait_(*this);
      return await<&worker::after>(worker(*user_.operator->(),
                                          absl::StrCat("frame", depth_ - 1),
                                          depth_ - 1, wait_));
    }
    step on(future<void> f) { return await<&worker::after>(std::move(f)); }
    step sleep() { return sleep_for<&worker::after>(absl::Seconds(1)); }
    step pause() { return yield<&worker::after>(); }
    step end(absl::Status s = absl::OkStatus()) { return done(std::move(s)); }
    void forget() { user_.forget(); }

   private:
    step after(absl::Status s) {
      user_->mark("worker goes on");
      return done(std::move(s));
    }
    user user_;
    int depth_;
    wait wait_;
  };

  future<void> work(const std::string& name, worker::wait wait, int depth = 0) {
    return work_.create_task(worker(*this, name, depth, std::move(wait)));
  }
  bound_group& group() { return work_; }

 private:
  test::trace* trace_;
  std::unique_ptr<int> alive_;
  bound_group work_{"session"};
};

using worker = session::worker;

class BoundGroupTest : public loop_test {
 public:
  using loop_test::mark;
  std::unique_ptr<session> owner;

 protected:
  BoundGroupTest() { reset(); }
  void reset() { owner = std::make_unique<session>(&seen); }

  static step sleeps(worker& w) { return w.sleep(); }
  static step pauses(worker& w) { return w.pause(); }
};

// -- While it lives

TEST_F(BoundGroupTest, DoesNothingToWhatEnds) {
  owner->group().call_soon(owner->marks("soon"));
  owner->group().call_later(absl::Seconds(1), owner->marks("later"));
  future<void> f = owner->work("worker", sleeps, 1);
  future<int> bound = make_ready_future(1).then(
      owner->group().bind([](int x) { return x + 1; }));
  EXPECT_EQ(owner->group().size(), 3u);
  run_until_idle();
  EXPECT_EQ(owner->group().size(), 0u);
  EXPECT_THAT(f, IsOk());
  EXPECT_THAT(bound.result(), IsOkAndHolds(2));
  EXPECT_THAT(taken(), ElementsAre("soon", "later", "worker goes on", "~frame0",
                                   "worker goes on", "~worker"));
}

TEST_F(BoundGroupTest, UnusedItCostsNothing) { const bound_group unused; }

TEST_F(BoundGroupTest, ReportsErrorsThatNobodyHolds) {
  {
    future<void> f = owner->work(
        "w", [](worker& w) { return w.end(absl::InternalError("lost")); });
  }
  run_until_idle();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].cause, error_report::cause::unretrieved);
}

TEST_F(BoundGroupTest, CancelAsks) {
  future<void> f = owner->work("worker", sleeps);
  owner->group().call_later(absl::Seconds(1), owner->marks("later"));
  const callback_handle soon = owner->group().call_soon(owner->marks("soon"));
  iterate();
  owner->group().cancel("enough");
  EXPECT_EQ(owner->group().size(), 1u);  // The task's end is to come.
  run_until_idle();
  EXPECT_EQ(text(f.status()), "Cancelled(enough)");
  EXPECT_EQ(owner->group().size(), 0u);
  EXPECT_THAT(taken(), ElementsAre("soon", "worker goes on", "~worker"));
  owner->group().call_soon(owner->marks("again"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("again"));
}

TEST_F(BoundGroupTest, AHandleTakesACallbackOut) {
  callback_handle handle =
      owner->group().call_later(absl::Seconds(1), owner->marks("later"));
  EXPECT_EQ(owner->group().size(), 1u);
  EXPECT_TRUE(handle.cancel());
  EXPECT_EQ(owner->group().size(), 0u);
}

TEST_F(BoundGroupTest, JoinWaitsUntilNothingIsLeft) {
  owner->work("worker", sleeps).task();
  future<void> a = create_task(owner->group().join());
  future<void> b = create_task(owner->group().join());
  iterate();
  owner->group().call_later(absl::Seconds(3), owner->marks("later"));
  EXPECT_TRUE(b.cancel());
  run_until_idle();
  EXPECT_THAT(a, IsOk());
  EXPECT_THAT(b, IsCancelled());
  EXPECT_EQ(elapsed(), absl::Seconds(3));
  future<void> c = create_task(owner->group().join());
  iterate();
  EXPECT_THAT(c, IsOk());
}

TEST_F(BoundGroupTest, JoinOfOneselfIsRefused) {
  future<void> f = owner->group().create_task(script({
      [&](script& s, absl::Status) { return s.on(owner->group().join()); },
      [&](script& s, absl::Status status) { return s.end(status); },
  }));
  run_until_idle();
  EXPECT_THAT(f, IsKind(error_kind::self_await, _));
}

TEST_F(BoundGroupTest, JoinGoesOnWhenTheGroupIsDestroyed) {
  owner->work("worker", sleeps).task();
  future<void> f = create_task(owner->group().join());
  iterate();
  owner.reset();
  iterate();
  EXPECT_THAT(f, IsOk());
}

// -- bind()

TEST_F(BoundGroupTest, BoundContinuationsEndCancelled) {
  promise<int> p;
  const shared_future<int> s = p.get_future();
  promise<int> q;
  const shared_future<int> bad = q.get_future();
  bound_group& g = owner->group();
  future<void> nothing = s.then(g.bind([this](int) { owner->mark("then"); }));
  future<int> value = s.then(g.bind([](int x) { return x; }));
  future<void> status = s.then(g.bind([](int) { return absl::OkStatus(); }));
  future<int> inner = s.then(g.bind([](int) { return make_ready_future(1); }));
  future<int> machine = s.then(
      g.bind([](int) { return test::number_later(absl::Seconds(1), 1); }));
  future<int> result =
      s.then_result(g.bind([](const absl::StatusOr<int>& r) { return r; }));
  future<int> last = s.finally(g.bind([this] { owner->mark("finally"); }));
  future<int> skipped = bad.then(g.bind([](int x) { return x; }));
  future<int> mended =
      bad.or_else(g.bind([](const absl::Status&) { return 1; }));
  ASSERT_THAT(p.set_value(5), IsOk());
  ASSERT_THAT(q.set_error(absl::InternalError("bad")), IsOk());
  owner.reset();
  run_until_idle();
  for (const absl::Status& end :
       {nothing.status(), value.status(), status.status(), inner.status(),
        machine.status(), result.status(), mended.status()}) {
    EXPECT_EQ(text(end), "Cancelled(session was destroyed)");
  }
  EXPECT_THAT(last.result(), IsOkAndHolds(5));
  EXPECT_EQ(text(skipped.status()), "bad");
  EXPECT_THAT(taken(), ElementsAre("~session"));
}

TEST_F(BoundGroupTest, BoundCallablesGiveNothing) {
  bound_group& g = owner->group();
  std::function<void()> f = g.bind(owner->marks("f"));
  auto value = g.bind([] { return 7; });
  auto status = g.bind([] { return absl::InternalError("x"); });
  auto later = g.bind([] { return make_ready_future(1); });
  loop.call_soon(g.bind(owner->marks("soon")));
  loop.call_soon(status);
  promise<void> p;
  future<void> done = p.get_future();
  done.add_done_callback(f);
  f();
  EXPECT_THAT(value(), IsOkAndHolds(7));
  EXPECT_THAT(status(), test::StatusIs(absl::StatusCode::kInternal, "x"));
  owner.reset();
  f();
  EXPECT_THAT(value(), IsCancelled());
  EXPECT_THAT(status(), IsOk());
  EXPECT_THAT(later(), IsCancelled());
  ASSERT_THAT(p.set_value(), IsOk());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("f", "~session"));
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(BoundGroupTest, AMachineOfABoundCallableIsATaskOfTheGroup) {
  future<int> f = make_ready_future().then(owner->group().bind(
      [] { return test::number_later(absl::Seconds(1), 3); }));
  iterate();
  EXPECT_EQ(owner->group().size(), 1u);
  owner.reset();
  run_until_idle();
  EXPECT_THAT(f, IsCancelled());
}

TEST_F(BoundGroupTest, ABoundCallableDestroysItsOwner) {
  loop.call_soon(owner->group().bind([this] { owner.reset(); }));
  future<int> f = make_ready_future().then(owner->group().bind([this] {
    owner.reset();
    return 1;
  }));
  run_until_idle();
  EXPECT_THAT(f, IsCancelled());
}

// -- Destroyed, wherever a task waits

struct way {
  const char* name;
  std::function<step(worker&)> wait;
  int iterations;
};

TEST_F(BoundGroupTest, EndsATaskWhereverItWaits) {
  promise<void> p;
  const shared_future<void> pending = p.get_future();
  const auto sleeper = [] {
    return script(
        {[](script& s, absl::Status) { return s.sleep(absl::Seconds(1)); },
         [](script& s, absl::Status) { return s.end(); }});
  };
  const std::vector<way> ways = {
      {"future", [&](worker& w) { return w.on(pending.then([] {})); }, 1},
      {"sleep", sleeps, 1},
      {"ready", pauses, 1},
      {"not started", sleeps, 0},
      {"task", [&](worker& w) { return w.on(create_task(sleeper())); }, 2},
  };
  for (const way& w : ways) {
    for (const int depth : {0, 2}) {
      SCOPED_TRACE(absl::StrCat(w.name, ", depth ", depth));
      owner->work("dropped", w.wait, depth).task();
      const future<void> kept = owner->work("kept", w.wait, depth);
      iterate(w.iterations);
      taken();
      owner.reset();
      EXPECT_EQ(text(kept.status()), "Cancelled(session was destroyed)");
      if (depth == 2 && w.iterations > 0) {
        EXPECT_THAT(taken(),
                    ElementsAre("~session", "~frame0", "~frame1", "~dropped",
                                "~frame0", "~frame1", "~kept"));
      } else {
        EXPECT_THAT(taken(), ElementsAre("~session", "~dropped", "~kept"));
      }
      EXPECT_LE(loop.all_tasks().size(), 2u);  // Those of "task".
      run_until_idle();
      EXPECT_THAT(taken(), IsEmpty());
      reset();
    }
  }
}

TEST_F(BoundGroupTest, EndsATaskThatIsWokenAlready) {
  for (const bool kept : {true, false}) {
    promise<void> p;
    future<void> f =
        owner->work("worker", [&](worker& w) { return w.on(p.get_future()); });
    iterate();
    if (!kept) f = future<void>();
    ASSERT_THAT(p.set_value(), IsOk());
    owner.reset();
    EXPECT_THAT(taken(), ElementsAre("~session", "~worker"));
    run_until_idle();
    EXPECT_THAT(taken(), IsEmpty());
    reset();
  }
}

TEST_F(BoundGroupTest, LeavesTheOrderOfTheOthersAlone) {
  for (int i = 0; i < 3; ++i) {
    loop.call_soon(marks(absl::StrCat("before", i)));
    owner->work("worker", sleeps).task();
    owner->group().call_soon(owner->marks("never"));
    loop.call_soon(marks(absl::StrCat("after", i)));
  }
  owner->work("the end of the queue", sleeps).task();
  owner.reset();
  loop.call_soon(marks("last"));
  taken();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("before0", "after0", "before1", "after1",
                                   "before2", "after2", "last"));
}

TEST_F(BoundGroupTest, InTheMiddleOfABatch) {
  owner->work("first", pauses).task();
  loop.call_soon([this] {
    mark("reset");
    owner.reset();
  });
  owner->work("second", pauses).task();
  owner->group().call_soon(owner->marks("never"));
  loop.call_soon(marks("end of batch"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("reset", "~session", "~first", "~second",
                                   "end of batch"));
}

TEST_F(BoundGroupTest, FromATimerAmongThoseThatAreDue) {
  loop.call_later(absl::Seconds(1), [this] { owner.reset(); });
  owner->group().call_later(absl::Seconds(1), owner->marks("never"));
  owner->work("worker", sleeps).task();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("~session", "~worker"));
}

// The nested run puts the task off behind the second timer.
TEST_F(BoundGroupTest, FromANestedRun) {
  loop.allow_nested_runs(true);
  loop.call_later(absl::Seconds(1), [this] {
    owner->work("worker", sleeps).task();
    EXPECT_THAT(loop.run_until_complete(create_task(
                    script({[](script& s, absl::Status) { return s.end(); }}))),
                IsOk());
    mark("outer");
  });
  loop.call_later(absl::Seconds(1), [this] { owner.reset(); });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("~session", "~worker", "outer"));
}

TEST_F(BoundGroupTest, FromItsOwnTask) {
  for (const int depth : {0, 2}) {
    for (const std::string how :
         {"awaits", "sleeps", "pauses", "ends", "fails"}) {
      SCOPED_TRACE(absl::StrCat(how, ", depth ", depth));
      promise<void> p;
      const future<void> f = owner->work(
          "worker",
          [&](worker& w) {
            w.forget();  // The object goes, and the machine has to know.
            owner.reset();
            mark("step goes on");
            if (how == "awaits") return w.on(p.get_future());
            if (how == "sleeps") return w.sleep();
            if (how == "pauses") return w.pause();
            return w.end(how == "ends" ? absl::OkStatus()
                                       : absl::InternalError("error"));
          },
          0);
      iterate();
      EXPECT_EQ(text(f.status()), "Cancelled(session was destroyed)");
      run_until_idle();
      EXPECT_THAT(taken(), ElementsAre("~session", "step goes on"));
      reset();
    }
  }
}

TEST_F(BoundGroupTest, FromAnEagerTaskOfTheGroup) {
  const future<void> f = create_task(script({[this](script& s, absl::Status) {
    const future<void> eager_one = owner->group().create_task(
        eager, script({[this](script& inner, absl::Status) {
          owner.reset();
          return inner.sleep(absl::Seconds(1));
        }}));
    mark(text(eager_one.status()));
    return s.end();
  }}));
  run_until_idle();
  EXPECT_THAT(f, IsOk());
  EXPECT_THAT(taken(),
              ElementsAre("~session", "Cancelled(session was destroyed)"));
}

TEST_F(BoundGroupTest, FromAnotherTaskOfTheGroup) {
  const future<void> f = owner->work("worker", sleeps, 1);
  const future<void> g = owner->group().create_task(script({
      [](script& s, absl::Status) { return s.pause(); },
      [this](script& s, absl::Status) {
        owner.reset();
        return s.end();
      },
  }));
  run_until_idle();
  EXPECT_EQ(text(f.status()), "Cancelled(session was destroyed)");
  EXPECT_EQ(text(g.status()), "Cancelled(session was destroyed)");
  EXPECT_THAT(taken(), ElementsAre("~session", "~frame0", "~worker"));
}

// Has a group of its own, whose children have children.
class nursery final : public task<void> {
 public:
  nursery(session& s, int depth)
      : user_(s, absl::StrCat("nursery", depth)), depth_(depth) {}
  nursery(nursery&&) = default;

  step start() {
    group_.enter().IgnoreError();
    scope_.emplace(absl::Seconds(100));
    scope_->enter().IgnoreError();
    if (depth_ == 0) return sleep_for<&nursery::never>(absl::Seconds(1));
    child_ = group_.create_task(nursery(*user_.operator->(), depth_ - 1));
    return await<&nursery::left>(group_.leave());
  }

 private:
  step never() { return fail(absl::InternalError("a state ran")); }
  step left(absl::Status s) {
    user_->mark("left");
    return done(std::move(s));
  }

  session::user user_;
  int depth_;
  std::optional<timeout_scope> scope_;
  task_group group_;
  future<void> child_;
};

TEST_F(BoundGroupTest, EndsGroupsInItsTasks) {
  const future<void> f = owner->group().create_task(nursery(*owner, 2));
  iterate(4);
  owner.reset();
  EXPECT_EQ(text(f.status()), "Cancelled(session was destroyed)");
  EXPECT_THAT(loop.all_tasks(), IsEmpty());
  EXPECT_THAT(taken(),
              ElementsAre("~session", "~nursery0", "~nursery1", "~nursery2"));
  run_until_idle();
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(BoundGroupTest, FromAChildOfAChild) {
  class parent final : public task<void> {
   public:
    parent(BoundGroupTest& t, int depth) : t_(t), depth_(depth) {}
    parent(parent&&) = default;
    step start() {
      if (depth_ == 0) return yield<&parent::ends>();
      group_.enter().IgnoreError();
      child_ = group_.create_task(parent(t_, depth_ - 1));
      return await<&parent::never>(group_.leave());
    }

   private:
    step ends() {
      t_.owner.reset();
      t_.mark("goes on");
      return yield<&parent::never>();
    }
    step never(absl::Status) {
      t_.mark("never");
      return done();
    }
    BoundGroupTest& t_;
    int depth_;
    task_group group_;
    future<void> child_;
  };
  const future<void> f = owner->group().create_task(parent(*this, 2));
  run_until_idle();
  EXPECT_EQ(text(f.status()), "Cancelled(session was destroyed)");
  EXPECT_THAT(taken(), ElementsAre("~session", "goes on"));
  EXPECT_THAT(loop.all_tasks(), IsEmpty());
}

TEST_F(BoundGroupTest, GivesPlacesInLinesUp) {
  mutex m;
  const auto holds = [&](const std::string& name) {
    return script({
        [&](script& s, absl::Status) { return s.on(m.acquire()); },
        [this, name](script& s, absl::Status) {
          mark(name);
          return s.sleep(absl::Seconds(1));
        },
        [&](script& s, absl::Status) { return s.end(m.release()); },
    });
  };
  const future<void> a = create_task(holds("a"));
  const future<void> b = owner->group().create_task(holds("b"));
  const future<void> c = create_task(holds("c"));
  iterate(2);
  owner.reset();
  run_until_idle();
  EXPECT_THAT(a, IsOk());
  EXPECT_THAT(b, IsCancelled());
  EXPECT_THAT(c, IsOk());
  EXPECT_THAT(taken(), ElementsAre("a", "~session", "c"));
}

TEST_F(BoundGroupTest, FromTheEndOfWhatHoldsIt) {
  // The owner goes with a callable, which goes when its turn passes by.
  std::shared_ptr<session> shared(std::move(owner));
  shared->work("worker", sleeps, 1).task();
  promise<void> p;
  future<void> f = p.get_future().then([shared] {}).then([] {});
  shared.reset();
  iterate();
  EXPECT_TRUE(f.cancel());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("~session", "~frame0", "~worker"));
}

// What it ends is gone when the destructor returns, also in the disposal of a
// future, which else puts one thing off behind the other.
TEST_F(BoundGroupTest, FromTheDisposalOfAFuture) {
  class holder {
   public:
    holder(std::unique_ptr<session> owned, test::trace* trace)
        : owned_(std::move(owned)), trace_(trace) {}
    holder(holder&&) = default;
    holder& operator=(holder&&) = default;
    ~holder() {
      if (owned_ == nullptr) return;
      owned_.reset();
      trace_->push_back("~holder");
    }

   private:
    std::unique_ptr<session> owned_;
    test::trace* trace_;
  };
  owner->work("worker", sleeps, 1).task();
  iterate();
  make_ready_future(holder(std::move(owner), &seen)).done();
  EXPECT_THAT(taken(),
              ElementsAre("~session", "~frame0", "~worker", "~holder"));
}

TEST_F(BoundGroupTest, OnAClosedLoop) {
  const future<void> f = owner->work("sleeps", sleeps, 1);
  owner->work("pauses", pauses).task();
  owner->group().call_later(absl::Seconds(1), owner->marks("never"));
  iterate();
  ASSERT_THAT(loop.close(), IsOk());
  EXPECT_EQ(owner->group().size(), 2u);
  owner.reset();
  EXPECT_EQ(text(f.status()), "Cancelled(session was destroyed)");
  EXPECT_THAT(taken(),
              ElementsAre("~session", "~frame0", "~sleeps", "~pauses"));
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(BoundGroupTest, AfterTheLoop) {
  auto other = std::make_unique<event_loop>(clock);
  catch_reports(*other);
  const future<void> f = owner->work("sleeps", sleeps, 1);
  owner->group().call_later(absl::Seconds(1), owner->marks("never"));
  auto bound = owner->group().bind(owner->marks("never"));
  other->stop();
  ASSERT_THAT(other->run_forever(), IsOk());
  other.reset();
  EXPECT_THAT(taken(), ElementsAre("~frame0", "~sleeps"));
  EXPECT_THAT(reports, SizeIs(1));  // The task was destroyed.
  EXPECT_EQ(owner->group().size(), 0u);
  owner.reset();
  bound();
  EXPECT_FALSE(f.done());
  EXPECT_THAT(taken(), ElementsAre("~session"));
}

TEST_F(BoundGroupTest, NothingStartsWhileItIsDestroyed) {
  class starter {
   public:
    starter(bound_group& g, BoundGroupTest* t) : group_(&g), test_(t) {}
    starter(starter&& other) noexcept
        : group_(std::exchange(other.group_, nullptr)), test_(other.test_) {}
    starter& operator=(starter&&) = delete;
    ~starter() {
      if (group_ == nullptr) return;
      const future<void> f = group_->create_task(script({}));
      test_->mark(text(f.status()));
      EXPECT_FALSE(group_->call_soon([] {}).status().ok());
      EXPECT_EQ(group_->size(), 0u);
    }
    void operator()() {}

   private:
    bound_group* group_;
    BoundGroupTest* test_;
  };
  owner->group().call_soon(starter(owner->group(), this));
  owner.reset();
  EXPECT_THAT(taken(), ElementsAre("~session",
                                   "bound_group::create_task(): the group is "
                                   "being destroyed"));
}

}  // namespace
}  // namespace ratchet
