#include "ratchet/sync/mutex.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/status.h"

namespace ratchet {

mutex::~mutex() = default;

bool mutex::try_acquire() {
  if (locked_ || line_.claimed()) return false;
  locked_ = true;
  return true;
}

absl::Status mutex::release() {
  if (!locked_) {
    return internal::make_error(
        error_kind::not_acquired,
        absl::StrCat("release(): ", line_.describe(), " is not acquired"));
  }
  locked_ = false;
  line_.wake_front();
  return absl::OkStatus();
}

mutex::acquire_task::~acquire_task() {
  if (place_.leave_for_good() && !mutex_.locked_) mutex_.line_.wake_front();
}

step mutex::acquire_task::start() {
  if (mutex_.try_acquire()) return done();
  return await<&acquire_task::woken>(
      place_.enter(mutex_.line_, running_core("mutex::acquire()")));
}

step mutex::acquire_task::woken(absl::Status outcome) {
  if (!place_.leave(outcome)) return fail(std::move(outcome));
  if (outcome.ok()) {
    mutex_.locked_ = true;
  } else if (!mutex_.locked_) {
    mutex_.line_.wake_front();  // Rule S133.
  }
  return done(std::move(outcome));
}

}  // namespace ratchet
