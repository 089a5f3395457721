#ifndef RATCHET_TASK_GROUP_H_
#define RATCHET_TASK_GROUP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/internal/awaitables.h"
#include "ratchet/promise.h"
#include "ratchet/status.h"
#include "ratchet/task.h"

namespace ratchet {

// task_group: tasks that end together (asyncio's TaskGroup).
//
//   class fetch_all : public ratchet::task<int> {
//    public:
//     step start() {
//       group_.enter().IgnoreError();
//       for (const url& u : urls_)
//       pages_.push_back(group_.create_task(fetch(u))); return
//       await<&fetch_all::together>(group_.leave());
//     }
//    private:
//     step together() { ... }              // All of pages_ are done, and fine.
//     ratchet::task_group group_;
//   };
//
// A state of a task enters the group; what follows until leave() is its body.
// Leaving waits for all children (S120). When one fails, its siblings are
// cancelled, and so is the task that entered, wherever it waits (S121), with a
// reason that names the one that failed; leave() then gives all errors as one
// (S122). When the body fails or is cancelled, the children are cancelled and
// awaited, too (S124, S125).
//
// cancel() ends a group on purpose: its children, and what is left of its body,
// are cancelled, and leave() gives OK all the same.
//
// The error of a group: kind_of() is error_kind::group; the code is that of the
// first error, the message has all; errors_of() gives them one by one.
//
// Lifetime: part of the task that enters it. Destroyed with children left,
// which cannot be after leave(), it ends them there and then, in creation
// order, as bound_group does. Thread-safety: on the loop's thread only.
class task_group {
 public:
  task_group() = default;
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;
  // Moves a group that has not been entered, with its task.
  task_group(task_group&& other) noexcept;
  task_group& operator=(task_group&&) = delete;
  ~task_group();

  // Makes the running task the parent. kFailedPrecondition outside of a task,
  // and when the group was entered before.
  absl::Status enter();

  // Starts `machine` as a child, from the body or from another child, also
  // while leave() waits (S127). Otherwise the machine is destroyed without
  // having run and the future has failed with kFailedPrecondition
  // (error_kind::not_accepting): before enter(), once a child or the body has
  // failed, and when the group has ended.
  template <class Machine>
  [[nodiscard]] auto create_task(Machine&& machine) {
    return start(std::forward<Machine>(machine),
                 internal::task_core::first_step::queued);
  }

  // As create_task(eager, machine): the outcome of a child that ends in its
  // first step is taken here and now (S170).
  template <class Machine>
  [[nodiscard]] auto create_task(eager_t, Machine&& machine) {
    return start(std::forward<Machine>(machine),
                 internal::task_core::first_step::eager);
  }

  // The end of the body, which went well, or ended with `outcome`. To be
  // awaited by the task that entered: a machine that ends when all children
  // have. Its outcome is what leaves the group: OK, the group error, or
  // Cancelled. Cancelled while it waits, it cancels the children and goes on
  // waiting (S129): it *loses data*, the work of the children.
  class exit;
  [[nodiscard]] exit leave(absl::Status outcome = absl::OkStatus());

  // Ends the group: cancels the children, with that reason, and the parent if
  // it is still in the body, wherever it waits; no more children are accepted.
  // leave() then gives OK, unless a child or the body fails with a real error,
  // which leaves as a group error, or somebody else has asked the parent to be
  // cancelled, too: that Cancelled leaves. A group that is cancelled or fails
  // already stays as it is. Groups inside of the body end with it, innermost
  // first.
  //
  // From a callback, a child, the body itself (which sees it at its next await)
  // or another task. kFailedPrecondition (error_kind::invalid_state) before
  // enter() and when the group has ended.
  // Complexity: O(children).
  absl::Status cancel(std::string_view reason = {});

  // Whether cancel() has ended the group.
  bool cancelled() const { return cancelled_; }

 private:
  class child;

  template <class Machine>
  auto start(Machine&& machine, internal::task_core::first_step when) {
    static_assert(internal::is_machine<Machine>,
                  "task_group::create_task(machine): the machine must derive "
                  "from task<T>");
    using T = typename std::decay_t<Machine>::result_type;
    absl::Status status = check_accepting();
    if (!status.ok()) return make_error_future<T>(std::move(status));
    internal::loop_core& core =
        internal::loop_core::current("task_group::create_task()");
    future<T> f =
        internal::start_machine(core, std::forward<Machine>(machine), when);
    if (!core.closed()) add_child(f.state("create_task()"));
    return f;
  }

  absl::Status check_accepting() const;
  void add_child(internal::future_state& state);
  void child_done(child& c);
  void take_outcome(internal::future_state& state);
  void remove_child(child& c);
  void abort(const absl::Status& why);
  void cancel_parent(const absl::Status& why);
  bool take_back_request();

  internal::task_core* parent_ = nullptr;  // Who entered; outlives the group.
  child* first_ = nullptr;                 // In creation order.
  child* last_ = nullptr;
  std::vector<absl::Status> errors_;
  std::optional<promise<void>> all_done_;  // What the exit waits for.
  bool exiting_ = false;
  bool aborting_ = false;
  bool parent_cancel_requested_ = false;
  bool parent_was_to_see_another_ = false;  // When it was requested.
  bool cancelled_ = false;
  bool ended_ = false;
  uint32_t cancelling_ = 0;  // Of the parent, at entry.
};

// The exit; "TaskGroup leave" of the algorithms in docs/asyncio.md.
class task_group::exit final : public task<void> {
 public:
  exit(task_group& group, absl::Status outcome)
      : group_(group), body_(std::move(outcome)) {}

  step start();
  std::string task_name() const override { return "task_group::leave"; }

 private:
  step wait_for_children();
  step woken(absl::Status status);
  step finish();
  std::string describe_source() const override;  // "3 children".

  task_group& group_;
  absl::Status body_;
  absl::Status cancelled_;  // Cancelled, if that is to leave the group; or OK.
};

}  // namespace ratchet

#endif  // RATCHET_TASK_GROUP_H_
