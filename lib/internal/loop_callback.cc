#include "ratchet/internal/loop_callback.h"

#include <utility>

#include "absl/base/optimization.h"

namespace ratchet::internal {

// What run() throws is caught by the loop. By then this may be gone.
void loop_callback::take_turn() {
  loop_core& core = *std::exchange(core_, nullptr);
  if (ABSL_PREDICT_FALSE(has_context_)) {
    has_context_ = false;
    core.enter_context(this);
  }
  run();
}

void loop_callback::drop_turn() {
  loop_core& core = *std::exchange(core_, nullptr);
  if (!has_context_) return;
  has_context_ = false;
  core.drop_context(this);
}

bool loop_callback::unqueue() {
  if (core_ == nullptr) return false;
  core_->withdraw(*this);
  drop_turn();
  return true;
}

}  // namespace ratchet::internal
