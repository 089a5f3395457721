#ifndef RATCHET_TESTS_BENCHMARKS_PEERS_COROUTINE_H_
#define RATCHET_TESTS_BENCHMARKS_PEERS_COROUTINE_H_

// The yardstick, the coroutines: tasks, futures with promises, when_all,
// as_completed, an event, a thread pool. What awaits is resumed from the queue
// of the loop when somebody else causes it, and directly when a task ends.

#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "tests/benchmarks/peers/coroutine_loop.h"

namespace coro {

// -- Tasks

namespace detail {

struct ending {
  bool await_ready() const noexcept { return false; }
  template <class P>
  std::coroutine_handle<> await_suspend(
      std::coroutine_handle<P> h) const noexcept {
    return h.promise().continuation;
  }
  void await_resume() const noexcept {}
};

struct promise_base : pooled {
  std::coroutine_handle<> continuation = std::noop_coroutine();
  std::exception_ptr error;

  std::suspend_always initial_suspend() const noexcept { return {}; }
  ending final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
};

}  // namespace detail

// Runs when it is awaited, inside of what awaits it; or from start() on, until
// it first has to wait, and can be awaited later. Goes with its owner.
template <class T>
class [[nodiscard]] task {
 public:
  struct promise_type : detail::promise_base {
    std::optional<T> value;
    task get_return_object() {
      return task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    template <class U>
    void return_value(U&& u) {
      value.emplace(std::forward<U>(u));
    }
    T take() {
      if (error) std::rethrow_exception(error);
      return std::move(*value);
    }
  };

  task(task&& other) noexcept
      : h_(std::exchange(other.h_, nullptr)), started_(other.started_) {}
  task& operator=(task&& other) noexcept {
    std::swap(h_, other.h_);
    std::swap(started_, other.started_);
    return *this;
  }
  ~task() {
    if (h_) h_.destroy();
  }

  task& start() {
    started_ = true;
    h_.resume();
    return *this;
  }
  T get() { return h_.promise().take(); }
  bool done() const { return h_.done(); }

  bool await_ready() const { return started_ && h_.done(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) {
    h_.promise().continuation = caller;
    if (started_) return std::noop_coroutine();
    return h_;
  }
  T await_resume() { return get(); }

 private:
  explicit task(std::coroutine_handle<promise_type> h) : h_(h) {}
  std::coroutine_handle<promise_type> h_;
  bool started_ = false;
};

// Runs at once and goes when it ends; nobody hears of it.
struct detached {
  struct promise_type : pooled {
    detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

// Goes to the end of the queue.
struct yield : private ready {
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    handle = h;
    loop::current->push(this);
  }
  void await_resume() const {}
};

class sleep_for : private timer {
 public:
  explicit sleep_for(int64_t ns) : ns_(ns) {}
  bool await_ready() const { return ns_ <= 0; }
  void await_suspend(std::coroutine_handle<> h) {
    const int64_t deadline = loop::current->now() + ns_;
    handle_ = h;
    fire = [](timer* t) { static_cast<sleep_for*>(t)->handle_.resume(); };
    loop::current->timers().arm(this, deadline);
  }
  void await_resume() const {}

 private:
  union {  // The length is not wanted any more when it sleeps.
    int64_t ns_;
    std::coroutine_handle<> handle_;
  };
};

// -- Futures

// What is called when a future has its value.
struct waiter {
  void (*wake)(waiter*, void* state);
};

namespace detail {

template <class T>
struct shared_state : pooled {
  waiter* waiting = nullptr;
  shared_state* next_done = nullptr;  // For as_completed.
  uint32_t references = 2;
  std::optional<T> value;

  void release() {
    if (--references == 0) delete this;
  }
};

}  // namespace detail

template <class T>
class future {
 public:
  using state = detail::shared_state<T>;

  explicit future(state* s) : state_(s) {}
  future(future&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)) {}
  future& operator=(future&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~future() {
    if (state_ != nullptr) state_->release();
  }

  bool is_ready() const { return state_->value.has_value(); }
  T get() { return std::move(*state_->value); }
  void on_ready(waiter* w) { state_->waiting = w; }
  // The future keeps its state; the caller does, that is.
  state* get_state() const { return state_; }

  auto operator co_await() && {
    struct awaiter : waiter, ready {
      future f;
      explicit awaiter(future&& source) : f(std::move(source)) {}
      bool await_ready() const { return f.is_ready(); }
      void await_suspend(std::coroutine_handle<> h) {
        handle = h;
        wake = [](waiter* w, void*) {
          loop::current->push(static_cast<awaiter*>(w));
        };
        f.on_ready(this);
      }
      T await_resume() { return f.get(); }
    };
    return awaiter(std::move(*this));
  }

 private:
  state* state_;
};

template <class T>
class promise {
 public:
  promise() : state_(new detail::shared_state<T>) {}
  promise(promise&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)) {}
  promise& operator=(promise&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~promise() {
    if (state_ != nullptr) state_->release();
  }

  future<T> get_future() { return future<T>(state_); }  // Once.
  void set_value(T value) {
    state_->value.emplace(std::move(value));
    if (waiter* const w = std::exchange(state_->waiting, nullptr)) {
      w->wake(w, state_);
    }
  }

 private:
  detail::shared_state<T>* state_;
};

// -- Several of them

// All share one waiter, which counts.
template <class T>
task<std::vector<T>> when_all(std::vector<future<T>> all) {
  struct counter : waiter, ready {
    size_t left;
    bool await_ready() const { return left == 0; }
    void await_suspend(std::coroutine_handle<> h) { handle = h; }
    void await_resume() const {}
  };
  counter c;
  c.left = 0;
  c.wake = [](waiter* w, void*) {
    auto* const self = static_cast<counter*>(w);
    if (--self->left == 0) loop::current->push(self);
  };
  for (future<T>& f : all) {
    if (f.is_ready()) continue;
    ++c.left;
    f.on_ready(&c);
  }
  co_await c;
  std::vector<T> values;
  values.reserve(all.size());
  for (future<T>& f : all) values.push_back(f.get());
  co_return values;
}

// The values, one by one, in the order in which they come:
//   while (more()) use(co_await next());
template <class T>
class as_completed {
 public:
  explicit as_completed(std::vector<future<T>> all)
      : all_(std::move(all)), left_(all_.size()) {
    on_value_.self = this;
    on_value_.wake = [](waiter* w, void* state) {
      static_cast<on_value*>(w)->self->add(static_cast<state_of*>(state));
    };
    for (future<T>& f : all_) {
      if (f.is_ready()) {
        add(f.get_state());
      } else {
        f.on_ready(&on_value_);
      }
    }
  }
  as_completed(const as_completed&) = delete;
  as_completed& operator=(const as_completed&) = delete;

