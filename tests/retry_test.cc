#include "ratchet/retry.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
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
using test::stubborn;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::Duration ms(int n) { return absl::Milliseconds(n); }

class RetryTest : public test::loop_test {
 protected:
  // Without jitter: pauses of 100, 200, 400, ... ms.
  static retry_options exact(size_t attempts) {
    retry_options options;
    options.max_attempts = attempts;
    options.jitter = retry_jitter::none;
    return options;
  }
  void mark_time() { mark(absl::StrCat(absl::ToInt64Milliseconds(elapsed()))); }
  // Fails `failures` times with `error`, after marking the time.
  auto fails(int failures, absl::Status error = absl::UnavailableError("no")) {
    return [this, left = failures, error]() mutable -> absl::StatusOr<int> {
      mark_time();
      if (left-- > 0) return error;
      return 7;
    };
  }
};

TEST_F(RetryTest, TriesUntilItSucceedsWithPausesThatGrow) {
  EXPECT_THAT(loop.run_until_complete(retry(exact(9), fails(4))),
              IsOkAndHolds(7));
  EXPECT_THAT(taken(), ElementsAre("0", "100", "300", "700", "1500"));
}

TEST_F(RetryTest, ASuccessAtOnceIsAll) {
  EXPECT_THAT(loop.run_until_complete(retry(exact(9), fails(0))),
              IsOkAndHolds(7));
  EXPECT_THAT(taken(), ElementsAre("0"));
}

TEST_F(RetryTest, TakesFuturesMachinesStatusesAndValues) {
  int calls = 0;
  EXPECT_THAT(loop.run_until_complete(retry(
                  exact(3), [&] { return number_later(ms(10), ++calls); })),
              IsOkAndHolds(1));
  EXPECT_THAT(
      loop.run_until_complete(retry(
          exact(3),
          [&] { return sleep_for(ms(10)).then([&] { return ++calls; }); })),
      IsOkAndHolds(2));
  EXPECT_THAT(loop.run_until_complete(retry(exact(3), [&] { return ++calls; })),
              IsOkAndHolds(3));
  EXPECT_THAT(
      loop.run_until_complete(retry(exact(3),
                                    [&] {
                                      return ++calls < 5
                                                 ? absl::AbortedError("")
                                                 : absl::OkStatus();
                                    })),
      IsOk());
  EXPECT_THAT(loop.run_until_complete(retry(exact(3), [&] { ++calls; })),
              IsOk());
  EXPECT_EQ(calls, 6);
}

