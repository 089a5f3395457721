#include "ratchet/when_any.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace ratchet::internal {

racing::racing(mode how, size_t slots)
    : how_(how), runners_(new runner[slots]) {}

void racing::add(future_state& child) {
  runners_[added_].owner = this;
  runners_[added_].state = &child;
  ++added_;
}

void racing::begin() {
  if (added_ == 0) {
    fail(absl::InvalidArgumentError("when_any() was given no futures"));
    return;
  }
  for (size_t i = 0; i < added_; ++i) {
    future_state& state = *runners_[i].state;
    if (&state.core() != &outer().core()) {
      fatal("when_any() was given futures of different event loops");
    }
    outer().ref();  // The runner's.
    state.add_waiter(runners_[i]);
  }
}

void racing::runner::take_turn() {
  const state_ref<future_state> outer(&owner->outer());
  if (state != nullptr) owner->finished(*this);
}

void racing::runner::drop_turn() {
  const state_ref<future_state> outer(&owner->outer());
  state = nullptr;
  outer->abandon();
}

void racing::finished(runner& r) {
  future_state& child = *r.state;
  r.state = nullptr;
  const size_t index = static_cast<size_t>(&r - runners_.get());
  if (how_ == mode::first_done || !child.failed()) {
    withdraw_all();
    win(index);
    return;
  }
  child.mark_retrieved();
  errors_.push_back(child.error());
  if (errors_.size() == added_) fail(group_error(errors_));
}

// The others go on, and nothing of the race stays with them.
void racing::withdraw_all() {
  for (size_t i = 0; i < added_; ++i) {
    future_state* const child = std::exchange(runners_[i].state, nullptr);
    // Those that are queued, or about to be dropped, go by themselves.
    if (child == nullptr || child->done() || child->abandoned()) continue;
    child->remove_waiter(runners_[i]);
    outer().unref();
  }
}

cancel_answer racing::answer_racing_cancel(const absl::Status& why) {
  if (outer().done()) return {cancel_answer::kind::refused};
  std::vector<state_ref<future_state>> children;
  for (size_t i = 0; i < added_; ++i) {
    if (runners_[i].state != nullptr) {
      children.push_back(share(*runners_[i].state));
    }
  }
  withdraw_all();
  for (const state_ref<future_state>& child : children) child->cancel(why);
  cancel_outer(why);
  return {cancel_answer::kind::accepted};
}

std::string racing::describe_racing(const char* name) const {
  return absl::StrCat(name, " of ", added_);
}

}  // namespace ratchet::internal
