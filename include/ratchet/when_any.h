#ifndef RATCHET_WHEN_ANY_H_
#define RATCHET_WHEN_ANY_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ratchet/future.h"
#include "ratchet/internal/awaitables.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/racing.h"
#include "ratchet/status.h"

namespace ratchet {

// What when_any gives.
template <class F>
struct any_result {
  using T = typename F::value_type;
  size_t index;                 // Which was first, in argument order.
  internal::outcome<T> result;  // Its outcome: absl::StatusOr<T>, or Status.
  std::vector<F> rest;  // The others, in argument order without that one.
};

// What when_any_ok gives.
template <class F>
struct any_ok_result {
  using T = typename F::value_type;
  size_t index;                 // Which succeeded first.
  internal::storable<T> value;  // Its value; std::monostate for void.
  std::vector<F> rest;  // The others, in argument order without that one.
};

namespace internal {

// Takes the future at `index` out of `futures`.
template <class F>
F take_at(std::vector<F>& futures, size_t index) {
  const auto at = futures.begin() + static_cast<std::ptrdiff_t>(index);
  F f = std::move(*at);
  futures.erase(at);
  return f;
}

template <class F>
struct first_done {
  static constexpr racing::mode kMode = racing::mode::first_done;
  static constexpr const char* kName = "when_any";
  using type = any_result<F>;
  static type make(size_t index, std::vector<F> futures) {
    F winner = take_at(futures, index);
    return {index, outcome_of(winner), std::move(futures)};
  }
};

template <class F>
struct first_ok {
  static constexpr racing::mode kMode = racing::mode::first_ok;
  static constexpr const char* kName = "when_any_ok";
  using type = any_ok_result<F>;
  static type make(size_t index, std::vector<F> futures) {
    F winner = take_at(futures, index);
    return {index, value_of(winner), std::move(futures)};
  }
};

// The outer future of a race.
template <class F, class Result>
class racing_state final : public value_state<typename Result::type>,
                           public racing {
 public:
  racing_state(loop_core& core, std::vector<F> futures)
      : value_state<typename Result::type>(core),
        racing(Result::kMode, futures.size()),
        futures_(std::move(futures)) {}

  void start() {
    for (F& f : futures_) add(f.state(Result::kName));
    begin();
  }

  cancel_answer answer_cancel(const absl::Status& /*why*/) override {
    return answer_racing_cancel();
  }
  future_state* next_to_cancel(size_t& at) override { return next_runner(at); }
  bool answer_fork(bool /*any_accepted*/, const absl::Status& why) override {
    return answer_racing_fork(why);
  }
  std::string describe_state() const override { return describe_racing(kName); }
  std::string_view kind_name() const override { return kName; }

 private:
  static constexpr const char* kName = Result::kName;

  future_state& outer() override { return *this; }
  void win(size_t index) override {
    // Copying a value, or moving it, can throw.
    const absl::Status made = call_guarded([this, index] {
      this->settle_value(Result::make(index, std::move(futures_)));
    });
    if (!made.ok()) fail(made);
  }
  void fail(absl::Status error) override {
    this->settle_error(std::move(error));
    futures_.clear();
  }
  void cancel_outer(const absl::Status& why) override {
    this->settle_cancelled(why);
    futures_.clear();
  }

  std::vector<F> futures_;
};

template <class F, class Result>
future<typename Result::type> race(loop_core& core, std::vector<F> futures) {
  auto* const outer = new racing_state<F, Result>(core, std::move(futures));
  state_ref<value_state<typename Result::type>> handle(outer);
  outer->start();
  return future<typename Result::type>(std::move(handle));
}

// The futures of several arguments, which must carry the same type.
template <class First, class... Others>
auto futures_of(loop_core& core, First&& first, Others&&... others) {
  using F = future_of<First>;
  static_assert((std::is_same_v<F, future_of<Others>> && ...),
                "when_any takes futures of one type: use then() to bring them "
                "to a common one");
  std::vector<F> futures;
  futures.reserve(1 + sizeof...(Others));
  futures.push_back(to_future(core, std::forward<First>(first)));
  (futures.push_back(to_future(core, std::forward<Others>(others))), ...);
  return futures;
}

}  // namespace internal

// when_any: the first of several to be done, however it ended, with its index,
// and the others, which go on and are given back.
//
//   when_any(read(socket), sleep_for(absl::Seconds(1)).then([] { return 0; }))
//       .then([](ratchet::any_result<ratchet::future<int>> first) { ... });
//
// Takes futures, shared futures and tasks of one type, as arguments or as a
// range; tasks are started. Completes one hop after the first child, and in the
// next iteration if one is done at the call; ties go to the one whose callback
// runs first. It leaves nothing behind on the others: a long-lived future can
// be raced any number of times.
//
// Errors: kInvalidArgument for an empty range. An error of the winner is in
// `result`. Cancelling it cancels it at once, and asks all children: it *loses
// data*, what they would have given. Dropping it lets them go on.
// Complexity: O(n); two blocks in all.
template <class Range, internal::if_range<Range> = 0>
auto when_any(Range&& range) {
  internal::loop_core& core = internal::loop_core::current("when_any()");
  core.check_thread("when_any()");
  using F = internal::future_of<internal::element_of<Range>>;
  return internal::race<F, internal::first_done<F>>(
      core, internal::to_futures(core, std::forward<Range>(range)));
}

template <class First, class... Others,
          std::enable_if_t<internal::is_awaitable<First>, int> = 0>
auto when_any(First&& first, Others&&... others) {
  internal::loop_core& core = internal::loop_core::current("when_any()");
  core.check_thread("when_any()");
  using F = internal::future_of<First>;
  return internal::race<F, internal::first_done<F>>(
      core, internal::futures_of(core, std::forward<First>(first),
                                 std::forward<Others>(others)...));
}

// when_any_ok: the first of several to succeed. If none does, it fails with all
// their errors, in order of completion, as one (kind_of() is error_kind::group,
// see errors_of()); a cancelled child counts as failed. Cancelling it *loses
// data*, what the children would have given. Otherwise as when_any.
template <class Range, internal::if_range<Range> = 0>
auto when_any_ok(Range&& range) {
  internal::loop_core& core = internal::loop_core::current("when_any_ok()");
  core.check_thread("when_any_ok()");
  using F = internal::future_of<internal::element_of<Range>>;
  return internal::race<F, internal::first_ok<F>>(
      core, internal::to_futures(core, std::forward<Range>(range)));
}

template <class First, class... Others,
          std::enable_if_t<internal::is_awaitable<First>, int> = 0>
auto when_any_ok(First&& first, Others&&... others) {
  internal::loop_core& core = internal::loop_core::current("when_any_ok()");
  core.check_thread("when_any_ok()");
  using F = internal::future_of<First>;
  return internal::race<F, internal::first_ok<F>>(
      core, internal::futures_of(core, std::forward<First>(first),
                                 std::forward<Others>(others)...));
}

}  // namespace ratchet

#endif  // RATCHET_WHEN_ANY_H_
