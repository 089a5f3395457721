#include "ratchet/event_loop.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::loop_test;
using ::ratchet::test::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class EventLoopTest : public loop_test {};
using EventLoopDeathTest = EventLoopTest;

// -- Order --------------------------------------------------------------------

TEST_F(EventLoopTest, CallSoonIsFirstInFirstOut) {  // S3
  for (const char* name : {"a", "b", "c"}) loop.call_soon(marks(name));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a", "b", "c"));
}

TEST_F(EventLoopTest, CallSoonNeverRunsInline) {  // S1
  loop.call_soon([this] {
    loop.call_soon(marks("inner"));
    mark("outer");
  });
  EXPECT_THAT(seen, IsEmpty());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("outer", "inner"));
}

TEST_F(EventLoopTest, ABatchIsClosed) {  // S2
  count_from_here();
  loop.call_soon([this] {
    mark_iteration("a");
    loop.call_soon(marks_iteration("c"));
  });
  loop.call_soon(marks_iteration("b"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a@1", "b@1", "c@2"));
}

TEST_F(EventLoopTest, EachCallbackRunsOnce) {  // S3
  int count = 0;
  loop.call_soon([&] { ++count; });
  iterate(3);
  EXPECT_EQ(count, 1);
}

TEST_F(EventLoopTest, TimersComeBehindWhatIsReady) {  // S4
  count_from_here();
  loop.call_soon([this] {
    mark_iteration("a");
    loop.call_later(absl::ZeroDuration(), marks_iteration("timer"));
    loop.call_soon(marks_iteration("b"));
  });
  loop.call_soon([this] { loop.call_soon(marks_iteration("c")); });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a@1", "b@2", "c@2", "timer@2"));
}

TEST_F(EventLoopTest, TimersComeBeforeWhatTheirBatchSchedules) {  // S4
  count_from_here();
  loop.call_later(absl::ZeroDuration(), marks_iteration("timer"));
  loop.call_soon([this] { loop.call_soon(marks_iteration("later")); });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("timer@1", "later@2"));
}

TEST_F(EventLoopTest, IterationCountsThoseBegun) {
  EXPECT_EQ(loop.iteration(), 0u);
  iterate(3);
  EXPECT_EQ(loop.iteration(), 3u);
}

TEST_F(EventLoopTest, TwoRunsAreTheSame) {
  const auto run = [] {
    virtual_clock time;
    event_loop l(time);
    std::vector<std::string> order;
    std::vector<callback_handle> handles;
    for (int i = 0; i < 200; ++i) {
      handles.push_back(l.call_later(absl::Milliseconds((i * 37) % 11), [&, i] {
        order.push_back(absl::StrCat(i, "@", l.iteration(), " ",
                                     absl::FormatTime(l.now())));
        handles[static_cast<size_t>((i * 7) % 200)].cancel();
        if (i % 3 == 0) {
          l.call_soon([&, i] { order.push_back(absl::StrCat("s", i)); });
        }
      }));
    }
    (void)l.run_forever();
    return order;
  };
  const auto first = run();
  EXPECT_GT(first.size(), 50u);
  EXPECT_EQ(run(), first);
}

// -- Running and stopping -----------------------------------------------------

TEST_F(EventLoopTest, StopEndsTheRunAfterItsBatch) {  // S17
  loop.call_soon([this] {
    loop.stop();
    mark("stopped");
    loop.call_soon(marks("next run, first"));
  });
  loop.call_soon(marks("rest of the batch"));
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_THAT(taken(), ElementsAre("stopped", "rest of the batch"));
  loop.call_soon([this] {
    mark("next run, second");
    loop.stop();
  });
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_THAT(taken(), ElementsAre("next run, first", "next run, second"));
}

TEST_F(EventLoopTest, TheFlagIsClearedOnTheWayOut) {  // S17
  loop.call_soon([this] { loop.stop(); });
  EXPECT_THAT(loop.run_forever(), IsOk());
  loop.call_soon([this] { loop.call_soon(marks("second iteration")); });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("second iteration"));
}

TEST_F(EventLoopTest, ADeadlockClearsTheFlagToo) {
  run_until_idle();
  loop.call_soon([this] { loop.call_soon(marks("second iteration")); });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("second iteration"));
}

