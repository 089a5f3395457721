#ifndef RATCHET_TESTS_BENCHMARKS_PEERS_MAILBOX_H_
#define RATCHET_TESTS_BENCHMARKS_PEERS_MAILBOX_H_

// What programs put beside a loop that can only be woken by other threads: a
// vector under a mutex, of which the loop takes all at once. Who finds it empty
// has to wake the loop.

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace bench {

struct letter {
  void (*call)(void* what, uint64_t number);
  void* what;
  uint64_t number;
};

class mailbox {
 public:
  // True if the loop is to be woken.
  bool put(const letter& l) {
    const std::lock_guard<std::mutex> lock(mutex_);
    letters_.push_back(l);
    return letters_.size() == 1;
  }
  // On the loop's thread.
  void call_all() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      std::swap(letters_, taken_);
    }
    for (const letter& l : taken_) l.call(l.what, l.number);
    taken_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<letter> letters_;
  std::vector<letter> taken_;
};

}  // namespace bench

#endif  // RATCHET_TESTS_BENCHMARKS_PEERS_MAILBOX_H_
