#ifndef RATCHET_SYNC_QUEUE_H_
#define RATCHET_SYNC_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/internal/queue_core.h"
#include "ratchet/task.h"

namespace ratchet {
namespace internal {

// Where the items of a queue are, and which one comes next.

template <class T>
class fifo_items {
 public:
  void push(T&& item) { items_.push_back(std::move(item)); }
  T pop() {
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

 private:
  std::deque<T> items_;
};

template <class T>
class lifo_items {
 public:
  void push(T&& item) { items_.push_back(std::move(item)); }
  T pop() {
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }

 private:
  std::vector<T> items_;
};

// A heap whose front is the smallest.
template <class T, class Less>
class smallest_first_items {
 public:
  void push(T&& item) {
    items_.push_back(std::move(item));
    std::push_heap(items_.begin(), items_.end(), after_);
  }
  T pop() {
    std::pop_heap(items_.begin(), items_.end(), after_);
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }

 private:
  struct after {
    bool operator()(const T& a, const T& b) const { return less(b, a); }
    Less less;
  };
  after after_;
  std::vector<T> items_;
};

}  // namespace internal

// basic_queue: what queue, priority_queue and lifo_queue have in common
// (asyncio's Queue, rules S155 to S160 and S171 to S174): tasks that hand items
// to one another, with back-pressure.
//
//   ratchet::queue<job> jobs{100};
//   ... return await<&producer::put_next>(jobs.put(std::move(job)));
//   ... return await<&consumer::work>(jobs.get());
//   step work(job j) { ...; jobs.task_done() ... }
//   ... return await<&boss::all_done>(jobs.join());
//
// A put wakes the first getter, a get the first putter. A wake-up reserves
// nothing: who comes first has the item or the place, the other one waits
// again, at the end of the line (S156).
//
// Lifetime: outlives the machines it has given that have not started. Tasks
// that wait when it is destroyed fail with kAborted (error_kind::destroyed),
// which names it; its items are destroyed with it.
// Thread-safety: on the loop's thread only.
// Complexity: O(1), O(log n) for a priority_queue, and O(waiters) for
// shutdown(). Waiting allocates nothing but the machine that waits.
template <class T, class Items>
class basic_queue : public internal::queue_core {
 public:
  using value_type = T;
  class put_task;
  class get_task;

  // A machine that puts `item`; suspends while the queue is full.
  // kFailedPrecondition (error_kind::queue_shut_down) after shutdown() (S171).
  // Cancelling: *loses data*: the item, which has not been put, is destroyed
  // with the machine; a wake-up that came with it is passed on (S158).
  [[nodiscard]] put_task put(T item) {
    return put_task(*this, std::move(item));
  }

  // A machine that takes the next item; suspends while the queue is empty.
  // kFailedPrecondition (error_kind::queue_shut_down) when it is shut down and
  // empty (S172). Cancelling: *loses its place* in the line, and no item: one
  // that it was woken for goes to the next getter (S158).
  [[nodiscard]] get_task get() { return get_task(*this); }

  // Without waiting; kResourceExhausted (error_kind::queue_full) when it is
  // full. `item` is moved from only if it was put.
  absl::Status put_nowait(T&& item) {  // NOLINT(modernize-use-nodiscard)
    absl::Status status = check_put();
    if (!status.ok()) return status;
    items_.push(std::move(item));
    added();
    return status;
  }
  absl::Status put_nowait(const T& item) {  // NOLINT(modernize-use-nodiscard)
    absl::Status status = check_put();
    if (!status.ok()) return status;
    items_.push(T(item));
    added();
    return status;
  }

  // Without waiting; kUnavailable (error_kind::queue_empty) when it is empty.
  [[nodiscard]] absl::StatusOr<T> get_nowait() {
    absl::Status status = check_get();
    if (!status.ok()) return status;
    return take();
  }

  // From now on nothing can be put, and getters get what is left. With
  // `immediate`, what is left is dropped, and counts as done (S171 to S174).
  // There is no way back; can be repeated.
  void shutdown(bool immediate = false) {
    Items dropped;
    if (immediate) {
      std::swap(dropped, items_);
      drop_items();
    }
    close_lines();
  }

