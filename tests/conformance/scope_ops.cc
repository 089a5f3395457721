// Operations on timeout scopes from inside and outside.

#include <string>

#include "ratchet/timeout.h"
#include "tests/conformance/sync_ops.h"

namespace ratchet::conformance {
namespace {

timeout_scope* find_scope(interpreter& in, const operation& op) {
  const auto found = in.scopes.find(op.text("scope"));
  return found == in.scopes.end() ? nullptr : found->second.get();
}

// The library has one kind of error for all of them; its message says which
// state the scope was in.
outcome refusal(const absl::Status& error) {
  const std::string message(error.message());
  for (const char* const state : {"expiring", "expired", "finished"}) {
    if (message.find(state) != std::string::npos) {
      return outcome::error(std::string("runtime:timeout_") + state);
    }
  }
  if (message.find("has not been entered") != std::string::npos) {
    return outcome::error("runtime:not_entered");
  }
  return outcome::of(error);
}

outcome reschedule(interpreter& in, context&, const operation& op) {
  timeout_scope* const scope = find_scope(in, op);
  if (scope == nullptr) return outcome::error("unbound");
  const absl::Time deadline =
      op.has("ms")       ? in.loop.now() + op.milliseconds("ms")
      : op.is_null("at") ? absl::InfiniteFuture()
                         : absl::UnixEpoch() + op.milliseconds("at");
  const absl::Status status = scope->reschedule(deadline);
  return status.ok() ? outcome() : refusal(status);
}

outcome expired(interpreter& in, context&, const operation& op) {
  const timeout_scope* const scope = find_scope(in, op);
  if (scope == nullptr) return outcome::error("unbound");
  return outcome::ok(scope->expired());
}

outcome when(interpreter& in, context&, const operation& op) {
  const timeout_scope* const scope = find_scope(in, op);
  if (scope == nullptr) return outcome::error("unbound");
  const absl::Time deadline = scope->deadline();
  if (deadline == absl::InfiniteFuture()) return outcome();
  return outcome::ok(absl::ToInt64Milliseconds(deadline - absl::UnixEpoch()));
}

}  // namespace

const sync_ops& scope_ops() {
  static const sync_ops& ops = *new sync_ops{
      {"reschedule", &reschedule},
      {"expired?", &expired},
      {"when?", &when},
  };
  return ops;
}

}  // namespace ratchet::conformance
