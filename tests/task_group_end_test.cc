// task_group::cancel(): ending a group on purpose.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsCancelled;
using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::loop_test;
using ::ratchet::test::script;
using ::ratchet::test::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string text(const absl::Status& s) {
  if (s.ok()) return "ok";
  if (!is_cancelled(s)) return std::string(s.message());
  return absl::StrCat("Cancelled(", cancel_reason(s), ")");
}

class TaskGroupEndTest : public loop_test {
 protected:
  // A state that enters `group`, starts `children`, and goes on with `then`.
  script::state_function enters(task_group& group,
                                std::vector<std::string> children,
                                script::state_function then) {
    return [=, &group](script& s, absl::Status status) {
      EXPECT_THAT(group.enter(), IsOk());
      for (const std::string& name : children) start_child(group, name);
      return then(s, std::move(status));
    };
  }
  // A child that sleeps. One whose name begins with "bad" answers a request to
  // cancel it with an error.
  void start_child(task_group& group, const std::string& name) {
    // The group waits for it.
    (void)group.create_task(script({
        [](script& s, absl::Status) { return s.sleep(absl::Seconds(10)); },
        [this, name](script& s, absl::Status status) {
          mark(absl::StrCat(name, " ", text(status)));
          const bool bad = name.substr(0, 3) == "bad";
          return s.end(bad ? absl::InternalError(name) : status);
        },
    }));
  }
  script::state_function leaves(task_group& group) {
    return [this, &group](script& s, absl::Status status) {
      mark(absl::StrCat("body ", text(status)));
      return s.on(group.leave(std::move(status)));
    };
  }
  // Shows that nothing is left of the request.
  script::state_function sleeps_on(const std::string& what = "left") {
    return [this, what](script& s, absl::Status status) {
      mark(absl::StrCat(what, " ", text(status), ", ",
                        loop.current_task().cancelling()));
      outcome = status;
      return s.sleep(absl::Seconds(1));
    };
  }
  script::state_function ends() {
    return [this](script& s, absl::Status status) {
      mark(absl::StrCat("then ", text(status)));
      return s.end(outcome.ok() ? std::move(status) : outcome);
    };
  }

  static step sleeps(script& s, absl::Status) {
    return s.sleep(absl::Seconds(10));
  }
  static step pauses(script& s, absl::Status) { return s.pause(); }

  absl::Status outcome;
};

TEST_F(TaskGroupEndTest, IsForAGroupThatIsEntered) {
  task_group group;
  EXPECT_THAT(group.cancel(), IsKind(error_kind::invalid_state,
                                     HasSubstr("has not been entered")));
  future<void> f = create_task(
      script({enters(group, {}, pauses), leaves(group), sleeps_on(), ends()}));
  iterate(3);
  EXPECT_THAT(group.cancel(),
              IsKind(error_kind::invalid_state, HasSubstr("has ended")));
  EXPECT_FALSE(group.cancelled());
  run_until_idle();
  EXPECT_THAT(f, IsOk());
}

TEST_F(TaskGroupEndTest, IsOverWhenTheParentIs) {
  auto group = std::make_unique<task_group>();
  future<void> f = create_task(script(
      {enters(*group, {}, [](script& s, absl::Status) { return s.end(); })}));
  run_until_idle();
  EXPECT_THAT(group->cancel(),
              IsKind(error_kind::invalid_state, HasSubstr("has ended")));
}

TEST_F(TaskGroupEndTest, EndsTheChildrenAndTheBody) {
  task_group group;
  future<void> f = create_task(script(
      {enters(group, {"a", "b"}, sleeps), leaves(group), sleeps_on(), ends()}));
  loop.call_later(absl::Seconds(1), [&] {
    EXPECT_THAT(group.cancel("enough"), IsOk());
    EXPECT_TRUE(group.cancelled());
  });
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("a Cancelled(enough)", "b Cancelled(enough)",
                          "body Cancelled(enough)", "left ok, 0", "then ok"));
  EXPECT_THAT(f, IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(TaskGroupEndTest, WhileLeaveWaitsTheParentIsNotAsked) {
  task_group group;
  future<void> f = create_task(script(
      {enters(group, {"a"}, pauses), leaves(group), sleeps_on(), ends()}));
  iterate(3);
  EXPECT_THAT(group.cancel("enough"), IsOk());
  EXPECT_EQ(f.task().cancelling(), 0u);
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("body ok", "a Cancelled(enough)",
                                   "left ok, 0", "then ok"));
}

