#ifndef RATCHET_TIMEOUT_H_
#define RATCHET_TIMEOUT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/callback_handle.h"
#include "ratchet/clock.h"
#include "ratchet/internal/awaitables.h"
#include "ratchet/internal/task_core.h"
#include "ratchet/promise.h"
#include "ratchet/status.h"
#include "ratchet/task.h"

namespace ratchet {

// timeout_scope: a deadline around a stretch of the states of a task
// (asyncio's timeout and timeout_at).
//
//   class fetch_both : public ratchet::task<int> {
//    public:
//     step start() {
//       scope_.enter().IgnoreError();
//       return await<&fetch_both::first>(fetch(1));
//     }
//    private:
//     step first(absl::StatusOr<int> a) {
//       if (!a.ok()) return left(a.status());
//       ...
//     }
//     step left(absl::Status outcome) {
//       outcome = scope_.leave(outcome);   // Cancelled -> kDeadlineExceeded
//       ...
//     }
//     ratchet::timeout_scope scope_{absl::Seconds(5)};
//   };
//
//   created -- enter() --> active -- the deadline passes --> expiring
//                            |                                  |
//                         leave()                            leave()
//                            v                                  v
//                         finished                           expired
//
// When the deadline passes, the scope asks the task that entered it to be
// cancelled (S106), with a reason that names the time-out; leave() turns the
// Cancelled that reaches it into a time-out, unless somebody else has asked,
// too (S110). Scopes nest: the one that expired makes the time-out (S111).
//
// Cancelling, by the deadline or by others, *loses data*: what the task awaits
// is cancelled. What stands in a shield() goes on.
//
// Lifetime: part of the task that enters it. Destroyed while active, it is as
// if it had never been.
// Memory: entering its first scope gives a task one more block.
// Thread-safety: on the loop's thread only.
class timeout_scope {
 public:
  // `timeout` from now: the deadline is computed here (S105), in the current
  // loop. absl::InfiniteDuration(): none.
  explicit timeout_scope(absl::Duration timeout);
  // absl::InfiniteFuture(): none.
  explicit timeout_scope(absl::Time deadline);
  timeout_scope(const timeout_scope&) = delete;
  timeout_scope& operator=(const timeout_scope&) = delete;
  // Moves a scope that has not been entered, with its task.
  timeout_scope(timeout_scope&& other) noexcept;
  timeout_scope& operator=(timeout_scope&&) = delete;
  ~timeout_scope();

  // Starts the timer. A deadline that has passed expires in the next iteration
  // (S107). kFailedPrecondition outside of a task, and for a scope that was
  // entered before.
  absl::Status enter();

  // Stops the timer. `outcome` is what the stretch of states ended with: gives
  // it back, but in place of Cancelled the time-out (kDeadlineExceeded,
  // is_timeout()) if this scope caused it. If the scope is not entered, before
  // enter() and after leave(), kFailedPrecondition (error_kind::invalid_state)
  // in place of OK or a value; an error, or Cancelled, comes back unchanged.
  absl::Status leave(absl::Status outcome);
  template <class T>
  absl::StatusOr<T> leave(absl::StatusOr<T> outcome) {
    absl::Status status = leave(outcome.status());
    if (status.ok()) return outcome;
    return status;
  }

  // Moves the deadline, also to or from absl::InfiniteFuture(). Only while
  // active: kFailedPrecondition (error_kind::invalid_state) before and after
  // (S112).
  absl::Status reschedule(absl::Time deadline);

  // Whether the deadline has passed inside the scope; true from that moment on.
  bool expired() const {
    return state_ == state::expiring || state_ == state::expired;
  }

  // absl::InfiniteFuture() when there is none.
  absl::Time deadline() const {
    return internal::deadline_to_time(deadline_.at_ns);
  }

 private:
  enum class state : uint8_t { created, active, expiring, expired, finished };

  // Where the deadline waits. Apart, so that its functions are not the scope's.
  class alarm final : public internal::loop_timer {
   public:
    explicit alarm(timeout_scope& owner) : owner_(owner) {}
    void timer_due() override { owner_.expire(); }

   private:
    timeout_scope& owner_;
  };

  static const char* name(state s);
  void set_timer();
  void stop_timer();
  void expire();

