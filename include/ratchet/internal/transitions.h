#ifndef RATCHET_INTERNAL_TRANSITIONS_H_
#define RATCHET_INTERNAL_TRANSITIONS_H_

// Included by task.h: how a member function becomes a state of a machine.

#include <tuple>
#include <type_traits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/internal/callback_result.h"
#include "ratchet/internal/pretty_name.h"
#include "ratchet/internal/state.h"
#include "ratchet/internal/task_core.h"
#include "ratchet/status.h"

namespace ratchet::internal {

// -- A state function, taken apart --------------------------------------------

struct no_parameter {};

template <class F>
struct state_function;
// What is no state, to be refused with a sentence.
template <class C, class Member>
struct state_function<Member C::*> {
  static constexpr bool kIsState = false;
  using machine = C;
  using result = step;
  using parameter = no_parameter;
};
template <class C, class R>
struct state_function<R (C::*)()> {
  static constexpr bool kIsState = true;
  using machine = C;
  using result = R;
  using parameter = no_parameter;
};
template <class C, class R, class A>
struct state_function<R (C::*)(A)> {
  static constexpr bool kIsState = true;
  using machine = C;
  using result = R;
  using parameter = A;
};
template <class C, class R>
struct state_function<R (C::*)() noexcept> : state_function<R (C::*)()> {};
template <class C, class R, class A>
struct state_function<R (C::*)(A) noexcept> : state_function<R (C::*)(A)> {};

// -- Where the outcome that a state is called with comes from
// -------------------
//
// result_type      what it carries
// source_state     the type of task_core::source_
// lent             how the value is handed to the state

struct from_nothing {  // A sleep, a yield, the start.
  using result_type = void;
};
template <class T>
struct from_future {  // Also from a machine.
  using result_type = T;
  static constexpr bool kShared = false;
};
template <class T>
struct from_shared_future {
  using result_type = T;
  static constexpr bool kShared = true;
};

// A source that sees itself to how the machine goes on, so that there need be
// no frame between the two. A class S derived from this has
//
//   S::result_type
//   template <class To, class Machine>
//   static step S::resume(Machine& self, future_state* source, thrown)
//
// which takes the reference and returns what one of To's go_on, fail and
// wait_for does: the machine goes on with a value, or an error, or has to wait.
struct direct_source {};

// How the parameter of a state can be had from a T.
enum class passing { nothing, value, outcome, impossible };

template <class Parameter, class T, bool kShared>
constexpr passing passing_of() {
  using P = std::remove_cv_t<std::remove_reference_t<Parameter>>;
  if constexpr (std::is_same_v<P, no_parameter>) {
    return passing::nothing;
  } else if constexpr (std::is_same_v<P, outcome<T>>) {
    return passing::outcome;
  } else if constexpr (!std::is_void_v<T>) {
    if constexpr (std::is_convertible_v<lent<T, kShared>, Parameter>) {
      return passing::value;
    } else {
      return passing::impossible;
    }
  } else {
    return passing::impossible;
  }
}

template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;

// Stops a state that cannot be called with a T, which the compiler names beside
// the sentence.
template <class T, passing kPassing>
constexpr bool check_awaited() {
  constexpr bool kFits = kPassing != passing::impossible;
  static_assert(kFits || !is_tuple<T>,
                "a state after await takes the value, the outcome, or nothing, "
                "and the value is a std::tuple here, with std::monostate for "
                "void: step next(T), step next(absl::StatusOr<T>), or step "
                "next(), with the T of check_awaited<T>");
  static_assert(kFits || is_tuple<T>,
                "a state after await takes the value, the outcome, or nothing: "
                "step next(T), step next(absl::StatusOr<T>), for void step "
                "next(absl::Status), or step next(), with the T of "
                "check_awaited<T>, or what it converts to by itself");
  return kFits;
}

// The machine whose state `Next` is. It says nothing that Next does not, but a
// template that has Next for a parameter must have this one, too: for GCC (12;
// not Clang) gives &m::next the linkage of a constant, also if m is in an
// unnamed namespace, and then machines of one name in two files would run each
// other's states. A type has the linkage that it should.
template <auto Next>
using machine_of = typename state_function<decltype(Next)>::machine;

// transition_to<&machine::next, Source>::value: see struct transition.
template <auto Next, class Source, class Machine = machine_of<Next>>
struct transition_to {
  using function = state_function<decltype(Next)>;
  using machine = Machine;
  using parameter = typename function::parameter;
  using T = typename Source::result_type;

