#ifndef RATCHET_RUN_H_
#define RATCHET_RUN_H_

#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "ratchet/clock.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/internal/awaitables.h"
#include "ratchet/task.h"

namespace ratchet {
namespace internal {

// Runs until `state` is settled; OK, or why it is not.
absl::Status run_until_done(loop_core& core, future_state& state);

template <class F>
outcome<typename F::value_type> run_until_outcome(loop_core& core, F& f) {
  value_state<typename F::value_type>& s = f.state("run_until_complete()");
  absl::Status status = run_until_done(core, s);
  if (!status.ok()) return status;
  return outcome_of(f);
}

// The loop that runs on this thread, if runs can be nested in it, or nullptr.
event_loop* nesting_loop();

// run() inside of a loop that allows it (rule S23): in that one, of which it
// cancels nothing but its own task, should it not be done at the end.
template <class Machine>
auto run_nested(event_loop& loop, Machine&& machine) {
  loop_core& core = core_of(loop);
  auto task = start_machine(core, std::forward<Machine>(machine));
  auto result = run_until_outcome(core, task);
  if (!task.done()) {
    task.cancel();
    run_until_done(core, task.state("run()")).IgnoreError();
  }
  return result;
}

// What run() does after its machine: cancels the other tasks and closes.
absl::Status shut_down_after(event_loop& loop, const absl::Status& outcome);

inline const absl::Status& status_of(const absl::Status& status) {
  return status;
}
template <class T>
const absl::Status& status_of(const absl::StatusOr<T>& result) {
  return result.status();
}

}  // namespace internal

template <class Awaitable>
auto event_loop::run_until_complete(Awaitable&& awaitable) {
  static_assert(internal::is_awaitable<Awaitable>,
                "run_until_complete() takes a future, a shared_future, or a "
                "task that has not been started");
  using T = typename internal::future_of<Awaitable>::value_type;
  core_->check_thread("run_until_complete()");
  // Before anything is scheduled (rule S22).
  absl::Status status = core_->check_nestable("run_until_complete()");
  if (!status.ok()) return internal::outcome<T>(std::move(status));
  if constexpr (std::is_lvalue_reference_v<Awaitable> &&
                !internal::is_machine<Awaitable>) {
    if constexpr (internal::is_shared<std::decay_t<Awaitable>>) {
      return internal::run_until_outcome(*core_, awaitable);
    } else {
      // The caller keeps the handle until there is an outcome, which takes it.
      status = internal::run_until_done(
          *core_, awaitable.state("run_until_complete()"));
      if (!status.ok()) return internal::outcome<T>(std::move(status));
      auto& f = awaitable;  // An lvalue, for certain.
      return std::move(f).result();
    }
  } else {
    auto f = internal::to_future(*core_, std::forward<Awaitable>(awaitable));
    return internal::run_until_outcome(*core_, f);
  }
}

// run: the whole life of an asynchronous program (asyncio.run). Makes a loop,
// runs `machine` in it to its end, cancels the tasks that are left and waits
// for them (S25, S26), and gives back what the machine gave.
//
//   int main() {
//     absl::Status status = ratchet::run(serve(8080));
//     ...
//   }
//
// Errors: those of the machine; kFailedPrecondition with error_kind::running
// when a loop runs on this thread (S22), unless event_loop::allow_nested_runs
// lets run() run the machine there, in the time of that loop; with
// error_kind::deadlock when the machine waits for what can never come. Errors
// of the other tasks during the shutdown are printed on standard error.
template <class Machine>
[[nodiscard]] auto run(Machine&& machine, clock& clock) {
  static_assert(internal::is_machine<Machine>,
                "run(machine): the machine must derive from task<T>");
  if (event_loop* const outer = internal::nesting_loop()) {
    return internal::run_nested(*outer, std::forward<Machine>(machine));
  }
  event_loop loop(clock);
  auto result = loop.run_until_complete(std::forward<Machine>(machine));
  const absl::Status status =
      internal::shut_down_after(loop, internal::status_of(result));
  if (!status.ok() && result.ok()) return decltype(result)(status);
  return result;
}

// In real time.
template <class Machine>
[[nodiscard]] auto run(Machine&& machine) {
  steady_clock clock;
  return run(std::forward<Machine>(machine), clock);
}

}  // namespace ratchet

#endif  // RATCHET_RUN_H_
