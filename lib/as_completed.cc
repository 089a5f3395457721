#include "ratchet/as_completed.h"

#include <algorithm>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/strings/str_cat.h"
#include "ratchet/clock.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/status.h"

namespace ratchet::internal {
namespace {

// How many parts a stream of unknown length makes at a time, at least.
constexpr size_t kFewParts = 16;

}  // namespace

// -- completion_taker ---------------------------------------------------------

completion_taker::completion_taker(completions_core& stream)
    : plain_state<void>(stream.core()),
      stream_(&stream),
      previous_(stream.last_taker_) {
  stream.ref();
  (previous_ == nullptr ? stream.first_taker_ : previous_->next_) = this;
  stream.last_taker_ = this;
  stream.unusual_ |= completions_core::kHasTakers;
}

completion_taker::~completion_taker() {
  leave(false);  // If its task is destroyed.
  if (static_cast<void*>(this) == stream_->own_taker_place_) {
    stream_->own_taker_used_ = false;
  }
  // The stream does not go before this has: one is disposed of after the other.
  stream_->unref();
}

void completion_taker::leave(bool looks) {
  if (in_line_) {
    stream_->remove(*this);
  } else if (!looks && !left_ && stream_->ready()) {
    stream_->wake_next();
  }
  left_ = true;
}

std::string completion_taker::describe_state() const {
  return stream_->describe_state();
}

// -- completions_core ---------------------------------------------------------

completions_core::~completions_core() { core().disarm(*this); }

std::string completions_core::describe_state() const {
  return absl::StrCat("as_completed, ", missing(), " pending");
}

void completions_core::part::take_turn() {
  completions_core& owner = owner_;
  // Rule S38: its error is looked at by who takes the turn.
  if (ABSL_PREDICT_TRUE(--owner.turns_ != 0 && owner.unusual_ == 0)) {
    owner.queue_.push(*this);
  } else {
    owner.take_unusual_turn(*this);
  }
}

void completions_core::take_unusual_turn(part& p) {
  const bool is_last = turns_ == 0;  // finished() may watch one more.
  // What finished() calls may drop the stream, and with it the other turns.
  const state_ref<future_state> until_return = share<future_state>(*this);
  if ((unusual_ & kStopped) == 0) {
    queue_.push(p);
    finished();
  }
  if (is_last) unref();
}

void completions_core::part::drop_turn() {
  completions_core& owner = owner_;
  if ((owner.unusual_ & kStopped) == 0) --owner.size_;
  if (--owner.turns_ == 0) owner.unref();
}

void completions_core::expect(size_t parts) {
  parts_ = child_array<part>(parts);
  turns_ = size_ = parts;
  if (parts != 0) ref();
}

void completions_core::watch_more(future_state* state) {
  part& p = new_part(watched_++, state);
  if (turns_++ == 0) ref();
  ++size_;
  wait_for_child(p, *state, core(), "as_completed()");
}

completions_core::part& completions_core::new_part(size_t index,
                                                   future_state* state) {
  if (part* const p = static_cast<part*>(free_.pop())) {
    p->state_ = state;
    p->index_ = index;
    return *p;
  }
  if (parts_.full()) {
    const size_t more = std::max(kFewParts, 2 * parts_.size());
    if (!parts_.empty()) older_parts_.push_front(std::move(parts_));
    parts_ = child_array<part>(more);
  }
  return parts_.emplace(*this, index, state);
}

void completions_core::start_timer(absl::Duration timeout) {
  if (missing() == 0 || timeout == absl::InfiniteDuration()) return;
  core().arm(*this, deadline_after(core().now_ns(), timeout));
}

// What else there is to do when one has come into the queue.
void completions_core::finished() {
  wake_next();
  if (has_more()) {
    absl::Status thrown = call_guarded([this] { start_more(); });
    if (!thrown.ok()) {
      no_more();
      drop_more();
      thrown_ = std::move(thrown);
      ++size_;
      queue_.push(new_part(0, nullptr));
      wake_next();
    }
  }
  if (missing() == 0) core().disarm(*this);
}

// Nothing is missing any more. The states stay until the stream goes.
void completions_core::stop_waiting() {
  core().disarm(*this);
  no_more();
  drop_more();
  if (missing() == 0) return;
  unusual_ |= kStopped;
  const auto stop = [this](child_array<part>& parts) {
    for (part& p : parts) {
      // Else it has had its turn, or is queued, or about to be dropped, and
      // goes by itself.
      if (p.state_ == nullptr || p.state_->done() || p.state_->abandoned()) {
        continue;
      }
      p.state_->remove_waiter(p);
      if (--turns_ == 0) unref();
    }
  };
  stop(parts_);
  for (child_array<part>& parts : older_parts_) stop(parts);
}

void completions_core::timer_due() {
  timed_out_ = missing();
  stop_waiting();
  for (size_t i = 0; i < timed_out_; ++i) wake_next();
}

void completions_core::close() {
  size_ -= missing();
  stop_waiting();
  wake_all();
}

void completions_core::remove(completion_taker& t) {
  (t.previous_ == nullptr ? first_taker_ : t.previous_->next_) = t.next_;
  (t.next_ == nullptr ? last_taker_ : t.next_->previous_) = t.previous_;
  if (first_taker_ == nullptr) unusual_ &= static_cast<uint16_t>(~kHasTakers);
  t.in_line_ = false;
}

void completions_core::wake_next() {
  while (completion_taker* const t = first_taker_) {
    remove(*t);
    if (t->done()) continue;  // Cancelled.
    t->settle_value();
    return;
  }
}

void completions_core::wake_all() {
  while (first_taker_ != nullptr) wake_next();
}

absl::Status completions_core::error_in_place(part* p) {
  if (p != nullptr) return thrown_;
  if (timed_out_ != 0) {
    --timed_out_;
    took_one();
    return timeout_error();
  }
  if (!exhausted()) return absl::OkStatus();
  return absl::OutOfRangeError(
      "as_completed: every completion has been taken; empty() tells");
}

completion_taker* completions_core::line_up() {
  if (own_taker_used_) return new completion_taker(*this);
  own_taker_used_ = true;
  return new (own_taker_place_) own_taker(*this);
}

}  // namespace ratchet::internal
