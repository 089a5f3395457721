#include "ratchet/status.h"

#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using ::ratchet::test::StatusIs;

struct kind_case {
  error_kind kind;
  const char* name;
  absl::StatusCode code;
};

// The table of the header.
constexpr kind_case kKinds[] = {
    {error_kind::cancelled, "cancelled", absl::StatusCode::kCancelled},
    {error_kind::timeout, "timeout", absl::StatusCode::kDeadlineExceeded},
    {error_kind::invalid_state, "invalid_state",
     absl::StatusCode::kFailedPrecondition},
    {error_kind::closed, "closed", absl::StatusCode::kFailedPrecondition},
    {error_kind::running, "running", absl::StatusCode::kFailedPrecondition},
    {error_kind::stopped, "stopped", absl::StatusCode::kFailedPrecondition},
    {error_kind::deadlock, "deadlock", absl::StatusCode::kFailedPrecondition},
    {error_kind::self_await, "self_await",
     absl::StatusCode::kFailedPrecondition},
    {error_kind::not_accepting, "not_accepting",
     absl::StatusCode::kFailedPrecondition},
    {error_kind::broken_promise, "broken_promise", absl::StatusCode::kAborted},
    {error_kind::thrown, "thrown", absl::StatusCode::kUnknown},
};

TEST(ErrorKindTest, EachHasItsNameAndItsCode) {
  for (const kind_case& c : kKinds) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(to_string(c.kind), c.name);
    const absl::Status error = internal::make_error(c.kind, "a message");
    EXPECT_THAT(error, StatusIs(c.code, "a message"));
    EXPECT_EQ(kind_of(error), c.kind);
  }
}

TEST(ErrorKindTest, OnlyAGroupHasTheCodeItIsGiven) {
  EXPECT_EQ(to_string(error_kind::group), "group");
  const absl::Status error = internal::make_error(
      error_kind::group, absl::StatusCode::kNotFound, "two errors");
  EXPECT_THAT(error, StatusIs(absl::StatusCode::kNotFound, "two errors"));
  EXPECT_EQ(kind_of(error), error_kind::group);
}

TEST(ErrorKindTest, OkAndTheErrorsOfOthersHaveNone) {
  EXPECT_EQ(kind_of(absl::OkStatus()), error_kind::none);
  EXPECT_EQ(kind_of(absl::CancelledError("mine")), error_kind::none);
  EXPECT_EQ(kind_of(absl::FailedPreconditionError("the event loop is closed")),
            error_kind::none);
  absl::Status foreign = absl::AbortedError("mine");
  foreign.SetPayload("example.com/kind", absl::Cord("cancelled"));
  EXPECT_EQ(kind_of(foreign), error_kind::none);
  EXPECT_EQ(to_string(error_kind::none), "none");
}

TEST(ErrorKindTest, SurvivesCopies) {
  const absl::Status copy =
      internal::make_error(error_kind::closed, "the event loop is closed");
  const absl::Status& again = absl::Status(copy);
  EXPECT_EQ(kind_of(again), error_kind::closed);
}

TEST(ErrorKindTest, StreamsItsName) {
  std::ostringstream out;
  out << error_kind::broken_promise;
  EXPECT_EQ(out.str(), "broken_promise");
}

TEST(CancelledErrorTest, IsCancelled) {
  EXPECT_THAT(cancelled_error(),
              StatusIs(absl::StatusCode::kCancelled, "cancelled"));
  EXPECT_TRUE(is_cancelled(cancelled_error()));
  const absl::Status copy = cancelled_error();
  EXPECT_TRUE(is_cancelled(copy));
}

TEST(CancelledErrorTest, AnOrdinaryCancelledErrorIsNot) {
  EXPECT_FALSE(is_cancelled(absl::CancelledError("cancelled")));
  EXPECT_FALSE(is_cancelled(absl::OkStatus()));
  EXPECT_FALSE(is_cancelled(internal::timeout_error()));
}

TEST(TimeoutErrorTest, OnlyTheLibrarysOwnIsATimeout) {
  EXPECT_TRUE(is_timeout(internal::timeout_error()));
  EXPECT_FALSE(is_timeout(absl::DeadlineExceededError("timed out")));
  EXPECT_FALSE(is_timeout(absl::OkStatus()));
  EXPECT_FALSE(is_timeout(cancelled_error()));
}

TEST(TimeoutErrorTest, SaysAfterHowLong) {
  const absl::Status error = internal::timeout_error(absl::Milliseconds(5));
  EXPECT_TRUE(is_timeout(error));
  EXPECT_EQ(error.message(), "timed out after 5ms");
  EXPECT_EQ(internal::timeout_error(-absl::Seconds(1)).message(),
            "timed out at once");
}

}  // namespace
}  // namespace ratchet
