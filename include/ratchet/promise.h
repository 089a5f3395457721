#ifndef RATCHET_PROMISE_H_
#define RATCHET_PROMISE_H_

#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"

namespace ratchet {
namespace internal {

absl::Status broken_promise();
absl::Status promise_already_done(std::string_view call);
[[noreturn]] void use_of_empty_promise(std::string_view call);

}  // namespace internal

// promise<T>: the producer's end of a future.
//
//   ratchet::promise<int> promise;
//   ratchet::future<int> answer = promise.get_future();
//   loop.call_later(absl::Seconds(1), [p = std::move(promise)]() mutable {
//     p.set_value(42).IgnoreError();  // The consumer may have cancelled.
//   });
//
// Move-only. Completing it never runs the consumer's code inside the call: that
// follows one hop later (rule S33). A promise that is destroyed without having
// been completed fails its future with kAborted (error_kind::broken_promise).
// It may outlive its loop, and its future may outlive it.
//
// Errors of set_value and set_error: kFailedPrecondition, and nothing changes,
// if the future is settled already, which includes cancelled by its consumer
// (error_kind::invalid_state, S32); kFailedPrecondition, but the future is
// settled, if the loop is closed and somebody waited, who is now lost
// (error_kind::closed, S14).
// Thread-safety: on the loop's thread only.
template <class T>
class promise {
 public:
  // Of the current loop, or of `loop`.
  promise() : promise(internal::loop_core::current("promise")) {}
  explicit promise(event_loop& loop) : promise(internal::core_of(loop)) {}
  promise(promise&&) noexcept = default;
  promise& operator=(promise&& other) noexcept {
    promise old(std::move(*this));
    state_ = std::move(other.state_);
    future_taken_ = other.future_taken_;
    return *this;
  }
  ~promise() {
    if (ABSL_PREDICT_FALSE(state_ && !state_->done())) break_it();
  }

  bool valid() const { return static_cast<bool>(state_); }

  // The consumer's end. REQUIRES: called once (fatal in debug builds).
  future<T> get_future() {
    RATCHET_CHECK(valid() && !future_taken_,
                  "get_future() was called twice, or on a moved-from promise: "
                  "share() the future it gave");
    future_taken_ = true;
    return future<T>(internal::share<internal::value_state<T>>(*state_.get()));
  }

  // Whether the future is settled, for example cancelled by its consumer.
  bool done() const { return state("done()").done(); }
  bool cancelled() const { return state("cancelled()").cancelled(); }

  // Completes the future with a T made of `args`.
  template <class... Args>
  absl::Status set_value(Args&&... args) {
    internal::promise_state<T>& s = state("set_value()");
    if (ABSL_PREDICT_FALSE(s.done()))
      return internal::promise_already_done("set_value()");
    if (ABSL_PREDICT_TRUE(s.settle_value(std::forward<Args>(args)...))) {
      return absl::OkStatus();
    }
    return internal::loop_core::closed_error();
  }

  // Completes it with an error. REQUIRES: !error.ok() (fatal in debug builds).
  absl::Status set_error(absl::Status error) {
    internal::promise_state<T>& s = state("set_error()");
    RATCHET_CHECK(!error.ok(), "set_error() was given an OK status");
    if (s.done()) return internal::promise_already_done("set_error()");
    if (s.settle_error(std::move(error))) return absl::OkStatus();
    return internal::loop_core::closed_error();
  }

  // Completes it with either.
  absl::Status set_result(internal::outcome<T> result) {
    if (!result.ok()) {
      if constexpr (std::is_void_v<T>) {
        return set_error(std::move(result));
      } else {
        return set_error(std::move(result).status());
      }
    }
    if constexpr (std::is_void_v<T>) {
      return set_value();
    } else {
      return set_value(*std::move(result));
    }
  }

 private:
  // Apart, so that a promise that has been completed ends in few instructions.
  ABSL_ATTRIBUTE_NOINLINE void break_it() {
    // With no other reference there is nobody to tell.
    if (state_->sole_reference()) return;
    state_->settle_error(internal::broken_promise());
  }

  explicit promise(internal::loop_core& core)
      : state_(new internal::promise_state<T>(core)) {}

  internal::promise_state<T>& state(std::string_view call) const {
    if (ABSL_PREDICT_FALSE(!state_)) internal::use_of_empty_promise(call);
    state_->core().check_thread(call);
    return *state_;
  }

  internal::state_ref<internal::promise_state<T>> state_;
  bool future_taken_ = false;
};

}  // namespace ratchet

#endif  // RATCHET_PROMISE_H_
