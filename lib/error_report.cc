#include "ratchet/error_report.h"

#include "absl/strings/str_cat.h"

namespace ratchet {

std::string_view to_string(enum error_report::cause cause) {
  switch (cause) {
    case error_report::cause::callback:
      return "a callback failed";
    case error_report::cause::unretrieved:
      return "an error was never retrieved";
    case error_report::cause::shutdown:
      return "a task failed while it was being shut down";
    case error_report::cause::task_destroyed:
      return "a task was destroyed but it is pending";
    case error_report::cause::paused:
      return "no connection is accepted for a while";
    case error_report::cause::error_handler:
      return "the error handler failed";
  }
  return "an unknown cause";
}

std::string to_string(const error_report& report) {
  const std::string_view cause = to_string(report.cause);
  std::string line(cause);
  if (!report.who.empty()) absl::StrAppend(&line, ": ", report.who);
  if (!report.state.empty()) {
    absl::StrAppend(&line, " in state ", report.state);
  }
  // Without the payload that marks the library's own errors.
  absl::StrAppend(&line, ": ", absl::StatusCodeToString(report.status.code()),
                  ": ", report.status.message());
  return line;
}

std::ostream& operator<<(std::ostream& out, const error_report& report) {
  return out << to_string(report);
}

}  // namespace ratchet