 protected:
  basic_queue(std::string_view kind, size_t maxsize, std::string_view name)
      : queue_core(kind, maxsize, name) {}
  // Of one that nobody waits for.
  basic_queue(basic_queue&&) noexcept = default;
  ~basic_queue() = default;

 private:
  T take() {
    T item = items_.pop();
    removed();
    return item;
  }

  Items items_;
};

// "Queue.put" of the algorithms in docs/asyncio.md.
template <class T, class Items>
class basic_queue<T, Items>::put_task final : public task<void> {
 public:
  put_task(basic_queue& q, T item) : queue_(q), item_(std::move(item)) {}
  put_task(put_task&&) noexcept(std::is_nothrow_move_constructible_v<T>) =
      default;
  ~put_task() override {
    if (place_.leave_for_good()) {
      queue_.given_up(queue_.putters_, place_.woken());
    }
  }

  step start() {
    if (queue_.full() && !queue_.is_shut_down()) {
      return this->template await<&put_task::woken>(
          place_.enter(queue_.putters_, running_core("queue::put()")));
    }
    return done(queue_.put_nowait(std::move(item_)));
  }
  std::string task_name() const override { return "queue::put"; }

 private:
  step woken(absl::Status outcome) {
    if (!place_.leave(outcome)) return fail(std::move(outcome));
    if (outcome.ok()) return start();
    queue_.given_up(queue_.putters_, place_.woken());
    return fail(std::move(outcome));
  }

  basic_queue& queue_;
  T item_;
  internal::waiting_line::place place_;
};

// "Queue.get" of the algorithms in docs/asyncio.md.
template <class T, class Items>
class basic_queue<T, Items>::get_task final : public task<T> {
 public:
  explicit get_task(basic_queue& q) : queue_(q) {}
  get_task(const get_task&) = default;
  ~get_task() override {
    if (place_.leave_for_good()) {
      queue_.given_up(queue_.getters_, place_.woken());
    }
  }

  step start() {
    if (!queue_.empty()) return this->done(queue_.take());
    if (queue_.is_shut_down()) return this->fail(queue_.check_get());
    return this->template await<&get_task::woken>(
        place_.enter(queue_.getters_, this->running_core("queue::get()")));
  }
  std::string task_name() const override { return "queue::get"; }

 private:
  step woken(absl::Status outcome) {
    if (!place_.leave(outcome)) return this->fail(std::move(outcome));
    if (outcome.ok()) return start();
    queue_.given_up(queue_.getters_, place_.woken());
    return this->fail(std::move(outcome));
  }

  basic_queue& queue_;
  internal::waiting_line::place place_;
};

// The item that was put first comes first.
template <class T>
class queue final : public basic_queue<T, internal::fifo_items<T>> {
 public:
  // `maxsize` 0: no limit. `name` is what reports and errors call it.
  explicit queue(size_t maxsize = 0, std::string_view name = {})
      : basic_queue<T, internal::fifo_items<T>>("queue", maxsize, name) {}
};

// The smallest item comes first (asyncio's PriorityQueue; std::priority_queue
// gives the largest). Equal ones come in no particular order.
template <class T, class Less = std::less<T>>
class priority_queue final
    : public basic_queue<T, internal::smallest_first_items<T, Less>> {
 public:
  explicit priority_queue(size_t maxsize = 0, std::string_view name = {})
      : basic_queue<T, internal::smallest_first_items<T, Less>>(
            "priority_queue", maxsize, name) {}
};

// The item that was put last comes first.
template <class T>
class lifo_queue final : public basic_queue<T, internal::lifo_items<T>> {
 public:
  explicit lifo_queue(size_t maxsize = 0, std::string_view name = {})
      : basic_queue<T, internal::lifo_items<T>>("lifo_queue", maxsize, name) {}
};

}  // namespace ratchet

#endif  // RATCHET_SYNC_QUEUE_H_
