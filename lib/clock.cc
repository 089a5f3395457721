#include "ratchet/clock.h"

#include <chrono>

#include "absl/time/clock.h"

namespace ratchet {
namespace {

int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

int64_t steady_clock::now_ns() {
  static const int64_t offset = absl::GetCurrentTimeNanos() - steady_ns();
  return steady_ns() + offset;
}

bool virtual_clock::jump_to(int64_t deadline_ns) {
  if (deadline_ns > now_) now_ = deadline_ns;
  return true;
}

void virtual_clock::advance(absl::Duration length) {
  jump_to(internal::deadline_after(now_, length));
}

namespace internal {

int64_t deadline_after(int64_t now_ns, absl::Duration delay) {
  // ToInt64Nanoseconds saturates, so only the addition can overflow.
  const int64_t delay_ns = absl::ToInt64Nanoseconds(delay);
  if (delay_ns == kNever) return kNever;
  int64_t deadline;
  if (__builtin_add_overflow(now_ns, delay_ns, &deadline)) {
    return delay_ns > 0 ? kNever : INT64_MIN;
  }
  return deadline;
}

int64_t deadline_at(absl::Time deadline) {
  // Time since the epoch as a duration: this conversion saturates, unlike
  // ToUnixNanos, whose overflow depends on the range.
  return absl::ToInt64Nanoseconds(deadline - absl::UnixEpoch());
}

absl::Time deadline_to_time(int64_t deadline_ns) {
  return deadline_ns == kNever ? absl::InfiniteFuture()
                               : absl::FromUnixNanos(deadline_ns);
}

}  // namespace internal
}  // namespace ratchet