TEST_F(RetryTest, IsInertUntilItIsAwaited) {
  {
    auto machine = retry(exact(3), fails(0));
    iterate();
  }
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(RetryTest, TheLastErrorSaysHowOftenItWasTried) {
  EXPECT_THAT(loop.run_until_complete(retry(exact(3), fails(9))),
              StatusIs(absl::StatusCode::kUnavailable,
                       "no (after 3 attempts, which is all that were "
                       "allowed)"));
  EXPECT_THAT(taken(), ElementsAre("0", "100", "300"));
}

TEST_F(RetryTest, APermanentErrorIsNotRepeated) {
  EXPECT_THAT(loop.run_until_complete(
                  retry(exact(3), fails(9, absl::NotFoundError("it")))),
              StatusIs(absl::StatusCode::kNotFound, "it"));
  EXPECT_THAT(taken(), ElementsAre("0"));
  int calls = 0;
  EXPECT_THAT(
      loop.run_until_complete(retry(exact(3),
                                    [&]() -> absl::Status {
                                      if (++calls == 1)
                                        return absl::UnavailableError("no");
                                      return absl::NotFoundError("it");
                                    })),
      StatusIs(absl::StatusCode::kNotFound,
               "it (after 2 attempts, and this error is not worth another)"));
}

TEST_F(RetryTest, SaysWhichErrorsArePassing) {
  EXPECT_TRUE(is_transient(absl::UnavailableError("")));
  EXPECT_TRUE(is_transient(absl::DeadlineExceededError("")));
  EXPECT_TRUE(is_transient(absl::ResourceExhaustedError("")));
  EXPECT_TRUE(is_transient(absl::AbortedError("")));
  EXPECT_TRUE(is_transient(internal::timeout_error()));
  EXPECT_FALSE(
      is_transient(internal::make_error(error_kind::destroyed, "pool")));
  EXPECT_FALSE(is_transient(absl::UnknownError("")));
  EXPECT_FALSE(is_transient(absl::CancelledError("")));
  EXPECT_FALSE(is_transient(cancelled_error()));
  EXPECT_FALSE(is_transient(absl::OkStatus()));
}

TEST_F(RetryTest, ThePredicateDecides) {
  retry_options options = exact(3);
  options.retriable = [](const absl::Status& s) { return absl::IsNotFound(s); };
  EXPECT_THAT(loop.run_until_complete(
                  retry(options, fails(1, absl::NotFoundError("it")))),
              IsOkAndHolds(7));
  EXPECT_THAT(loop.run_until_complete(retry(options, fails(1))),
              StatusIs(absl::StatusCode::kUnavailable, "no"));
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(RetryTest, AnExceptionIsAFailure) {
  retry_options options = exact(2);
  options.retriable = [](const absl::Status& s) {
    return kind_of(s) == error_kind::thrown;
  };
  int calls = 0;
  const auto throws = [&]() -> future<int> {
    ++calls;
    throw std::runtime_error("thrown");
  };
  EXPECT_THAT(loop.run_until_complete(retry(options, throws)),
              IsKind(error_kind::thrown,
                     AllOf(HasSubstr("thrown"), HasSubstr("2 attempts"))));
  EXPECT_EQ(calls, 2);
}
#endif

TEST_F(RetryTest, PausesAreCapped) {
  retry_options options = exact(6);
  options.factor = 10;
  options.max_delay = ms(500);
  EXPECT_THAT(loop.run_until_complete(retry(options, fails(5))),
              IsOkAndHolds(7));
  EXPECT_THAT(taken(), ElementsAre("0", "100", "600", "1100", "1600", "2100"));
}

TEST_F(RetryTest, FullJitterIsAPartOfThePause) {
  retry_options options = exact(9);
  options.jitter = retry_jitter::full;
  options.random = [n = 0]() mutable { return ++n % 2 == 0 ? 0.25 : 0.5; };
  EXPECT_THAT(loop.run_until_complete(retry(options, fails(4))),
              IsOkAndHolds(7));
  // 100 * 0.5, 200 * 0.25, 400 * 0.5, 800 * 0.25.
  EXPECT_THAT(taken(), ElementsAre("0", "50", "100", "300", "500"));
}

TEST_F(RetryTest, DecorrelatedJitterGrowsFromTheLastPause) {
  retry_options options = exact(9);
  options.jitter = retry_jitter::decorrelated;
  options.max_delay = ms(400);
  options.random = [] { return 0.5; };
  EXPECT_THAT(loop.run_until_complete(retry(options, fails(4))),
              IsOkAndHolds(7));
  // 100 + (300 - 100) / 2 = 200; 100 + (600 - 100) / 2 = 350; then 575, 400.
  EXPECT_THAT(taken(), ElementsAre("0", "200", "550", "950", "1350"));
}

TEST_F(RetryTest, ByDefaultThePausesAreRandomAndWithinTheirBounds) {
  retry_options options;
  options.max_attempts = 3;
  for (int i = 0; i < 20; ++i) {
    const absl::Duration before = elapsed();
    EXPECT_THAT(loop.run_until_complete(retry(options, fails(2))), IsOk());
    EXPECT_LE(elapsed() - before, ms(300));
  }
  EXPECT_GT(elapsed(), absl::ZeroDuration());
}

TEST_F(RetryTest, AnAttemptCanTimeOut) {
  retry_options options = exact(3);
  options.attempt_timeout = ms(30);
  int calls = 0;
  EXPECT_THAT(loop.run_until_complete(retry(
                  options,
                  [&] {
                    mark_time();
                    ++calls;
                    return number_later(calls < 3 ? ms(1000) : ms(20), calls);
                  })),
              IsOkAndHolds(3));
  EXPECT_THAT(taken(), ElementsAre("0", "130", "360"));
  EXPECT_EQ(elapsed(), ms(380));
  const auto late = loop.run_until_complete(
      retry(options, [] { return number_later(ms(1000), 1); }));
  EXPECT_TRUE(is_timeout(late.status())) << late.status();
  EXPECT_THAT(late, StatusIs(absl::StatusCode::kDeadlineExceeded,
                             HasSubstr("after 3 attempts")));
}

TEST_F(RetryTest, TheTimeInAllIsBounded) {
  retry_options options = exact(0);
  options.max_time = ms(500);
  EXPECT_THAT(loop.run_until_complete(retry(options, fails(99))),
              StatusIs(absl::StatusCode::kUnavailable,
                       "no (after 3 attempts, and the time is over)"));
  EXPECT_THAT(taken(), ElementsAre("0", "100", "300"));
  EXPECT_EQ(elapsed(), ms(300));  // The pause to 700 is not made.
  // Nor does an attempt go on.
  EXPECT_THAT(
      loop.run_until_complete(
          retry(options, [] { return number_later(absl::Hours(1), 1); })),
      StatusIs(absl::StatusCode::kDeadlineExceeded, "timed out after 500ms"));
  EXPECT_EQ(elapsed(), ms(800));
}

TEST_F(RetryTest, CancellingEndsAPauseAtOnce) {
  auto f = create_task(retry(exact(9), fails(9)));
  loop.call_later(ms(150), [&] { EXPECT_TRUE(f.cancel()); });
  EXPECT_THAT(loop.run_until_complete(f), IsCancelled());
  EXPECT_EQ(elapsed(), ms(150));
  EXPECT_THAT(taken(), ElementsAre("0", "100"));
}

TEST_F(RetryTest, CancellingEndsAnAttempt) {
  for (const absl::Duration timeout : {ms(900), absl::InfiniteDuration()}) {
    retry_options options = exact(9);
    options.attempt_timeout = timeout;
    const absl::Duration before = elapsed();
    int calls = 0;
    auto f = create_task(retry(options, [&] {
      ++calls;
      return error_later(ms(500), absl::UnavailableError("no"));
    }));
    loop.call_later(ms(650), [&] { EXPECT_TRUE(f.cancel()); });
    EXPECT_THAT(loop.run_until_complete(f), IsCancelled());
    EXPECT_EQ(elapsed() - before, ms(650));
    EXPECT_EQ(calls, 2);
  }
}

TEST_F(RetryTest, AnAttemptThatDoesNotGiveInIsWaitedFor) {
  auto f = create_task(retry(exact(9), [] { return stubborn(ms(500), 7); }));
  loop.call_later(ms(100), [&] { EXPECT_TRUE(f.cancel()); });
  EXPECT_THAT(loop.run_until_complete(f), IsOkAndHolds(7));
  EXPECT_EQ(elapsed(), ms(500));
}

// Turns a request to cancel it into an ordinary error.
class sulking final : public task<int> {
 public:
  step start() { return sleep_for<&sulking::woken>(absl::Hours(1)); }

 private:
  step woken(absl::Status) { return fail(absl::UnavailableError("no")); }
};

TEST_F(RetryTest, NothingIsTriedAfterARequestToCancel) {
  int calls = 0;
  auto f = create_task(retry(exact(9), [&] {
    ++calls;
    return sulking();
  }));
  loop.call_later(ms(100), [&] { EXPECT_TRUE(f.cancel()); });
  EXPECT_THAT(loop.run_until_complete(f),
              StatusIs(absl::StatusCode::kUnavailable, "no"));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(elapsed(), ms(100));
}

}  // namespace
}  // namespace ratchet
