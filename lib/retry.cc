#include "ratchet/retry.h"

#include <algorithm>
#include <random>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/clock.h"
#include "ratchet/status.h"

namespace ratchet {

bool is_transient(const absl::Status& error) {
  switch (error.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return true;
    case absl::StatusCode::kAborted:
      return kind_of(error) == error_kind::none;
    default:
      return false;
  }
}

namespace internal {
namespace {

double random_of_thread() {
  thread_local std::mt19937 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>()(generator);
}

}  // namespace

void retry_plan::begin(int64_t now_ns) {
  deadline_ns_ = deadline_after(now_ns, options_.max_time);
  delay_ = std::min(options_.first_delay, options_.max_delay);
}

absl::Duration retry_plan::timeout(int64_t now_ns) const {
  if (deadline_ns_ == kNever) return options_.attempt_timeout;
  return std::min(options_.attempt_timeout,
                  absl::Nanoseconds(deadline_ns_ - now_ns));
}

absl::Duration retry_plan::next_delay() {
  const auto random = [this] {
    return options_.random ? options_.random() : random_of_thread();
  };
  const absl::Duration delay = delay_;
  switch (options_.jitter) {
    case retry_jitter::none:
    case retry_jitter::full:
      delay_ = std::min(options_.max_delay, delay * options_.factor);
      return options_.jitter == retry_jitter::none ? delay : delay * random();
    case retry_jitter::decorrelated:
      delay_ = std::min(
          options_.max_delay,
          options_.first_delay + (delay * 3 - options_.first_delay) * random());
      return delay_;
  }
  return delay;
}

std::optional<absl::Duration> retry_plan::pause(const absl::Status& error,
                                                int64_t now_ns) {
  if (is_cancelled(error)) {
    why_final_ = nullptr;
    return std::nullopt;
  }
  if (!(options_.retriable ? options_.retriable(error) : is_transient(error))) {
    why_final_ = "and this error is not worth another";
    return std::nullopt;
  }
  if (options_.max_attempts != 0 && attempts_ >= options_.max_attempts) {
    why_final_ = "which is all that were allowed";
    return std::nullopt;
  }
  const absl::Duration delay = next_delay();
  if (deadline_ns_ != kNever && deadline_after(now_ns, delay) >= deadline_ns_) {
    why_final_ = "and the time is over";
    return std::nullopt;
  }
  return delay;
}

absl::Status retry_plan::final_error(const absl::Status& error) const {
  // Cancelled stays what it is, and so does what was not repeated.
  if (why_final_ == nullptr || attempts_ == 1) return error;
  absl::Status counted(error.code(),
                       absl::StrCat(error.message(), " (after ", attempts_,
                                    " attempts, ", why_final_, ")"));
  error.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    counted.SetPayload(url, payload);
  });
  return counted;
}

}  // namespace internal
}  // namespace ratchet
