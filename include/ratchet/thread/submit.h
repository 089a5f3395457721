#ifndef RATCHET_THREAD_SUBMIT_H_
#define RATCHET_THREAD_SUBMIT_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/internal/callback_result.h"
#include "ratchet/internal/inbox.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/state.h"
#include "ratchet/remote.h"
#include "ratchet/status.h"
#include "ratchet/task.h"

namespace ratchet {
namespace internal {

// What the two threads of a submission share, apart from the outcome's type.
class submission_base {
 public:
  explicit submission_base(const remote& door)
      : mailbox_(door.mailbox()), door_(door) {}
  submission_base(const submission_base&) = delete;
  submission_base& operator=(const submission_base&) = delete;

  // -- The loop's thread.

  void started(task_handle task) { task_ = std::move(task); }
  void cancel_task() { task_.cancel(); }

  // -- The other one.

  bool done() const;
  bool wait(absl::Duration timeout);

  const std::shared_ptr<inbox>& mailbox() const { return mailbox_; }

 protected:
  ~submission_base() = default;

  // The end; on the loop's thread, or where the loop has refused. `write`
  // stores the outcome. True if nobody is left who could look at it.
  template <class Write>
  bool end(Write write) {
    task_ = task_handle();
    std::optional<remote> door;  // Goes after the mutex is given back.
    const std::lock_guard<std::mutex> lock(mutex_);
    write();
    done_ = true;
    door.swap(door_);
    changed_.notify_all();
    return left_;
  }
  // The other thread lets go. True if it could have looked at the outcome.
  bool leave() {
    const std::lock_guard<std::mutex> lock(mutex_);
    left_ = true;
    return done_;
  }

 private:
  const std::shared_ptr<inbox> mailbox_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<remote> door_;  // Until it is done.
  bool done_ = false;
  bool left_ = false;
  task_handle task_;  // The loop's.
};

// A copy that has nothing in common with `error`, for another thread. Copies of
// a status share what they hold, which is safe; but ThreadSanitizer cannot see
// that when Abseil itself is not built with it.
absl::Status unshared(const absl::Status& error);
// Whether `error` should be reported if nobody has looked at it.
bool is_news(const absl::Status& error);
// On the loop's thread.
void report_unseen(const absl::Status& error);

template <class T>
class submission final : public submission_base {
 public:
  using submission_base::submission_base;

  void settle(outcome<T> result) {
    if (!result.ok()) result = unshared(status_of(result));
    const bool unseen = end([&] { outcome_.emplace(std::move(result)); });
    if (!unseen) return;  // From here on it is the other thread's.
    const absl::Status& error = status_of(*outcome_);
    if (is_news(error)) report_unseen(error);
  }
  // REQUIRES: done().
  outcome<T> take() {
    seen_ = true;
    return *std::move(outcome_);
  }
  // The last call of the other thread.
  void leave() {
    if (!submission_base::leave() || seen_) return;
    absl::Status error = status_of(*outcome_);
    if (!is_news(error)) return;
    post(mailbox(), [error = std::move(error)] {
      report_unseen(error);
    }).IgnoreError();  // A loop that is gone has no error handler.
  }

 private:
  static const absl::Status& status_of(const absl::Status& status) {
    return status;
  }
  template <class V>
  static const absl::Status& status_of(const absl::StatusOr<V>& result) {
    return result.status();
  }

  std::optional<outcome<T>> outcome_;
  bool seen_ = false;  // Of the other thread.
};

// Settles its submission, with an error if it goes before it was used.
template <class T>
class settler {
 public:
  explicit settler(std::shared_ptr<submission<T>> to) : to_(std::move(to)) {}
  settler(settler&&) noexcept = default;
  settler& operator=(settler&&) = delete;
  ~settler() {
    if (to_ != nullptr) to_->settle(loop_core::closed_error());
  }
  void settle(outcome<T> result) {
    std::exchange(to_, nullptr)->settle(std::move(result));
  }
  submission<T>& to() const { return *to_; }

