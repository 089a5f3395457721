#include "ratchet/thread/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <system_error>

#include "absl/base/config.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/status.h"

namespace ratchet {
namespace internal {
namespace {

thread_local const pool_core* tls_pool = nullptr;

// A hint to the processor that this is a loop that waits.
inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr int kLockAttempts = 100;

}  // namespace

// A lock for sections of some nanoseconds: two threads that meet there do not
// put each other to sleep.
class pool_core::briefly {
 public:
  explicit briefly(std::mutex& mutex) : lock_(mutex, std::try_to_lock) {
    for (int i = 0; i < kLockAttempts && !lock_.owns_lock(); ++i) {
      pause();
      (void)lock_.try_lock();
    }
    if (!lock_.owns_lock()) lock_.lock();
  }
  std::unique_lock<std::mutex>& lock() { return lock_; }

 private:
  std::unique_lock<std::mutex> lock_;
};

void pool_core::link(pool_job& job) {
  job.queued_ = true;
  job.previous_ = last_;
  job.next_ = nullptr;
  (last_ == nullptr ? first_ : last_->next_) = &job;
  last_ = &job;
  queued_.store(queued() + 1, std::memory_order_relaxed);
}

void pool_core::unlink(pool_job& job) {
  job.queued_ = false;
  (job.previous_ == nullptr ? first_ : job.previous_->next_) = job.next_;
  (job.next_ == nullptr ? last_ : job.next_->previous_) = job.previous_;
  queued_.store(queued() - 1, std::memory_order_relaxed);
}

// Whether a sleeping thread has to be notified, now that there is work.
bool pool_core::claim_wake_up() {
  if (searching_.load(std::memory_order_relaxed) || sleeping_ == wake_ups_)
    return false;
  ++wake_ups_;
  searching_.store(true, std::memory_order_relaxed);
  return true;
}

bool pool_core::submit(pool_job& job) {
  bool notify;
  {
    briefly locked(mutex_);
    if (closed_) return false;
    link(job);
    notify = claim_wake_up();
  }
  if (notify) wake_up_.notify_one();
  return true;
}

bool pool_core::withdraw(pool_job& job) {
  briefly locked(mutex_);
  if (!job.queued_) return false;
  unlink(job);
  return true;
}

void pool_core::work() {
  tls_pool = this;
  briefly locked(mutex_);
  std::unique_lock<std::mutex>& lock = locked.lock();
  bool searches = false;  // This thread is the one that searching_ is about.
  for (;;) {
    pool_job* const job = first_;
    if (job != nullptr) unlink(*job);
    if (searches) searching_.store(false, std::memory_order_relaxed);
    searches = false;
    if (job != nullptr) {
      const bool notify = first_ != nullptr && claim_wake_up();
      lock.unlock();
      if (notify) wake_up_.notify_one();
      job->perform();
      // Before the loop is woken: what it sends in reply is for this thread.
      searches = !searching_.exchange(true, std::memory_order_relaxed);
      job->hand_over();
      lock = std::move(briefly(mutex_).lock());
      continue;
    }
    if (closed_) return;
    ++sleeping_;
    wake_up_.wait(lock, [this] { return wake_ups_ > 0 || closed_; });
    --sleeping_;
    if (wake_ups_ > 0) {
      --wake_ups_;
      searches = true;  // As claim_wake_up() has said for it.
    }
  }
}

void pool_core::close() {
  {
    briefly locked(mutex_);
    closed_ = true;
  }
  wake_up_.notify_all();
}

void pool_core::give_up() {
  for (;;) {
    pool_job* job;
    {
      briefly locked(mutex_);
      job = first_;
      if (job == nullptr) return;
      unlink(*job);
    }
    // One of its own: the loops of other threads share nothing.
    job->give_up(destroyed_error());
    job->hand_over();
  }
}

bool pool_core::works_here() const { return tls_pool == this; }

absl::Status pool_core::closed_error() const {
  return make_error(
      error_kind::not_accepting,
      absl::StrCat("run_in(): thread_pool \"", name_, "\" was shut down"));
}

absl::Status pool_core::destroyed_error() const {
  return make_error(error_kind::destroyed,
                    absl::StrCat("thread_pool \"", name_,
                                 "\" was destroyed before the function was "
                                 "started; shutdown() lets it finish"));
}

}  // namespace internal

thread_pool::thread_pool(size_t threads, std::string name)
    : core_(std::make_shared<internal::pool_core>(std::move(name))) {
  if (threads == 0) {
    threads = std::max<size_t>(1, std::thread::hardware_concurrency());
  }
  threads_.reserve(threads);
  std::string problem;
#ifdef ABSL_HAVE_EXCEPTIONS
  try {
#endif
    for (size_t i = 0; i < threads; ++i) {
      threads_.emplace_back([core = core_, i] {
        const std::string full = absl::StrCat(core->name(), "-", i);
        pthread_setname_np(pthread_self(), full.substr(0, 15).c_str());
        core->work();
      });
    }
#ifdef ABSL_HAVE_EXCEPTIONS
  } catch (const std::system_error& e) {
    problem = e.what();
  }
#endif
  size_ = threads_.size();
  if (size_ == 0) {
    internal::fatal(absl::StrCat("thread_pool \"", core_->name(),
                                 "\" could not start any thread: ", problem));
  }
}

thread_pool::~thread_pool() {
  check_not_inside("destroyed");
  core_->close();
  core_->give_up();
  join();
}

void thread_pool::shutdown() {
  check_not_inside("shut down");
  core_->close();
  join();
}

void thread_pool::join() {
  const std::lock_guard<std::mutex> lock(joining_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void thread_pool::check_not_inside(std::string_view call) const {
  if (!core_->works_here()) return;
  internal::fatal(absl::StrCat(
      "thread_pool \"", core_->name(), "\" was ",
      absl::string_view(call.data(), call.size()),
      " by one of its own threads, which would wait for itself: do it in "
      "the thread that made the pool"));
}

}  // namespace ratchet
