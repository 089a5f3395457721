// Runs inside of runs (rules S22, S23). The traces of the first tests are those
// of the package nest_asyncio in CPython, with their iterations.

#include <functional>
#include <memory>
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
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
#include "ratchet/task_local.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using ::ratchet::test::calling;
using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::ratchet::test::number_later;
using ::ratchet::test::script;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kPast = -absl::Seconds(1);

class NestedRunTest : public loop_test {
 protected:
  NestedRunTest() {
    loop.allow_nested_runs(true);
    count_from_here();
  }

  using callback = std::function<void()>;

  void soon(callback f) { loop.call_soon(std::move(f)); }
  void soon(const std::string& what) { loop.call_soon(marks_iteration(what)); }
  // Due at once: the order is that of the calls.
  void timer(callback f) { loop.call_later(kPast, std::move(f)); }
  void timer(const std::string& what) {
    timer(callback(marks_iteration(what)));
  }

  // Iterations one by one, with a mark after each.
  void iterations(int n) {
    for (int i = 0; i < n; ++i) {
      iterate();
      mark_iteration("|");
    }
  }
};

TEST_F(NestedRunTest, TakesWhatIsLeftFirstAndLeavesAsManyToGoOnWith) {
  soon("a");
  soon([&] {
    mark_iteration("N");
    promise<void> p;
    future<void> f = p.get_future();
    soon([&] {
      mark_iteration("x");
      p.set_value().IgnoreError();
      soon("y1");
      soon("y2");
    });
    timer("tl");
    EXPECT_THAT(loop.run_until_complete(f), IsOk());
    mark_iteration("back");
  });
  soon([&] {
    mark_iteration("b");
    soon([&] {
      mark_iteration("b2");
      soon("b3");
    });
  });
  soon("c");
  timer("t1");
  timer("t2");
  iterations(1);
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("a@1", "N@1", "b@2", "c@2", "t1@2", "t2@2",
                                   "x@2", "tl@2", "back@2", "b2@2", "y1@2",
                                   "y2@2", "b3@2", "|@2"));
}

TEST_F(NestedRunTest, ThreeDeep) {
  const auto nest = [this](const std::string& who) {
    return [this, who] {
      mark_iteration(who);
      promise<void> p;
      future<void> f = p.get_future();
      soon(who + " s1");
      timer(who + " t");
      auto shared = std::make_shared<promise<void>>(std::move(p));
      soon([this, who, shared] {
        soon([this, who, shared] {
          mark_iteration(who + " end");
          shared->set_value().IgnoreError();
          soon(who + " after");
        });
      });
      const absl::Status status = loop.run_until_complete(f);
      mark_iteration(who + (status.ok() ? " back" : " stopped"));
    };
  };
  soon("a");
  soon(nest("N1"));
  soon(nest("N2"));
  soon("b");
  timer("t1");
  timer(nest("N3"));
  timer("t2");
  soon("c");
  iterations(2);
  // The flag is set from the beginning: N3 is stopped after its iteration, but
  // the others are done by then.
  EXPECT_THAT(
      taken(),
      ElementsAre("a@1", "N1@1", "N2@2", "b@3", "c@3", "t1@3", "N3@3", "t2@4",
                  "N1 s1@4", "N1 t@4", "N2 s1@4", "N2 t@4", "N3 s1@4", "N3 t@4",
                  "N3 stopped@4", "N1 end@4", "N2 end@4", "N3 end@4",
                  "N1 after@4", "N2 after@4", "N3 after@4", "N2 back@4",
                  "N1 back@4", "|@4", "|@5"));
}

