#include "ratchet/internal/task_core.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
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

// The state that runs on this thread, with its machine. Debug builds alone keep
// it.
struct running {
  const task_core* machine;
  const transition* state;
};
thread_local running running_state = {nullptr, nullptr};

}  // namespace

static_assert(sizeof(task_core) == 72, "what every task pays");

ABSL_ATTRIBUTE_NOINLINE void task_core::keep_context() {
  extras().own_context.values = share_context();  // Rule S16.
}

// Inside the step of another task, as the only turn that is.
ABSL_ATTRIBUTE_NOINLINE void task_core::start_eagerly() {
  loop_core& core = result_state().core();
  task_core* const outer_task = core.current_task();
  const context_slot outer = std::exchange(tls_context, {});
  take_turn();  // May destroy this.
  tls_context = outer;
  core.set_current_task(outer_task);
}

step task_core::fail_with(const absl::Status& error) {
  hold_failure(error);
  return end();
}

ABSL_ATTRIBUTE_NOINLINE void task_core::release_owned() {
  if (source_ != nullptr) source_->unref();
  delete extras_;
}

ABSL_ATTRIBUTE_NOINLINE void task_core::await_of_another_loop() const {
  fatal(absl::StrCat("task ", task_name(),
                     " awaits a future of another event loop: pass the value "
                     "with post()"));
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

void task_core::state_of_another(const transition& next) const {
  fatal(absl::StrCat("state ", view(transition_->state_name), " of ",
                     view(transition_->class_name), " names state ",
                     view(next.state_name), " of ", view(next.class_name),
                     " as the next one: a transition is to a state of the same "
                     "machine"));
}

std::string task_core::two_transitions() const {
  // The first one is in transition_ already.
  const transition& state =
      running_state.machine == this ? *running_state.state : *transition_;
  return absl::StrCat("state ", view(state.state_name), " of ",
                      view(state.class_name),
                      " made two transitions: a state returns the one that it "
                      "makes");
}

std::string task_core::transition_of_another() const {
  return absl::StrCat("state ", view(transition_->state_name), " of ",
                      view(transition_->class_name),
                      " returned the transition of another machine");
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline step task_core::resume(
    const absl::Status* thrown) {
#ifdef ABSL_HAVE_EXCEPTIONS
  try {
#endif
    return transition_->resume(*this, thrown);
#ifdef ABSL_HAVE_EXCEPTIONS
  } catch (...) {
    return end_thrown();
  }
#endif
}

#ifdef ABSL_HAVE_EXCEPTIONS
// REQUIRES: an exception is being handled.
ABSL_ATTRIBUTE_NOINLINE step task_core::end_thrown() {
  set_chosen(false);  // The transition that it made before it threw.
  hold_failure(status_of_current_exception());
  return end();
}
#endif

void task_core::enter_context() {
  tls_context = std::exchange(extras_->own_context, {});
}

void task_core::leave_context() {
  extras().own_context = std::exchange(tls_context, {});
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void task_core::end_root(
    future_state& state) {
  if (ABSL_PREDICT_TRUE(unusual_ == 0 &&
                        state.holds_ == future_state::held_kind::value)) {
    state.settle(future_state::state_phase::value);
  } else {
    settle_end(has_flag(kMustCancel | kEnding));
    clear_flag(kMustCancel);
  }
  if (ABSL_PREDICT_FALSE(state.core().watched_by() != nullptr)) {
    tell_observer(*state.core().watched_by());
  }
  state.unref();  // The loop's reference.
}

// One step of a root, from a resumption to the next suspension or the end:
// "Task step" of the algorithms in docs/asyncio.md. A loop, so that machines
// awaiting machines and futures that are ready use no stack.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void task_core::take_step(
    const absl::Status* thrown) {
  future_state& state = result_state();
  loop_core& core = state.core();
  wait_ = suspension::running;
  core.set_current_task(this);
  if (ABSL_PREDICT_FALSE(has_flag(kHasExtras))) enter_context();

  for (task_core* frame = link_;;) {
#ifndef NDEBUG
    const running outer =
        std::exchange(running_state, running{frame, frame->transition_});
#endif
    const step next = frame->resume(thrown);
#ifndef NDEBUG
    running_state = outer;
#endif
    thrown = nullptr;
    RATCHET_CHECK(frame->chosen_, frame->transition_of_another());
    frame->set_chosen(false);
    if (ABSL_PREDICT_FALSE(unusual_ != 0) && has_flag(kEnding) &&
        (next.kind_ != step::kind::end || frame != this)) {
      end_after_step(core);  // May destroy this.
      return;
    }
    // By likelihood, and not a switch: that is a jump which is hard to predict.
    if (next.kind_ == step::kind::await) {
      future_state* const source = frame->source_;
      if (ABSL_PREDICT_TRUE(
              source->current_phase() == future_state::state_phase::pending &&
              &source->core() == &core && source != &state && unusual_ == 0)) {
        suspend(suspension::future, core);
        source->add_waiter(*this);
        break;
      }
      if (source->done()) continue;  // Rule S39.
      suspend_unusually(*source, core);
      break;
    }
    if (next.kind_ == step::kind::end) {
      if (ABSL_PREDICT_TRUE(frame == this)) {
        if (ABSL_PREDICT_FALSE(has_context())) leave_context();
        core.set_current_task(nullptr);
        end_root(state);  // May destroy this.
        return;
      }
      // Its caller finds the outcome in its source, which is this frame.
      frame->settle_end(false);
      link_ = frame = frame->link_;
      continue;
    }
    if (next.kind_ == step::kind::yield) {
      suspend_and_push(suspension::ready, core);
      break;
    }
    if (next.kind_ == step::kind::call) {
      task_core* const callee = frame->source_->as_task();
      frame->source_->bind(core);
      callee->link_ = frame;
      link_ = frame = callee;
      continue;
    }
    // A sleep.
    if (ABSL_PREDICT_FALSE(must_cancel())) {
      clear_flag(kMustCancel);
      wake_with_error(suspension::wait_cancelled, core);
      break;
    }
    const int64_t deadline_ns = frame->free_place();
    suspend(suspension::timer, core);
    begin_as_timer();
    core.arm(*this, deadline_ns);
    break;
  }
  if (ABSL_PREDICT_FALSE(has_context())) leave_context();
  core.set_current_task(nullptr);
}

// end_now() was called from inside the step.
ABSL_ATTRIBUTE_NOINLINE void task_core::end_after_step(loop_core& core) {
  if (has_context()) leave_context();
  core.set_current_task(nullptr);
  finish_ending(take_reason());  // May destroy this.
}

// All ways to wait for a `source` that is not done, the rare ones included.
ABSL_ATTRIBUTE_NOINLINE void task_core::suspend_unusually(future_state& source,
                                                          loop_core& core) {
  if (&source.core() != &core) await_of_another_loop();
  if (&source == &result_state()) {
    wake_with_error(suspension::self_await, core);
    return;
  }
  suspend(suspension::future, core);
  source.add_waiter(*this);
  // Rule S59: a request from inside the step is delivered here.
  if (must_cancel()) cancel_source(source);
}

ABSL_ATTRIBUTE_NOINLINE void task_core::cancel_source(future_state& source) {
  clear_flag(kMustCancel);
  const absl::Status why = take_reason();
  if (source.cancelled_by_leaving()) {
    source.remove_waiter(*this);
    hold_reason(why);
    wake_with_error(suspension::wait_cancelled, source.core());
  } else if (!source.cancel(why)) {
    remember(why);
  }
}

void task_core::take_turn() {
  if (ABSL_PREDICT_TRUE(unusual_ == 0)) {
    take_step(nullptr);
  } else {
    take_unusual_turn();
  }
}

ABSL_ATTRIBUTE_NOINLINE void task_core::take_unusual_turn() {
  if (!has_flag(kMustCancel | kWakesWithError)) {
    take_step(nullptr);
    return;
  }
  const absl::Status error =
      must_cancel() || wait_ == suspension::wait_cancelled
          ? cancelled_to_deliver()
          : self_await_error();
  clear_flag(kMustCancel | kWakesWithError);
  take_step(&error);
}

void task_core::timer_due() {
  suspend_and_push(suspension::ready, result_state().core());
}

ABSL_ATTRIBUTE_NOINLINE void task_core::tell_observer(observer& observer) {
  future_state& state = result_state();
  observer.task_ended(info(),
                      state.failed() ? state.held_error() : absl::OkStatus());
}

void task_core::end_now(const absl::Status& why) {
  future_state& state = result_state();
  if (state.done() || has_flag(kEnding)) return;
  loop_core& core = state.core();
  const loop_core::immediate_disposal at_once(core);
  const state_ref<future_state> self = share(state);
  switch (wait_) {
    case suspension::running:
      hold_reason(why);
      set_flag(kEnding | kMustCancel);
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
    case suspension::wait_cancelled:
    case suspension::self_await:
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
  clear_flag(kMustCancel);
  hold_failure(why);
  link_ = this;
  end_root(state);
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
  if (has_flag(kEnding)) return;  // That is the reason.
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
  set_flag(kMustCancel);
  // The end of the sleep comes first, as a Cancelled of its own.
  if (wait_ != suspension::wait_cancelled) hold_reason(why);
}

absl::Status task_core::remembered_cancel() const {
  if (!must_cancel()) return absl::OkStatus();
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
  if (cancels_ != UINT16_MAX) ++cancels_;
  switch (wait_) {
    case suspension::future: {
      future_state* const source = link_->source_;
      if (!source->done()) {
        if (!source->cancelled_by_leaving()) {
          return {cancel_answer::kind::forward, source, &state};
        }
        source->remove_waiter(*this);
        hold_reason(why);
        wake_with_error(suspension::wait_cancelled, state.core());
        return {cancel_answer::kind::accepted};
      }
      source->mark_retrieved();  // It was asked, too (rule S38).
      break;                     // Rule S57: woken already.
    }
    case suspension::timer:
      if (state.core().disarm(*this)) {
        hold_reason(why);
        wake_with_error(suspension::wait_cancelled, state.core());
        return {cancel_answer::kind::accepted};
      }
      break;
    case suspension::running:
    case suspension::ready:
    case suspension::wait_cancelled:
    case suspension::self_await:
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
  if (!must_cancel() || has_flag(kEnding)) return;
  clear_flag(kMustCancel);
  if (wait_ != suspension::wait_cancelled) hold_reason(plain_cancelled());
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
                                                       awaited_by(what))),
       unique_name(), std::string(what.state)});
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
  return name_with_id(std::string(class_name()), id_);
}

std::string task_core::describe_source() const {
  return source_->describe_state();
}

// Of a root that is not done.
std::string task_core::describe_wait() const {
  switch (wait_) {
    case suspension::running:
      return "";
    case suspension::future:
      return link_->source_->done() ? "its turn" : link_->describe_source();
    case suspension::timer: {
      const int64_t deadline_ns = link_->free_place();
      return deadline_ns == kNever
                 ? std::string("sleep without end")
                 : absl::StrCat("sleep until ",
                                time_in_words(deadline_to_time(deadline_ns)));
    }
    case suspension::ready:
    case suspension::wait_cancelled:
    case suspension::self_await:
      return "its turn";
  }
  return "";
}

task_info task_core::info() {
  task_info result;
  result.id = id_;
  result.name = task_name();
  result.class_name = class_name();
  result.since = result_state().core().time_at(since_ms_);
  if (result_state().done()) return result;
  result.state = transition_->state_name;
  for (const task_core* frame = link_; frame != this; frame = frame->link_) {
    result.stack.push_back(absl::StrCat(frame->task_name(), " in state ",
                                        view(frame->transition_->state_name)));
  }
  std::reverse(result.stack.begin(), result.stack.end());
  result.awaiting = describe_wait();
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
