#ifndef RATCHET_TASK_H_
#define RATCHET_TASK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/internal/task_core.h"
#include "ratchet/internal/transitions.h"
#include "ratchet/task_info.h"

namespace ratchet {

// task<T>: a piece of work as an explicit state machine, with a result of type
// T (any movable type, or void). The states are member functions; each returns
// a step, the transition that the machine makes next.
//
//   class square final : public ratchet::task<int> {
//    public:
//     explicit square(int x) : x_(x) {}
//     step start() { return sleep_for<&square::finish>(absl::Seconds(1)); }
//
//    private:
//     step finish() { return done(x_ * x_); }
//     int x_;
//   };
//
//   future<int> nine = create_task(square(3));       // runs beside its creator
//   return await<&me::next>(square(3));              // runs inside its caller
//
//   transition                 goes on in `next` ...
//   -------------------------  -----------------------------------------------
//   await<&m::next>(x)         with the outcome of x: a future, a shared_future
//                              or a machine that has not been started
//   sleep_for<&m::next>(d)     when d has passed
//   sleep_until<&m::next>(t)   when it is t
//   yield<&m::next>()          in the next iteration (asyncio's sleep(0))
//   done(value), done()        nowhere: the task has its result
//   fail(status)               nowhere: the task has failed
//
// `next` takes the value, `step next(T)`, or nothing; then an error, or a
// cancellation, skips it and ends the task. Or it takes the outcome,
// `step next(absl::StatusOr<T>)`, for void `step next(absl::Status)`, and sees
// the error: like `try` around `await`. Returning `fail(error)` with a status
// for which is_cancelled() holds ends the task cancelled (S51).
//
// The first state is `step start()`. A machine object is inert until it is
// awaited or handed to create_task; it is moved then, so it must be movable
// until it starts, and stays in place from there on. Awaiting a future that is
// done, and a machine, goes on without suspending (S39, S44): nothing else runs
// in between.
//
// Cancelling a task (rules S52 to S65) is a request: at the await where it is
// suspended it gets Cancelled, can clean up, and ends as it wants to.
//
// Memory: one block from the slab per task, task state and result together;
// none per sleep, yield, or await of a future; one for an awaited machine.
// Lifetime: the loop keeps a started task until it is done; its members live
// as long as a handle to its result. task<T> must be the first base class.
// Thread-safety: on the loop's thread only; a state runs alone.
template <class T>
class [[nodiscard]] task
    : public internal::value_state<T>,
      public internal::task_core,
      public internal::slab_allocated<internal::block_kind::task> {
 public:
  using result_type = T;
  using step = ratchet::step;
  using internal::slab_allocated<internal::block_kind::task>::operator new;
  using internal::slab_allocated<internal::block_kind::task>::operator delete;

  // How the task is called in reports; "class#id" unless overridden.
  std::string task_name() const override { return task_core::task_name(); }

 protected:
  // The future of this machine, once it has been started with create_task; an
  // empty one while it is inert, and in a machine that is awaited, whose task
  // is another. A consumer that takes the value takes it from this one, too.
  shared_future<T> this_future() {
    if (this->id() == 0) return shared_future<T>();
    return shared_future<T>(
        internal::share(static_cast<internal::value_state<T>&>(*this)));
  }

  task() : task_core(state_offset(this)) {}
  task(const task&) : task() {}  // See task_core: machines are copied inert.
  task& operator=(const task&) { return *this; }
  ~task() override = default;

  // Cancelling *loses data*: the source of `f` is cancelled, too (S54), and
  // what it would have given never comes. To leave it alone, await shield(f).
  template <auto Next, class U, class M = internal::machine_of<Next>>
  step await(future<U>&& f) {
    using To = internal::transition_to<Next, internal::from_future<U>>;
    return this->await_source(To::of(*this), f.release_state("await"));
  }

  // The same. Cancelling *loses data* for the others who share `f`, too.
  template <auto Next, class U, class M = internal::machine_of<Next>>
  step await(shared_future<U> f) {
    using To = internal::transition_to<Next, internal::from_shared_future<U>>;
    return this->await_source(To::of(*this), f.release_state("await"));
  }

  // Runs `machine` inside this task. Cancelling reaches it where it waits, and
  // *loses data* if it gives in: its work so far, and what it waits for.
  template <auto Next, class Machine,
            std::enable_if_t<internal::is_machine<Machine>, int> = 0,
            class Awaiting = internal::machine_of<Next>>
  step await(Machine&& machine) {
    using M = std::decay_t<Machine>;
    static_assert(!std::is_lvalue_reference_v<Machine>,
                  "await<&next>(machine) takes the machine: std::move it");
    if constexpr (internal::is_direct<M>) {
      using To = internal::transition_to<Next, typename M::source>;
      return this->await_source(To::of(*this), machine.take_source());
    } else {
      using To = internal::transition_to<
          Next, internal::from_future<typename M::result_type>>;
      M* const callee =
          internal::new_machine<M>(std::forward<Machine>(machine));
      this->set_first(*callee, internal::transition_to_start<M>::value);
      return this->call_machine(To::of(*this), callee);
    }
  }

  // Anything else is refused, with a sentence.
  template <auto Next, class A,
            std::enable_if_t<!internal::can_be_awaited<A>, int> = 0>
  step await(A&& /*awaitable*/) {
    static_assert(internal::refuse_await<A>());
    return this->end();
  }

  // The sleep begins with the call. Zero and negative lengths are a yield
  // (S45); absl::InfiniteDuration() sleeps until it is cancelled.
  // *Cancel-safe*, but the next sleep begins anew.
  template <auto Next, class M = internal::machine_of<Next>>
  step sleep_for(absl::Duration length) {
    using To = internal::transition_to<Next, internal::from_nothing>;
    if (length <= absl::ZeroDuration()) return this->yield_to(To::of(*this));
    internal::loop_core& core = this->running_core("sleep_for()");
    return this->sleep_until_ns(
        To::of(*this), internal::deadline_after(core.now_ns(), length));
  }

  // A time that has passed: goes on as after a sleep of no length that goes
  // through the timers, two iterations later. *Cancel-safe*.
  template <auto Next, class M = internal::machine_of<Next>>
  step sleep_until(absl::Time time) {
    using To = internal::transition_to<Next, internal::from_nothing>;
    return this->sleep_until_ns(To::of(*this), internal::deadline_at(time));
  }

  // Lets everything run that is ready. *Cancel-safe*.
  template <auto Next, class M = internal::machine_of<Next>>
  step yield() {
    using To = internal::transition_to<Next, internal::from_nothing>;
    return this->yield_to(To::of(*this));
  }

  // The result, made of `args`; an absl::StatusOr<T> (absl::Status for void)
  // ends the task with what it holds.
  template <class... Args>
  step done(Args&&... args) {
    constexpr bool kMakes = internal::makes_result<T, Args&&...>();
    static_assert(kMakes,
                  "done(...) must be given what the task's result can be made "
                  "of, or its StatusOr; nothing, or a Status, for task<void>");
    if constexpr (internal::is_outcome<T, std::decay_t<Args>...>()) {
      return end_with(std::forward<Args>(args)...);
    } else {
      if constexpr (kMakes) emplace_result(std::forward<Args>(args)...);
      return this->end();
    }
  }

  // REQUIRES: !error.ok() (fatal in debug builds, kInternal in others).
  step fail(absl::Status error) {
    hold_failure(std::move(error));
    return this->end();
  }

 private:
  template <auto Next, class Source, class M>
  friend struct internal::transition_to;

  // Static, for it is called before there is a task.
  static size_t state_offset(const task* self) {
    static_assert(sizeof(internal::value_state<T>) <= task_core::kMaxOffset,
                  "the result of a task is too large: use a std::unique_ptr");
    return static_cast<size_t>(
        reinterpret_cast<const unsigned char*>(
            static_cast<const task_core*>(self)) -
        reinterpret_cast<const unsigned char*>(
            static_cast<const internal::future_state*>(self)));
  }

  step end_with(internal::outcome<T> outcome) {
    if constexpr (std::is_void_v<T>) {
      if (!outcome.ok()) return fail(std::move(outcome));
      emplace_result();
    } else {
      if (!outcome.ok()) return fail(std::move(outcome).status());
      emplace_result(*std::move(outcome));
    }
    return this->end();
  }
  template <class... Args>
  void emplace_result(Args&&... args) {
    // Of a state that ended twice, which debug builds do not let pass.
    if (ABSL_PREDICT_FALSE(this->holds_ !=
                           internal::value_state<T>::held_kind::nothing)) {
      this->discard();
    }
    this->emplace(std::forward<Args>(args)...);
  }

  void hold_failure(absl::Status error) final {
    this->hold_error(internal::checked_failure(std::move(error)));
  }
  void settle_end(bool cancelled) final {
    if (ABSL_PREDICT_FALSE(this->holds_ !=
                           internal::value_state<T>::held_kind::value)) {
      this->settle(is_cancelled(this->held_error())
                       ? internal::future_state::state_phase::cancelled
                       : internal::future_state::state_phase::error);
    } else if (cancelled) {
      this->settle_cancelled(take_reason());
    } else {
      this->settle(internal::future_state::state_phase::value);
    }
  }

  internal::task_core* as_task() final { return this; }
  internal::cancel_answer answer_cancel(const absl::Status& why) final {
    return request_cancel(why);
  }
  void remember_cancel(const absl::Status& why) final { remember(why); }
  void report_unretrieved() final {
    this->report_here({error_report::cause::unretrieved, this->held_error(),
                       describe_state(), ""});
  }
  std::string describe_state() const final {
    return "task " + this->unique_name();
  }
  std::string_view kind_name() const final { return "task"; }
};

// task_handle: a task without the type of its result. Copyable; an empty one
// stands for no task.
// Thread-safety: on the loop's thread only.
class task_handle {
 public:
  task_handle() = default;
  explicit task_handle(internal::task_core* task);
  task_handle(const task_handle& other) : task_handle(other.task_) {}
  task_handle(task_handle&&) = default;
  task_handle& operator=(task_handle other) noexcept;

