#ifndef RATCHET_EVENT_LOOP_H_
#define RATCHET_EVENT_LOOP_H_

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/callback_handle.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/internal/loop_callback.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/observer.h"
#include "ratchet/remote.h"
#include "ratchet/task_info.h"

namespace ratchet {

struct eager_t;
class task_handle;

namespace internal {
// How the rest of the library gets from one to the other.
loop_core& core_of(event_loop& loop);
}  // namespace internal

// event_loop: one thread's ready queue, timers and clock; runs callbacks, one
// at a time, in the order of CPython's asyncio.
//
//   ratchet::event_loop loop;
//   loop.call_later(absl::Seconds(1), [&] {
//     std::cout << "a second has passed\n";
//     loop.stop();
//   });
//   absl::Status status = loop.run_forever();
//
// An iteration (rule S1 of docs/asyncio.md) takes what other threads posted;
// waits, if nothing is ready, for the first timer or for another thread; puts
// the timers that are due behind what is ready; and runs exactly what is in
// the queue then. What that schedules runs in the next iteration.
//
// The newest loop of a thread is its current one: futures, tasks and sleeps
// that name no loop belong to it. While a loop runs, it is the current one.
//
// Errors: callbacks may return absl::Status; a failure, or an exception, goes
// to the error handler and the loop goes on (rule S11).
// Lifetime: the loop owns started tasks until they are done. Its destructor
// closes it and destroys the tasks that are left, reporting each; handles and
// futures that outlive it are safe to use and stay as they are.
// Thread-safety: everything on the thread that made it, but post() and
// make_remote(), which any thread may call. (Debug builds check.)
class event_loop {
 public:
  // Real time.
  event_loop();
  // The time of `clock`, which must outlive the loop and its handles' use.
  explicit event_loop(clock& clock);
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;
  ~event_loop();

  // The loop of this thread: the running one, else the newest. Fatal when there
  // is none.
  static event_loop& current();

  // The loop's time: constant while a batch runs (rule S10).
  absl::Time now() { return absl::FromUnixNanos(core_->now_ns()); }

  // -- Callbacks. All are O(1) and allocate one block from the slab. ---------
  //
  // `f` is any movable callable without parameters; it returns nothing or
  // absl::Status. The handle can be dropped: the callback runs all the same.
  // It runs in a copy of the context in which it was registered (S16, see
  // task_local.h).
  // On a closed loop `f` is dropped, and the handle's status() is
  // kFailedPrecondition (error_kind::closed).

  // Runs `f` in the next iteration, behind everything scheduled so far (S3).
  template <class F>
  callback_handle call_soon(F&& f) {
    core_->check_thread("call_soon()");
    return internal::schedule_soon(*core_, std::forward<F>(f));
  }

  // Runs `f` when `delay` has passed: at once, in deadline order, when it is
  // zero or negative (S7); never, for absl::InfiniteDuration().
  template <class F>
  callback_handle call_later(absl::Duration delay, F&& f) {
    core_->check_thread("call_later()");
    return internal::schedule_at(
        *core_, internal::deadline_after(core_->now_ns(), delay),
        std::forward<F>(f));
  }

  // Runs `f` at `deadline`, equal deadlines in the order of the calls (S6).
  template <class F>
  callback_handle call_at(absl::Time deadline, F&& f) {
    core_->check_thread("call_at()");
    return internal::schedule_at(*core_, internal::deadline_at(deadline),
                                 std::forward<F>(f));
  }

  // As call_soon, from any thread: in the order of the calls of each thread.
  // What comes from another thread runs in an empty context.
  // Fails with kFailedPrecondition when the loop is closed. The loop must be
  // alive when the call begins; a thread that cannot know holds a remote.
  template <class F>
  absl::Status post(F&& f) {
    if (internal::loop_core::running_here() == core_) {
      return internal::post_here(*core_, std::forward<F>(f));
    }
    return internal::post(core_->mailbox(), std::forward<F>(f));
  }

  // A handle through which any thread can post, even after the loop is gone.
  // While one exists, a loop with nothing to do waits instead of reporting a
  // deadlock.
  remote make_remote() { return remote(core_->mailbox()); }

  // -- Intrusive timers -------------------------------------------------------
  //
  // A timer that is part of its owner: arming allocates nothing. Derive from
  // it and override timer_due(), in which the timer may be re-armed or
  // destroyed. Its destructor disarms it.

  using timer = internal::loop_timer;

  // Arms `t`, anew if it is armed. False, and t.timer_dropped(), on a closed
  // loop.
  bool arm(timer& t, absl::Time deadline) {
    core_->check_thread("arm()");
    return core_->arm(t, internal::deadline_at(deadline));
  }
  // True if `t` was armed: then timer_due() does not come, even if it was due.
  bool disarm(timer& t) {
    core_->check_thread("disarm()");
    return core_->disarm(t);
  }

