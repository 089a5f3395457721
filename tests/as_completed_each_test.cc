// for_each() of a stream: what next() again and again does, in one machine.

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/as_completed.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
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
using test::StatusIs;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AsCompletedEachTest : public test::loop_test {
 protected:
  // Of as many machines; the i-th ends after lengths[i] seconds, with that.
  static std::vector<number_later> machines(const std::vector<int>& lengths) {
    std::vector<number_later> result;
    for (const int length : lengths) {
      result.emplace_back(absl::Seconds(length), length);
    }
    return result;
  }

  // Marks the index and the result.
  auto marking() {
    return [this](const completed<int>& c) {
      mark_iteration(absl::StrCat(
          c.index, "=", c.result.ok() ? absl::StrCat(*c.result) : "error"));
    };
  }
};

TEST_F(AsCompletedEachTest, CallsItInTheOrderInWhichTheyCome) {  // S92
  auto stream = as_completed(machines({3, 1, 2}));
  std::vector<std::string> got;
  EXPECT_THAT(
      loop.run_until_complete(stream.for_each([&](const completed<int>& c) {
        EXPECT_EQ(elapsed(), absl::Seconds(*c.result));
        got.push_back(absl::StrCat(c.index, "=", *c.result));
      })),
      IsOk());
  EXPECT_THAT(got, ElementsAre("1=1", "2=2", "0=3"));
  EXPECT_TRUE(stream.empty());
}

TEST_F(AsCompletedEachTest, IsCalledTwoHopsAfterTheCompletion) {  // S92
  std::vector<promise<int>> promises(3);
  std::vector<future<int>> futures;
  for (auto& p : promises) futures.push_back(p.get_future());
  auto stream = as_completed(std::move(futures));
  auto all = create_task(stream.for_each(marking()));
  iterate();
  count_from_here();
  EXPECT_THAT(promises[1].set_value(11), IsOk());
  EXPECT_THAT(promises[0].set_value(10), IsOk());
  iterate(3);
  EXPECT_FALSE(all.done());
  EXPECT_THAT(promises[2].set_value(12), IsOk());
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("1=11@2", "0=10@2", "2=12@5"));
  EXPECT_TRUE(all.done());
}