TEST_F(EventLoopTest, StoppedBeforehandItRunsOneIterationAndDoesNotWait) {
  // S18
  count_from_here();
  loop.call_soon([this] {
    mark_iteration("a");
    loop.call_soon(marks_iteration("b"));
  });
  loop.call_later(absl::Seconds(1), marks_iteration("timer"));
  loop.stop();
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_THAT(taken(), ElementsAre("a@1"));
  loop.stop();
  loop.stop();  // Counts once.
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_THAT(taken(), ElementsAre("b@2"));
  loop.stop();
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("timer@4"));
}

TEST_F(EventLoopTest, RunsDoNotNest) {  // S22
  loop.call_soon([this] {
    EXPECT_TRUE(loop.is_running());
    EXPECT_THAT(loop.run_forever(),
                AllOf(IsKind(error_kind::running, HasSubstr("run_forever()")),
                      StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("already running"))));
    event_loop other(clock);
    EXPECT_THAT(other.run_forever(),
                IsKind(error_kind::running,
                       HasSubstr("another event loop is running")));
    mark("went on");
  });
  EXPECT_FALSE(loop.is_running());
  run_until_idle();
  EXPECT_FALSE(loop.is_running());
  EXPECT_THAT(taken(), ElementsAre("went on"));
}

TEST_F(EventLoopTest, NothingLeftToDoIsReportedAsADeadlock) {  // S28
  loop.call_soon(marks("ran"));
  EXPECT_THAT(
      loop.run_forever(),
      AllOf(IsKind(error_kind::deadlock, HasSubstr("no task is pending")),
            StatusIs(absl::StatusCode::kFailedPrecondition,
                     HasSubstr("deadlock: nothing is ready"))));
  EXPECT_THAT(taken(), ElementsAre("ran"));
}

TEST_F(EventLoopTest, AfterADeadlockItCanGoOn) {  // S28
  run_until_idle();
  loop.call_soon(marks("again"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("again"));
}

// -- Closing ------------------------------------------------------------------

TEST_F(EventLoopTest, CloseDropsEverythingWithoutRunningIt) {  // S24
  const auto alive = std::make_shared<int>(0);
  loop.call_soon([this, alive] { mark("soon"); });
  loop.call_later(absl::Seconds(1), [this, alive] { mark("later"); });
  loop.call_later(absl::InfiniteDuration(), [this, alive] { mark("never"); });
  EXPECT_EQ(alive.use_count(), 4);
  EXPECT_FALSE(loop.is_closed());
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_TRUE(loop.is_closed());
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(EventLoopTest, CloseCanBeRepeated) {  // S24
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_THAT(loop.close(), IsOk());
}

TEST_F(EventLoopTest, ARunningLoopCannotBeClosed) {  // S24
  loop.call_soon([this] {
    EXPECT_THAT(loop.close(),
                IsKind(error_kind::running, HasSubstr("close()")));
    EXPECT_FALSE(loop.is_closed());
    loop.call_soon(marks("went on"));
  });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("went on"));
}

TEST_F(EventLoopTest, AClosedLoopRefusesWork) {  // S14
  ASSERT_THAT(loop.close(), IsOk());
  const auto closed = AllOf(
      IsKind(error_kind::closed, HasSubstr("the event loop is closed")),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("closed")));
  const auto alive = std::make_shared<int>(0);
  EXPECT_THAT(loop.call_soon([alive] {}).status(), closed);
  EXPECT_THAT(loop.call_later(absl::Seconds(1), [alive] {}).status(), closed);
  EXPECT_THAT(loop.call_at(absl::UnixEpoch(), [alive] {}).status(), closed);
  EXPECT_THAT(loop.post([alive] {}), closed);
  EXPECT_THAT(loop.make_remote().post([alive] {}), closed);
  EXPECT_EQ(alive.use_count(), 1);  // Dropped, all of them.
  EXPECT_THAT(loop.run_forever(), closed);
  loop.stop();  // Does nothing.
}

