#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
#include "ratchet/task.h"
#include "ratchet/when_all.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::IsCancelled;
using test::IsOk;
using test::IsOkAndHolds;
using test::script;
using test::StatusIs;
using test::stubborn;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WhenAllCancelTest : public test::loop_test {
 protected:
  // A task that sleeps for ever, and marks that it is being cancelled.
  future<void> marks_cancel(const std::string& what) {
    return create_task(script({
        [](script& s, absl::Status) {
          return s.sleep(absl::InfiniteDuration());
        },
        [this, what](script& s, absl::Status status) {
          if (is_cancelled(status)) mark_iteration(what);
          return s.end(status);
        },
    }));
  }
};

TEST_F(WhenAllCancelTest, AsksEveryChildInArgumentOrder) {  // S78
  future<void> last = marks_cancel("last");
  future<void> first = marks_cancel("first");
  auto all = when_all(std::move(first), std::move(last));
  iterate();
  count_from_here();
  EXPECT_TRUE(all.cancel());
  EXPECT_FALSE(all.done());
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("first@1", "last@1"));
  EXPECT_TRUE(all.done());
  EXPECT_FALSE(all.cancelled());  // Failed with Cancelled (S77, S79).
  EXPECT_THAT(all, IsCancelled());
}

TEST_F(WhenAllCancelTest, LeavesItPendingUntilTheChildrensCallbacks) {  // S78
  promise<int> a;
  promise<int> b;
  auto all = when_all(a.get_future(), b.get_future());
  EXPECT_TRUE(all.cancel());
  EXPECT_TRUE(a.cancelled());
  EXPECT_TRUE(b.cancelled());
  EXPECT_FALSE(all.done());
  iterate();
  EXPECT_THAT(all, IsCancelled());
}

TEST_F(WhenAllCancelTest, IsRefusedOnceAllChildrenAreDone) {  // S78
  promise<int> a;
  promise<int> b;
  auto all = when_all(a.get_future(), b.get_future());
  EXPECT_THAT(a.set_value(1), IsOk());
  EXPECT_THAT(b.set_value(2), IsOk());
  EXPECT_FALSE(all.done());
  EXPECT_FALSE(all.cancel());
  iterate();
  EXPECT_THAT(std::move(all).result(), IsOkAndHolds(std::make_tuple(1, 2)));
}

TEST_F(WhenAllCancelTest, OfADoneOneIsRefusedAndLeavesTheSiblings) {  // S84
  promise<int> a;
  promise<int> b;
  auto all = when_all(a.get_future(), b.get_future());
  EXPECT_THAT(a.set_error(absl::AbortedError("a")), IsOk());
  iterate();
  EXPECT_TRUE(all.done());
  EXPECT_FALSE(all.cancel());
  EXPECT_FALSE(b.cancelled());
  EXPECT_THAT(all, StatusIs(absl::StatusCode::kAborted, "a"));
}

TEST_F(WhenAllCancelTest, ComesAtTheFirstCancelledChild) {  // S79
  future<int> slow = create_task(stubborn(absl::Seconds(5), 1));
  auto all = when_all(std::move(slow), marks_cancel("quick"));
  iterate();
  EXPECT_TRUE(all.cancel());
  iterate(2);
  EXPECT_THAT(all, IsCancelled());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
  run_until_idle();
}