  static constexpr bool kIsState = function::kIsState;
  static_assert(kIsState,
                "a state is a member function that is not const and takes "
                "nothing, or one parameter: step next(), step next(x)");
  static_assert(std::is_same_v<typename function::result, step>,
                "a state returns step: step next(...)");

  // The transition of `core`, whose class it must be one of (fatal in debug
  // builds with RTTI).
  static const transition& of([[maybe_unused]] task_core& core) {
#if !defined(NDEBUG) && defined(__cpp_rtti)
    if (dynamic_cast<machine*>(&core) == nullptr) core.state_of_another(value);
#endif
    return value;
  }

  static step resume(task_core& core, const absl::Status* thrown) {
    machine& self = static_cast<machine&>(core);
    if constexpr (std::is_same_v<Source, from_nothing>) {
      constexpr passing kPassing = passing_of<parameter, void, false>();
      static_assert(kPassing != passing::impossible,
                    "a state after a sleep or a yield takes nothing, or "
                    "absl::Status to see a cancellation: step next(), "
                    "step next(absl::Status)");
      if constexpr (kPassing == passing::outcome) {
        return (self.*Next)(thrown == nullptr ? absl::OkStatus() : *thrown);
      } else {
        if (ABSL_PREDICT_FALSE(thrown != nullptr)) {
          return core.fail_with(*thrown);
        }
        return (self.*Next)();
      }
    } else if constexpr (std::is_base_of_v<direct_source, Source>) {
      return Source::template resume<transition_to>(self, core.take_source(),
                                                    thrown);
    } else {
      return resume_with(self, static_cast<value_state<T>*>(core.take_source()),
                         thrown);
    }
  }

  // Takes the reference to `taken` over.
  template <class S = Source>
  static step resume_with(machine& self, value_state<T>* taken,
                          const absl::Status* thrown) {
    constexpr bool kShared = S::kShared;
    constexpr passing kPassing = passing_of<parameter, T, kShared>();
    static_assert(check_awaited<T, kPassing>());
    if constexpr (kPassing == passing::outcome) {
      state_ref<value_state<T>> source(taken);
      // Rules S38, S57: retrieved also if something else is thrown in its
      // place.
      source->mark_retrieved();
      outcome<T> result = thrown != nullptr ? outcome<T>(*thrown)
                                            : take_outcome<kShared>(*source);
      source = state_ref<value_state<T>>();
      return (self.*Next)(std::move(result));
    } else {
      if (ABSL_PREDICT_FALSE(thrown != nullptr || taken->failed())) {
        return fail_with_source(self, taken, thrown);
      }
      if constexpr (kPassing == passing::nothing) {
        taken->unref();
        return (self.*Next)();
      } else if constexpr (kShared) {
        const state_ref<value_state<T>> source(taken);
        return (self.*Next)(std::as_const(source->value()));
      } else {
        // Out of the source, which ends before the state runs, as a coroutine
        // has ended when its await returns.
        T result = value_out_of(taken);
        return (self.*Next)(std::move(result));
      }
    }
  }

  // The same, where an error skips the state.
  ABSL_ATTRIBUTE_NOINLINE static step fail_with_source(
      machine& self, value_state<T>* taken, const absl::Status* thrown) {
    const state_ref<value_state<T>> source(taken);
    source->mark_retrieved();  // As above.
    task_core& core = self;
    return core.fail_with(thrown != nullptr ? *thrown : source->held_error());
  }

  // As a template, for there is none of void.
  template <class U>
  static U value_out_of(value_state<U>* taken) {
    if constexpr (std::is_nothrow_move_constructible_v<U>) {
      U result = std::move(taken->value());
      taken->unref();
      return result;
    } else {
      const state_ref<value_state<U>> source(taken);
      return std::move(source->value());
    }
  }

  // -- For a direct_source