TEST_F(TaskGroupEndTest, IsIdempotent) {
  task_group group;
  future<void> f = create_task(script(
      {enters(group, {"a"}, sleeps), leaves(group), sleeps_on(), ends()}));
  iterate(2);
  EXPECT_THAT(group.cancel("first"), IsOk());
  EXPECT_THAT(group.cancel("second"), IsOk());
  EXPECT_EQ(f.task().cancelling(), 1u);
  iterate();
  EXPECT_THAT(group.cancel("third"), IsOk());
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("a Cancelled(first)", "body Cancelled(first)",
                          "left ok, 0", "then ok"));
}

TEST_F(TaskGroupEndTest, TakesNoMoreChildren) {
  task_group group;
  future<void> refused;
  future<void> f = create_task(script({
      enters(group, {"a"}, pauses),
      [&](script& s, absl::Status status) {
        EXPECT_THAT(group.cancel(), IsOk());
        refused = group.create_task(script({}));
        return leaves(group)(s, status);
      },
      sleeps_on(),
      ends(),
  }));
  run_until_idle();
  EXPECT_THAT(refused,
              IsKind(error_kind::not_accepting, HasSubstr("shutting down")));
  EXPECT_THAT(f, IsOk());
}

TEST_F(TaskGroupEndTest, FromTheBodyItself) {
  task_group group;
  future<void> f = create_task(script({
      enters(group, {"a"},
             [&](script& s, absl::Status) {
               EXPECT_THAT(group.cancel("by body"), IsOk());
               return s.sleep(absl::Seconds(5));
             }),
      leaves(group),
      sleeps_on(),
      ends(),
  }));
  run_until_idle();
  // The child is cancelled before its first step.
  EXPECT_THAT(taken(),
              ElementsAre("body Cancelled(by body)", "left ok, 0", "then ok"));
  EXPECT_EQ(elapsed(), absl::Seconds(1));
}

TEST_F(TaskGroupEndTest, FromTheBodyThatLeavesAtOnce) {
  for (const bool child : {false, true}) {
    task_group group;
    future<void> f = create_task(script({
        enters(group, {}, pauses),
        [&](script& s, absl::Status) {
          if (child) start_child(group, "a");
          EXPECT_THAT(group.cancel(), IsOk());
          return s.on(group.leave());
        },
        sleeps_on(),
        ends(),
    }));
    run_until_idle();
    EXPECT_THAT(taken(), ElementsAre("left ok, 0", "then ok"));
    EXPECT_THAT(f, IsOk());
  }
}

TEST_F(TaskGroupEndTest, FromAChild) {
  task_group group;
  future<void> f = create_task(script({
      enters(group, {"a"},
             [&](script& s, absl::Status) {
               (void)group.create_task(script({
                   [&](script& c, absl::Status) {
                     EXPECT_THAT(group.cancel("by child"), IsOk());
                     return c.sleep(absl::Seconds(1));
                   },
                   [&](script& c, absl::Status status) {
                     mark(absl::StrCat("child ", text(status)));
                     return c.end(std::move(status));
                   },
               }));
               return s.sleep(absl::Seconds(5));
             }),
      leaves(group),
      sleeps_on(),
      ends(),
  }));
  run_until_idle();
  EXPECT_THAT(
      taken(),
      ElementsAre("a Cancelled(by child)", "body Cancelled(by child)",
                  "child Cancelled(by child)", "left ok, 0", "then ok"));
}

TEST_F(TaskGroupEndTest, FromAnotherTask) {
  task_group group;
  future<void> f = create_task(script(
      {enters(group, {"a"}, sleeps), leaves(group), sleeps_on(), ends()}));
  future<void> g = create_task(script({[&](script& s, absl::Status) {
    EXPECT_THAT(group.cancel("by another"), IsOk());
    return s.end();
  }}));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("body Cancelled(by another)", "left ok, 0",
                                   "then ok"));
  EXPECT_THAT(g, IsOk());
}