  // -- Intrusive callbacks ----------------------------------------------------
  //
  // A callback that is part of its owner, for what posts itself again and
  // again: queueing allocates nothing. Derive from it and override run(), in
  // which it may be queued again or destroyed; what it throws goes to the error
  // handler. Its destructor takes it out.

  using callback = internal::loop_callback;

  // Runs `c` in the next iteration, behind everything scheduled so far (S3), in
  // a copy of the current context (S16). False, and nothing is changed, if it
  // is queued already, or the loop is closed. O(1).
  bool queue(callback& c) {
    core_->check_thread("queue()");
    return c.queue(*core_);
  }
  // True if `c` was queued: then run() does not come. O(what is ready).
  bool unqueue(callback& c) {
    core_->check_thread("unqueue()");
    return c.unqueue();
  }

  // -- Running ----------------------------------------------------------------

  // Runs iterations until stop(). Errors, all kFailedPrecondition:
  // error_kind::deadlock when nothing is ready, no timer is armed and no remote
  // exists, so that nothing could ever happen again (the message lists the
  // pending tasks and what each awaits); closed; running, when this loop or
  // another one of this thread runs already (S22, but see allow_nested_runs)
  [[nodiscard]] absl::Status run_forever();

  // Runs until the future is settled, and one iteration on (S19); returns its
  // outcome. `awaitable` is a future, a shared_future, or a task that has not
  // been started. If the loop is stopped before, error_kind::stopped; otherwise
  // the errors of its own are those of run_forever(). With one of these, a
  // future passed as an lvalue is left as it is, and a later run goes on with
  // it: this is *cancel-safe*. With the outcome of the future, value or error,
  // the future is used up, and valid() is false, as after
  // std::move(f).result(); share() one that is needed afterwards.
  // Declared in run.h.
  template <class Awaitable>
  [[nodiscard]] auto run_until_complete(Awaitable&& awaitable);

  // Starts `machine` in this loop. Declared in task.h.
  template <class Machine>
  [[nodiscard]] auto create_task(Machine&& machine);
  template <class Machine>
  [[nodiscard]] auto create_task(eager_t, Machine&& machine);

  // Lets callbacks and states of this loop call run_until_complete(),
  // run_forever() and run() themselves, as the package nest_asyncio does for
  // asyncio (S23). Off at first: waiting inside of a step holds up the task in
  // whose step it is, and runs any others in the middle of it.
  //
  // A nested run does whole iterations on the same queues, beginning with what
  // is left of the batch that it interrupts; that one then goes on with as many
  // as it had left, if there are. The current task and the context are put
  // aside meanwhile. As long as it is on, runs end when the future is settled,
  // not one hop later, and without an iteration if it was before; stop() ends
  // all runs on the stack, up to a run_forever() or the outermost.
  //
  // A nested run that waits for a task below it on the stack fails with
  // error_kind::deadlock, naming it, once nothing else can happen: not while
  // timers of others go on, or another thread holds a remote.
  void allow_nested_runs(bool allow) {
    core_->check_thread("allow_nested_runs()");
    core_->allow_nesting(allow);
  }

  // Ends run_forever() after the current batch; the next one, when the loop
  // does not run, after one iteration that does not wait (S17, S18).
  void stop();

  // Cancels all tasks and runs until they are done (S26), then closes. Errors
  // of the tasks go to the error handler. Declared in run.h.
  absl::Status shutdown();

  // Drops everything scheduled, without running it, and refuses work from now
  // on. Pending tasks stay as they are and never run again (S24). Fails with
  // error_kind::running while the loop runs; can be repeated.
  absl::Status close();

  bool is_running() const { return core_->running(); }
  bool is_closed() const { return core_->closed(); }

  // -- Looking at it ----------------------------------------------------------

  // The number of iterations begun.
  uint64_t iteration() const { return core_->iteration(); }

  // The task whose state is running; an empty handle in a plain callback.
  // Declared in task.h.
  task_handle current_task() const;

  // The tasks that are not done, in creation order (S15). O(n log n).
  std::vector<task_info> all_tasks() const { return core_->all_tasks(); }

  // Where errors go that belong to no future; an empty handler restores the
  // default, which prints a line on standard error.
  void set_error_handler(error_handler handler);

  // Who is told what happens from now on; nullptr for nobody. It must outlive
  // the loop, or be taken back.
  void set_observer(observer* observer);

 private:
  friend internal::loop_core& internal::core_of(event_loop& loop);
  internal::loop_core* const core_;
};

namespace internal {

inline loop_core& core_of(event_loop& loop) { return *loop.core_; }

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_EVENT_LOOP_H_
