#ifndef RATCHET_SYNC_MUTEX_H_
#define RATCHET_SYNC_MUTEX_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "ratchet/internal/holders.h"
#include "ratchet/internal/waiting_line.h"
#include "ratchet/sync/held.h"
#include "ratchet/task.h"

namespace ratchet {

// mutex: one task at a time (asyncio's Lock, rules S130 to S134). It is for
// tasks of one loop that must not be interleaved over several of their states;
// a single state runs alone anyway.
//
//   step start() { return await<&me::locked>(mutex_.acquire()); }
//   step locked() { ... mutex_.release() ... }
//
// or with a guard, which cannot be forgotten: see held.h.
//
// Fair: tasks get it in the order in which they asked, and nobody barges in
// between a release and the waiter it wakes (S131). It has no owner: any task
// or callback may release it (S132).
//
// Lifetime: outlives the machines it has given that have not started. Tasks
// that wait when it is destroyed fail with kAborted (error_kind::destroyed),
// which names it. Thread-safety: on the loop's thread only. Complexity: O(1).
// Waiting allocates nothing but the machine that waits.
class mutex {
 public:
  class acquire_task;

  // `name` is what reports and errors call it.
  explicit mutex(std::string_view name = {}) : line_("mutex", name) {}
  mutex(mutex&&) = default;  // Of one that nobody has used.
  mutex& operator=(mutex&&) = delete;
  ~mutex();

  // A machine that ends when the caller has the mutex; without suspending when
  // it is free and nobody waits. Cancelling: *loses its place* in the line; a
  // mutex that it was about to get goes to the next one (S133).
  [[nodiscard]] acquire_task acquire();

  // The same; the result releases the mutex when it is destroyed. Cancelling:
  // *loses its place*, too.
  [[nodiscard]] internal::hold_task<mutex> hold() {
    return internal::hold_task<mutex>(*this);
  }

  // Takes it if acquire() would not suspend.
  [[nodiscard]] bool try_acquire();

  // kFailedPrecondition (error_kind::not_acquired) when it is not locked.
  absl::Status release();  // NOLINT(modernize-use-nodiscard)

  bool locked() const { return locked_; }

 private:
  friend class held<mutex>;

  internal::waiting_line line_;
  bool locked_ = false;
  internal::holders holders_;
};

// "Lock.acquire" of the algorithms in docs/asyncio.md.
class mutex::acquire_task final : public task<void> {
 public:
  explicit acquire_task(mutex& m) : mutex_(m) {}
  acquire_task(const acquire_task&) = default;
  ~acquire_task() override;

  step start();
  std::string task_name() const override { return "mutex::acquire"; }

 private:
  step woken(absl::Status outcome);

  mutex& mutex_;
  internal::waiting_line::place place_;
};

inline mutex::acquire_task mutex::acquire() { return acquire_task(*this); }

}  // namespace ratchet

#endif  // RATCHET_SYNC_MUTEX_H_
