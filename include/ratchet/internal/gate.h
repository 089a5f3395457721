#ifndef RATCHET_INTERNAL_GATE_H_
#define RATCHET_INTERNAL_GATE_H_

// Included by sync/event.h and the headers of ratchet/io: what any number of
// tasks wait for together.

#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/state.h"

namespace ratchet::internal {

// gate: a state that many wait for: settled when it opens, and pending again
// when it is closed. A task that is cancelled leaves it, with no effect on the
// others. Waiting allocates nothing.
class gate : public value_state<void> {
 public:
  using value_state<void>::value_state;

  bool is_open() const { return done(); }
  // REQUIRES: !is_open().
  void open() { settle_value(); }
  // Pending again. False if somebody still has it, who was woken and has not
  // run: then its owner takes another one. REQUIRES: is_open().
  bool close() {
    if (!sole_reference()) return false;
    if (ABSL_PREDICT_FALSE(failed())) discard();
    reset();
    return true;
  }
  // Those who wait get `error`, which nobody need look at. Open from then on;
  // nothing if it is open already.
  void fail(absl::Status error) {
    if (is_open()) return;
    settle_error(std::move(error));
    mark_retrieved();
  }

  bool cancelled_by_leaving() const override { return true; }
  cancel_answer answer_cancel(const absl::Status& /*why*/) override {
    return {cancel_answer::kind::refused};
  }

 protected:
  ~gate() override = default;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_GATE_H_