TEST_F(AsCompletedEachTest, OfNothingEndsWithoutSuspending) {
  auto stream = as_completed(std::vector<future<int>>());
  auto all = create_task(stream.for_each(marking()));
  completions<future<int>> empty;
  auto none = create_task(empty.for_each(marking()));
  iterate();
  EXPECT_THAT(all, IsOk());
  EXPECT_THAT(none, IsOk());
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(AsCompletedEachTest, KeepsAStreamThatNobodyElseHolds) {
  auto all = create_task(as_completed(machines({2, 1})).for_each(marking()));
  EXPECT_THAT(loop.run_until_complete(std::move(all)), IsOk());
  EXPECT_EQ(taken().size(), 2u);
}

TEST_F(AsCompletedEachTest, AnErrorOfAFutureIsAResult) {  // S94
  std::vector<error_later> failing;
  failing.emplace_back(absl::Seconds(1), absl::AbortedError("x"));
  EXPECT_THAT(loop.run_until_complete(
                  as_completed(std::move(failing)).for_each(marking())),
              IsOk());
  EXPECT_EQ(taken().size(), 1u);
}

TEST_F(AsCompletedEachTest, AnErrorOfTheFunctionEndsIt) {
  auto stream = as_completed(machines({1, 2, 3}));
  EXPECT_THAT(
      loop.run_until_complete(stream.for_each([](const completed<int>& c) {
        return *c.result == 2 ? absl::AbortedError("enough") : absl::OkStatus();
      })),
      StatusIs(absl::StatusCode::kAborted, "enough"));
  // The others are still to be had.
  EXPECT_EQ(stream.size(), 1u);
  const auto last = loop.run_until_complete(stream.next());
  ASSERT_THAT(last, IsOk());
  EXPECT_THAT(last->result, IsOkAndHolds(3));
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(AsCompletedEachTest, AnExceptionOfTheFunctionEndsIt) {
  auto stream = as_completed(machines({1, 2}));
  EXPECT_THAT(
      loop.run_until_complete(stream.for_each(
          [](const completed<int>&) { throw std::runtime_error("thrown"); })),
      IsKind(error_kind::thrown, _));
  EXPECT_EQ(stream.size(), 1u);
}
#endif

TEST_F(AsCompletedEachTest, ATimeoutEndsIt) {  // S95
  auto stream = as_completed(machines({1, 5, 6}), absl::Seconds(2));
  EXPECT_THAT(loop.run_until_complete(stream.for_each(marking())),
              IsKind(error_kind::timeout, _));
  EXPECT_EQ(taken().size(), 1u);
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(AsCompletedEachTest, CancellingItCancelsNoFuture) {  // S97
  promise<int> p;
  std::vector<future<int>> futures;
  futures.push_back(p.get_future());
  auto stream = as_completed(std::move(futures));
  auto all = create_task(stream.for_each(marking()));
  iterate();
  EXPECT_TRUE(all.cancel());
  iterate(2);
  EXPECT_THAT(all, IsCancelled());
  EXPECT_FALSE(p.cancelled());
  EXPECT_EQ(stream.size(), 1u);
}

TEST_F(AsCompletedEachTest, CancelledAfterItWasWokenItPassesThatOn) {  // S57
  promise<int> p;
  std::vector<future<int>> futures;
  futures.push_back(p.get_future());
  auto stream = as_completed(std::move(futures));
  auto first = create_task(stream.for_each(marking()));
  auto second = create_task(stream.for_each(marking()));
  iterate();
  EXPECT_THAT(p.set_value(7), IsOk());
  iterate();
  EXPECT_TRUE(first.cancel());
  iterate(3);
  EXPECT_THAT(first, IsCancelled());
  EXPECT_THAT(second, IsOk());
  EXPECT_EQ(taken().size(), 1u);
}

TEST_F(AsCompletedEachTest, TheFunctionMayDropTheStream) {
  std::optional<completions<future<int>>> stream;
  std::vector<promise<int>> promises(3);
  std::vector<future<int>> futures;
  for (auto& p : promises) futures.push_back(p.get_future());
  stream = as_completed(std::move(futures));
  int calls = 0;
  auto all = create_task(stream->for_each([&](const completed<int>&) {
    ++calls;
    stream.reset();
  }));
  iterate();
  EXPECT_THAT(promises[0].set_value(0), IsOk());
  EXPECT_THAT(promises[1].set_value(1), IsOk());
  iterate(2);
  // What had come is taken, what had not is not waited for.
  EXPECT_EQ(calls, 2);
  EXPECT_THAT(all, IsOk());
}

TEST_F(AsCompletedEachTest, GoesThroughALazyRange) {
  as_completed_options options;
  options.limit = 2;
  int sum = 0;
  EXPECT_THAT(
      loop.run_until_complete(
          as_completed(machines({1, 2, 3, 4, 5}), options)
              .for_each([&](const completed<int>& c) { sum += *c.result; })),
      IsOk());
  EXPECT_EQ(sum, 15);
}

TEST_F(AsCompletedEachTest, MayBeDestroyedWhereItWaits) {
  std::optional<event_loop> gone(std::in_place, clock);
  catch_reports(*gone);
  promise<int> p(*gone);
  std::vector<future<int>> futures;
  futures.push_back(p.get_future());
  auto all =
      gone->create_task(as_completed(std::move(futures)).for_each(marking()));
  gone->stop();
  EXPECT_THAT(gone->run_forever(), IsOk());
  gone.reset();
  EXPECT_FALSE(all.done());
  EXPECT_EQ(reports.size(), 1u);
}

}  // namespace
}  // namespace ratchet
