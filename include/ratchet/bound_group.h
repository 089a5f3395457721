#ifndef RATCHET_BOUND_GROUP_H_
#define RATCHET_BOUND_GROUP_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/callback_handle.h"
#include "ratchet/clock.h"
#include "ratchet/future.h"
#include "ratchet/internal/binding.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/status.h"
#include "ratchet/task.h"

namespace ratchet {

// bound_group: what an object has going on in the loop, and what ends with it.
// (The name: a task_group is left by a task; this group is bound to an object,
// and so is what bind() makes.)
//
//   class session {
//    public:
//     void begin() {
//       work_.call_later(absl::Seconds(30), [this] { ping(); });
//       read().then(work_.bind([this](std::string s) { take(s); }));
//       work_.create_task(reader(*this)).task();
//     }
//    private:
//     ...
//     ratchet::bound_group work_{"session"};  // The last member: ends first.
//   };
//
// It is a member of any class. Whatever goes through it may use that object
// (`this`, its other members), without asking whether it is still there:
//
//   when ~bound_group returns ...
//     bind(f)                 f does not run any more; a continuation made with
//                             it ends with Cancelled (finally() passes the
//                             outcome on). What f has captured goes with the
//                             callable, wherever that is.
//     call_soon, call_later   f is destroyed, unless it is running.
//     create_task             no state of the task runs any more. A suspended
//                             task is taken from where it waits, and its
//                             machine and those that it awaits are destroyed,
//                             the innermost first: groups and scopes in them
//                             end, places in lines are given up. Its future is
//                             cancelled; the reason names the group.
//     join()                  goes on, one hop later: nothing is left.
//
// That includes what is in the batch that is running, and due. A task that is
// running, because the destructor is called in its own step (or in that of an
// eager task that it starts), has this step as its last one: it ends when the
// step returns, with Cancelled in place of a value; an error counts. Until it
// returns, the step must not use the object, as any member function that
// deletes its object must not.
//
// A future that a task awaits is let go of, not cancelled. The machine of a
// task is a frame of it, so that it can go while handles on the future are
// left: its this_future() is empty.
//
// Errors of tasks whose future nobody holds are reported as always.
//
// Lifetime: outlives nothing it holds; may be destroyed in any callback, step
// or destructor on its thread, also after the loop has been closed or
// destroyed. Neither copied nor moved: what is bound is bound to this object.
// Thread-safety: on the loop's thread only.
// Memory: a block for the group, made with the first use; two for each task and
// one for each scheduled callback besides their own.
class bound_group {
 public:
  // `name` says in reasons whose it was.
  explicit bound_group(std::string_view name = "bound_group") : name_(name) {}
  bound_group(const bound_group&) = delete;
  bound_group& operator=(const bound_group&) = delete;
  // Ends everything, in the order in which it came. O(size()), and for each
  // task that stands in the ready queue O(that queue).
  ~bound_group();

  // Starts `machine` in the current loop, as ratchet::create_task() does; the
  // future may be dropped. In a group that is being destroyed the machine is
  // destroyed without having run, and the future has failed with
  // kFailedPrecondition (error_kind::not_accepting).
  template <class Machine>
  auto create_task(Machine&& machine) {
    return internal::start_bound(core(), std::forward<Machine>(machine),
                                 internal::task_core::first_step::queued);
  }
  template <class Machine>
  auto create_task(eager_t, Machine&& machine) {
    return internal::start_bound(core(), std::forward<Machine>(machine),
                                 internal::task_core::first_step::eager);
  }

  // `f`, for as long as the group lives: a callable for then() and its kin,
  // call_soon(), add_done_callback(), or anything else that calls. It takes
  // what `f` takes and gives what `f` gives. Once the group is gone it does
  // nothing: a continuation ends with Cancelled; called by others, it gives
  // nothing, OK for absl::Status, or Cancelled in an absl::StatusOr or future.
  // Of an `f` that gives something else the callable gives an absl::StatusOr.
  // A machine that `f` gives becomes a task of the group.
  // Can be called as often as `f`; copyable if `f` is.
  template <class F>
  internal::bound_function<std::decay_t<F>> bind(F&& f) {
    return internal::bound_function<std::decay_t<F>>(core(),
                                                     std::forward<F>(f));
  }

  // As event_loop::call_soon() and call_later(), in the current loop.
  template <class F>
  callback_handle call_soon(F&& f) {
    internal::loop_core& loop =
        internal::loop_core::current("bound_group::call_soon()");
    return schedule(std::forward<F>(f), [&](auto&& ticketed) {
      return internal::schedule_soon(
          loop, std::forward<decltype(ticketed)>(ticketed));
    });
  }
  template <class F>
  callback_handle call_later(absl::Duration delay, F&& f) {
    internal::loop_core& loop =
        internal::loop_core::current("bound_group::call_later()");
    const int64_t at = internal::deadline_after(loop.now_ns(), delay);
    return schedule(std::forward<F>(f), [&](auto&& ticketed) {
      return internal::schedule_at(loop, at,
                                   std::forward<decltype(ticketed)>(ticketed));
    });
  }

  // Takes back the callbacks that have not run, and asks the tasks to be
  // cancelled, with that reason. They end when they do: see join(). What comes
  // later is not concerned. O(size()).
  void cancel(std::string_view reason = {});

  // To be awaited: goes on when no task and no scheduled callback is left, at
  // once if there is none. Cancelling it is *cancel-safe*. kFailedPrecondition
  // (error_kind::self_await) in a task of the group, which would wait for
  // itself.
  class join_task;
  [[nodiscard]] join_task join();

  // How many tasks and scheduled callbacks are left. A task counts until one
  // hop after its end.
  size_t size() const { return core_ == nullptr ? 0 : core_->size(); }

 private:
  template <class F, class Schedule>
  callback_handle schedule(F&& f, Schedule schedule) {
    internal::check_callback<F>();
    if (core().gone()) return callback_handle();
    internal::bound_ticket ticket(core());
    internal::bound_callback* const node = ticket.node();
    callback_handle handle = schedule(internal::ticketed<std::decay_t<F>>(
        std::move(ticket), std::forward<F>(f)));
    // A closed loop has dropped it, and with it the node.
    if (handle.pending()) node->set_handle(handle);
    return handle;
  }

  internal::binding_core& core() {
    if (core_ == nullptr) core_ = new internal::binding_core;
    return *core_;
  }

  std::string name_;
  internal::binding_core* core_ = nullptr;
};

// The wait for the end of what is in a group.
class bound_group::join_task final : public task<void> {
 public:
  explicit join_task(internal::binding_core& core) : core_(core) {}
  step start();
  std::string task_name() const override { return "bound_group::join"; }

 private:
  step woken();

  internal::binding_ref core_;
};

}  // namespace ratchet

#endif  // RATCHET_BOUND_GROUP_H_
