#include "ratchet/internal/inbox.h"

namespace ratchet::internal {

inbox::~inbox() {
  run_queue left;
  close(left);
  while (runnable* const r = left.pop()) r->drop_turn();
}

bool inbox::push_slowly(posted* p) {
  for (;;) {
    runnable* head = asleep();
    run_queue::link(*p, nullptr);
    // Whoever takes the mark away wakes the loop: once for each sleep.
    if (head_.compare_exchange_strong(head, p, std::memory_order_seq_cst,
                                      std::memory_order_relaxed)) {
      poller_.wake();
      return true;
    }
    if (head == closed()) return false;
    if (push_unless_marked(p)) return true;
  }
}

void inbox::take(run_queue& queue) {
  if (empty()) return;
  // Acquire pairs with the push: what was written before it is visible.
  runnable* const newest = head_.exchange(nullptr, std::memory_order_acquire);
  if (newest != nullptr) queue.append_reversed(*newest);
}

void inbox::close(run_queue& queue) {
  runnable* const newest = head_.exchange(closed(), std::memory_order_acquire);
  if (newest != nullptr && !is_mark(newest)) queue.append_reversed(*newest);
}

void inbox::remove_remote() {
  if (remotes_.fetch_sub(1, std::memory_order_seq_cst) != 1) return;
  // The last one to go wakes the loop, which may have nothing to wait for now.
  // Sequentially consistent, like the pair in wait(): either this thread sees
  // that the loop is asleep, or the loop sees that no remote is left.
  runnable* head = asleep();
  if (head_.compare_exchange_strong(head, nullptr, std::memory_order_seq_cst)) {
    poller_.wake();
  }
}

absl::Status inbox::wait(int64_t timeout_ns, bool awaited) {
  runnable* head = nullptr;
  if (!head_.compare_exchange_strong(head, asleep(),
                                     std::memory_order_seq_cst)) {
    return absl::OkStatus();  // Something was pushed.
  }
  absl::Status status;
  if (timeout_ns >= 0 || awaited || has_remotes())
    status = poller_.wait(timeout_ns);
  // Unless a push has taken the mark away.
  head = asleep();
  head_.compare_exchange_strong(head, nullptr, std::memory_order_relaxed);
  return status;
}

}  // namespace ratchet::internal
