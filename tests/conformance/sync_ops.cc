#include "tests/conformance/sync_ops.h"

#include "ratchet/status.h"

namespace ratchet::conformance {
namespace {

sync_op find_sync_op(const std::string& name) {
  static const sync_ops& all = *new sync_ops([] {
    sync_ops merged;
    for (const sync_ops* group :
         {&plain_ops(), &future_ops(), &callback_ops(), &scope_ops(),
          &object_ops(), &offload_ops(), &context_ops(), &loop_ops()}) {
      merged.insert(group->begin(), group->end());
    }
    return merged;
  }());
  return all.at(name);
}

// -- Plain -------------------------------------------------------------------

outcome log(interpreter&, context& ctx, const operation& op) {
  return outcome::ok(op.flag("last") ? ctx.last : op.value_or_null("msg"));
}

outcome whoami(interpreter& in, context&, const operation&) {
  const task_handle task = in.loop.current_task();
  return task ? outcome::ok(task.info().name) : outcome();
}

outcome tasks(interpreter& in, context&, const operation&) {
  return outcome::ok(in.pending_tasks());
}

outcome set_var(interpreter& in, context&, const operation& op) {
  in.variables[op.text("var")] = op.integer("value");
  return outcome();
}

outcome add_var(interpreter& in, context&, const operation& op) {
  return outcome::ok(in.variables[op.text("var")] += op.integer("by"));
}

}  // namespace

const sync_ops& plain_ops() {
  static const sync_ops& ops = *new sync_ops{
      {"log", &log},         {"whoami", &whoami},   {"tasks?", &tasks},
      {"set_var", &set_var}, {"add_var", &add_var},
  };
  return ops;
}

void run_sync(interpreter& in, context& ctx, const operation& op) {
  const std::string reason = in.check_handles(op);
  const outcome result = reason.empty() ? find_sync_op(op.name())(in, ctx, op)
                                        : outcome::error(reason);
  in.trace.add(ctx.name, op.name(), op.echo(), result);
  if (result.is_ok() && op.name() != "log") ctx.last = result.value;
}

absl::Status run_raise(interpreter& in, context& ctx, const operation& op) {
  const std::string kind = op.has("kind") ? op.text("kind") : "error";
  absl::Status error =
      kind == "cancelled" ? cancelled_error()
      : kind == "timeout" ? absl::DeadlineExceededError("raised by the program")
                          : user_error(op.text("msg"));
  in.trace.add(ctx.name, op.name(), json::object(), outcome::of(error));
  return error;
}

}  // namespace ratchet::conformance
