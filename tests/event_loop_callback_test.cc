// The callbacks of event_loop that are part of their owner.

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "absl/base/config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/task_local.h"
#include "tests/support/allocations.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::allocation_count;
using ::ratchet::test::loop_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class test_callback final : public event_loop::callback {
 public:
  explicit test_callback(std::function<void()> f) : f_(std::move(f)) {}

 private:
  void run() override {
    const std::function<void()> f = f_;  // It may end this object.
    f();
  }
  std::function<void()> f_;
};

class CallbackTest : public loop_test {};

TEST_F(CallbackTest, RunsInOrderWithTheOthers) {  // S3
  test_callback a(marks("a")), c(marks("c"));
  EXPECT_TRUE(loop.queue(a));
  loop.call_soon(marks("b"));
  EXPECT_TRUE(loop.queue(c));
  EXPECT_TRUE(a.queued());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(a.queued());
}

TEST_F(CallbackTest, QueuedTwiceItRunsOnceInItsFirstPlace) {
  test_callback a(marks("a")), b(marks("b"));
  EXPECT_TRUE(loop.queue(a));
  EXPECT_TRUE(loop.queue(b));
  EXPECT_FALSE(loop.queue(a));
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("a", "b"));
}

TEST_F(CallbackTest, QueuedInItsOwnRunItIsForTheNextIteration) {  // S2
  int left = 3;
  std::optional<test_callback> a;
  a.emplace([&] {
    mark_iteration("a");
    if (--left > 0) loop.queue(*a);
  });
  count_from_here();
  loop.queue(*a);
  iterate(4);
  EXPECT_THAT(taken(), ElementsAre("a@1", "a@2", "a@3"));
}

TEST_F(CallbackTest, UnqueueTellsWhetherItWasQueued) {
  test_callback a(marks("a")), b(marks("b"));
  EXPECT_FALSE(loop.unqueue(a));
  loop.queue(a);
  loop.queue(b);
  EXPECT_TRUE(loop.unqueue(a));
  EXPECT_FALSE(loop.unqueue(a));
  iterate();
  EXPECT_THAT(taken(), ElementsAre("b"));
  EXPECT_TRUE(loop.queue(a));
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a"));
}

TEST_F(CallbackTest, TakenOutOfTheBatchThatRuns) {
  test_callback last(marks("last"));
  test_callback first([&] { EXPECT_TRUE(loop.unqueue(last)); });
  loop.queue(first);
  loop.queue(last);
  loop.call_soon(marks("behind"));
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("behind"));
}

TEST_F(CallbackTest, DestroyedItIsTakenOut) {
  std::optional<test_callback> a(marks("a"));
  loop.queue(*a);
  loop.call_soon(marks("b"));
  a.reset();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("b"));
}

TEST_F(CallbackTest, MayDestroyItself) {
  std::optional<test_callback> a;
  a.emplace([&] {
    a.reset();
    mark("a");
  });
  loop.queue(*a);
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a"));
}

TEST_F(CallbackTest, AClosedLoopTakesNone) {
  test_callback a(marks("a")), b(marks("b"));
  loop.queue(a);
  ASSERT_THAT(loop.close(), test::IsOk());
  EXPECT_FALSE(a.queued());
  EXPECT_FALSE(loop.queue(b));
  EXPECT_FALSE(b.queued());
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(CallbackTest, AllocatesNothing) {
  int left = 1000;
  std::optional<test_callback> a;
  a.emplace([&] {
    if (--left > 0) loop.queue(*a);
  });
  loop.queue(*a);
  iterate();
  const allocation_count count;
  iterate(10);
  EXPECT_EQ(count.blocks(), 0u);
}

TEST_F(CallbackTest, RunsInTheContextInWhichItWasQueued) {  // S16
  task_local<std::string> who("nobody");
  test_callback a([&] { mark(who.get()); });
  loop.call_soon([&] {
    who.set("queued by b");
    loop.queue(a);
    who.set("later");
  });
  iterate(2);
  loop.queue(a);
  iterate();
  EXPECT_THAT(taken(), ElementsAre("queued by b", "nobody"));
}

TEST_F(CallbackTest, ItsContextGoesWithIt) {
  task_local<std::string> who("nobody");
  loop.call_soon([&] {
    who.set("somebody");
    test_callback a(marks("a"));
    loop.queue(a);
  });
  iterate(2);
  EXPECT_THAT(taken(), IsEmpty());
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(CallbackTest, WhatItThrowsIsReportedAndTheOthersRun) {
  std::string reported;
  loop.set_error_handler(
      [&](const error_report& report) { reported = to_string(report); });
  test_callback a([] { throw std::runtime_error("oh"); });
  test_callback b(marks("b"));
  loop.queue(a);
  loop.queue(b);
  iterate();
  EXPECT_THAT(taken(), ElementsAre("b"));
  EXPECT_THAT(reported, HasSubstr("oh"));
  EXPECT_THAT(reported, HasSubstr("event_loop::timer or callback"));
  EXPECT_TRUE(loop.queue(a));
  iterate();
}
#endif

}  // namespace
}  // namespace ratchet
