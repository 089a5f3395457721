#ifndef RATCHET_INTERNAL_SYSTEM_ERROR_H_
#define RATCHET_INTERNAL_SYSTEM_ERROR_H_

// Included by the sources of ratchet/io: what the system's error numbers are as
// statuses.

#include <string_view>

#include "absl/status/status.h"

namespace ratchet::internal {

// "what: the system's words", with the code that fits `error`, an errno: what
// may be better next time is kUnavailable, what is used up kResourceExhausted.
absl::Status system_error(int error, std::string_view what);

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_SYSTEM_ERROR_H_
