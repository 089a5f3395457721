#include "ratchet/status.h"

#include <array>
#include <cstddef>
#include <sstream>
#include <string>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"

namespace ratchet {
namespace {

// The leaves of a group error: for each a line "code kind length", followed by
// a message of that many bytes.
constexpr char kGroupUrl[] = "type.ratchet.dev/group";

// The payload that marks a status as the library's own; its text is the name
// of the kind.
constexpr char kPayloadUrl[] = "type.ratchet.dev/error_kind";

// The message of a Cancelled: the first, or all three with the reason.
constexpr char kCancelled[] = "cancelled";
constexpr char kReasonFollows[] = ": ";

struct kind_info {
  const char* name;
  absl::StatusCode code;
};

// Indexed by error_kind.
constexpr std::array<kind_info, 21> kKinds = {{
    {"none", absl::StatusCode::kOk},
    {"cancelled", absl::StatusCode::kCancelled},
    {"timeout", absl::StatusCode::kDeadlineExceeded},
    {"invalid_state", absl::StatusCode::kFailedPrecondition},
    {"closed", absl::StatusCode::kFailedPrecondition},
    {"running", absl::StatusCode::kFailedPrecondition},
    {"stopped", absl::StatusCode::kFailedPrecondition},
    {"deadlock", absl::StatusCode::kFailedPrecondition},
    {"self_await", absl::StatusCode::kFailedPrecondition},
    {"not_accepting", absl::StatusCode::kFailedPrecondition},
    {"broken_promise", absl::StatusCode::kAborted},
    {"destroyed", absl::StatusCode::kAborted},
    {"not_acquired", absl::StatusCode::kFailedPrecondition},
    {"over_release", absl::StatusCode::kFailedPrecondition},
    {"over_done", absl::StatusCode::kFailedPrecondition},
    {"queue_empty", absl::StatusCode::kUnavailable},
    {"queue_full", absl::StatusCode::kResourceExhausted},
    {"queue_shut_down", absl::StatusCode::kFailedPrecondition},
    {"broken_barrier", absl::StatusCode::kAborted},
    {"group", absl::StatusCode::kUnknown},
    {"thrown", absl::StatusCode::kUnknown},
}};

const kind_info& info(error_kind kind) {
  return kKinds[static_cast<size_t>(kind)];
}

}  // namespace

error_kind kind_of(const absl::Status& status) {
  if (status.ok()) return error_kind::none;
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return error_kind::none;
  for (size_t i = 1; i < kKinds.size(); ++i) {
    if (*payload == kKinds[i].name) return static_cast<error_kind>(i);
  }
  return error_kind::none;
}

std::string_view to_string(error_kind kind) { return info(kind).name; }

std::ostream& operator<<(std::ostream& out, error_kind kind) {
  return out << to_string(kind);
}

absl::Status cancelled_error(std::string_view reason) {
  if (reason.empty()) return internal::plain_cancelled();
  return internal::make_error(
      error_kind::cancelled,
      absl::StrCat(kCancelled, kReasonFollows,
                   absl::string_view(reason.data(), reason.size())));
}

bool is_cancelled(const absl::Status& status) {
  return status.code() == absl::StatusCode::kCancelled &&
         kind_of(status) == error_kind::cancelled;
}

std::string cancel_reason(const absl::Status& status) {
  if (!is_cancelled(status)) return "";
  absl::string_view text = status.message();
  if (!absl::ConsumePrefix(&text, kCancelled) ||
      !absl::ConsumePrefix(&text, kReasonFollows)) {
    return "";
  }
  return std::string(text);
}

bool is_timeout(const absl::Status& status) {
  return status.code() == absl::StatusCode::kDeadlineExceeded &&
         kind_of(status) == error_kind::timeout;
}

std::vector<absl::Status> errors_of(const absl::Status& status) {
  if (status.ok()) return {};
  const absl::optional<absl::Cord> payload = status.GetPayload(kGroupUrl);
  if (!payload.has_value()) return {status};
  std::vector<absl::Status> errors;
  std::istringstream in{std::string(*payload)};
  int code;
  int kind;
  size_t length;
  while (in >> code >> kind >> length) {
    in.ignore();  // The end of the line.
    std::string message(length, '\0');
    in.read(&message[0], static_cast<std::streamsize>(length));
    errors.push_back(
        kind == 0 ? absl::Status(static_cast<absl::StatusCode>(code), message)
                  : internal::make_error(static_cast<error_kind>(kind),
                                         static_cast<absl::StatusCode>(code),
                                         message));
  }
  return errors;
}

namespace internal {

absl::Status group_error(const std::vector<absl::Status>& errors) {
  std::vector<absl::Status> leaves;
  for (const absl::Status& error : errors) {
    for (absl::Status& leaf : errors_of(error)) {
      leaves.push_back(std::move(leaf));
    }
  }
  std::string message;
  std::string encoded;
  for (const absl::Status& leaf : leaves) {
    absl::StrAppend(&message, message.empty() ? "" : "; ", leaf.message());
    absl::StrAppend(&encoded, static_cast<int>(leaf.code()), " ",
                    static_cast<int>(kind_of(leaf)), " ", leaf.message().size(),
                    "\n", leaf.message());
  }
  absl::Status error =
      make_error(error_kind::group, leaves.front().code(), message);
  error.SetPayload(kGroupUrl, absl::Cord(encoded));
  return error;
}

absl::Status make_error(error_kind kind, std::string_view message) {
  return make_error(kind, info(kind).code, message);
}

absl::Status make_error(error_kind kind, absl::StatusCode code,
                        std::string_view message) {
  absl::Status error(code, absl::string_view(message.data(), message.size()));
  error.SetPayload(kPayloadUrl, absl::Cord(info(kind).name));
  return error;
}

const absl::Status& plain_cancelled() {
  static const absl::Status& error =
      *new absl::Status(make_error(error_kind::cancelled, kCancelled));
  return error;
}

absl::Status timeout_error(absl::Duration timeout) {
  return make_error(
      error_kind::timeout,
      timeout > absl::ZeroDuration()
          ? absl::StrCat("timed out after ", absl::FormatDuration(timeout))
          : std::string("timed out at once"));
}

absl::Status timeout_error() {
  static const absl::Status& error =
      *new absl::Status(make_error(error_kind::timeout, "timed out"));
  return error;
}

}  // namespace internal
}  // namespace ratchet
