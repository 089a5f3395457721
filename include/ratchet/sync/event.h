#ifndef RATCHET_SYNC_EVENT_H_
#define RATCHET_SYNC_EVENT_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "ratchet/internal/waiting_line.h"
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
// Complexity: O(1), set() O(waiters). Waiting allocates nothing but the machine
// that waits.
class event {
 public:
  class wait_task;

  // `name` is what reports and errors call it.
  explicit event(std::string_view name = {}) : line_("event", name) {}
  event(event&&) = default;  // Of one that nobody has used.
  event& operator=(event&&) = delete;
  ~event();

  // A machine that ends when the event is set; without suspending when it is.
  // Those who wait go on in the order in which they came, also if clear()
  // follows before their turn (S136). Cancelling: *cancel-safe*; the others are
  // not affected (S137).
  [[nodiscard]] wait_task wait();

  // Does nothing when it is set.
  void set();
  void clear() { set_ = false; }
  bool is_set() const { return set_; }

 private:
  internal::waiting_line line_;
  bool set_ = false;
};

// "Event.wait" of the algorithms in docs/asyncio.md.
class event::wait_task final : public task<void> {
 public:
  explicit wait_task(event& e) : event_(e) {}

  step start();
  std::string task_name() const override { return "event::wait"; }

 private:
  step woken(absl::Status outcome);

  event& event_;
  internal::waiting_line::place place_;
};

inline event::wait_task event::wait() { return wait_task(*this); }

}  // namespace ratchet

#endif  // RATCHET_SYNC_EVENT_H_
