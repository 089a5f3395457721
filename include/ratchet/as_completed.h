#ifndef RATCHET_AS_COMPLETED_H_
#define RATCHET_AS_COMPLETED_H_

#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/internal/awaitables.h"
#include "ratchet/internal/completions.h"
#include "ratchet/status.h"
#include "ratchet/task.h"

namespace ratchet {

// One completion: which, and with what.
template <class T>
struct completed {
  size_t index;                 // In the range given to as_completed.
  internal::outcome<T> result;  // absl::StatusOr<T>, or absl::Status for void.
};

struct as_completed_options {
  // How many run at once; 0: all. The range is then taken one by one, as room
  // comes free, and may be lazy: an element is made when it is started.
  size_t limit = 0;
  // From now, for all of them together.
  absl::Duration timeout = absl::InfiniteDuration();
};

namespace internal {

// The futures behind a stream, by index, and where more of them come from.
template <class F>
class completions_state final : public completions_core {
 public:
  using T = typename F::value_type;
  using completions_core::completions_core;

  // Gives the next future, or nothing at the end.
  using generator = absl::AnyInvocable<std::optional<F>()>;

  // False if it has been given before.
  bool add(F f) {
    if (!is_new_(f)) return false;
    future_state& state = f.state("as_completed()");
    futures_.push_back(std::move(f));
    watch(gone_ + futures_.size() - 1, state);
    return true;
  }

  void pull_from(generator source, size_t limit) {
    source_ = std::move(source);
    has_more_ = true;
    for (size_t i = 0; i < limit; ++i) start_more();
  }

  outcome<T> outcome_at(size_t index) {
    if constexpr (is_shared<F>) {
      return outcome_of(futures_[index]);  // Kept: is_new_ knows its address.
    } else {
      F f = std::move(futures_[index - gone_]);
      while (!futures_.empty() && !futures_.front().valid()) {
        futures_.pop_front();
        ++gone_;
      }
      return outcome_of(f);
    }
  }

 private:
  void start_more() override {
    if (!has_more_) return;
    // In hand, since what it calls may drop the stream.
    generator source = std::move(source_);
    while (has_more_) {
      std::optional<F> next = source();
      if (!next.has_value()) {
        has_more_ = false;
      } else if (add(*std::move(next))) {
        break;
      }
    }
    if (has_more_) source_ = std::move(source);
  }
  bool has_more() const override { return has_more_; }
  void drop_more() override {
    has_more_ = false;
    source_ = nullptr;
  }

  std::deque<F> futures_;  // From the first one that has not been taken.
  size_t gone_ = 0;        // Those before.
  distinct<F> is_new_;
  generator source_;
  bool has_more_ = false;
};

// The machine of next(): asyncio.Queue.get on the stream's queue.
template <class F>
class next_completion final : public task<completed<typename F::value_type>> {
  using T = typename F::value_type;

 public:
  explicit next_completion(state_ref<completions_state<F>> stream)
      : stream_(std::move(stream)) {}
  next_completion(next_completion&&) noexcept = default;
  ~next_completion() override {
    if (stream_ && lined_up_) stream_->give_up(taker_);
  }

  step start() {
    if (stream_ && stream_->ready()) return take();
    if (!stream_ || stream_->exhausted()) {
      return this->fail(absl::OutOfRangeError(
          "as_completed: every completion has been taken; empty() tells"));
    }
    lined_up_ = true;
    return this->template await<&next_completion::woken>(
        stream_->line_up(taker_));
  }

  std::string task_name() const override { return "as_completed::next"; }

 private:
  step woken(absl::Status status) {
    lined_up_ = false;
    if (!status.ok()) {
      stream_->give_up(taker_);
      return this->fail(std::move(status));
    }
    return start();
  }

  step take() {
    const completions_core::turn turn = stream_->take();
    if (!turn.error.ok()) return this->fail(turn.error);
    return this->done(
        completed<T>{turn.index, stream_->outcome_at(turn.index)});
  }

