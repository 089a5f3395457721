// Operations of class await on synchronization objects.

#include <cstddef>
#include <string>

#include "tests/conformance/body.h"
#include "tests/conformance/objects.h"

namespace ratchet::conformance {

body::move body::begin_on_object(const operation& op) {
  objects& all = in_->objects;
  const std::string name = op.text("o");
  const std::string& what = op.name();
  if (what == "acquire") {
    return all.with_lock(name, [this](auto& lock) {
      return move(await<&body::granted>(lock.acquire()));
    });
  }
  if (what == "event_wait") {
    return await<&body::granted>(all.events.at(name).wait());
  }
  if (what == "cond_wait") {
    return await<&body::granted>(all.conditions.at(name).wait());
  }
  if (what == "cond_wait_for") {
    const auto large_enough = [in = in_, var = op.text("var"),
                               ge = op.integer("ge")] {
      return in->variables[var] >= ge;
    };
    return await<&body::granted>(all.conditions.at(name).wait(large_enough));
  }
  if (what == "barrier_wait") {
    return await<&body::passed>(all.barriers.at(name).wait());
  }
  if (what == "barrier_reset") {
    return await<&body::ended>(all.barriers.at(name).reset());
  }
  if (what == "barrier_abort") {
    return await<&body::ended>(all.barriers.at(name).abort());
  }
  return all.with_queue(name, [this, &op](auto& queue) {
    if (op.name() == "put") {
      return move(
          await<&body::ended>(queue.put(datum::of(op.fields["value"]))));
    }
    if (op.name() == "get") return move(await<&body::got>(queue.get()));
    return move(await<&body::ended>(queue.join()));
  });
}

body::step body::granted(const absl::Status& status) {
  if (!status.ok()) return resume_after(status);
  return resume_after(datum::of(true));
}

body::step body::passed(const absl::StatusOr<size_t>& index) {
  if (!index.ok()) return resume_after(index.status());
  return resume_after(datum::of(*index));
}

}  // namespace ratchet::conformance
