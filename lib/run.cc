#include "ratchet/run.h"

#include <memory>
#include <vector>

#include "ratchet/error_report.h"
#include "ratchet/internal/gathering.h"
#include "ratchet/internal/task_core.h"
#include "ratchet/status.h"

namespace ratchet {
namespace internal {
namespace {

// Stops the loop one hop after a future is settled (rule S19). On the heap,
// since it may stay in the ready queue when the run has been stopped early.
class stopper final : public runnable,
                      public slab_allocated<block_kind::plain> {
 public:
  explicit stopper(loop_core& core) : core_(core) {}

  void take_turn() override {
    core_.stop();
    delete this;
  }
  void drop_turn() override { delete this; }

 private:
  loop_core& core_;
};

}  // namespace

absl::Status run_until_done(loop_core& core, future_state& state) {
  if (&state.core() != &core) {
    fatal("run_until_complete() was given a future of another event loop");
  }
  const auto stopped = [] {
    return make_error(error_kind::stopped,
                      "run_until_complete(): the loop was stopped before the "
                      "future was done");
  };
  if (core.nesting()) {
    absl::Status status = core.run_until(state);
    if (state.done()) {
      state.mark_retrieved();
      return absl::OkStatus();
    }
    return status.ok() ? stopped() : status;
  }
  auto* const waiter = new stopper(core);
  state.add_waiter(*waiter);
  absl::Status status = core.run_forever();
  if (state.done()) {
    // It is run, or in the queue, where a later run will meet it.
    state.mark_retrieved();
    return absl::OkStatus();
  }
  state.remove_waiter(*waiter);
  delete waiter;
  if (!status.ok()) return status;
  return stopped();
}

event_loop* nesting_loop() {
  loop_core* const core = loop_core::running_here();
  return core != nullptr && core->nesting() ? core->owner() : nullptr;
}

namespace {

// Waits for states of any type.
class all_settled final : public value_state<void>, public gathering {
 public:
  all_settled(loop_core& core, size_t slots)
      : value_state<void>(core), gathering(mode::settled, *this, slots) {}

  cancel_answer answer_cancel(const absl::Status& /*why*/) override {
    return answer_gathering_cancel();
  }
  future_state* next_to_cancel(size_t& at) override { return next_child(at); }
  bool answer_fork(bool any_accepted, const absl::Status& why) override {
    return answer_gathering_fork(any_accepted, why);
  }

 private:
  void succeed() override { settle_value(); }
  void fail(absl::Status error) override { settle_error(std::move(error)); }
  void hold(absl::Status why) override { hold_error(std::move(why)); }
};

// Rule S26.
absl::Status cancel_all_tasks(loop_core& core) {
  std::vector<task_handle> tasks;
  for (task_core* const task : pending_tasks(core)) tasks.emplace_back(task);
  if (tasks.empty()) return absl::OkStatus();
  for (const task_handle& task : tasks) {
    task.cancel("the loop is shutting down");
  }
  const state_ref<all_settled> all(new all_settled(core, tasks.size()));
  for (const task_handle& task : tasks) {
    all->add(task.core("shutdown()").result_state());
  }
  all->begin();
  absl::Status status = run_until_done(core, *all);
  if (!status.ok()) return status;
  for (const task_handle& handle : tasks) {
    task_core& task = handle.core("shutdown()");
    const future_state& state = task.result_state();
    if (!state.failed() || state.cancelled()) continue;
    task.report_here({error_report::cause::shutdown, state.held_error(),
                      task.info().name, ""});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status shut_down_after(event_loop& loop, const absl::Status& outcome) {
  // Nothing can run any more: the tasks are reported when the loop goes.
  if (kind_of(outcome) == error_kind::deadlock) return absl::OkStatus();
  return loop.shutdown();
}

}  // namespace internal

absl::Status event_loop::shutdown() {
  core_->check_thread("shutdown()");
  absl::Status status = core_->check_runnable("shutdown()");
  if (!status.ok()) return status;
  status = internal::cancel_all_tasks(*core_);
  if (!status.ok()) return status;
  return close();
}

}  // namespace ratchet
