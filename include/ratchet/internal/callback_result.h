#ifndef RATCHET_INTERNAL_CALLBACK_RESULT_H_
#define RATCHET_INTERNAL_CALLBACK_RESULT_H_

// Included by continuation.h: what the functions given to then, or_else,
// then_result and finally are called with, and what comes of what they return.

#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/internal/state.h"

namespace ratchet::internal {

class task_core;

// direct_awaitable: what can stand for a machine, but does not become one when
// it is awaited. A class D derived from it has
//
//   D::machine                that machine, made of a D, for create_task & co.
//   D::result_type            what it gives
//   D::source                 a source: a direct_source, or another one of
//                             those in transitions.h
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

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_CALLBACK_RESULT_H_
