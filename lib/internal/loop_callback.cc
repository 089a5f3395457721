#include "ratchet/internal/loop_callback.h"

#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"

namespace ratchet::internal {

// What run() throws is caught by the loop. By then this may be gone.
void loop_callback::take_turn() {
  if (ABSL_PREDICT_FALSE(has_context_)) {
    take_turn_in_context();
    return;
  }
  core_ = nullptr;
  run();
}

ABSL_ATTRIBUTE_NOINLINE void loop_callback::take_turn_in_context() {
  has_context_ = false;
  std::exchange(core_, nullptr)->enter_context(this);
  run();
}

ABSL_ATTRIBUTE_NOINLINE bool loop_callback::queue_with_context(
    loop_core& core) {
  core_ = &core;
  has_context_ = true;
  core.keep_context(this);  // Rule S16.
  return core.push(*this);
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
