#include "tests/conformance/body.h"

#include <utility>

#include "ratchet/status.h"
#include "tests/conformance/sync_ops.h"

namespace ratchet::conformance {

body::ending body::ending::by_return(json v) {
  ending e;
  e.how = how::by_return;
  e.returned = std::move(v);
  return e;
}

body::ending body::ending::by_error(absl::Status error) {
  ending e;
  e.how = how::by_error;
  e.error = std::move(error);
  return e;
}

body body::as_task(interpreter& in, const std::string& body_name,
                   const std::string& task_name) {
  return body(in, body_name, task_name, /*is_task=*/true);
}

body body::in_place(interpreter& in, const std::string& body_name,
                    const std::string& task_name) {
  return body(in, body_name, task_name, /*is_task=*/false);
}

body::body(interpreter& in, const std::string& body_name, std::string name,
           bool is_task)
    : in_(&in), is_task_(is_task) {
  context_.name = std::move(name);
  frames_.emplace_back();
  frames_.back().list = &in.body(body_name);
}

body::step body::start() {
  if (is_task_) {
    // An eager task is here before its creator knows of it.
    in_->handles.add_task(context_.name, this_future());
    in_->trace.add(context_.name, "start");
  }
  return go_on();
}

body::step body::go_on() {
  for (;;) {
    frame& top = frames_.back();
    move m = top.next < top.list->size() ? run_one((*top.list)[top.next++])
                                         : leave(ending());
    if (m.has_value()) return *m;
  }
}

body::move body::run_one(const operation& op) {
  switch (op.spec->cls) {
    case op_class::flow:
      return run_flow(op);
    case op_class::await:
      return begin_await(op);
    case op_class::scope:
      return enter_scope(op);
    case op_class::sync:
    case op_class::driver:  // Not in a body: validate() has seen to that.
      break;
  }
  run_sync(*in_, context_, op);
  return std::nullopt;
}

body::move body::run_flow(const operation& op) {
  if (op.name() == "raise") {
    return leave(ending::by_error(run_raise(*in_, context_, op)));
  }
  outcome shown;
  ending how;
  if (op.name() == "return") {
    shown.value = op.flag("last") ? context_.last : op.value_or_null("value");
    how = ending::by_return(shown.value);
  } else if (!context_.caught.ok()) {  // reraise
    shown = outcome::of(context_.caught);
    how = ending::by_error(context_.caught);
  }
  in_->trace.add(context_.name, op.name(), json::object(), shown);
  if (how.how == ending::how::at_its_end) return std::nullopt;
  return leave(std::move(how));
}

body::move body::leave(ending how) {
  for (;;) {
    frame& top = frames_.back();
    if (top.owner == nullptr) return finish(std::move(how));
    if (top.group != nullptr) return leave_group(std::move(how));
    if (top.scope != nullptr) {
      const absl::Status status = top.scope->leave(how.error);
      if (!status.ok()) how = ending::by_error(status);
    } else if (!top.in_finally) {
      top.in_finally = true;
      top.held = std::move(how);
      top.list = &top.owner->finally;
      top.next = 0;
      return std::nullopt;
    } else if (!how.failed()) {  // An error in finally replaces the body's.
      how = std::move(top.held);
    }
    if (end_scope(how)) return std::nullopt;
  }
}

body::step body::finish(ending how) {
  if (how.failed()) return fail(how.error);
  return done(datum::of(std::move(how.returned)));
}

bool body::caught(const operation& op, const absl::Status& error) {
  if (is_cancelled(error) ? !op.catch_cancel : !op.catch_errors) return false;
  context_.caught = error;
  return true;
}

namespace {

future<datum> create(interpreter& in, task_group* group, bool is_eager,
                     body machine) {
  if (group != nullptr) {
    return is_eager ? group->create_task(eager, std::move(machine))
                    : group->create_task(std::move(machine));
  }
  return is_eager ? in.loop.create_task(eager, std::move(machine))
                  : in.loop.create_task(std::move(machine));
}

}  // namespace

absl::StatusOr<handle*> start_task(interpreter& in,
                                   const std::string& body_name,
                                   task_group* group, bool is_eager) {
  const std::string name = in.handles.next_task_name(body_name);
  future<datum> started =
      create(in, group, is_eager, body::as_task(in, body_name, name));
  if (!started.task()) {  // Refused: an error future, and no task.
    in.handles.take_back_task_name(body_name);
    return started.status();
  }
  return &in.handles.add_task(name, std::move(started).share());
}

}  // namespace ratchet::conformance