TEST_F(TaskGroupEndTest, ARealErrorOfAChildLeaves) {
  task_group group;
  future<void> f = create_task(script({enters(group, {"a", "bad"}, sleeps),
                                       leaves(group), sleeps_on(), ends()}));
  iterate(2);
  EXPECT_THAT(group.cancel("x"), IsOk());
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("a Cancelled(x)", "bad Cancelled(x)",
                          "body Cancelled(x)", "left bad, 0", "then ok"));
  EXPECT_THAT(f, IsKind(error_kind::group, "bad"));
}

TEST_F(TaskGroupEndTest, ARealErrorOfTheBodyLeaves) {
  task_group group;
  future<void> f = create_task(script({
      enters(group, {"a"}, sleeps),
      [&](script& s, absl::Status status) {
        mark(text(status));
        return s.on(group.leave(absl::DataLossError("body")));
      },
      sleeps_on(),
      ends(),
  }));
  iterate(2);
  EXPECT_THAT(group.cancel("x"), IsOk());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a Cancelled(x)", "Cancelled(x)",
                                   "left body, 0", "then ok"));
  EXPECT_THAT(f, StatusIs(absl::StatusCode::kDataLoss, "body"));
}

TEST_F(TaskGroupEndTest, AfterAFailureTheErrorLeaves) {
  task_group group;
  future<void> f = create_task(script({
      enters(group, {},
             [&](script& s, absl::Status) {
               (void)group.create_task(test::error_later(
                   absl::ZeroDuration(), absl::InternalError("bad")));
               return s.sleep(absl::Seconds(9));
             }),
      leaves(group),
      sleeps_on(),
      ends(),
  }));
  iterate(4);
  EXPECT_THAT(group.cancel("late"), IsOk());
  EXPECT_EQ(f.task().cancelling(), 1u);
  run_until_idle();
  EXPECT_THAT(f, StatusIs(absl::StatusCode::kInternal, "bad"));
}

TEST_F(TaskGroupEndTest, ARequestOfSomebodyElseIsNotLost) {
  for (const bool first : {true, false}) {
    task_group group;
    future<void> f = create_task(
        script({enters(group, {"a"}, sleeps), leaves(group), ends()}));
    iterate(2);
    if (first) f.cancel("outside");
    EXPECT_THAT(group.cancel("group"), IsOk());
    if (!first) f.cancel("outside");
    run_until_idle();
    EXPECT_THAT(f, IsCancelled());
    taken();
  }
}

TEST_F(TaskGroupEndTest, NorIsOneThatComesWhileItLeaves) {
  for (const bool first : {true, false}) {
    task_group group;
    future<void> f = create_task(
        script({enters(group, {"a"}, pauses), leaves(group), ends()}));
    iterate(3);
    if (first) f.cancel("outside");
    EXPECT_THAT(group.cancel("group"), IsOk());
    if (!first) f.cancel("outside");
    run_until_idle();
    EXPECT_THAT(f, IsCancelled());
    EXPECT_EQ(cancel_reason(f.status()), "outside");
    taken();
  }
}

TEST_F(TaskGroupEndTest, ABodyThatGoesOnIsAskedOnce) {  // S62
  task_group group;
  future<void> f = create_task(script({
      enters(group, {"a"}, sleeps),
      [&](script& s, absl::Status status) {
        mark(text(status));
        return s.sleep(absl::Seconds(1));
      },
      leaves(group),
      sleeps_on(),
      ends(),
  }));
  iterate(2);
  EXPECT_THAT(group.cancel("x"), IsOk());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a Cancelled(x)", "Cancelled(x)", "body ok",
                                   "left ok, 0", "then ok"));
}

// A request from before, which the task did not give in to, is not the group's.
TEST_F(TaskGroupEndTest, TheCountAtEntryDoesNotMatter) {
  for (const bool at_once : {false, true}) {
    task_group group;
    future<void> f = create_task(script({
        sleeps,
        enters(group, {},
               [&](script& s, absl::Status status) {
                 mark(text(status));
                 EXPECT_THAT(group.cancel("group"), IsOk());
                 return at_once ? s.on(group.leave())
                                : s.sleep(absl::Seconds(2));
               }),
        [&](script& s, absl::Status status) {
          if (at_once) return sleeps_on()(s, status);
          return s.on(group.leave(status));
        },
        [&](script& s, absl::Status status) {
          if (at_once) return ends()(s, status);
          return sleeps_on()(s, status);
        },
        ends(),
    }));
    iterate(2);
    f.cancel("before");
    run_until_idle();
    EXPECT_THAT(taken(),
                ElementsAre("Cancelled(before)", "left ok, 1", "then ok"));
    EXPECT_THAT(f, IsOk());
  }
}

