// Operations of class scope.

#include <utility>

#include "ratchet/task_group.h"
#include "ratchet/timeout.h"
#include "tests/conformance/body.h"

namespace ratchet::conformance {
namespace {

std::shared_ptr<timeout_scope> make_scope(const operation& op) {
  if (op.has("ms")) {
    return std::make_shared<timeout_scope>(
        op.is_null("ms") ? absl::InfiniteDuration() : op.milliseconds("ms"));
  }
  return std::make_shared<timeout_scope>(
      op.is_null("at") ? absl::InfiniteFuture()
                       : absl::UnixEpoch() + op.milliseconds("at"));
}

}  // namespace

body::move body::enter_scope(const operation& op) {
  frames_.emplace_back();
  frame& top = frames_.back();
  top.list = &op.body;
  top.owner = &op;
  absl::Status entered;
  if (op.name() == "timeout") {
    top.scope = make_scope(op);
    if (op.has("as")) in_->scopes[op.text("as")] = top.scope;
    entered = top.scope->enter();
  } else if (op.name() == "group") {
    top.group = std::make_shared<task_group>();
    if (op.has("as")) in_->groups[op.text("as")] = top.group;
    entered = top.group->enter();
  }
  if (!entered.ok()) return leave(ending::by_error(entered));
  return std::nullopt;
}

body::move body::leave_group(ending how) {
  frame& top = frames_.back();
  top.held = std::move(how);
  return await<&body::left_group>(top.group->leave(top.held.error));
}

body::step body::left_group(absl::Status status) {
  ending how = std::move(frames_.back().held);
  if (!status.ok()) how = ending::by_error(std::move(status));
  move m;
  if (!end_scope(how)) m = leave(std::move(how));
  return m.has_value() ? *m : go_on();
}

bool body::end_scope(const ending& how) {
  const frame top = std::move(frames_.back());
  frames_.pop_back();
  const operation& op = *top.owner;
  json extra = json::object();
  if (top.scope != nullptr) extra["expired"] = top.scope->expired();
  in_->trace.add(context_.name, op.name(), op.echo(), outcome::of(how.error),
                 extra);
  if (how.failed()) return caught(op, how.error);
  return how.how == ending::how::at_its_end;
}

}  // namespace ratchet::conformance