TEST_F(NestedRunTest, InTimersAndAgainInWhatTheyPutOff) {
  std::function<callback(std::string, int)> nest = [this](std::string who,
                                                          int hops) {
    return [this, who, hops] {
      mark_iteration(who);
      auto p = std::make_shared<promise<void>>();
      future<void> f = p->get_future();
      std::function<void(int)> hop = [&hop, this, who, p](int n) {
        mark_iteration(absl::StrCat(who, " hop", n));
        if (n == 0) {
          p->set_value().IgnoreError();
        } else {
          soon([&hop, n] { hop(n - 1); });
        }
        if (n % 2 != 0) timer(absl::StrCat(who, " tm", n));
      };
      soon([&hop, hops] { hop(hops); });
      // Not stopped by iterations(): all would be over at once.
      while (!loop.run_until_complete(f).ok()) ADD_FAILURE();
      mark_iteration(who + " back");
    };
  };
  const auto spawn = [&] {
    mark_iteration("s");
    soon(nest("M", 1));
    soon("s2");
    timer(nest("K", 0));
  };
  soon(spawn);
  timer(nest("L", 2));
  timer("t1");
  timer(spawn);
  timer("t2");
  // run_forever() until nothing is left: no flag is set.
  run_until_idle();
  EXPECT_THAT(
      taken(),
      ElementsAre("s@1", "L@1", "t1@2", "s@2", "t2@2", "M@2", "s2@3",
                  "L hop2@3", "K@3", "M@4", "s2@5", "M hop1@5", "K@5",
                  "L hop1@6", "K hop0@6", "M hop1@6", "M hop0@6", "K hop0@6",
                  "M tm1@6", "K back@6", "L hop0@6", "M hop0@6", "M back@6",
                  "K back@6", "M back@6", "L back@6", "L tm1@7", "M tm1@7"));
}

TEST_F(NestedRunTest, StopEndsAllRunsDownToTheRunForever) {
  const auto nest = [this](const std::string& who, const callback& inner) {
    return [this, who, inner] {
      mark_iteration(who);
      promise<void> p;
      future<void> f = p.get_future();
      soon(inner);
      EXPECT_THAT(loop.run_until_complete(f),
                  IsKind(error_kind::stopped, HasSubstr("stopped before")));
      mark_iteration(who + " stopped");
    };
  };
  soon(nest("N1", nest("N2", [this] { loop.stop(); })));
  soon("a");
  soon([&] { soon("b"); });
  EXPECT_THAT(loop.run_forever(), IsOk());
  mark_iteration("|");
  iterate();
  EXPECT_THAT(taken(), ElementsAre("N1@1", "a@2", "N2@2", "b@3", "N2 stopped@3",
                                   "N1 stopped@3", "|@3"));
}

TEST_F(NestedRunTest, ANestedRunForeverEndsWithItsOwnStop) {
  soon([&] {
    mark_iteration("N");
    soon([&] { loop.stop(); });
    soon("x");
    EXPECT_THAT(loop.run_forever(), IsOk());
    mark_iteration("back");
    soon("y");
    soon([&] { soon([&] { loop.stop(); }); });
  });
  soon("a");
  EXPECT_THAT(loop.run_forever(), IsOk());
  mark_iteration("|");
  EXPECT_THAT(taken(),
              ElementsAre("N@1", "a@2", "x@2", "back@2", "y@2", "|@4"));
}

// The outermost run clears the flag, so that a later one goes on (S21).
TEST_F(NestedRunTest, TheOutermostRunIsStoppedOnce) {
  promise<int> p;
  future<int> f = p.get_future();
  soon([&] { loop.stop(); });
  EXPECT_THAT(loop.run_until_complete(f), IsKind(error_kind::stopped, _));
  soon([&] { p.set_value(1).IgnoreError(); });
  EXPECT_THAT(loop.run_until_complete(f), IsOkAndHolds(1));
}

