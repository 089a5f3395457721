#include "ratchet/sync/event.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/status.h"

namespace ratchet {

void event::gate::destroy_owner(absl::Status gone) {
  owner_ = nullptr;
  fail(std::move(gone));
}

std::string event::gate::describe_state() const {
  return owner_ != nullptr ? owner_->describe()
                           : std::string("what was destroyed");
}

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

internal::future_state* event::entrance_slowly(internal::loop_core& core) {
  // One that is left over from another loop, in which nobody waits.
  if (gate_ != nullptr && !gate_->bound_to(core) && gate_->sole_reference()) {
    std::exchange(gate_, nullptr)->unref();
  }
  if (gate_ == nullptr) {
    gate_ = new gate(core, *this);
    if (set_) gate_->open();
  }
  gate_->ref();
  return gate_;
}

std::string event::describe() const {
  return name_.empty() ? "event" : absl::StrCat("event ", name_);
}

}  // namespace ratchet
