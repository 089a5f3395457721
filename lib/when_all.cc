#include "ratchet/when_all.h"

#include <utility>

#include "absl/base/optimization.h"
#include "absl/strings/str_cat.h"
#include "ratchet/status.h"

namespace ratchet::internal {

gathering::gathering(mode how, future_state& outer, size_t slots)
    : how_(how),
      outer_(outer),
      distinct_(slots),
      unfinished_(slots + 1),
      parts_(slots) {
  outer.ref();
}

void gathering::begin() {
  if (--unfinished_ == 0) {
    if (parts_.empty()) succeed();  // Rule S73. Else all were dropped.
    outer_.unref();
    return;
  }
  // Rule S82: those that were done have no callback, and come last. Which they
  // are does not change in between.
  size_t done = done_at_start_;
  for (size_t i = 0; done > 0; ++i) {
    if (parts_[i].owner() == nullptr || !parts_[i].state().done()) continue;
    --done;
    --unfinished_;
    child_done(parts_[i].state());
  }
}

void gathering::part::take_turn() {
  // Most have a value, and others are still to come: nothing but to count.
  if (ABSL_PREDICT_TRUE(--owner_->unfinished_ != 0 && !state_->failed())) {
    return;
  }
  owner_->child_done(*state_);
}

void gathering::part::drop_turn() {
  future_state& outer = owner_->outer_;
  const state_ref<future_state> until_return = share(outer);
  if (--owner_->unfinished_ == 0) outer.unref();
  outer.abandon();
}

// One that has been counted.
void gathering::child_done(future_state& child) {
  const bool is_last = unfinished_ == 0;
  // The reference of the children goes with the last one.
  const state_ref<future_state> outer(is_last ? &outer_ : nullptr);
  // Rule S38: one that waits for all looks at nothing before it has them.
  if (outer_.done() || how_ == mode::all_or_error) child.mark_retrieved();
  if (outer_.done()) return;
  if (how_ == mode::all_or_error && child.failed()) {
    fail(child.held_error());  // Also Cancelled, as an error (rule S77).
    return;
  }
  if (!is_last || outer_.abandoned()) return;
  if (how_ == mode::settled) {
    for (part& p : parts_) p.state().mark_retrieved();
  }
  if (cancel_requested_) {  // Rule S79.
    // As asyncio: what the last child saw, if it gave in.
    fail(child.cancelled() ? child.held_error() : outer_.held_error());
  } else {
    succeed();
  }
}

cancel_answer gathering::answer_gathering_cancel() {
  if (outer_.done()) return {cancel_answer::kind::refused};
  return {cancel_answer::kind::fork};
}

// Rule S78, as CPython has it: a child that comes twice is asked twice.
future_state* gathering::next_child(size_t& at) {
  return at < parts_.size() ? &parts_[at++].state() : nullptr;
}

bool gathering::answer_gathering_fork(bool any_accepted,
                                      const absl::Status& why) {
  if (!any_accepted || outer_.done()) return any_accepted;
  cancel_requested_ = true;
  hold(why);
  return true;
}

std::string gathering::describe_gathering(const char* name) const {
  return absl::StrCat(name, " of ", distinct_, ", ", unfinished_, " pending");
}

}  // namespace ratchet::internal
