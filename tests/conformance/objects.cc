#include "tests/conformance/objects.h"

#include <cstddef>
#include <cstdint>

namespace ratchet::conformance {
namespace {

size_t number(const object_decl& o, const char* field, size_t otherwise) {
  return o.fields.contains(field)
             ? static_cast<size_t>(o.fields[field].get<int64_t>())
             : otherwise;
}

}  // namespace

bool smaller_integer::operator()(const datum& a, const datum& b) const {
  return a.as_json().get<int64_t>() < b.as_json().get<int64_t>();
}

objects::objects(const std::vector<object_decl>& decls) {
  for (const object_decl& o : decls) {
    const size_t maxsize = number(o, "maxsize", 0);
    const size_t units = number(o, "value", 1);
    if (o.kind == "lock") {
      locks.try_emplace(o.name, o.name);
    } else if (o.kind == "event") {
      events.try_emplace(o.name, o.name);
    } else if (o.kind == "semaphore") {
      semaphores.try_emplace(o.name, units, o.name);
    } else if (o.kind == "bounded_semaphore") {
      bounded_semaphores.try_emplace(o.name, units, o.name);
    } else if (o.kind == "barrier") {
      barriers.try_emplace(o.name, number(o, "parties", 1), o.name);
    } else if (o.kind == "queue") {
      queues.try_emplace(o.name, maxsize, o.name);
    } else if (o.kind == "priority_queue") {
      priority_queues.try_emplace(o.name, maxsize, o.name);
    } else if (o.kind == "lifo_queue") {
      lifo_queues.try_emplace(o.name, maxsize, o.name);
    }
  }
  for (const object_decl& o : decls) {
    if (o.kind != "condition") continue;
    if (o.fields.contains("lock")) {
      conditions.try_emplace(
          o.name, locks.at(o.fields["lock"].get<std::string>()), o.name);
    } else {
      conditions.try_emplace(o.name, o.name);
    }
  }
}

}  // namespace ratchet::conformance
