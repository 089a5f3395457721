#ifndef RATCHET_FUTURE_FROM_CALLBACK_H_
#define RATCHET_FUTURE_FROM_CALLBACK_H_

#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "ratchet/future.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/state.h"
#include "ratchet/promise.h"
#include "ratchet/thread/cross_thread_promise.h"

namespace ratchet {

// A callback_of<Promise>: what future_from_callback hands to an interface that
// wants to be given a callback. Calling it settles the future.
//
//   callback(args...)    with a T made of `args` (nothing, for void)
//   callback(status)     with an error; for void, OK is the value
//   callback(status_or)  with either
//
// Copyable: all copies are one callback. The first call wins, and later ones,
// and those after the future was cancelled, do nothing. When the last copy is
// destroyed without a call, the future fails with kAborted
// (error_kind::broken_promise).
//
// It may outlive the future, and its loop. REQUIRES: `status` is not OK unless
// T is void (fatal in debug builds).
template <class T, class Promise>
class callback_of final {
 public:
  using value_type = T;

  // For the library.
  explicit callback_of(std::shared_ptr<Promise> p) : promise_(std::move(p)) {}

  // Whether this call settles the future.
  template <class... Args>
  bool operator()(Args&&... args) const {
    constexpr bool kAccepts = accepts<Args...>();
    static_assert(
        kAccepts,
        "a callback of future_from_callback<T> takes what a T can be made of, "
        "absl::Status, or absl::StatusOr<T>; for void, nothing or "
        "absl::Status");
    if constexpr (kAccepts) {
      return settle(std::forward<Args>(args)...).ok();
    } else {
      return false;
    }
  }

  // Whether a call would still settle the future: false once one has, or when
  // the future was cancelled. (Not when it was only dropped.)
  bool wanted() const { return !promise_->done() && !promise_->cancelled(); }

 private:
  template <class... Args>
  static constexpr bool is_status() {
    return sizeof...(Args) == 1 &&
           (std::is_same_v<std::decay_t<Args>, absl::Status> && ...);
  }
  template <class... Args>
  static constexpr bool is_outcome() {
    return sizeof...(Args) == 1 &&
           (std::is_same_v<std::decay_t<Args>, internal::outcome<T>> && ...);
  }
  template <class... Args>
  static constexpr bool accepts() {
    if constexpr (is_status<Args...>() || is_outcome<Args...>()) {
      return true;
    } else if constexpr (std::is_void_v<T>) {
      return sizeof...(Args) == 0;
    } else {
      return std::is_constructible_v<T, Args&&...>;
    }
  }

  template <class... Args>
  absl::Status settle(Args&&... args) const {
    if constexpr (is_outcome<Args...>()) {
      return promise_->set_result(std::forward<Args>(args)...);
    } else if constexpr (is_status<Args...>()) {
      return promise_->set_error(std::forward<Args>(args)...);
    } else {
      return promise_->set_value(std::forward<Args>(args)...);
    }
  }

