#ifndef RATCHET_FUTURE_H_
#define RATCHET_FUTURE_H_

#include <ostream>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/callback_handle.h"
#include "ratchet/internal/callback_result.h"
#include "ratchet/internal/continuation.h"
#include "ratchet/internal/done_callback.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/state.h"
#include "ratchet/status.h"

namespace ratchet {

class task_handle;

namespace internal {

// "<when_all pending>", "<future value>", "<task error>", ...
void print_state(std::ostream& out, const future_state* state);

[[noreturn]] void use_of_empty_future(std::string_view call);
[[noreturn]] void use_of_missing_value();

// What future<T> and shared_future<T> have in common: a handle on one state.
template <class T>
class future_handle {
 public:
  using value_type = T;

  // False for a default-constructed, moved-from or consumed handle. Every
  // other member is fatal then: a sentence, and the process ends.
  bool valid() const { return static_cast<bool>(state_); }
  explicit operator bool() const { return valid(); }

  // Settled: it has a value, an error, or is cancelled (rule S29).
  bool done() const { return state("done()").done(); }
  // Cancelled; an ordinary kCancelled error does not count.
  bool cancelled() const { return state("cancelled()").cancelled(); }

  // OK, or the error (kCancelled when cancelled); kFailedPrecondition with
  // error_kind::invalid_state while pending. Counts as looking at the error
  // (rule S38).
  [[nodiscard]] absl::Status status() const {
    return state("status()").status();
  }

  // The value. REQUIRES: status().ok() (fatal otherwise).
  template <class U = T>
  const std::enable_if_t<!std::is_void_v<U>, U>& value() const {
    internal::value_state<T>& s = state("value()");
    if (ABSL_PREDICT_FALSE(s.current_phase() !=
                           future_state::state_phase::value)) {
      use_of_missing_value();
    }
    return s.value();
  }

  // A copy of the outcome: absl::StatusOr<T>, or absl::Status for void; the
  // error as by status(). Can be called any number of times (rule S30).
  [[nodiscard]] outcome<T> result() const& {
    internal::value_state<T>& s = state("result()");
    if (!s.done()) return s.status();
    return s.copy();
  }

  // Asks what this future waits for to be cancelled; true if somebody took the
  // request. A plain future is cancelled at once (S37); a task gets the request
  // at its await and may clean up, or refuse (S53); then() and its kin pass it
  // on to where they come from; when_all to its children; shield stops it.
  // False when settled already. Complexity: O(length of the chain).
  //
  // `reason` travels with the request: cancel_reason() of the Cancelled that
  // tasks and callbacks see, and of status(), gives it back. Where two requests
  // meet before the first is seen, S60 holds: the reason is that of the one
  // that cancelled the source; of several that are only remembered, the last.
  bool cancel(std::string_view reason = {}) {
    internal::value_state<T>& s = state("cancel()");
    if (reason.empty()) return s.cancel();
    return s.cancel(cancelled_error(reason));
  }

  // Runs `f`, which takes nothing, one hop after the completion, in the order
  // of registration; one hop from now if it has completed (S33, S34). Errors of
  // `f` go to the loop's error handler; the error of this future does not count
  // as retrieved. cancel() on the handle takes the callback back as long as
  // this is pending (S35). The callback does not keep the producer alive.
  template <class F>
  callback_handle add_done_callback(F&& f) const {
    return attach_done_callback(state("add_done_callback()"),
                                std::forward<F>(f));
  }

  // The task this future stands for; an empty handle for any other future.
  // Declared in task.h.
  task_handle task() const;

  // True while it holds an error that nobody has looked at (rule S38). Dropping
  // the last handle would report that error.
  bool unretrieved() const { return state("unretrieved()").unretrieved(); }

  friend std::ostream& operator<<(std::ostream& out, const future_handle& f) {
    print_state(out, f.state_.get());
    return out;
  }
  friend bool operator==(const future_handle& a, const future_handle& b) {
    return a.state_.get() == b.state_.get();
  }
  friend bool operator!=(const future_handle& a, const future_handle& b) {
    return !(a == b);
  }

