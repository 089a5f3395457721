#include "ratchet/task_group.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::calling;
using test::error_later;
using test::IsCancelled;
using test::IsKind;
using test::IsOk;
using test::IsOkAndHolds;
using test::no_default;
using test::number_later;
using test::script;
using test::StatusIs;
using test::stubborn;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kSecond = absl::Seconds(1);

class TaskGroupTest : public test::loop_test {
 protected:
  using states = std::vector<script::state_function>;

  future<void> start(states s) { return create_task(script(std::move(s))); }

  // The last state of most: the outcome of the group is that of the task.
  static step end(script& s, absl::Status status) {
    return s.end(std::move(status));
  }

  // A body of one state that makes and enters `group`, calls `f`, and leaves.
  template <class F>
  future<void> with_group(F f) {
    return start({
        [this, f](script& s, absl::Status) {
          group.emplace();
          EXPECT_THAT(group->enter(), IsOk());
          f();
          return s.on(group->leave());
        },
        end,
    });
  }

  error_later failing(int seconds, const char* message) {
    return error_later(absl::Seconds(seconds), absl::AbortedError(message));
  }

  std::optional<task_group> group;
  std::vector<shared_future<int>> children;
};

// -- Leaving ------------------------------------------------------------------

TEST_F(TaskGroupTest, WaitsForAllChildren) {  // S120
  future<void> task = with_group([&] {
    for (const int n : {3, 1, 2}) {
      children.push_back(group->create_task(number_later(absl::Seconds(n), n)));
    }
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(3));
  EXPECT_THAT(children[0].result(), IsOkAndHolds(3));
  EXPECT_THAT(children[1].result(), IsOkAndHolds(1));
}

TEST_F(TaskGroupTest, WithoutChildrenDoesNotSuspend) {  // S120
  future<void> task = with_group([] {});
  iterate();
  EXPECT_THAT(task, IsOk());
}

TEST_F(TaskGroupTest, WhoseChildrenAreDoneDoesNotSuspend) {  // S120
  future<void> task = start({
      [&](script& s, absl::Status) {
        group.emplace();
        EXPECT_THAT(group->enter(), IsOk());
        children.push_back(group->create_task(calling([] { return 1; })));
        return s.sleep(kSecond);
      },
      [&](script& s, absl::Status) {
        count_from_here();
        return s.on(group->leave());
      },
      [&](script& s, absl::Status status) {
        mark_iteration("left");
        return s.end(status);
      },
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
  EXPECT_THAT(taken(), ElementsAre("left@0"));
}

TEST_F(TaskGroupTest, TheParentGoesOnTwoHopsAfterTheLastChild) {  // S120
  promise<void> p;
  future<void> child;
  future<void> task = start({
      [&](script& s, absl::Status) {
        group.emplace();
        EXPECT_THAT(group->enter(), IsOk());
        child = group->create_task(script({
            [&](script& c, absl::Status) { return c.on(p.get_future()); },
            [&](script& c, absl::Status status) {
              count_from_here();  // It ends here.
              return c.end(status);
            },
        }));
        return s.on(group->leave());
      },
      [&](script& s, absl::Status status) {
        mark_iteration("left");
        return s.end(status);
      },
  });
  iterate(3);
  EXPECT_THAT(p.set_value(), IsOk());
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
  EXPECT_THAT(taken(), ElementsAre("left@2"));
}

TEST_F(TaskGroupTest, ChildrenMayStartSiblingsWhileTheExitWaits) {  // S127
  future<void> task = with_group([&] {
    children.push_back(group->create_task(calling([&] {
      children.push_back(group->create_task(calling([&] {
        children.push_back(group->create_task(number_later(kSecond, 3)));
        return 2;
      })));
      return 1;
    })));
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
  ASSERT_EQ(children.size(), 3u);
  for (const auto& child : children) EXPECT_TRUE(child.done());
  EXPECT_EQ(elapsed(), kSecond);
}

TEST_F(TaskGroupTest, TakesAnyResult) {
  future<std::unique_ptr<int>> pointer;
  class makes_pointer final : public task<std::unique_ptr<int>> {
   public:
    step start() { return done(std::make_unique<int>(5)); }
  };
  future<no_default> odd;
  class makes_odd final : public task<no_default> {
   public:
    step start() { return done(6); }
  };
  future<void> task = with_group([&] {
    pointer = group->create_task(makes_pointer());
    odd = group->create_task(makes_odd());
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
  EXPECT_EQ(**std::move(pointer).result(), 5);
  EXPECT_EQ(std::move(odd).result()->n(), 6);
}

// -- Errors -------------------------------------------------------------------

TEST_F(TaskGroupTest, AChildThatFailsCancelsItsSiblingsInOrder) {  // S121
  const auto sibling = [&](const std::string& name) {
    return group->create_task(script({
        [](script& s, absl::Status) { return s.sleep(absl::Hours(1)); },
        [this, name](script& s, absl::Status status) {
          if (is_cancelled(status)) mark(name);
          return s.end(status);
        },
    }));
  };
  std::vector<future<void>> siblings;
  future<void> task = with_group([&] {
    siblings.push_back(sibling("a"));
    children.push_back(group->create_task(failing(1, "x")));
    siblings.push_back(sibling("b"));
  });
  const absl::Status status = loop.run_until_complete(std::move(task));
  EXPECT_THAT(status, IsKind(error_kind::group, "x"));
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(errors_of(status),
              ElementsAre(StatusIs(absl::StatusCode::kAborted, "x")));
  EXPECT_THAT(taken(), ElementsAre("a", "b"));
  EXPECT_EQ(elapsed(), kSecond);
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(TaskGroupTest, AChildThatFailsInterruptsTheBody) {  // S121, S123
  future<void> task = start({
      [&](script& s, absl::Status) {
        group.emplace();
        EXPECT_THAT(group->enter(), IsOk());
        children.push_back(group->create_task(failing(1, "x")));
        return s.sleep(absl::Hours(1));
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsCancelled());
        EXPECT_EQ(elapsed(), kSecond);
        EXPECT_EQ(loop.current_task().cancelling(), 1u);
        return s.on(group->leave(status));
      },
      [&](script& s, absl::Status status) {
        EXPECT_EQ(loop.current_task().cancelling(), 0u);
        EXPECT_THAT(status, IsKind(error_kind::group, "x"));
        return s.sleep(kSecond);  // Nothing of it is pending.
      },
      end,
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
}

TEST_F(TaskGroupTest, CollectsEveryErrorInOrder) {  // S122
  const auto fails_when_cancelled = [](const char* message) {
    return script({
        [](script& s, absl::Status) { return s.sleep(absl::Hours(1)); },
        [message](script& s, absl::Status) {
          return s.end(absl::DataLossError(message));
        },
    });
  };
  std::vector<future<void>> siblings;
  future<void> task = with_group([&] {
    siblings.push_back(group->create_task(fails_when_cancelled("second")));
    children.push_back(group->create_task(failing(1, "first")));
    siblings.push_back(group->create_task(fails_when_cancelled("third")));
    children.push_back(group->create_task(stubborn(absl::Seconds(5), 1)));
  });
  const absl::Status status = loop.run_until_complete(std::move(task));
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kAborted, "first; second; third"));
  EXPECT_THAT(errors_of(status),
              ElementsAre(StatusIs(absl::StatusCode::kAborted, "first"),
                          StatusIs(absl::StatusCode::kDataLoss, "second"),
                          StatusIs(absl::StatusCode::kDataLoss, "third")));
  EXPECT_EQ(elapsed(), absl::Seconds(5));
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(TaskGroupTest, ABodyThatFailsCancelsTheChildren) {  // S124
  shared_future<int> child;
  future<void> task = start({
      [&](script& s, absl::Status) {
        group.emplace();
        EXPECT_THAT(group->enter(), IsOk());
        child = group->create_task(number_later(absl::Hours(1), 1));
        return s.sleep(kSecond);
      },
      [&](script& s, absl::Status) {
        return s.on(group->leave(absl::DataLossError("body")));
      },
      end,
  });
  const absl::Status status = loop.run_until_complete(std::move(task));
  EXPECT_THAT(errors_of(status),
              ElementsAre(StatusIs(absl::StatusCode::kDataLoss, "body")));
  EXPECT_THAT(status, IsKind(error_kind::group, "body"));
  EXPECT_TRUE(child.cancelled());
  EXPECT_EQ(elapsed(), kSecond);
}

TEST_F(TaskGroupTest, TheErrorOfTheBodyComesLast) {  // S122, S124
  future<void> task = start({
      [&](script& s, absl::Status) {
        group.emplace();
        EXPECT_THAT(group->enter(), IsOk());
        children.push_back(group->create_task(failing(1, "child")));
        return s.sleep(absl::Hours(1));
      },
      [&](script& s, absl::Status) {
        return s.on(group->leave(absl::DataLossError("body")));
      },
      end,
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              StatusIs(absl::StatusCode::kAborted, "child; body"));
}

TEST_F(TaskGroupTest, ABodyThatFailsWithoutChildrenIsAGroupOfOne) {  // S124
  future<void> task = start({
      [&](script& s, absl::Status) {
        group.emplace();
        EXPECT_THAT(group->enter(), IsOk());
        return s.on(group->leave(absl::DataLossError("body")));
      },
      end,
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::group, "body"));
}

// -- create_task --------------------------------------------------------------

TEST_F(TaskGroupTest, RefusesChildrenBeforeItWasEntered) {  // S127
  group.emplace();
  calling never([]() -> int {
    ADD_FAILURE();
    return 0;
  });
  EXPECT_THAT(group->create_task(std::move(never)),
              IsKind(error_kind::not_accepting, HasSubstr("not been entered")));
  run_until_idle();
}

TEST_F(TaskGroupTest, RefusesChildrenOnceItIsShuttingDown) {  // S127
  absl::Status refused;
  future<void> task = start({
      [&](script& s, absl::Status) {
        group.emplace();
        EXPECT_THAT(group->enter(), IsOk());
        children.push_back(group->create_task(failing(1, "x")));
        children.push_back(group->create_task(stubborn(absl::Seconds(3), 3)));
        return s.sleep(absl::Hours(1));
      },
      [&](script& s, absl::Status status) {
        refused = group->create_task(calling([] { return 0; })).status();
        return s.on(group->leave(status));
      },
      end,
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::group, "x"));
  EXPECT_THAT(refused,
              IsKind(error_kind::not_accepting, HasSubstr("shutting down")));
}

TEST_F(TaskGroupTest, RefusesChildrenWhenItIsFinished) {  // S127
  future<void> task = with_group([] {});
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
  EXPECT_THAT(group->create_task(calling([] { return 0; })),
              IsKind(error_kind::not_accepting, HasSubstr("finished")));
}

TEST_F(TaskGroupTest, IsEnteredOnceByATask) {
  group.emplace();
  EXPECT_THAT(group->enter(), IsKind(error_kind::invalid_state,
                                     HasSubstr("for the states of a task")));
  future<void> task = with_group([&] {
    EXPECT_THAT(group->enter(), IsKind(error_kind::invalid_state,
                                       HasSubstr("already been entered")));
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
}

TEST_F(TaskGroupTest, IsLeftOnce) {
  future<void> task = start({
      [&](script& s, absl::Status) {
        group.emplace();
        return s.on(group->leave());
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsKind(error_kind::invalid_state,
                                   HasSubstr("is not entered")));
        EXPECT_THAT(group->enter(), IsOk());
        return s.on(group->leave());
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsOk());
        return s.on(group->leave());
      },
      end,
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::invalid_state, _));
}

// -- Eager children -----------------------------------------------------------

TEST_F(TaskGroupTest, AnEagerChildThatEndsAtOnceIsNotWaitedFor) {  // S170
  future<void> task = with_group([&] {
    children.push_back(group->create_task(eager, calling([] { return 1; })));
    EXPECT_TRUE(children[0].done());
  });
  iterate();
  EXPECT_THAT(task, IsOk());
}

TEST_F(TaskGroupTest, AnEagerChildThatFailsAtOnceInterruptsTheBody) {  // S170
  const auto fails = [] {
    return script({[](script& s, absl::Status) {
      return s.end(absl::AbortedError("x"));
    }});
  };
  future<void> suspends = start({
      [&](script& s, absl::Status) {
        group.emplace();
        EXPECT_THAT(group->enter(), IsOk());
        (void)group->create_task(eager, fails());
        mark("goes on");
        return s.sleep(absl::Hours(1));
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsCancelled());
        return s.on(group->leave(status));
      },
      end,
  });
  EXPECT_THAT(loop.run_until_complete(std::move(suspends)),
              IsKind(error_kind::group, "x"));
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
  // Without a suspension the request is withdrawn: no hop.
  future<void> ends =
      with_group([&] { (void)group->create_task(eager, fails()); });
  iterate();
  EXPECT_THAT(ends, IsKind(error_kind::group, "x"));
}

// -- Lifetime -----------------------------------------------------------------

TEST_F(TaskGroupTest, DestroyedWithChildrenLeftItEndsThem) {
  future<void> task = start({
      [&](script& s, absl::Status) {
        group.emplace();
        EXPECT_THAT(group->enter(), IsOk());
        children.push_back(group->create_task(number_later(kSecond, 1)));
        children.push_back(group->create_task(stubborn(kSecond, 2)));
        return s.pause();
      },
      [&](script& s, absl::Status) {
        group.reset();
        // There and then, whatever they would have answered to a request.
        EXPECT_TRUE(children[0].cancelled());
        EXPECT_TRUE(children[1].cancelled());
        return s.sleep(absl::Seconds(5));
      },
      end,
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
  EXPECT_EQ(cancel_reason(children[1].status()),
            "task_group: it was destroyed");
}

TEST_F(TaskGroupTest, DestroyedWhileAChildIsQueuedIsHarmless) {
  future<void> task = start({
      [&](script& s, absl::Status) {
        group.emplace();
        EXPECT_THAT(group->enter(), IsOk());
        children.push_back(group->create_task(calling([] { return 1; })));
        return s.pause();
      },
      [&](script& s, absl::Status) {
        EXPECT_TRUE(children[0].done());  // Its callback stands in the queue.
        group.reset();
        return s.pause();
      },
      end,
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
}

TEST_F(TaskGroupTest, OfAParentThatIsGoneHidesNoError) {  // S38
  {
    // Kept: the group is not to outlive it.
    const shared_future<void> task =
        start({[&](script& s, absl::Status) {
          group.emplace();
          EXPECT_THAT(group->enter(), IsOk());
          (void)group->create_task(failing(1, "nobody waits"));
          return s.end();  // Without leaving.
        }}).share();
    EXPECT_THAT(loop.run_until_complete(task), IsOk());
    run_until_idle();
    group.reset();
  }
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_THAT(reports[0].status,
              StatusIs(absl::StatusCode::kAborted, "nobody waits"));
}

TEST_F(TaskGroupTest, MovesBeforeItIsEntered) {
  task_group first;
  const task_group second(std::move(first));
}

using TaskGroupDeathTest = TaskGroupTest;

#ifndef NDEBUG
TEST_F(TaskGroupDeathTest, DoesNotMoveAfterwards) {
  future<void> task = with_group([&] {
    EXPECT_DEATH(task_group moved(std::move(*group)),
                 "a task_group was moved after it had been entered");
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
}
#endif

}  // namespace
}  // namespace ratchet
