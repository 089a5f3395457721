// The contexts in which callbacks run (rules S12, S16), and how long they live.

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/internal/context.h"
#include "ratchet/promise.h"
#include "ratchet/remote.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
#include "ratchet/task.h"
#include "ratchet/task_local.h"
#include "tests/support/context_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using ::ratchet::test::context_test;
using ::ratchet::test::depth;
using ::ratchet::test::IsOk;
using ::ratchet::test::name;
using ::ratchet::test::script;
using ::testing::ElementsAre;

class TaskLocalCallbackTest : public context_test {};

// -- Callbacks ----------------------------------------------------------------

TEST_F(TaskLocalCallbackTest, EveryRegistrationCapturesAndKeepsToItself) {
  promise<int> p;
  shared_future<int> f = p.get_future();
  name.set("at registration");
  loop.call_soon(sees("soon"));
  loop.call_later(absl::Seconds(1), sees("later"));
  loop.call_at(loop.now() + absl::Seconds(2), sees("at"));
  EXPECT_THAT(loop.post(sees("post")), IsOk());
  EXPECT_THAT(loop.make_remote().post(sees("remote")), IsOk());
  f.add_done_callback(sees("done callback"));
  future<int> a = f.then([&](int x) {
    sees("then")();
    return x;
  });
  future<int> b = f.then_result([&](absl::StatusOr<int> x) {
    sees("then_result")();
    return x;
  });
  future<int> c = f.finally(sees("finally"));
  future<int> d = f.then([](int) -> absl::StatusOr<int> {
                     return absl::AbortedError("no");
                   }).or_else([&](const absl::Status&) {
    sees("or_else")();
    return 1;
  });
  name.set("afterwards");
  loop.call_later(absl::Seconds(3), [&] { p.set_value(1).IgnoreError(); });
  run_until_idle();
  EXPECT_THAT(
      taken(),
      ElementsAre("soon at registration", "post at registration",
                  "remote at registration", "later at registration",
                  "at at registration", "done callback at registration",
                  "then at registration", "then_result at registration",
                  "finally at registration", "or_else at registration"));
  EXPECT_EQ(name.get(), "afterwards");
}

TEST_F(TaskLocalCallbackTest, WhatIsRegisteredWithoutOneSeesDefaults) {
  loop.call_soon(sees("first"));
  loop.call_soon(sees("second"));
  name.set("later");
  iterate();
  EXPECT_THAT(taken(), ElementsAre("first nobody", "second nobody"));
}

TEST_F(TaskLocalCallbackTest, WhatCallbacksStartInheritsFromThem) {
  loop.call_soon([&] {
    name.set("parent");
    loop.call_soon(sees("child"));
    future<void> f = make_ready_future().then([&] {
      sees("then")();
      return script({[&](script& s, const absl::Status&) {
        sees("its task")();
        return s.end();
      }});
    });
  });
  iterate(4);
  EXPECT_THAT(taken(),
              ElementsAre("child parent", "then parent", "its task then"));
}

// A continuation that waits a second time, for the future that its function
// returned, keeps no context for that.
TEST_F(TaskLocalCallbackTest, AContinuationThatWaitsTwice) {
  name.set("x");
  future<void> f = make_ready_future().then([&] {
    sees("outer")();
    return sleep_for(absl::Seconds(1)).then(sees("inner"));
  });
  future<void> g = std::move(f).then(sees("last"));
  EXPECT_THAT(loop.run_until_complete(g), IsOk());
  EXPECT_THAT(taken(), ElementsAre("outer x", "inner outer", "last x"));
}

TEST_F(TaskLocalCallbackTest, CallbacksOfOtherThreadsRunInAnEmptyContext) {
  name.set("mine");
  std::thread([&, r = loop.make_remote()] {
    name.set("theirs");
    EXPECT_THAT(r.post(sees("posted")), IsOk());
    EXPECT_EQ(name.get(), "theirs");
  }).join();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("posted nobody"));
  EXPECT_EQ(name.get(), "mine");
}

TEST_F(TaskLocalCallbackTest, IntrusiveTimersRunInAnEmptyContext) {
  class setting final : public event_loop::timer {
   public:
    explicit setting(int& seen) : seen_(seen) {}
    void timer_due() override {
      seen_ = depth.get();
      depth.set(9);
    }

   private:
    int& seen_;
  };
  int first = -1, second = -1;
  setting a(first), b(second);
  depth.set(1);
  loop.arm(a, loop.now() + absl::Seconds(1));
  loop.arm(b, loop.now() + absl::Seconds(1));
  run_until_idle();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 0);
  EXPECT_EQ(depth.get(), 1);
}

TEST_F(TaskLocalCallbackTest,
       ALoopBeginsInAnEmptyContextAndLeavesTheThreadsAlone) {
  promise<int> p;
  future<int> f = p.get_future();
  loop.call_soon([&] {
    EXPECT_EQ(name.get(), "nobody");
    name.set("inside");
    p.set_value(1).IgnoreError();
  });
  name.set("outside");
  EXPECT_THAT(loop.run_until_complete(f), IsOk());
  EXPECT_EQ(name.get(), "outside");
}

