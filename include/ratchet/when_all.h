#ifndef RATCHET_WHEN_ALL_H_
#define RATCHET_WHEN_ALL_H_

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ratchet/future.h"
#include "ratchet/internal/awaitables.h"
#include "ratchet/internal/gathering.h"
#include "ratchet/internal/guarded.h"

namespace ratchet {
namespace internal {

// The outer future of a when_all: Children holds the futures, Results makes
// the result of them.
template <class Children, class Results>
class gathering_state final : public value_state<typename Results::type>,
                              public gathering {
 public:
  gathering_state(loop_core& core, mode how, Children children, size_t slots)
      : value_state<typename Results::type>(core),
        gathering(how, *this, slots),
        children_(std::move(children)) {}

  Children& children() { return children_; }

  cancel_answer answer_cancel(const absl::Status& /*why*/) override {
    return answer_gathering_cancel();
  }
  future_state* next_to_cancel(size_t& at) override { return next_child(at); }
  bool answer_fork(bool any_accepted, const absl::Status& why) override {
    return answer_gathering_fork(any_accepted, why);
  }
  std::string describe_state() const override {
    return describe_gathering(Results::kName);
  }
  std::string_view kind_name() const override { return Results::kName; }

 private:
  void succeed() override {
    // Copying a value, or moving it, can throw.
    const absl::Status made = call_guarded([this] {
      if constexpr (std::is_void_v<typename Results::type>) {
        this->settle_value();
      } else {
        this->settle_value(Results::make(children_));
      }
    });
    if (!made.ok()) fail(made);
  }
  void fail(absl::Status error) override {
    this->settle_error(std::move(error));
  }
  void hold(absl::Status why) override { this->hold_error(std::move(why)); }

  Children children_;
};

template <class F>
struct all_of_range {
  static constexpr const char* kName = "when_all";
  using T = typename F::value_type;
  using type =
      std::conditional_t<std::is_void_v<T>, void, std::vector<storable<T>>>;
  static auto make(std::vector<F>& children) {
    // From iterators: it asks for its room once, not at every value.
    return std::vector<storable<T>>(
        value_iterator<F>(children.data()),
        value_iterator<F>(children.data() + children.size()));
  }
};

template <class F>
struct settled_of_range {
  static constexpr const char* kName = "when_all_settled";
  using type = std::vector<outcome<typename F::value_type>>;
  static type make(std::vector<F>& children) {
    type outcomes;
    outcomes.reserve(children.size());
    for (F& child : children) outcomes.push_back(outcome_of(child));
    return outcomes;
  }
};

// The results of Base, made into an R.
template <class R, class Base>
struct made_into {
  static constexpr const char* kName = Base::kName;
  using type = R;
  template <class Children>
  static R make(Children& children) {
    return R(Base::make(children));
  }
};

template <class... F>
struct all_of_tuple {
  static constexpr const char* kName = "when_all";
  using type = std::tuple<storable<typename F::value_type>...>;
  static type make(std::tuple<F...>& children) {
    return std::apply([](F&... child) { return type(value_of(child)...); },
                      children);
  }
};

template <class... F>
struct settled_of_tuple {
  static constexpr const char* kName = "when_all_settled";
  using type = std::tuple<outcome<typename F::value_type>...>;
  static type make(std::tuple<F...>& children) {
    return std::apply([](F&... child) { return type(outcome_of(child)...); },
                      children);
  }
};

template <class Results, class F>
future<typename Results::type> gather(gathering::mode how, loop_core& core,
                                      std::vector<F> futures) {
  const size_t slots = futures.size();
  auto* const outer = new gathering_state<std::vector<F>, Results>(
      core, how, std::move(futures), slots);
  state_ref<value_state<typename Results::type>> handle(outer);
  distinct<F> is_new;
  for (F& f : outer->children()) {
    future_state& child = f.state("when_all()");
    is_new(f) ? outer->add(child) : outer->add_again(child);
  }
  outer->begin();
  return future<typename Results::type>(std::move(handle));
}

template <class Results, class... F>
future<typename Results::type> gather(gathering::mode how, loop_core& core,
                                      std::tuple<F...> futures) {
  auto* const outer = new gathering_state<std::tuple<F...>, Results>(
      core, how, std::move(futures), sizeof...(F));
  state_ref<value_state<typename Results::type>> handle(outer);
  constexpr bool kAnyShared =
      std::disjunction_v<std::bool_constant<is_shared<F>>...>;
  distinct<std::conditional_t<kAnyShared, shared_future<void>, future<void>>>
      is_new;
  std::apply(
      [&](F&... f) {
        ((is_new(f) ? outer->add(f.state("when_all()"))
                    : outer->add_again(f.state("when_all()"))),
         ...);
      },
      outer->children());
  outer->begin();
  return future<typename Results::type>(std::move(handle));
}

}  // namespace internal

// when_all: all of several results, in argument order (asyncio's gather).
//
//   auto squares = loop.run_until_complete(
//       when_all(square(1), square(2), square(3)));  // StatusOr<tuple<...>>
//
// Takes futures, shared futures and tasks that have not been started, which it
// starts, in argument order (S72): as arguments, which gives a
// std::tuple<T...> with std::monostate for void, or as a range (a vector, say),
// which gives a std::vector<T>, or nothing for void. An rvalue range is moved
// from. (C++ leaves open in which order when_all(f(1), f(2)) calls f; machines
// do nothing until they are started, so with them it does not matter.)
//
// The future completes one hop after the last child (S74), at once if there is
// none or all are done (S73, S82). It fails with the error of the first child
// that fails, while the others go on and their outcomes are dropped (S75); a
// cancelled child counts as failed with Cancelled (S77). Cancelling it asks
// every child, and is refused if none accepts (S78, S79); it *loses data*: what
// the children would have given, and the values that are there already. The
// same shared future may come twice (S81). Dropping it lets the children go on.
//
// Complexity: O(n), O(1) per completion; two blocks in all.
template <class Range, internal::if_range<Range> = 0>
auto when_all(Range&& range) {
  internal::loop_core& core = internal::loop_core::current("when_all()");
  core.check_thread("when_all()");
  using F = internal::future_of<internal::element_of<Range>>;
  return internal::gather<internal::all_of_range<F>>(
      internal::gathering::mode::all_or_error, core,
      internal::to_futures(core, std::forward<Range>(range)));
}

template <
    class... Awaitables,
    std::enable_if_t<(internal::is_awaitable<Awaitables> && ...), int> = 0>
auto when_all(Awaitables&&... awaitables) {
  internal::loop_core& core = internal::loop_core::current("when_all()");
  core.check_thread("when_all()");
  // In braces: evaluated, and so started, from left to right.
  return internal::gather<
      internal::all_of_tuple<internal::future_of<Awaitables>...>>(
      internal::gathering::mode::all_or_error, core,
      std::tuple<internal::future_of<Awaitables>...>{
          internal::to_future(core, std::forward<Awaitables>(awaitables))...});
}

// when_all<R>(range): the same, with an R made of the vector, in the same hop:
// so that a when_all can stand in a range with the futures of single R's.
template <class R, class Range, internal::if_range<Range> = 0>
future<R> when_all(Range&& range) {
  internal::loop_core& core = internal::loop_core::current("when_all()");
  core.check_thread("when_all()");
  using F = internal::future_of<internal::element_of<Range>>;
  using Results = internal::made_into<R, internal::all_of_range<F>>;
  return internal::gather<Results>(
      internal::gathering::mode::all_or_error, core,
      internal::to_futures(core, std::forward<Range>(range)));
}

// when_all_settled: the outcomes of all, errors among them (gather with
// return_exceptions=True): a vector or a tuple of absl::StatusOr<T>, or
// absl::Status for void. Never fails by itself; cancelled, it waits for all
// children and then fails with Cancelled (S79): it *loses data*, the outcomes
// that are there already and those of the children. Otherwise as when_all.
template <class Range, internal::if_range<Range> = 0>
auto when_all_settled(Range&& range) {
  internal::loop_core& core =
      internal::loop_core::current("when_all_settled()");
  core.check_thread("when_all_settled()");
  using F = internal::future_of<internal::element_of<Range>>;
  return internal::gather<internal::settled_of_range<F>>(
      internal::gathering::mode::settled, core,
      internal::to_futures(core, std::forward<Range>(range)));
}

template <
    class... Awaitables,
    std::enable_if_t<(internal::is_awaitable<Awaitables> && ...), int> = 0>
auto when_all_settled(Awaitables&&... awaitables) {
  internal::loop_core& core =
      internal::loop_core::current("when_all_settled()");
  core.check_thread("when_all_settled()");
  return internal::gather<
      internal::settled_of_tuple<internal::future_of<Awaitables>...>>(
      internal::gathering::mode::settled, core,
      std::tuple<internal::future_of<Awaitables>...>{
          internal::to_future(core, std::forward<Awaitables>(awaitables))...});
}

// when_all_settled<R>(range): the same, with an R made of the vector.
template <class R, class Range, internal::if_range<Range> = 0>
future<R> when_all_settled(Range&& range) {
  internal::loop_core& core =
      internal::loop_core::current("when_all_settled()");
  core.check_thread("when_all_settled()");
  using F = internal::future_of<internal::element_of<Range>>;
  using Results = internal::made_into<R, internal::settled_of_range<F>>;
  return internal::gather<Results>(
      internal::gathering::mode::settled, core,
      internal::to_futures(core, std::forward<Range>(range)));
}

}  // namespace ratchet

#endif  // RATCHET_WHEN_ALL_H_
