#ifndef RATCHET_TESTS_BENCHMARKS_LATENCY_LATENCY_H_
#define RATCHET_TESTS_BENCHMARKS_LATENCY_LATENCY_H_

// How late timers fire, in real time: one timer at a time, armed anew in its
// own callback, for a random length between 0.1 and 5 ms; in a loop that has
// nothing else to do, and in one that always has kBusyCallbacks callbacks
// ready, each of which works for a microsecond and posts itself again. Plain
// C++17.
//
//   void measure(latency::recorder& r, bool busy) {
//     ...                      // arm the first timer for r.next_delay()
//   }                          // its callback: if (r.fired()) arm the next
//   one,
//                              // else stop
//   int main(int argc, char** argv) {
//     return latency::main_of("libuv", argc, argv, measure);
//   }
//
// A line of JSON for each: nanoseconds from when a timer was due to its
// callback, and how many were early, as those are whose unit is a millisecond.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/benchmarks/harness.h"

namespace latency {

constexpr int kBusyCallbacks = 100;

inline int64_t now() { return bench::clock_ns(CLOCK_MONOTONIC); }

// What a callback of the busy loop does.
inline void work() {
  const int64_t end = now() + bench::kMicrosecond;
  while (now() < end) {
  }
}

class recorder {
 public:
  explicit recorder(size_t samples)
      : delays_(bench::delays_between(13, samples, 100 * bench::kMicrosecond,
                                      5 * bench::kMillisecond)) {}

  // How long to arm the next timer for, in nanoseconds. It counts from here.
  int64_t next_delay() {
    const int64_t delay = delays_[late_.size()];
    due_ = now() + delay;
    return delay;
  }
  // First thing in the callback; false if it was the last one.
  bool fired() {
    late_.push_back(now() - due_);
    return late_.size() < delays_.size();
  }

  void print(const char* peer, bool busy) {
    std::sort(late_.begin(), late_.end());
    const auto at = [this](double part) {
      return late_[static_cast<size_t>(part *
                                       static_cast<double>(late_.size() - 1))];
    };
    const auto early = std::lower_bound(late_.begin(), late_.end(), 0);
    printf(
        "{\"peer\":\"%s\",\"load\":\"%s\",\"samples\":%zu,\"p50_ns\":%lld,"
        "\"p99_ns\":%lld,\"max_ns\":%lld,\"early\":%zu}\n",
        peer, busy ? "busy" : "idle", late_.size(),
        static_cast<long long>(at(0.5)), static_cast<long long>(at(0.99)),
        static_cast<long long>(at(1)),
        static_cast<size_t>(early - late_.begin()));
  }

 private:
  std::vector<int64_t> delays_;
  std::vector<int64_t> late_;
  int64_t due_ = 0;
};

inline int main_of(const char* peer, int argc, char** argv,
                   void (*measure)(recorder&, bool busy)) {
  size_t samples = 1000;
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], "--samples=", 10) != 0 || atoi(argv[i] + 10) < 1) {
      fprintf(stderr, "%s [--samples=1000]\n", argv[0]);
      return 2;
    }
    samples = static_cast<size_t>(atoi(argv[i] + 10));
  }
  for (bool busy : {false, true}) {
    recorder r(samples);
    measure(r, busy);
    r.print(peer, busy);
    fflush(stdout);
  }
  return 0;
}

}  // namespace latency

#endif  // RATCHET_TESTS_BENCHMARKS_LATENCY_LATENCY_H_
