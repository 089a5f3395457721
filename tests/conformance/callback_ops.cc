// Operations that register callbacks, and timers.

#include <memory>
#include <utility>

#include "tests/conformance/callback.h"
#include "tests/conformance/sync_ops.h"

namespace ratchet::conformance {
namespace {

// -- Done-callbacks ----------------------------------------------------------

handle& target(interpreter& in, const operation& op) {
  std::string unused;
  return *in.find_handle(op.text("h"), &unused);  // check_handles() was here.
}

outcome on_done(interpreter& in, context&, const operation& op) {
  const handle& h = target(in, op);
  std::shared_ptr<done_callback>& bound = in.callbacks[op.text("as")];
  if (bound == nullptr || op.has("do")) {
    bound = std::make_shared<done_callback>(in, op);
  }
  callback_handle registration = h.future.add_done_callback(
      [cb = bound, of = &h] { return cb->function.run(of); });
  outcome result = outcome::of(registration.status());
  bound->registrations.emplace_back(&h, std::move(registration));
  return result;
}

outcome off_done(interpreter& in, context&, const operation& op) {
  const handle& h = target(in, op);
  const auto found = in.callbacks.find(op.text("cb"));
  if (found == in.callbacks.end()) return outcome::error("unbound");
  int removed = 0;
  for (auto& [of, registration] : found->second->registrations) {
    if (of == &h && registration.cancel()) ++removed;
  }
  return outcome::ok(removed);
}

// -- call_soon and its kin ---------------------------------------------------

auto callback_of(interpreter& in, const operation& op) {
  return [cb = callback(in, op)]() mutable { return cb.run(nullptr); };
}

outcome bind_timer(interpreter& in, const operation& op, callback_handle h) {
  if (!h.status().ok()) return outcome::of(h.status());
  in.timers.insert_or_assign(op.text("as"), timer(std::move(h)));
  return outcome();
}

outcome call_soon(interpreter& in, context&, const operation& op) {
  return bind_timer(in, op, in.loop.call_soon(callback_of(in, op)));
}

outcome call_soon_threadsafe(interpreter& in, context&, const operation& op) {
  auto cancelled = std::make_shared<bool>(false);
  const absl::Status posted =
      in.loop.post([f = callback_of(in, op), cancelled]() mutable {
        return *cancelled ? absl::OkStatus() : f();
      });
  if (!posted.ok()) return outcome::of(posted);
  in.timers.insert_or_assign(op.text("as"), timer(std::move(cancelled)));
  return outcome();
}

outcome call_later(interpreter& in, context&, const operation& op) {
  return bind_timer(
      in, op, in.loop.call_later(op.milliseconds("ms"), callback_of(in, op)));
}

outcome call_at(interpreter& in, context&, const operation& op) {
  return bind_timer(in, op,
                    in.loop.call_at(absl::UnixEpoch() + op.milliseconds("at"),
                                    callback_of(in, op)));
}

outcome cancel_timer(interpreter& in, context&, const operation& op) {
  const auto found = in.timers.find(op.text("cb"));
  if (found == in.timers.end()) return outcome::error("unbound");
  found->second.cancel();
  return outcome();
}

outcome timer_cancelled(interpreter& in, context&, const operation& op) {
  const auto found = in.timers.find(op.text("cb"));
  if (found == in.timers.end()) return outcome::error("unbound");
  return outcome::ok(found->second.cancelled());
}

}  // namespace

const sync_ops& callback_ops() {
  static const sync_ops& ops = *new sync_ops{
      {"on_done", &on_done},
      {"off_done", &off_done},
      {"call_soon", &call_soon},
      {"call_soon_threadsafe", &call_soon_threadsafe},
      {"call_later", &call_later},
      {"call_at", &call_at},
      {"cancel_timer", &cancel_timer},
      {"timer_cancelled?", &timer_cancelled},
  };
  return ops;
}

}  // namespace ratchet::conformance
