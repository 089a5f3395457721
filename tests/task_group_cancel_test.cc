// Cancellation from outside, nested groups, and groups with time-outs.

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/timeout.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::error_later;
using test::IsCancelled;
using test::IsKind;
using test::IsOk;
using test::IsOkAndHolds;
using test::number_later;
using test::script;
using test::StatusIs;
using test::stubborn;
using ::testing::_;
using ::testing::ElementsAre;

constexpr auto kSecond = absl::Seconds(1);

class TaskGroupCancelTest : public test::loop_test {
 protected:
  using states = std::vector<script::state_function>;

  future<void> start(states s) { return create_task(script(std::move(s))); }
  static step end(script& s, absl::Status status) {
    return s.end(std::move(status));
  }
  void enter(std::optional<task_group>& g) {
    g.emplace();
    EXPECT_THAT(g->enter(), IsOk());
  }
  // A machine that fails with `message` when it is cancelled.
  static script fails_when_cancelled(const char* message) {
    return script({
        [](script& s, absl::Status) { return s.sleep(absl::Hours(1)); },
        [message](script& s, absl::Status) {
          return s.end(absl::DataLossError(message));
        },
    });
  }
  static error_later failing(int seconds, const char* message) {
    return error_later(absl::Seconds(seconds), absl::AbortedError(message));
  }

  std::optional<task_group> group;
  std::optional<task_group> inner;
  shared_future<int> child;
  shared_future<void> script_child;
};

// -- From outside -------------------------------------------------------------

TEST_F(TaskGroupCancelTest, OfTheBodyCancelsTheChildren) {  // S125
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        child = group->create_task(number_later(absl::Hours(1), 1));
        return s.sleep(absl::Hours(1));
      },
      [&](script& s, absl::Status status) {
        return s.on(group->leave(status));
      },
      end,
  });
  iterate(2);
  EXPECT_TRUE(task.cancel());
  run_until_idle();
  EXPECT_TRUE(task.cancelled());
  EXPECT_TRUE(child.cancelled());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

TEST_F(TaskGroupCancelTest, OfTheExitCancelsTheChildrenAndWaits) {  // S125
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        child = group->create_task(stubborn(absl::Seconds(3), 3));
        return s.on(group->leave());
      },
      end,
  });
  iterate(2);
  EXPECT_TRUE(task.cancel());
  run_until_idle();
  EXPECT_TRUE(task.cancelled());
  EXPECT_THAT(child.result(), IsOkAndHolds(3));
  EXPECT_EQ(elapsed(), absl::Seconds(3));
}

TEST_F(TaskGroupCancelTest, ErrorsWinAndTheRequestComesAgain) {  // S125
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        script_child = group->create_task(fails_when_cancelled("child"));
        return s.on(group->leave());
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsKind(error_kind::group, "child"));
        EXPECT_EQ(loop.current_task().cancelling(), 1u);
        return s.sleep(absl::Hours(1));
      },
      end,
  });
  iterate(2);
  EXPECT_TRUE(task.cancel());
  run_until_idle();
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

TEST_F(TaskGroupCancelTest, AnOldRequestComesASecondTime) {  // S125, quirk
  future<void> task = start({
      [](script& s, absl::Status) { return s.sleep(absl::Hours(1)); },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsCancelled());  // Swallowed, not uncancelled.
        enter(group);
        return s.on(group->leave(absl::DataLossError("body")));
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsKind(error_kind::group, "body"));
        return s.sleep(kSecond);
      },
      end,
  });
  iterate();
  EXPECT_TRUE(task.cancel());
  run_until_idle();
  EXPECT_TRUE(task.cancelled());
}

TEST_F(TaskGroupCancelTest, OfOneChildHasNoEffectOnTheOthers) {  // S126
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        script_child = group->create_task(script({
            [](script& c, absl::Status) { return c.sleep(absl::Hours(1)); },
            end,
        }));
        child = group->create_task(number_later(kSecond, 1));
        return s.on(group->leave());
      },
      end,
  });
  iterate(2);
  EXPECT_TRUE(script_child.cancel());
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
  EXPECT_THAT(child.result(), IsOkAndHolds(1));
  EXPECT_EQ(elapsed(), kSecond);
}