TEST_F(WhenAllCancelTest, ComesAtTheEndWhenAllChildrenRefuse) {  // S79
  auto all =
      when_all(stubborn(absl::Seconds(1), 1), stubborn(absl::Seconds(2), 2));
  iterate();
  EXPECT_TRUE(all.cancel());
  iterate(5);
  EXPECT_FALSE(all.done());
  EXPECT_THAT(loop.run_until_complete(std::move(all)), IsCancelled());
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(WhenAllCancelTest, SettledWaitsForAllAndThenFails) {  // S79
  auto all =
      when_all_settled(stubborn(absl::Seconds(2), 1), marks_cancel("quick"));
  iterate();
  EXPECT_TRUE(all.cancel());
  iterate(5);
  EXPECT_FALSE(all.done());
  EXPECT_THAT(loop.run_until_complete(std::move(all)), IsCancelled());
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(WhenAllCancelTest, AnErrorInAnswerToItWins) {  // S75, S79
  auto failing = create_task(script({
      [](script& s, absl::Status) { return s.sleep(absl::Seconds(1)); },
      [](script& s, absl::Status) { return s.end(absl::DataLossError("!")); },
  }));
  auto all = when_all(std::move(failing), marks_cancel("other"));
  iterate();
  EXPECT_TRUE(all.cancel());
  EXPECT_THAT(loop.run_until_complete(std::move(all)),
              StatusIs(absl::StatusCode::kDataLoss, "!"));
}

TEST_F(WhenAllCancelTest, OfATaskThatAwaitsItReachesTheChildren) {  // S80
  future<void> waiting = create_task(script({
      [&](script& s, absl::Status) {
        std::vector<future<void>> children;
        children.push_back(marks_cancel("a"));
        children.push_back(marks_cancel("b"));
        return s.on(when_all(std::move(children)));
      },
      [](script& s, absl::Status status) { return s.end(status); },
  }));
  iterate(2);
  count_from_here();
  EXPECT_TRUE(waiting.cancel());
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("a@1", "b@1"));
  EXPECT_TRUE(waiting.cancelled());
}

TEST_F(WhenAllCancelTest, OfATaskThatItRefusesIsRemembered) {  // S57, S78
  promise<void> child;
  std::vector<shared_future<void>> children = {child.get_future()};
  absl::Status seen_status;
  future<void> waiting = create_task(script({
      [&](script& s, absl::Status) { return s.on(when_all(children)); },
      [&](script& s, absl::Status status) {
        seen_status = status;
        return s.end();
      },
  }));
  iterate();
  EXPECT_THAT(child.set_value(), IsOk());
  EXPECT_TRUE(waiting.cancel());  // The child is done, the outer one is not.
  iterate(3);
  EXPECT_THAT(seen_status, IsCancelled());
}

TEST_F(WhenAllCancelTest, OfTheOutermostReachesTheLeaves) {  // S83
  auto all = when_all(when_all(marks_cancel("a"), marks_cancel("b")),
                      when_all_settled(marks_cancel("c")));
  iterate();
  EXPECT_TRUE(all.cancel());
  iterate(2);
  EXPECT_EQ(taken().size(), 3u);
  EXPECT_THAT(loop.run_until_complete(std::move(all)), IsCancelled());
}

TEST_F(WhenAllCancelTest, InACallbackOfAChildIsTheUsersRight) {
  promise<int> a;
  shared_future<int> child = a.get_future();
  auto all = when_all(child, sleep_for(absl::Seconds(1)));
  child.add_done_callback([&] { EXPECT_TRUE(all.cancel()); });
  EXPECT_THAT(a.set_value(1), IsOk());
  EXPECT_THAT(loop.run_until_complete(all), IsCancelled());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

TEST_F(WhenAllCancelTest, DroppingItInACallbackOfAChildIsHarmless) {
  promise<int> a;
  shared_future<int> child = a.get_future();
  auto all = when_all(child, child.then([](int n) { return n; }));
  child.add_done_callback([&] { all = decltype(all)(); });
  EXPECT_THAT(a.set_value(1), IsOk());
  run_until_idle();
  EXPECT_FALSE(all.valid());
}

TEST_F(WhenAllCancelTest, AsksAChildGivenTwiceTwoTimes) {  // S78, S81
  const shared_future<int> child =
      create_task(stubborn(absl::Seconds(1), 1)).share();
  auto all = when_all(child, child);
  iterate();
  EXPECT_TRUE(all.cancel());
  EXPECT_EQ(child.task().cancelling(), 2u);
  EXPECT_THAT(loop.run_until_complete(std::move(all)), IsCancelled());
}

TEST_F(WhenAllCancelTest, AFutureCancelledTwiceStaysCancelledOnce) {
  promise<int> a;
  auto all = when_all(a.get_future());
  EXPECT_TRUE(all.cancel());
  EXPECT_FALSE(all.cancel());  // The child is done now (S78).
  iterate();
  EXPECT_THAT(all, IsCancelled());
  EXPECT_THAT(taken(), IsEmpty());
}

}  // namespace
}  // namespace ratchet
