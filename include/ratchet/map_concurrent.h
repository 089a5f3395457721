#ifndef RATCHET_MAP_CONCURRENT_H_
#define RATCHET_MAP_CONCURRENT_H_

#include <cstddef>
#include <deque>
#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/callback_handle.h"
#include "ratchet/future.h"
#include "ratchet/internal/awaitables.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/promise.h"
#include "ratchet/task.h"

namespace ratchet {
namespace internal {

template <class Range>
using element_reference = decltype(*std::begin(std::declval<Range&>()));

// What f makes of an element, which is lent to it, or moved into it if it takes
// it no other way.
template <class Range, class F>
constexpr bool kLendsElements =
    std::is_invocable_v<F&, element_reference<Range>>;
template <class Range, class F>
constexpr bool kMapsElements =
    kLendsElements<Range, F> || std::is_invocable_v<F&, element_of<Range>&&>;

template <class Range, class F, bool kLends>
struct mapped {
  using type = std::decay_t<std::invoke_result_t<F&, element_reference<Range>>>;
};
template <class Range, class F>
struct mapped<Range, F, false> {
  using type = std::decay_t<std::invoke_result_t<F&, element_of<Range>&&>>;
};
template <class Range, class F>
using mapped_t = typename mapped<Range, F, kLendsElements<Range, F>>::type;

// Where the outcomes go, and what is made of them in the end.
template <class T, bool kSettled>
class mapped_results {  // The values.
 public:
  using type = std::vector<T>;

  void grow() { values_.emplace_back(); }
  void put(size_t index, absl::StatusOr<T> result) {
    values_[index].emplace(*std::move(result));
  }
  type take() {
    type all;
    all.reserve(values_.size());
    for (std::optional<T>& value : values_) all.push_back(*std::move(value));
    return all;
  }

 private:
  std::vector<std::optional<T>> values_;
};
template <>
class mapped_results<void, false> {
 public:
  using type = void;
  void grow() {}
  void put(size_t, const absl::Status&) {}
};
template <class T>
class mapped_results<T, true> {
 public:
  using type = std::vector<outcome<T>>;

  void grow() { outcomes_.emplace_back(); }
  void put(size_t index, outcome<T> result) {
    outcomes_[index].emplace(std::move(result));
  }
  type take() {
    type all;
    all.reserve(outcomes_.size());
    for (auto& result : outcomes_) all.push_back(*std::move(result));
    return all;
  }

