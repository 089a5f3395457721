#ifndef RATCHET_TESTS_BENCHMARKS_PEERS_COROUTINE_LOOP_H_
#define RATCHET_TESTS_BENCHMARKS_PEERS_COROUTINE_LOOP_H_

// The yardstick, what is below coroutines: memory for frames, a 4-ary heap of
// timers, a queue of what is ready, an inbox for other threads. One loop in a
// program, no cancelling, no error for what has been misused: the least that
// does the work.

#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

namespace coro {

// Blocks of up to half a KiB, of one thread: a list of free ones for each size,
// in steps of 16 bytes; big pieces are cut up and never given back.
class frame_pool {
 public:
  static void* get(size_t bytes) {
    const size_t k = (bytes + 15) / 16;
    if (k >= kSizes) return ::operator new(bytes);
    block* const b = free_[k];
    if (b == nullptr) return cut(k * 16);
    free_[k] = b->next;
    return b;
  }
  static void put(void* p, size_t bytes) {
    const size_t k = (bytes + 15) / 16;
    if (k >= kSizes) return ::operator delete(p);
    free_[k] = ::new (p) block{free_[k]};
  }

 private:
  static constexpr size_t kSizes = 33;
  static constexpr size_t kPiece = 64 * 1024;
  struct block {
    block* next;
  };

  static void* cut(size_t bytes) {
    if (static_cast<size_t>(end_ - at_) < bytes) {
      at_ = static_cast<char*>(::operator new(kPiece));
      end_ = at_ + kPiece;
    }
    return std::exchange(at_, at_ + bytes);
  }

  static inline block* free_[kSizes] = {};
  static inline char* at_ = nullptr;
  static inline char* end_ = nullptr;
};

// A base for what comes from there.
struct pooled {
  static void* operator new(size_t bytes) { return frame_pool::get(bytes); }
  static void operator delete(void* p, size_t bytes) {
    frame_pool::put(p, bytes);
  }
};

// Calls `fire` when it is due, which is in no order among equal deadlines.
struct timer {
  void (*fire)(timer*);
  uint32_t place;
};

// A heap with four children to a node, which begin with a cache line. Each
// timer knows its place, so that it can be taken out.
class timer_heap {
 public:
  timer_heap() = default;
  timer_heap(const timer_heap&) = delete;
  timer_heap& operator=(const timer_heap&) = delete;
  ~timer_heap() { free(memory_); }

  bool empty() const { return size_ == 0; }
  int64_t first_deadline() const { return heap_[0].deadline; }

  void arm(timer* t, int64_t deadline) {
    if (size_ == capacity_) grow();
    up(size_++, {deadline, t});
  }
  void disarm(timer* t) {
    const uint32_t i = t->place;
    const entry last = heap_[--size_];
    if (i != size_) settle(i, last);
  }
  void rearm(timer* t, int64_t deadline) { settle(t->place, {deadline, t}); }
  timer* take_first() {
    timer* const t = heap_[0].t;
    const entry last = heap_[--size_];
    if (size_ > 0) down(0, last);
    return t;
  }

 private:
  struct entry {
    int64_t deadline;
    timer* t;
  };

  void put(uint32_t i, entry e) {
    heap_[i] = e;
    e.t->place = i;
  }
  void up(uint32_t i, entry e) {
    while (i > 0) {
      const uint32_t parent = (i - 1) / 4;
      if (heap_[parent].deadline <= e.deadline) break;
      put(i, heap_[parent]);
      i = parent;
    }
    put(i, e);
  }
  void down(uint32_t i, entry e) {
    while (true) {
      const uint32_t first = 4 * i + 1;
      if (first >= size_) break;
      uint32_t least = first;
      if (first + 4 <= size_) {  // All four: without a branch to mispredict.
        const uint32_t a =
            first + (heap_[first + 1].deadline < heap_[first].deadline);
        const uint32_t b =
            first + 2 + (heap_[first + 3].deadline < heap_[first + 2].deadline);
        least = heap_[b].deadline < heap_[a].deadline ? b : a;
      } else {
        for (uint32_t c = first + 1; c < size_; ++c) {
          if (heap_[c].deadline < heap_[least].deadline) least = c;
        }
      }
      if (heap_[least].deadline >= e.deadline) break;
      put(i, heap_[least]);
      i = least;
    }
    put(i, e);
  }
  void settle(uint32_t i, entry e) {
    if (i > 0 && e.deadline < heap_[(i - 1) / 4].deadline) {
      up(i, e);
    } else {
      down(i, e);
    }
  }
  void grow() {
    const uint32_t capacity = capacity_ == 0 ? 60 : 2 * capacity_ + 4;
    auto* const memory = static_cast<entry*>(
        aligned_alloc(64, (size_t{capacity} + 4) * sizeof(entry)));
    if (memory == nullptr) throw std::bad_alloc();
    for (uint32_t i = 0; i < size_; ++i) memory[3 + i] = heap_[i];
    free(memory_);
    memory_ = memory;
    heap_ = memory + 3;  // So that 4 * i + 1 is on a boundary of 64 bytes.
    capacity_ = capacity;
  }

