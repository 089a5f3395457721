#ifndef RATCHET_TESTS_THREAD_GATE_H_
#define RATCHET_TESTS_THREAD_GATE_H_

#include <condition_variable>
#include <mutex>

namespace ratchet::test {

// Closed, until somebody opens it; threads wait before it. Thread-safe.
class gate {
 public:
  void open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_THREAD_GATE_H_
