#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/status.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using internal::group_error;
using test::IsCancelled;
using test::IsKind;
using test::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kAborted = absl::StatusCode::kAborted;

TEST(GroupErrorTest, HasTheCodeOfTheFirstAndAllMessages) {
  const absl::Status error =
      group_error({absl::AbortedError("a"), absl::DataLossError("b")});
  EXPECT_THAT(error, StatusIs(kAborted, "a; b"));
  EXPECT_THAT(error, IsKind(error_kind::group, "a; b"));
}

TEST(GroupErrorTest, GivesTheErrorsOneByOne) {
  EXPECT_THAT(
      errors_of(group_error({absl::AbortedError("a"), absl::DataLossError("b"),
                             absl::AbortedError("a")})),
      ElementsAre(StatusIs(kAborted, "a"),
                  StatusIs(absl::StatusCode::kDataLoss, "b"),
                  StatusIs(kAborted, "a")));
}

TEST(GroupErrorTest, KeepsTheKinds) {
  const std::vector<absl::Status> errors = errors_of(
      group_error({internal::timeout_error(), cancelled_error(),
                   internal::make_error(error_kind::thrown, "boom")}));
  ASSERT_EQ(errors.size(), 3u);
  EXPECT_TRUE(is_timeout(errors[0]));
  EXPECT_THAT(errors[1], IsCancelled());
  EXPECT_THAT(errors[2], IsKind(error_kind::thrown, "boom"));
}

TEST(GroupErrorTest, FlattensGroups) {
  const absl::Status inner =
      group_error({absl::AbortedError("a"), absl::AbortedError("b")});
  const absl::Status outer =
      group_error({absl::DataLossError("x"), group_error({inner}), inner});
  EXPECT_THAT(outer, StatusIs(absl::StatusCode::kDataLoss, "x; a; b; a; b"));
  EXPECT_EQ(errors_of(outer).size(), 5u);
}

TEST(GroupErrorTest, AnyMessageSurvives) {
  const std::string messages[] = {
      "",        "\n", "1 2 3\n4", "; ", "ends in 10\n", std::string("\0x", 2),
      "\xff\xfe"};
  std::vector<absl::Status> errors;
  for (const std::string& m : messages) errors.push_back(absl::AbortedError(m));
  const std::vector<absl::Status> again = errors_of(group_error(errors));
  ASSERT_EQ(again.size(), errors.size());
  for (size_t i = 0; i < errors.size(); ++i) {
    EXPECT_EQ(again[i].message(), errors[i].message());
  }
}

TEST(ErrorsOfTest, AnyOtherErrorIsAlone) {
  EXPECT_THAT(errors_of(absl::AbortedError("a")),
              ElementsAre(StatusIs(kAborted, "a")));
  EXPECT_THAT(errors_of(cancelled_error()), ElementsAre(IsCancelled()));
}

TEST(ErrorsOfTest, OkHasNone) {
  EXPECT_THAT(errors_of(absl::OkStatus()), IsEmpty());
}

}  // namespace
}  // namespace ratchet
