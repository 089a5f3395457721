#include "ratchet/internal/waiting_line.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/status.h"

namespace ratchet::internal {

waiting_line::waiting_line(std::string_view kind, std::string_view name)
    : kind_(kind), name_(name) {}

waiting_line::waiting_line(waiting_line&& other) noexcept
    : kind_(other.kind_), name_(std::move(other.name_)) {
  if (other.first_ != nullptr) {
    fatal(absl::StrCat(describe(), " was moved while a task waited for it"));
  }
}

waiting_line::~waiting_line() {
  if (first_ == nullptr) return;
  const absl::Status gone = make_error(
      error_kind::destroyed,
      absl::StrCat(describe(), " was destroyed while a task waited for it"));
  while (place* const p = first_) {
    remove(*p);
    p->gone_ = gone;
    if (!p->state_->done()) p->state_->settle_error(gone);
  }
}

std::string waiting_line::describe() const {
  std::string text(kind_);
  if (!name_.empty()) absl::StrAppend(&text, " ", name_);
  return text;
}

waiting_line::place* waiting_line::next_waiting() {
  while (next_ != nullptr && next_->state_->done()) next_ = next_->next_;
  return next_;
}

void waiting_line::wake(place& p) {
  p.state_->core().check_thread(kind_);
  ++woken_;
  p.state_->settle_value();
}

bool waiting_line::wake_next() {
  place* const p = next_waiting();
  if (p == nullptr) return false;
  wake(*p);
  return true;
}

void waiting_line::wake_front() {
  if (first_ != nullptr && !first_->state_->done()) wake(*first_);
}

void waiting_line::wake_all() {
  while (wake_next()) {
  }
}

void waiting_line::remove(place& p) {
  if (p.woken()) --woken_;
  if (next_ == &p) next_ = p.next_;
  (p.previous_ == nullptr ? first_ : p.previous_->next_) = p.next_;
  (p.next_ == nullptr ? last_ : p.next_->previous_) = p.previous_;
  p.line_ = nullptr;
}

waiting_line::place::~place() { leave_for_good(); }

bool waiting_line::place::leave_for_good() {
  if (line_ == nullptr) return false;
  line_->remove(*this);
  return true;
}

future<void> waiting_line::place::enter(waiting_line& line, loop_core& core) {
  RATCHET_CHECK(line_ == nullptr, "a task waits for two primitives at once");
  state_.emplace(core, *this);
  gone_ = absl::OkStatus();
  line_ = &line;
  previous_ = line.last_;
  next_ = nullptr;
  (previous_ == nullptr ? line.first_ : previous_->next_) = this;
  line.last_ = this;
  if (line.next_ == nullptr) line.next_ = this;
  return future<void>(share<value_state<void>>(*state_));
}

bool waiting_line::place::leave(absl::Status& outcome) {
  if (line_ == nullptr) {
    if (outcome.ok()) outcome = gone_;
    return false;
  }
  line_->remove(*this);
  return true;
}

std::string waiting_line::place::waiting::describe_state() const {
  return owner_.line_ != nullptr ? owner_.line_->describe()
                                 : std::string("what was destroyed");
}

}  // namespace ratchet::internal
