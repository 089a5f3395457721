#ifndef RATCHET_INTERNAL_WAITING_LINE_H_
#define RATCHET_INTERNAL_WAITING_LINE_H_

// Included by the headers of sync/: how tasks wait for a primitive.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "ratchet/future.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/state.h"

namespace ratchet::internal {

// waiting_line: the tasks that wait for a synchronization primitive, in the
// order in which they came. It is a part of the primitive; a place in it is a
// part of the machine that waits, so that waiting allocates nothing.
//
//            enter()              wake                its task runs
//   outside --------> waiting -----------> woken ------------------> outside
//                        |    cancelled -> cancelled -------------->
//                        +-- destroyed --> failed ----------------->
//
// A place that was woken or cancelled stands in the line until its task runs,
// one hop later, and leaves: newcomers must see it (rules S131, S144).
//
// Destroying the line fails those who wait with error_kind::destroyed.
// Complexity: everything O(1) amortized, but waking all and destroying.
// Thread-safety: on the loop's thread only.
class waiting_line {
 public:
  class place;

  // "mutex", or "mutex db": what reports and errors call the primitive.
  waiting_line(std::string_view kind, std::string_view name);
  // Of a line in which nobody stands: primitives can be moved, with the object
  // they are part of, until they are used.
  waiting_line(waiting_line&& other) noexcept;
  waiting_line& operator=(waiting_line&&) = delete;
  ~waiting_line();

  // Whether somebody stands in the line who was not cancelled.
  bool claimed() { return woken_ > 0 || next_waiting() != nullptr; }

  // Wakes the first one who waits. False when nobody does.
  bool wake_next();
  // Wakes whoever stands at the front; nobody, if that one does not wait any
  // more: it will see to the others when it runs.
  void wake_front();
  void wake_all();

  std::string describe() const;

 private:
  place* next_waiting();
  void wake(place& p);
  void remove(place& p);

  place* first_ = nullptr;
  place* last_ = nullptr;
  place* next_ = nullptr;  // Nobody before it waits. May not wait itself.
  size_t woken_ = 0;       // Places in the line that were woken.
  std::string_view kind_;
  std::string name_;
};

class waiting_line::place {
 public:
  place() = default;
  place(const place&) : place() {}  // Machines are moved before they wait.
  place& operator=(const place&) { return *this; }
  ~place();

  // Goes to the end of `line`. What is to be awaited. REQUIRES: not in a line.
  future<void> enter(waiting_line& line, loop_core& core);

  // Leaves the line, in the step that enter()'s future gave `outcome` to. False
  // if the primitive has been destroyed: it must not be touched any more, and
  // `outcome` is that error, or Cancelled.
  bool leave(absl::Status& outcome);

  // Leaves, because its machine is destroyed while it waits, with its loop or
  // its group. False if it stands in no line.
  bool leave_for_good();

  bool in_line() const { return line_ != nullptr; }

  // Whether it was woken, no matter what came then. Until the next enter().
  bool woken() const {
    return state_.has_value() &&
           state_->current_phase() == future_state::state_phase::value;
  }

 private:
  friend class waiting_line;

  // The future behind it. The place holds a reference, so it stays.
  class waiting final : public plain_state<void> {
   public:
    waiting(loop_core& core, const place& owner)
        : plain_state<void>(core), owner_(owner) {}
    ~waiting() override = default;
    std::string describe_state() const override;

   private:
    const place& owner_;
  };

  std::optional<waiting> state_;
  waiting_line* line_ = nullptr;
  place* previous_ = nullptr;
  place* next_ = nullptr;
  absl::Status gone_;  // The error, once the line has been destroyed.
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_WAITING_LINE_H_
