#include "ratchet/internal/context.h"

#include <algorithm>
#include <atomic>

namespace ratchet::internal {

context::context(const context& other, size_t room) {
  entries_.reserve(room);
  for (const entry& e : other.entries_) {
    e.value->ref();
    entries_.push_back(e);
  }
}

context::~context() {
  for (const entry& e : entries_) e.value->unref();
}

context::entry* context::at(uint64_t id) {
  return std::lower_bound(
      entries_.begin(), entries_.end(), id,
      [](const entry& e, uint64_t wanted) { return e.id < wanted; });
}

local_value* context::find(uint64_t id) const {
  const entry* const e = const_cast<context*>(this)->at(id);
  return e != entries_.end() && e->id == id ? e->value : nullptr;
}

context* context::with(context* base, uint64_t id, local_value* value,
                       local_value*& old) {
  context* c = base;
  if (c == nullptr) {
    c = new context;
  } else if (c->refs_ != 1) {
    c = new context(*base, base->entries_.size() + 1);
    base->unref();
  }
  entry* const e = c->at(id);
  const bool found = e != c->entries_.end() && e->id == id;
  old = found ? e->value : nullptr;
  if (value == nullptr) {
    if (found) c->entries_.erase(e);
  } else if (found) {
    e->value = value;
  } else {
    c->entries_.insert(e, {id, value});
  }
  return c;
}

context* context::copied() const {
  auto* const c = new context;
  for (const entry& e : entries_) {
    local_value* const value = e.value->copied();
    if (value != nullptr) c->entries_.push_back({e.id, value});
  }
  return c;
}

void clear_context() {
  // Destructors of values may set others.
  while (has_context()) std::exchange(tls_context, {}).values->unref();
}

namespace {

// What a thread has set outside of a loop goes when it ends.
struct cleared_at_exit {
  ~cleared_at_exit() { clear_context(); }
};

// Numbers that no other thread has: each takes them from blocks of its own.
uint64_t new_identity() {
  constexpr uint64_t kBlock = uint64_t{1} << 20;
  static std::atomic<uint64_t> next_block{kBlock};
  thread_local uint64_t next = 0;
  if (next % kBlock == 0) next = next_block.fetch_add(kBlock);
  return next++;
}

}  // namespace

void set_local_value(uint64_t id, local_value* value) {
  static thread_local cleared_at_exit at_exit;
  (void)at_exit;
  if (tls_context.identity == 0) tls_context.identity = new_identity();
  local_value* old = nullptr;
  tls_context.values = context::with(tls_context.values, id, value, old);
  // Last: its destructor may come back here.
  if (old != nullptr) old->unref();
}

uint64_t new_local_id() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace ratchet::internal
