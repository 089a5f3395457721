#include "ratchet/when_all.h"

#include <initializer_list>
#include <memory>
#include <sstream>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::calling;
using test::error_later;
using test::IsCancelled;
using test::IsOk;
using test::IsOkAndHolds;
using test::no_default;
using test::number_later;
using test::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kUnavailable = absl::StatusCode::kUnavailable;

class WhenAllTest : public test::loop_test {};

// -- What it gives ------------------------------------------------------------

TEST_F(WhenAllTest, GivesTheValuesInArgumentOrder) {  // S74
  const auto all = loop.run_until_complete(when_all(
      number_later(absl::Seconds(3), 1), number_later(absl::Seconds(1), 2),
      number_later(absl::Seconds(2), 3)));
  EXPECT_THAT(all, IsOkAndHolds(std::make_tuple(1, 2, 3)));
  EXPECT_EQ(elapsed(), absl::Seconds(3));
}

TEST_F(WhenAllTest, GivesAVectorForARange) {
  std::vector<number_later> machines;
  for (int i = 0; i < 5; ++i) machines.emplace_back(absl::Seconds(5 - i), i);
  EXPECT_THAT(loop.run_until_complete(when_all(std::move(machines))),
              IsOkAndHolds(ElementsAre(0, 1, 2, 3, 4)));
}

TEST_F(WhenAllTest, TakesFuturesSharedFuturesAndMachinesTogether) {
  promise<std::string> text;
  const shared_future<int> shared = make_ready_future(2).share();
  auto all = when_all(number_later(absl::ZeroDuration(), 1), shared,
                      text.get_future());
  EXPECT_THAT(text.set_value("three"), IsOk());
  EXPECT_THAT(loop.run_until_complete(std::move(all)),
              IsOkAndHolds(std::make_tuple(1, 2, std::string("three"))));
  EXPECT_TRUE(shared.valid());
}

TEST_F(WhenAllTest, GivesMonostateForVoidInATuple) {
  const auto all = loop.run_until_complete(when_all(
      make_ready_future(), sleep_for(absl::Seconds(1)), make_ready_future(7)));
  EXPECT_THAT(all, IsOkAndHolds(
                       std::make_tuple(std::monostate(), std::monostate(), 7)));
}

