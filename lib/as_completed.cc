#include "ratchet/as_completed.h"

#include <algorithm>
#include <utility>

#include "ratchet/internal/guarded.h"
#include "ratchet/status.h"

namespace ratchet::internal {

completions_core::missing::missing(completions_core& owner, size_t index,
                                   future_state& state)
    : owner_(owner), index_(index), state_(&state), previous_(owner.last_) {
  (previous_ == nullptr ? owner.first_ : previous_->next_) = this;
  owner.last_ = this;
  ++owner.missing_;
  owner.ref();
}

void completions_core::missing::take_turn() {
  if (state_ != nullptr) owner_.completed(*this);
  owner_.unref();
  delete this;
}

void completions_core::missing::drop_turn() {
  if (state_ != nullptr) owner_.remove(*this);
  owner_.unref();
  delete this;
}

void completions_core::watch(size_t index, future_state& state) {
  if (&state.core() != &core_) {
    fatal("as_completed() was given futures of different event loops");
  }
  state.add_waiter(*new missing(*this, index, state));
}

void completions_core::start_timer(absl::Duration timeout) {
  if (first_ == nullptr || timeout == absl::InfiniteDuration()) return;
  core_.arm(*this, deadline_after(core_.now_ns(), timeout));
}

// No longer missing; if it waits still, then no longer.
void completions_core::remove(missing& m) {
  (m.previous_ == nullptr ? first_ : m.previous_->next_) = m.next_;
  (m.next_ == nullptr ? last_ : m.next_->previous_) = m.previous_;
  --missing_;
  m.state_ = nullptr;
}

void completions_core::completed(missing& m) {
  // Rule S38: its error is looked at by who takes the turn.
  remove(m);
  put({absl::OkStatus(), m.index_});
  const absl::Status thrown = call_guarded([this] { start_more(); });
  if (!thrown.ok()) {
    drop_more();
    put({thrown, 0});
  }
  if (first_ == nullptr) core_.disarm(*this);
}

void completions_core::timer_due() {
  drop_more();
  while (missing* const m = first_) {
    future_state& state = *m->state_;
    remove(*m);
    put({timeout_error(), m->index_});
    if (!state.done()) {  // Else it is queued, and goes by itself.
      state.remove_waiter(*m);
      unref();
      delete m;
    }
  }
}

void completions_core::close() {
  core_.disarm(*this);
  drop_more();
  while (missing* const m = first_) {
    future_state& state = *m->state_;
    remove(*m);
    // Else it is queued, or about to be dropped, and goes by itself.
    if (!state.done() && !state.abandoned()) {
      state.remove_waiter(*m);
      unref();
      delete m;
    }
  }
  while (!takers_.empty()) wake_next();
}

void completions_core::put(turn t) {
  queue_.push_back(t);
  wake_next();
}

void completions_core::wake_next() {
  while (!takers_.empty()) {
    taker& first = *takers_.front();
    takers_.pop_front();
    if (first.wake_up.done()) continue;  // Cancelled.
    first.wake_up.set_value().IgnoreError();
    return;
  }
}

completions_core::turn completions_core::take() {
  turn t = queue_.front();
  queue_.pop_front();
  // Takers for which nothing is left look again, and find out.
  if (exhausted()) {
    while (!takers_.empty()) wake_next();
  }
  return t;
}

future<void> completions_core::line_up(taker& t) {
  t.wake_up = promise<void>();
  takers_.push_back(&t);
  return t.wake_up.get_future();
}

void completions_core::give_up(taker& t) {
  takers_.erase(std::remove(takers_.begin(), takers_.end(), &t), takers_.end());
  if (ready() && t.wake_up.valid() && !t.wake_up.cancelled()) wake_next();
}

}  // namespace ratchet::internal
