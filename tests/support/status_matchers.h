#ifndef RATCHET_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define RATCHET_TESTS_SUPPORT_STATUS_MATCHERS_H_

// What newer Abseils have in absl/status/status_matchers.h, for a Status, a
// StatusOr, and for a future or shared_future (whose status() is asked).

#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "ratchet/status.h"

namespace ratchet::test {

inline const absl::Status& status_of(const absl::Status& s) { return s; }
template <class T>
auto status_of(const T& has_status) -> decltype(has_status.status()) {
  return has_status.status();
}

// EXPECT_THAT(loop.run_forever(), StatusIs(code, HasSubstr("deadlock")));
MATCHER_P2(StatusIs, code, message, "") {
  const absl::Status status = status_of(arg);
  *result_listener << "which is " << status;
  return status.code() == code &&
         ::testing::ExplainMatchResult(message, std::string(status.message()),
                                       result_listener);
}

MATCHER(IsOk, "") {
  const absl::Status status = status_of(arg);
  *result_listener << "which is " << status;
  return status.ok();
}

// Holds, and is equal to `value`.
MATCHER_P(IsOkAndHolds, value, "") {
  if (!arg.ok()) {
    *result_listener << "which is " << status_of(arg);
    return false;
  }
  return ::testing::ExplainMatchResult(value, *arg, result_listener);
}

// The library's own error of that kind, with the code that belongs to it.
MATCHER_P2(IsKind, kind, message, "") {
  const absl::Status status = status_of(arg);
  *result_listener << "which is " << status;
  return kind_of(status) == kind &&
         ::testing::ExplainMatchResult(message, std::string(status.message()),
                                       result_listener);
}

MATCHER(IsCancelled, "") {
  const absl::Status status = status_of(arg);
  *result_listener << "which is " << status;
  return is_cancelled(status);
}

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_SUPPORT_STATUS_MATCHERS_H_
