#include "tests/conformance/datum.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ratchet/status.h"

namespace ratchet::conformance {

datum::datum(std::vector<datum> values) : json_(json::array()) {
  for (datum& v : values) json_.push_back(std::move(v.json_));
}

datum::datum(const std::vector<absl::StatusOr<datum>>& outcomes)
    : json_(json::array()) {
  for (const absl::StatusOr<datum>& result : outcomes) {
    json_.push_back(result.ok() ? result->json_ : error_json(result.status()));
  }
}

datum datum::of(json j) {
  datum v;
  v.json_ = std::move(j);
  return v;
}

namespace {

bool says(const absl::Status& error, const std::string& words) {
  return std::string(error.message()).find(words) != std::string::npos;
}

std::string internal_error(const absl::Status& error) {
  return absl::StrCat("internal:", error.ToString());
}

// The library makes no difference of kind between these: its messages do.
std::string name_of_refusal(const absl::Status& error) {
  if (says(error, "has not been entered")) return "runtime:not_entered";
  if (says(error, "is shutting down")) return "runtime:shutting_down";
  if (says(error, "is finished")) return "runtime:finished";
  return internal_error(error);
}

std::string name_of_user_error(const absl::Status& error) {
  switch (error.code()) {
    case absl::StatusCode::kUnknown:
      return absl::StrCat("error:", error.message());
    case absl::StatusCode::kDeadlineExceeded:  // raise, kind timeout
      return "timeout";
    case absl::StatusCode::kInvalidArgument:  // wait() without futures
      return "value:empty";
    default:
      return internal_error(error);
  }
}

}  // namespace

std::string error_name(const absl::Status& error) {
  switch (kind_of(error)) {
    case error_kind::none:
      return name_of_user_error(error);
    case error_kind::cancelled:
      return "cancelled";
    case error_kind::timeout:
      return "timeout";
    case error_kind::invalid_state:
      return "invalid_state";
    case error_kind::closed:
      return "runtime:closed";
    case error_kind::running:
      return "runtime:already_running";
    case error_kind::stopped:
      return "runtime:stopped";
    case error_kind::deadlock:
      return "deadlock";
    case error_kind::self_await:
      return "runtime:self_await";
    case error_kind::not_accepting:
      return name_of_refusal(error);
    case error_kind::group: {
      const auto name = [](std::string* out, const absl::Status& leaf) {
        out->append(error_name(leaf));
      };
      return absl::StrCat("group[", absl::StrJoin(errors_of(error), ";", name),
                          "]");
    }
    case error_kind::not_acquired:
      return "runtime:not_acquired";
    case error_kind::over_release:
      return "value:over_release";
    case error_kind::over_done:
      return "value:task_done";
    case error_kind::queue_empty:
      return "queue_empty";
    case error_kind::queue_full:
      return "queue_full";
    case error_kind::queue_shut_down:
      return "queue_shutdown";
    case error_kind::broken_barrier:
      return "broken_barrier";
    case error_kind::broken_promise:
    case error_kind::destroyed:
    case error_kind::thrown:
      break;
  }
  return internal_error(error);
}

json error_json(const absl::Status& error) {
  json j = json::object();
  j["err"] = error_name(error);
  return j;
}

absl::Status user_error(const std::string& text) {
  return absl::UnknownError(text);
}

outcome outcome::ok(json j) {
  outcome o;
  o.value = std::move(j);
  return o;
}

outcome outcome::error(std::string name) {
  outcome o;
  o.err = std::move(name);
  return o;
}

outcome outcome::of(const absl::Status& status) {
  return status.ok() ? outcome() : error(error_name(status));
}

outcome outcome::of(const absl::StatusOr<conformance::datum>& result) {
  return result.ok() ? ok(result->as_json())
                     : error(error_name(result.status()));
}

}  // namespace ratchet::conformance
