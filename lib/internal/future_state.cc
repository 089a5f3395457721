#include "ratchet/internal/future_state.h"

#include <cstddef>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "ratchet/status.h"

namespace ratchet::internal {

absl::Status future_state::status() {
  switch (phase_) {
    case state_phase::value:
      return absl::OkStatus();
    case state_phase::pending:
    case state_phase::abandoned:
      return make_error(
          error_kind::invalid_state,
          absl::StrCat(describe_state(),
                       " is still pending: await it, or ask done() "
                       "before its result"));
    case state_phase::error:
    case state_phase::cancelled:
      break;
  }
  mark_retrieved();
  return held_error();
}

namespace {

// A fork on the way of a request: some of what it waits for has been asked.
struct pending_fork {
  state_ref<future_state> state;
  size_t at = 0;
  bool any_accepted = false;
  future_state* remembers;  // Of those on the way to it.
};

}  // namespace

bool future_state::cancel(const absl::Status& why) {
  core_->check_thread("cancel()");
  absl::InlinedVector<pending_fork, 4> forks;
  future_state* asked = this;
  future_state* remembers = nullptr;
  for (;;) {
    const cancel_answer answer = asked->answer_cancel(why);
    if (answer.what == cancel_answer::kind::forward) {
      if (answer.remembers != nullptr) remembers = answer.remembers;
      asked = answer.to;
      continue;
    }
    bool accepted = answer.what == cancel_answer::kind::accepted;
    if (answer.what == cancel_answer::kind::fork) {
      forks.push_back({share(*asked), 0, false, remembers});
      remembers = nullptr;
    } else {
      if (!accepted && remembers != nullptr) {
        remembers->remember_cancel(why);
        accepted = true;
      }
      if (forks.empty()) return accepted;
      forks.back().any_accepted |= accepted;
    }
    // On to the next branch; up from those that have none left.
    for (;;) {
      pending_fork& fork = forks.back();
      asked = fork.state->next_to_cancel(fork.at);
      remembers = nullptr;
      if (asked != nullptr) break;
      const pending_fork ended = std::move(fork);
      forks.pop_back();
      accepted = ended.state->answer_fork(ended.any_accepted, why);
      if (!accepted && ended.remembers != nullptr) {
        ended.remembers->remember_cancel(why);
        accepted = true;
      }
      if (forks.empty()) return accepted;
      forks.back().any_accepted |= accepted;
    }
  }
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void loop_core::dispose(
    future_state& state) {
  if (ABSL_PREDICT_FALSE(disposing_)) {
    state.link_dying(dying_);
    dying_ = &state;
    return;
  }
  disposing_ = true;  // Keeps the core, too.
  if (ABSL_PREDICT_TRUE(state.phase_ == future_state::state_phase::value)) {
    delete &state;  // Nothing that nobody looked at.
  } else {
    state.destroy();
  }
  while (ABSL_PREDICT_FALSE(dying_ != nullptr)) {
    future_state& next = *dying_;
    dying_ = next.unlink_dying();
    next.destroy();
  }
  disposing_ = false;
  if (ABSL_PREDICT_FALSE(abandoned_)) count_states_anew();
}

void future_state::last_unref() {
  // The first question spares some of the others to what ends well.
  if (ABSL_PREDICT_TRUE(phase_ == state_phase::value)) {
    core_->dispose(*this);
  } else if (core_ != nullptr) {
    abandon();
    core_->dispose(*this);
  } else {
    delete this;  // A machine that was awaited, but did not come to run.
  }
}

void future_state::free_block_of_unused(void* state, size_t size,
                                        size_t alignment, loop_core& core) {
  deallocate(state, size, alignment, block_kind::plain);
  core.count_states_anew();
}

void future_state::report_unretrieved() {
  core_->report(
      {error_report::cause::unretrieved, held_error(), describe_state(), ""});
}

}  // namespace ratchet::internal
