#include "ratchet/internal/loop_timer.h"

namespace ratchet::internal {

// Not in the header, so that the compiler does not take them for what the loop
// is most likely to call.
void loop_timer::take_turn() {}
void loop_timer::drop_turn() {}

}  // namespace ratchet::internal
