#ifndef RATCHET_TESTS_CONFORMANCE_VALIDATE_H_
#define RATCHET_TESTS_CONFORMANCE_VALIDATE_H_

#include "absl/status/status.h"
#include "tests/conformance/datum.h"

namespace ratchet::conformance {

// Whether `program` follows the program format; else kInvalidArgument with
// where and what, for example "main[2] sleep: missing ms".
absl::Status validate(const json& program);

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_VALIDATE_H_