  std::shared_ptr<Promise> promise_;
};

template <class T>
using future_callback = callback_of<T, promise<T>>;
template <class T>
using cross_thread_callback = callback_of<T, cross_thread_promise<T>>;

namespace internal {

template <class R>
constexpr bool is_cancel_function() {
  if constexpr (std::is_void_v<R>) {
    return false;
  } else {
    return std::is_invocable_v<R&>;
  }
}

// Calls `start` with `callback`, on whose Promise `f` depends; its error.
template <class R, class Promise, class T, class Start>
absl::Status start_with(Start&& start, const callback_of<T, Promise>& callback,
                        const std::weak_ptr<Promise>& promise,
                        const future<T>& f) {
  if constexpr (std::is_void_v<R>) {
    std::forward<Start>(start)(callback);
    return absl::OkStatus();
  } else if constexpr (is_cancel_function<R>()) {
    // Without a promise nobody can call it any more, and there is nothing to
    // be cancelled.
    f.add_done_callback(
        [promise, cancel = R(std::forward<Start>(start)(callback))]() mutable {
          const std::shared_ptr<Promise> left = promise.lock();
          if (left != nullptr && left->cancelled()) cancel();
        });
    return absl::OkStatus();
  } else {
    return std::forward<Start>(start)(callback);
  }
}

template <class T, class Promise, class Start>
future<T> from_callback(Start&& start) {
  using Callback = callback_of<T, Promise>;
  constexpr bool kTakes = std::is_invocable_v<Start&&, const Callback&>;
  static_assert(kTakes,
                "future_from_callback<T>(start): start must be callable with "
                "the callback, start(auto callback)");
  if constexpr (kTakes) {
    using R = std::decay_t<std::invoke_result_t<Start&&, const Callback&>>;
    static_assert(std::is_void_v<R> || std::is_same_v<R, absl::Status> ||
                      is_cancel_function<R>(),
                  "future_from_callback<T>(start): start must return nothing, "
                  "absl::Status, or what is to be called when the future is "
                  "cancelled, a callable that takes nothing");
    auto promise = std::make_shared<Promise>();
    future<T> f = promise->get_future();
    const std::weak_ptr<Promise> watched = promise;
    // Until `start` is over, so that its failure comes before a broken promise.
    const Callback first(std::move(promise));
    const absl::Status failed = call_guarded([&] {
      return start_with<R>(std::forward<Start>(start), first, watched, f);
    });
    if (!failed.ok()) first(failed);
    return f;
  } else {
    return future<T>();
  }
}

}  // namespace internal

// future_from_callback: the future of what an interface gives to a callback.
//
//   ratchet::future<std::string> name =
//       ratchet::future_from_callback<std::string>([&](auto callback) {
//         resolver.look_up(address, [callback](int error, const char* text) {
//           if (error != 0) {
//             callback(absl::UnavailableError("no name"));
//           } else {
//             callback(text);
//           }
//         });
//       });
//
// Calls `start` once, at once, with a future_callback<T>, which it hands on.
// The callback may be called right there: the future is settled then, and who
// awaits it goes on one hop later, as always (S33).
//
// `start` returns nothing; or absl::Status, which fails the future if it is not
// OK; or a callable: when the future is cancelled it is called, once, in the
// next iteration, unless the callback is gone by then. It is destroyed when the
// future is settled. An exception of `start` fails the future with kUnknown.
//
// The callback is called on the loop's thread (debug builds check). A loop that
// has nothing else to do does not wait for it: that is error_kind::deadlock.
//
// Errors: what the callback is given; kAborted (error_kind::broken_promise)
// when nobody can call it any more. On a closed loop the future stays pending.
// Cancelling the future cancels it at once and *loses data*: a call that comes
// later does nothing.
// Dropping the future changes nothing else.
// Thread-safety: on the loop's thread only. Complexity: O(1), two blocks.
template <class T, class Start>
future<T> future_from_callback(Start&& start) {
  return internal::from_callback<T, promise<T>>(std::forward<Start>(start));
}

// The same for callbacks that come from another thread, or from any:
//
//   ratchet::future_from_cross_thread_callback<int>([&](auto callback) {
//     driver.on_answer([callback](int n) { callback(n); });  // In its thread.
//   });
//
// `start` is given a cross_thread_callback<T>, whose copies may be called and
// destroyed by any thread, and which keeps a loop that has nothing to do
// waiting until it was called or is gone. The future is settled in the loop's
// thread, as by a cross_thread_promise; `start`, and what it returns, are
// called there, too. Cancelling *loses data*, as above. Two blocks more.
template <class T, class Start>
future<T> future_from_cross_thread_callback(Start&& start) {
  return internal::from_callback<T, cross_thread_promise<T>>(
      std::forward<Start>(start));
}

}  // namespace ratchet

#endif  // RATCHET_FUTURE_FROM_CALLBACK_H_
