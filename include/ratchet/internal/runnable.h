#ifndef RATCHET_INTERNAL_RUNNABLE_H_
#define RATCHET_INTERNAL_RUNNABLE_H_

// Included by event_loop.h and future.h: what the ready queue and the waiters
// of a future are made of.

#include <cstddef>

namespace ratchet::internal {

// runnable: something that can stand in the ready queue. The link is part of
// it, so that queueing allocates nothing.
//
//          push                 its turn
//   idle --------> queued ---------------------> take_turn() idle
//                    |   the loop closes first
//                    +-------------------------> drop_turn() idle
//
// Whoever pushes keeps it alive and in place until take_turn() or drop_turn(),
// and does not push it again before; both may destroy it.
class runnable {
 public:
  runnable() = default;
  runnable(const runnable&) = delete;
  runnable& operator=(const runnable&) = delete;

  virtual void take_turn() = 0;
  virtual void drop_turn() = 0;

 protected:
  virtual ~runnable() = default;

 private:
  friend class run_queue;
  friend class waiter_list;
  runnable* next_ = nullptr;
};

// wait_node: a runnable that can also wait for a future. When the future is
// settled, the whole list of its waiters goes to the ready queue in one move.
class wait_node : public runnable {
 protected:
  ~wait_node() override = default;

 private:
  friend class run_queue;
  friend class waiter_list;
  wait_node* previous_ = nullptr;  // Of the first: the last.
};

// The waiters of one future, in the order in which they came (rule S36).
// One word; add, remove and hand-over are O(1).
class waiter_list {
 public:
  bool empty() const { return head_ == nullptr; }

  void push(wait_node& w) {
    w.next_ = nullptr;
    if (head_ == nullptr) {
      head_ = &w;
    } else {
      w.previous_ = head_->previous_;
      w.previous_->next_ = &w;
    }
    head_->previous_ = &w;
  }

  // REQUIRES: `w` is in this list.
  void remove(wait_node& w) {
    wait_node* const next = static_cast<wait_node*>(w.next_);
    if (head_ == &w) {
      head_ = next;
    } else {
      w.previous_->next_ = next;
    }
    // The one before `w` becomes the last one if `w` was it.
    wait_node* const after = next != nullptr ? next : head_;
    if (after != nullptr) after->previous_ = w.previous_;
  }

  // Takes the first one out; nullptr when there is none.
  wait_node* pop() {
    wait_node* const first = head_;
    if (first != nullptr) remove(*first);
    return first;
  }

 private:
  friend class run_queue;
  wait_node* head_ = nullptr;
};

// FIFO of runnables: singly linked through them.
class run_queue {
 public:
  run_queue() = default;
  run_queue(const run_queue&) = delete;
  run_queue& operator=(const run_queue&) = delete;

  bool empty() const { return head_ == nullptr; }

  void push(runnable& r) {
    r.next_ = nullptr;
    *end_ = &r;
    end_ = &r.next_;
  }

  // Appends all of `list`, in order, and empties it. O(1).
  void append(waiter_list& list) {
    if (list.empty()) return;
    *end_ = list.head_;
    end_ = &list.head_->previous_->next_;  // The last one's link, nullptr.
    list.head_ = nullptr;
  }

  // Appends all of `other` and empties it. O(1).
  void append(run_queue& other) {
    if (other.empty()) return;
    *end_ = other.head_;
    end_ = other.end_;
    other.head_ = nullptr;
    other.end_ = &other.head_;
  }

  // O(n).
  size_t count() const {
    size_t n = 0;
    for (const runnable* r = head_; r != nullptr; r = r->next_) ++n;
    return n;
  }

  // Takes `r` out; false if it is not in here. O(n).
  bool remove(runnable& r) {
    for (runnable** link = &head_; *link != nullptr; link = &(*link)->next_) {
      if (*link != &r) continue;
      *link = r.next_;
      if (end_ == &r.next_) end_ = link;
      return true;
    }
    return false;
  }

  // Takes the first one out; nullptr when there is none.
  runnable* pop() {
    runnable* const first = head_;
    if (first == nullptr) return nullptr;
    head_ = first->next_;
    if (head_ == nullptr) end_ = &head_;
    return first;
  }

 private:
  runnable* head_ = nullptr;
  runnable** end_ = &head_;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_RUNNABLE_H_
