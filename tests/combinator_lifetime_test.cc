// Every combinator dies well: whatever it waits for, whoever drops it, and
// whenever its loop is closed or destroyed. The leak check of main.cc and
// AddressSanitizer see what goes wrong.

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/as_completed.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/shield.h"
#include "ratchet/sleep.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/timeout.h"
#include "ratchet/wait.h"
#include "ratchet/when_all.h"
#include "ratchet/when_any.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::calling;
using test::IsKind;
using test::IsOk;
using test::number_later;
using test::script;
using ::testing::_;

class CombinatorLifetimeTest : public test::loop_test {
 protected:
  using shared = std::vector<shared_future<void>>;

  // Calls `f` when it is destroyed.
  class at_end {
   public:
    explicit at_end(std::function<void()> f) : f_(std::move(f)) {}
    at_end(const at_end&) = delete;
    at_end& operator=(const at_end&) = delete;
    ~at_end() { f_(); }

   private:
    std::function<void()> f_;
  };

  // Attaches to `f` a callback that never runs, and that calls `when_dropped`
  // when a closed loop drops it.
  template <class F>
  static void when_dropped(const F& f, std::function<void()> g) {
    f.add_done_callback([owner = std::make_shared<at_end>(std::move(g))] {
      ADD_FAILURE() << "a dropped callback ran";
    });
  }
};

// -- Nodes that stand in the line of those to be dropped ----------------------

TEST_F(CombinatorLifetimeTest, AStreamMayGoWhileItsNodesAreBeingDropped) {
  auto stream = std::make_unique<completions<shared_future<void>>>();
  const shared_future<void> sleep = sleep_for(absl::Seconds(1));
  when_dropped(sleep, [&] { stream.reset(); });
  *stream = as_completed(shared{sleep}, absl::Hours(1));
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_EQ(stream, nullptr);
}

TEST_F(CombinatorLifetimeTest, ARaceMayBeCancelledWhileItIsBeingDropped) {
  const shared_future<void> sleep = sleep_for(absl::Seconds(1));
  future<any_result<shared_future<void>>> race;
  when_dropped(sleep, [&] { race.cancel(); });
  race = when_any(sleep, sleep);
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_TRUE(race.cancelled());
}

TEST_F(CombinatorLifetimeTest, AWhenAllMayBeCancelledWhileItIsBeingDropped) {
  const shared_future<void> sleep = sleep_for(absl::Seconds(1));
  future<void> all;
  when_dropped(sleep, [&] { all.cancel(); });
  all = when_all(shared{sleep, sleep_for(absl::Seconds(2))});
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_FALSE(all.done());
}

TEST_F(CombinatorLifetimeTest, AShieldMayBeDroppedWhileItIsBeingDropped) {
  const shared_future<void> sleep = sleep_for(absl::Seconds(1));
  shared_future<void> outer;
  when_dropped(sleep, [&] { outer = shared_future<void>(); });
  outer = shield(sleep);
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_FALSE(outer.valid());
}

TEST_F(CombinatorLifetimeTest, AGroupMayGoWhileItsNodesAreBeingDropped) {
  std::optional<event_loop> gone(std::in_place, clock);
  catch_reports(*gone);
  std::optional<task_group> group;
  future<void> child;
  future<void> parent = gone->create_task(script({
      [&](script& s, absl::Status) {
        group.emplace();
        EXPECT_THAT(group->enter(), IsOk());
        // Its own callback is in front of the group's.
        child = group->create_task(
            eager, script({
                       [&](script& c, absl::Status) {
                         when_dropped(c.own_future(), [&] { group.reset(); });
                         return c.sleep(absl::Hours(1));
                       },
                   }));
        return s.sleep(absl::Hours(1));
      },
  }));
  gone->stop();
  EXPECT_THAT(gone->run_forever(), IsOk());
  gone.reset();
  EXPECT_FALSE(group.has_value());
}

// -- Handles that outlive the loop --------------------------------------------

TEST_F(CombinatorLifetimeTest, AnEmptyStreamMayOutliveItsLoop) {
  std::optional<event_loop> gone(std::in_place, clock);
  auto stream = as_completed(std::vector<future<int>>(), absl::Seconds(1));
  auto next = stream.next();
  gone.reset();
  EXPECT_TRUE(stream.empty());
}

TEST_F(CombinatorLifetimeTest, AStreamThatWasTakenMayOutliveItsLoop) {
  std::optional<event_loop> gone(std::in_place, clock);
  std::vector<future<int>> futures;
  futures.push_back(make_ready_future(1));
  auto stream = as_completed(std::move(futures));
  EXPECT_THAT(gone->run_until_complete(stream.next()), IsOk());
  gone.reset();
  EXPECT_TRUE(stream.empty());
}

TEST_F(CombinatorLifetimeTest, AScopeMayOutliveItsLoop) {
  std::optional<event_loop> gone(std::in_place, clock);
  catch_reports(*gone);
  std::optional<timeout_scope> scope;
  std::optional<timeout_scope> soon;
  {
    future<void> task = gone->create_task(script({
        [&](script& s, absl::Status) {
          scope.emplace(absl::Hours(1));
          EXPECT_THAT(scope->enter(), IsOk());
          soon.emplace(absl::ZeroDuration());
          EXPECT_THAT(soon->enter(), IsOk());
          return s.sleep(absl::Hours(2));
        },
    }));
    gone->stop();
    EXPECT_THAT(gone->run_forever(), IsOk());
  }
  gone.reset();
  EXPECT_FALSE(scope->expired());
}