  // -- For the library --------------------------------------------------------

  internal::value_state<T>& state(std::string_view call) const {
    if (ABSL_PREDICT_FALSE(state_.get() == nullptr)) use_of_empty_future(call);
    return *state_.get();
  }
  // Hands the reference over.
  internal::value_state<T>* release_state(std::string_view call) {
    internal::value_state<T>& s = state(call);
    state_.release();
    return &s;
  }

 protected:
  future_handle() = default;
  explicit future_handle(state_ref<internal::value_state<T>> state)
      : state_(std::move(state)) {}

  // Takes the reference to `source` over.
  template <class Call, bool kShared, class F>
  static auto attach(internal::value_state<T>* source, F&& f) {
    using Function = std::decay_t<F>;
    source->core().check_thread(Call::kName);
    using R = std::decay_t<
        typename decltype(callback_result<Call, Function, T, kShared>())::type>;
    constexpr bool kFits = returns_fit<Call, R, T>();
    constexpr bool kFinally = std::is_same_v<Call, finally_call>;
    constexpr bool kOrElse = std::is_same_v<Call, or_else_call>;
    static_assert(kFits || !kOrElse,
                  "or_else(f): f must return what the future carries: T, "
                  "absl::StatusOr<T>, future<T> or task<T>; for future<void>, "
                  "nothing or absl::Status");
    static_assert(kFits || !kFinally,
                  "finally(f): f must return nothing, or absl::Status");
    if constexpr (kFits) {
      using U = std::conditional_t<kFinally || kOrElse, T,
                                   typename unwrapped<R>::type>;
      using Continuation = continuation<U, T, Function, Call, kShared>;
      return future<U>(state_ref<internal::value_state<U>>(
          new Continuation(source, std::forward<F>(f))));
    } else {
      return future<T>();
    }
  }

 private:
  state_ref<internal::value_state<T>> state_;
};

}  // namespace internal

// future<T>: a value of type T that comes later, or an error in its place.
//
//   ratchet::future<int> square(int x) {
//     return ratchet::sleep_for(absl::Seconds(1)).then([x] { return x * x; });
//   }
//
// Move-only, with one consumer: then() and its kin, share(), and awaiting take
// the future. T is any movable type, or void. Dropping a future neither cancels
// nor blocks what produces it; an error that nobody looked at is reported to
// the loop's error handler when the last handle goes.
//
// The four continuations attach a callback and return the future of what the
// callback makes of this one:
//
//   call         runs on            f takes                  f returns
//   -----------  -----------------  -----------------------  ------------------
//   then         a value            T, or nothing for void   see below
//   or_else      an error, not      const absl::Status&      T, or a future<T>,
//                Cancelled                                   StatusOr<T>, ...
//   then_result  either             StatusOr<T>; Status for  see below
//                                   void
//   finally      any way out        nothing                  nothing, or Status
//
// f may return a value, nothing, absl::Status or absl::StatusOr, a future or a
// task: the new future carries the value, or the error; futures and tasks are
// flattened. What a callback does not run on passes through. An exception
// becomes kUnknown. The callback runs from the loop, one hop after the
// completion, never inside the call that attaches or completes (S33, S34); it
// is destroyed when it has run, or when its turn passes by.
//
// Cancelling the new future passes the request on to this one. If this one is
// settled already, and the callback has not run, the callback gets Cancelled in
// place of the outcome (S57): then() skips it, finally() runs it.
//
// Cancelling who awaits a future, or a continuation, *loses data*: its source
// is cancelled, too, and what that would have given never comes. Awaiting
// shield(f) in its place leaves the source alone.
//
// Thread-safety: on the loop's thread only.
// Complexity: one block from the slab per future, none for its callback.
template <class T>
class [[nodiscard]] future : public internal::future_handle<T> {
  using base = internal::future_handle<T>;

