#ifndef RATCHET_TESTS_CONFORMANCE_SYNC_OPS_H_
#define RATCHET_TESTS_CONFORMANCE_SYNC_OPS_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "tests/conformance/datum.h"
#include "tests/conformance/interpreter.h"
#include "tests/conformance/program.h"

namespace ratchet::conformance {

// Runs an operation of class sync and prints its line.
void run_sync(interpreter& in, context& ctx, const operation& op);

// `raise`: prints its line and makes the error.
absl::Status run_raise(interpreter& in, context& ctx, const operation& op);

// An operation of class sync, without its line.
using sync_op = outcome (*)(interpreter& in, context& ctx, const operation& op);
using sync_ops = std::map<std::string, sync_op>;

// By group; see the .cc files of these names.
const sync_ops& plain_ops();
const sync_ops& future_ops();
const sync_ops& callback_ops();
const sync_ops& scope_ops();
const sync_ops& object_ops();
const sync_ops& offload_ops();
const sync_ops& context_ops();
const sync_ops& loop_ops();

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_SYNC_OPS_H_