  bool valid() const { return task_ != nullptr; }
  explicit operator bool() const { return valid(); }

  // Each of these is fatal on an empty handle.
  bool done() const;
  bool cancelled() const;
  // Asks the task to stop, see future::cancel(). False when it is done.
  bool cancel(std::string_view reason = {}) const;
  // How many requests to cancel it were made and not taken back (S53).
  uint32_t cancelling() const;
  // Takes one back and returns how many are left; at zero, a request that was
  // not delivered yet is withdrawn (S63).
  uint32_t uncancel() const;
  // The earliest deadline of the time-out scopes that the task is in, those of
  // with_timeout() included, also if it has passed; absl::InfiniteFuture() when
  // there is none. What it awaits can have deadlines of its own, which do not
  // count. O(scopes).
  absl::Time deadline() const;
  task_info info() const;

  friend bool operator==(const task_handle& a, const task_handle& b) {
    return a.task_ == b.task_;
  }
  friend bool operator!=(const task_handle& a, const task_handle& b) {
    return !(a == b);
  }

  // For the library.
  internal::task_core& core(std::string_view call) const;

 private:
  internal::task_core* task_ = nullptr;
  internal::state_ref<internal::future_state> state_;
};

namespace internal {

// Starts a machine, made of `args`, as a task of `core` (rule S41).
template <class M, class... Args>
auto start_in_place(loop_core& core, task_core::first_step when,
                    Args&&... args) {
  static_assert(is_machine<M>,
                "create_task(machine): the machine must derive from task<T>");
  using T = typename M::result_type;
  core.check_thread("create_task()");
  if (ABSL_PREDICT_FALSE(core.closed())) {
    auto* const refused = new promise_state<T>(core);
    refused->settle_error(loop_core::closed_error());
    return future<T>(state_ref<value_state<T>>(refused));
  }
  machine_for<M>* const task =
      new_machine<machine_for<M>>(std::forward<Args>(args)...);
  task->ref();  // The loop's.
  start_root(*task, core, transition_to_start<machine_for<M>>::value, when);
  return future<T>(state_ref<value_state<T>>(task));
}

template <class Machine>
auto start_machine(loop_core& core, Machine&& machine,
                   task_core::first_step when = task_core::first_step::queued) {
  static_assert(!std::is_lvalue_reference_v<Machine>,
                "create_task(machine) takes the machine: std::move it");
  return start_in_place<std::decay_t<Machine>>(core, when,
                                               std::forward<Machine>(machine));
}

}  // namespace internal

// Starts `machine`, an object of a class derived from task<T>, in the current
// loop: its first step runs in the next iteration, in creation order (S41).
// Returns the future of its result. Dropping the future does not stop the task;
// an error that nobody looks at is reported. On a closed loop the future has
// failed with kFailedPrecondition (error_kind::closed).
//
// Cancelling the future, or who awaits it, *loses data* if the task gives in:
// its work so far, and what it waits for.
template <class Machine>
[[nodiscard]] auto create_task(Machine&& machine) {
  return internal::start_machine(internal::loop_core::current("create_task()"),
                                 std::forward<Machine>(machine));
}

// The same, with the machine made of `args`.
template <class Machine, class... Args,
          std::enable_if_t<
              internal::is_machine<Machine> && !std::is_reference_v<Machine> &&
                  !(sizeof...(Args) == 1 &&
                    (std::is_same_v<std::decay_t<Args>, Machine> && ...)),
              int> = 0>
[[nodiscard]] auto create_task(Args&&... args) {
  return internal::start_in_place<Machine>(
      internal::loop_core::current("create_task()"),
      internal::task_core::first_step::queued, std::forward<Args>(args)...);
}

// create_task(eager, machine): its first step runs inside the call, when the
// loop runs: at once, before anything else, as the current task (S166). A task
// that ends in it is done when this returns, and has never been in the ready
// queue (S167). Otherwise as create_task(machine), which is also what it does
// while the loop does not run (S169).
struct eager_t {
  explicit eager_t() = default;
};
inline constexpr eager_t eager{};

template <class Machine>
[[nodiscard]] auto create_task(eager_t, Machine&& machine) {
  return internal::start_machine(internal::loop_core::current("create_task()"),
                                 std::forward<Machine>(machine),
                                 internal::task_core::first_step::eager);
}

template <class Machine>
auto event_loop::create_task(Machine&& machine) {
  return internal::start_machine(*core_, std::forward<Machine>(machine));
}

template <class Machine>
auto event_loop::create_task(eager_t, Machine&& machine) {
  return internal::start_machine(*core_, std::forward<Machine>(machine),
                                 internal::task_core::first_step::eager);
}

inline task_handle event_loop::current_task() const {
  internal::task_core* const task = core_->current_task();
  return task == nullptr ? task_handle() : task_handle(task);
}

template <class T>
task_handle internal::future_handle<T>::task() const {
  internal::task_core* const task = state("task()").as_task();
  return task == nullptr ? task_handle() : task_handle(task);
}

}  // namespace ratchet

#endif  // RATCHET_TASK_H_
