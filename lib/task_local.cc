#include "ratchet/task_local.h"

#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "ratchet/status.h"

namespace ratchet::internal {
namespace {

absl::Status refused(std::string_view why) {
  return make_error(error_kind::invalid_state, why);
}

}  // namespace

local_token::local_token(uint64_t variable, local_value* old)
    : variable_(variable), identity_(tls_context.identity), old_(old) {}

absl::Status local_token::reset(uint64_t variable) {
  if (variable_ == 0) {
    return refused("task_local::reset(): the token was moved from");
  }
  if (used_) {
    return refused(
        "task_local::reset(): the token was used before; each set() gives "
        "one for one reset()");
  }
  if (variable_ != variable) {
    return refused(
        "task_local::reset(): the token is of another variable; reset the one "
        "that was set");
  }
  if (identity_ != tls_context.identity) {
    return refused(
        "task_local::reset(): the token was made in another task, callback or "
        "thread, whose value this cannot change; reset it there");
  }
  used_ = true;
  set_local_value(variable, std::exchange(old_, nullptr));
  return absl::OkStatus();
}

}  // namespace ratchet::internal
