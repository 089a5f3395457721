#ifndef RATCHET_SYNC_BARRIER_H_
#define RATCHET_SYNC_BARRIER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "ratchet/internal/waiting_line.h"
#include "ratchet/sync/condition.h"
#include "ratchet/task.h"

namespace ratchet {

// barrier: lets tasks pass only when a number of them has come (asyncio's
// Barrier, rules S149 to S154). It can be used again and again.
//
//   ratchet::barrier ready{3};
//   step start() { return await<&me::all_here>(ready.wait()); }
//   step all_here(size_t index) { ... }
//
//   filling -- the last one comes --> draining -- the last one leaves -->
//   filling filling -- reset() --> resetting -- the last one leaves --> filling
//   any     -- abort() --> broken -- reset() --> filling, or resetting
//
// Lifetime: outlives the machines it has given that have not started. Tasks
// that wait when it is destroyed fail with kAborted (error_kind::destroyed),
// which names it.
// Thread-safety: on the loop's thread only.
// Complexity: O(1) per task and round, O(parties) for the one that opens it.
class barrier {
 public:
  class wait_task;
  class change_task;

  // REQUIRES: parties > 0 (fatal in debug builds; 1 in others). `name` is what
  // reports and errors call it.
  explicit barrier(size_t parties, std::string_view name = {});
  barrier(barrier&&) = default;  // Of one that nobody has used.
  barrier& operator=(barrier&&) = delete;
  ~barrier();

  // A machine that ends when `parties` tasks wait; its result is the number of
  // tasks that had come before, in the round. The last one goes on without
  // suspending, the others follow one after the other (S149). While the tasks
  // of a round leave, those of the next one wait (S150). kAborted
  // (error_kind::broken_barrier) when it is reset or aborted (S152, S153).
  //
  // Cancelling: *loses its place*; the barrier needs another task (S151).
  [[nodiscard]] wait_task wait();

  // A machine that sends those who wait away with error_kind::broken_barrier,
  // and makes the barrier usable again, also after abort() (S152).
  // Cancelling: *cancel-safe*; nothing happens.
  [[nodiscard]] change_task reset();

  // A machine that does so for good, until reset() (S153).
  // Cancelling: *cancel-safe*; nothing happens.
  [[nodiscard]] change_task abort();

  size_t parties() const { return parties_; }
  // The number of tasks that wait for others to come; 0 while it does not fill
  // (S154).
  size_t n_waiting() const { return stage_ == stage::filling ? count_ : 0; }
  bool broken() const { return stage_ == stage::broken; }

 private:
  enum class stage : uint8_t { filling, draining, resetting, broken };

  absl::Status broken_error(std::string_view why) const;
  void go_out();
  void change_to(stage next);

  const size_t parties_;
  size_t count_ = 0;  // Of the tasks inside.
  stage stage_ = stage::filling;
  internal::waiting_line users_;  // By which they see that it is still there.
  condition changed_;
};

// "Barrier.wait" of the algorithms in docs/asyncio.md.
class barrier::wait_task final : public task<size_t> {
 public:
  explicit wait_task(barrier& b) : barrier_(b) {}
  wait_task(const wait_task&) = default;
  ~wait_task() override;

  step start();
  std::string task_name() const override { return "barrier::wait"; }

 private:
  step locked(absl::Status outcome);
  step may_enter(absl::Status outcome);
  step may_pass(absl::Status outcome);
  step leave(absl::Status outcome);

  barrier& barrier_;
  internal::waiting_line::place place_;
  bool inside_ = false;
  size_t index_ = 0;
};

// reset() and abort().
class barrier::change_task final : public task<void> {
 public:
  step start();
  std::string task_name() const override { return "barrier::change"; }

 private:
  friend class barrier;
  change_task(barrier& b, barrier::stage next) : barrier_(b), next_(next) {}
  step locked();

  barrier& barrier_;
  const stage next_;
};

inline barrier::wait_task barrier::wait() { return wait_task(*this); }
inline barrier::change_task barrier::reset() {
  return change_task(*this, stage::resetting);
}
inline barrier::change_task barrier::abort() {
  return change_task(*this, stage::broken);
}

}  // namespace ratchet

#endif  // RATCHET_SYNC_BARRIER_H_