TEST_F(TaskLocalCallbackTest, RunGivesItsTaskTheContextOfTheCaller) {
  name.set("caller");
  EXPECT_THAT(run(script({[&](script& s, const absl::Status&) {
                sees("main")();
                return s.end();
              }})),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("main caller"));
  EXPECT_EQ(name.get(), "caller");
}

// -- What does not come to run ------------------------------------------------

class kept final {
 public:
  bool alone() const { return value_.use_count() == 1; }
  void set() {
    static task_local<std::shared_ptr<int>>& variable =
        *new task_local<std::shared_ptr<int>>;
    variable.set(value_);
  }

 private:
  std::shared_ptr<int> value_ = std::make_shared<int>(1);
};

TEST_F(TaskLocalCallbackTest, ACancelledCallbackLetsItsContextGo) {
  kept k;
  promise<int> p;
  shared_future<int> f = p.get_future();
  callback_handle soon, later, done;
  {
    const internal::context_scope scope(nullptr);
    k.set();
    soon = loop.call_soon([] {});
    later = loop.call_later(absl::Seconds(1), [] {});
    done = f.add_done_callback([] {});
  }
  EXPECT_FALSE(k.alone());
  EXPECT_TRUE(soon.cancel());
  EXPECT_TRUE(later.cancel());
  EXPECT_FALSE(k.alone());
  EXPECT_TRUE(done.cancel());
  EXPECT_TRUE(k.alone());
  iterate();
}

TEST_F(TaskLocalCallbackTest, AContinuationThatIsSkippedLetsItsContextGo) {
  kept k;
  promise<void> p;
  future<void> f;
  {
    const internal::context_scope scope(nullptr);
    k.set();
    f = p.get_future().then([] { ADD_FAILURE(); });
  }
  EXPECT_FALSE(k.alone());
  EXPECT_TRUE(f.cancel());
  iterate();
  EXPECT_TRUE(f.cancelled());
  EXPECT_TRUE(k.alone());
}

TEST_F(TaskLocalCallbackTest, ATaskKeepsItsContextAsLongAsItsHandle) {
  kept k;
  loop.call_soon([&] {
    k.set();
    (void)create_task(
        script({[](script& s, const absl::Status&) { return s.end(); }}));
  });
  iterate(2);
  EXPECT_TRUE(k.alone());
}

TEST(TaskLocalLoopTest, AClosedLoopLetsAllContextsGo) {
  kept k;
  std::optional<promise<void>> p;
  future<void> waits, task;
  callback_handle kept_handle;
  {
    virtual_clock clock;
    event_loop loop(clock);
    loop.set_error_handler([](const error_report&) {});
    p.emplace(loop);
    const internal::context_scope scope(nullptr);
    k.set();
    kept_handle = loop.call_soon([] {});
    loop.call_later(absl::Seconds(1), [] {});
    waits = p->get_future().then([] {});
    waits.add_done_callback([] {});
    task = loop.create_task(script({[](script& s, const absl::Status&) {
      return s.sleep(absl::Seconds(1));
    }}));
    loop.stop();
    EXPECT_THAT(loop.run_forever(), IsOk());
    loop.call_soon([] {});
    make_ready_future().then([] {}).add_done_callback([] {});
    EXPECT_THAT(loop.close(), IsOk());
    // It refuses, and keeps nothing.
    loop.call_soon([] {});
    loop.call_later(absl::Seconds(1), [] {});
  }
  EXPECT_FALSE(k.alone());
  // The continuation waits for ever; what it keeps goes with it.
  waits = future<void>();
  p.reset();
  EXPECT_FALSE(k.alone());
  task = future<void>();
  EXPECT_TRUE(k.alone());
}

TEST(TaskLocalLoopTest, AContextOutlivesTheLoopInWhichItWasMade) {
  const internal::context_scope scope(nullptr);
  virtual_clock clock;
  event_loop second(clock);
  std::string seen;
  {
    event_loop first(clock);
    first.call_soon([&] {
      name.set("first");
      second.call_soon([&] { seen = name.get(); });
    });
    first.stop();
    EXPECT_THAT(first.run_forever(), IsOk());
  }
  second.stop();
  EXPECT_THAT(second.run_forever(), IsOk());
  EXPECT_EQ(seen, "first");
}

TEST(TaskLocalThreadTest, WhatAThreadSetsEndsWithIt) {
  const auto value = std::make_shared<int>(1);
  task_local<std::shared_ptr<int>> variable;
  std::thread([&] {
    variable.set(value);
    EXPECT_EQ(value.use_count(), 2);
  }).join();
  EXPECT_EQ(value.use_count(), 1);
  EXPECT_EQ(variable.get(), nullptr);
}