 private:
  std::vector<std::optional<outcome<T>>> outcomes_;
};

inline const absl::Status& status_in(const absl::Status& s) { return s; }
template <class T>
const absl::Status& status_in(const absl::StatusOr<T>& s) {
  return s.status();
}

// The machine of map_concurrent and map_concurrent_settled.
template <class Range, class F, bool kSettled>
class map_task final
    : public task<typename mapped_results<
          typename unwrapped<mapped_t<Range, F>>::type, kSettled>::type> {
  using R = mapped_t<Range, F>;
  using T = typename unwrapped<R>::type;
  using self = map_task;

 public:
  template <class Source, class G>
  map_task(Source&& range, size_t limit, G&& f)
      : range_(std::forward<Source>(range)),
        limit_(limit),
        f_(std::forward<G>(f)) {}
  // NOLINTNEXTLINE(performance-noexcept-move-constructor): as its members do.
  map_task(map_task&&) = default;
  ~map_task() override {
    // Only with its loop: what is under way would come back to nobody.
    for (slot& s : slots_) {
      if (!s.child.valid()) continue;
      s.on_done.cancel();
      s.child.cancel();
    }
  }

  step start() {
    if (limit_ == 0) {
      return this->fail(absl::InvalidArgumentError(
          "map_concurrent(): the limit is 0, so that nothing would ever run"));
    }
    at_.emplace(std::begin(range_));
    return go_on();
  }

  std::string task_name() const override {
    return kSettled ? "map_concurrent_settled" : "map_concurrent";
  }

 private:
  // Something under way. Slots are used again, and never move.
  struct slot {
    future_of<std::conditional_t<is_awaitable<R>, R, future<T>>> child;
    callback_handle on_done;
    size_t index = 0;
  };

  // Starts what there is room for, and waits until something is done.
  step go_on() {
    while (error_.ok() && !ended_ && under_way_ < limit_) {
      // Of the range, or of f where that is not the outcome of the element.
      const absl::Status thrown =
          call_guarded([this]() -> void { start_one(); });
      if (!thrown.ok()) fail_all(thrown);
    }
    if (under_way_ == 0) return finish();
    wake_up_.emplace();
    return this->template await<&self::woken>(wake_up_->get_future());
  }

  std::string describe_source() const override {
    return std::to_string(under_way_) + " under way";
  }

  step woken(absl::Status status) {
    wake_up_.reset();
    if (!status.ok()) {  // A request to cancel, which is not lost.
      error_ = std::move(status);
      cancel_all();
    }
    return go_on();
  }

  step finish() {
    if (!error_.ok()) return this->fail(std::move(error_));
    if constexpr (std::is_void_v<typename self::result_type>) {
      return this->done();
    } else {
      return this->done(results_.take());
    }
  }

  void start_one() {
    if (!(*at_ != std::end(range_))) {
      ended_ = true;
      return;
    }
    const size_t index = count_++;
    results_.grow();
    if constexpr (is_awaitable<R>) {
      std::optional<R> made;
      const absl::Status thrown =
          call_guarded([&]() -> void { made.emplace(call()); });
      if (thrown.ok()) {
        watch(index, to_future(loop_core::current("map_concurrent()"),
                               *std::move(made)));
      } else {
        ended(index, thrown);
      }
    } else {
      std::optional<outcome<T>> made;
      const absl::Status thrown = call_guarded([&]() -> void {
        if constexpr (std::is_void_v<R>) {
          call();
          made.emplace();
        } else {
          made.emplace(call());
        }
      });
      ended(index, thrown.ok() ? *std::move(made) : outcome<T>(thrown));
    }
    ++*at_;
  }

  decltype(auto) call() {
    if constexpr (kLendsElements<Range, F>) {
      return f_(**at_);
    } else {
      return f_(element_of<Range>(std::move(**at_)));
    }
  }

  template <class Child>
  void watch(size_t index, Child child) {
    if (child.done()) {
      ended(index, outcome_of(child));
      return;
    }
    if (free_.empty()) {
      free_.push_back(slots_.size());
      slots_.emplace_back();
    }
    const size_t number = free_.back();
    free_.pop_back();
    slot& s = slots_[number];
    s.index = index;
    s.child = std::move(child);
    ++under_way_;
    s.on_done =
        s.child.add_done_callback([this, number] { child_done(number); });
  }

  void child_done(size_t number) {
    slot& s = slots_[number];
    auto child = std::move(s.child);
    s.child = {};
    s.on_done = {};
    free_.push_back(number);
    --under_way_;
    ended(s.index, outcome_of(child));
    if (wake_up_.has_value() && !wake_up_->done()) {
      wake_up_->set_value().IgnoreError();
    }
  }

  void ended(size_t index, outcome<T> result) {
    if (!error_.ok()) return;  // What comes now is dropped.
    if constexpr (!kSettled) {
      if (!result.ok()) {
        fail_all(status_in(result));
        return;
      }
    }
    results_.put(index, std::move(result));
  }

  void fail_all(const absl::Status& error) {
    error_ = error;
    cancel_all();
  }
  void cancel_all() {
    for (slot& s : slots_) {
      if (s.child.valid()) s.child.cancel();
    }
  }

  Range range_;
  const size_t limit_;
  F f_;
  std::optional<decltype(std::begin(std::declval<Range&>()))> at_;
  mapped_results<T, kSettled> results_;
  std::deque<slot> slots_;
  std::vector<size_t> free_;  // Of slots_.
  size_t count_ = 0;
  size_t under_way_ = 0;
  bool ended_ = false;  // The range.
  absl::Status error_;  // The outcome, once something has failed.
  std::optional<promise<void>> wake_up_;
};

}  // namespace internal

// map_concurrent: f(element) for each element of a range, at most `limit` under
// way at a time.
//
//   return await<&m::got>(map_concurrent(urls_, 8, [this](const url& u) {
//     return fetch(u);   // A future, a machine, a value, a StatusOr, ...
//   }));
//   step got(std::vector<page> pages);  // In the order of the urls.
//
// Gives a machine to be awaited, or to be handed to create_task; nothing is
// called before. f runs inside it, in the order of the range; a machine that f
// returns is started as a task. When one is done, the next one is started two
// hops later. What is ready at once costs no hop.
//
// The first error is the outcome: of f's result, or an exception of f or of the
// range. Then no more are started, and those under way are cancelled and
// awaited: when this ends, nothing that it started is left, as with task_group.
// A result that is cancelled counts as failed with Cancelled.
//
// Cancelling it is passed on to all that is under way, and its outcome comes
// when these have ended: Cancelled. *Loses data*: the results so far. If it is
// destroyed with its loop, what is under way is asked to be cancelled.
//
// The result is a std::vector<T>, or nothing if f gives nothing. A range passed
// as an lvalue is copied, an rvalue moved; it may be one that is read once and
// makes its elements on the way: element k + 1 is made when there is room for
// it. Elements are lent to f; moved if it can only take them so.
//
// Errors of its own: kInvalidArgument if `limit` is 0.
// Complexity: O(n); memory for `limit` futures, and for n results.
template <class Range, class F>
[[nodiscard]] auto map_concurrent(Range&& range, size_t limit, F&& f) {
  using Source = std::decay_t<Range>;
  using Function = std::decay_t<F>;
  constexpr bool kFits = internal::kMapsElements<Source, Function>;
  static_assert(kFits,
                "map_concurrent(range, limit, f): f must be callable with an "
                "element of the range");
  if constexpr (kFits) {
    return internal::map_task<Source, Function, false>(
        std::forward<Range>(range), limit, std::forward<F>(f));
  }
}

// map_concurrent_settled: the same, but errors count like results: gives the
// outcomes of all, a std::vector of absl::StatusOr<T>, or of absl::Status for
// void. Fails only with Cancelled, with an exception of the range, or with
// kInvalidArgument. Cancelling it *loses data*, too: the outcomes so far.
template <class Range, class F>
[[nodiscard]] auto map_concurrent_settled(Range&& range, size_t limit, F&& f) {
  using Source = std::decay_t<Range>;
  using Function = std::decay_t<F>;
  constexpr bool kFits = internal::kMapsElements<Source, Function>;
  static_assert(kFits,
                "map_concurrent_settled(range, limit, f): f must be callable "
                "with an element of the range");
  if constexpr (kFits) {
    return internal::map_task<Source, Function, true>(
        std::forward<Range>(range), limit, std::forward<F>(f));
  }
}

}  // namespace ratchet

#endif  // RATCHET_MAP_CONCURRENT_H_
