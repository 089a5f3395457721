#include "ratchet/promise.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace ratchet::internal {

absl::Status broken_promise() {
  return make_error(error_kind::broken_promise,
                    "broken promise: it was destroyed without having been "
                    "completed");
}

absl::Status promise_already_done(std::string_view call) {
  return make_error(
      error_kind::invalid_state,
      absl::StrCat(absl::string_view(call.data(), call.size()),
                   ": the future is settled already, by an earlier call or "
                   "because its consumer cancelled it; done() tells"));
}

void use_of_empty_promise(std::string_view call) {
  fatal(absl::StrCat(absl::string_view(call.data(), call.size()),
                     " on a promise that was moved from"));
}

}  // namespace ratchet::internal