TEST_F(CombinatorLifetimeTest, AGroupMayOutliveItsLoop) {
  std::optional<event_loop> gone(std::in_place, clock);
  catch_reports(*gone);
  std::optional<task_group> group;
  {
    future<void> task = gone->create_task(script({
        [&](script& s, absl::Status) {
          group.emplace();
          EXPECT_THAT(group->enter(), IsOk());
          (void)group->create_task(number_later(absl::Hours(1), 1));
          return s.sleep(absl::Hours(2));
        },
    }));
    gone->stop();
    EXPECT_THAT(gone->run_forever(), IsOk());
  }
  gone.reset();
  group.reset();
}

// -- What is left of a closed loop --------------------------------------------

TEST_F(CombinatorLifetimeTest, OnAClosedLoopNothingIsEverDone) {
  promise<void> p;
  const shared_future<void> child = p.get_future();
  EXPECT_THAT(loop.close(), IsOk());
  auto all = when_all(child);
  auto settled = when_all_settled(child);
  auto any = when_any(child, child);
  auto any_ok = when_any_ok(child);
  auto outer = shield(child);
  auto stream = as_completed(shared{child}, absl::Seconds(1));
  auto next = create_task(stream.next());
  EXPECT_THAT(next, IsKind(error_kind::closed, _));
  EXPECT_THAT(p.set_value(), IsKind(error_kind::closed, _));
  EXPECT_FALSE(all.done());
  EXPECT_FALSE(settled.done());
  EXPECT_FALSE(any.done());
  EXPECT_FALSE(any_ok.done());
  EXPECT_FALSE(outer.done());
  // Of what is done, there is no need to wait.
  EXPECT_TRUE(when_all(child).done());
  EXPECT_EQ(shield(child), child);
  EXPECT_FALSE(when_any(child).done());
}

TEST_F(CombinatorLifetimeTest, MachinesAreRefusedByAClosedLoop) {
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_THAT(when_all(calling([] { return 1; })),
              IsKind(error_kind::closed, _));
  EXPECT_THAT(shield(calling([] { return 1; })), IsKind(error_kind::closed, _));
}

// -- From callbacks of the same combinator ------------------------------------

TEST_F(CombinatorLifetimeTest, AChildsCallbackMayCancelAllTheOthers) {
  std::vector<promise<void>> promises(3);
  shared children;
  for (auto& p : promises) children.emplace_back(p.get_future());
  auto all = when_all_settled(children);
  auto any = when_any(children);
  auto any_ok = when_any_ok(children);
  auto stream = as_completed(children);
  auto outer = shield(children[0]);
  auto next = create_task(stream.next());
  iterate();
  children[0].add_done_callback([&] {
    for (auto& child : children) child.cancel();
    all.cancel();
    any.cancel();
    any_ok.cancel();
    outer.cancel();
    next.cancel();
    stream = completions<shared_future<void>>();
  });
  EXPECT_THAT(promises[0].set_error(absl::AbortedError("x")), IsOk());
  iterate(5);
  EXPECT_TRUE(all.done());
  EXPECT_TRUE(any.done());
  EXPECT_TRUE(any_ok.done());
  EXPECT_TRUE(outer.done());
  EXPECT_TRUE(next.done());
  EXPECT_FALSE(any_ok.status().ok());
  EXPECT_FALSE(next.status().ok());
  EXPECT_FALSE(any.status().ok() && any.value().result.ok());
  EXPECT_THAT(all.status(), IsOk());
}

TEST_F(CombinatorLifetimeTest, ATaskMayDropWhatItAwaitsThrough) {
  // The parent of a frame is cancelled by what the frame waits for.
  promise<void> p;
  shared_future<void> child = p.get_future();
  future<any_result<shared_future<void>>> task = create_task(
      with_timeout(when_any(child, shield(child)), absl::Seconds(1)));
  iterate();
  child.add_done_callback([&] { task.cancel(); });
  EXPECT_THAT(p.set_value(), IsOk());
  iterate(5);
  EXPECT_TRUE(task.done());
}

TEST_F(CombinatorLifetimeTest, AnErrorHandlerMayDropTheOthers) {
  auto left = std::make_unique<future<void>>(sleep_for(absl::Hours(1)));
  loop.set_error_handler([&](const error_report&) { left.reset(); });
  {
    promise<void> p;
    (void)when_all(shared{p.get_future()});
    EXPECT_THAT(p.set_error(absl::AbortedError("x")), IsOk());
    iterate(2);
  }
  EXPECT_EQ(left, nullptr);
}

TEST_F(CombinatorLifetimeTest, DeepNestingIsDestroyedInFlatStacks) {
  promise<void> p;
  future<void> deep = p.get_future();
  for (int i = 0; i < 10000; ++i) {
    std::vector<future<void>> one;
    one.push_back(std::move(deep));
    deep = when_all(std::move(one));
  }
  EXPECT_FALSE(deep.done());
  deep = future<void>();
}

}  // namespace
}  // namespace ratchet
