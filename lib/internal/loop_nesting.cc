// What an iteration of a loop does inside of another one (rule S23).

#include <cstddef>
#include <cstdint>
#include <limits>

#include "ratchet/internal/context.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/runnable.h"

namespace ratchet::internal {

// What is in the ready queue, when a nested iteration finds timers of the
// interrupted one that are still due: it comes behind them, in their list, and
// before those that are due since.
class loop_core::postponed final : public loop_timer {
 public:
  explicit postponed(loop_core& core) : core_(core) {
    queue_.append(core.ready_);
    core.postponed_.push_back(this);
    core.wheel_.schedule(wheel_hook(), std::numeric_limits<int64_t>::min());
  }

  void timer_due() override {
    core_.batch_.take(queue_);
    core_.postponed_.erase(core_.postponed_.begin());  // In their order.
    delete this;
  }

  size_t count() const { return queue_.count(); }
  bool remove(runnable& r) { return queue_.remove(r); }

 private:
  loop_core& core_;
  run_queue queue_;
};

bool loop_core::withdraw(runnable& r) {
  if (ready_.remove(r) || batch_.remove(r) || dropping_.remove(r)) return true;
  for (postponed* const p : postponed_) {
    if (p->remove(r)) return true;
  }
  return false;
}

// A nested iteration begins: what is left of the batch comes first.
void loop_core::interrupt(iteration_frame& outer) {
  if (!outer.interrupted) {
    outer.interrupted = true;
    outer.left = count_batch();
  }
  // timer_due() deletes it.
  if (!ready_.empty() && wheel_.has_due()) new postponed(*this);
}

// After it has been interrupted.
void loop_core::go_on(iteration_frame& frame) {
  while (frame.left != 0) {
    runnable* const r = ready_.pop();
    if (r == nullptr) break;
    --frame.left;
    r->take_turn();
    if (has_context()) clear_context();
  }
  frame.interrupted = false;
}

// What is left of the batch, in handles. Timers that were cancelled while they
// were due are not counted.
size_t loop_core::count_batch() const {
  size_t count = batch_.count() + wheel_.count_due() - postponed_.size();
  for (const postponed* const p : postponed_) count += p->count();
  return count;
}

}  // namespace ratchet::internal
