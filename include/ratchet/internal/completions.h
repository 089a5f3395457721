#ifndef RATCHET_INTERNAL_COMPLETIONS_H_
#define RATCHET_INTERNAL_COMPLETIONS_H_

// Included by as_completed.h: the queue of those that are done, apart from the
// types.

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <string>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/internal/children.h"
#include "ratchet/internal/future_state.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/runnable.h"
#include "ratchet/internal/state.h"

namespace ratchet::internal {

class completions_core;

// completion_taker: one that waits for the queue of a stream, in a line of
// those: what the task of a next() waits for. It is settled when it is worth
// looking again.
class completion_taker : public plain_state<void> {
 public:
  explicit completion_taker(completions_core& stream);
  completion_taker(const completion_taker&) = delete;
  completion_taker& operator=(const completion_taker&) = delete;

  completions_core& stream() const { return *stream_; }

  // Its task goes on. `looks`: at the queue, for which it may have been woken;
  // if not, because it is cancelled, a wake-up is passed on.
  void leave(bool looks);

  std::string describe_state() const override;

 protected:
  ~completion_taker() override;

 private:
  friend class completions_core;

  completions_core* const stream_;  // A reference.
  bool in_line_ = true;
  bool left_ = false;
  completion_taker* previous_;
  completion_taker* next_ = nullptr;
};

// completions_core: "as_completed" of the algorithms in docs/asyncio.md. Each
// watched state puts itself into a queue in its done-callback, one hop after it
// is done; takers wait for the queue in FIFO order, as asyncio.Queue has it.
//
// It is a future that is always settled: what a task of a next() awaits, to go
// on at once with what is in the queue, or else with a taker.
class completions_core : public plain_state<void>, private loop_timer {
 public:
  // One of the futures: missing, in the queue, or free.
  class part final : public runnable {
   public:
    part(completions_core& owner, size_t index, future_state* state)
        : owner_(owner), state_(state), index_(index) {}
    ~part() override {
      if (state_ != nullptr) state_->unref();
    }

    void take_turn() override;
    void drop_turn() override;

    size_t index() const { return index_; }
    bool has_state() const { return state_ != nullptr; }
    // The reference goes to the caller.
    future_state* take_state() { return std::exchange(state_, nullptr); }

   private:
    friend class completions_core;

    completions_core& owner_;
    future_state* state_;  // A reference.
    size_t index_;
  };

  explicit completions_core(loop_core& core) : plain_state<void>(core) {
    settle_value();
  }
  completions_core(const completions_core&) = delete;
  completions_core& operator=(const completions_core&) = delete;

  // -- Watching ---------------------------------------------------------------

  // Before the first watch(): room for `parts`, all of which count from now on.
  void expect(size_t parts);
  // Not that one: it came before.
  void expect_less() {
    --size_;
    if (--turns_ == 0) unref();
  }
  // Waits for the `index`-th, one of the expected; takes its reference.
  void watch(size_t index, future_state* state) {
    wait_for_child(parts_.emplace(*this, index, state), *state, core(),
                   "as_completed()");
  }
  // Waits for one more, and takes its reference.
  void watch_more(future_state* state);
  // When `timeout` has passed, every turn still to come is over (rule S95).
  void start_timer(absl::Duration timeout);
  // The user has gone: waits for nothing any more, and tells those who do.
  void close();

  // -- Taking -----------------------------------------------------------------

  // The part of a completed state, which goes back with put_back(); nullptr if
  // there is none now.
  part* take() {
    part* const p = static_cast<part*>(queue_.pop());
    if (ABSL_PREDICT_TRUE(p != nullptr)) took_one();
    return p;
  }
  // It has been emptied.
  void put_back(part& p) {
    if (has_more()) free_.push(p);
  }

  // When take() gives nothing, or a part without a state: an error that stands
  // in place of a completion (the time is over, the range has thrown, there is
  // nothing any more), or OK: it is to be waited for, with line_up().
  absl::Status error_in_place(part* p);
  completion_taker* line_up();

  // Nothing is in the queue, and nothing will ever come.
  bool exhausted() const { return size_ == 0 && !has_more(); }
  // Watched, and not taken yet.
  size_t size() const { return size_; }

  std::string describe_state() const override;

 protected:
  ~completions_core() override;

  // The first of what can be pulled; a watched state is done, and there is room
  // for one more.
  void allow_more() { unusual_ |= kHasMore; }
  void no_more() { unusual_ &= static_cast<uint16_t>(~kHasMore); }
  bool has_more() const { return (unusual_ & kHasMore) != 0; }
  virtual void start_more() {}
  virtual void drop_more() {}

 private:
  friend class completion_taker;

  // The first taker's place: most streams have one at a time.
  class own_taker final : public completion_taker {
   public:
    using completion_taker::completion_taker;
    static void* operator new(size_t, void* place) { return place; }
    // Its place is a part of the stream.
    static void operator delete(void*, size_t) {}
  };

  void took_one() {
    --size_;
    // Takers for which nothing is left look again, and find out.
    if (ABSL_PREDICT_FALSE(first_taker_ != nullptr) && exhausted()) wake_all();
  }
  // The parts that wait, or are in the ready queue, and count.
  size_t missing() const { return (unusual_ & kStopped) != 0 ? 0 : turns_; }
  void take_unusual_turn(part& p);
  part& new_part(size_t index, future_state* state);
  void timer_due() override;
  void finished();
  void stop_waiting();
  void remove(completion_taker& t);
  void wake_next();
  void wake_all();
  // Whether there is something for who looks.
  bool ready() const { return !queue_.empty() || timed_out_ != 0; }

  // Why the turn of a part may have to do more than to join the queue.
  static constexpr uint16_t kHasMore = 1;
  static constexpr uint16_t kHasTakers = 2;
  static constexpr uint16_t kStopped = 4;  // Waits for nothing any more.
  uint16_t unusual_ = 0;
  bool own_taker_used_ = false;
  size_t size_ = 0;
  // Turns of parts to come. As long as there are any, they have a reference.
  size_t turns_ = 0;
  size_t timed_out_ = 0;  // Turns that are over, behind those in the queue.
  size_t watched_ = 0;    // By watch_more(), ever.
  run_queue queue_;       // Parts.
  run_queue free_;        // Parts, if more may come.
  child_array<part> parts_;
  std::forward_list<child_array<part>> older_parts_;  // Full ones.
  absl::Status thrown_;                               // By the range.
  completion_taker* first_taker_ = nullptr;
  completion_taker* last_taker_ = nullptr;
  alignas(own_taker) unsigned char own_taker_place_[sizeof(own_taker)];
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_COMPLETIONS_H_
