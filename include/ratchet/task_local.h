#ifndef RATCHET_TASK_LOCAL_H_
#define RATCHET_TASK_LOCAL_H_

#include <cstdint>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "ratchet/internal/context.h"

namespace ratchet {
namespace internal {

template <class T>
class local_value_of final : public local_value {
 public:
  explicit local_value_of(T v) : value(std::move(v)) {}

  local_value* copied() const override {
    if constexpr (std::is_copy_constructible_v<T>) {
      return new local_value_of(value);
    } else {
      return nullptr;
    }
  }

  const T value;
};

// What a token holds, apart from the type of the variable.
class local_token {
 public:
  // Made by set(), with what was there before, which may be null.
  local_token(uint64_t variable, local_value* old);
  local_token(local_token&& other) noexcept
      : variable_(std::exchange(other.variable_, 0)),
        identity_(other.identity_),
        old_(std::exchange(other.old_, nullptr)),
        used_(other.used_) {}
  local_token& operator=(local_token&& other) noexcept {
    local_token taken(std::move(other));
    std::swap(variable_, taken.variable_);
    std::swap(identity_, taken.identity_);
    std::swap(old_, taken.old_);
    std::swap(used_, taken.used_);
    return *this;
  }
  ~local_token() {
    if (old_ != nullptr) old_->unref();
  }

  absl::Status reset(uint64_t variable);

 private:
  uint64_t variable_;  // 0: moved from.
  uint64_t identity_;  // Of the context in which it was made.
  local_value* old_;   // Owned.
  bool used_ = false;
};

}  // namespace internal

// task_local<T>: a variable of which every task and every callback has its own
// value (asyncio's ContextVar, rule S16): a request id that log lines show, who
// asks, a deadline. Nobody has to pass it on.
//
//   inline ratchet::task_local<std::string> request_id{"-"};
//
//   step start() {
//     request_id.set("r42");          // for this task, and what it starts
//     return await<&handler::next>(create_task(lookup(name_)));
//   }
//
// The values of all task_locals together are a *context*. A task gets a copy of
// its creator's when it is created, and all its states run in that copy, also
// those of machines that it awaits in place: what it sets is seen by them and
// by what it starts from then on, but neither by its creator nor by its
// siblings. A callback (call_soon, call_later, call_at, add_done_callback,
// then, or_else, then_result, finally, post from the loop's own thread) runs in
// a copy of the context in which it was registered: nobody sees what it sets
// but what it starts. What another thread posts, and intrusive timers, run in
// an empty context. Outside of a running loop, each thread has a context of its
// own, which the tasks and callbacks it makes there copy. An error handler runs
// in the context of the task or callback that it is told about (S12).
//
// T is any movable type. A value goes with the last context that holds it: that
// of a task when the last handle to the task goes. A task_local itself is
// usually a global; it may end before the contexts in which it was set.
//
// Complexity: get() O(log n), set() and reset() O(n), for n variables that are
// set; a set() allocates one block, and one more for the first set() in a task
// or callback. Copying a context is O(1) and allocates nothing, but for
// each registered callback an entry in a hash table and for each task one
// block. Who never sets one pays nothing: a test of a pointer for each callback
// registered and each one run.
// Thread-safety: get() and set() may be called in any thread, and concern what
// runs in that thread; a token and a reference stay in theirs. See
// in_this_context() for a function that another thread runs.
template <class T>
class task_local {
 public:
  static_assert(std::is_object_v<T> && !std::is_array_v<T> &&
                    std::is_move_constructible_v<T>,
                "the value of a task_local must be movable; use a pointer for "
                "a reference");
  using value_type = T;

  // What set() returns: the way back. Move-only; may be dropped.
  class token {
   public:
    token(token&&) noexcept = default;
    token& operator=(token&&) noexcept = default;

   private:
    friend class task_local;
    explicit token(internal::local_token base) : base_(std::move(base)) {}
    internal::local_token base_;
  };

  // Its value wherever it was not set.
  explicit task_local(T initial) : default_(std::move(initial)) {}
  task_local() : default_() {}
  task_local(const task_local&) = delete;
  task_local& operator=(const task_local&) = delete;

  // The value in the current context. The reference is good until the next
  // set() or reset() in it, and no longer than the running state or callback.
  const T& get() const {
    if (!internal::has_context()) return default_;
    const internal::local_value* const found =
        internal::tls_context.values->find(id_);
    if (found == nullptr) return default_;
    return static_cast<const internal::local_value_of<T>*>(found)->value;
  }

  // Sets it in the current context.
  token set(T value) {  // NOLINT(modernize-use-nodiscard)
    auto* const v = new internal::local_value_of<T>(std::move(value));
    internal::local_value* old = nullptr;
    if (internal::has_context()) old = internal::tls_context.values->find(id_);
    if (old != nullptr) old->ref();
    internal::set_local_value(id_, v);
    return token(internal::local_token(id_, old));
  }

  // Makes it what it was before the set() that returned `t`, whatever was set
  // since then. Errors, all kFailedPrecondition (error_kind::invalid_state),
  // and nothing changes: `t` was used before, is moved from, is of another
  // variable, or of another task, callback or thread.
  absl::Status reset(token& t) { return t.base_.reset(id_); }
  absl::Status reset(token&& t) { return reset(t); }

 private:
  // Not its address, which another one may have later.
  const uint64_t id_ = internal::new_local_id();
  const T default_;
};

// A callable that runs `f` in a copy of the context that is current now, in any
// thread (asyncio's to_thread, S164):
//
//   future<page> p = run_in(pool, in_this_context([] { return fetch(); }));
//
// The values are copied, so that the threads share none; variables of types
// that cannot be copied have their defaults. It may be moved, run once, and
// destroyed in any thread. Complexity: O(n) for n variables that are set.
template <class F>
auto in_this_context(F&& f) {
  return [context = internal::context_parcel(),
          f = std::decay_t<F>(std::forward<F>(f))]() mutable -> decltype(auto) {
    return context.run(std::move(f));
  };
}

}  // namespace ratchet

#endif  // RATCHET_TASK_LOCAL_H_
