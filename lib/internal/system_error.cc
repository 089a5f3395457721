#include "ratchet/internal/system_error.h"

#include <errno.h>

#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/fatal.h"

namespace ratchet::internal {
namespace {

absl::StatusCode code_of(int error) {
  switch (error) {
    case 0:
      return absl::StatusCode::kInternal;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case EAGAIN:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::ErrnoToStatusCode(error);
  }
}

absl::string_view to_absl(std::string_view s) { return {s.data(), s.size()}; }

}  // namespace

absl::Status system_error(int error, std::string_view what) {
  RATCHET_CHECK(error != 0,
                "system_error() was given errno 0: a call that has not failed, "
                "or an errno that was overwritten before it was read");
  return absl::Status(code_of(error),
                      absl::StrCat(to_absl(what), ": ",
                                   std::generic_category().message(error)));
}

std::string quoted_call(std::string_view call, std::string_view subject) {
  return absl::StrCat(to_absl(call), "(\"", to_absl(subject), "\")");
}

}  // namespace ratchet::internal
