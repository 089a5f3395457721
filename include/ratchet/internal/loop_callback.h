#ifndef RATCHET_INTERNAL_LOOP_CALLBACK_H_
#define RATCHET_INTERNAL_LOOP_CALLBACK_H_

// Included by event_loop.h, whose `callback` this is.

#include "absl/base/optimization.h"
#include "ratchet/internal/context.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/runnable.h"

namespace ratchet::internal {

// A callback of the loop that is part of its owner.
class loop_callback : public runnable {
 public:
  loop_callback() = default;

  // Its turn has come; it is not queued any more. May queue it again, or
  // destroy it. An exception goes to the loop's error handler.
  virtual void run() = 0;

  bool queued() const { return core_ != nullptr; }

  // For event_loop. On a closed loop, and of one that is queued, false.
  bool queue(loop_core& core) {
    if (ABSL_PREDICT_FALSE(core_ != nullptr || core.closed())) return false;
    if (ABSL_PREDICT_FALSE(has_context())) return queue_with_context(core);
    core_ = &core;
    return core.push(*this);
  }
  bool unqueue();

 protected:
  ~loop_callback() override {
    if (queued()) unqueue();
  }

 private:
  void take_turn() final;
  void drop_turn() final;
  void take_turn_in_context();
  // Apart, so that the usual case calls nothing and needs no frame.
  bool queue_with_context(loop_core& core);

  loop_core* core_ = nullptr;  // In whose queue it is.
  bool has_context_ = false;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_LOOP_CALLBACK_H_
