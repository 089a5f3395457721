#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TestTaskGroup : public cpython_test {
 protected:
  // Sleeps for ten seconds and says when it is woken; then fails.
  coro crash_when_cancelled(const std::string& name) {
    return coro(nap(10000), lastly_raise("ZeroDivisionError"),
                lastly(says(name)));
  }

  task_group group;
  task_group inner;
};

// test_taskgroups.TestTaskGroup.test_taskgroup_01
TEST_F(TestTaskGroup, Taskgroup01) {
  shared_future<int> t1, t2;
  EXPECT_THAT(run(
                  enter(group),
                  [&] {
                    t1 = child(group, nap(100), says("t1"), ret(42));
                    t2 = child(group, nap(200), says("t2"), ret(11));
                  },
                  leave(group), says("left")),
              IsOk());
  EXPECT_THAT(t1.result(), IsOkAndHolds(42));
  EXPECT_THAT(t2.result(), IsOkAndHolds(11));
  EXPECT_THAT(taken(), ElementsAre("t1 100", "t2 200", "left 200"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_02
TEST_F(TestTaskGroup, Taskgroup02) {
  shared_future<int> t1, t2;
  EXPECT_THAT(
      run(
          enter(group),
          [&] { t1 = child(group, nap(100), says("t1"), ret(42)); }, nap(150),
          [&] { t2 = child(group, nap(200), says("t2"), ret(11)); },
          leave(group), says("left")),
      IsOk());
  EXPECT_THAT(t1.result(), IsOkAndHolds(42));
  EXPECT_THAT(t2.result(), IsOkAndHolds(11));
  EXPECT_THAT(taken(), ElementsAre("t1 100", "t2 350", "left 350"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_03
TEST_F(TestTaskGroup, Taskgroup03) {
  shared_future<int> t1, t2;
  EXPECT_THAT(
      run(
          enter(group),
          [&] { t1 = child(group, nap(1000), lastly(says("t1")), ret(42)); },
          nap(150),
          [&] {
            EXPECT_TRUE(t1.cancel());
            t2 = child(group, nap(200), says("t2"), ret(11));
          },
          leave(group), says("left")),
      IsOk());
  EXPECT_TRUE(t1.cancelled());
  EXPECT_THAT(t2.result(), IsOkAndHolds(11));
  EXPECT_THAT(taken(), ElementsAre("t1 150", "t2 350", "left 350"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_04
TEST_F(TestTaskGroup, Taskgroup04) {
  shared_future<int> t2;
  const absl::StatusOr<int> r = run(
      enter(group),
      [&] {
        spawn(group, nap(100), says("crash"), raise("ZeroDivisionError"));
        t2 = child(group, nap(1000), rethrow(says("t2 cancelled")),
                   says("t2 ends"));
      },
      leave(group), says("not reached"));
  EXPECT_THAT(group_of(r), ElementsAre("ZeroDivisionError"));
  EXPECT_TRUE(t2.cancelled());
  EXPECT_THAT(taken(), ElementsAre("crash 100", "t2 cancelled 100"));
}

// test_taskgroups.TestTaskGroup.test_cancel_children_on_child_error
TEST_F(TestTaskGroup, CancelChildrenOnChildError) {
  // The three fail in one iteration, before any can be cancelled.
  const absl::StatusOr<int> r = run(
      enter(group),
      [&] {
        for (const char* name : {"one", "two", "three"}) {
          spawn(group, nap(100), raise(name));
        }
        spawn(group, nap(5000), rethrow(says("child cancelled")));
      },
      nap(10000), rethrow(says("body cancelled")), leave(group),
      says("not reached"));
  EXPECT_THAT(group_of(r), ElementsAre("one", "two", "three"));
  EXPECT_THAT(taken(), ElementsAre("child cancelled 100",  //
                                   "body cancelled 100"));
}

// test_taskgroups.TestTaskGroup.test_cancellation
TEST_F(TestTaskGroup, Cancellation) {
  int n = 0;
  shared_future<int> r = start(
      enter(group),
      [&] {
        for (int i = 0; i < 5; ++i) {
          spawn(group, nap(5000), rethrow([&] { ++n; }));
        }
      },
      leave(group));
  EXPECT_THAT(run(
                  nap(100),
                  [&] {
                    EXPECT_FALSE(r.done());
                    EXPECT_TRUE(r.cancel());
                  },
                  on(r), rethrow(says("caught"))),
              IsCancelled());
  EXPECT_TRUE(r.cancelled());
  EXPECT_EQ(n, 5);
  EXPECT_THAT(taken(), ElementsAre("caught 100"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_07
TEST_F(TestTaskGroup, Taskgroup07) {
  int n = 0;
  shared_future<int> r = start(
      enter(group),
      [&] {
        for (int i = 0; i < 5; ++i) {
          spawn(group, nap(5000), rethrow([&] { ++n; }));
        }
      },
      nap(10000), rethrow([&] {
        EXPECT_EQ(n, 0);  // The body first, then the children.
        n += 10;
      }),
      leave(group));
  EXPECT_THAT(run(
                  nap(100), [&] { EXPECT_TRUE(r.cancel()); }, on(r)),
              IsCancelled());
  EXPECT_EQ(n, 15);
}

// test_taskgroups.TestTaskGroup.test_taskgroup_08
TEST_F(TestTaskGroup, Taskgroup08) {
  shared_future<int> r = start(
      enter(group),
      [&] {
        for (int i = 0; i < 5; ++i) {
          static_cast<void>(group.create_task(
              crash_when_cancelled(absl::StrCat("child", i))));
        }
      },
      nap(10000), leave(group));
  const absl::StatusOr<int> outcome = run(
      nap(100), [&] { EXPECT_TRUE(r.cancel()); }, on(r));
  EXPECT_THAT(
      group_of(outcome),
      ElementsAre("ZeroDivisionError", "ZeroDivisionError", "ZeroDivisionError",
                  "ZeroDivisionError", "ZeroDivisionError"));
  EXPECT_FALSE(r.cancelled());
  EXPECT_THAT(taken(), ElementsAre("child0 100", "child1 100", "child2 100",
                                   "child3 100", "child4 100"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_09
TEST_F(TestTaskGroup, Taskgroup09) {
  shared_future<int> t1, t2;
  const absl::StatusOr<int> r = run(
      enter(group),
      [&] {
        t1 = child(group, nap(1000), ret(42));
        t2 = child(group, nap(2000), ret(11));
      },
      nap(100), raise("ZeroDivisionError"), leave(group), lastly(says("left")));
  EXPECT_THAT(group_of(r), ElementsAre("ZeroDivisionError"));
  EXPECT_TRUE(t1.cancelled());
  EXPECT_TRUE(t2.cancelled());
  EXPECT_THAT(taken(), ElementsAre("left 100"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_10
TEST_F(TestTaskGroup, Taskgroup10) {
  // The children are cancelled before their first step.
  shared_future<int> t1, t2;
  const absl::StatusOr<int> r = run(
      enter(group),
      [&] {
        t1 = child(group, says("t1"), nap(1000), ret(42));
        t2 = child(group, says("t2"), nap(2000), ret(11));
      },
      raise("ZeroDivisionError"), leave(group));
  EXPECT_THAT(group_of(r), ElementsAre("ZeroDivisionError"));
  EXPECT_TRUE(t1.cancelled());
  EXPECT_TRUE(t2.cancelled());
  EXPECT_THAT(taken(), IsEmpty());
}

// test_taskgroups.TestTaskGroup.test_taskgroup_11
TEST_F(TestTaskGroup, Taskgroup11) {
  shared_future<int> r = start(
      enter(group), enter(inner),
      [&] {
        for (int i = 0; i < 3; ++i) {
          static_cast<void>(inner.create_task(
              crash_when_cancelled(absl::StrCat("child", i))));
        }
      },
      nap(10000), leave(inner), rethrow(says("inner left")), leave(group));
  const absl::StatusOr<int> outcome = run(
      nap(100), [&] { EXPECT_TRUE(r.cancel()); }, on(r));
  // Nested groups are flattened.
  EXPECT_THAT(group_of(outcome),
              ElementsAre("ZeroDivisionError", "ZeroDivisionError",
                          "ZeroDivisionError"));
  EXPECT_THAT(taken(), ElementsAre("child0 100", "child1 100", "child2 100",
                                   "inner left 100"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_12
TEST_F(TestTaskGroup, Taskgroup12) {
  shared_future<int> sleeper;
  shared_future<int> r = start(
      enter(group), [&] { sleeper = child(group, nap(10000)); }, enter(inner),
      [&] {
        static_cast<void>(inner.create_task(crash_when_cancelled("one")));
        static_cast<void>(inner.create_task(crash_when_cancelled("two")));
      },
      nap(10000), leave(inner), rethrow([&] {
        EXPECT_FALSE(sleeper.done());
        say("inner left");
      }),
      leave(group));
  const absl::StatusOr<int> outcome = run(
      nap(100), [&] { EXPECT_TRUE(r.cancel()); }, on(r));
  EXPECT_THAT(group_of(outcome),
              ElementsAre("ZeroDivisionError", "ZeroDivisionError"));
  EXPECT_TRUE(sleeper.cancelled());
  EXPECT_THAT(taken(), ElementsAre("one 100", "two 100", "inner left 100"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_13
TEST_F(TestTaskGroup, Taskgroup13) {
  // The outer group's child fails: the inner group is cancelled, no error.
  const absl::StatusOr<int> r = run(
      enter(group), [&] { spawn(group, nap(100), raise("0.1")); }, enter(inner),
      [&] { spawn(inner, nap(10000), raise("10")); }, leave(inner),
      rethrow([&](const absl::Status& s) {
        EXPECT_THAT(s, IsCancelled());
        say("inner left");
      }),
      leave(group));
  EXPECT_THAT(group_of(r), ElementsAre("0.1"));
  EXPECT_THAT(taken(), ElementsAre("inner left 100"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_14
TEST_F(TestTaskGroup, Taskgroup14) {
  // The inner group's child fails: a group error in the body of the outer one.
  const absl::StatusOr<int> r = run(
      enter(group), [&] { spawn(group, nap(10000), raise("10")); },
      enter(inner), [&] { spawn(inner, nap(100), raise("0.1")); }, leave(inner),
      rethrow([&](const absl::Status& s) {
        EXPECT_THAT(group_of(s), ElementsAre("0.1"));
        say("inner left");
      }),
      leave(group));
  EXPECT_THAT(group_of(r), ElementsAre("0.1"));
  EXPECT_THAT(taken(), ElementsAre("inner left 100"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_15
TEST_F(TestTaskGroup, Taskgroup15) {
  // A child fails while the cancelled body cleans up.
  shared_future<int> r = start(
      enter(group),
      [&] { spawn(group, nap(300), says("crash"), raise("ZeroDivision")); },
      nap(10000),
      [&](coro& c, absl::Status s) {
        EXPECT_THAT(s, IsCancelled());
        say("cleaning");
        return c.nap(ms(500));
      },
      lastly([&](const absl::Status& s) {
        // Cut short by the group, which cancels its parent.
        EXPECT_THAT(s, IsCancelled());
        say("cleaned");
      }),
      leave(group));
  const absl::StatusOr<int> outcome = run(
      nap(100),
      [&] {
        EXPECT_FALSE(r.done());
        EXPECT_TRUE(r.cancel());
      },
      on(r));
  EXPECT_THAT(group_of(outcome), ElementsAre("ZeroDivision"));
  EXPECT_THAT(taken(), ElementsAre("cleaning 100", "crash 300", "cleaned 300"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_16
TEST_F(TestTaskGroup, Taskgroup16) {
  // The same through one more task.
  shared_future<int> nested;
  shared_future<int> r = start(
      [&] {
        nested = start(
            enter(group),
            [&] { spawn(group, nap(300), raise("ZeroDivision")); }, nap(10000),
            [&](coro& c, absl::Status s) {
              EXPECT_THAT(s, IsCancelled());
              say("cleaning");
              return c.nap(ms(500));
            },
            lastly(says("cleaned")), leave(group));
      },
      on(nested), rethrow(says("nested done")));
  const absl::StatusOr<int> outcome = run(
      nap(100), [&] { EXPECT_TRUE(r.cancel()); }, on(r));
  EXPECT_THAT(group_of(outcome), ElementsAre("ZeroDivision"));
  EXPECT_EQ(nested.task().cancelling(), 1u);
  EXPECT_EQ(r.task().cancelling(), 1u);
  EXPECT_THAT(taken(),
              ElementsAre("cleaning 100", "cleaned 300", "nested done 300"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_17
TEST_F(TestTaskGroup, Taskgroup17) {
  shared_future<int> r = start(enter(group), nap(10000),
                               rethrow(says("body cancelled")), leave(group));
  EXPECT_THAT(run(
                  nap(100), [&] { EXPECT_TRUE(r.cancel()); }, on(r)),
              IsCancelled());
  EXPECT_TRUE(r.cancelled());
  EXPECT_THAT(taken(), ElementsAre("body cancelled 100"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_18
TEST_F(TestTaskGroup, Taskgroup18) {
  // The body answers Cancelled with another error.
  shared_future<int> r =
      start(enter(group), nap(10000), except(says("body cancelled")),
            raise("MyExc"), leave(group));
  const absl::StatusOr<int> outcome = run(
      nap(100), [&] { EXPECT_TRUE(r.cancel()); }, on(r));
  EXPECT_THAT(group_of(outcome), ElementsAre("MyExc"));
  EXPECT_FALSE(r.cancelled());
  EXPECT_THAT(taken(), ElementsAre("body cancelled 100"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_19
TEST_F(TestTaskGroup, Taskgroup19) {
  const absl::StatusOr<int> r = run(
      enter(group), [&] { spawn(group, nap(100), raise("ZeroDivision")); },
      call(coro(nap(10000), lastly_raise("MyExc"))), leave(group));
  EXPECT_THAT(group_of(r), ElementsAre("ZeroDivision", "MyExc"));
  EXPECT_EQ(now_ms(), 100);
}

// test_taskgroups.TestTaskGroup.test_taskgroup_20a
TEST_F(TestTaskGroup, Taskgroup20a) {
  // Errors of any code are alike here.
  const absl::StatusOr<int> r = run(
      enter(group), [&] { spawn(group, nap(100), raise("ZeroDivision")); },
      nap(10000), lastly([] {}),
      [](coro& c, absl::Status) {
        return c.on(coro(raise(absl::DataLossError("MyBaseExc"))));
      },
      leave(group));
  EXPECT_THAT(group_of(r), ElementsAre("ZeroDivision", "MyBaseExc"));
  EXPECT_EQ(r.status().code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(errors_of(r.status())[1].code(), absl::StatusCode::kDataLoss);
}

// test_taskgroups.TestTaskGroup.test_taskgroup_21a
TEST_F(TestTaskGroup, Taskgroup21a) {
  const absl::StatusOr<int> r = run(
      enter(group),
      [&] { spawn(group, nap(100), raise(absl::DataLossError("MyBaseExc"))); },
      call(coro(nap(10000), lastly_raise("TypeError"))), leave(group));
  EXPECT_THAT(group_of(r), ElementsAre("MyBaseExc", "TypeError"));
  EXPECT_EQ(r.status().code(), absl::StatusCode::kDataLoss);
}

// test_taskgroups.TestTaskGroup.test_taskgroup_22
TEST_F(TestTaskGroup, Taskgroup22) {
  shared_future<int> r = start(
      enter(group),
      [&] {
        spawn(group, nap(1000), ret(42));
        spawn(group, nap(2000), ret(11));
      },
      leave(group));
  EXPECT_THAT(run(
                  nap(50), [&] { EXPECT_TRUE(r.cancel()); }, on(r)),
              IsCancelled());
  EXPECT_EQ(now_ms(), 50);
}

// test_taskgroups.TestTaskGroup.test_taskgroup_23
TEST_F(TestTaskGroup, Taskgroup23) {
  // Children that have ended are not kept.
  int live = 0, count = 0;
  EXPECT_THAT(run(
                  enter(group), nap(100),
                  [&] {
                    ++live;
                    spawn(group, nap(300), [&] { --live; });
                    EXPECT_LT(live, 5);
                  },
                  again_if(2, [&] { return ++count < 10; }), nap(1350),
                  [&] {
                    EXPECT_EQ(live, 0);
                    EXPECT_EQ(loop.all_tasks().size(), 1u);
                    say("body ends");
                  },
                  leave(group), says("left")),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("body ends 2350", "left 2350"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_24
TEST_F(TestTaskGroup, Taskgroup24) {
  // A child starts children while the group waits to end.
  EXPECT_THAT(run(
                  enter(group),
                  [&] {
                    spawn(group, nap(100), [&] {
                      spawn(group, nap(100), says("one"));
                      spawn(group, nap(200), says("two"));
                      say("root");
                    });
                  },
                  leave(group), says("left")),
              IsOk());
  EXPECT_THAT(taken(),
              ElementsAre("root 100", "one 200", "two 300", "left 300"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_25
TEST_F(TestTaskGroup, Taskgroup25) {
  int hydras = 0;
  std::function<coro()> hydra = [&] {
    return coro([&] { ++hydras; }, nap(10),
                [&] {
                  static_cast<void>(group.create_task(hydra()));
                  static_cast<void>(group.create_task(hydra()));
                });
  };
  const absl::StatusOr<int> r = run(
      enter(group),
      [&] {
        static_cast<void>(group.create_task(hydra()));
        spawn(group, nap(15), again_if(1, [&] { return hydras < 10; }),
              says("hercules"), raise("ZeroDivision"));
      },
      leave(group));
  EXPECT_THAT(group_of(r), ElementsAre("ZeroDivision"));
  // 7 when hercules looks at 30 ms, for the next 8 start one hop later; and 16
  // more at 40 ms.
  EXPECT_EQ(hydras, 31);
  EXPECT_THAT(taken(), ElementsAre("hercules 45"));
  EXPECT_THAT(reports, IsEmpty());
}

}  // namespace
}  // namespace ratchet::test
