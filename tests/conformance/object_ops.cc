// Operations on synchronization objects that do not suspend.

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/conformance/objects.h"
#include "tests/conformance/sync_ops.h"

namespace ratchet::conformance {
namespace {

std::string name_of(const operation& op) { return op.text("o"); }

// -- Locks -------------------------------------------------------------------

absl::Status release_one(semaphore& s) {
  s.release();
  return absl::OkStatus();
}

template <class Lock>
absl::Status release_one(Lock& lock) {
  return lock.release();
}

outcome release(interpreter& in, context&, const operation& op) {
  return in.objects.with_lock(
      name_of(op), [](auto& lock) { return outcome::of(release_one(lock)); });
}

outcome is_locked(interpreter& in, context&, const operation& op) {
  return in.objects.with_lock(
      name_of(op), [](auto& lock) { return outcome::ok(lock.locked()); });
}

// -- Events, conditions, barriers --------------------------------------------

outcome event_set(interpreter& in, context&, const operation& op) {
  in.objects.events.at(name_of(op)).set();
  return outcome();
}

outcome event_clear(interpreter& in, context&, const operation& op) {
  in.objects.events.at(name_of(op)).clear();
  return outcome();
}

outcome is_set(interpreter& in, context&, const operation& op) {
  return outcome::ok(in.objects.events.at(name_of(op)).is_set());
}

outcome notify(interpreter& in, context&, const operation& op) {
  condition& c = in.objects.conditions.at(name_of(op));
  return outcome::of(op.has("n")
                         ? c.notify(static_cast<size_t>(op.integer("n")))
                         : c.notify());
}

outcome notify_all(interpreter& in, context&, const operation& op) {
  return outcome::of(in.objects.conditions.at(name_of(op)).notify_all());
}

outcome look_at_barrier(interpreter& in, context&, const operation& op) {
  const barrier& b = in.objects.barriers.at(name_of(op));
  json shown = json::object();
  shown["n_waiting"] = b.n_waiting();
  shown["broken"] = b.broken();
  return outcome::ok(shown);
}

// -- Queues ------------------------------------------------------------------

outcome put_nowait(interpreter& in, context&, const operation& op) {
  return in.objects.with_queue(name_of(op), [&op](auto& queue) {
    return outcome::of(queue.put_nowait(datum::of(op.fields["value"])));
  });
}

outcome get_nowait(interpreter& in, context&, const operation& op) {
  return in.objects.with_queue(
      name_of(op), [](auto& queue) { return outcome::of(queue.get_nowait()); });
}

outcome task_done(interpreter& in, context&, const operation& op) {
  return in.objects.with_queue(
      name_of(op), [](auto& queue) { return outcome::of(queue.task_done()); });
}

outcome shutdown(interpreter& in, context&, const operation& op) {
  return in.objects.with_queue(name_of(op), [&op](auto& queue) {
    queue.shutdown(op.flag("immediate"));
    return outcome();
  });
}

outcome look_at_queue(interpreter& in, context&, const operation& op) {
  return in.objects.with_queue(name_of(op), [](const auto& queue) {
    json shown = json::object();
    shown["size"] = queue.size();
    shown["empty"] = queue.empty();
    shown["full"] = queue.full();
    return outcome::ok(shown);
  });
}

}  // namespace

const sync_ops& object_ops() {
  static const sync_ops& ops = *new sync_ops{
      {"release", &release},       {"locked?", &is_locked},
      {"event_set", &event_set},   {"event_clear", &event_clear},
      {"is_set?", &is_set},        {"notify", &notify},
      {"notify_all", &notify_all}, {"barrier?", &look_at_barrier},
      {"put_nowait", &put_nowait}, {"get_nowait", &get_nowait},
      {"task_done", &task_done},   {"shutdown", &shutdown},
      {"queue?", &look_at_queue},
  };
  return ops;
}

}  // namespace ratchet::conformance
