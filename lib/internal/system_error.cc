#include "ratchet/internal/system_error.h"

#include <errno.h>

#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace ratchet::internal {
namespace {

absl::StatusCode code_of(int error) {
  switch (error) {
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

}  // namespace

absl::Status system_error(int error, std::string_view what) {
  return absl::Status(
      code_of(error),
      absl::StrCat(absl::string_view(what.data(), what.size()), ": ",
                   std::generic_category().message(error)));
}

}  // namespace ratchet::internal
