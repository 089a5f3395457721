// Operations on context variables.

#include "ratchet/task_local.h"
#include "tests/conformance/sync_ops.h"

namespace ratchet::conformance {
namespace {

task_local<json>& variable(interpreter& in, const operation& op) {
  return in.context_variables.try_emplace(op.text("var")).first->second;
}

outcome ctx_set(interpreter& in, context&, const operation& op) {
  variable(in, op).set(op.fields["value"]);
  return outcome();
}

outcome ctx_get(interpreter& in, context&, const operation& op) {
  return outcome::ok(variable(in, op).get());
}

}  // namespace

const sync_ops& context_ops() {
  static const sync_ops& ops =
      *new sync_ops{{"ctx_set", &ctx_set}, {"ctx_get", &ctx_get}};
  return ops;
}

}  // namespace ratchet::conformance
