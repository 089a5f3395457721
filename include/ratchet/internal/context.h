#ifndef RATCHET_INTERNAL_CONTEXT_H_
#define RATCHET_INTERNAL_CONTEXT_H_

// Included by task_local.h and by everything that runs code in the context in
// which it was scheduled (rule S16).

#include <cstdint>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/container/inlined_vector.h"
#include "ratchet/internal/slab.h"

namespace ratchet::internal {

// The value of one task_local. It never changes once it is in a context. Plain
// counts: a value stays on its thread.
class local_value : public slab_allocated<block_kind::plain> {
 public:
  local_value() = default;
  local_value(const local_value&) = delete;
  local_value& operator=(const local_value&) = delete;

  void ref() { ++refs_; }
  void unref() {
    if (--refs_ == 0) delete this;
  }
  // The same for another thread; nullptr if it cannot be copied.
  virtual local_value* copied() const = 0;

 protected:
  virtual ~local_value() = default;

 private:
  uint32_t refs_ = 1;
};

// context: the values that task_locals have, by the id of each. It changes only
// while it has one owner, so copying one is taking a reference.
//
// Complexity: find() O(log n), the others O(n), for n variables that are set.
class context : public slab_allocated<block_kind::plain> {
 public:
  context() = default;
  context(const context&) = delete;
  context& operator=(const context&) = delete;

  void ref() { ++refs_; }
  void unref() {
    if (--refs_ == 0) delete this;
  }

  // The value of a variable, or nullptr.
  local_value* find(uint64_t id) const;

  // What `base`, which may be null, is with this value, or, if it is null,
  // without one. Both references are taken over; that of the value that was
  // there before is left to the caller.
  static context* with(context* base, uint64_t id, local_value* value,
                       local_value*& old);

  // All values, for another thread.
  context* copied() const;

 private:
  struct entry {
    uint64_t id;
    local_value* value;  // Owned.
  };

  context(const context& other, size_t room);
  ~context();
  entry* at(uint64_t id);  // The first one that is not before `id`.

  uint32_t refs_ = 1;
  absl::InlinedVector<entry, 3> entries_;  // By id.
};

// The context that code runs in. Null values: nothing was ever set in it.
struct context_slot {
  context* values = nullptr;  // Owned.
  // Which one it is, from the first set() on: copies have the same values, but
  // are others.
  uint64_t identity = 0;
};

// That of this thread: the one of the task or the callback that is running, or,
// while no loop runs, its own. Between two turns of a loop it is empty. Plain,
// so that asking whether there is one calls nothing.
ABSL_CONST_INIT inline thread_local context_slot tls_context;

inline bool has_context() { return tls_context.values != nullptr; }

// A copy: a new owner.
inline context* share_context() {
  context* const values = tls_context.values;
  if (values != nullptr) values->ref();
  return values;
}

// Makes it empty.
void clear_context();

// Sets or, with nullptr, removes a value. Takes the reference over.
void set_local_value(uint64_t id, local_value* value);

uint64_t new_local_id();

// Another context until the end of the scope; its own does not survive it.
class context_scope {
 public:
  explicit context_scope(context* values)  // Takes over.
      : outer_(std::exchange(tls_context, context_slot{values})) {}
  context_scope(const context_scope&) = delete;
  context_scope& operator=(const context_scope&) = delete;
  ~context_scope() {
    if (ABSL_PREDICT_FALSE(has_context())) clear_context();
    tls_context = outer_;
  }

 private:
  const context_slot outer_;
};

// A copy of the current context that may go to another thread, to run something
// in it there (rule S164). Nothing is shared, so nothing needs a lock: each
// value is copied, and one that cannot be copied is left out.
class context_parcel {
 public:
  context_parcel()
      : values_(has_context() ? tls_context.values->copied() : nullptr) {}
  context_parcel(context_parcel&& other) noexcept
      : values_(std::exchange(other.values_, nullptr)) {}
  context_parcel& operator=(context_parcel&&) = delete;
  ~context_parcel() {
    if (values_ != nullptr) values_->unref();
  }

  // Calls f() in a copy of it.
  template <class F>
  decltype(auto) run(F&& f) const {
    if (values_ != nullptr) values_->ref();
    const context_scope scope(values_);
    return std::forward<F>(f)();
  }

 private:
  context* values_;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_CONTEXT_H_
