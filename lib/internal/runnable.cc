#include "ratchet/internal/runnable.h"

namespace ratchet::internal {

// Of what is never a timer.
void runnable::timer_due() {}
void runnable::timer_dropped() {}

}  // namespace ratchet::internal