  state_ref<completions_state<F>> stream_;
  completions_core::taker taker_;
  bool lined_up_ = false;
};

}  // namespace internal

// completions: the stream that as_completed gives. Move-only; dropping it lets
// what runs go on, and starts nothing more.
// Thread-safety: on the loop's thread only.
template <class F>
class [[nodiscard]] completions {
 public:
  using value_type = completed<typename F::value_type>;

  completions() = default;  // Empty.
  explicit completions(
      internal::state_ref<internal::completions_state<F>> state)
      : state_(std::move(state)) {}
  completions(completions&&) noexcept = default;
  completions& operator=(completions&& other) noexcept {
    const completions old(std::move(*this));  // Is dropped.
    state_ = std::move(other.state_);
    return *this;
  }
  ~completions() {
    if (state_) state_->close();
  }

  // Every completion has been taken.
  bool empty() const { return !state_ || state_->exhausted(); }

  // How many have been started, or were given, and not been taken.
  size_t size() const { return state_ ? state_->size() : 0; }

  // The next completion, as a machine to be awaited, or to be handed to
  // create_task: value_type. An error of a future is in its `result`. Errors of
  // the wait: kDeadlineExceeded (is_timeout()), once for each future that was
  // not done when the time was over (S95); kOutOfRange when empty(). Cancelling
  // it *loses its place* in the line of those who take from this stream, and
  // nothing else: what was for it goes to the next one (S97).
  internal::next_completion<F> next() {
    using state_ref = internal::state_ref<internal::completions_state<F>>;
    return internal::next_completion<F>(state_ ? internal::share(*state_)
                                               : state_ref());
  }

 private:
  internal::state_ref<internal::completions_state<F>> state_;
};

// as_completed: the results of several, in the order in which they come.
//
//   step start() { squares_ = as_completed(std::move(futures)); return more();
//   } step more() {
//     if (squares_.empty()) return done();
//     return await<&m::one>(squares_.next());
//   }
//   step one(ratchet::completed<int> c) { ...; return more(); }
//
// Takes a range of futures, shared futures or tasks, which it starts. What is
// done at the call comes first, in argument order (S93). A completion is in the
// stream one hop after it (S92). The futures are not cancelled by a time-out,
// by leaving early, or by cancelling who takes (S95 to S97). A shared future
// given twice counts once. With a limit, an exception that the range throws
// later is the error of one next(), and the range ends there.
// Complexity: O(1) per completion. A range of futures or tasks, with a limit,
// may go on for ever: no memory is kept for those that were taken.
template <class Range, internal::if_range<Range> = 0>
auto as_completed(Range&& range, as_completed_options options) {
  using Element = internal::element_of<Range>;
  using F = internal::future_of<Element>;
  using State = internal::completions_state<F>;
  internal::loop_core& core = internal::loop_core::current("as_completed()");
  core.check_thread("as_completed()");
  State* const state = new State(core);
  completions<F> stream{internal::state_ref<State>(state)};
  if (options.limit == 0) {
    std::vector<F> futures =
        internal::to_futures(core, std::forward<Range>(range));
    for (F& f : futures) state->add(std::move(f));
  } else {
    // The range has to stay where the iterator into it is.
    auto kept =
        std::make_unique<std::decay_t<Range>>(std::forward<Range>(range));
    auto at = std::begin(*kept);
    state->pull_from(
        [&core, kept = std::move(kept), at]() mutable -> std::optional<F> {
          if (at == std::end(*kept)) return std::nullopt;
          F f = internal::to_future(core, Element(std::move(*at)));
          ++at;
          return f;
        },
        options.limit);
  }
  state->start_timer(options.timeout);
  return stream;
}

template <class Range, internal::if_range<Range> = 0>
auto as_completed(Range&& range,
                  absl::Duration timeout = absl::InfiniteDuration()) {
  as_completed_options options;
  options.timeout = timeout;
  return as_completed(std::forward<Range>(range), options);
}

}  // namespace ratchet

#endif  // RATCHET_AS_COMPLETED_H_
