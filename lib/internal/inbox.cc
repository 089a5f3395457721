#include "ratchet/internal/inbox.h"

namespace ratchet::internal {

inbox::~inbox() { batch left = close(); }

posted* inbox::closed() {
  // An address that no element has.
  static char mark;
  return reinterpret_cast<posted*>(&mark);
}

bool inbox::push(posted* p) {
  posted* head = head_.load(std::memory_order_relaxed);
  do {
    if (head == closed()) return false;
    p->next_ = head;
    // Sequentially consistent, like the pair in wait(): either this thread
    // sees that the loop is asleep, or the loop sees this element.
  } while (!head_.compare_exchange_weak(head, p, std::memory_order_seq_cst,
                                        std::memory_order_relaxed));
  wake();
  return true;
}

void inbox::wake() {
  if (asleep_.load(std::memory_order_seq_cst) &&
      asleep_.exchange(false, std::memory_order_seq_cst)) {
    poller_.wake();
  }
}

inbox::batch inbox::take() {
  if (empty()) return batch();
  // Acquire pairs with the push: what was written before it is visible.
  return batch(head_.exchange(nullptr, std::memory_order_acquire));
}

inbox::batch inbox::close() {
  posted* const left = head_.exchange(closed(), std::memory_order_acquire);
  return batch(left == closed() ? nullptr : left);
}

void inbox::remove_remote() {
  // The last one to go wakes the loop, which may have nothing to wait for now.
  if (remotes_.fetch_sub(1, std::memory_order_seq_cst) == 1) wake();
}

absl::Status inbox::wait(int64_t timeout_ns) {
  asleep_.store(true, std::memory_order_seq_cst);
  absl::Status status;
  if (head_.load(std::memory_order_seq_cst) == nullptr &&
      (timeout_ns >= 0 || has_remotes())) {
    status = poller_.wait(timeout_ns);
  }
  asleep_.store(false, std::memory_order_relaxed);
  return status;
}

inbox::batch::batch(posted* newest_first) {
  while (newest_first != nullptr) {
    posted* const older = newest_first->next_;
    newest_first->next_ = first_;
    first_ = newest_first;
    newest_first = older;
  }
}

inbox::batch::~batch() {
  while (posted* const p = pop()) p->drop_turn();
}

posted* inbox::batch::pop() {
  posted* const p = first_;
  if (p != nullptr) first_ = p->next_;
  return p;
}

}  // namespace ratchet::internal
