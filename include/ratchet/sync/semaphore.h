#ifndef RATCHET_SYNC_SEMAPHORE_H_
#define RATCHET_SYNC_SEMAPHORE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "ratchet/internal/holders.h"
#include "ratchet/internal/waiting_line.h"
#include "ratchet/sync/held.h"
#include "ratchet/task.h"

namespace ratchet {

// semaphore: a number of units, which tasks acquire and give back (asyncio's
// Semaphore, rules S144 to S148).
//
//   ratchet::semaphore connections{10};
//   step start() { return await<&me::got>(connections.hold()); }
//   step got(ratchet::held<ratchet::semaphore> unit) { ... }
//
// Fair: units go to tasks in the order in which they asked; one that is
// released is reserved for the waiter it wakes (S145).
//
// Lifetime: outlives the machines it has given that have not started. Tasks
// that wait when it is destroyed fail with kAborted (error_kind::destroyed),
// which names it. Thread-safety: on the loop's thread only. Complexity: O(1).
// Waiting allocates nothing but the machine that waits.
class semaphore {
 public:
  class acquire_task;

  // `name` is what reports and errors call it.
  explicit semaphore(size_t units = 1, std::string_view name = {})
      : semaphore(units, "semaphore", name) {}
  semaphore(semaphore&&) = default;  // Of one that nobody has used.
  semaphore& operator=(semaphore&&) = delete;
  ~semaphore();

  // A machine that ends when the caller has a unit; without suspending when
  // there is one and nobody waits. Cancelling: *loses its place* in the line; a
  // unit that was reserved for it goes back, or to the next one (S147).
  [[nodiscard]] acquire_task acquire();

  // The same; the result releases the unit when it is destroyed. Cancelling:
  // *loses its place*, too.
  [[nodiscard]] internal::hold_task<semaphore> hold() {
    return internal::hold_task<semaphore>(*this);
  }

  // Takes a unit if acquire() would not suspend.
  [[nodiscard]] bool try_acquire();

  // Gives a unit back, or a new one (S148).
  void release();

  // Whether acquire() would suspend. (Not const: it tidies up the line.)
  bool locked() { return units_ == 0 || line_.claimed(); }

  // Units that are neither acquired nor reserved.
  size_t available() const { return units_; }

 private:
  friend class bounded_semaphore;
  friend class held<semaphore>;

  semaphore(size_t units, std::string_view kind, std::string_view name)
      : line_(kind, name), units_(units) {}

  // Reserves units for those who wait, as many as there are.
  void hand_out();
  // A place that was given up; `reserved`: it had a unit.
  void given_up(bool reserved);

  internal::waiting_line line_;
  size_t units_;
  internal::holders holders_;
};

// "Semaphore.acquire" of the algorithms in docs/asyncio.md.
class semaphore::acquire_task final : public task<void> {
 public:
  explicit acquire_task(semaphore& s) : semaphore_(s) {}
  acquire_task(const acquire_task&) = default;
  ~acquire_task() override;

  step start();
  std::string task_name() const override { return "semaphore::acquire"; }

 private:
  step woken(absl::Status outcome);

  semaphore& semaphore_;
  internal::waiting_line::place place_;
};

inline semaphore::acquire_task semaphore::acquire() {
  return acquire_task(*this);
}

// bounded_semaphore: a semaphore that refuses to have more units than at first
// (asyncio's BoundedSemaphore): a release too many is an error, not a unit.
class bounded_semaphore {
 public:
  explicit bounded_semaphore(size_t units = 1, std::string_view name = {})
      : semaphore_(units, "bounded_semaphore", name), bound_(units) {}

  // As for semaphore. Cancelling acquire() and hold(): *loses its place*.
  [[nodiscard]] semaphore::acquire_task acquire() {
    return semaphore_.acquire();
  }
  [[nodiscard]] internal::hold_task<bounded_semaphore> hold() {
    return internal::hold_task<bounded_semaphore>(*this);
  }
  [[nodiscard]] bool try_acquire() { return semaphore_.try_acquire(); }
  bool locked() { return semaphore_.locked(); }
  size_t available() const { return semaphore_.available(); }

  // kFailedPrecondition (error_kind::over_release), and nothing changes, when
  // all units are there.
  absl::Status release();  // NOLINT(modernize-use-nodiscard)

 private:
  friend class held<bounded_semaphore>;

  semaphore semaphore_;
  size_t bound_;
  internal::holders holders_;
};

}  // namespace ratchet

#endif  // RATCHET_SYNC_SEMAPHORE_H_
