#include "ratchet/sync/event.h"

#include <string>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/strings/str_cat.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/status.h"

namespace ratchet {

// gate: what those who wait for an event wait for, all for the same one: it is
// settled when the event is set, and pending again when it is cleared. If
// somebody still has it then, who was woken and has not run, the event takes
// another one.
class event::gate final : public internal::value_state<void> {
 public:
  gate(internal::loop_core& core, const event& owner)
      : internal::value_state<void>(core), owner_(&owner) {}

  void open() { settle_value(); }

  // False if somebody still has it.
  bool close() {
    if (!sole_reference()) return false;
    reset();
    return true;
  }

  // Fails those who wait: the event goes.
  void destroy_owner(absl::Status gone) {
    owner_ = nullptr;
    if (done()) return;
    settle_error(std::move(gone));
    mark_retrieved();  // Whoever waits sees it; nobody need.
  }

  bool cancelled_by_leaving() const override { return true; }
  internal::cancel_answer answer_cancel(const absl::Status& /*why*/) override {
    return {internal::cancel_answer::kind::refused};
  }
  std::string describe_state() const override {
    return owner_ != nullptr ? owner_->describe()
                             : std::string("what was destroyed");
  }

 private:
  ~gate() override = default;

  const event* owner_;  // Null once it is gone.
};

event::event(event&& other) noexcept
    : name_(std::move(other.name_)), set_(other.set_) {
  if (other.gate_ == nullptr) return;
  if (!other.gate_->sole_reference()) {
    internal::fatal(
        absl::StrCat(describe(), " was moved while a task waited for it"));
  }
  std::exchange(other.gate_, nullptr)->unref();
}

event::~event() {
  if (gate_ == nullptr) return;
  if (!gate_->sole_reference()) {
    gate_->destroy_owner(internal::make_error(
        error_kind::destroyed,
        absl::StrCat(describe(), " was destroyed while a task waited for it")));
  }
  gate_->unref();
}

void event::set() {
  if (set_) return;
  set_ = true;
  if (gate_ == nullptr) return;
  gate_->core().check_thread("event::set()");
  gate_->open();
}

void event::clear() {
  if (!set_) return;
  set_ = false;
  if (gate_ != nullptr && !gate_->close()) {
    std::exchange(gate_, nullptr)->unref();
  }
}

internal::state_ref<internal::value_state<void>> event::entrance(
    internal::loop_core& core) {
  // One that is left over from another loop, in which nobody waits.
  if (ABSL_PREDICT_FALSE(gate_ != nullptr && !gate_->bound_to(core) &&
                         gate_->sole_reference())) {
    std::exchange(gate_, nullptr)->unref();
  }
  if (ABSL_PREDICT_FALSE(gate_ == nullptr)) {
    gate_ = new gate(core, *this);
    if (set_) gate_->open();
  }
  return internal::share<internal::value_state<void>>(*gate_);
}

std::string event::describe() const {
  return name_.empty() ? "event" : absl::StrCat("event ", name_);
}

}  // namespace ratchet