// -- Nested

TEST_F(TaskGroupEndTest, TheOuterOneEndsTheInnerOne) {
  task_group outer;
  task_group inner;
  future<void> f = create_task(script({
      enters(outer, {"bad outer"}, enters(inner, {"bad inner", "c"}, sleeps)),
      leaves(inner),
      leaves(outer),
      sleeps_on(),
      ends(),
  }));
  iterate(2);
  EXPECT_THAT(outer.cancel("all"), IsOk());
  EXPECT_FALSE(inner.cancelled());
  run_until_idle();
  EXPECT_THAT(
      taken(),
      ElementsAre("bad outer Cancelled(all)", "body Cancelled(all)",
                  "bad inner Cancelled(all)", "c Cancelled(all)",
                  "body bad inner", "left bad outer; bad inner, 0", "then ok"));
  std::vector<std::string> messages;
  for (const absl::Status& e : errors_of(f.status())) {
    messages.push_back(std::string(e.message()));
  }
  EXPECT_THAT(messages, ElementsAre("bad outer", "bad inner"));
}

TEST_F(TaskGroupEndTest, WithoutErrorsNothingLeavesTheOuterOne) {
  task_group outer;
  task_group inner;
  future<void> f = create_task(script({
      enters(outer, {"a"}, enters(inner, {"b"}, pauses)),
      leaves(inner),
      leaves(outer),
      sleeps_on(),
      ends(),
  }));
  iterate(3);  // The inner one is being left.
  EXPECT_THAT(outer.cancel("all"), IsOk());
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("body ok", "a Cancelled(all)", "b Cancelled(all)",
                          "body Cancelled(all)", "left ok, 0", "then ok"));
}

TEST_F(TaskGroupEndTest, TheInnerOneLeavesTheOuterOneAlone) {
  task_group outer;
  task_group inner;
  future<void> f = create_task(script({
      enters(outer, {"a"}, enters(inner, {"b"}, sleeps)),
      leaves(inner),
      leaves(outer),
      sleeps_on(),
      ends(),
  }));
  iterate(2);
  EXPECT_THAT(inner.cancel("inner"), IsOk());
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("b Cancelled(inner)", "body Cancelled(inner)",
                          "body ok", "a ok", "left ok, 0", "then ok"));
}

TEST_F(TaskGroupEndTest, BothAtOnce) {
  for (const bool outer_first : {true, false}) {
    task_group outer;
    task_group inner;
    future<void> f = create_task(script({
        enters(outer, {"a"}, enters(inner, {"b"}, sleeps)),
        leaves(inner),
        leaves(outer),
        sleeps_on(),
        ends(),
    }));
    iterate(2);
    EXPECT_THAT((outer_first ? outer : inner).cancel("first"), IsOk());
    EXPECT_THAT((outer_first ? inner : outer).cancel("second"), IsOk());
    run_until_idle();
    const test::trace marks = taken();
    ASSERT_EQ(marks.size(), 6u);
    EXPECT_EQ(marks[4], "left ok, 0");
    EXPECT_THAT(f, IsOk());
  }
}

TEST_F(TaskGroupEndTest, AGroupInAChildEndsWithIt) {
  task_group outer;
  task_group inner;
  future<void> f = create_task(script({
      enters(outer, {},
             [&](script& s, absl::Status) {
               (void)outer.create_task(script(
                   {enters(inner, {"bad"}, sleeps), leaves(inner), ends()}));
               return s.sleep(absl::Seconds(9));
             }),
      leaves(outer),
      sleeps_on(),
      ends(),
  }));
  iterate(3);
  EXPECT_THAT(outer.cancel("x"), IsOk());
  run_until_idle();
  EXPECT_THAT(f, IsKind(error_kind::group, "bad"));
  EXPECT_THAT(reports, IsEmpty());
}

}  // namespace
}  // namespace ratchet