 public:
  future() = default;
  explicit future(internal::state_ref<internal::value_state<T>> state)
      : base(std::move(state)) {}
  future(future&&) noexcept = default;
  future& operator=(future&&) noexcept = default;

  using base::result;
  // The outcome, moved out. Takes the future only if it is settled.
  [[nodiscard]] internal::outcome<T> result() && {
    internal::value_state<T>& s = this->state("result()");
    if (!s.done()) return s.status();
    const internal::state_ref<internal::value_state<T>> owner(
        this->release_state("result()"));
    return owner->take();
  }

  template <class F>
  auto then(F&& f) && {
    using Function = std::decay_t<F>;
    constexpr bool kAccepts =
        internal::then_call::accepts<Function, T, false>();
    static_assert(kAccepts,
                  "then(f): f must be callable with the value, f(T), or, for "
                  "future<void>, f()");
    if constexpr (kAccepts) {
      return attach<internal::then_call>(std::forward<F>(f));
    }
  }

  template <class F>
  future or_else(F&& f) && {
    using Function = std::decay_t<F>;
    constexpr bool kAccepts =
        internal::or_else_call::accepts<Function, T, false>();
    static_assert(kAccepts,
                  "or_else(f): f must be callable with the error, "
                  "f(const absl::Status&)");
    if constexpr (kAccepts) {
      return attach<internal::or_else_call>(std::forward<F>(f));
    }
  }

  template <class F>
  auto then_result(F&& f) && {
    using Function = std::decay_t<F>;
    constexpr bool kAccepts =
        internal::then_result_call::accepts<Function, T, false>();
    static_assert(kAccepts,
                  "then_result(f): f must be callable with the outcome, "
                  "f(absl::StatusOr<T>), or, for future<void>, "
                  "f(absl::Status)");
    if constexpr (kAccepts) {
      return attach<internal::then_result_call>(std::forward<F>(f));
    }
  }

  template <class F>
  future finally(F&& f) && {
    using Function = std::decay_t<F>;
    constexpr bool kAccepts =
        internal::finally_call::accepts<Function, T, false>();
    static_assert(kAccepts,
                  "finally(f): f must be callable without arguments, f()");
    if constexpr (kAccepts) {
      return attach<internal::finally_call>(std::forward<F>(f));
    }
  }

  // The same future for many: takes this one.
  shared_future<T> share() && {
    return shared_future<T>(internal::state_ref<internal::value_state<T>>(
        this->release_state("share()")));
  }

  // Of an lvalue they are refused, with a sentence.
  template <class F>
  future then(F&& /*f*/) const& {
    return refuse_lvalue<F>();
  }
  template <class F>
  future or_else(F&& /*f*/) const& {
    return refuse_lvalue<F>();
  }
  template <class F>
  future then_result(F&& /*f*/) const& {
    return refuse_lvalue<F>();
  }
  template <class F>
  future finally(F&& /*f*/) const& {
    return refuse_lvalue<F>();
  }
  template <class U = T>
  shared_future<T> share() const& {
    return refuse_lvalue<U>();
  }

 private:
  template <class Any>
  static future refuse_lvalue() {
    constexpr bool kTakesTheFuture =
        std::is_void_v<Any> && !std::is_void_v<Any>;
    static_assert(kTakesTheFuture,
                  "then(f), its kin and share() take the future: "
                  "std::move(x).then(f); to keep it, have a shared_future made "
                  "by std::move(x).share()");
    return future();
  }

  template <class Call, class F>
  auto attach(F&& f) {
    return base::template attach<Call, false>(this->release_state(Call::kName),
                                              std::forward<F>(f));
  }
};

// shared_future<T>: a copyable handle on a future. Every consumer sees the
// value as const T& (or copies it); they are served in the order in which they
// came (S36). Cancelling one consumer *loses data* for all: the source is
// cancelled, unless that consumer waits for a shield() of it. Everything else
// is as for future<T>.
template <class T>
class [[nodiscard]] shared_future : public internal::future_handle<T> {
  using base = internal::future_handle<T>;

