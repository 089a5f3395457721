#ifndef RATCHET_INTERNAL_STATE_H_
#define RATCHET_INTERNAL_STATE_H_

// Included by future.h and task.h: a future_state with a place for its value.

#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/internal/future_state.h"
#include "ratchet/status.h"

namespace ratchet {

template <class T>
class future;
template <class T>
class shared_future;

namespace internal {

// What a future<void> stores.
struct nothing {};

template <class T>
using stored = std::conditional_t<std::is_void_v<T>, nothing, T>;

// The outcome of a future<T> as its user sees it.
template <class T>
struct outcome_type {
  using type = absl::StatusOr<T>;
};
template <>
struct outcome_type<void> {
  using type = absl::Status;
};
template <class T>
using outcome = typename outcome_type<T>::type;

template <class T>
struct is_future : std::false_type {};
template <class T>
struct is_future<future<T>> : std::true_type {};
template <class T>
struct is_future<shared_future<T>> : std::true_type {};

template <class T>
struct is_status_or : std::false_type {};
template <class T>
struct is_status_or<absl::StatusOr<T>> : std::true_type {};

// Stops a wrong value type at the door.
template <class T>
constexpr bool check_value_type() {
  static_assert(!std::is_same_v<T, absl::Status>,
                "future<absl::Status> is refused: a future already carries an "
                "error. Use future<void>.");
  static_assert(!is_status_or<T>::value,
                "future<absl::StatusOr<T>> is refused: a future already "
                "carries an error. Use future<T>.");
  static_assert(!is_future<T>::value,
                "future<future<T>> is refused: then() flattens futures. Use "
                "future<T>.");
  static_assert(!std::is_reference_v<T>,
                "a future of a reference is refused: use a pointer or "
                "std::reference_wrapper.");
  static_assert(std::is_void_v<T> || std::is_move_constructible_v<T>,
                "the value of a future must be movable.");
  return true;
}

template <class T>
class value_state : public future_state {
 public:
  static_assert(check_value_type<T>());
  using value_type = T;

  value_state() {}  // Of a task that has not been started.
  explicit value_state(loop_core& core, uint32_t refs = 1)
      : future_state(core, refs) {}

  const absl::Status& held_error() const final { return error_; }

  // REQUIRES: current_phase() == phase::value.
  stored<T>& value() { return value_; }

  // The outcome: the value moved out, or copied. REQUIRES: done().
  outcome<T> take() {
    if (failed()) {
      mark_retrieved();
      return error_;
    }
    if constexpr (std::is_void_v<T>) {
      return absl::OkStatus();
    } else {
      return outcome<T>(std::move(value_));
    }
  }
  outcome<T> copy() {
    if (failed()) {
      mark_retrieved();
      return error_;
    }
    if constexpr (std::is_void_v<T>) {
      return absl::OkStatus();
    } else {
      return outcome<T>(std::as_const(value_));
    }
  }

  // -- For producers. False from settling: the loop is closed and the waiters
  // -- are lost; the state has changed all the same (rule S14).

  template <class... Args>
  void emplace(Args&&... args) {
    ::new (static_cast<void*>(&value_)) stored<T>(std::forward<Args>(args)...);
    holds_ = held_kind::value;
  }
  void hold_error(absl::Status error) {
    discard();
    ::new (static_cast<void*>(&error_)) absl::Status(std::move(error));
    holds_ = held_kind::error;
  }
  // Destroys what it holds.
  void discard() {
    destroy_held();
    holds_ = held_kind::nothing;
  }

  template <class... Args>
  bool settle_value(Args&&... args) {
    emplace(std::forward<Args>(args)...);
    return settle(state_phase::value);
  }
  bool settle_error(absl::Status error) {
    hold_error(std::move(error));
    return settle(state_phase::error);
  }
  bool settle_cancelled(absl::Status why) {
    hold_error(std::move(why));
    return settle(state_phase::cancelled);
  }
  // As a task ends: an error that is Cancelled makes it cancelled (rule S51).
  bool settle_failed(absl::Status error) {
    const bool cancelled = is_cancelled(error);
    hold_error(std::move(error));
    return settle(cancelled ? state_phase::cancelled : state_phase::error);
  }
  bool settle_outcome(outcome<T> result) {
    if (!result.ok()) return settle_failed(status_of(std::move(result)));
    if constexpr (std::is_void_v<T>) {
      return settle_value();
    } else {
      return settle_value(*std::move(result));
    }
  }

 protected:
  ~value_state() override { destroy_held(); }

  using future_state::holds_;
  using typename future_state::held_kind;

  // Whether it is settled, and the destructors of this class and its bases
  // would do nothing.
  bool ends_without_destructor() const {
    return std::is_trivially_destructible_v<stored<T>> &&
           this->current_phase() == state_phase::value;
  }

 private:
  using stored_type = stored<T>;

  void destroy_held() {
    if (ABSL_PREDICT_FALSE(holds_ == held_kind::error)) {
      error_.~Status();
    } else if (!std::is_trivially_destructible_v<stored<T>> &&
               holds_ == held_kind::value) {
      value_.~stored_type();
    }
  }

  static absl::Status status_of(outcome<T>&& result) {
    if constexpr (std::is_void_v<T>) {
      return std::move(result);
    } else {
      return std::move(result).status();
    }
  }

  union {
    stored<T> value_;
    absl::Status error_;
  };
};

// A state that waits for nothing, so cancelling it cancels it at once (rule
// S37).
template <class T>
class plain_state : public value_state<T> {
 public:
  using value_state<T>::value_state;

  cancel_answer answer_cancel(const absl::Status& why) override {
    this->mark_retrieved();
    if (this->done()) return {cancel_answer::kind::refused};
    this->settle_cancelled(why);
    return {cancel_answer::kind::accepted};
  }
};

// That of a promise.
template <class T>
class promise_state final : public plain_state<T> {
 public:
  using plain_state<T>::plain_state;

  std::string describe_state() const override { return "future of a promise"; }

  void last_unref() override {
    if (ABSL_PREDICT_TRUE(this->ends_without_destructor())) {
      this->free_block(this);
    } else {
      value_state<T>::last_unref();
    }
  }
};

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_INTERNAL_STATE_H_