TEST_F(EventLoopTest, WhatIsDroppedMayScheduleMoreWhichIsRefused) {
  struct schedules_when_destroyed {
    explicit schedules_when_destroyed(event_loop& l) : loop(&l) {}
    ~schedules_when_destroyed() {
      EXPECT_FALSE(loop->call_soon([] { ADD_FAILURE(); }).status().ok());
      EXPECT_FALSE(loop->call_later(absl::Seconds(1), [] { ADD_FAILURE(); })
                       .status()
                       .ok());
    }
    event_loop* loop;
  };
  loop.call_soon([s = std::make_unique<schedules_when_destroyed>(loop)] {});
  loop.call_later(absl::Seconds(1),
                  [s = std::make_unique<schedules_when_destroyed>(loop)] {});
  EXPECT_THAT(loop.close(), IsOk());
}

TEST_F(EventLoopTest, ItsDestructorCloses) {
  const auto alive = std::make_shared<int>(0);
  {
    event_loop other(clock);
    other.call_soon([alive] { ADD_FAILURE(); });
    other.call_later(absl::Seconds(1), [alive] { ADD_FAILURE(); });
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(EventLoopDeathTest, CannotBeDestroyedWhileItRuns) {
  EXPECT_DEATH(
      {
        auto other = std::make_unique<event_loop>(clock);
        other->call_soon([&] { other.reset(); });
        (void)other->run_forever();
      },
      "ratchet: an event_loop was destroyed while it runs");
}

// -- The current loop ---------------------------------------------------------

TEST_F(EventLoopTest, TheNewestIsTheCurrentOne) {
  EXPECT_EQ(&event_loop::current(), &loop);
  {
    event_loop newer(clock);
    EXPECT_EQ(&event_loop::current(), &newer);
  }
  EXPECT_EQ(&event_loop::current(), &loop);
}

TEST_F(EventLoopTest, TheOneThatRunsIsTheCurrentOne) {
  event_loop newer(clock);
  loop.call_soon([&] { EXPECT_EQ(&event_loop::current(), &loop); });
  run_until_idle();
  EXPECT_EQ(&event_loop::current(), &newer);
}

TEST_F(EventLoopTest, TheOneThatRunsStaysCurrentWhenANewerOneIsMade) {
  std::optional<event_loop> newer;
  loop.call_soon([&] {
    newer.emplace(clock);
    EXPECT_EQ(&event_loop::current(), &loop);
  });
  run_until_idle();
  EXPECT_EQ(&event_loop::current(), &*newer);
  newer.reset();
  EXPECT_EQ(&event_loop::current(), &loop);
}

TEST_F(EventLoopTest, ANewerOneCanBeDestroyedWhileItRuns) {
  auto newer = std::make_unique<event_loop>(clock);
  loop.call_soon([&] {
    newer.reset();
    EXPECT_EQ(&event_loop::current(), &loop);
  });
  run_until_idle();
  EXPECT_EQ(&event_loop::current(), &loop);
}

TEST_F(EventLoopTest, LoopsCanBeDestroyedInAnyOrder) {
  int order[] = {0, 1, 2};
  do {
    std::unique_ptr<event_loop> loops[3];
    for (auto& l : loops) l = std::make_unique<event_loop>(clock);
    for (const int gone : order) {
      loops[gone].reset();
      const event_loop* newest = &loop;
      for (const auto& l : loops) {
        if (l != nullptr) newest = l.get();
      }
      EXPECT_EQ(&event_loop::current(), newest);
    }
  } while (std::next_permutation(std::begin(order), std::end(order)));
}

TEST_F(EventLoopDeathTest, WithoutALoopThereIsNoCurrentOne) {
  EXPECT_DEATH(std::thread([] { event_loop::current(); }).join(),
               "ratchet: event_loop::current\\(\\) needs an event loop, and "
               "this thread has none");
}

#ifndef NDEBUG
TEST_F(EventLoopDeathTest, OtherThreadsMayOnlyPost) {
  const auto elsewhere = [](auto f) { std::thread(f).join(); };
  EXPECT_DEATH(elsewhere([&] { loop.call_soon([] {}); }),
               "ratchet: call_soon\\(\\) was called on thread .* for the event "
               "loop at .*, which belongs to thread .*: only post\\(\\) may");
  EXPECT_DEATH(elsewhere([&] { loop.call_later(absl::Seconds(1), [] {}); }),
               "ratchet: call_later\\(\\) was called on thread");
  EXPECT_DEATH(elsewhere([&] { loop.call_at(absl::UnixEpoch(), [] {}); }),
               "ratchet: call_at\\(\\) was called on thread");
  EXPECT_DEATH(elsewhere([&] { (void)loop.run_forever(); }),
               "ratchet: run_forever\\(\\) was called on thread");
  EXPECT_DEATH(elsewhere([&] { loop.stop(); }),
               "ratchet: stop\\(\\) was called on thread");
  EXPECT_DEATH(elsewhere([&] { (void)loop.close(); }),
               "ratchet: close\\(\\) was called on thread");
  EXPECT_DEATH(elsewhere([&] { loop.set_error_handler(nullptr); }),
               "ratchet: set_error_handler\\(\\) was called on thread");
}
#endif

// -- Errors -------------------------------------------------------------------

TEST_F(EventLoopTest, AFailedCallbackIsReportedAndTheLoopGoesOn) {  // S11
  loop.call_soon([] { return absl::NotFoundError("soon"); });
  loop.call_later(absl::ZeroDuration(),
                  [] { return absl::NotFoundError("later"); });
  loop.call_soon([] { return absl::OkStatus(); });
  loop.call_soon(marks("rest of the batch"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("rest of the batch"));
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].cause, error_report::cause::callback);
  EXPECT_EQ(reports[0].status, absl::NotFoundError("soon"));
  EXPECT_EQ(reports[0].who, "call_soon()");
  EXPECT_EQ(reports[0].state, "");
  EXPECT_EQ(reports[1].status, absl::NotFoundError("later"));
  EXPECT_EQ(reports[1].who, "call_later()");
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(EventLoopTest, AnExceptionIsReportedWithItsTypeAndText) {  // S11
  loop.call_soon([] { throw std::runtime_error("oh no"); });
  loop.call_soon([] { throw 7; });
  loop.call_soon(marks("rest of the batch"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("rest of the batch"));
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].cause, error_report::cause::callback);
  EXPECT_THAT(reports[0].status,
              IsKind(error_kind::thrown, "std::runtime_error: oh no"));
  EXPECT_THAT(reports[0].status,
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("oh no")));
  EXPECT_THAT(reports[1].status, IsKind(error_kind::thrown, "int"));
}