  entry* memory_ = nullptr;
  entry* heap_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};

// A coroutine in the queue of the loop; it lies in the frame, in the awaiter.
struct ready {
  ready* next;
  std::coroutine_handle<> handle;
};

// What another thread has the loop do: `run` is called on the loop's thread.
struct posted {
  void (*run)(posted*);
  posted* next;
};

// Free memory that one thread has; what all share is taken and given as a
// whole.
struct free_list {
  ~free_list() {
    while (first != nullptr && last->next != nullptr) last = last->next;
    give_back();
  }
  void push(posted* p) {
    if (first == nullptr) last = p;
    p->next = first;
    first = p;
  }
  void give_back() {
    if (first == nullptr) return;
    posted* head = shared.load(std::memory_order_relaxed);
    do {
      last->next = head;
    } while (!shared.compare_exchange_weak(
        head, first, std::memory_order_release, std::memory_order_relaxed));
    first = last = nullptr;
  }
  static inline std::atomic<posted*> shared{nullptr};
  posted* first = nullptr;
  posted* last = nullptr;
};
// Memory for functions that are posted. The loop gives back those of a batch
// together, and the next thread that has none left takes all that there are.
class closures {
 public:
  template <class F>
  static posted* make(F f) {
    static_assert(sizeof(F) <= sizeof(closure::f) && alignof(F) <= 16);
    static_assert(std::is_trivially_destructible_v<F>);
    closure* const c = take();
    c->run = [](posted* p) {
      auto* const self = static_cast<closure*>(p);
      (*std::launder(reinterpret_cast<F*>(self->f)))();
      used_.push(self);
    };
    ::new (static_cast<void*>(c->f)) F(std::move(f));
    return c;
  }
  // On the loop's thread, after a batch.
  static void give_back() { used_.give_back(); }

 private:
  struct closure : posted {
    alignas(16) char f[32];
  };
  static constexpr size_t kAtOnce = 64;

  static closure* take() {
    static thread_local free_list mine;
    if (mine.first == nullptr) {
      mine.first =
          free_list::shared.exchange(nullptr, std::memory_order_acquire);
      if (mine.first == nullptr) mine.first = cut();
      mine.last = mine.first;
    }
    posted* const p = mine.first;
    mine.first = p->next;
    mine.last = mine.first;
    return static_cast<closure*>(p);
  }
  static closure* cut() {
    auto* const some = new closure[kAtOnce];  // Kept for good.
    for (size_t i = 0; i + 1 < kAtOnce; ++i) some[i].next = &some[i + 1];
    some[kAtOnce - 1].next = nullptr;
    return some;
  }

  static inline free_list used_;  // Of the loop's thread.
};

// Jumping: to the next deadline, by whole milliseconds.
enum class time_kind { real, jumping };

class loop {
 public:
  explicit loop(time_kind time = time_kind::jumping) : time_(time) {
    current = this;
  }
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;
  ~loop() {
    current = nullptr;
    if (epoll_ >= 0) {
      close(epoll_);
      close(wakeup_);
    }
  }

  static inline loop* current = nullptr;

  void push(ready* r) {
    r->next = nullptr;
    *tail_ = r;
    tail_ = &r->next;
  }

  int64_t now() const { return time_ == time_kind::real ? clock() : now_; }
  timer_heap& timers() { return timers_; }

