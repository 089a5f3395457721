#include "ratchet/sync/condition.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/status.h"

namespace ratchet {

condition::condition(std::string_view kind, std::string_view name)
    : line_(kind, name),
      own_(std::in_place, absl::StrCat("of ", line_.describe())),
      mutex_(*own_) {}

condition::condition(condition&& other) noexcept
    : line_(std::move(other.line_)),
      own_(std::move(other.own_)),
      mutex_(own_.has_value() ? *own_ : other.mutex_) {}

condition::~condition() = default;

absl::Status condition::check_locked(std::string_view call) const {
  if (mutex_.locked()) return absl::OkStatus();
  return internal::make_error(
      error_kind::not_acquired,
      absl::StrCat(absl::string_view(call.data(), call.size()),
                   ": the mutex of ", line_.describe(), " is not acquired"));
}

absl::Status condition::notify(size_t n) {
  absl::Status status = check_locked("notify()");
  if (!status.ok()) return status;
  for (; n > 0 && line_.wake_next(); --n) {
  }
  return absl::OkStatus();
}

absl::Status condition::notify_all() {
  absl::Status status = check_locked("notify_all()");
  if (status.ok()) line_.wake_all();
  return status;
}

condition::wait_task::~wait_task() {
  // A notification that it does not use any more goes to another one.
  if (place_.leave_for_good() && place_.woken()) condition_.line_.wake_next();
}

step condition::wait_task::start() {
  absl::Status status = condition_.check_locked("condition::wait()");
  if (status.ok()) status = condition_.mutex_.release();
  if (!status.ok()) return fail(std::move(status));
  mutex_ = &condition_.mutex_;
  return await<&wait_task::woken>(
      place_.enter(condition_.line_, running_core("condition::wait()")));
}

// It stands in the line to the end, by which it sees whether the condition is
// still there. Nobody else can see it: it does not wait any more.
step condition::wait_task::woken(absl::Status outcome) {
  if (!place_.in_line()) return gone(std::move(outcome));
  outcome_ = std::move(outcome);
  return await<&wait_task::acquired>(mutex_->acquire());
}

step condition::wait_task::acquired(absl::Status outcome) {
  if (!place_.in_line()) {
    // Only this says that the mutex is not gone, too.
    if (outcome.ok()) mutex_->release().IgnoreError();
    return gone(std::move(outcome));
  }
  if (is_cancelled(outcome)) {  // Rule S140: the latest one counts.
    outcome_ = std::move(outcome);
    return await<&wait_task::acquired>(mutex_->acquire());
  }
  if (!outcome.ok()) return fail(std::move(outcome));
  place_.leave(outcome_);
  if (!outcome_.ok()) condition_.line_.wake_next();  // Rule S141.
  return done(std::move(outcome_));
}

step condition::wait_task::gone(absl::Status outcome) {
  place_.leave(outcome);
  return fail(std::move(outcome));
}

}  // namespace ratchet
