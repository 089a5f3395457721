#include "tests/conformance/driver.h"

#include <utility>
#include <vector>

#include "ratchet/run.h"
#include "ratchet/status.h"
#include "tests/conformance/body.h"
#include "tests/conformance/sync_ops.h"

namespace ratchet::conformance {
namespace {

const char kDriver[] = "@driver";

class driver {
 public:
  explicit driver(interpreter& in) : in_(in) { context_.name = kDriver; }

  void run(const op_list& ops);

 private:
  // What an operation came to; no value when nothing more is to run, because
  // of a deadlock or because the trace is full.
  using ended = std::optional<outcome>;

  ended run_one(const operation& op);
  ended run_main(const operation& op);
  ended run_until_complete(const operation& op);
  // Cancel-all and close, what run() ends with.
  ended shut_down();

  template <class Result>
  ended checked(const Result& result) {
    if (is_end(outcome::of(result).err)) return std::nullopt;
    return outcome::of(result);
  }
  bool is_end(const std::string& err) const {
    return err == "deadlock" || in_.trace.full();
  }
  void print_deadlock();
  void print_end();

  interpreter& in_;
  context context_;
  outcome latest_run_;
};

void driver::run(const op_list& ops) {
  for (const operation& op : ops) {
    if (op.spec->cls == op_class::sync) {
      run_sync(in_, context_, op);
      if (in_.trace.full()) return;
      continue;
    }
    const ended result = run_one(op);
    if (in_.trace.full()) return;
    if (!result.has_value()) {
      print_deadlock();
      break;
    }
    in_.trace.add(kDriver, op.name(), op.echo(), *result);
    if (op.name().rfind("run", 0) == 0) latest_run_ = *result;
  }
  print_end();
}

driver::ended driver::run_one(const operation& op) {
  if (op.name() == "run") return run_main(op);
  if (op.name() == "run_until_complete") return run_until_complete(op);
  if (op.name() == "run_forever") return checked(in_.loop.run_forever());
  if (op.name() == "close") return close_loop(in_);
  return outcome::ok(in_.loop.is_closed());
}

driver::ended driver::run_main(const operation& op) {
  const absl::StatusOr<handle*> main = start_task(in_, op.text("task"));
  if (!main.ok()) return outcome::of(main.status());  // Closed already.
  in_.handles.bind(op.text("task"), **main);
  ended result = checked(in_.loop.run_until_complete((*main)->future));
  if (!result.has_value()) return result;
  // What goes wrong now, because of a stop() for example, comes before it.
  ended status = shut_down();
  return status.has_value() && status->is_ok() ? result : status;
}

driver::ended driver::run_until_complete(const operation& op) {
  if (op.has("task")) return checked(run_body(in_, op.text("task")));
  const std::string reason = in_.check_handles(op);
  if (!reason.empty()) return outcome::error(reason);
  shared_future<datum> future = in_.future_in(op);
  return checked(in_.loop.run_until_complete(future));
}

driver::ended driver::shut_down() {
  const std::vector<std::string> left = in_.pending_tasks();
  if (!left.empty()) {
    json fields = json::object();
    fields["ok"] = left;
    in_.trace.add(kDriver, "shutdown", fields);
  }
  return checked(in_.loop.shutdown());
}

void driver::print_deadlock() {
  json fields = json::object();
  fields["blocked"] = in_.pending_tasks();
  in_.trace.add(kDriver, "deadlock", fields);
  latest_run_ = outcome::error("deadlock");
}

void driver::print_end() {
  const std::vector<std::string> unretrieved = in_.handles.unretrieved();
  if (!unretrieved.empty()) {
    json fields = json::object();
    fields["of"] = unretrieved;
    in_.trace.add(kDriver, "unretrieved", fields);
  }
  json pending = json::object();
  pending["pending"] = in_.pending_tasks();
  in_.trace.add(kDriver, "exit", json::object(), latest_run_, pending);
}

}  // namespace

void drive(interpreter& in, const op_list& ops) { driver(in).run(ops); }

absl::StatusOr<datum> run_body(interpreter& in, const std::string& body_name) {
  if (in.loop.is_closed() || in.loop.is_running()) {
    // Refused before anything is scheduled (rule S22): the name stays free.
    return in.loop.run_until_complete(
        body::as_task(in, body_name, "never started"));
  }
  const absl::StatusOr<handle*> task = start_task(in, body_name);
  if (!task.ok()) return task.status();
  return in.loop.run_until_complete((*task)->future);
}

outcome close_loop(interpreter& in) {
  const absl::Status status = in.loop.close();
  return kind_of(status) == error_kind::running
             ? outcome::error("runtime:running")
             : outcome::of(status);
}

}  // namespace ratchet::conformance
