#include "ratchet/sync/semaphore.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/status.h"

namespace ratchet {

semaphore::~semaphore() = default;

bool semaphore::try_acquire() {
  if (locked()) return false;
  --units_;
  return true;
}

void semaphore::release() {
  ++units_;
  if (line_.wake_next()) --units_;
}

void semaphore::hand_out() {
  while (units_ > 0 && line_.wake_next()) --units_;
}

void semaphore::given_up(bool reserved) {
  if (reserved) ++units_;
  hand_out();
}

semaphore::acquire_task::~acquire_task() {
  if (place_.leave_for_good()) semaphore_.given_up(place_.woken());
}

step semaphore::acquire_task::start() {
  if (semaphore_.try_acquire()) return done();
  return await<&acquire_task::woken>(
      place_.enter(semaphore_.line_, running_core("semaphore::acquire()")));
}

step semaphore::acquire_task::woken(absl::Status outcome) {
  if (!place_.leave(outcome)) return fail(std::move(outcome));
  if (outcome.ok()) {
    semaphore_.hand_out();  // Rule S146.
  } else {
    semaphore_.given_up(place_.woken());  // Rule S147.
  }
  return done(std::move(outcome));
}

absl::Status bounded_semaphore::release() {
  if (semaphore_.available() >= bound_) {
    return internal::make_error(
        error_kind::over_release,
        absl::StrCat("release(): ", semaphore_.line_.describe(),
                     " was released more often than it was acquired"));
  }
  semaphore_.release();
  return absl::OkStatus();
}

}  // namespace ratchet
