#ifndef RATCHET_INTERNAL_INBOX_H_
#define RATCHET_INTERNAL_INBOX_H_

// Included by event_loop.h: the door through which other threads come in.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "ratchet/internal/poller.h"
#include "ratchet/internal/runnable.h"

namespace ratchet::internal {

// Something on its way from another thread; then a runnable of the loop like
// any other. What the loop closes over gets drop_turn(), on the loop's thread.
class posted : public runnable {
 protected:
  ~posted() override = default;

 private:
  friend class inbox;
};

// inbox: many threads push, the loop's thread takes all there is.
//
// One word holds all of it, the top of a stack:
//
//   nullptr     empty, and the loop is awake
//   asleep()    empty, and the loop sleeps, or is about to: who pushes now has
//               to wake it, with a write to its eventfd
//   an element  the last one that was pushed; linked to the one before
//   closed()    refuses everything
//
// So a push is one compare-and-swap, which also tells whether there is somebody
// to be woken, and touches nothing after it: the loop, its callbacks and the
// inbox may be gone by then.
//
// Outlives the loop for as long as a `remote` holds it.
//
// Guarantee: what one thread pushes is taken in its order; nothing is lost,
// and after close() every push is refused.
// Thread-safety: push() and the counting of remotes are thread-safe; the rest
// is for the loop's thread.
class inbox {
 public:
  inbox() = default;
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;
  ~inbox();

  // Takes `p` over and returns true; false, leaving it alone, when closed. The
  // inbox must not go in between.
  bool push(posted* p) { return push_unless_marked(p) || push_slowly(p); }
  // The same on an inbox that may go as soon as `p` is inside, and `to` with
  // it.
  static bool push(const std::shared_ptr<inbox>& to, posted* p) {
    if (ABSL_PREDICT_TRUE(to->push_unless_marked(p))) return true;
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): `to` goes.
    const std::shared_ptr<inbox> stays = to;
    return stays->push_slowly(p);
  }

  // Appends all that was pushed to `queue`, in order of arrival.
  void take(run_queue& queue);

  // Refuses everything from now on, and appends what was still inside.
  void close(run_queue& queue);

  bool empty() const {
    return head_.load(std::memory_order_relaxed) == nullptr;
  }

  // Remotes: as long as there is one, work can still come in, and a loop with
  // nothing to do waits for it instead of reporting a deadlock.
  void add_remote() { remotes_.fetch_add(1, std::memory_order_relaxed); }
  void remove_remote();
  bool has_remotes() const {
    return remotes_.load(std::memory_order_seq_cst) != 0;
  }

  // Sleeps until woken, until a descriptor is ready, or for `timeout_ns`
  // (negative: without limit). Returns at once when something was pushed
  // before, or when there is no limit and neither `awaited` (somebody waits for
  // a descriptor) nor a remote: the last one may have gone after the caller had
  // looked.
  absl::Status wait(int64_t timeout_ns, bool awaited = false);

  const absl::Status& status() const { return poller_.status(); }

  // What tells of descriptors while the loop sleeps here, or looks.
  poller& descriptors() { return poller_; }

 private:
  // Addresses that no element has.
  static runnable* asleep() { return reinterpret_cast<runnable*>(marks_); }
  static runnable* closed() { return reinterpret_cast<runnable*>(marks_ + 1); }
  static bool is_mark(const runnable* head) {
    return head == asleep() || head == closed();
  }

  // Pushes, unless there is more to do: the head is a mark.
  bool push_unless_marked(posted* p) {
    runnable* head = head_.load(std::memory_order_relaxed);
    do {
      if (ABSL_PREDICT_FALSE(is_mark(head))) return false;
      run_queue::link(*p, head);
      // Release: who takes it sees what was written before.
    } while (!head_.compare_exchange_weak(head, p, std::memory_order_release,
                                          std::memory_order_relaxed));
    return true;
  }
  bool push_slowly(posted* p);

  static inline char marks_[2] = {};

  std::atomic<runnable*> head_{nullptr};
  std::atomic<size_t> remotes_{0};
  poller poller_;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_INBOX_H_
