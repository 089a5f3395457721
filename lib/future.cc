#include "ratchet/future.h"

#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace ratchet::internal {

void print_state(std::ostream& out, const future_state* state) {
  if (state == nullptr) {
    out << "<future empty>";
    return;
  }
  static constexpr const char* kPhases[] = {"pending", "pending", "value",
                                            "error", "cancelled"};
  out << '<' << state->kind_name() << ' '
      << kPhases[static_cast<int>(state->current_phase())] << '>';
}

void use_of_empty_future(std::string_view call) {
  fatal(absl::StrCat(absl::string_view(call.data(), call.size()),
                     " on a future that is empty: it was default-constructed, "
                     "moved from, or consumed by then(), share(), await or "
                     "run_until_complete(); share() it to use it more than "
                     "once"));
}

void use_of_missing_value() {
  fatal("value() of a future that has none: ask status() first");
}

}  // namespace ratchet::internal
