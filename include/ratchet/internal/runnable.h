#ifndef RATCHET_INTERNAL_RUNNABLE_H_
#define RATCHET_INTERNAL_RUNNABLE_H_

// Included by event_loop.h and future.h: what the ready queue and the waiters
// of a future are made of.

#include <cstddef>
#include <cstdint>

#include "absl/base/optimization.h"
#include "ratchet/internal/timer_hook.h"

namespace ratchet {
class timer_wheel;
}  // namespace ratchet

namespace ratchet::internal {

class runnable;

// What a runnable has in it for the place where it stands. One of two, for it
// never stands in a queue and in the wheel at once.
struct runnable_place {
  struct queue_place {
    runnable* next;
    runnable* previous;  // In a list of waiters. Of the first: the last.
  };
  struct wheel_place {
    timer_hook hook;
    union {
      timer_wheel* wheel;  // Of a loop_timer, which ends without its loop.
      int64_t number;      // Of others; also while they stand nowhere.
    };
  };
  // Nothing is set before it stands somewhere.
  runnable_place() {}  // NOLINT(modernize-use-equals-default)
  union {
    queue_place in_queue;
    wheel_place in_wheel;
  };
};

// runnable: something whose turn comes. It stands in one of three places, the
// ready queue, the waiters of a future, or the wheel, or in none; what it takes
// to stand there is part of it, so that waiting allocates nothing.
//
//           push                      its turn
//   idle ----------> queued -----------------------> take_turn()   idle
//    | |                |   the loop closes first
//    | |                +--------------------------> drop_turn()   idle
//    | | add_waiter                    the future is settled
//    | +------------> waiting ---------------------> queued
//    |                  |   it never will be
//    |                  +--------------------------> drop_turn()   idle
//    | arm                             it is time
//    +--------------> armed -----------------------> timer_due()   idle
//                       |   the loop closes first
//                       +--------------------------> timer_dropped() idle
//
// Whoever puts it somewhere keeps it alive and in place until then, and does
// not put it anywhere else before; each of the four may destroy it.
class runnable : private runnable_place {
 public:
  runnable() = default;
  runnable(const runnable&) = delete;
  runnable& operator=(const runnable&) = delete;

  virtual void take_turn() = 0;
  virtual void drop_turn() = 0;
  virtual void timer_due();
  virtual void timer_dropped();

  // For the loop, while it is in the wheel or is to go there; after
  // begin_as_timer().
  timer_hook& wheel_hook() { return in_wheel.hook; }
  static runnable& owner_of(timer_hook& hook) {
    // The hook is the first in its place, which so has the same address.
    return static_cast<runnable&>(reinterpret_cast<runnable_place&>(hook));
  }

 protected:
  virtual ~runnable() = default;

  // Makes its place that of a timer. REQUIRES: it stands nowhere.
  void begin_as_timer() { in_wheel.hook.id = 0; }
  // While it stands nowhere, or in the wheel, its place keeps a number. Not of
  // a loop_timer.
  void set_free_place(int64_t number) { in_wheel.number = number; }
  int64_t free_place() const { return in_wheel.number; }

 private:
  friend class run_batch;
  friend class run_queue;
  friend class waiter_list;
  friend class loop_timer;
};

// The waiters of one future, in the order in which they came (rule S36).
// One word; add, remove and hand-over are O(1).
class waiter_list {
 public:
  bool empty() const { return head_ == nullptr; }

  // The last one's `next` is not set: head_->previous tells which that is, and
  // most lists have one.
  void push(runnable& w) {
    if (ABSL_PREDICT_TRUE(head_ == nullptr)) {
      head_ = w.in_queue.previous = &w;
    } else {
      w.in_queue.previous = head_->in_queue.previous;
      w.in_queue.previous->in_queue.next = &w;
      head_->in_queue.previous = &w;
    }
  }

  // REQUIRES: `w` is in this list.
  void remove(runnable& w) {
    const bool is_last = head_->in_queue.previous == &w;
    runnable* const next = is_last ? nullptr : w.in_queue.next;
    if (head_ == &w) {
      head_ = next;
    } else {
      w.in_queue.previous->in_queue.next = next;
    }
    // The one before `w` becomes the last one if `w` was it.
    runnable* const after = next != nullptr ? next : head_;
    if (after != nullptr) after->in_queue.previous = w.in_queue.previous;
  }

  // Takes the first one out; nullptr when there is none.
  runnable* pop() {
    runnable* const first = head_;
    if (first != nullptr) remove(*first);
    return first;
  }

