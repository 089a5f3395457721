#include "ratchet/when_all.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/status.h"

namespace ratchet::internal {

gathering::gathering(mode how, size_t slots)
    : how_(how), children_(new part[slots]) {}

void gathering::add(future_state& child) {
  children_[added_].owner = this;
  ++distinct_;
  add_again(child);
}

void gathering::add_again(future_state& child) {
  children_[added_].state = &child;
  ++added_;
}

void gathering::begin() {
  if (added_ == 0) {  // Rule S73.
    succeed();
    return;
  }
  size_t done = 0;
  for (size_t i = 0; i < added_; ++i) {
    if (children_[i].owner == nullptr) continue;
    future_state& state = *children_[i].state;
    if (&state.core() != &outer().core()) {
      fatal("when_all() was given futures of different event loops");
    }
    if (state.done()) {
      ++done;
      continue;
    }
    outer().ref();  // The child's.
    state.add_waiter(children_[i]);
  }
  // Rule S82: those that were done have no callback, and come last. Which they
  // are does not change in between.
  for (size_t i = 0; done > 0; ++i) {
    if (children_[i].owner == nullptr || !children_[i].state->done()) continue;
    --done;
    child_done(*children_[i].state);
  }
}

void gathering::part::take_turn() {
  const state_ref<future_state> outer(&owner->outer());
  owner->child_done(*state);
}

void gathering::part::drop_turn() {
  const state_ref<future_state> outer(&owner->outer());
  outer->abandon();
}

void gathering::child_done(future_state& child) {
  ++finished_;
  // Rule S38: one that waits for all looks at nothing before it has them.
  if (outer().done() || how_ == mode::all_or_error) child.mark_retrieved();
  if (outer().done()) return;
  if (how_ == mode::all_or_error && child.failed()) {
    fail(child.held_error());  // Also Cancelled, as an error (rule S77).
    return;
  }
  if (finished_ < distinct_) return;
  for (size_t i = 0; i < added_; ++i) children_[i].state->mark_retrieved();
  if (cancel_requested_) {  // Rule S79.
    // As asyncio: what the last child saw, if it gave in.
    fail(child.cancelled() ? child.held_error() : outer().held_error());
  } else {
    succeed();
  }
}

cancel_answer gathering::answer_gathering_cancel() {
  if (outer().done()) return {cancel_answer::kind::refused};
  return {cancel_answer::kind::fork};
}

// Rule S78, as CPython has it: a child that comes twice is asked twice.
future_state* gathering::next_child(size_t& at) {
  return at < added_ ? children_[at++].state : nullptr;
}

bool gathering::answer_gathering_fork(bool any_accepted,
                                      const absl::Status& why) {
  if (!any_accepted || outer().done()) return any_accepted;
  cancel_requested_ = true;
  hold(why);
  return true;
}

std::string gathering::describe_gathering(const char* name) const {
  return absl::StrCat(name, " of ", distinct_, ", ", distinct_ - finished_,
                      " pending");
}

}  // namespace ratchet::internal