  // With what `make` returns, which is made where the state takes it.
  template <class Make>
  static step go_on(machine& self, Make make) {
    constexpr passing kPassing = passing_of<parameter, T, false>();
    static_assert(check_awaited<T, kPassing>());
    if constexpr (kPassing == passing::outcome) {
      return (self.*Next)(outcome<T>(make()));
    } else if constexpr (kPassing == passing::value) {
      return (self.*Next)(make());
    } else {
      static_cast<void>(make());
      return (self.*Next)();
    }
  }
  static step fail(machine& self, const absl::Status& error) {
    if constexpr (std::is_same_v<
                      std::remove_cv_t<std::remove_reference_t<parameter>>,
                      outcome<T>>) {
      return (self.*Next)(outcome<T>(error));
    } else {
      task_core& core = self;
      return core.fail_with(error);
    }
  }
  template <class OtherSource>
  static step wait_for(machine& self, future_state* state) {
    return self.await_source(transition_to<Next, OtherSource>::value, state);
  }

  template <bool kShared>
  static outcome<T> take_outcome(value_state<T>& source) {
    if constexpr (kShared) {
      return source.copy();
    } else {
      return source.take();
    }
  }

  static constexpr transition value = {&resume, name_of_type<machine>(),
                                       name_of_value<Next>()};
};

// The first state of a machine.
template <class M, class = void>
struct has_start : std::false_type {};
template <class M>
struct has_start<M, std::void_t<decltype(std::declval<M&>().start())>>
    : std::is_same<decltype(std::declval<M&>().start()), step> {};

template <class M>
struct transition_to_start {
  static_assert(has_start<M>::value,
                "a machine needs a public first state: step start()");

  static step resume(task_core& core, const absl::Status* thrown) {
    // Rule S65: cancelled before its first step, the body never runs.
    if (ABSL_PREDICT_FALSE(thrown != nullptr)) return core.fail_with(*thrown);
    return static_cast<M&>(core).start();
  }
  static constexpr transition value = {&resume, name_of_type<M>(), "start"};
};

// A machine where it runs.
template <class M, class... Args>
M* new_machine(Args&&... args) {
  M* const m = new M(std::forward<Args>(args)...);
  if (static_cast<void*>(static_cast<future_state*>(m)) !=
      static_cast<void*>(m)) {
    fatal("task<T> must be the first base class of a machine");
  }
  return m;
}

template <class M>
void start_root(M& machine, loop_core& core, const transition& first,
                task_core::first_step when) {
  static_cast<task_core&>(machine).start(core, first, when);
}

// -- What await() takes -------------------------------------------------------

// Whether it takes an A, machines aside: a future that it may use up, or a
// shared one.
template <class T>
std::true_type awaits_future(future<T>&&);
template <class T>
std::true_type awaits_future(const shared_future<T>&);
std::false_type awaits_future(...);

template <class A>
inline constexpr bool can_be_awaited =
    is_machine<A> || decltype(awaits_future(std::declval<A>()))::value;

// Says why it does not.
template <class A>
constexpr bool refuse_await() {
  using X = std::decay_t<A>;
  constexpr bool kFuture = is_future<X>::value;
  constexpr bool kStatus =
      std::is_same_v<X, absl::Status> || is_status_or<X>::value;
  static_assert(!kFuture,
                "await<&next>(future) takes the future: std::move it, or "
                "share() it to keep it");
  static_assert(!kStatus,
                "await<&next>(x): an absl::Status or absl::StatusOr is here "
                "already: look at it, and await what it holds if that is a "
                "future or a machine, or has a function that gives one");
  static_assert(kFuture || kStatus,
                "await<&next>(x): only a future, a shared_future, or a machine "
                "that has not been started can be awaited");
  return false;
}

// -- What done() takes --------------------------------------------------------

template <class T, class... Args>
constexpr bool is_outcome() {
  if constexpr (sizeof...(Args) == 1) {
    return (std::is_same_v<Args, outcome<T>> && ...);
  } else {
    return false;
  }
}

template <class T, class... Args>
constexpr bool makes_result() {
  if constexpr (is_outcome<T, std::decay_t<Args>...>()) {
    return true;
  } else if constexpr (std::is_void_v<T>) {
    return sizeof...(Args) == 0;
  } else {
    return std::is_constructible_v<T, Args...>;
  }
}

// `error`, or an error that says that it was none.
absl::Status checked_failure(absl::Status error);

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_TRANSITIONS_H_
