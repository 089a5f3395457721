#ifndef RATCHET_SYNC_EVENT_H_
#define RATCHET_SYNC_EVENT_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "ratchet/internal/future_state.h"
#include "ratchet/internal/gate.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/task.h"

namespace ratchet {

// event: a flag that tasks wait for (asyncio's Event, rules S135 to S137).
//
//   step start() { return await<&me::ready>(connected_.wait()); }
//   ...
//   connected_.set();     // Everybody who waits goes on, one hop later.
//
// Lifetime: outlives the machines it has given that have not started. Tasks
// that wait when it is destroyed fail with kAborted (error_kind::destroyed),
// which names it.
// Thread-safety: on the loop's thread only; from other threads post() the call.
// Complexity: O(1), set() too: all who wait go to the ready queue in one move.
// Memory: none per wait; one block per event, and one more for each clear()
// that comes before those who were woken have run.
class event {
 public:
  class waiting;
  class wait_task;

  // `name` is what reports and errors call it.
  explicit event(std::string_view name = {}) : name_(name) {}
  event(event&& other) noexcept;  // Of one that nobody has used.
  event& operator=(event&&) = delete;
  ~event();

  // To be awaited: ends when the event is set; without suspending when it is.
  // Those who wait go on in the order in which they came, also if clear()
  // follows before their turn (S136). Cancelling: *cancel-safe*; the others are
  // not affected (S137).
  [[nodiscard]] waiting wait();

  // Does nothing when it is set.
  void set();
  void clear();
  bool is_set() const { return set_; }

 private:
  class gate;

  // What to wait for, with a reference for who does.
  internal::future_state* entrance(internal::loop_core& core);
  internal::future_state* entrance_slowly(internal::loop_core& core);
  std::string describe() const;

  std::string name_;
  gate* gate_ = nullptr;  // Owned; made when it is first needed.
  bool set_ = false;
};

// What wait() gives. Awaited, it is no machine: the task waits for the gate.
class event::waiting : public internal::direct_awaitable {
 public:
  using machine = wait_task;
  using result_type = void;
  using source = internal::from_shared_future<void>;

  explicit waiting(event& e) : event_(&e) {}

  internal::future_state* take_source() {
    return event_->entrance(internal::loop_core::current("event::wait()"));
  }

 private:
  event* event_;
};

// What those who wait for an event wait for, all for the same one.
class event::gate final : public internal::gate {
 public:
  gate(internal::loop_core& core, const event& owner)
      : internal::gate(core), owner_(&owner) {}

  // Fails those who wait: the event goes.
  void destroy_owner(absl::Status gone);

  std::string describe_state() const override;

 private:
  ~gate() override = default;

  const event* owner_;  // Null once it is gone.
};

inline event::waiting event::wait() { return waiting(*this); }

// Inline: a token that goes through an event meets nothing else.
inline void event::set() {
  if (set_) return;
  set_ = true;
  if (gate_ == nullptr) return;
  gate_->core().check_thread("event::set()");
  gate_->open();
}

inline void event::clear() {
  if (!set_) return;
  set_ = false;
  if (gate_ != nullptr && ABSL_PREDICT_FALSE(!gate_->close())) {
    std::exchange(gate_, nullptr)->unref();
  }
}

inline internal::future_state* event::entrance(internal::loop_core& core) {
  gate* const g = gate_;
  if (ABSL_PREDICT_FALSE(g == nullptr || !g->bound_to(core))) {
    return entrance_slowly(core);
  }
  g->ref();
  return g;
}

// "Event.wait" of the algorithms in docs/asyncio.md, as a task of its own.
class event::wait_task final : public task<void> {
 public:
  explicit wait_task(waiting w) : waiting_(w) {}

  step start() { return await<&wait_task::woken>(waiting(waiting_)); }
  std::string task_name() const override { return "event::wait"; }

 private:
  step woken(absl::Status outcome) { return done(std::move(outcome)); }

  waiting waiting_;
};

}  // namespace ratchet

#endif  // RATCHET_SYNC_EVENT_H_
