#include "ratchet/when_any.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/internal/children.h"

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
    outer().ref();  // The runner's.
    wait_for_child(runners_[i], *runners_[i].state, outer().core(),
                   "when_any()");
  }
}

void racing::runner::take_turn() {
  const state_ref<future_state> outer(&owner->outer());
  if (state != nullptr && !owner->over_) owner->finished(*this);
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
  errors_.push_back(child.held_error());
  if (errors_.size() == added_) fail(group_error(errors_));
}

// The others go on, and nothing of the race stays with them.
void racing::withdraw_all() {
  stop_waiting();
  for (size_t i = 0; i < added_; ++i) runners_[i].state = nullptr;
}

void racing::stop_waiting() {
  for (size_t i = 0; i < added_; ++i) {
    future_state* const child = runners_[i].state;
    // Those that are queued, or about to be dropped, go by themselves.
    if (child == nullptr || child->done() || child->abandoned()) continue;
    child->remove_waiter(runners_[i]);
    outer().unref();
  }
}

cancel_answer racing::answer_racing_cancel() {
  if (outer().done()) return {cancel_answer::kind::refused};
  if (over_) return {cancel_answer::kind::accepted};
  over_ = true;
  stop_waiting();
  return {cancel_answer::kind::fork};
}

future_state* racing::next_runner(size_t& at) {
  while (at < added_) {
    if (future_state* const child = runners_[at++].state) return child;
  }
  return nullptr;
}

bool racing::answer_racing_fork(const absl::Status& why) {
  for (size_t i = 0; i < added_; ++i) runners_[i].state = nullptr;
  cancel_outer(why);
  return true;
}

std::string racing::describe_racing(const char* name) const {
  return absl::StrCat(name, " of ", added_);
}

}  // namespace ratchet::internal