  // For other threads. Before the first, expect_posts().
  void post(posted* p) {
    posted* head = inbox_.load(std::memory_order_relaxed);
    do {
      p->next = head;
    } while (!inbox_.compare_exchange_weak(head, p, std::memory_order_seq_cst,
                                           std::memory_order_relaxed));
    if (head == nullptr) wake();
  }
  template <class F>
  void post(F f) {
    post(closures::make(std::move(f)));
  }
  // From here on the loop waits for other threads rather than to end.
  void expect_posts() {
    if (epoll_ < 0) {
      epoll_ = epoll_create1(EPOLL_CLOEXEC);
      wakeup_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
      epoll_event e = {};
      e.events = EPOLLIN | EPOLLET;  // An edge for each write; nothing to read.
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &e) != 0) abort();
    }
    expecting_ = true;
  }
  void expect_none() { expecting_ = false; }

  void stop() { stopped_ = true; }

  // Until stop(), or nothing is left that could happen.
  void run() {
    for (stopped_ = false; !stopped_;) {
      if (ready* r = std::exchange(head_, nullptr)) {
        tail_ = &head_;
        do {
          ready* const next = r->next;  // r may be gone after it has run.
          r->handle.resume();
          r = next;
        } while (r != nullptr);
      }
      if (expecting_) take_posts();
      if (!timers_.empty() && time_ == time_kind::real) fire(clock());
      if (head_ == nullptr && !stopped_ && !wait()) break;
    }
  }

 private:
  static int64_t clock() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
  }

  // If the loop sleeps. What it is to find is there already.
  void wake() {
    if (asleep_.load(std::memory_order_seq_cst)) {
      const uint64_t one = 1;
      if (write(wakeup_, &one, sizeof one) < 0) abort();
    }
  }

  void fire(int64_t now) {
    while (!timers_.empty() && timers_.first_deadline() <= now) {
      timer* const t = timers_.take_first();
      t->fire(t);
    }
  }

  bool take_posts() {
    if (inbox_.load(std::memory_order_seq_cst) == nullptr) return false;
    posted* last_first = inbox_.exchange(nullptr, std::memory_order_acquire);
    posted* in_order = nullptr;
    while (last_first != nullptr) {
      posted* const next = std::exchange(last_first->next, in_order);
      in_order = std::exchange(last_first, next);
    }
    while (in_order != nullptr) {
      posted* const next = in_order->next;  // Gone after it has run.
      in_order->run(in_order);
      in_order = next;
    }
    closures::give_back();
    return true;
  }

  // False if there is nothing to wait for.
  bool wait() {
    if (!timers_.empty() && time_ == time_kind::jumping && !expecting_) {
      constexpr int64_t kStep = 1'000'000;
      const int64_t first = timers_.first_deadline();
      if (first > now_) now_ += (first - now_ + kStep - 1) / kStep * kStep;
      fire(now_);
      return true;
    }
    if (timers_.empty() && !expecting_) return false;
    asleep_.store(true, std::memory_order_seq_cst);
    if (!expecting_ || !take_posts()) {
      timespec length;
      timespec* until = nullptr;
      if (!timers_.empty()) {
        int64_t ns = timers_.first_deadline() - clock();
        if (ns < 0) ns = 0;
        length = {ns / 1'000'000'000, ns % 1'000'000'000};
        until = &length;
      }
      epoll_event e;
      if (expecting_) {
        epoll_pwait2(epoll_, &e, 1, until, nullptr);
      } else {
        ppoll(nullptr, 0, until, nullptr);
      }
    }
    asleep_.store(false, std::memory_order_relaxed);
    return true;
  }

  ready* head_ = nullptr;
  ready** tail_ = &head_;
  bool stopped_ = false;
  bool expecting_ = false;
  const time_kind time_;
  int64_t now_ = 0;
  timer_heap timers_;
  int epoll_ = -1;
  int wakeup_ = -1;
  alignas(64) std::atomic<bool> asleep_{false};
  alignas(64) std::atomic<posted*> inbox_{nullptr};
};

}  // namespace coro

#endif  // RATCHET_TESTS_BENCHMARKS_PEERS_COROUTINE_LOOP_H_
