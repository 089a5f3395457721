// Operations of class await.

#include <algorithm>
#include <utility>

#include "ratchet/status.h"
#include "ratchet/timeout.h"
#include "ratchet/wait.h"
#include "tests/conformance/body.h"

namespace ratchet::conformance {
namespace {

// null, or no such field: no time-out.
absl::Duration timeout_of(const operation& op) {
  return op.has("timeout") && !op.is_null("timeout")
             ? op.milliseconds("timeout")
             : absl::InfiniteDuration();
}

wait_mode mode_of(const operation& op) {
  const std::string mode =
      op.has("return_when") ? op.text("return_when") : "ALL_COMPLETED";
  return mode == "FIRST_COMPLETED"   ? wait_mode::first_completed
         : mode == "FIRST_EXCEPTION" ? wait_mode::first_error
                                     : wait_mode::all_completed;
}

}  // namespace

const operation& body::current() const {
  const frame& top = frames_.back();
  return (*top.list)[top.next - 1];
}

body::move body::begin_await(const operation& op) {
  const std::string reason = in_->check_handles(op);
  if (!reason.empty()) {
    in_->trace.add(context_.name, op.name(), op.echo(), outcome::error(reason));
    return std::nullopt;
  }
  if (op.name() == "sleep") {
    return sleep_for<&body::ended>(op.milliseconds("ms"));
  }
  if (op.name() == "await") return await<&body::got>(in_->future_in(op));
  if (op.name() == "call") {
    return await<&body::got>(in_place(*in_, op.text("task"), context_.name));
  }
  if (op.has("o")) return begin_on_object(op);
  if (op.name() == "wait") return begin_wait(op);
  if (op.name() == "wait_for") return begin_wait_for(op);
  return begin_as_completed(op);
}

body::move body::end_await(const absl::StatusOr<datum>& result) {
  const operation& op = current();
  const outcome shown = outcome::of(result);
  in_->trace.add(context_.name, op.name(), op.echo(), shown);
  if (result.ok()) {
    context_.last = shown.value;
    return std::nullopt;
  }
  if (caught(op, result.status())) return std::nullopt;
  return leave(ending::by_error(result.status()));
}

body::step body::resume_after(const absl::StatusOr<datum>& result) {
  move m = end_await(result);
  return m.has_value() ? *m : go_on();
}

body::step body::ended(const absl::Status& status) {
  if (!status.ok()) return resume_after(status);
  return resume_after(datum());
}

body::step body::got(const absl::StatusOr<datum>& result) {
  return resume_after(result);
}

// -- wait --------------------------------------------------------------------

body::move body::begin_wait(const operation& op) {
  waited_for_ = in_->futures_in(op);
  return await<&body::waited>(wait(waited_for_, mode_of(op), timeout_of(op)));
}

body::step body::waited(
    absl::StatusOr<wait_result<shared_future<datum>>> result) {
  const std::vector<shared_future<datum>> futures =
      std::exchange(waited_for_, {});
  if (!result.ok()) return resume_after(result.status());
  // The names as the operation gives them, also twice.
  const std::vector<std::string> names = current().texts("hs");
  json shown = json::object();
  json& done = shown["done"] = json::array();
  json pending = json::array();
  for (size_t i = 0; i < names.size(); ++i) {
    const bool is_done = std::find(result->done.begin(), result->done.end(),
                                   futures[i]) != result->done.end();
    (is_done ? done : pending).push_back(names[i]);
  }
  shown["pending"] = pending;
  return resume_after(datum::of(std::move(shown)));
}

// -- wait_for ----------------------------------------------------------------

body::move body::begin_wait_for(const operation& op) {
  const absl::Duration timeout = timeout_of(op);
  if (op.has("h")) {
    return await<&body::got>(with_timeout(in_->future_in(op), timeout));
  }
  const std::string name = op.text("task");
  if (timeout > absl::ZeroDuration()) {
    return await<&body::got>(
        with_timeout(in_place(*in_, name, context_.name), timeout));
  }
  // It becomes a task, which never starts (rule S99).
  return await<&body::got>(with_timeout(
      as_task(*in_, name, in_->handles.next_task_name(name)), timeout));
}

// -- as_completed ------------------------------------------------------------

body::move body::begin_as_completed(const operation& op) {
  in_->iterations.push_back(as_completed(in_->futures_in(op), timeout_of(op)));
  iteration_ = &in_->iterations.back();
  turns_left_ = iteration_->size();
  turns_taken_ = 0;
  return next_completion();
}

body::move body::next_completion() {
  const operation& op = current();
  const bool enough = op.has("limit") && turns_taken_ >= op.integer("limit");
  if (turns_left_ == 0 || enough) return end_await(datum::of(turns_taken_));
  // Also a turn whose wait is cancelled is used up.
  --turns_left_;
  return await<&body::completion>(iteration_->next());
}

body::step body::completion(absl::StatusOr<completed<datum>> turn) {
  const absl::StatusOr<datum> result =
      turn.ok() ? std::move(turn->result) : turn.status();
  json fields = json::object();
  fields["i"] = turns_taken_;
  in_->trace.add(context_.name, "as_completed", fields, outcome::of(result));
  // One that is not caught ends the iteration.
  if (!result.ok() &&
      !(is_cancelled(result.status()) ? current().catch_cancel
                                      : current().catch_errors)) {
    return resume_after(result.status());
  }
  ++turns_taken_;
  move m = next_completion();
  return m.has_value() ? *m : go_on();
}

}  // namespace ratchet::conformance
