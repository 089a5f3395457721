#include "ratchet/wait.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "ratchet/internal/children.h"

namespace ratchet::internal {

// Shared by the watching and the nodes that stand in the ready queue, which
// cannot be taken back from there.
class watching::core final : private loop_timer {
 public:
  core(until mode, const std::vector<future_state*>& states)
      : mode_(mode),
        loop_(states.front()->core()),
        count_(states.size()),
        missing_(states.size()),
        nodes_(new node[states.size()]) {
    for (size_t i = 0; i < count_; ++i) {
      nodes_[i].owner = this;
      nodes_[i].state = states[i];
    }
  }

  future<void> begin(absl::Duration timeout) {
    future<void> over = over_.get_future();
    if (timeout != absl::InfiniteDuration()) {
      loop_.arm(*this, deadline_after(loop_.now_ns(), timeout));
    }
    for (size_t i = 0; i < count_; ++i) {
      nodes_[i].registered = true;
      ++refs_;
      wait_for_child(nodes_[i], *nodes_[i].state, loop_, "wait()");
    }
    return over;
  }

  // The states may be gone when this returns. A node that is queued still looks
  // for an error (rule S38): it keeps its state until then.
  void end() {
    loop_.disarm(*this);
    for (size_t i = 0; i < count_; ++i) {
      node& n = nodes_[i];
      // Those that are queued, or about to be dropped, go by themselves.
      if (n.registered && !n.state->done() && !n.state->abandoned()) {
        n.state->remove_waiter(n);
        n.registered = false;
        --refs_;
      }
      if (n.registered && mode_ == until::first_error && n.state->done()) {
        n.kept = share(*n.state);
      } else {
        n.state = nullptr;
      }
    }
    unref();
  }

 private:
  class node final : public runnable {
   public:
    void take_turn() override { owner->completed(*this); }
    void drop_turn() override {
      const state_ref<future_state> until_return = std::move(kept);
      registered = false;
      owner->unref();
    }

    core* owner = nullptr;
    future_state* state = nullptr;
    state_ref<future_state> kept;  // That state, once the watching has ended.
    bool registered = false;
  };

  void timer_due() override { finish(); }

  void completed(node& n) {
    const state_ref<future_state> until_return = std::move(n.kept);
    n.registered = false;
    if (n.state != nullptr) {  // Not ended meanwhile, or of use all the same.
      --missing_;
      if (missing_ == 0 || mode_ == until::first_done ||
          (mode_ == until::first_error && has_error(*n.state))) {
        loop_.disarm(*this);
        finish();
      }
    }
    unref();
  }

  // Looking for the error counts as retrieving it (rule S38).
  static bool has_error(future_state& state) {
    if (state.cancelled()) return false;
    state.mark_retrieved();
    return state.failed();
  }

  void finish() {
    if (!over_.done()) over_.set_value().IgnoreError();
  }

  void unref() {
    if (--refs_ == 0) delete this;
  }

  const until mode_;
  loop_core& loop_;
  const size_t count_;
  size_t missing_;
  uint32_t refs_ = 1;  // The watching's; one for each registered node.
  const std::unique_ptr<node[]> nodes_;
  promise<void> over_;
};

watching::watching(watching&& other) noexcept
    : mode_(other.mode_), core_(std::exchange(other.core_, nullptr)) {}

watching& watching::operator=(watching&& other) noexcept {
  end();
  mode_ = other.mode_;
  core_ = std::exchange(other.core_, nullptr);
  return *this;
}

watching::~watching() { end(); }

future<void> watching::begin(const std::vector<future_state*>& states,
                             absl::Duration timeout) {
  core_ = new core(mode_, states);
  return core_->begin(timeout);
}

void watching::end() {
  if (core_ != nullptr) std::exchange(core_, nullptr)->end();
}

}  // namespace ratchet::internal
