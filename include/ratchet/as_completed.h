#ifndef RATCHET_AS_COMPLETED_H_
#define RATCHET_AS_COMPLETED_H_

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/optimization.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/internal/awaitables.h"
#include "ratchet/internal/completions.h"
#include "ratchet/internal/guarded.h"
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

// The futures behind a stream, and where more of them come from.
template <class F>
class completions_state final : public completions_core {
 public:
  using T = typename F::value_type;
  using completions_core::completions_core;

  // Gives the next future, or nothing at the end.
  using generator = absl::AnyInvocable<std::optional<F>()>;

  void add_all(std::vector<F> futures) {
    expect(futures.size());
    size_t index = 0;
    for (F& f : futures) {
      if (is_new_(f)) {
        watch(index++, f.release_state("as_completed()"));
      } else {
        expect_less();
      }
    }
  }

  void pull_from(generator source, size_t limit) {
    source_ = std::move(source);
    allow_more();
    for (size_t i = 0; i < limit; ++i) start_more();
  }

  // The completion of a part that take() gave. Copying a value, or moving it,
  // can throw.
  completed<T> open(part& p) {
    const size_t index = p.index();
    const state_ref<value_state<T>> state(
        static_cast<value_state<T>*>(p.take_state()));
    put_back(p);
    if constexpr (is_shared<F>) {
      return {index, state->copy()};
    } else {
      return {index, state->take()};
    }
  }

  static constexpr bool kOpensSilently =
      std::is_void_v<T> ||
      (is_shared<F> ? std::is_nothrow_copy_constructible_v<storable<T>>
                    : std::is_nothrow_move_constructible_v<storable<T>>);

 private:
  // False if it has been given before.
  bool add(F f) {
    if (!is_new_(f)) return false;
    // is_new_ knows it by its address, which so must not be had again.
    if constexpr (is_shared<F>) given_.push_back(f);
    watch_more(f.release_state("as_completed()"));
    return true;
  }

  void start_more() override {
    if (!has_more()) return;
    // In hand, since what it calls may drop the stream.
    generator source = std::move(source_);
    while (has_more()) {
      std::optional<F> next = source();
      if (!next.has_value()) {
        no_more();
      } else if (add(*std::move(next))) {
        break;
      }
    }
    if (has_more()) source_ = std::move(source);
  }
  void drop_more() override { source_ = nullptr; }

  distinct<F> is_new_;
  std::vector<F> given_;
  generator source_;
};

// How a state of a machine goes on with the next completion of a stream: see
// transition_to. Nothing runs in between, and nothing is allocated: it takes
// what is in the queue, or waits for a completion_taker.
template <class F>
class from_taker;

template <class F>
class from_stream : public direct_source {
 public:
  using result_type = completed<typename F::value_type>;

  template <class To, class Machine>
  static step resume(Machine& self, future_state* source,
                     const absl::Status* /*thrown*/) {
    return look<To>(self, state_ref<completions_state<F>>(
                              static_cast<completions_state<F>*>(source)));
  }

 protected:
  template <class To, class Machine>
  static step look(Machine& self, state_ref<completions_state<F>> stream) {
    completions_core::part* const p = stream->take();
    if (ABSL_PREDICT_FALSE(p == nullptr || !p->has_state())) {
      absl::Status error = stream->error_in_place(p);
      if (error.ok()) {
        return To::template wait_for<from_taker<F>>(self, stream->line_up());
      }
      stream = state_ref<completions_state<F>>();
      return To::fail(self, error);
    }
    if constexpr (completions_state<F>::kOpensSilently) {
      return To::go_on(self, [&] { return open(std::move(stream), *p); });
    } else {
      std::optional<result_type> c;
      const absl::Status thrown =
          call_guarded([&] { c.emplace(open(std::move(stream), *p)); });
      if (!thrown.ok()) return To::fail(self, thrown);
      return To::go_on(self, [&] { return *std::move(c); });
    }
  }

 private:
  // The machine has let go of the stream when its state runs.
  static result_type open(state_ref<completions_state<F>>&& stream,
                          completions_core::part& p) {
    const state_ref<completions_state<F>> until_return(std::move(stream));
    return until_return->open(p);
  }
};

// The same, woken.
template <class F>
class from_taker : public from_stream<F> {
 public:
  template <class To, class Machine>
  static step resume(Machine& self, future_state* source,
                     const absl::Status* thrown) {
    state_ref<completion_taker> taker(static_cast<completion_taker*>(source));
    if (ABSL_PREDICT_FALSE(thrown != nullptr || taker->failed())) {
      taker->leave(false);
      const absl::Status why =
          thrown != nullptr ? *thrown : taker->held_error();
      taker = state_ref<completion_taker>();
      return To::fail(self, why);
    }
    taker->leave(true);
    state_ref<completions_state<F>> stream =
        share(static_cast<completions_state<F>&>(taker->stream()));
    taker = state_ref<completion_taker>();  // Its place may be needed again.
    return from_stream<F>::template look<To>(self, std::move(stream));
  }
};

template <class F>
class next_completion_task;

// What next() gives: asyncio.Queue.get on the queue of the stream.
template <class F>
class [[nodiscard]] next_completion : public direct_awaitable {
 public:
  using result_type = completed<typename F::value_type>;
  using machine = next_completion_task<F>;
  using source = from_stream<F>;

