#ifndef RATCHET_INTERNAL_CONTINUATION_H_
#define RATCHET_INTERNAL_CONTINUATION_H_

// Included by future.h: what then, or_else, then_result and finally attach.

#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/callback_handle.h"
#include "ratchet/internal/context.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/state.h"
#include "ratchet/status.h"

namespace ratchet::internal {

class task_core;

// direct_awaitable: what can stand for a machine, but does not become one when
// it is awaited. A class D derived from it has
//
//   D::machine                that machine, made of a D, for create_task & co.
//   D::result_type            what it gives
//   D::source                 a source: a direct_source, or another one of
//   those
//                             in transitions.h
//   future_state* D::take_source()    what to await in place; done, or pending
struct direct_awaitable {};

template <class R>
inline constexpr bool is_direct =
    std::is_base_of_v<direct_awaitable,
                      std::remove_cv_t<std::remove_reference_t<R>>>;

// The machine that R is, or stands for.
template <class R, class = void>
struct machine_for_type {
  using type = R;
};
template <class R>
struct machine_for_type<R, std::enable_if_t<is_direct<R>>> {
  using type = typename R::machine;
};
template <class R>
using machine_for = typename machine_for_type<
    std::remove_cv_t<std::remove_reference_t<R>>>::type;

template <class R>
inline constexpr bool is_machine =
    is_direct<R> ||
    std::is_base_of_v<task_core, std::remove_cv_t<std::remove_reference_t<R>>>;

// What bound_group::bind() gives.
template <class F>
class bound_function;
template <class F>
inline constexpr bool is_bound = false;
template <class F>
inline constexpr bool is_bound<bound_function<F>> = true;

// -- What a callback returns, and what the future made of it carries --------

template <class R, class = void>
struct unwrapped {
  using type = R;
};
template <>
struct unwrapped<absl::Status> {
  using type = void;
};
template <class T>
struct unwrapped<absl::StatusOr<T>> {
  using type = T;
};
template <class T>
struct unwrapped<future<T>> {
  using type = T;
};
template <class T>
struct unwrapped<shared_future<T>> {
  using type = T;
};
template <class M>
struct unwrapped<M, std::enable_if_t<is_machine<M>>> {
  using type = typename M::result_type;
};

// -- How each of the four calls its function ---------------------------------
//
// accepts<F, T, kShared>   whether F can be called so
// call(f, source)          calls it, when `runs_on` says so
// A value is moved out of its state, or lent as const& if others may want it.

template <class T, bool kShared>
using lent = std::conditional_t<kShared, const T&, T&&>;

template <bool kShared, class T>
lent<T, kShared> lend(value_state<T>& source) {
  return static_cast<lent<T, kShared>>(source.value());
}

struct then_call {
  static constexpr std::string_view kName = "then()";

  template <class F, class T, bool kShared>
  static constexpr bool accepts() {
    if constexpr (std::is_void_v<T>) {
      return std::is_invocable_v<F&&>;
    } else {
      return std::is_invocable_v<F&&, lent<T, kShared>>;
    }
  }
  template <bool kShared, class F, class T>
  static decltype(auto) call(F&& f, value_state<T>& source) {
    if constexpr (std::is_void_v<T>) {
      return std::forward<F>(f)();
    } else {
      return std::forward<F>(f)(lend<kShared>(source));
    }
  }
};

struct or_else_call {
  static constexpr std::string_view kName = "or_else()";

  template <class F, class T, bool kShared>
  static constexpr bool accepts() {
    return std::is_invocable_v<F&&, const absl::Status&>;
  }
  template <bool kShared, class F, class T>
  static decltype(auto) call(F&& f, value_state<T>& source) {
    return std::forward<F>(f)(source.held_error());
  }
};

struct then_result_call {
  static constexpr std::string_view kName = "then_result()";

  template <class F, class T, bool kShared>
  static constexpr bool accepts() {
    return std::is_invocable_v<F&&, outcome<T>>;
  }
  // `cancelled`: not OK, in place of the outcome (rule S57).
  template <bool kShared, class F, class T>
  static decltype(auto) call(F&& f, value_state<T>& source,
                             const absl::Status& cancelled) {
    if (!cancelled.ok()) return std::forward<F>(f)(outcome<T>(cancelled));
    if constexpr (kShared) {
      return std::forward<F>(f)(source.copy());
    } else {
      return std::forward<F>(f)(source.take());
    }
  }
};

struct finally_call {
  static constexpr std::string_view kName = "finally()";

  template <class F, class T, bool kShared>
  static constexpr bool accepts() {
    return std::is_invocable_v<F&&>;
  }
};

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

// What the callback of Call makes of a T, checked with a sentence.
template <class Call, class F, class T, bool kShared>
constexpr auto callback_result() {
  if constexpr (std::is_same_v<Call, then_call>) {
    if constexpr (std::is_void_v<T>) {
      return std::invoke_result<F&&>();
    } else {
      return std::invoke_result<F&&, lent<T, kShared>>();
    }
  } else if constexpr (std::is_same_v<Call, or_else_call>) {
    return std::invoke_result<F&&, const absl::Status&>();
  } else if constexpr (std::is_same_v<Call, finally_call>) {
    return std::invoke_result<F&&>();
  } else {
    return std::invoke_result<F&&, outcome<T>>();
  }
}

// Whether a callback that returns R may stand where the outcome of a future<T>
// is passed on or replaced: in or_else() and finally().
template <class Call, class R, class T>
constexpr bool returns_fit() {
  using U = typename unwrapped<R>::type;
  if constexpr (std::is_same_v<Call, finally_call>) {
    return std::is_void_v<R> || std::is_same_v<R, absl::Status>;
  } else if constexpr (!std::is_same_v<Call, or_else_call>) {
    return true;
  } else if constexpr (std::is_void_v<T> || !std::is_same_v<R, U>) {
    return std::is_same_v<T, U>;
  } else {
    return std::is_convertible_v<R, T>;
  }
}

// A callback registered with add_done_callback.
template <class F>
class done_callback final : public callback_core {
 public:
  template <class G>
  done_callback(future_state& source, G&& f)
      : callback_core(source.core()),
        source_(share(source)),
        f_(std::forward<G>(f)) {}

  void take_turn() override {
    begin();
    source_ = state_ref<future_state>();
    call(f_, "add_done_callback()");
    unref();
  }
  void drop_turn() override {
    finish();
    source_ = state_ref<future_state>();
    f_.reset();
    unref();
  }

 private:
  // Rule S35: after the completion it is too late, what is queued will run. On
  // a closed loop it may be among those that are being dropped.
  bool withdraw() override {
    if (source_->done() || source_->abandoned()) return false;
    source_->remove_waiter(*this);
    drop_turn();
    return true;
  }

  state_ref<future_state> source_;  // Until the callback has run.
  std::optional<F> f_;
};

template <class F>
callback_handle attach_done_callback(future_state& source, F&& f) {
  check_callback<F>();
  source.core().check_thread("add_done_callback()");
  auto* const callback =
      new done_callback<callable_of<F>>(source, std::forward<F>(f));
  callback->capture_context();
  callback->ref();
  callback_handle handle(callback);
  // A closed loop takes no callback of a settled future (rule S14).
  return source.add_waiter(*callback) ? handle : callback_handle();
}

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_CONTINUATION_H_
