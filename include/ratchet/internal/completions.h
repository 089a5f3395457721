#ifndef RATCHET_INTERNAL_COMPLETIONS_H_
#define RATCHET_INTERNAL_COMPLETIONS_H_

// Included by as_completed.h: the queue of those that are done, apart from the
// types.

#include <cstddef>
#include <cstdint>
#include <deque>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/future.h"
#include "ratchet/internal/future_state.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/runnable.h"
#include "ratchet/internal/slab.h"
#include "ratchet/promise.h"

namespace ratchet::internal {

// completions_core: "as_completed" of the algorithms in docs/asyncio.md. Each
// watched state puts its index into a queue in its done-callback, one hop after
// it is done; takers wait for the queue in FIFO order, as asyncio.Queue has it.
class completions_core : private loop_timer {
 public:
  // The loop's core outlives it, as it does a state.
  explicit completions_core(loop_core& core) : core_(core) { core.add_state(); }
  completions_core(const completions_core&) = delete;
  completions_core& operator=(const completions_core&) = delete;

  void ref() { ++refs_; }
  void unref() {
    if (--refs_ == 0) delete this;
  }

  loop_core& core() const { return core_; }

  // -- Watching
  // -------------------------------------------------------------------

  // Waits for `state`, which must live until its turn has been taken.
  void watch(size_t index, future_state& state);
  // When `timeout` has passed, every turn still to come is over (rule S95).
  void start_timer(absl::Duration timeout);
  // The user has gone: waits for nothing any more, and tells those who do.
  void close();

  // -- Taking
  // ---------------------------------------------------------------------

  // A place in the line of takers.
  struct taker {
    promise<void> wake_up;
  };
  // What a taker gets: the index of a completed state, or why there is none:
  // the time is over, or the range has thrown.
  struct turn {
    absl::Status error;
    size_t index;
  };

  bool ready() const { return !queue_.empty(); }
  turn take();  // REQUIRES: ready().
  // Nothing is in the queue, and nothing will ever come.
  bool exhausted() const {
    return queue_.empty() && first_ == nullptr && !has_more();
  }
  // Watched, and not taken yet.
  size_t size() const { return queue_.size() + missing_; }

  // Joins the end of the line; the future completes when it is worth looking
  // again, or is cancelled.
  future<void> line_up(taker& t);
  // The wait of `t` ended with an error: it gives up its place, and passes a
  // wake-up on that it will not use.
  void give_up(taker& t);

 protected:
  ~completions_core() override {
    core_.disarm(*this);
    core_.remove_state();
  }
  // A watched state is done: there is room for one more.
  virtual void start_more() {}
  virtual bool has_more() const { return false; }
  virtual void drop_more() {}

 private:
  // A watched state that has not completed: in a list, in order.
  class missing final : public wait_node,
                        public slab_allocated<block_kind::plain> {
   public:
    missing(completions_core& owner, size_t index, future_state& state);
    void take_turn() override;
    void drop_turn() override;

    completions_core& owner_;
    const size_t index_;
    future_state* state_;  // nullptr once it is not missing any more.
    missing* previous_;
    missing* next_ = nullptr;
  };

  void timer_due() override;
  void completed(missing& m);
  void remove(missing& m);
  void put(turn t);
  void wake_next();

  loop_core& core_;
  uint32_t refs_ = 1;
  size_t missing_ = 0;
  missing* first_ = nullptr;
  missing* last_ = nullptr;
  std::deque<turn> queue_;
  std::deque<taker*> takers_;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_COMPLETIONS_H_
