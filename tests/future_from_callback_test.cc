#include "ratchet/future_from_callback.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// An interface of callbacks, with one slot.
template <class... Args>
class slot final {
 public:
  void set(std::function<void(Args...)> f) { f_ = std::move(f); }
  void call(Args... args) { f_(args...); }
  void forget() { f_ = nullptr; }

 private:
  std::function<void(Args...)> f_;
};

class FutureFromCallbackTest : public loop_test {
 protected:
  // What waits for `slot`.
  future<int> wait() {
    return future_from_callback<int>(
        [this](auto callback) { numbers.set(callback); });
  }

  slot<int> numbers;
};

TEST_F(FutureFromCallbackTest, ACallSettlesIt) {
  future<int> f = wait();
  EXPECT_FALSE(f.done());
  loop.call_later(absl::Seconds(1), [&] { numbers.call(7); });
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOkAndHolds(7));
  EXPECT_EQ(elapsed(), absl::Seconds(1));
}

TEST_F(FutureFromCallbackTest, ContinuationsNeverRunInsideTheCall) {
  const future<void> f = wait().then([this](int) { mark("then"); });
  numbers.call(7);
  mark("called");
  iterate();
  EXPECT_THAT(taken(), ElementsAre("called", "then"));
}

TEST_F(FutureFromCallbackTest, ACallInsideStartSettlesItAtOnce) {
  const future<int> f =
      future_from_callback<int>([](const auto& callback) { callback(7); });
  ASSERT_TRUE(f.done());
  EXPECT_EQ(f.value(), 7);
}

TEST_F(FutureFromCallbackTest, TheFirstCallWins) {
  std::optional<future_callback<int>> kept;
  const future<int> f = future_from_callback<int>(
      [&](const auto& callback) { kept.emplace(callback); });
  EXPECT_TRUE(kept->wanted());
  EXPECT_TRUE((*kept)(1));
  EXPECT_FALSE(kept->wanted());
  EXPECT_FALSE((*kept)(2));
  EXPECT_FALSE((*kept)(absl::InternalError("late")));
  EXPECT_EQ(f.value(), 1);
}

TEST_F(FutureFromCallbackTest, TakesErrorsAndOutcomesToo) {
  future<int> f = future_from_callback<int>(
      [](const auto& callback) { callback(absl::NotFoundError("no")); });
  EXPECT_THAT(f, StatusIs(absl::StatusCode::kNotFound, "no"));
  f = future_from_callback<int>(
      [](const auto& callback) { callback(absl::StatusOr<int>(3)); });
  EXPECT_EQ(f.value(), 3);
  f = future_from_callback<int>([](const auto& callback) {
    callback(absl::StatusOr<int>(absl::DataLossError("torn")));
  });
  EXPECT_THAT(f, StatusIs(absl::StatusCode::kDataLoss, "torn"));
}

TEST_F(FutureFromCallbackTest, OfVoidTakesNothingOrAStatus) {
  future<void> f =
      future_from_callback<void>([](const auto& callback) { callback(); });
  EXPECT_THAT(f, IsOk());
  f = future_from_callback<void>(
      [](const auto& callback) { callback(absl::OkStatus()); });
  EXPECT_THAT(f, IsOk());
  f = future_from_callback<void>(
      [](const auto& callback) { callback(absl::AbortedError("no")); });
  EXPECT_THAT(f, StatusIs(absl::StatusCode::kAborted, "no"));
}

TEST_F(FutureFromCallbackTest, MakesTheValueOfSeveralArguments) {
  slot<size_t, char> repeated;
  future<std::string> f = future_from_callback<std::string>(
      [&](auto callback) { repeated.set(callback); });
  repeated.call(3, 'x');
  EXPECT_EQ(f.value(), "xxx");
}

TEST_F(FutureFromCallbackTest, ACallbackThatIsGoneBreaksThePromise) {
  future<int> f = wait();
  numbers.forget();
  EXPECT_THAT(f, IsKind(error_kind::broken_promise, HasSubstr("destroyed")));
  f = future_from_callback<int>([](auto) {});
  EXPECT_THAT(f, IsKind(error_kind::broken_promise, HasSubstr("destroyed")));
}