 private:
  friend class run_queue;
  runnable* head_ = nullptr;
};

// FIFO of runnables: singly linked through them. Where the next one will be
// linked, `end_`, has no null while they are pushed: whoever walks puts it
// there first. So a push is a store less, and there are more of those.
class run_queue {
 public:
  run_queue() = default;
  run_queue(const run_queue&) = delete;
  run_queue& operator=(const run_queue&) = delete;

  bool empty() const { return end_ == &head_; }

  void push(runnable& r) {
    *end_ = &r;
    end_ = &r.in_queue.next;
  }

  // Appends all of `list`, in order, of which nothing is to be asked any more.
  // O(1). REQUIRES: it is not empty.
  void append(const waiter_list& list) {
    *end_ = list.head_;
    end_ = &list.head_->in_queue.previous->in_queue.next;
  }

  // For who gathers runnables elsewhere: `r` is linked to `next`.
  static void link(runnable& r, runnable* next) { r.in_queue.next = next; }
  // Appends what is linked from its last one, `newest`, to its first. O(n).
  void append_reversed(runnable& newest) {
    runnable* next = nullptr;
    for (runnable* r = &newest; r != nullptr;) {
      runnable* const older = r->in_queue.next;
      r->in_queue.next = next;
      next = r;
      r = older;
    }
    *end_ = next;
    end_ = &newest.in_queue.next;
  }

  // Appends all of `other` and empties it. O(1).
  void append(run_queue& other) {
    if (other.empty()) return;
    *end_ = other.head_;
    end_ = other.end_;
    other.end_ = &other.head_;
  }

  // O(n).
  size_t count() const {
    *end_ = nullptr;
    size_t n = 0;
    for (const runnable* r = head_; r != nullptr; r = r->in_queue.next) ++n;
    return n;
  }

  // Takes `r` out; false if it is not in here. O(n).
  bool remove(runnable& r) {
    *end_ = nullptr;
    for (runnable** link = &head_; *link != nullptr;
         link = &(*link)->in_queue.next) {
      if (*link != &r) continue;
      *link = r.in_queue.next;
      if (end_ == &r.in_queue.next) end_ = link;
      return true;
    }
    return false;
  }

  // Takes the first one out; nullptr when there is none.
  runnable* pop() {
    if (empty()) return nullptr;
    runnable* const first = head_;
    if (end_ == &first->in_queue.next) {
      end_ = &head_;
    } else {
      head_ = first->in_queue.next;
    }
    return first;
  }

 private:
  friend class run_batch;
  // Empties it; returns the first one of what is linked, up to a null.
  runnable* release() {
    *end_ = nullptr;
    end_ = &head_;
    return head_;
  }

  runnable* head_ = nullptr;  // Means nothing while it is empty.
  runnable** end_ = &head_;
};

// What one iteration runs: taken from the ready queue at once, then only
// consumed, so that it needs no end.
class run_batch {
 public:
  run_batch() = default;
  run_batch(const run_batch&) = delete;
  run_batch& operator=(const run_batch&) = delete;

  bool empty() const { return head_ == nullptr; }

  // Appends all of `queue` and empties it. O(what is left of the batch), which
  // is nothing but when runs are nested.
  void take(run_queue& queue) {
    runnable** end = &head_;
    while (ABSL_PREDICT_FALSE(*end != nullptr)) end = &(*end)->in_queue.next;
    *end = queue.release();
  }

  // Takes the first one out; nullptr when there is none.
  runnable* pop() {
    runnable* const first = head_;
    if (first != nullptr) {
      head_ = first->in_queue.next;
      // In a queue of a million, it is long out of the cache.
      __builtin_prefetch(head_, 1);
    }
    return first;
  }

  // take() and pop() in one, if the batch is empty and the queue is not: what
  // runs next is not stored and loaded again first, which a program that is one
  // chain of callbacks waits for with each of them.
  runnable* take_and_pop(run_queue& queue) {
    runnable* const first = queue.release();
    head_ = first->in_queue.next;
    return first;
  }

  // O(n).
  size_t count() const;
  // Takes `r` out; false if it is not in here. O(n).
  bool remove(runnable& r);

 private:
  runnable* head_ = nullptr;
};

inline size_t run_batch::count() const {
  size_t n = 0;
  for (const runnable* r = head_; r != nullptr; r = r->in_queue.next) ++n;
  return n;
}

inline bool run_batch::remove(runnable& r) {
  for (runnable** link = &head_; *link != nullptr;
       link = &(*link)->in_queue.next) {
    if (*link != &r) continue;
    *link = r.in_queue.next;
    return true;
  }
  return false;
}

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_RUNNABLE_H_