TEST_F(WhenAllTest, GivesVoidForARangeOfVoid) {
  std::vector<future<void>> sleeps;
  sleeps.push_back(sleep_for(absl::Seconds(1)));
  sleeps.push_back(sleep_for(absl::Seconds(2)));
  future<void> all = when_all(std::move(sleeps));
  EXPECT_THAT(loop.run_until_complete(std::move(all)), IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(WhenAllTest, MovesWhatCannotBeCopied) {
  promise<std::unique_ptr<int>> pointer;
  promise<no_default> odd;
  auto all = when_all(pointer.get_future(), odd.get_future());
  EXPECT_THAT(pointer.set_value(std::make_unique<int>(1)), IsOk());
  EXPECT_THAT(odd.set_value(2), IsOk());
  const auto both = loop.run_until_complete(std::move(all));
  ASSERT_THAT(both, IsOk());
  EXPECT_EQ(*std::get<0>(*both), 1);
  EXPECT_EQ(std::get<1>(*both).n(), 2);
}

TEST_F(WhenAllTest, MovesWhatCannotBeCopiedOutOfARange) {
  std::vector<promise<no_default>> promises(3);
  std::vector<future<no_default>> futures;
  for (auto& p : promises) futures.push_back(p.get_future());
  auto all = when_all(std::move(futures));
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(promises[static_cast<size_t>(i)].set_value(i), IsOk());
  }
  const auto values = loop.run_until_complete(std::move(all));
  ASSERT_THAT(values, IsOk());
  ASSERT_EQ(values->size(), 3u);
  EXPECT_EQ((*values)[2].n(), 2);
}

TEST_F(WhenAllTest, CopiesAnLvalueRangeAndMovesAnRvalueOne) {
  std::vector<shared_future<int>> shared = {make_ready_future(1).share(),
                                            make_ready_future(2).share()};
  EXPECT_THAT(when_all(shared).result(), IsOkAndHolds(ElementsAre(1, 2)));
  EXPECT_TRUE(shared[0].valid());
  EXPECT_THAT(when_all(std::as_const(shared)).result(),
              IsOkAndHolds(ElementsAre(1, 2)));
  EXPECT_THAT(when_all(std::move(shared)).result(),
              IsOkAndHolds(ElementsAre(1, 2)));
}

TEST_F(WhenAllTest, TakesAnArrayAndAnInitializerList) {
  const shared_future<int> one = make_ready_future(1).share();
  const shared_future<int> array[] = {one, one};
  EXPECT_THAT(when_all(array).result(), IsOkAndHolds(ElementsAre(1, 1)));
  const std::initializer_list<shared_future<int>> list = {one, one, one};
  EXPECT_THAT(when_all(list).result(), IsOkAndHolds(ElementsAre(1, 1, 1)));
}

TEST_F(WhenAllTest, CopiesTheMachinesOfAnLvalueRange) {
  const std::vector<number_later> machines(2,
                                           number_later(absl::Seconds(1), 4));
  EXPECT_THAT(loop.run_until_complete(when_all(machines)),
              IsOkAndHolds(ElementsAre(4, 4)));
  EXPECT_THAT(loop.run_until_complete(when_all(machines)),
              IsOkAndHolds(ElementsAre(4, 4)));
}

// -- When ---------------------------------------------------------------------

TEST_F(WhenAllTest, OfNothingIsDoneAtOnce) {  // S73
  EXPECT_THAT(when_all().result(), IsOkAndHolds(std::tuple<>()));
  EXPECT_THAT(when_all(std::vector<future<int>>()).result(),
              IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(when_all(std::vector<future<void>>()), IsOk());
  EXPECT_THAT(when_all_settled().result(), IsOkAndHolds(std::tuple<>()));
  EXPECT_THAT(when_all_settled(std::vector<future<int>>()).result(), IsOk());
}

TEST_F(WhenAllTest, StartsMachinesInArgumentOrderAndNotInline) {  // S72
  const auto starting = [this](const char* what) {
    return calling([this, what] {
      mark(what);
      return 0;
    });
  };
  auto all = when_all(starting("a"), starting("b"), starting("c"));
  loop.call_soon(marks("after"));
  EXPECT_THAT(taken(), IsEmpty());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a", "b", "c", "after"));
  EXPECT_THAT(loop.run_until_complete(std::move(all)), IsOk());
}

TEST_F(WhenAllTest, CompletesOneHopAfterTheLastChild) {  // S74
  promise<int> a;
  promise<int> b;
  auto all = when_all(a.get_future(), b.get_future());
  all.add_done_callback(marks_iteration("outer"));
  EXPECT_THAT(b.set_value(2), IsOk());
  iterate(3);
  EXPECT_FALSE(all.done());
  count_from_here();
  EXPECT_THAT(a.set_value(1), IsOk());
  EXPECT_FALSE(all.done());
  iterate();
  EXPECT_TRUE(all.done());
  iterate();
  // What waits for it goes on two hops after the child.
  EXPECT_THAT(taken(), ElementsAre("outer@2"));
}

TEST_F(WhenAllTest, OfDoneFuturesIsDoneAtOnce) {  // S82
  EXPECT_THAT(when_all(make_ready_future(1), make_ready_future(2)).result(),
              IsOkAndHolds(std::make_tuple(1, 2)));
  EXPECT_EQ(loop.iteration(), 0u);
}

TEST_F(WhenAllTest, ADoneChildThatHasFailedMakesItFailAtOnce) {  // S82
  promise<int> pending;
  const auto all = when_all(pending.get_future(),
                            make_error_future<int>(absl::DataLossError("1")),
                            make_error_future<int>(absl::AbortedError("2")));
  EXPECT_THAT(all, StatusIs(absl::StatusCode::kDataLoss, "1"));
  run_until_idle();
  EXPECT_THAT(reports, IsEmpty());  // Also "2" counts as retrieved.
}

TEST_F(WhenAllTest, EachLevelOfNestingAddsAHop) {  // S83
  promise<int> leaf;
  auto all = when_all(when_all(when_all(leaf.get_future())));
  all.add_done_callback(marks_iteration("outer"));
  count_from_here();
  EXPECT_THAT(leaf.set_value(1), IsOk());
  iterate(5);
  EXPECT_THAT(taken(), ElementsAre("outer@4"));
  static_assert(
      std::is_same_v<decltype(all),
                     future<std::tuple<std::tuple<std::tuple<int>>>>>);
}

// -- Errors -------------------------------------------------------------------

TEST_F(WhenAllTest, FailsWithTheFirstErrorAndLetsTheOthersGoOn) {  // S75
  std::vector<future<int>> children;
  children.push_back(create_task(number_later(absl::Seconds(3), 1)));
  children.push_back(
      create_task(error_later(absl::Seconds(2), absl::AbortedError("late"))));
  children.push_back(create_task(
      error_later(absl::Seconds(1), absl::UnavailableError("first"))));
  shared_future<int> sibling = std::move(children[0]).share();
  EXPECT_THAT(loop.run_until_complete(when_all(shared_future<int>(sibling),
                                               std::move(children[1]),
                                               std::move(children[2]))),
              StatusIs(kUnavailable, "first"));
  EXPECT_EQ(elapsed(), absl::Seconds(1));
  EXPECT_FALSE(sibling.done());
  run_until_idle();
  EXPECT_THAT(sibling.result(), IsOkAndHolds(1));
  EXPECT_THAT(reports, IsEmpty());  // The later error counts as retrieved.
}

TEST_F(WhenAllTest, TheErrorWhoseCallbackRunsFirstWins) {  // S75
  promise<int> a;
  promise<int> b;
  auto all = when_all(a.get_future(), b.get_future());
  EXPECT_THAT(b.set_error(absl::AbortedError("b")), IsOk());
  EXPECT_THAT(a.set_error(absl::AbortedError("a")), IsOk());
  EXPECT_THAT(loop.run_until_complete(std::move(all)),
              StatusIs(absl::StatusCode::kAborted, "b"));
}

TEST_F(WhenAllTest, ItsOwnErrorIsReportedWhenNobodyLooks) {  // S38
  {
    promise<int> a;
    (void)when_all(a.get_future());
    EXPECT_THAT(a.set_error(absl::AbortedError("lost")), IsOk());
    iterate();
  }
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_THAT(reports[0].status, StatusIs(absl::StatusCode::kAborted, "lost"));
  EXPECT_THAT(reports[0].who, HasSubstr("when_all of 1"));
}

TEST_F(WhenAllTest, ACancelledChildCountsAsFailedWithCancelled) {  // S77
  promise<int> a;
  shared_future<int> child = a.get_future();
  auto all = when_all(child, sleep_for(absl::Seconds(1)));
  child.cancel();
  iterate();
  EXPECT_TRUE(all.done());
  EXPECT_FALSE(all.cancelled());
  EXPECT_THAT(all, IsCancelled());
}

TEST_F(WhenAllTest, ATaskThatAwaitsItIsCancelledByACancelledChild) {  // S77
  promise<void> a;
  shared_future<void> child = a.get_future();
  std::vector<shared_future<void>> children = {child};
  future<void> waiting = create_task(test::script({
      [&](test::script& s, absl::Status) { return s.on(when_all(children)); },
      [](test::script& s, absl::Status status) { return s.end(status); },
  }));
  iterate();
  child.cancel();
  iterate(3);
  EXPECT_TRUE(waiting.cancelled());
}

// -- when_all_settled ---------------------------------------------------------

TEST_F(WhenAllTest, SettledGivesEveryOutcome) {  // S76, S77
  promise<int> cancelled;
  shared_future<int> child = cancelled.get_future();
  auto all = when_all_settled(
      number_later(absl::Seconds(2), 1),
      error_later(absl::Seconds(1), absl::UnavailableError("down")), child,
      sleep_for(absl::Seconds(3)));
  child.cancel();
  const auto outcomes = loop.run_until_complete(std::move(all));
  ASSERT_THAT(outcomes, IsOk());
  EXPECT_THAT(std::get<0>(*outcomes), IsOkAndHolds(1));
  EXPECT_THAT(std::get<1>(*outcomes), StatusIs(kUnavailable, "down"));
  EXPECT_THAT(std::get<2>(*outcomes), IsCancelled());
  EXPECT_THAT(std::get<3>(*outcomes), IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(3));
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(WhenAllTest, SettledTakesARangeOfWhatCannotBeCopied) {
  std::vector<promise<no_default>> promises(2);
  std::vector<future<no_default>> futures;
  for (auto& p : promises) futures.push_back(p.get_future());
  auto all = when_all_settled(std::move(futures));
  EXPECT_THAT(promises[0].set_value(1), IsOk());
  EXPECT_THAT(promises[1].set_error(absl::AbortedError("x")), IsOk());
  const auto outcomes = loop.run_until_complete(std::move(all));
  ASSERT_THAT(outcomes, IsOk());
  EXPECT_EQ((*outcomes)[0]->n(), 1);
  EXPECT_THAT((*outcomes)[1], StatusIs(absl::StatusCode::kAborted, "x"));
}

TEST_F(WhenAllTest, SettledOfVoidGivesStatuses) {
  std::vector<future<void>> children;
  children.push_back(make_ready_future());
  children.push_back(make_error_future<void>(absl::AbortedError("x")));
  const absl::StatusOr<std::vector<absl::Status>> all =
      when_all_settled(std::move(children)).result();
  ASSERT_THAT(all, IsOk());
  EXPECT_THAT((*all)[0], IsOk());
  EXPECT_THAT((*all)[1], StatusIs(absl::StatusCode::kAborted, "x"));
}

// -- Duplicates ---------------------------------------------------------------

TEST_F(WhenAllTest, ASharedFutureGivenTwiceIsOneChild) {  // S81
  promise<int> p;
  const shared_future<int> child = p.get_future();
  auto range = when_all(std::vector<shared_future<int>>{child, child});
  auto tuple = when_all(child, make_ready_future(), child);
  auto settled = when_all_settled(child, child);
  future<void> waiting = create_task(test::script({
      [&](test::script& s, absl::Status) {
        return s.on(when_all(child, child).then([](auto) {}));
      },
      [](test::script& s, absl::Status status) { return s.end(status); },
  }));
  EXPECT_THAT(p.set_value(5), IsOk());
  iterate();
  EXPECT_THAT(std::move(range).result(), IsOkAndHolds(ElementsAre(5, 5)));
  EXPECT_THAT(std::move(tuple).result(),
              IsOkAndHolds(std::make_tuple(5, std::monostate(), 5)));
  EXPECT_THAT(std::get<1>(*settled.result()), IsOkAndHolds(5));
  EXPECT_THAT(loop.run_until_complete(std::move(waiting)), IsOk());
}

TEST_F(WhenAllTest, ADuplicateThatFailsFailsOnce) {  // S81
  promise<int> p;
  const shared_future<int> child = p.get_future();
  auto all = when_all_settled(std::vector<shared_future<int>>{child, child});
  EXPECT_THAT(p.set_error(absl::AbortedError("x")), IsOk());
  const auto outcomes = loop.run_until_complete(std::move(all));
  ASSERT_THAT(outcomes, IsOk());
  EXPECT_THAT((*outcomes)[0], StatusIs(absl::StatusCode::kAborted, "x"));
  EXPECT_THAT((*outcomes)[1], StatusIs(absl::StatusCode::kAborted, "x"));
}

// -- For people, and misuse ---------------------------------------------------

TEST_F(WhenAllTest, SaysWhatItIs) {
  promise<int> p;
  std::ostringstream out;
  out << when_all(p.get_future(), make_ready_future(1)) << ' '
      << when_all_settled(make_ready_future(1)) << ' ' << when_all();
  EXPECT_EQ(out.str(),
            "<when_all pending> <when_all_settled value> <when_all value>");
}

TEST_F(WhenAllTest, ATaskSaysHowManyChildrenItWaitsFor) {
  promise<void> p;
  future<void> waiting = create_task(test::script({
      [&](test::script& s, absl::Status) {
        std::vector<future<void>> children;
        children.push_back(p.get_future());
        children.push_back(make_ready_future());
        return s.on(when_all(std::move(children)));
      },
      [](test::script& s, absl::Status status) { return s.end(status); },
  }));
  iterate();
  ASSERT_EQ(loop.all_tasks().size(), 1u);
  EXPECT_EQ(loop.all_tasks()[0].awaiting, "when_all of 2, 1 pending");
  EXPECT_THAT(p.set_value(), IsOk());
  run_until_idle();
  EXPECT_THAT(waiting, IsOk());
}

TEST_F(WhenAllTest, DroppingItLetsTheChildrenGoOn) {
  promise<int> a;
  shared_future<int> child = create_task(number_later(absl::Seconds(1), 1));
  (void)when_all(child, a.get_future());
  EXPECT_FALSE(a.cancelled());
  run_until_idle();
  EXPECT_THAT(child.result(), IsOkAndHolds(1));
  EXPECT_THAT(a.set_value(1), IsOk());
}

using WhenAllDeathTest = WhenAllTest;

TEST_F(WhenAllDeathTest, RefusesFuturesOfAnotherLoop) {
  promise<int> here;
  event_loop other(clock);
  promise<int> there;
  EXPECT_DEATH((void)when_all(here.get_future(), there.get_future()),
               "when_all\\(\\) was given futures of different event loops");
}

}  // namespace
}  // namespace ratchet
