#include "ratchet/internal/system_error.h"

#include <cerrno>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/status.h"
#include "tests/support/status_matchers.h"

namespace ratchet::internal {
namespace {

using test::StatusIs;
using ::testing::StartsWith;

TEST(SystemErrorTest, SaysWhatFailedAndTheWordsOfTheSystem) {
  EXPECT_THAT(system_error(ENOENT, quoted_call("open", "/no/such")),
              StatusIs(absl::StatusCode::kNotFound,
                       "open(\"/no/such\"): No such file or directory"));
}

TEST(SystemErrorTest, HasACodeForEachNumber) {
  const struct {
    int error;
    absl::StatusCode code;
  } cases[] = {
      {EACCES, absl::StatusCode::kPermissionDenied},
      {EISDIR, absl::StatusCode::kFailedPrecondition},
      {EEXIST, absl::StatusCode::kAlreadyExists},
      {EINVAL, absl::StatusCode::kInvalidArgument},
      {EMFILE, absl::StatusCode::kResourceExhausted},
      {ENOSPC, absl::StatusCode::kResourceExhausted},
      {ECONNREFUSED, absl::StatusCode::kUnavailable},
      {ETIMEDOUT, absl::StatusCode::kDeadlineExceeded},
      {1 << 20, absl::StatusCode::kUnknown},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(system_error(c.error, "call()"),
                StatusIs(c.code, StartsWith("call(): ")));
  }
}

TEST(SystemErrorTest, IsNoErrorOfTheLibrarysOwn) {
  EXPECT_EQ(kind_of(system_error(ECANCELED, "call()")), error_kind::none);
  EXPECT_FALSE(is_cancelled(system_error(ECANCELED, "call()")));
}

#ifndef NDEBUG
TEST(SystemErrorDeathTest, ACallThatHasNotFailedIsABug) {
  EXPECT_DEATH((void)system_error(0, "call()"), "errno 0");
}
#endif

}  // namespace
}  // namespace ratchet::internal