TEST_F(EventLoopTest, AnErrorHandlerThatThrowsIsReportedByTheDefaultOne) {
  // S12
  loop.set_error_handler(
      [](const error_report&) { throw std::runtime_error("the handler"); });
  loop.call_soon([] { return absl::NotFoundError("the callback"); });
  loop.call_soon(marks("went on"));
  ::testing::internal::CaptureStderr();
  run_until_idle();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "ratchet: a callback failed: call_soon(): NOT_FOUND: the callback\n"
            "ratchet: the error handler failed: UNKNOWN: std::runtime_error: "
            "the handler\n");
  EXPECT_THAT(taken(), ElementsAre("went on"));
}
#endif

TEST_F(EventLoopTest, TheDefaultHandlerPrintsALine) {
  loop.set_error_handler(nullptr);
  loop.call_soon([] { return absl::NotFoundError("the callback"); });
  ::testing::internal::CaptureStderr();
  run_until_idle();
  EXPECT_EQ(
      ::testing::internal::GetCapturedStderr(),
      "ratchet: a callback failed: call_soon(): NOT_FOUND: the callback\n");
}

TEST_F(EventLoopTest, AnErrorHandlerMayReplaceItself) {
  const auto alive = std::make_shared<std::string>("alive");
  loop.set_error_handler([this, alive](const error_report&) {
    catch_reports(loop);
    mark(*alive);
  });
  loop.call_soon([] { return absl::NotFoundError("first"); });
  loop.call_soon([] { return absl::NotFoundError("second"); });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("alive"));
  EXPECT_EQ(alive.use_count(), 1);
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].status, absl::NotFoundError("second"));
}

TEST_F(EventLoopTest, AnErrorHandlerMaySchedule) {
  loop.set_error_handler(
      [this](const error_report&) { loop.call_soon(marks("from it")); });
  loop.call_soon([] { return absl::NotFoundError("callback"); });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("from it"));
}

}  // namespace
}  // namespace ratchet