TEST_F(TaskGroupCancelTest, OfAnExitAgainAndAgainIsAbsorbed) {  // S129
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        child = group->create_task(stubborn(absl::Seconds(3), 3));
        return s.on(group->leave());
      },
      end,
  });
  for (int i = 0; i < 3; ++i) {
    iterate(2);
    EXPECT_TRUE(task.cancel());
  }
  iterate(3);
  EXPECT_FALSE(task.done());
  run_until_idle();
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(task.task().cancelling(), 3u);
  EXPECT_EQ(elapsed(), absl::Seconds(3));
  EXPECT_EQ(child.task().cancelling(), 1u);  // Asked once, at the abort.
}

TEST_F(TaskGroupCancelTest, ByAChildWhileTheExitWaitsIsTakenBack) {  // S123
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        child = group->create_task(failing(1, "x"));
        script_child = group->create_task(script({
            [](script& c, absl::Status) { return c.sleep(absl::Hours(1)); },
            [](script& c, absl::Status) { return c.sleep(kSecond); },
            end,
        }));
        return s.on(group->leave());
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsKind(error_kind::group, "x"));
        EXPECT_EQ(loop.current_task().cancelling(), 0u);
        return s.sleep(kSecond);
      },
      end,
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(3));
}

TEST_F(TaskGroupCancelTest, FromOutsideAndByAChildLeavesOneRequest) {
  // S123, S125
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        child = group->create_task(failing(1, "x"));
        script_child = group->create_task(fails_when_cancelled("y"));
        return s.sleep(absl::Hours(1));
      },
      [&](script& s, absl::Status status) {
        return s.on(group->leave(status));
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(errors_of(status),
                    ElementsAre(StatusIs(absl::StatusCode::kAborted, "x"),
                                StatusIs(absl::StatusCode::kDataLoss, "y")));
        EXPECT_EQ(loop.current_task().cancelling(), 1u);
        return s.pause();
      },
      end,
  });
  // In the iteration in which the group has asked already.
  loop.call_later(kSecond, [&] {
    loop.call_soon(
        [&] { loop.call_soon([&] { EXPECT_TRUE(task.cancel()); }); });
  });
  run_until_idle();
  EXPECT_TRUE(task.cancelled());
}

// -- Nested -------------------------------------------------------------------

TEST_F(TaskGroupCancelTest, AnInnerGroupErrorFailsTheOuterBody) {  // S128
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        child = group->create_task(number_later(absl::Hours(1), 1));
        enter(inner);
        (void)inner->create_task(failing(1, "a"));
        script_child = inner->create_task(fails_when_cancelled("b"));
        return s.on(inner->leave());
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsKind(error_kind::group, "a; b"));
        return s.on(group->leave(status));
      },
      end,
  });
  const absl::Status status = loop.run_until_complete(std::move(task));
  // Flattened: no group in the group.
  EXPECT_THAT(errors_of(status),
              ElementsAre(StatusIs(absl::StatusCode::kAborted, "a"),
                          StatusIs(absl::StatusCode::kDataLoss, "b")));
  EXPECT_TRUE(child.cancelled());
}

TEST_F(TaskGroupCancelTest, AFailingOuterChildAbortsTheInnerGroup) {  // S128
  shared_future<int> grandchild;
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        child = group->create_task(failing(1, "outer"));
        enter(inner);
        grandchild = inner->create_task(number_later(absl::Hours(1), 1));
        return s.on(inner->leave());
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsCancelled());
        return s.on(group->leave(status));
      },
      end,
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::group, "outer"));
  EXPECT_TRUE(grandchild.cancelled());
  EXPECT_EQ(elapsed(), kSecond);
}

