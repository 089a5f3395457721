// Runs inside of runs: what cannot end, run() itself, and what stays refused
// (rules S22, S23).

#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
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
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class NestedRunLimitsTest : public loop_test {
 protected:
  NestedRunLimitsTest() { loop.allow_nested_runs(true); }

  void soon(std::function<void()> f) { loop.call_soon(std::move(f)); }
};

// -- What cannot end ----------------------------------------------------------

TEST_F(NestedRunLimitsTest, WaitingForATaskBelowIsADeadlockThatNamesIt) {
  shared_future<void> below;
  below = create_task(script({
      [&](script& s, const absl::Status&) {
        soon([&] {
          absl::Status status = loop.run_until_complete(below);
          EXPECT_THAT(status,
                      IsKind(error_kind::deadlock,
                             AllOf(HasSubstr("this run is nested"),
                                   HasSubstr("script#1"),
                                   HasSubstr("in the middle of its step"),
                                   HasSubstr("script#2"))));
          mark("deadlock");
        });
        future<void> waits = create_task(script({
            [&](script& t, const absl::Status&) { return t.on(below); },
            [&](script& t, const absl::Status&) { return t.end(); },
        }));
        EXPECT_THAT(loop.run_until_complete(waits),
                    IsKind(error_kind::deadlock, HasSubstr("script#1")));
        mark("again");
        waits.add_done_callback(marks("waits is done"));
        return s.end();
      },
  }));
  EXPECT_THAT(loop.run_until_complete(below), IsOk());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("deadlock", "again", "waits is done"));
}

// One that would run for ever ends when the timers of others do.
TEST_F(NestedRunLimitsTest, ADeadlockIsSeenWhenNothingElseCanHappen) {
  shared_future<void> below;
  below = create_task(script({
      [&](script& s, const absl::Status&) {
        EXPECT_THAT(loop.run_until_complete(below),
                    IsKind(error_kind::deadlock, Not(HasSubstr("script#2"))));
        EXPECT_EQ(elapsed(), absl::Seconds(5));
        return s.end();
      },
  }));
  future<void> other = create_task(script({
      [](script& s, const absl::Status&) { return s.sleep(absl::Seconds(5)); },
      [](script& s, const absl::Status&) { return s.end(); },
  }));
  EXPECT_THAT(loop.run_until_complete(below), IsOk());
  EXPECT_TRUE(other.done());
}

// -- run() --------------------------------------------------------------------

TEST_F(NestedRunLimitsTest, RunUsesTheLoopThatRunsAndCancelsOnlyItsTask) {
  future<void> other;
  soon([&] {
    other = create_task(script({
        [](script& s, const absl::Status&) {
          return s.sleep(absl::Seconds(9));
        },
        [&](script& s, const absl::Status& status) {
          mark(status.ok() ? "other ends" : "other is cancelled");
          return s.end();
        },
    }));
    EXPECT_THAT(run(number_later(absl::Seconds(1), 5)), IsOkAndHolds(5));
    EXPECT_EQ(elapsed(), absl::Seconds(1));
    mark("ran");
    promise<void> never;
    shared_future<void> f = never.get_future();
    loop.call_later(absl::Seconds(1), [&] { loop.stop(); });
    EXPECT_THAT(
        run(script({
            [&](script& s, const absl::Status&) { return s.on(f); },
            [&](script& s, const absl::Status& status) {
              mark(is_cancelled(status) ? "its task is cancelled" : "?");
              return s.end(status);
            },
        })),
        IsKind(error_kind::stopped, _));
  });
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_FALSE(loop.is_closed());
  EXPECT_THAT(taken(), ElementsAre("ran", "its task is cancelled"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("other ends"));
}

TEST_F(NestedRunLimitsTest, RunOfWhatCannotEndCancelsIt) {
  soon([&] {
    promise<void> never;
    EXPECT_THAT(run(script({
                    [&](script& s, const absl::Status&) {
                      return s.on(never.get_future());
                    },
                    [&](script& s, const absl::Status& status) {
                      mark(is_cancelled(status) ? "cancelled" : "?");
                      return s.end(status);
                    },
                })),
                IsKind(error_kind::deadlock, HasSubstr("script#1")));
  });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("cancelled"));
}

// -- What stays refused -------------------------------------------------------

TEST_F(NestedRunLimitsTest, ClosingAndShuttingDownInsideIsRefused) {
  soon([&] {
    soon([&] {
      EXPECT_THAT(loop.close(),
                  IsKind(error_kind::running, HasSubstr("close")));
      EXPECT_THAT(loop.shutdown(),
                  IsKind(error_kind::running, HasSubstr("shutdown")));
      mark("refused");
    });
    EXPECT_THAT(loop.run_until_complete(calling([] { return 1; })), IsOk());
  });
  iterate();
  EXPECT_THAT(taken(), ElementsAre("refused"));
  EXPECT_THAT(loop.shutdown(), IsOk());
  EXPECT_THAT(loop.run_until_complete(make_ready_future()),
              IsKind(error_kind::closed, _));
}

TEST_F(NestedRunLimitsTest, AnotherLoopCannotRunInside) {
  event_loop other(clock);
  other.allow_nested_runs(true);
  soon([&] {
    EXPECT_THAT(other.run_forever(),
                IsKind(error_kind::running, HasSubstr("another event loop")));
    mark("refused");
  });
  iterate();
  EXPECT_THAT(taken(), ElementsAre("refused"));
}

TEST_F(NestedRunLimitsTest, WhatIsOffIsAsItWas) {
  loop.allow_nested_runs(false);
  soon([&] {
    EXPECT_THAT(loop.run_forever(), IsKind(error_kind::running, _));
    EXPECT_THAT(loop.run_until_complete(make_ready_future()),
                IsKind(error_kind::running, _));
    EXPECT_THAT(run(calling([] { return 1; })), IsKind(error_kind::running, _));
    mark("refused");
  });
  iterate();
  EXPECT_THAT(taken(), ElementsAre("refused"));
  // One hop more than with nested runs (S19).
  count_from_here();
  EXPECT_THAT(loop.run_until_complete(calling([] { return 1; })), IsOk());
  mark_iteration("off");
  loop.allow_nested_runs(true);
  count_from_here();
  EXPECT_THAT(loop.run_until_complete(calling([] { return 1; })), IsOk());
  mark_iteration("on");
  EXPECT_THAT(taken(), ElementsAre("off@2", "on@1"));
}

using NestedRunLimitsDeathTest = NestedRunLimitsTest;

TEST_F(NestedRunLimitsDeathTest, TheLoopCannotGoInside) {
  EXPECT_DEATH(
      {
        auto* const going = new event_loop(clock);
        going->allow_nested_runs(true);
        going->call_soon([going] {
          going->call_soon([going] { delete going; });
          going->stop();
          (void)going->run_forever();
        });
        (void)going->run_forever();
      },
      "destroyed while it runs");
}

}  // namespace
}  // namespace ratchet
