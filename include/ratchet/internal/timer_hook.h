#ifndef RATCHET_INTERNAL_TIMER_HOOK_H_
#define RATCHET_INTERNAL_TIMER_HOOK_H_

#include <cstdint>

namespace ratchet::internal {

// What the inside of a wheel knows of a timer: all that one needs whose owner
// knows the wheel, cancels before it goes, and begins with zero. Trivial, so
// that it can share its place with what is not needed while it is scheduled.
struct timer_hook {
  uint32_t id;  // Of its entry; 0 when idle.
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_TIMER_HOOK_H_
