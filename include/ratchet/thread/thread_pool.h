#ifndef RATCHET_THREAD_THREAD_POOL_H_
#define RATCHET_THREAD_THREAD_POOL_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ratchet/future.h"
#include "ratchet/internal/arrival.h"
#include "ratchet/internal/callback_result.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/state.h"

namespace ratchet {
namespace internal {

// Something for a pool to do; in its queue, a link of it.
class pool_job {
 public:
  pool_job() = default;
  pool_job(const pool_job&) = delete;
  pool_job& operator=(const pool_job&) = delete;

  virtual void perform() = 0;                    // Runs what it is about, or
  virtual void give_up(absl::Status error) = 0;  // has this for an outcome.
  virtual void hand_over() = 0;                  // Delivers: it is gone then.

 protected:
  virtual ~pool_job() = default;

 private:
  friend class pool_core;
  pool_job* next_ = nullptr;
  pool_job* previous_ = nullptr;
  bool queued_ = false;  // Guarded by the mutex of the pool.
};

// The queue of a pool, and how its threads wait for it. Outlives the pool for
// as long as one of its jobs.
//
// Waking a thread is what costs most. So nobody is woken while one is on its
// way to the queue: it was woken for that, or has run something and is about to
// tell the loop, whose next function is then for it. The one that arrives wakes
// the next if there is more than it takes.
class pool_core {
 public:
  explicit pool_core(std::string name) : name_(std::move(name)) {}
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;

  const std::string& name() const { return name_; }

  // Puts `job` at the end of the queue. False, and nothing, once it is closed.
  bool submit(pool_job& job);
  // Takes `job` out of the queue. False if it is not there any more.
  bool withdraw(pool_job& job);
  size_t queued() const { return queued_.load(std::memory_order_relaxed); }

  void work();     // A thread: until the pool is closed and the queue empty.
  void close();    // Takes nothing more.
  void give_up();  // What is queued, in order: it was destroyed.
  bool works_here() const;  // Whether this is one of its threads.

  absl::Status closed_error() const;

 private:
  class briefly;

  absl::Status destroyed_error() const;
  void link(pool_job& job);
  void unlink(pool_job& job);
  bool claim_wake_up();

  const std::string name_;
  std::atomic<size_t> queued_{0};  // Written under the mutex.
  std::mutex mutex_;
  bool closed_ = false;
  std::condition_variable wake_up_;
  pool_job* first_ = nullptr;
  pool_job* last_ = nullptr;
  size_t sleeping_ = 0;  // Threads that wait for wake_up_, and
  size_t wake_ups_ = 0;  // those of them that have been told to go on.
  // One is on its way to the queue. Cleared under the mutex, by that one.
  std::atomic<bool> searching_{false};
};

// What f(), run by a pool, makes of it.
template <class F>
using pool_result_of = std::decay_t<std::invoke_result_t<F&&>>;

template <class T, class F>
class pool_call final : public courier<T>, public pool_job {
 public:
  template <class G>
  pool_call(loop_core& core, joint_memory& memory,
            std::shared_ptr<pool_core> pool, G&& f)
      : courier<T>(core, memory),
        pool_(std::move(pool)),
        f_(std::in_place, std::forward<G>(f)) {}

  void perform() override {
    const absl::Status thrown = call_guarded([this]() -> void { call(); });
    if (!thrown.ok()) this->outcome_.emplace(thrown);
    f_.reset();
  }
  void give_up(absl::Status error) override {
    f_.reset();
    this->outcome_.emplace(std::move(error));
  }
  void hand_over() override { this->deliver(); }

  bool call_back() override { return pool_->withdraw(*this); }

  std::string describe() const override {
    return "run_in(" + pool_->name() + ")";
  }

 private:
  void call() {
    using R = pool_result_of<F>;
    if constexpr (std::is_void_v<R>) {
      (*std::move(f_))();
      this->outcome_.emplace();
    } else {
      this->outcome_.emplace((*std::move(f_))());
    }
  }

