#ifndef RATCHET_INTERNAL_FUTURE_STATE_H_
#define RATCHET_INTERNAL_FUTURE_STATE_H_

// Included by future.h and task.h: what a future is, apart from its type.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/runnable.h"
#include "ratchet/internal/slab.h"
#include "ratchet/status.h"

namespace ratchet::internal {

// How a state answers when it is asked to be cancelled.
struct cancel_answer {
  enum class kind {
    refused,   // Too late.
    accepted,  // Cancelled, or the request is remembered.
    forward,   // `to` is what has to be asked.
    fork,      // All that next_to_cancel() gives; then answer_fork().
  };
  kind what;
  future_state* to = nullptr;
  // With `forward`: set if this one remembers the request should `to` refuse.
  future_state* remembers = nullptr;
};

// future_state: the shared part of a future, a promise, a continuation, a task.
//
//              emplace + settle(value)    +--> value
//   pending -- fail + settle(error) ------+--> error      (once and for all,
//              fail + settle(cancelled) --+--> cancelled   rule S29)
//
// References, plain counts because a loop's objects stay on its thread: one
// for each handle, one for the producer (a promise, a timer, a started task
// that is not done, a continuation that waits), one for each consumer that
// waits. The waiters in the list are owned by the list.
class future_state : public slab_allocated<block_kind::plain> {
 public:
  // abandoned: pending, and nobody will ever settle it.
  enum class state_phase : uint8_t {
    pending,
    abandoned,
    value,
    error,
    cancelled
  };

  explicit future_state(loop_core& core, uint32_t refs = 1) : refs_(refs) {
    bind(core);
  }
  // Of a task that has not been started: it belongs to no loop yet.
  future_state() {}
  void bind(loop_core& core) {
    core_ = &core;
    core.add_state();
  }
  future_state(const future_state&) = delete;
  future_state& operator=(const future_state&) = delete;

  void ref() { ++refs_; }
  ABSL_ATTRIBUTE_ALWAYS_INLINE void unref() {
    if (--refs_ == 0) last_unref();
  }

  bool bound_to(const loop_core& core) const { return core_ == &core; }

  bool sole_reference() const { return refs_ == 1; }

  loop_core& core() const { return *core_; }
  state_phase current_phase() const { return phase_; }
  bool done() const { return phase_ >= state_phase::value; }
  bool cancelled() const { return phase_ == state_phase::cancelled; }
  bool failed() const { return phase_ >= state_phase::error; }

  // The error of a failed or cancelled state.
  virtual const absl::Status& held_error() const = 0;

  // OK for a value, the error, or kFailedPrecondition while pending; takes
  // note that somebody looked (rule S38).
  absl::Status status();

  // -- Waiting --------------------------------------------------------------

  // `w` runs one hop after the completion; at once queued if it was before
  // (rules S33, S34). False, and `w` dropped, when the loop is closed.
  bool add_waiter(runnable& w) {
    if (ABSL_PREDICT_TRUE(phase_ == state_phase::pending)) {
      waiters_.push(w);
      return true;
    }
    if (done()) return core_->push(w);
    w.drop_turn();
    return false;
  }
  // REQUIRES: !done(), and `w` waits here.
  void remove_waiter(runnable& w) { waiters_.remove(w); }
  // REQUIRES: !done().
  bool has_waiters() const { return !waiters_.empty(); }

  bool abandoned() const { return phase_ == state_phase::abandoned; }

  // Nobody will ever settle this state, because its loop is closed: drops the
  // waiters, present and future ones.
  void abandon() {
    if (ABSL_PREDICT_TRUE(phase_ != state_phase::pending)) return;
    phase_ = state_phase::abandoned;
    const waiter_list dropped = std::exchange(waiters_, {});
    if (!dropped.empty()) core_->drop(dropped);
  }

  // -- Errors that nobody looked at (rule S38) --------------------------------

  void mark_retrieved() { unretrieved_ = false; }
  bool unretrieved() const { return unretrieved_; }

  // -- Cancelling -------------------------------------------------------------

  // Asks this state, and through it what it waits for, to be cancelled. A loop
  // over the chain, or tree, not a recursion: they can be long, and deep. `why`
  // is a cancelled_error(): what whoever takes the request is to see. Where two
  // requests meet, the one that was delivered first is seen, and of those that
  // are only remembered the last (as asyncio has it).
  bool cancel(const absl::Status& why = plain_cancelled());

  // One link of that chain. Only cancel() calls it.
  virtual cancel_answer answer_cancel(const absl::Status& why) = 0;

  // Whether a task that waits here, and is to be cancelled, leaves, with no
  // effect on the others who wait, in place of asking this to be cancelled.
  virtual bool cancelled_by_leaving() const { return false; }

  // A fork: the next one to be asked, from `at` on, which it moves; nullptr
  // when all have been. And what it answers itself, once it is known whether
  // any of them has accepted: whether it does.
  virtual future_state* next_to_cancel(size_t& /*at*/) { return nullptr; }
  virtual bool answer_fork(bool any_accepted, const absl::Status& /*why*/) {
    return any_accepted;
  }

  // What was asked refused: as answer_cancel() offered with `remembers`.
  virtual void remember_cancel(const absl::Status& /*why*/) {}

  // -- For people -------------------------------------------------------------