TEST_F(NestedRunTest, TasksRunOthersInTheMiddleOfTheirSteps) {
  const auto child = [this](int n) {
    std::vector<script::state_function> states;
    states.emplace_back(
        [](script& s, const absl::Status&) { return s.pause(); });
    for (int i = 0; i < n; ++i) {
      states.emplace_back([this, i, n](script& s, const absl::Status&) {
        mark_iteration(absl::StrCat("child", i));
        return i + 1 == n ? s.end() : s.pause();
      });
    }
    return script(std::move(states));
  };
  std::vector<script::state_function> other;
  for (int i = 0; i < 6; ++i) {
    other.emplace_back([this, i](script& s, const absl::Status&) {
      mark_iteration(absl::StrCat("o", i));
      return s.pause();
    });
  }
  other.emplace_back([](script& s, const absl::Status&) { return s.end(); });
  future<void> others = create_task(script(std::move(other)));
  const absl::Status status = loop.run_until_complete(script({
      [&](script& s, const absl::Status&) {
        mark_iteration("main");
        EXPECT_THAT(loop.run_until_complete(child(2)), IsOk());
        mark_iteration("got");
        future<int> f = make_ready_future(7);
        EXPECT_THAT(loop.run_until_complete(f), IsOkAndHolds(7));
        mark_iteration("f");
        EXPECT_THAT(run(child(1)), IsOk());
        mark_iteration("run");
        return s.pause();
      },
      [&](script& s, const absl::Status&) {
        mark_iteration("end");
        return s.end();
      },
  }));
  EXPECT_THAT(status, IsOk());
  mark_iteration("|");
  EXPECT_THAT(taken(),
              ElementsAre("o0@1", "main@1", "o1@2", "o2@3", "child0@3", "o3@4",
                          "child1@4", "got@4", "f@4", "o4@5", "o5@6",
                          "child0@6", "run@6", "end@7", "|@7"));
}

// -- What is put aside --------------------------------------------------------

TEST_F(NestedRunTest, TheCurrentTaskAndItsContextArePutAside) {
  task_local<std::string> name{"nobody"};
  future<void> f = create_task(script({
      [&](script& s, const absl::Status&) {
        name.set("outer");
        const task_handle me = loop.current_task();
        soon([&] {
          EXPECT_FALSE(loop.current_task().valid());
          EXPECT_EQ(name.get(), "outer");  // Copied when it was registered.
          name.set("callback");
        });
        EXPECT_THAT(loop.run_until_complete(number_later(absl::Seconds(1), 1)),
                    IsOkAndHolds(1));
        EXPECT_THAT(loop.run_until_complete(calling([&] {
          EXPECT_NE(loop.current_task(), me);
          EXPECT_EQ(name.get(), "outer");
          name.set("inner");
          return 2;
        })),
                    IsOkAndHolds(2));
        EXPECT_EQ(loop.current_task(), me);
        mark(name.get());
        return s.pause();
      },
      [&](script& s, const absl::Status&) {
        mark(name.get());
        return s.end();
      },
  }));
  soon([&] { EXPECT_EQ(name.get(), "nobody"); });
  EXPECT_THAT(loop.run_until_complete(f), IsOk());
  EXPECT_THAT(taken(), ElementsAre("outer", "outer"));
  EXPECT_EQ(elapsed(), absl::Seconds(1));
}

TEST_F(NestedRunTest, ErrorsComeOutOfIt) {
  soon([&] {
    future<int> failing = create_task(calling([&]() -> int {
                            mark("runs");
                            return 1;
                          })).then([](int) -> absl::StatusOr<int> {
      return absl::AbortedError("its error");
    });
    EXPECT_THAT(loop.run_until_complete(failing),
                test::StatusIs(absl::StatusCode::kAborted, "its error"));
    loop.call_soon([] { return absl::AbortedError("of a callback"); });
    EXPECT_THAT(loop.run_until_complete(calling([] { return 2; })),
                IsOkAndHolds(2));
  });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("runs"));
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].status.message(), "of a callback");
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(NestedRunTest, ExceptionsLeaveTheInterruptedBatchInOrder) {
  class throwing final : public event_loop::timer {
   public:
    explicit throwing(callback f) : f_(std::move(f)) {}

   private:
    void timer_due() override {
      f_();
      throw 1;
    }
    callback f_;
  };
  throwing a([&] {
    soon("x");
    EXPECT_THAT(loop.run_until_complete(calling([] { return 1; })), IsOk());
    soon("y");
  });
  loop.arm(a, loop.now() + 2 * kPast);
  timer("t1");
  timer([] { throw 2; });
  iterations(2);
  EXPECT_THAT(taken(), ElementsAre("t1@2", "x@2", "y@2", "|@2", "|@3"));
  EXPECT_EQ(reports.size(), 2u);
}
#endif

}  // namespace
}  // namespace ratchet
