#include "ratchet/task_group.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/internal/task_core.h"

namespace ratchet {
namespace {

using internal::future_state;
using internal::loop_core;
using internal::make_error;

// What the others of a group are cancelled with when `who` has failed.
absl::Status cancelled_because(const std::string& who,
                               const absl::Status& error) {
  return cancelled_error(
      absl::StrCat("task_group: ", who, " failed: ", error.message()));
}

}  // namespace

// A task of the group. The group owns it until its turn has come; a group that
// is destroyed before leaves it to the queue it stands in.
class task_group::child final : public internal::runnable {
 public:
  child(task_group& group, future_state& state)
      : group_(&group), state_(internal::share(state)) {}

  void take_turn() override {
    if (group_ != nullptr) group_->child_done(*this);
    delete this;
  }
  void drop_turn() override {
    if (group_ != nullptr) group_->remove_child(*this);
    delete this;
  }

  future_state& state() { return *state_; }

 private:
  friend class task_group;
  task_group* group_;
  const internal::state_ref<future_state> state_;
  child* previous_ = nullptr;
  child* next_ = nullptr;
};

task_group::task_group([[maybe_unused]] task_group&& other) noexcept {
  RATCHET_CHECK(other.parent_ == nullptr,
                "a task_group was moved after it had been entered");
}

task_group::~task_group() {
  aborting_ = true;  // What is destroyed here starts nothing here.
  if (first_ == nullptr) return;
  const absl::Status why = cancelled_error("task_group: it was destroyed");
  while (child* const c = first_) {
    // Until the child is gone, if it can go.
    const loop_core::immediate_disposal at_once(c->state().core());
    const internal::state_ref<future_state> state = internal::share(c->state());
    remove_child(*c);
    c->group_ = nullptr;
    // Else it is queued, or about to be dropped, and goes by itself.
    if (!state->done() && !state->abandoned()) {
      state->remove_waiter(*c);
      delete c;
    }
    state->as_task()->end_now(why);
  }
}

absl::Status task_group::enter() {
  if (parent_ != nullptr) {
    return make_error(error_kind::invalid_state,
                      "task_group::enter(): the group has already been "
                      "entered");
  }
  parent_ = loop_core::current("task_group::enter()").current_task();
  if (parent_ == nullptr) {
    return make_error(error_kind::invalid_state,
                      "task_group::enter(): it is for the states of a task");
  }
  cancelling_ = parent_->cancelling();
  return absl::OkStatus();
}

absl::Status task_group::check_accepting() const {
  const char* problem = nullptr;
  if (parent_ == nullptr) {
    problem = "task_group::create_task(): the group has not been entered";
  } else if (exiting_ && first_ == nullptr) {
    problem = "task_group::create_task(): the group is finished";
  } else if (aborting_) {
    problem = "task_group::create_task(): the group is shutting down";
  }
  return problem == nullptr ? absl::OkStatus()
                            : make_error(error_kind::not_accepting, problem);
}

void task_group::add_child(future_state& state) {
  if (state.done()) {  // Rule S170.
    take_outcome(state);
    return;
  }
  child* const c = new child(*this, state);
  c->previous_ = last_;
  (last_ == nullptr ? first_ : last_->next_) = c;
  last_ = c;
  state.add_waiter(*c);
}

void task_group::remove_child(child& c) {
  (c.previous_ == nullptr ? first_ : c.previous_->next_) = c.next_;
  (c.next_ == nullptr ? last_ : c.next_->previous_) = c.previous_;
}

void task_group::child_done(child& c) {
  remove_child(c);
  if (all_done_.has_value() && first_ == nullptr && !all_done_->done()) {
    all_done_->set_value().IgnoreError();
  }
  take_outcome(c.state());
}

void task_group::take_outcome(future_state& state) {
  // A parent that ended without leaving: nobody will ask for the errors.
  if (parent_->result_state().done()) return;
  state.mark_retrieved();
  if (!state.failed() || state.cancelled()) return;  // Rule S126.
  errors_.push_back(state.held_error());
  if (aborting_ || parent_cancel_requested_) return;
  // Rule S121.
  const absl::Status why =
      cancelled_because(state.describe_state(), state.held_error());
  abort(why);
  cancel_parent(why);
}

absl::Status task_group::cancel(std::string_view reason) {
  if (parent_ == nullptr) {
    return make_error(error_kind::invalid_state,
                      "task_group::cancel(): the group has not been entered");
  }
  if (ended_ || parent_->result_state().done()) {
    return make_error(error_kind::invalid_state,
                      "task_group::cancel(): the group has ended");
  }
  parent_->result_state().core().check_thread("task_group::cancel()");
  if (aborting_) return absl::OkStatus();
  cancelled_ = true;
  const absl::Status why = cancelled_error(reason);
  abort(why);
  if (!exiting_) cancel_parent(why);
  return absl::OkStatus();
}

void task_group::cancel_parent(const absl::Status& why) {
  parent_cancel_requested_ = true;
  parent_was_to_see_another_ = !parent_->remembered_cancel().ok();
  parent_->result_state().cancel(why);
}

// Whether the Cancelled that leaves the group, if any, is the group's own.
bool task_group::take_back_request() {
  if (!parent_cancel_requested_) return false;
  const uint32_t left = parent_->uncancel();
  if (left == 0) return true;  // Rule S123.
  // Those that were there before it was entered are not of today.
  if (!cancelled_ || left > cancelling_) return false;
  if (!parent_was_to_see_another_) parent_->withdraw_cancel();
  return true;
}

void task_group::abort(const absl::Status& why) {
  aborting_ = true;
  for (child* c = first_; c != nullptr; c = c->next_) {
    if (!c->state().done()) c->state().cancel(why);
  }
}

task_group::exit task_group::leave(absl::Status outcome) {
  return exit(*this, std::move(outcome));
}

step task_group::exit::start() {
  if (group_.parent_ == nullptr || group_.exiting_) {
    return fail(make_error(error_kind::invalid_state,
                           "task_group::leave(): the group is not entered"));
  }
  group_.exiting_ = true;
  if (is_cancelled(body_)) cancelled_ = body_;
  if (!body_.ok() && !group_.aborting_) {
    group_.abort(cancelled_.ok() ? cancelled_because("the body", body_)
                                 : cancelled_);
  }
  return wait_for_children();
}

step task_group::exit::wait_for_children() {
  if (group_.first_ == nullptr) return finish();
  group_.all_done_.emplace();
  return await<&exit::woken>(group_.all_done_->get_future());
}

std::string task_group::exit::describe_source() const {
  size_t left = 0;
  for (const child* c = group_.first_; c != nullptr; c = c->next_) ++left;
  return absl::StrCat(left, left == 1 ? " child" : " children");
}

step task_group::exit::woken(absl::Status status) {
  group_.all_done_.reset();
  if (!status.ok() && (!group_.aborting_ || group_.cancelled_)) {
    cancelled_ = status;  // Of a group that was cancelled: see finish().
  }
  if (!status.ok() && !group_.aborting_) group_.abort(status);
  return wait_for_children();
}

step task_group::exit::finish() {
  internal::task_core& parent = *group_.parent_;
  // The last request, if it is one that the body has not seen.
  const absl::Status remembered = parent.remembered_cancel();
  group_.ended_ = true;
  if (group_.take_back_request()) cancelled_ = absl::OkStatus();
  if (!cancelled_.ok() && group_.errors_.empty()) return fail(cancelled_);
  if (!body_.ok() && !is_cancelled(body_)) group_.errors_.push_back(body_);
  if (group_.errors_.empty()) return done();
  // Rule S125: a request from outside is not lost.
  if (parent.cancelling() > 0) {
    parent.uncancel();
    const absl::Status& why = remembered.ok() ? cancelled_ : remembered;
    parent.result_state().cancel(why.ok() ? internal::plain_cancelled() : why);
  }
  return fail(internal::group_error(group_.errors_));
}

}  // namespace ratchet
