#ifndef RATCHET_INTERNAL_QUEUE_CORE_H_
#define RATCHET_INTERNAL_QUEUE_CORE_H_

// Included by sync/queue.h: what a queue is, apart from its items.

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "ratchet/internal/waiting_line.h"
#include "ratchet/task.h"

namespace ratchet::internal {

// queue_core: who waits for a queue, and what is unfinished in it.
class queue_core {
 public:
  class join_task;

  queue_core& operator=(queue_core&&) = delete;

  // The number of items, and the most there can be: 0 means no limit.
  size_t size() const { return size_; }
  size_t maxsize() const { return maxsize_; }
  bool empty() const { return size_ == 0; }
  bool full() const { return maxsize_ != 0 && size_ >= maxsize_; }

  // Items that were put and not yet reported with task_done().
  size_t unfinished() const { return unfinished_; }

  // Says that the work on an item that was taken out is done (S159).
  // kFailedPrecondition (error_kind::over_done) if that was said for all.
  absl::Status task_done();  // NOLINT(modernize-use-nodiscard)

  // A machine that ends when the last unfinished item is done; without
  // suspending when there is none (S159). Cancelling: *cancel-safe*.
  [[nodiscard]] join_task join();

  bool is_shut_down() const { return shut_down_; }

 protected:
  queue_core(std::string_view kind, size_t maxsize, std::string_view name);
  queue_core(queue_core&&) noexcept = default;
  ~queue_core() = default;

  // Why nothing can be put or taken now, or OK.
  absl::Status check_put() const;
  absl::Status check_get() const;

  // An item has come in, or gone out: wakes who waits for that.
  void added();
  void removed();

  // All items are gone, undone ones; then wakes everybody (S173, S174).
  void drop_items();
  void close_lines();

  // A machine that stood in `line` is cancelled, or destroyed; `woken`: the
  // wake-up it had is passed on if there is still something to be had.
  void given_up(waiting_line& line, bool woken);

  waiting_line getters_;
  waiting_line putters_;

 private:
  waiting_line joiners_;
  const size_t maxsize_;
  size_t size_ = 0;
  size_t unfinished_ = 0;
  bool shut_down_ = false;
};

// "join" of the algorithms in docs/asyncio.md.
class queue_core::join_task final : public task<void> {
 public:
  explicit join_task(queue_core& q) : queue_(q) {}

  step start();
  std::string task_name() const override { return "queue::join"; }

 private:
  step woken(absl::Status outcome);

  queue_core& queue_;
  waiting_line::place place_;
};

inline queue_core::join_task queue_core::join() { return join_task(*this); }

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_QUEUE_CORE_H_
