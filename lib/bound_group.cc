#include "ratchet/bound_group.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace ratchet {
namespace internal {

bound::bound(binding_core& core) : core_(&core), previous_(nullptr) {
  core.add(*this);
}

bound::~bound() { leave(); }

void bound::leave() {
  if (binding_core* const core = std::exchange(core_, nullptr)) {
    core->remove(*this);
  }
}

void binding_core::add(bound& b) {
  b.previous_ = last_;
  (last_ == nullptr ? first_ : last_->next_) = &b;
  last_ = &b;
  ++size_;
}

void binding_core::remove(bound& b) {
  (b.previous_ == nullptr ? first_ : b.previous_->next_) = b.next_;
  (b.next_ == nullptr ? last_ : b.next_->previous_) = b.previous_;
  if (--size_ != 0) return;
  for (promise<void>& join : std::exchange(joins_, {})) {
    if (!join.done()) join.set_value().IgnoreError();
  }
}

void binding_core::end_all(const std::string& name) {
  gone_ = true;
  why_ = cancelled_error(absl::StrCat(name, " was destroyed"));
  // What is destroyed on the way may end others of the list.
  while (first_ != nullptr) first_->end(why_);
}

void binding_core::ask_all(const absl::Status& why) {
  // Who is asked only notes it, or leaves the list; its callable, destroyed,
  // may do anything. So one after the other, each once.
  std::vector<state_ref<future_state>> tasks;
  std::vector<callback_handle> callbacks;
  for (bound* b = first_; b != nullptr; b = b->next_) {
    if (future_state* const task = b->task()) {
      tasks.push_back(share(*task));
    } else {
      callbacks.push_back(b->callback());
    }
  }
  for (callback_handle& callback : callbacks) callback.cancel();
  for (const state_ref<future_state>& task : tasks) {
    if (!task->done()) task->cancel(why);
  }
}

future<void> binding_core::when_empty() {
  joins_.erase(std::remove_if(joins_.begin(), joins_.end(),
                              [](const promise<void>& p) { return p.done(); }),
               joins_.end());  // Cancelled ones.
  joins_.emplace_back();
  return joins_.back().get_future();
}

bool binding_core::has_task(task_core* task) const {
  if (task == nullptr) return false;
  for (bound* b = first_; b != nullptr; b = b->next_) {
    if (b->task() == &task->result_state()) return true;
  }
  return false;
}

bound_task::bound_task(binding_core& core, future_state& state)
    : bound(core), state_(share(state)) {
  state.add_waiter(*this);
}

void bound_task::take_turn() {
  // It is in nobody's way when the state, and what is in it, goes.
  const state_ref<future_state> state = std::move(state_);
  leave();
  delete this;
}

void bound_task::end(const absl::Status& why) {
  const state_ref<future_state> state = std::move(state_);
  leave();
  if (!state->done() && !state->abandoned()) {
    state->remove_waiter(*this);
    delete this;
  }  // Else it is queued, or about to be dropped, and goes by itself.
  state->as_task()->end_now(why);
}

void bind_task(binding_core& core, future_state& state) {
  if (state.done()) return;
  if (core.gone()) {
    state.as_task()->end_now(core.gone_error());
  } else {
    new bound_task(core, state);
  }
}

absl::Status binding_gone() {
  return make_error(error_kind::not_accepting,
                    "bound_group::create_task(): the group is being destroyed");
}

}  // namespace internal

bound_group::~bound_group() {
  if (core_ == nullptr) return;
  core_->end_all(name_);
  core_->unref();
}

void bound_group::cancel(std::string_view reason) {
  if (core_ == nullptr) return;
  const internal::binding_ref keep(*core_);
  keep->ask_all(cancelled_error(reason));
}

bound_group::join_task bound_group::join() { return join_task(core()); }

step bound_group::join_task::start() {
  if (core_->has_task(internal::loop_core::current("join()").current_task())) {
    return fail(internal::make_error(
        error_kind::self_await,
        "bound_group::join(): in a task of the group it would wait for "
        "itself"));
  }
  return woken();
}

step bound_group::join_task::woken() {
  if (core_->size() == 0) return done();
  return await<&join_task::woken>(core_->when_empty());
}

}  // namespace ratchet