  explicit next_completion(state_ref<completions_state<F>> stream)
      : stream_(std::move(stream)) {}

  future_state* take_source() {
    if (ABSL_PREDICT_TRUE(static_cast<bool>(stream_))) return stream_.release();
    return new completions_state<F>(loop_core::current("next()"));
  }

 private:
  state_ref<completions_state<F>> stream_;
};

// The same as a task of its own.
template <class F>
class next_completion_task final
    : public task<completed<typename F::value_type>> {
  using T = typename F::value_type;

 public:
  explicit next_completion_task(next_completion<F> next)
      : next_(std::move(next)) {}
  step start() {
    return this->template await<&next_completion_task::taken>(std::move(next_));
  }
  std::string task_name() const override { return "as_completed::next"; }

 private:
  step taken(absl::StatusOr<completed<T>> c) {
    return this->done(std::move(c));
  }

  next_completion<F> next_;
};

template <class F, class Function>
class each_completion;

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

  // The next completion, to be awaited, or to be handed to create_task or
  // whatever else takes a machine: value_type. Awaiting it allocates nothing.
  // An error of a future is in its `result`. Errors of the wait:
  // kDeadlineExceeded (is_timeout()), once for each future that was not done
  // when the time was over (S95); kOutOfRange when empty(). Cancelling it
  // *loses its place* in the line of those who take from this stream, and
  // nothing else: what was for it goes to the next one (S97).
  internal::next_completion<F> next() {
    return internal::next_completion<F>(state_ ? internal::share(*state_)
                                               : state_ref());
  }

  // Calls `f` with each completion, a value_type, as it comes, until there are
  // no more: `for` over the stream, as a machine to be awaited, or to be handed
  // to create_task. An error that `f` returns (it returns nothing, or an
  // absl::Status), or throws, ends it, as the errors of the wait do that next()
  // has; what is left stays in the stream. Cancelling it *loses its place* in
  // the line, as for next(). Of an rvalue, the machine keeps the stream.
  template <class Function>
  [[nodiscard]] auto for_each(Function f) & {
    return internal::each_completion<F, Function>(
        completions(), state_ ? internal::share(*state_) : state_ref(),
        std::move(f));
  }
  template <class Function>
  [[nodiscard]] auto for_each(Function f) && {
    state_ref state = state_ ? internal::share(*state_) : state_ref();
    return internal::each_completion<F, Function>(
        std::move(*this), std::move(state), std::move(f));
  }

 private:
  using state_ref = internal::state_ref<internal::completions_state<F>>;

  state_ref state_;
};

namespace internal {

// The machine of for_each().
template <class F, class Function>
class each_completion final : public task<void> {
  using result =
      std::invoke_result_t<Function&, completed<typename F::value_type>>;
  static_assert(std::is_void_v<result> || std::is_same_v<result, absl::Status>,
                "for_each(f): f must return nothing, or absl::Status");

 public:
  each_completion(completions<F> kept, state_ref<completions_state<F>> stream,
                  Function f)
      : kept_(std::move(kept)), stream_(std::move(stream)), f_(std::move(f)) {}

  step start() {
    if (!stream_) return done();
    for (;;) {
      completions_core::part* const p = stream_->take();
      if (ABSL_PREDICT_FALSE(p == nullptr || !p->has_state())) {
        if (stream_->exhausted() && p == nullptr) return done();
        absl::Status error = stream_->error_in_place(p);
        if (!error.ok()) return fail(std::move(error));
        taker_ = state_ref<completion_taker>(stream_->line_up());
        return await<&each_completion::woken>(
            future<void>(share(static_cast<value_state<void>&>(*taker_))));
      }
      if constexpr (std::is_void_v<result>) {
        f_(stream_->open(*p));
      } else {
        absl::Status status = f_(stream_->open(*p));
        if (!status.ok()) return fail(std::move(status));
      }
    }
  }

  std::string task_name() const override { return "as_completed::for_each"; }

 private:
  step woken(absl::Status status) {
    taker_->leave(status.ok());
    taker_ = state_ref<completion_taker>();
    if (!status.ok()) return fail(std::move(status));
    return start();
  }

  completions<F> kept_;
  state_ref<completions_state<F>> stream_;
  state_ref<completion_taker> taker_;
  Function f_;
};

}  // namespace internal

// as_completed: the results of several, in the order in which they come.
//
//   step start() { squares_ = as_completed(std::move(futures)); return more();
//   } step more() {
//     if (squares_.empty()) return done();
//     return await<&m::one>(squares_.next());
//   }
//   step one(ratchet::completed<int> c) { ...; return more(); }
//
// or, if nothing is to be awaited in between,
//
//   return await<&m::all_done>(as_completed(std::move(futures)).for_each(
//       [this](ratchet::completed<int> c) { ... }));
//
// Takes a range of futures, shared futures or tasks, which it starts. What is
// done at the call comes first, in argument order (S93). A completion is in the
// stream one hop after it (S92). The futures are not cancelled by a time-out,
// by leaving early, or by cancelling who takes (S95 to S97). A shared future
// given twice counts once. With a limit, an exception that the range throws
// later is the error of one next(), and the range ends there.
// Complexity: O(1) per completion; two blocks in all. A range of futures or
// tasks, with a limit, may go on for ever: the memory of those that were taken
// is used again.
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
    state->add_all(std::move(futures));
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
