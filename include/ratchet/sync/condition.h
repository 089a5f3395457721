#ifndef RATCHET_SYNC_CONDITION_H_
#define RATCHET_SYNC_CONDITION_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "ratchet/internal/waiting_line.h"
#include "ratchet/sync/held.h"
#include "ratchet/sync/mutex.h"
#include "ratchet/task.h"

namespace ratchet {

// condition: tasks that hold a mutex wait until others tell them that
// something has changed (asyncio's Condition, rules S138 to S143).
//
//   step locked() {
//     return await<&me::has_work>(changed_.wait([this] { return !work_.empty();
//     }));
//   }
//
// Lifetime: outlives the machines it has given that have not started; the mutex
// outlives the condition. Tasks that wait when it is destroyed fail with
// kAborted (error_kind::destroyed), which names it, and do not have the mutex
// then.
// Thread-safety: on the loop's thread only.
// Complexity: O(1), notifying O(woken). Waiting allocates nothing but the
// machines that wait.
class condition {
 public:
  class wait_task;
  template <class Predicate>
  class wait_until_task;

  // With a mutex of its own, or on `lock` (S143). `name` is what reports and
  // errors call it.
  explicit condition(std::string_view name = {})
      : condition("condition", name) {}
  explicit condition(mutex& lock, std::string_view name = {})
      : line_("condition", name), mutex_(lock) {}
  condition(condition&& other) noexcept;  // Of one that nobody has used.
  condition& operator=(condition&&) = delete;
  ~condition();

  // A machine that releases the mutex, waits for a notification, and ends when
  // it has the mutex again. kFailedPrecondition (error_kind::not_acquired) when
  // the mutex is not locked. It can end although nobody has notified (S141).
  //
  // Cancelling: *loses its place*; the mutex is acquired first, however long
  // that takes, then Cancelled comes out (S140), and a notification that came
  // with it is passed on (S141).
  [[nodiscard]] wait_task wait();

  // Until `predicate()` is true: wait() again and again (asyncio's wait_for).
  // When it is true at once nothing is awaited, and the mutex not asked (S142).
  // Cancelling: *loses its place*, as above.
  template <class Predicate>
  [[nodiscard]] wait_until_task<std::decay_t<Predicate>> wait(
      Predicate&& predicate) {
    static_assert(std::is_invocable_r_v<bool, std::decay_t<Predicate>&>,
                  "condition::wait(predicate): bool predicate()");
    return wait_until_task<std::decay_t<Predicate>>(
        *this, std::forward<Predicate>(predicate));
  }

  // Wakes the first `n` that wait, or all; they queue up for the mutex (S139).
  // kFailedPrecondition (error_kind::not_acquired) when it is not locked.
  absl::Status notify(size_t n = 1);  // NOLINT(modernize-use-nodiscard)
  absl::Status notify_all();          // NOLINT(modernize-use-nodiscard)

  // Those of the mutex.
  [[nodiscard]] mutex::acquire_task acquire() { return mutex_.acquire(); }
  [[nodiscard]] internal::hold_task<mutex> hold() { return mutex_.hold(); }
  [[nodiscard]] bool try_acquire() { return mutex_.try_acquire(); }
  absl::Status release() {  // NOLINT(modernize-use-nodiscard)
    return mutex_.release();
  }
  bool locked() const { return mutex_.locked(); }

 private:
  friend class barrier;

  // For primitives that are made of it.
  condition(std::string_view kind, std::string_view name);

  absl::Status check_locked(std::string_view call) const;

  internal::waiting_line line_;
  std::optional<mutex> own_;
  mutex& mutex_;
};

// "Condition.wait" of the algorithms in docs/asyncio.md.
class condition::wait_task final : public task<void> {
 public:
  explicit wait_task(condition& c) : condition_(c) {}
  wait_task(const wait_task&) = default;
  ~wait_task() override;

  step start();
  std::string task_name() const override { return "condition::wait"; }

 private:
  step woken(absl::Status outcome);
  step acquired(absl::Status outcome);
  step gone(absl::Status outcome);

  condition& condition_;
  mutex* mutex_ = nullptr;  // Can outlive the condition.
  internal::waiting_line::place place_;
  absl::Status outcome_;
};

inline condition::wait_task condition::wait() { return wait_task(*this); }

template <class Predicate>
class condition::wait_until_task final : public task<void> {
 public:
  wait_until_task(condition& c, Predicate predicate)
      : condition_(c), predicate_(std::move(predicate)) {}

  step start() {
    if (predicate_()) return this->done();
    return this->template await<&wait_until_task::start>(condition_.wait());
  }
  std::string task_name() const override { return "condition::wait"; }

 private:
  condition& condition_;
  Predicate predicate_;
};

}  // namespace ratchet

#endif  // RATCHET_SYNC_CONDITION_H_