  bool more() const { return left_ > 0; }
  auto next() {
    struct awaiter {
      as_completed* self;
      bool await_ready() const { return self->first_ != nullptr; }
      void await_suspend(std::coroutine_handle<> h) {
        self->consumer_.handle = h;
        self->waiting_ = true;
      }
      T await_resume() { return self->take(); }
    };
    return awaiter{this};
  }

 private:
  using state_of = detail::shared_state<T>;
  struct on_value : waiter {
    as_completed* self;
  };

  void add(state_of* s) {
    *last_ = s;
    last_ = &s->next_done;
    if (std::exchange(waiting_, false)) loop::current->push(&consumer_);
  }
  T take() {
    state_of* const s = first_;
    first_ = s->next_done;
    if (first_ == nullptr) last_ = &first_;
    --left_;
    return std::move(*s->value);
  }

  std::vector<future<T>> all_;
  size_t left_;
  on_value on_value_;
  ready consumer_;
  bool waiting_ = false;
  state_of* first_ = nullptr;
  state_of** last_ = &first_;
};

// Lets one that waits pass, or the next one to come.
class event {
 public:
  void set() {
    if (ready* const w = std::exchange(waiting_, nullptr)) {
      loop::current->push(w);
    } else {
      set_ = true;
    }
  }
  auto operator co_await() {
    struct awaiter : ready {
      event* e;
      explicit awaiter(event* of) : e(of) {}
      bool await_ready() const { return std::exchange(e->set_, false); }
      void await_suspend(std::coroutine_handle<> h) {
        handle = h;
        e->waiting_ = this;
      }
      void await_resume() const {}
    };
    return awaiter(this);
  }

 private:
  ready* waiting_ = nullptr;
  bool set_ = false;
};

// One consumer at a time.
template <class T>
class queue {
 public:
  void put(T value) {
    values_.push_back(std::move(value));
    if (ready* const w = std::exchange(waiting_, nullptr)) {
      loop::current->push(w);
    }
  }
  auto get() {
    struct awaiter : ready {
      queue* q;
      explicit awaiter(queue* of) : q(of) {}
      bool await_ready() const { return !q->values_.empty(); }
      void await_suspend(std::coroutine_handle<> h) {
        handle = h;
        q->waiting_ = this;
      }
      T await_resume() {
        T value = std::move(q->values_.front());
        q->values_.pop_front();
        return value;
      }
    };
    return awaiter(this);
  }

 private:
  std::deque<T> values_;
  ready* waiting_ = nullptr;
};

// -- Threads

// co_await pool.run(f): f on one of the threads, and back. Nothing is
// allocated: the queue goes through the frames.
class thread_pool {
 public:
  explicit thread_pool(int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { work(); });
    }
  }
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;
  ~thread_pool() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
    }
    wanted_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  template <class F>
  auto run(F f) {
    using result = decltype(f());
    struct awaiter : job, posted {
      thread_pool* pool;
      loop* home = loop::current;
      F f;
      std::coroutine_handle<> handle;
      std::optional<result> value;
      std::exception_ptr error;

      awaiter(thread_pool* p, F&& g) : pool(p), f(std::move(g)) {}
      bool await_ready() const { return false; }
      void await_suspend(std::coroutine_handle<> h) {
        handle = h;
        work = [](job* j) {
          auto* const self = static_cast<awaiter*>(j);
          try {
            self->value.emplace(self->f());
          } catch (...) {
            self->error = std::current_exception();
          }
          self->home->post(static_cast<posted*>(self));
        };
        posted::run = [](posted* p) {
          static_cast<awaiter*>(p)->handle.resume();
        };
        pool->add(this);
      }
      result await_resume() {
        if (error) std::rethrow_exception(error);
        return std::move(*value);
      }
    };
    return awaiter(this, std::move(f));
  }

 private:
  struct job {
    void (*work)(job*);
    job* next_job;
  };

  void add(job* j) {
    bool wake;
    j->next_job = nullptr;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      *last_ = j;
      last_ = &j->next_job;
      wake = idle_ > 0;
    }
    if (wake) wanted_.notify_one();
  }
  void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      while (first_ == nullptr) {
        if (ended_) return;
        ++idle_;
        wanted_.wait(lock);
        --idle_;
      }
      job* const j = first_;
      first_ = j->next_job;
      if (first_ == nullptr) last_ = &first_;
      lock.unlock();
      j->work(j);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wanted_;
  job* first_ = nullptr;
  job** last_ = &first_;
  int idle_ = 0;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace coro

#endif  // RATCHET_TESTS_BENCHMARKS_PEERS_COROUTINE_H_
