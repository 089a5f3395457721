#ifndef RATCHET_INTERNAL_INBOX_H_
#define RATCHET_INTERNAL_INBOX_H_

// Included by event_loop.h: the door through which other threads come in.

#include <atomic>
#include <cstddef>
#include <utility>

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
  posted* next_ = nullptr;
};

// inbox: many threads push, the loop's thread takes all there is.
//
// A push is one compare-and-swap; the loop is woken by a write to its eventfd
// only if it is asleep. Outlives the loop for as long as a `remote` holds it.
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

  // Takes `p` over and returns true; false, leaving it alone, when closed.
  bool push(posted* p);

  // Moves all that was pushed into a list in order of arrival.
  class batch;
  batch take();

  // Refuses everything from now on and returns what was still inside.
  batch close();

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

  // Sleeps until woken, or for `timeout_ns` (negative: without limit). Returns
  // at once when something was pushed before, or when there is no limit and no
  // remote either: the last one may have gone after the caller had looked.
  absl::Status wait(int64_t timeout_ns);

  const absl::Status& status() const { return poller_.status(); }

 private:
  static posted* closed();
  void wake();

  std::atomic<posted*> head_{nullptr};  // A stack; closed() once closed.
  std::atomic<size_t> remotes_{0};
  std::atomic<bool> asleep_{false};
  poller poller_;
};

// What take() gives: a list whose elements are dropped with it.
class inbox::batch {
 public:
  batch() = default;
  explicit batch(posted* newest_first);
  batch(batch&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)) {}
  batch& operator=(batch&&) = delete;
  ~batch();

  // The next one, which is the caller's to run or to drop; nullptr at the end.
  posted* pop();

 private:
  posted* first_ = nullptr;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_INBOX_H_
