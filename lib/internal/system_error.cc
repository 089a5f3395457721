#include "ratchet/internal/system_error.h"

#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/fatal.h"

namespace ratchet::internal {
namespace {

absl::string_view to_absl(std::string_view s) { return {s.data(), s.size()}; }

}  // namespace

absl::Status system_error(int error, std::string_view what) {
  RATCHET_CHECK(error != 0,
                "system_error() was given errno 0: a call that has not failed, "
                "or an errno that was overwritten before it was read");
  const absl::StatusCode code =
      error == 0 ? absl::StatusCode::kInternal : absl::ErrnoToStatusCode(error);
  return absl::Status(code,
                      absl::StrCat(to_absl(what), ": ",
                                   std::generic_category().message(error)));
}

std::string quoted_call(std::string_view call, std::string_view subject) {
  return absl::StrCat(to_absl(call), "(\"", to_absl(subject), "\")");
}

}  // namespace ratchet::internal
