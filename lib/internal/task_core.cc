#include "ratchet/internal/task_core.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/base/optimization.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/observer.h"
#include "ratchet/status.h"

namespace ratchet::internal {
namespace {

absl::string_view view(std::string_view s) {
  return absl::string_view(s.data(), s.size());
}

absl::Status self_await_error() {
  return make_error(error_kind::self_await,
                    "a task cannot await itself: it would never end");
}

}  // namespace

void task_core::start(loop_core& core, const transition& first,
                      first_step when) {
  future_state& state = result_state();
  state.bind(core);
  core.set_task_hooks(kTaskHooks);
  id_ = core.next_task_id();
  link_ = this;
  transition_ = &first;
  if (ABSL_PREDICT_FALSE(has_context())) {
    extras().own_context.values = share_context();  // Rule S16.
  }
  if (when == first_step::eager && core.running()) {
    const context_slot outer = std::exchange(tls_context, {});
    take_turn();
    tls_context = outer;
    return;
  }
  suspend(suspension::ready);
  core.push(*this);
}

loop_core& task_core::running_core(std::string_view call) const {
  loop_core* const core = loop_core::running_here();
  if (ABSL_PREDICT_FALSE(core == nullptr)) {
    fatal(absl::StrCat(view(call),
                       " was called on a machine outside of a "
                       "running loop: only its states may"));
  }
  return *core;
}

void task_core::choose(const transition* next, future_state* source) {
  RATCHET_CHECK(!chosen_, absl::StrCat("state ", view(transition_->state_name),
                                       " of ", view(transition_->class_name),
                                       " made two transitions: a state returns "
                                       "the one that it makes"));
  chosen_ = true;
  transition_ = next;
  if (ABSL_PREDICT_FALSE(source_ != nullptr)) source_->unref();
  source_ = source;
}

step task_core::resume(const absl::Status* thrown) {
#ifdef ABSL_HAVE_EXCEPTIONS
  try {
#endif
    return transition_->resume(*this, thrown);
#ifdef ABSL_HAVE_EXCEPTIONS
  } catch (...) {
    chosen_ = false;  // The transition that it made before it threw.
    hold_failure(status_of_current_exception());
    return end();
  }
#endif
}

void task_core::enter_context() {
  tls_context = std::exchange(extras_->own_context, {});
}

void task_core::leave_context() {
  extras().own_context = std::exchange(tls_context, {});
}

void task_core::suspend(suspension how) {
  wait_ = how;
  since_ns_ = result_state().core().recent_ns();
}

// One step of a root, from a resumption to the next suspension or the end:
// "Task step" of the algorithms in docs/asyncio.md. A loop, so that machines
// awaiting machines and futures that are ready use no stack.
void task_core::take_turn() {
  future_state& state = result_state();
  loop_core& core = state.core();
  absl::Status error;
  const absl::Status* thrown = nullptr;
  if (ABSL_PREDICT_FALSE(must_cancel_ || sleep_cancelled_ || self_await_)) {
    error = must_cancel_ || sleep_cancelled_ ? cancelled_to_deliver()
                                             : self_await_error();
    must_cancel_ = sleep_cancelled_ = self_await_ = false;
    thrown = &error;
  }
  wait_ = suspension::running;
  task_core* const outer = core.current_task();
  core.set_current_task(this);
  if (ABSL_PREDICT_FALSE(extras_ != nullptr)) enter_context();

  for (task_core* frame = link_;;) {
    const step next = frame->resume(thrown);
    thrown = nullptr;
    RATCHET_CHECK(frame->chosen_,
                  absl::StrCat("state ", view(frame->transition_->state_name),
                               " of ", view(frame->transition_->class_name),
                               " returned the transition of another machine"));
    frame->chosen_ = false;
    if (ABSL_PREDICT_FALSE(ending_) &&
        (next.kind_ != step::kind::end || frame != this)) {
      if (has_context()) leave_context();
      core.set_current_task(outer);
      finish_ending(take_reason());  // May destroy this.
      return;
    }
    switch (next.kind_) {
      case step::kind::await: {
        future_state* const source = frame->source_;
        if (source->done()) continue;  // Rule S39.
        if (ABSL_PREDICT_FALSE(&source->core() != &core)) {
          fatal(absl::StrCat("task ", task_name(),
                             " awaits a future of another event loop: pass "
                             "the value with post()"));
        }
        if (ABSL_PREDICT_FALSE(source == &state)) {
          self_await_ = true;
          suspend(suspension::ready);
          core.push(*this);
          break;
        }
        suspend(suspension::future);
        source->add_waiter(*this);
        // Rule S59: a request from inside the step is delivered here.
        if (ABSL_PREDICT_FALSE(must_cancel_)) {
          must_cancel_ = false;
          const absl::Status why = take_reason();
          if (!source->cancel(why)) remember(why);
        }
        break;
      }
      case step::kind::call: {
        task_core* const callee = frame->source_->as_task();
        frame->source_->bind(core);
        callee->link_ = frame;
        link_ = frame = callee;
        continue;
      }
      case step::kind::sleep:
        if (ABSL_PREDICT_FALSE(must_cancel_)) {
          must_cancel_ = false;
          sleep_cancelled_ = true;
          suspend(suspension::ready);
          core.push(*this);
          break;
        }
        suspend(suspension::timer);
        core.arm(*this, next.deadline_ns_);
        break;
      case step::kind::yield:
        suspend(suspension::ready);
        core.push(*this);
        break;
      case step::kind::end:
        if (frame == this) {
          if (ABSL_PREDICT_FALSE(has_context())) leave_context();
          core.set_current_task(outer);
          end_root();  // May destroy this.
          return;
        }
        // Its caller finds the outcome in its source, which is this frame.
        frame->settle_end(false);
        link_ = frame = frame->link_;
        continue;
    }
    break;
  }
  if (ABSL_PREDICT_FALSE(has_context())) leave_context();
  core.set_current_task(outer);
}

void task_core::timer_due() {
  suspend(suspension::ready);
  result_state().core().push(*this);
}

void task_core::end_root() {
  future_state& state = result_state();
  settle_end(must_cancel_ || ending_);
  must_cancel_ = false;
  observer* const observer = state.core().watched_by();
  if (ABSL_PREDICT_FALSE(observer != nullptr)) {
    observer->task_ended(
        info(), state.failed() ? state.held_error() : absl::OkStatus());
  }
  state.unref();  // The loop's reference.
}

void task_core::end_now(const absl::Status& why) {
  future_state& state = result_state();
  if (state.done() || ending_) return;
  loop_core& core = state.core();
  const loop_core::immediate_disposal at_once(core);
  const state_ref<future_state> self = share(state);
  switch (wait_) {
    case suspension::running:
      hold_reason(why);
      ending_ = must_cancel_ = true;
      return;
    case suspension::future: {
      future_state& source = *link_->source_;
      if (source.done() || source.abandoned()) {
        core.withdraw(*this);
      } else {
        source.remove_waiter(*this);
      }
      break;
    }
    case suspension::timer:
      core.disarm(*this);
      break;
    case suspension::ready:
      core.withdraw(*this);
      break;
  }
  finish_ending(why);
}

// Nothing will resume it any more.
void task_core::finish_ending(const absl::Status& why) {
  // What is destroyed may look at the task: it is done by then.
  task_core* const top = link_;
  future_state& state = result_state();
  const loop_core::immediate_disposal at_once(state.core());
  const state_ref<future_state> self = share(state);
  wait_ = suspension::running;
  must_cancel_ = sleep_cancelled_ = self_await_ = false;
  hold_failure(why);
  link_ = this;
  end_root();
  destroy_frames(top);
}

// From `top` to the root. What a frame waits for may keep it alive, and the
// other way round.
void task_core::destroy_frames(task_core* top) {
  for (task_core* frame = top;;) {
    task_core* const caller = frame == this ? nullptr : frame->link_;
    const state_ref<future_state> source(frame->take_source());
    if (caller == nullptr) return;
    frame = caller;
  }
}

void task_core::hold_reason(const absl::Status& why) {
  if (ending_) return;  // That is the reason.
  if (why != plain_cancelled()) {
    extras().cancel_reason = why;
  } else if (extras_ != nullptr) {
    extras_->cancel_reason = absl::OkStatus();
  }
}

absl::Status task_core::take_reason() {
  if (extras_ == nullptr || extras_->cancel_reason.ok()) {
    return plain_cancelled();
  }
  return std::exchange(extras_->cancel_reason, absl::OkStatus());
}

void task_core::remember(const absl::Status& why) {
  must_cancel_ = true;
  // The end of the sleep comes first, as a Cancelled of its own.
  if (!sleep_cancelled_) hold_reason(why);
}

absl::Status task_core::remembered_cancel() const {
  if (!must_cancel_) return absl::OkStatus();
  if (extras_ == nullptr || extras_->cancel_reason.ok()) {
    return plain_cancelled();
  }
  return extras_->cancel_reason;
}

// What a resumption throws: what woke it, if that is a Cancelled already.
absl::Status task_core::cancelled_to_deliver() {
  absl::Status why = take_reason();
  if (wait_ != suspension::future) return why;
  const future_state& source = *link_->source_;
  return source.failed() && is_cancelled(source.held_error())
             ? source.held_error()
             : why;
}

cancel_answer task_core::request_cancel(const absl::Status& why) {
  future_state& state = result_state();
  state.mark_retrieved();
  if (state.done()) return {cancel_answer::kind::refused};
  ++cancels_;
  switch (wait_) {
    case suspension::future: {
      future_state* const source = link_->source_;
      if (!source->done()) {
        return {cancel_answer::kind::forward, source, &state};
      }
      source->mark_retrieved();  // It was asked, too (rule S38).
      break;                     // Rule S57: woken already.
    }
    case suspension::timer:
      if (state.core().disarm(*this)) {
        sleep_cancelled_ = true;
        hold_reason(why);
        suspend(suspension::ready);
        state.core().push(*this);
        return {cancel_answer::kind::accepted};
      }
      break;
    case suspension::running:
    case suspension::ready:
      break;  // Rules S58, S59, S65.
  }
  remember(why);
  return {cancel_answer::kind::accepted};
}

uint32_t task_core::uncancel() {
  if (cancels_ > 0 && --cancels_ == 0) withdraw_cancel();
  return cancels_;
}

void task_core::withdraw_cancel() {
  if (!must_cancel_ || ending_) return;
  must_cancel_ = false;
  if (!sleep_cancelled_) hold_reason(plain_cancelled());
}

int64_t task_core::deadline_ns() {
  int64_t earliest = kNever;
  if (extras_ == nullptr || result_state().done()) return earliest;
  for (const task_deadline* d = extras_->deadlines; d != nullptr;
       d = d->next()) {
    earliest = std::min(earliest, d->at_ns);
  }
  return earliest;
}

void task_core::report_here(const error_report& report) {
  context* const own =
      extras_ == nullptr ? nullptr : extras_->own_context.values;
  if (own != nullptr) own->ref();
  const context_scope scope(own);
  result_state().core().report(report);
}

void task_core::destroy_pending() {
  future_state& state = result_state();
  const task_info what = info();
  report_here(
      {error_report::cause::task_destroyed,
       make_error(error_kind::closed,
                  what.awaiting.empty() ? std::string("its loop was destroyed")
                                        : absl::StrCat("its loop was destroyed "
                                                       "while it awaits ",
                                                       what.awaiting)),
       what.name, std::string(what.state)});
  // What it waits for may outlive it, so it must not find it in its list.
  if (wait_ == suspension::future) {
    future_state* const source = link_->source_;
    if (!source->done() && !source->abandoned()) source->remove_waiter(*this);
  }
  // For those who hold a handle: it has no callee and awaits nothing any more.
  wait_ = suspension::running;
  destroy_frames(std::exchange(link_, this));
  state.abandon();
  state.unref();  // The loop's reference.
}

std::string task_core::task_name() const {
  return absl::StrCat(view(class_name()), "#", id_);
}

task_info task_core::info() {
  task_info result;
  result.id = id_;
  result.name = task_name();
  result.class_name = class_name();
  result.since = absl::FromUnixNanos(since_ns_);
  if (result_state().done()) return result;
  const task_core& top = *link_;
  result.state = top.transition_->state_name;
  if (wait_ == suspension::future)
    result.awaiting = top.source_->describe_state();
  if (wait_ == suspension::timer) result.awaiting = "the end of its sleep";
  if (wait_ == suspension::ready) result.awaiting = "its turn";
  return result;
}

std::vector<task_core*> pending_tasks(loop_core& core) {
  std::vector<task_core*> roots;
  for_each_task_block([&](void* block) {
    // task.h sees to it that the state is at the start of the block.
    future_state& state = *static_cast<future_state*>(block);
    if (!state.bound_to(core) || state.done()) return;
    task_core* const task = state.as_task();
    if (task != nullptr && task->id() != 0) roots.push_back(task);
  });
  std::sort(roots.begin(), roots.end(),
            [](task_core* a, task_core* b) { return a->id() < b->id(); });
  return roots;
}

namespace {

std::vector<task_info> all_tasks(loop_core& core) {
  std::vector<task_info> infos;
  for (task_core* const root : pending_tasks(core)) {
    infos.push_back(root->info());
  }
  return infos;
}

std::string blocked(loop_core& core) {
  std::string text;
  for (task_core* const root : pending_tasks(core)) {
    absl::StrAppend(&text, "\n  ", to_string(root->info()),
                    root->in_step() ? ", in the middle of its step" : "");
  }
  return text;
}

void destroy_all(loop_core& core) {
  const std::vector<task_core*> roots = pending_tasks(core);
  // All are kept until the last one has been told.
  std::vector<state_ref<future_state>> keep;
  for (task_core* const root : roots) {
    keep.push_back(share(root->result_state()));
  }
  for (task_core* const root : roots) {
    // What went before may have ended it: a group and its children.
    if (!root->result_state().done()) root->destroy_pending();
  }
}

}  // namespace

const task_hooks kTaskHooks = {&all_tasks, &blocked, &destroy_all};

}  // namespace ratchet::internal