  const std::shared_ptr<pool_core> pool_;
  std::optional<F> f_;  // Until it has run, or will not.
};

// run_in() for what remembers a pool that may go before it: by its core.
template <class F>
auto run_in_core(const std::shared_ptr<pool_core>& pool, F&& f) {
  using Function = std::decay_t<F>;
  using T = typename unwrapped<pool_result_of<Function>>::type;
  loop_core& core = loop_core::current("run_in()");
  core.check_thread("run_in()");
  if (core.closed()) return make_error_future<T>(loop_core::closed_error());
  using Call = pool_call<T, Function>;
  auto made = make_arrival<T, Call>(core, pool, std::forward<F>(f));
  if (!pool->submit(*made.courier)) {
    made.courier->give_up(pool->closed_error());
    made.courier->take_turn();  // At once.
  }
  return std::move(made.consumer);
}

}  // namespace internal

// thread_pool: threads for functions that block or take long (asyncio's
// run_in_executor and to_thread).
//
//   ratchet::thread_pool pool(4, "disk");
//   ratchet::future<std::string> text = run_in(pool, [path] {
//     return read_file(path);  // In one of four threads.
//   });
//
// Functions start in the order in which they come. The threads are called
// "disk-0", "disk-1", ... (Linux keeps 15 characters of that.)
//
// Lifetime: many loops in many threads can share a pool, and may end before it.
// The destructor waits for the functions that are running; those that have not
// been started never run, and their futures fail with kAborted
// (error_kind::destroyed, the name of the pool in the message).
// Thread-safety: thread-safe, but for the destructor. A function that the pool
// runs may use the pool; it must not shut it down or destroy it (fatal).
class thread_pool {
 public:
  // Starts `threads` threads; 0: as many as there are cores. If the system
  // refuses, the pool is that much smaller; fatal if it has no thread at all.
  explicit thread_pool(size_t threads = 0, std::string name = "pool");
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;
  ~thread_pool();

  // Takes nothing more from now on, and returns when all that was queued has
  // run and the threads have ended. Can be repeated.
  void shutdown();

  // The number of threads it was given.
  size_t size() const { return size_; }
  const std::string& name() const { return core_->name(); }
  // How many functions wait for a thread: a snapshot.
  size_t queued() const { return core_->queued(); }

  // -- For the library --------------------------------------------------------

  const std::shared_ptr<internal::pool_core>& core() const { return core_; }

 private:
  void join();
  void check_not_inside(std::string_view call) const;

  const std::shared_ptr<internal::pool_core> core_;
  size_t size_ = 0;
  std::mutex joining_;
  std::vector<std::thread> threads_;
};

// run_in: calls f() in a thread of `pool`; the future of what it returns is the
// current loop's. Callable from any thread that has a loop (fatal elsewhere).
//
// f is any movable callable without parameters; it returns a value, nothing,
// absl::Status or absl::StatusOr<T>. Its error is that of the future, an
// exception becomes kUnknown. When f has returned, the outcome is posted to the
// loop; the future is settled there, and who awaits it goes on one hop later
// (S161). Until then the loop does not count as deadlocked. (A virtual_clock
// does not wait for other threads: armed timers come first.)
//
// Errors of its own: kFailedPrecondition (error_kind::not_accepting) after
// shutdown(), (error_kind::closed) on a closed loop; kAborted
// (error_kind::destroyed) when the pool goes before f has started.
//
// Cancelling the future cancels it at once (S162): an f that has not started
// never runs and leaves the queue; one that runs goes on, and what it returns
// is dropped. *Loses data*: that outcome. If the loop closes, f runs all the
// same, and its outcome is dropped (S163). Dropping the future changes nothing.
//
// Where things end: f in the thread that ran it, as soon as it has returned;
// one that never runs in the thread that cancels it, destroys the pool, or is
// refused. What it returned in the loop's thread; in the pool's if the loop is
// closed.
//
// Complexity: O(1); one block from the slab, the future's, holds all of it.
template <class F>
auto run_in(thread_pool& pool, F&& f) {
  using Function = std::decay_t<F>;
  constexpr bool kCallable = std::is_invocable_v<Function&&>;
  static_assert(kCallable,
                "run_in(pool, f): f must be callable without "
                "arguments, f()");
  if constexpr (kCallable) {
    using R = internal::pool_result_of<Function>;
    static_assert(!internal::is_future<R>::value && !internal::is_machine<R>,
                  "run_in(pool, f): f runs in a thread without a loop, so it "
                  "cannot return a future or a task: return a value, and go "
                  "on with then()");
    return internal::run_in_core(pool.core(), std::forward<F>(f));
  }
}

}  // namespace ratchet

#endif  // RATCHET_THREAD_THREAD_POOL_H_