 public:
  shared_future() = default;
  explicit shared_future(internal::state_ref<internal::value_state<T>> state)
      : base(std::move(state)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): sharing loses nothing.
  shared_future(future<T>&& f) : shared_future(std::move(f).share()) {}
  shared_future(const shared_future& other) : base(other.reference()) {}
  shared_future(shared_future&&) noexcept = default;
  shared_future& operator=(const shared_future& other) {
    return *this = shared_future(other);
  }
  shared_future& operator=(shared_future&&) noexcept = default;

  template <class F>
  auto then(F&& f) const {
    using Function = std::decay_t<F>;
    constexpr bool kAccepts = internal::then_call::accepts<Function, T, true>();
    static_assert(kAccepts,
                  "then(f): f must be callable with the value of a shared "
                  "future, f(const T&), or, for shared_future<void>, f()");
    if constexpr (kAccepts) {
      return attach<internal::then_call>(std::forward<F>(f));
    }
  }

  template <class F>
  future<T> or_else(F&& f) const {
    using Function = std::decay_t<F>;
    constexpr bool kAccepts =
        internal::or_else_call::accepts<Function, T, true>();
    static_assert(kAccepts,
                  "or_else(f): f must be callable with the error, "
                  "f(const absl::Status&)");
    if constexpr (kAccepts) {
      return attach<internal::or_else_call>(std::forward<F>(f));
    }
  }

  template <class F>
  auto then_result(F&& f) const {
    using Function = std::decay_t<F>;
    constexpr bool kAccepts =
        internal::then_result_call::accepts<Function, T, true>();
    static_assert(kAccepts,
                  "then_result(f): f must be callable with the outcome, "
                  "f(absl::StatusOr<T>), or, for shared_future<void>, "
                  "f(absl::Status)");
    if constexpr (kAccepts) {
      return attach<internal::then_result_call>(std::forward<F>(f));
    }
  }

  template <class F>
  future<T> finally(F&& f) const {
    using Function = std::decay_t<F>;
    constexpr bool kAccepts =
        internal::finally_call::accepts<Function, T, true>();
    static_assert(kAccepts,
                  "finally(f): f must be callable without arguments, f()");
    if constexpr (kAccepts) {
      return attach<internal::finally_call>(std::forward<F>(f));
    }
  }

 private:
  // A further reference to the state; none for an empty handle.
  internal::state_ref<internal::value_state<T>> reference() const {
    return this->valid() ? internal::share(this->state("copying"))
                         : internal::state_ref<internal::value_state<T>>();
  }

  template <class Call, class F>
  auto attach(F&& f) const {
    return base::template attach<Call, true>(
        internal::share(this->state(Call::kName)).release(),
        std::forward<F>(f));
  }
};

// -- Futures that are settled already
// ------------------------------------------ They belong to the current loop.
// Awaiting one does not suspend (S39).

inline future<void> make_ready_future() {
  auto* const state = new internal::promise_state<void>(
      internal::loop_core::current("make_ready_future()"));
  state->settle_value();
  return future<void>(internal::state_ref<internal::value_state<void>>(state));
}

template <class V>
future<std::decay_t<V>> make_ready_future(V&& value) {
  using T = std::decay_t<V>;
  auto* const state = new internal::promise_state<T>(
      internal::loop_core::current("make_ready_future()"));
  future<T> result{internal::state_ref<internal::value_state<T>>(state)};
  state->settle_value(std::forward<V>(value));  // Moving it may throw.
  return result;
}

// REQUIRES: !error.ok() (fatal in debug builds). Cancelled, with
// cancelled_error().
template <class T>
future<T> make_error_future(absl::Status error) {
  RATCHET_CHECK(!error.ok(), "make_error_future() was given an OK status");
  auto* const state = new internal::promise_state<T>(
      internal::loop_core::current("make_error_future()"));
  state->settle_failed(std::move(error));
  return future<T>(internal::state_ref<internal::value_state<T>>(state));
}

}  // namespace ratchet

#endif  // RATCHET_FUTURE_H_