// A parcel carries copies of what can be copied.
TEST(TaskLocalThreadTest, AParcelTakesTheValuesToAnotherThread) {
  const internal::context_scope scope(nullptr);
  static task_local<std::unique_ptr<int>> single;
  name.set("caller");
  single.set(std::make_unique<int>(1));
  internal::context_parcel parcel;
  name.set("afterwards");
  std::thread([p = &parcel] {
    const std::string seen = p->run([] {
      EXPECT_EQ(single.get(), nullptr);
      std::string was = name.get();
      name.set("worker");
      return was;
    });
    EXPECT_EQ(seen, "caller");
    EXPECT_EQ(name.get(), "nobody");
    p->run([] { EXPECT_EQ(name.get(), "caller"); });
    internal::context_parcel().run([] { EXPECT_EQ(name.get(), "nobody"); });
  }).join();
  EXPECT_EQ(name.get(), "afterwards");
}

TEST(TaskLocalThreadTest, AFunctionForAnotherThreadRunsInACopy) {  // S164.
  const internal::context_scope scope(nullptr);
  name.set("caller");
  auto f = in_this_context([p = std::make_unique<int>(3)] {
    std::string was = name.get();
    name.set("worker");
    return was + std::to_string(*p);
  });
  name.set("afterwards");
  std::string seen;
  std::thread([&] {
    seen = f();
    EXPECT_EQ(name.get(), "nobody");
  }).join();
  EXPECT_EQ(seen, "caller3");
  EXPECT_EQ(name.get(), "afterwards");
}

// -- Errors -------------------------------------------------------------------

TEST_F(TaskLocalCallbackTest,
       AnErrorHandlerRunsInTheContextOfWhatItIsToldAbout) {
  loop.set_error_handler([&](const error_report& report) {
    mark(std::string(report.status.message()) + " " + name.get());
    name.set("handler");
  });
  loop.call_soon([&] {
    name.set("callback");
    return absl::AbortedError("a callback,");
  });
  loop.call_soon([&] { mark("then " + name.get()); });
  shared_future<void> f = create_task(script({
      [](script& s, const absl::Status&) {
        name.set("task");
        return s.end(absl::AbortedError("a task,"));
      },
  }));
  iterate(2);
  loop.call_soon([&] {
    name.set("who drops it");
    f = shared_future<void>();
    mark("back " + name.get());
  });
  // A task that never set anything has a context without values.
  shared_future<void> g = create_task(script({
      [](script& s, const absl::Status&) {
        return s.end(absl::AbortedError("a plain task,"));
      },
  }));
  loop.call_soon([&] {
    name.set("who drops it");
    loop.call_soon([&] { g = shared_future<void>(); });
  });
  iterate(2);
  EXPECT_THAT(taken(),
              ElementsAre("a callback, callback", "then nobody", "a task, task",
                          "back who drops it", "a plain task, nobody"));
}

TEST_F(TaskLocalCallbackTest, ATaskThatIsDestroyedIsReportedInItsContext) {
  std::string seen_name;
  {
    event_loop other(clock);
    other.set_error_handler(
        [&](const error_report&) { seen_name = name.get(); });
    (void)other.create_task(script({
        [](script& s, const absl::Status&) {
          name.set("pending");
          return s.sleep(absl::Seconds(1));
        },
    }));
    other.stop();
    EXPECT_THAT(other.run_forever(), IsOk());
  }
  EXPECT_EQ(seen_name, "pending");
}

TEST_F(TaskLocalCallbackTest,
       ErrorsOfShutdownAreReportedInTheContextOfTheTask) {
  loop.set_error_handler([&](const error_report&) { mark(name.get()); });
  future<void> f = create_task(script({
      [](script& s, const absl::Status&) {
        name.set("task");
        return s.sleep(absl::Seconds(1));
      },
      [](script& s, const absl::Status&) {
        return s.end(absl::AbortedError("no"));
      },
  }));
  iterate();
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_THAT(taken(), ElementsAre("task"));
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(TaskLocalCallbackTest, ExceptionsLeaveNoContextBehind) {
  class throwing final : public event_loop::timer {
    void timer_due() override {
      depth.set(1);
      throw 1;
    }
  };
  throwing t;
  loop.arm(t, loop.now());
  loop.call_later(absl::ZeroDuration(), [&] {
    EXPECT_EQ(depth.get(), 0);
    depth.set(2);
    throw 2;
  });
  future<void> f = make_ready_future().then([] {
    depth.set(3);
    throw 3;
  });
  loop.call_soon([] { EXPECT_EQ(depth.get(), 0); });
  loop.call_soon([] {
    depth.set(4);
    throw 4;
  });
  loop.call_soon([] {
    EXPECT_EQ(depth.get(), 0);
    depth.set(5);
    (void)create_task(eager, script({[](script&, const absl::Status&) -> step {
                        depth.set(6);
                        throw 6;
                      }}));
    EXPECT_EQ(depth.get(), 5);
  });
  loop.call_later(absl::ZeroDuration(),
                  [&] { mark("last " + std::to_string(depth.get())); });
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("last 0"));
  EXPECT_EQ(reports.size(), 4u);  // Not that of f.
  EXPECT_FALSE(f.status().ok());
}
#endif

}  // namespace
}  // namespace ratchet
