#include "ratchet/timeout.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/internal/loop_core.h"

namespace ratchet {
namespace {

using internal::loop_core;

int64_t deadline_from_now(absl::Duration timeout) {
  return internal::deadline_after(loop_core::current("timeout_scope").now_ns(),
                                  timeout);
}

absl::Status wrong_state(const char* call, const char* problem) {
  return internal::make_error(error_kind::invalid_state,
                              absl::StrCat(call, ": ", problem));
}

}  // namespace

timeout_scope::timeout_scope(absl::Duration timeout) : length_(timeout) {
  deadline_.at_ns = deadline_from_now(timeout);
}

timeout_scope::timeout_scope(absl::Time deadline) {
  deadline_.at_ns = internal::deadline_at(deadline);
}

timeout_scope::timeout_scope(timeout_scope&& other) noexcept
    : length_(other.length_) {
  deadline_.at_ns = other.deadline_.at_ns;
  RATCHET_CHECK(other.state_ == state::created,
                "a timeout_scope was moved after it had been entered");
}

timeout_scope::~timeout_scope() { soon_.cancel(); }

const char* timeout_scope::name(state s) {
  switch (s) {
    case state::created:
      return "created";
    case state::active:
      return "active";
    case state::expiring:
      return "expiring";
    case state::expired:
      return "expired";
    case state::finished:
      return "finished";
  }
  return "unknown";
}

absl::Status timeout_scope::enter() {
  if (state_ != state::created) {
    return wrong_state("timeout_scope::enter()",
                       "the scope has already been entered");
  }
  internal::task_core* const task =
      loop_core::current("timeout_scope::enter()").current_task();
  if (task == nullptr) {
    return wrong_state("timeout_scope::enter()",
                       "it is for the states of a task; in a callback use "
                       "with_timeout() or call_later()");
  }
  task_ = task;
  deadline_.link(task_->extras().deadlines);
  cancelling_ = task_->cancelling();
  state_ = state::active;
  set_timer();
  return absl::OkStatus();
}

void timeout_scope::set_timer() {
  if (deadline_.at_ns == internal::kNever) return;
  loop_core& core = task_->result_state().core();
  if (length_ == absl::InfiniteDuration()) {
    length_ = std::max(deadline() - absl::FromUnixNanos(core.now_ns()),
                       absl::ZeroDuration());
  }
  if (deadline_.at_ns > core.now_ns()) {
    core.arm(alarm_, deadline_.at_ns);
  } else {  // Rule S107: not through the timers.
    soon_ = internal::schedule_soon(core, [this] { expire(); });
  }
}

void timeout_scope::stop_timer() {
  task_->result_state().core().disarm(alarm_);
  soon_.cancel();
}

void timeout_scope::expire() {
  if (!deadline_.linked()) return;  // The task is gone, and never left it.
  task_->result_state().cancel(
      cancelled_error(internal::expiry_reason(length_)));
  state_ = state::expiring;
}

absl::Status timeout_scope::leave(absl::Status outcome) {
  switch (state_) {
    case state::active:
      stop_timer();
      deadline_.unlink();
      state_ = state::finished;
      break;
    case state::expiring:
      deadline_.unlink();
      state_ = state::expired;
      // Rule S106: no other request has come since entry.
      if (task_->uncancel() <= cancelling_ && is_cancelled(outcome)) {
        outcome = internal::timeout_error(length_);
      }
      break;
    case state::created:
    case state::expired:
    case state::finished:
      if (!outcome.ok()) break;
      return wrong_state("timeout_scope::leave()", "the scope is not entered");
  }
  return outcome;
}

absl::Status timeout_scope::reschedule(absl::Time deadline) {
  if (state_ == state::created) {
    return wrong_state("timeout_scope::reschedule()",
                       "the scope has not been entered");
  }
  if (state_ != state::active) {
    return wrong_state(
        "timeout_scope::reschedule()",
        absl::StrCat("cannot change the deadline of a scope that is ",
                     name(state_))
            .c_str());
  }
  stop_timer();
  deadline_.at_ns = internal::deadline_at(deadline);
  length_ = absl::InfiniteDuration();
  set_timer();
  return absl::OkStatus();
}

std::string internal::expiry_reason(absl::Duration timeout) {
  return absl::StrCat("the timeout of ", absl::FormatDuration(timeout),
                      " has expired");
}

std::string internal::with_timeout_name(absl::Duration timeout) {
  return absl::StrCat("with_timeout(", absl::FormatDuration(timeout), ")");
}

}  // namespace ratchet