  // What it is: "future", "task fetch#12", "when_all of 3, 1 pending".
  virtual std::string describe_state() const { return "future"; }
  // The first word of that, for operator<<.
  virtual std::string_view kind_name() const { return "future"; }

  // The task this is, or nullptr.
  virtual task_core* as_task() { return nullptr; }

  // -- For loop_core::dispose -------------------------------------------------

  void link_dying(future_state* next) { next_dying_ = next; }
  future_state* unlink_dying() { return std::exchange(next_dying_, nullptr); }
  void destroy() {
    if (ABSL_PREDICT_FALSE(unretrieved_)) report_unretrieved();
    delete this;
  }

 protected:
  // The last reference is gone. A class that knows that nothing in it is left
  // to be destroyed calls free_block(), others have this.
  virtual void last_unref();

  // Ends a state that has a value, whose exact type State is, without its
  // destructors, which would find nothing to do, and without
  // loop_core::dispose(), since nothing else goes with it: so it takes thirty
  // instructions, not a hundred.
  template <class State>
  static void free_block(State* state) {
    loop_core& core = state->core();
    if (ABSL_PREDICT_FALSE(core.remove_state_but_stay())) {
      free_block_of_unused(state, sizeof(State), kSlabAlignment<State>, core);
      return;
    }
    // Last, so that its rare case is a jump and nothing has to be kept for
    // afterwards.
    deallocate(state, sizeof(State), kSlabAlignment<State>, block_kind::plain);
  }

  virtual ~future_state() {
    if (core_ != nullptr) core_->remove_state();
  }

  // Ends the pending phase; the waiters go to the ready queue in one move.
  // False when there were waiters but the loop is closed (rule S14).
  // Those are not asked for again.
  // Inline, so that a constant `p` costs one store.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool settle(state_phase p) {
    phase_ = p;
    if (p == state_phase::error) unretrieved_ = true;
    return waiters_.empty() || core_->push(waiters_);
  }

  virtual void report_unretrieved();

  // Makes a settled state pending again. REQUIRES: nobody else knows it, and it
  // holds nothing that is to be destroyed.
  void reset() {
    RATCHET_CHECK(sole_reference(), "a future that is in use was reset");
    reopen();
  }
  // The same. REQUIRES: nobody looks at it or waits for it: whoever else knows
  // it is told by other means.
  void reopen() {
    phase_ = state_phase::pending;
    holds_ = held_kind::nothing;
    waiters_ = {};
  }

 private:
  friend class loop_core;
  friend class task_core;
  template <class State>
  friend class state_ref;

  static void free_block_of_unused(void* state, size_t size, size_t alignment,
                                   loop_core& core);

  loop_core* core_ = nullptr;
  union {
    waiter_list waiters_ = {};
    future_state* next_dying_;  // Once nobody can wait any more.
  };
  uint32_t refs_ = 1;
  // Bytes, not bits: each is set and asked for by one instruction.
  state_phase phase_ = state_phase::pending;

 protected:
  // What value_state<T> holds, in the room that is left. Beside the phase, so
  // that the two are set by one store.
  enum class held_kind : uint8_t { nothing, value, error };
  held_kind holds_ = held_kind::nothing;

 private:
  bool unretrieved_ = false;
  [[maybe_unused]] uint8_t padding_ = 0;  // So that all are set by one store.
};

// waiting_side: the other side of a state that itself waits for a state: a
// continuation or a task. What they share is that a request to cancel that
// comes too late for the source is remembered, and delivered in place of the
// source's outcome when its turn comes (rule S57).
class waiting_side {
 protected:
  ~waiting_side() = default;

  bool must_cancel() const { return has_flag(kMustCancel); }

  // All that can make a turn another one than most are: one word, so that one
  // question tells that it is not. Each of the two has further bits. Not of
  // eight bits: as a char it could be what any pointer points to, and would be
  // read again after every store.
  static constexpr uint16_t kMustCancel = 1;
  bool has_flag(uint16_t bits) const { return (unusual_ & bits) != 0; }
  void set_flag(uint16_t bits) {
    unusual_ = static_cast<uint16_t>(unusual_ | bits);
  }
  void clear_flag(uint16_t bits) {
    unusual_ = static_cast<uint16_t>(unusual_ & ~bits);
  }
  uint16_t unusual_ = 0;
};

// A reference that is given back when the scope is left.
template <class State>
class state_ref {
 public:
  explicit state_ref(State* state = nullptr) : state_(state) {}  // Takes over.
  state_ref(state_ref&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)) {}
  state_ref& operator=(state_ref&& other) noexcept {
    state_ref taken(std::move(other));  // Leaves it empty.
    std::swap(state_, taken.state_);
    return *this;
  }
  ~state_ref() {
    if (state_ == nullptr) return;
    if constexpr (std::is_final_v<State>) {
      // Nothing else can be there: a call that is known, and mostly inline.
      if (--state_->refs_ == 0) state_->State::last_unref();
    } else {
      state_->unref();
    }
  }
  State* get() const { return state_; }
  State* operator->() const { return state_; }
  State& operator*() const { return *state_; }
  explicit operator bool() const { return state_ != nullptr; }
  State* release() { return std::exchange(state_, nullptr); }

 private:
  State* state_;
};

template <class State>
state_ref<State> share(State& state) {
  state.ref();
  return state_ref<State>(&state);
}

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_FUTURE_STATE_H_