 private:
  std::shared_ptr<submission<T>> to_;
};

[[noreturn]] void use_of_empty_cross_thread_future();

}  // namespace internal

// cross_thread_future<T>: what another thread has of a task that it submitted.
// Move-only. Dropping it cancels nothing; an error that nobody got is reported
// to the error handler of the loop.
//
// Until the task is done, a loop with nothing to do waits, for it may still be
// cancelled.
// Thread-safety: done(), wait() and cancel() are thread-safe; get(), moving and
// destroying it must not meet another use of it.
template <class T>
class [[nodiscard]] cross_thread_future {
 public:
  using value_type = T;

  cross_thread_future() = default;  // Stands for no task; the rest is fatal.
  explicit cross_thread_future(std::shared_ptr<internal::submission<T>> state)
      : state_(std::move(state)) {}
  cross_thread_future(cross_thread_future&&) noexcept = default;
  cross_thread_future& operator=(cross_thread_future&& other) noexcept {
    const cross_thread_future old(std::move(*this));
    state_ = std::move(other.state_);
    return *this;
  }
  ~cross_thread_future() {
    if (state_ != nullptr) state_->leave();
  }

  bool valid() const { return state_ != nullptr; }

  bool done() const { return state().done(); }

  // Blocks until the task is done, or `timeout` has passed in real time; says
  // whether it is done. Fatal on the thread of the loop, which cannot go on
  // while it waits.
  bool wait(absl::Duration timeout = absl::InfiniteDuration()) const {
    return state().wait(timeout);
  }

  // Blocks until the task is done, and takes its outcome: absl::StatusOr<T>,
  // or absl::Status for void. kFailedPrecondition (error_kind::closed) when the
  // loop has gone before the task was done. Fatal on the thread of the loop.
  [[nodiscard]] internal::outcome<T> get() && {
    state().wait(absl::InfiniteDuration());
    return state().take();
  }

  // Asks the task to be cancelled, as future::cancel() on its thread would
  // (S165): the request is posted there, and the task decides. False if it is
  // done, or the loop is closed.
  bool cancel() const {
    internal::submission<T>& s = state();
    if (s.done()) return false;
    return internal::post(s.mailbox(),
                          [state = state_] { state->cancel_task(); })
        .ok();
  }

 private:
  internal::submission<T>& state() const {
    if (state_ == nullptr) internal::use_of_empty_cross_thread_future();
    return *state_;
  }

  std::shared_ptr<internal::submission<T>> state_;
};

// submit: starts a task in the loop of `door`, from any thread (asyncio's
// run_coroutine_threadsafe).
//
//   std::thread other([door = loop.make_remote()] {
//     absl::StatusOr<page> p = submit(door, fetch(url)).get();  // Blocks.
//   });
//
// `machine`, an object of a class derived from task<T>, is moved to the loop's
// thread, started there by a callback that is posted, and destroyed there. If
// the loop is closed it is destroyed in this thread, and the outcome is
// kFailedPrecondition (error_kind::closed). If the loop is destroyed before the
// task is done, the outcome is that, too: a closed loop that still exists keeps
// its tasks (S24), and so keeps the other thread waiting.
// Thread-safety: thread-safe.
template <class Machine>
auto submit(const remote& door, Machine&& machine) {
  using M = std::decay_t<Machine>;
  static_assert(internal::is_machine<M>,
                "submit(remote, machine): the machine must derive from "
                "task<T>");
  static_assert(!std::is_lvalue_reference_v<Machine>,
                "submit(remote, machine) takes the machine: std::move it");
  using T = typename M::result_type;
  auto state = std::make_shared<internal::submission<T>>(door);
  cross_thread_future<T> result(state);
  door.post([settler = internal::settler<T>(std::move(state)),
             machine = std::forward<Machine>(machine)]() mutable {
        future<T> f = create_task(std::move(machine));
        settler.to().started(f.task());
        (void)std::move(f).then_result(
            [settler = std::move(settler)](internal::outcome<T> got) mutable {
              settler.settle(std::move(got));
            });
      })
      .IgnoreError();  // The settler has it.
  return result;
}

}  // namespace ratchet

#endif  // RATCHET_THREAD_SUBMIT_H_
