#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/task_info.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// What may be done with a group, and what it does to its parent's count of
// requests to cancel it.

namespace ratchet::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TestTaskGroupRules : public cpython_test {
 protected:
  // Starts a child in a group that must refuse it.
  absl::Status refusal(task_group& g) {
    bool ran = false;
    const absl::Status refused = child(g, [&] { ran = true; }).status();
    iterate(2);
    EXPECT_FALSE(ran);
    return refused;
  }

  task_group group;
  task_group inner;
};

class named final : public task<int> {
 public:
  explicit named(std::string name) : name_(std::move(name)) {}
  step start() { return yield<&named::end>(); }
  std::string task_name() const override { return name_; }

 private:
  step end() { return done(1); }

  std::string name_;
};

// test_taskgroups.TestTaskGroup.test_taskgroup_task_name
TEST_F(TestTaskGroupRules, TaskgroupTaskName) {
  future<int> t;
  EXPECT_THAT(run(
                  enter(group),
                  [&] {
                    t = group.create_task(named("yolo"));
                    EXPECT_EQ(t.task().info().name, "yolo");
                  },
                  leave(group)),
              IsOk());
  EXPECT_THAT(t.result(), IsOkAndHolds(1));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_no_create_task_after_failure
TEST_F(TestTaskGroupRules, TaskgroupNoCreateTaskAfterFailure) {
  const absl::StatusOr<int> r = run(
      enter(group),
      [&] {
        spawn(group, nap(1), raise("ZeroDivision"));
        spawn(group, nap(1000), except([&](const absl::Status& s) {
                EXPECT_THAT(s, IsCancelled());
                EXPECT_THAT(child(group, says("not reached")),
                            IsKind(error_kind::not_accepting,
                                   HasSubstr("shutting down")));
                say("refused");
              }));
      },
      leave(group));
  EXPECT_THAT(group_of(r), ElementsAre("ZeroDivision"));
  EXPECT_THAT(taken(), ElementsAre("refused 1"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_context_manager_exit_raises
TEST_F(TestTaskGroupRules, TaskgroupContextManagerExitRaises) {
  // A child fails, and so does the clean-up of the body.
  EXPECT_THAT(run(
                  enter(group), [&] { spawn(group, raise("CustomException")); },
                  nap(1000), lastly_raise("from the database"), leave(group),
                  except([&](const absl::Status& s) {
                    EXPECT_EQ(me().cancelling(), 0u);
                    EXPECT_THAT(group_of(s), ElementsAre("CustomException",
                                                         "from the database"));
                    say("caught");
                  })),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("caught 0"));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_already_entered
TEST_F(TestTaskGroupRules, TaskgroupAlreadyEntered) {
  EXPECT_THAT(run(
                  enter(group),
                  [&] {
                    EXPECT_THAT(group.enter(),
                                StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("entered")));
                  },
                  leave(group)),
              IsOk());
}

// test_taskgroups.TestTaskGroup.test_taskgroup_double_enter
TEST_F(TestTaskGroupRules, TaskgroupDoubleEnter) {
  EXPECT_THAT(
      run(enter(group), leave(group), enter(group)),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("entered")));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_finished
TEST_F(TestTaskGroupRules, TaskgroupFinished) {
  EXPECT_THAT(run(enter(group), leave(group),
                  [&] {
                    EXPECT_THAT(child(group, says("not reached")),
                                IsKind(error_kind::not_accepting,
                                       HasSubstr("finished")));
                  }),
              IsOk());
  EXPECT_THAT(taken(), IsEmpty());
}

// test_taskgroups.TestTaskGroup.test_coro_closed_when_tg_closed
TEST_F(TestTaskGroupRules, CoroClosedWhenTgClosed) {
  // The machine that was refused is destroyed, not kept.
  auto token = std::make_shared<int>(1);
  EXPECT_THAT(run(enter(group), leave(group)), IsOk());
  spawn(group, [token] {});
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_THAT(refusal(group),
              IsKind(error_kind::not_accepting, HasSubstr("finished")));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_not_entered
TEST_F(TestTaskGroupRules, TaskgroupNotEntered) {
  EXPECT_THAT(refusal(group),
              IsKind(error_kind::not_accepting, HasSubstr("entered")));
}

// test_taskgroups.TestTaskGroup.test_taskgroup_without_parent_task
TEST_F(TestTaskGroupRules, TaskgroupWithoutParentTask) {
  EXPECT_THAT(group.enter(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                      HasSubstr("task")));
  EXPECT_THAT(refusal(group),
              IsKind(error_kind::not_accepting, HasSubstr("entered")));
}

// test_taskgroups.TestTaskGroup.test_cancelling_level_preserved
TEST_F(TestTaskGroupRules, CancellingLevelPreserved) {
  EXPECT_THAT(
      run(
          enter(group), [&] { spawn(group, turn(), raise("RuntimeError")); },
          leave(group), except([&](const absl::Status& s) {
            EXPECT_THAT(group_of(s), ElementsAre("RuntimeError"));
            say("caught");
          }),
          [&] { EXPECT_EQ(me().cancelling(), 0u); }, nap(5),
          says("not cancelled")),
      IsOk());
  EXPECT_THAT(taken(), ElementsAre("caught 0", "not cancelled 5"));
}

// test_taskgroups.TestTaskGroup.test_nested_groups_both_cancelled
TEST_F(TestTaskGroupRules, NestedGroupsBothCancelled) {
  EXPECT_THAT(run(
                  enter(group), enter(inner),
                  [&] {
                    spawn(inner, turn(), raise("RuntimeError"));
                    spawn(group, turn(), raise("ValueError"));
                  },
                  leave(inner), except([&](const absl::Status& s) {
                    EXPECT_THAT(group_of(s), ElementsAre("RuntimeError"));
                    say("inner");
                  }),
                  // The request of the outer group is still counted.
                  [&] { EXPECT_EQ(me().cancelling(), 1u); }, leave(group),
                  except([&](const absl::Status& s) {
                    EXPECT_THAT(group_of(s), ElementsAre("ValueError"));
                    say("outer");
                  }),
                  [&] { EXPECT_EQ(me().cancelling(), 0u); }, nap(5),
                  says("not cancelled")),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("inner 0", "outer 0", "not cancelled 5"));
}

// test_taskgroups.TestTaskGroup.test_error_and_cancel
TEST_F(TestTaskGroupRules, ErrorAndCancel) {
  promise<void> event;
  future<void> is_set = event.get_future();
  shared_future<int> t = start(
      enter(group),
      [&] {
        spawn(
            group, [&] { EXPECT_THAT(event.set_value(), IsOk()); }, turn(),
            raise("RuntimeError"));
      },
      nap(1000), says("not reached"), leave(group),
      except([&](const absl::Status& s) {
        EXPECT_THAT(group_of(s), ElementsAre("RuntimeError"));
        EXPECT_EQ(me().cancelling(), 1u);
        say("group left");
      }),
      [&] { EXPECT_EQ(me().cancelling(), 1u); },
      // The request that met the error is delivered here.
      nap(1000), rethrow(says("cancelled")), says("not reached"));
  EXPECT_THAT(run(
                  on(is_set),
                  [&] {
                    EXPECT_EQ(t.task().cancelling(), 0u);
                    EXPECT_TRUE(t.cancel());
                    EXPECT_EQ(t.task().cancelling(), 1u);
                  },
                  on(t), rethrow(says("caught"))),
              IsCancelled());
  EXPECT_TRUE(t.cancelled());
  EXPECT_THAT(taken(), ElementsAre("group left 0", "cancelled 0", "caught 0"));
}

}  // namespace
}  // namespace ratchet::test