TEST_F(TaskGroupCancelTest, InnerErrorsComeBesideTheOuterRequest) {  // S128
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        child = group->create_task(failing(1, "outer"));
        enter(inner);
        script_child = inner->create_task(fails_when_cancelled("inner"));
        return s.on(inner->leave());
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsKind(error_kind::group, "inner"));
        EXPECT_EQ(loop.current_task().cancelling(), 1u);
        return s.on(group->leave(status));
      },
      [&](script& s, absl::Status status) {
        EXPECT_EQ(loop.current_task().cancelling(), 0u);
        EXPECT_THAT(
            errors_of(status),
            ElementsAre(StatusIs(absl::StatusCode::kAborted, "outer"),
                        StatusIs(absl::StatusCode::kDataLoss, "inner")));
        return s.sleep(kSecond);
      },
      end,
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
}

TEST_F(TaskGroupCancelTest, AGroupInAChildOfAGroupFlattens) {  // S122
  std::optional<task_group> in_child;
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        script_child = group->create_task(script({
            [&](script& c, absl::Status) {
              enter(in_child);
              (void)in_child->create_task(failing(1, "a"));
              (void)in_child->create_task(failing(1, "b"));
              return c.on(in_child->leave());
            },
            end,
        }));
        return s.on(group->leave());
      },
      end,
  });
  EXPECT_THAT(errors_of(loop.run_until_complete(std::move(task))),
              ElementsAre(StatusIs(absl::StatusCode::kAborted, "a"),
                          StatusIs(absl::StatusCode::kAborted, "b")));
}

// -- With time-outs -----------------------------------------------------------

TEST_F(TaskGroupCancelTest, ATimeoutAroundAGroupEndsIt) {  // S106, S125
  std::optional<timeout_scope> scope;
  future<void> task = start({
      [&](script& s, absl::Status) {
        scope.emplace(kSecond);
        EXPECT_THAT(scope->enter(), IsOk());
        enter(group);
        child = group->create_task(number_later(absl::Hours(1), 1));
        return s.on(group->leave());
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsCancelled());
        return s.end(scope->leave(status));
      },
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::timeout, _));
  EXPECT_TRUE(child.cancelled());
  EXPECT_EQ(elapsed(), kSecond);
}

TEST_F(TaskGroupCancelTest, ErrorsOfAGroupPassATimeoutAroundIt) {  // S109
  std::optional<timeout_scope> scope;
  future<void> task = start({
      [&](script& s, absl::Status) {
        scope.emplace(kSecond);
        EXPECT_THAT(scope->enter(), IsOk());
        enter(group);
        script_child = group->create_task(fails_when_cancelled("x"));
        return s.on(group->leave());
      },
      [&](script& s, absl::Status status) {
        status = scope->leave(status);
        EXPECT_EQ(loop.current_task().cancelling(), 0u);
        EXPECT_THAT(status, IsKind(error_kind::group, "x"));
        return s.sleep(kSecond);
      },
      end,
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
}

TEST_F(TaskGroupCancelTest, ATimeoutInsideAGroupIsAnErrorOfTheBody) {  // S124
  std::optional<timeout_scope> scope;
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        child = group->create_task(number_later(absl::Hours(1), 1));
        scope.emplace(kSecond);
        EXPECT_THAT(scope->enter(), IsOk());
        return s.sleep(absl::Hours(1));
      },
      [&](script& s, absl::Status status) {
        return s.on(group->leave(scope->leave(status)));
      },
      end,
  });
  const absl::Status status = loop.run_until_complete(std::move(task));
  EXPECT_THAT(errors_of(status),
              ElementsAre(IsKind(error_kind::timeout, "timed out after 1s")));
  EXPECT_TRUE(child.cancelled());
}

TEST_F(TaskGroupCancelTest, ATimeoutOfAChildIsAnErrorOfIts) {
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(group);
        child = group->create_task(
            with_timeout(number_later(absl::Hours(1), 1), kSecond));
        return s.on(group->leave());
      },
      end,
  });
  const absl::Status status = loop.run_until_complete(std::move(task));
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(is_timeout(errors_of(status)[0]));
}

}  // namespace
}  // namespace ratchet
