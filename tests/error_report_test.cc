#include "ratchet/error_report.h"

#include <sstream>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "ratchet/status.h"

namespace ratchet {
namespace {

using cause = enum error_report::cause;

TEST(ErrorReportTest, NamesEachCause) {
  EXPECT_EQ(to_string(cause::callback), "a callback failed");
  EXPECT_EQ(to_string(cause::unretrieved), "an error was never retrieved");
  EXPECT_EQ(to_string(cause::shutdown),
            "a task failed while it was being shut down");
  EXPECT_EQ(to_string(cause::task_destroyed),
            "a task was destroyed but it is pending");
  EXPECT_EQ(to_string(cause::paused), "no connection is accepted for a while");
  EXPECT_EQ(to_string(cause::error_handler), "the error handler failed");
}

TEST(ErrorReportTest, IsOneLineWithEverythingItKnows) {
  const error_report report = {cause::task_destroyed,
                               absl::AbortedError("gone"), "fetch#12", "parse"};
  EXPECT_EQ(to_string(report),
            "a task was destroyed but it is pending: fetch#12 in state parse: "
            "ABORTED: gone");
}

TEST(ErrorReportTest, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(to_string({cause::callback, absl::UnknownError("oh"), "", ""}),
            "a callback failed: UNKNOWN: oh");
  EXPECT_EQ(to_string({cause::callback, absl::UnknownError("oh"), "x", ""}),
            "a callback failed: x: UNKNOWN: oh");
}

TEST(ErrorReportTest, DoesNotShowTheMarkOfTheLibrarysErrors) {
  EXPECT_EQ(to_string({cause::unretrieved, cancelled_error(), "future", ""}),
            "an error was never retrieved: future: CANCELLED: cancelled");
}

TEST(ErrorReportTest, StreamsAsItsLine) {
  const error_report report = {cause::callback, absl::UnknownError("oh"), "x",
                               ""};
  std::ostringstream out;
  out << report;
  EXPECT_EQ(out.str(), to_string(report));
}

}  // namespace
}  // namespace ratchet
