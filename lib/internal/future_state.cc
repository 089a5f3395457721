#include "ratchet/internal/future_state.h"

#include "absl/strings/str_cat.h"
#include "ratchet/status.h"

namespace ratchet::internal {

absl::Status future_state::status() {
  switch (phase_) {
    case phase::value:
      return absl::OkStatus();
    case phase::pending:
      return make_error(
          error_kind::invalid_state,
          absl::StrCat(describe(),
                       " is still pending: await it, or ask done() "
                       "before its result"));
    case phase::error:
    case phase::cancelled:
      break;
  }
  mark_retrieved();
  return error();
}

bool future_state::cancel(const absl::Status& why) {
  core_->check_thread("cancel()");
  future_state* remembers = nullptr;
  for (future_state* asked = this;;) {
    const cancel_answer answer = asked->answer_cancel(why);
    switch (answer.what) {
      case cancel_answer::kind::accepted:
        return true;
      case cancel_answer::kind::refused:
        if (remembers == nullptr) return false;
        remembers->remember_cancel(why);
        return true;
      case cancel_answer::kind::forward:
        if (answer.remembers != nullptr) remembers = answer.remembers;
        asked = answer.to;
        break;
    }
  }
}

void future_state::destroy() {
  if (unretrieved_) report_unretrieved();
  delete this;
}

void future_state::report_unretrieved() {
  core_->report({error_report::cause::unretrieved, error(), describe(), ""});
}

}  // namespace ratchet::internal
