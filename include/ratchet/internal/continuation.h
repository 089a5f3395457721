#ifndef RATCHET_INTERNAL_CONTINUATION_H_
#define RATCHET_INTERNAL_CONTINUATION_H_

// Included by future.h: what then, or_else, then_result and finally attach.

#include <cstdint>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "ratchet/internal/callback_result.h"
#include "ratchet/internal/context.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/state.h"
#include "ratchet/status.h"

namespace ratchet::internal {

// continuation: the state of the future that then() and its kin return. It is
// a task of two steps: it waits for its source, calls its function, and if
// that returns a future it waits for this one too. Requests to cancel it are
// treated as those to a task (rules S54 to S59).
template <class U, class T, class F, class Call, bool kShared>
class continuation final : public value_state<U>,
                           public runnable,
                           public waiting_side {
 public:
  // Takes the reference to `source` over.
  template <class G>
  continuation(value_state<T>* source, G&& f)
      // One reference for the handle, one for the list in which it waits.
      : value_state<U>(source->core(), 2), source_(source) {
    if constexpr (std::is_nothrow_constructible_v<F, G&&>) {
      ::new (static_cast<void*>(&f_)) F(std::forward<G>(f));
    } else {
      state_ref<future_state> until_made(source);
      ::new (static_cast<void*>(&f_)) F(std::forward<G>(f));
      until_made.release();
    }
    if (ABSL_PREDICT_FALSE(internal::has_context())) {
      set_flag(kHasContext);
      this->core().keep_context(this);
    }
    source_->add_waiter(*this);
  }

  void take_turn() override {
    // What nearly all turns are: nothing to be asked before the function runs.
    if constexpr (std::is_same_v<Call, then_call> && !is_bound<F>) {
      future_state& source = *source_;
      if (ABSL_PREDICT_TRUE(unusual_ == 0 &&
                            source.current_phase() ==
                                future_state::state_phase::value)) {
        guarded([&] {
          F f = take_function();
          call([&]() -> decltype(auto) {
            return Call::template call<kShared>(
                std::move(f), static_cast<value_state<T>&>(source));
          });
        });
        source.unref();
        this->unref();
        return;
      }
    }
    take_unusual_turn();
  }

  void drop_turn() override {
    const state_ref<future_state> self(this);
    const state_ref<future_state> source(std::exchange(source_, nullptr));
    source->mark_retrieved();        // It had been handed to this one.
    if (!has_flag(kFunctionGone)) {  // Its turn has passed by.
      set_flag(kFunctionGone);
      f_.~F();
    }
    drop_context();
    this->abandon();
  }

  cancel_answer answer_cancel(const absl::Status& why) override {
    this->mark_retrieved();
    if (this->done()) return {cancel_answer::kind::refused};
    if (source_ != nullptr && !source_->done()) {
      return {cancel_answer::kind::forward, source_};
    }
    // Remembered, where the outcome will be.
    set_flag(kMustCancel);
    this->hold_error(why);
    return {cancel_answer::kind::accepted};
  }

  std::string describe_state() const override {
    return "future from " + std::string(Call::kName);
  }

 protected:
  ~continuation() override {
    // Once it is settled, the source and the function are gone.
    if (ABSL_PREDICT_TRUE(this->done())) return;
    // Pending and gone: its loop is closed.
    if (!has_flag(kFunctionGone)) f_.~F();
    if (source_ != nullptr) {
      source_->unref();
      drop_context();
    }
  }

  void last_unref() override {
    if (ABSL_PREDICT_TRUE(this->ends_without_destructor())) {
      this->free_block(this);
    } else {
      value_state<U>::last_unref();
    }
  }

 private:
  static constexpr uint16_t kHasContext = 2;  // The loop keeps one for f_.
  // It has run, and waits for what it returned: a shared future, or not.
  static constexpr uint16_t kFunctionGone = 4;
  static constexpr uint16_t kInnerIsShared = 8;

  // Around everything that a turn does: moving a value can throw, too.
  template <class Turn>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void guarded(Turn&& turn) {
#ifdef ABSL_HAVE_EXCEPTIONS
    try {
#endif
      turn();
#ifdef ABSL_HAVE_EXCEPTIONS
    } catch (...) {
      settle_thrown();
    }
#endif
  }
#ifdef ABSL_HAVE_EXCEPTIONS
  // Apart: a turn that does not throw needs no place for the status.
  ABSL_ATTRIBUTE_NOINLINE void settle_thrown() {
    this->settle_error(status_of_current_exception());
  }
#endif
  ABSL_ATTRIBUTE_NOINLINE void settle_requested() {
    this->settle_cancelled(take_request());
  }

  ABSL_ATTRIBUTE_NOINLINE void take_unusual_turn() {
    future_state& source = *source_;
    if (has_flag(kHasContext)) {  // Rule S16.
      clear_flag(kHasContext);
      this->core().enter_context(this);
    }
    guarded([&] {
      if (has_flag(kFunctionGone)) {
        settle_from_inner(static_cast<value_state<U>&>(source));
      } else {
        settle_from(static_cast<value_state<T>&>(source));
      }
    });
    source.unref();
    this->unref();
  }

  // Out of the block: what it captured ends with the call.
  F take_function() {
    struct ended {
      ~ended() { f.~F(); }
      F& f;
    };
    const ended at_end{f_};
    return std::move(f_);
  }

  void drop_context() {
    if (ABSL_PREDICT_TRUE(!has_flag(kHasContext))) return;
    clear_flag(kHasContext);
    this->core().drop_context(this);
  }

  void settle_from(value_state<T>& source) {
    source.mark_retrieved();
    F f = take_function();
    if constexpr (std::is_same_v<Call, then_result_call>) {
      if (settled_by_end_of(f)) return;
      // Delivered with this call: what it answers counts (rule S62).
      const absl::Status cancelled =
          must_cancel() ? take_request(source) : absl::OkStatus();
      call([&]() -> decltype(auto) {
        return Call::template call<kShared>(std::move(f), source, cancelled);
      });
    } else if constexpr (std::is_same_v<Call, finally_call>) {
      const absl::Status failed = call_guarded(std::move(f));
      if (!failed.ok()) {
        this->settle_failed(failed);
      } else {
        pass_on(source);
      }
    } else {
      constexpr bool kOnValue = std::is_same_v<Call, then_call>;
      const bool has_value = !source.failed();
      if (ABSL_PREDICT_FALSE(
              must_cancel() || has_value != kOnValue ||
              (!kOnValue && is_cancelled(source.held_error())))) {
        pass_on(source);
        return;
      }
      if (settled_by_end_of(f)) return;
      call([&]() -> decltype(auto) {
        return Call::template call<kShared>(std::move(f), source);
      });
    }
  }

  // The group to which `f` is bound is gone: in place of what it would give.
  bool settled_by_end_of([[maybe_unused]] const F& f) {
    if constexpr (is_bound<F>) {
      if (f.gone()) {
        this->settle_failed(f.gone_error());
        return true;
      }
    }
    return false;
  }

  // The outcome of the source is that of the continuation.
  void pass_on(value_state<T>& source) {
    if (must_cancel()) {
      this->settle_cancelled(take_request(source));
    } else if (source.failed()) {
      this->settle_failed(source.held_error());
    } else if constexpr (std::is_same_v<U, T>) {
      if constexpr (std::is_void_v<T>) {
        this->settle_value();
      } else {
        this->settle_value(lend<kShared>(source));
      }
    }
  }

  // Settles with what f() gives.
  template <class Bound>
  void call(Bound f) {
    using R = std::decay_t<decltype(f())>;
    if constexpr (std::is_void_v<R>) {
      f();
      settle_unless_cancelled();
    } else if constexpr (std::is_same_v<R, absl::Status>) {
      settle_result(f());
    } else if constexpr (is_status_or<R>::value) {
      settle_result(f());
    } else if constexpr (is_future<R>::value) {
      wait_for_inner(f());
    } else if constexpr (is_machine<R>) {
      wait_for_inner(start_machine(this->core(), f()));
    } else {
      settle_unless_cancelled(f());
    }
  }

  // A function that cancels its own future loses its value (rule S59).
  template <class... Args>
  void settle_unless_cancelled(Args&&... value) {
    if (ABSL_PREDICT_FALSE(must_cancel())) {
      settle_requested();
    } else {
      this->settle_value(std::forward<Args>(value)...);
    }
  }

  template <class Result>
  void settle_result(Result result) {
    if (result.ok() && must_cancel()) {
      this->settle_cancelled(take_request());
    } else {
      this->settle_outcome(std::move(result));
    }
  }

  template <class Future>
  void wait_for_inner(Future inner) {
    set_flag(kFunctionGone);
    if (std::is_same_v<Future, shared_future<U>>) set_flag(kInnerIsShared);
    static_assert(!std::is_same_v<Future, shared_future<U>> ||
                      std::is_copy_constructible_v<stored<U>>,
                  "a callback cannot return a shared_future of a type that "
                  "cannot be copied: others may still want its value");
    value_state<U>& source =
        *inner.release_state("the future a callback returned");
    if (source.done() || &source == this) {  // Rules S39: no hop; S49.
      const state_ref<value_state<U>> owner(&source);
      if (&source == this) {
        this->settle_error(
            make_error(error_kind::self_await,
                       "a callback returned the future of itself, which would "
                       "never be done"));
        return;
      }
      settle_from_inner(source);
      return;
    }
    source_ = &source;
    this->ref();
    source.add_waiter(*this);
    // Rule S59: a request from inside the function is delivered here.
    if (must_cancel()) {
      const absl::Status why = take_request();
      if (!source.cancel(why)) {
        set_flag(kMustCancel);
        this->hold_error(why);
      }
    }
  }

  void settle_from_inner(value_state<U>& inner) {
    if (must_cancel()) {
      inner.mark_retrieved();
      this->settle_cancelled(take_request(inner));
      return;
    }
    if constexpr (std::is_copy_constructible_v<stored<U>>) {
      if (has_flag(kInnerIsShared)) {
        this->settle_outcome(inner.copy());
        return;
      }
    }
    this->settle_outcome(inner.take());
  }

  // The request that is remembered, which is so no more. REQUIRES: there is
  // one.
  absl::Status take_request() {
    clear_flag(kMustCancel);
    absl::Status why = this->held_error();
    this->discard();
    return why;
  }
  // The same; a source that was cancelled itself has come first.
  absl::Status take_request(const future_state& source) {
    absl::Status why = take_request();
    return source.failed() && is_cancelled(source.held_error())
               ? source.held_error()
               : why;
  }

  // There until it is called, or its turn passes by.
  union {
    F f_;
  };
  future_state* source_;  // Owned while it waits.
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_CONTINUATION_H_
