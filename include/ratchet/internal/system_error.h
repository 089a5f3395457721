#ifndef RATCHET_INTERNAL_SYSTEM_ERROR_H_
#define RATCHET_INTERNAL_SYSTEM_ERROR_H_

// Included by the sources of ratchet/io: what a failed system call says.

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace ratchet::internal {

// The status of a system call that has failed with the errno `error`: the
// message "WHAT: the system's words for it", and Abseil's code for that number,
// but kUnavailable for a connection that cannot be had or has broken.
// `what` says what was called, and on what: open("/etc/hosts").
// REQUIRES: error != 0 (fatal in debug builds; kInternal in others).
absl::Status system_error(int error, std::string_view what);

// CALL("SUBJECT"): a `what` for system_error(), and how other errors begin.
std::string quoted_call(std::string_view call, std::string_view subject);

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_SYSTEM_ERROR_H_
