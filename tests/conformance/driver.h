#ifndef RATCHET_TESTS_CONFORMANCE_DRIVER_H_
#define RATCHET_TESTS_CONFORMANCE_DRIVER_H_

#include <string>

#include "absl/status/statusor.h"
#include "tests/conformance/datum.h"
#include "tests/conformance/interpreter.h"

namespace ratchet::conformance {

// Runs the driver list of a program and prints the lines at its end.
void drive(interpreter& in, const op_list& ops);

// run_until_complete of a body as a new task.
absl::StatusOr<datum> run_body(interpreter& in, const std::string& body);

// close(), with the name of its refusal.
outcome close_loop(interpreter& in);

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_DRIVER_H_