  alarm alarm_{*this};
  callback_handle soon_;  // In place of the alarm, for a deadline that is past.
  internal::task_core* task_ = nullptr;  // Who entered; outlives the scope.
  internal::task_deadline deadline_;  // In the list of the task, once entered.
  // For people: the length that the deadline was given as, or came to be when
  // the timer was set.
  absl::Duration length_ = absl::InfiniteDuration();
  uint32_t cancelling_ = 0;  // Of the task, at entry (S113).
  state state_ = state::created;
};

namespace internal {

// Why a time-out of that length asks for cancellation.
std::string expiry_reason(absl::Duration timeout);

// "with_timeout(5ms)".
std::string with_timeout_name(absl::Duration timeout);

// The machine of with_timeout; "wait_for" of the algorithms in docs/asyncio.md.
template <class A>
class with_timeout_task final : public task<typename future_of<A>::value_type> {
  using T = typename future_of<A>::value_type;
  using self = with_timeout_task;

 public:
  with_timeout_task(A awaitable, absl::Duration timeout)
      : awaitable_(std::move(awaitable)), timeout_(timeout) {}

  step start() {
    if (timeout_ <= absl::ZeroDuration()) return start_too_late();
    scope_.emplace(timeout_);
    absl::Status entered = scope_->enter();
    if (!entered.ok()) return this->fail(std::move(entered));
    return this->template await<&self::finish>(std::move(awaitable_));
  }

  std::string task_name() const override { return with_timeout_name(timeout_); }

 private:
  step finish(outcome<T> result) {
    return this->done(scope_->leave(std::move(result)));
  }

  // Rule S99: cancel what is not done yet, and wait for it.
  step start_too_late() {
    late_ =
        to_future(loop_core::current("with_timeout()"), std::move(awaitable_));
    if (late_.done()) return this->done(outcome_of(late_));
    promise<void> ended;
    future<void> until_ended = ended.get_future();
    on_done_ = late_.add_done_callback([p = std::move(ended)]() mutable {
      if (!p.done()) p.set_value().IgnoreError();
    });
    late_.cancel(expiry_reason(timeout_));
    return this->template await<&self::finish_too_late>(std::move(until_ended));
  }
  step finish_too_late(absl::Status status) {
    on_done_.cancel();
    if (!status.ok()) return this->fail(std::move(status));
    outcome<T> result = outcome_of(late_);
    if (!result.ok() && is_cancelled(status_of(result))) {
      return this->fail(timeout_error(timeout_));
    }
    return this->done(std::move(result));
  }

  static absl::Status status_of(const absl::Status& status) { return status; }
  template <class V>
  static absl::Status status_of(const absl::StatusOr<V>& result) {
    return result.status();
  }

  A awaitable_;
  const absl::Duration timeout_;
  std::optional<timeout_scope> scope_;
  future_of<A> late_;
  callback_handle on_done_;
};

}  // namespace internal

// with_timeout: awaits something, but not for ever (asyncio's wait_for).
//
//   return await<&m::got>(with_timeout(fetch(url), absl::Seconds(5)));
//
// Takes a future, a shared future, or a task that has not been started, and
// gives a machine to be awaited, or to be handed to create_task. Awaited, it is
// a timeout_scope around the await, in the awaiting task (S98): a task runs
// inside of it, and when the time has passed it is the awaiting task that is
// asked to be cancelled, which passes it on to what it waits for. The outcome
// comes when that is really done (S101): kDeadlineExceeded (is_timeout(),
// "timed out after 5s") if it gave in, else its value or error.
//
// A time-out of zero or less cancels at once what is not done yet (S99);
// absl::InfiniteDuration() is none. Cancelling is passed on to what is awaited
// (S103), as the time-out is, and *loses data*: what that would have given.
// What stands in a shield() goes on.
template <class A, std::enable_if_t<internal::is_awaitable<A>, int> = 0>
[[nodiscard]] internal::with_timeout_task<std::decay_t<A>> with_timeout(
    A&& awaitable, absl::Duration timeout) {
  static_assert(
      !std::is_lvalue_reference_v<A> || internal::is_shared<std::decay_t<A>>,
      "with_timeout() takes what it is given: std::move it, or share() it");
  return internal::with_timeout_task<std::decay_t<A>>(
      std::forward<A>(awaitable), timeout);
}

}  // namespace ratchet

#endif  // RATCHET_TIMEOUT_H_
