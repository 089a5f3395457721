// Operations on futures and tasks.

#include <utility>

#include "ratchet/shield.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/when_all.h"
#include "tests/conformance/body.h"
#include "tests/conformance/sync_ops.h"

namespace ratchet::conformance {
namespace {

handle& target(interpreter& in, const operation& op) {
  std::string unused;
  return *in.find_handle(op.text("h"), &unused);  // check_handles() was here.
}

outcome spawn(interpreter& in, context&, const operation& op) {
  std::shared_ptr<task_group> group;
  if (op.has("group")) {
    const auto found = in.groups.find(op.text("group"));
    if (found == in.groups.end()) return outcome::error("unbound");
    group = found->second;
  }
  const absl::StatusOr<handle*> task =
      start_task(in, op.text("task"), group.get(), op.flag("eager"));
  if (!task.ok()) return outcome::of(task.status());
  in.handles.bind(op.text("as"), **task);
  return outcome::ok((*task)->name);
}

outcome make_future(interpreter& in, context&, const operation& op) {
  promise<datum> producer(in.loop);
  shared_future<datum> future = producer.get_future().share();
  in.handles.bind_future(op.text("as"), std::move(future), std::move(producer));
  return outcome();
}

// Completes the future of an operation `future`; tasks and derived futures
// have no promise that anybody could get at.
outcome complete(interpreter& in, const operation& op,
                 absl::StatusOr<datum> result) {
  handle& h = target(in, op);
  if (h.future.task()) return outcome::error("runtime:set_on_task");
  if (!h.producer.has_value()) return outcome::error("runtime:set_on_derived");
  return outcome::of(h.producer->set_result(std::move(result)));
}

outcome set_result(interpreter& in, context&, const operation& op) {
  return complete(in, op, datum::of(op.value_or_null("value")));
}

outcome set_error(interpreter& in, context&, const operation& op) {
  return complete(in, op, user_error(op.text("msg")));
}

outcome cancel(interpreter& in, context&, const operation& op) {
  return outcome::ok(target(in, op).future.cancel());
}

outcome uncancel(interpreter& in, context&, const operation& op) {
  const task_handle task = target(in, op).future.task();
  return task ? outcome::ok(task.uncancel())
              : outcome::error("runtime:not_a_task");
}

outcome cancelling(interpreter& in, context&, const operation& op) {
  const task_handle task = target(in, op).future.task();
  return task ? outcome::ok(task.cancelling())
              : outcome::error("runtime:not_a_task");
}

outcome is_done(interpreter& in, context&, const operation& op) {
  return outcome::ok(target(in, op).future.done());
}

outcome is_cancelled_future(interpreter& in, context&, const operation& op) {
  return outcome::ok(target(in, op).future.cancelled());
}

outcome result(interpreter& in, context&, const operation& op) {
  return outcome::of(target(in, op).future.result());
}

// Gives the error as a value, but that of a pending or a cancelled future is an
// error of the call (rule S31).
outcome exception(interpreter& in, context&, const operation& op) {
  const shared_future<datum>& future = target(in, op).future;
  const absl::Status status = future.status();
  if (!future.done() || future.cancelled()) return outcome::of(status);
  return status.ok() ? outcome() : outcome::ok(error_json(status));
}

outcome gather(interpreter& in, context&, const operation& op) {
  in.handles.bind_future(op.text("as"),
                         op.flag("return_exceptions")
                             ? when_all_settled<datum>(in.futures_in(op))
                             : when_all<datum>(in.futures_in(op)));
  return outcome();
}

outcome make_shield(interpreter& in, context&, const operation& op) {
  in.handles.bind_future(op.text("as"), shield(target(in, op).future));
  return outcome();
}

}  // namespace

const sync_ops& future_ops() {
  static const sync_ops& ops = *new sync_ops{
      {"spawn", &spawn},
      {"future", &make_future},
      {"set_result", &set_result},
      {"set_error", &set_error},
      {"cancel", &cancel},
      {"uncancel", &uncancel},
      {"cancelling?", &cancelling},
      {"done?", &is_done},
      {"cancelled?", &is_cancelled_future},
      {"result?", &result},
      {"exception?", &exception},
      {"gather", &gather},
      {"shield", &make_shield},
  };
  return ops;
}

}  // namespace ratchet::conformance
