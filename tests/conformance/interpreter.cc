#include "tests/conformance/interpreter.h"

#include <utility>

#include "ratchet/internal/context.h"
#include "ratchet/task.h"
#include "tests/conformance/driver.h"

namespace ratchet::conformance {

interpreter::interpreter(const program& source, bool hops)
    : objects(source.objects), trace(loop, hops), source_(source) {
  loop.set_error_handler([this](const error_report& r) { report(r); });
  loop.set_observer(&end_printer_);
}

std::vector<std::string> interpreter::run() {
  drive(*this, source_.driver);
  // The thread, whose context is that of the driver, goes on without it.
  internal::clear_context();
  // What is left goes without a word.
  loop.set_observer(nullptr);
  loop.set_error_handler([](const error_report&) {});
  return trace.take();
}

handle* interpreter::find_handle(const std::string& h,
                                 std::string* reason) const {
  handle* found = nullptr;
  if (h == "@self") {
    const task_handle self = loop.current_task();
    if (self) found = handles.find_task(self.info().name);
    *reason = found == nullptr ? "runtime:no_task" : "";
  } else {
    found = handles.find(h);
    *reason = found == nullptr ? "unbound" : "";
  }
  return found;
}

std::string interpreter::check_handles(const operation& op) const {
  std::string reason;
  if (op.has("h")) find_handle(op.text("h"), &reason);
  if (reason.empty() && op.has("hs")) {
    for (const std::string& h : op.texts("hs")) {
      if (find_handle(h, &reason) == nullptr) break;
    }
  }
  return reason;
}

shared_future<datum> interpreter::future_in(const operation& op) const {
  std::string unused;
  return find_handle(op.text("h"), &unused)->future;
}

std::vector<shared_future<datum>> interpreter::futures_in(
    const operation& op) const {
  std::vector<shared_future<datum>> futures;
  std::string unused;
  for (const std::string& h : op.texts("hs")) {
    futures.push_back(find_handle(h, &unused)->future);
  }
  return futures;
}

std::vector<std::string> interpreter::pending_tasks() const {
  std::vector<std::string> names;
  for (const task_info& info : loop.all_tasks()) names.push_back(info.name);
  return names;
}

void interpreter::end_printer::task_ended(const task_info& task,
                                          const absl::Status& status) {
  outcome result = outcome::of(status);
  if (status.ok()) {
    const handle* const h = owner_.handles.find_task(task.name);
    if (h != nullptr) result.value = h->future.value().as_json();
  }
  owner_.trace.add(task.name, "end", json::object(), result);
}

void interpreter::report(const error_report& report) {
  json fields = json::object();
  switch (report.cause) {
    case error_report::cause::callback:
      fields["where"] = "callback";
      fields["of"] = running_callback;
      break;
    case error_report::cause::shutdown:
      fields["where"] = "shutdown";
      fields["of"] = report.who;
      break;
    case error_report::cause::unretrieved:
    case error_report::cause::task_destroyed:
    case error_report::cause::error_handler:
    case error_report::cause::paused:
      return;  // The lines at the end of the trace stand for these.
  }
  trace.add("@loop", "loop_error", fields, outcome::of(report.status));
}

}  // namespace ratchet::conformance