TEST_F(FutureFromCallbackTest, ACallbackThatNobodyWaitsForIsGoneSilently) {
  (void)wait();
  numbers.forget();
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(FutureFromCallbackTest, CancellingIsAtOnceAndACallLaterDoesNothing) {
  future<int> f = wait();
  EXPECT_TRUE(f.cancel("enough"));
  numbers.call(7);
  EXPECT_TRUE(f.cancelled());
  EXPECT_EQ(cancel_reason(f.status()), "enough");
}

TEST_F(FutureFromCallbackTest, WhatStartReturnsIsCalledOnceWhenCancelled) {
  future<int> f = future_from_callback<int>([this](auto callback) {
    numbers.set(callback);
    return marks("stop");
  });
  f.cancel();
  f.cancel();
  EXPECT_THAT(taken(), IsEmpty());  // Never inside of cancel().
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("stop"));
}

TEST_F(FutureFromCallbackTest, WhatStartReturnsIsNotCalledWhenItEndsOtherwise) {
  const auto alive = std::make_shared<int>();
  const future<int> f = future_from_callback<int>([&](auto callback) {
    numbers.set(callback);
    return [this, alive] { mark("stop"); };
  });
  EXPECT_EQ(alive.use_count(), 2);
  numbers.call(7);
  iterate(2);
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(FutureFromCallbackTest, WhatStartReturnsIsNotCalledOnceNobodyWillCall) {
  future<int> f = future_from_callback<int>([this](auto callback) {
    numbers.set(callback);
    return marks("stop");
  });
  f.cancel();
  numbers.forget();
  iterate(2);
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(FutureFromCallbackTest, AStatusOfStartFailsIt) {
  future<int> f = future_from_callback<int>([&](auto callback) {
    numbers.set(callback);
    return absl::UnavailableError("not connected");
  });
  EXPECT_THAT(f, StatusIs(absl::StatusCode::kUnavailable, "not connected"));
  f = future_from_callback<int>([&](auto callback) {
    numbers.set(callback);
    return absl::OkStatus();
  });
  EXPECT_FALSE(f.done());
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(FutureFromCallbackTest, AnExceptionOfStartFailsIt) {
  const future<int> f = future_from_callback<int>(
      [](auto) -> void { throw std::runtime_error("oops"); });
  EXPECT_THAT(f, IsKind(error_kind::thrown, HasSubstr("oops")));
}
#endif

TEST_F(FutureFromCallbackTest, MayOutliveTheLoop) {
  std::optional<future_callback<int>> kept;
  {
    event_loop other;
    (void)future_from_callback<int>(
        [&](const auto& callback) { kept.emplace(callback); });
  }
  (*kept)(7);
}

TEST_F(FutureFromCallbackTest, ALoopWithNothingElseToDoDoesNotWaitForIt) {
  EXPECT_THAT(loop.run_until_complete(wait()),
              IsKind(error_kind::deadlock, HasSubstr("nothing is ready")));
}

// -- Of other threads ---------------------------------------------------------

TEST_F(FutureFromCallbackTest, AnotherThreadMayCall) {
  std::thread other;
  future<int> f = future_from_cross_thread_callback<int>(
      [&](auto callback) { other = std::thread([callback] { callback(7); }); });
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOkAndHolds(7));
  other.join();
}

TEST_F(FutureFromCallbackTest, OfManyThreadsOneWins) {
  std::thread others[4];
  future<int> f = future_from_cross_thread_callback<int>([&](auto callback) {
    for (std::thread& other : others) {
      other = std::thread([callback, &other, &others] {
        callback(static_cast<int>(&other - others));
      });
    }
  });
  const absl::StatusOr<int> winner = loop.run_until_complete(std::move(f));
  for (std::thread& other : others) other.join();
  ASSERT_THAT(winner, IsOk());
  EXPECT_LT(*winner, 4);
}

TEST_F(FutureFromCallbackTest, AnotherThreadMayDropIt) {
  std::thread other;
  future<int> f = future_from_cross_thread_callback<int>(
      [&](auto callback) { other = std::thread([callback] {}); });
  EXPECT_THAT(loop.run_until_complete(std::move(f)),
              IsKind(error_kind::broken_promise, HasSubstr("destroyed")));
  other.join();
}

TEST_F(FutureFromCallbackTest, AnotherThreadSeesThatItIsNotWanted) {
  std::optional<cross_thread_callback<int>> kept;
  future<int> f =
      future_from_cross_thread_callback<int>([&](const auto& callback) {
        kept.emplace(callback);
        return marks("stop");
      });
  f.cancel();
  std::thread([&] {
    EXPECT_FALSE(kept->wanted());
    EXPECT_FALSE((*kept)(7));
  }).join();
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("stop"));
  EXPECT_TRUE(f.cancelled());
}

}  // namespace
}  // namespace ratchet::test
