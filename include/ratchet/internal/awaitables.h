#ifndef RATCHET_INTERNAL_AWAITABLES_H_
#define RATCHET_INTERNAL_AWAITABLES_H_

// Included by the combinators: what they take, and how they get hold of it.

#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "ratchet/future.h"
#include "ratchet/internal/state.h"
#include "ratchet/task.h"

namespace ratchet::internal {

// An awaitable is a future, a shared_future, or a machine that has not been
// started, which is started then (rule S72).
template <class A>
inline constexpr bool is_awaitable =
    is_future<std::decay_t<A>>::value || is_machine<A>;

// The future type that holds an awaitable: itself, or that of the task.
template <class A, class = void>
struct future_for {
  using type = A;
};
template <class A>
struct future_for<A, std::enable_if_t<is_machine<A>>> {
  using type = future<typename A::result_type>;
};
template <class A>
using future_of = typename future_for<std::decay_t<A>>::type;

template <class F>
inline constexpr bool is_shared = false;
template <class T>
inline constexpr bool is_shared<shared_future<T>> = true;

// The future of an awaitable in `core`. A future passed as an lvalue must be
// shared.
template <class A>
future_of<A> to_future(loop_core& core, A&& awaitable) {
  static_assert(is_awaitable<A>,
                "expected a future, a shared_future, or a task that has not "
                "been started");
  if constexpr (is_machine<A>) {
    return start_machine(core, std::forward<A>(awaitable));
  } else {
    static_assert(!std::is_lvalue_reference_v<A> || is_shared<std::decay_t<A>>,
                  "a future is taken by the function it is passed to: "
                  "std::move it, or share() it to keep it");
    return std::forward<A>(awaitable);
  }
}

template <class Range>
using element_of = std::decay_t<decltype(*std::begin(std::declval<Range&>()))>;

template <class Range, class = void>
inline constexpr bool has_size = false;
template <class Range>
inline constexpr bool
    has_size<Range, std::void_t<decltype(std::size(std::declval<Range&>()))>> =
        true;

// The futures of all elements, which are started in order. The elements of an
// lvalue range are copied, those of an rvalue moved.
template <class Range>
auto to_futures(loop_core& core, Range&& range) {
  using Element = element_of<Range>;
  using Futures = std::vector<future_of<Element>>;
  if constexpr (std::is_same_v<Range, Futures>) {
    return Futures(std::forward<Range>(range));
  } else {
    using Reference = decltype(*std::begin(range));
    constexpr bool kMoves = !std::is_lvalue_reference_v<Range>;
    constexpr bool kCopies =
        std::is_constructible_v<Element, std::remove_reference_t<Reference>&>;
    static_assert(kMoves || kCopies,
                  "a range passed as an lvalue is copied, and its elements "
                  "cannot be: std::move it, or share() the futures to keep "
                  "them");
    Futures futures;
    if constexpr (has_size<Range>) futures.reserve(std::size(range));
    for (auto&& element : range) {
      if constexpr (!kMoves) {
        if constexpr (kCopies) {
          futures.push_back(to_future(core, Element(element)));
        }
      } else {
        futures.push_back(to_future(core, Element(std::move(element))));
      }
    }
    return futures;
  }
}

template <class Range, class = void>
struct is_range_of_awaitables : std::false_type {};
template <class Range>
struct is_range_of_awaitables<
    Range, std::void_t<decltype(std::begin(std::declval<Range&>())),
                       decltype(std::end(std::declval<Range&>()))>>
    : std::bool_constant<is_awaitable<element_of<Range>>> {};

template <class Range>
using if_range = std::enable_if_t<is_range_of_awaitables<Range>::value, int>;

// distinct<F>: tells futures that come a second time. Only shared futures can.
template <class F>
class distinct {
 public:
  template <class G>
  bool operator()(const G& f) {
    if constexpr (is_shared<F>) {
      return seen_.insert(&f.state("a combinator")).second;
    } else {
      return true;
    }
  }

 private:
  absl::flat_hash_set<const future_state*> seen_;
};

// The outcome of a settled future: moved out of it, or copied if it is shared.
template <class T>
outcome<T> outcome_of(future<T>& f) {
  return f.state("result").take();
}
template <class T>
outcome<T> outcome_of(const shared_future<T>& f) {
  return f.state("result").copy();
}

// The value of a future that has one; std::monostate for void.
template <class T>
using storable = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class F>
storable<typename F::value_type> value_of(F& f) {
  if constexpr (std::is_void_v<typename F::value_type>) {
    return std::monostate();
  } else if constexpr (is_shared<F>) {
    return std::as_const(f.state("value").value());
  } else {
    return std::move(f.state("value").value());
  }
}

// Goes through the values of an array of futures that have one, each once.
template <class F>
class value_iterator {
 public:
  using iterator_category = std::forward_iterator_tag;  // To be counted.
  using value_type = storable<typename F::value_type>;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = std::conditional_t<
      std::is_void_v<typename F::value_type>, std::monostate,
      std::conditional_t<is_shared<F>, const value_type&, value_type&&>>;

  explicit value_iterator(F* at) : at_(at) {}
  reference operator*() const {
    if constexpr (std::is_void_v<typename F::value_type>) {
      return std::monostate();
    } else {
      return static_cast<reference>(at_->state("value").value());
    }
  }
  value_iterator& operator++() {
    ++at_;
    return *this;
  }
  friend bool operator==(value_iterator a, value_iterator b) {
    return a.at_ == b.at_;
  }
  friend bool operator!=(value_iterator a, value_iterator b) {
    return !(a == b);
  }

 private:
  F* at_;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_AWAITABLES_H_
