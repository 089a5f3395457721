#ifndef RATCHET_TESTS_BENCHMARKS_INPUTS_H_
#define RATCHET_TESTS_BENCHMARKS_INPUTS_H_

// How much work each workload is, and the random numbers that it uses: the same
// for every library that is measured, and the same in every run. Plain C++17.
// Everything here is made before the timed section begins.
//
// workload     | one operation             | `check`
// -------------|---------------------------|-----------------------------------
// w1a, w1b     | one run of a callback     | runs
// w2_*         | cancel one, arm one       | cancels that were in time
// w2r_*        | re-arm one in place       | sum of (index + 1)
// w3           | one timer, arm to fire    | sum of (index + 1) that fired
// w4p, w4r     | one then(x + 1)           | sum of what the chains gave
// w5           | one child                 | sum of the values; child i gives i
// w6           | one child                 | sum of (position + 1) * value, by
//              |                           | position in the order of
//              completion
// w7           | one task                  | sum of the results; task i gives i
// w8m          | one task put to sleep     | tasks asleep
// w8f          | one task, start to end    | sum of (index + 1) that ended
// w9e, w9f     | one pass of the token     | the token, one up with each pass
// w10_1, w10_3 | one post, run included    | sum; post i of a thread adds i
// w12a, w12b   | one function and back     | sum; function i gives i + 1
//
// Units: nanoseconds.

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace bench {

constexpr int64_t kMicrosecond = 1'000;
constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kHour = 3600 * kSecond;

// How many; to be taken through run::scaled().
constexpr uint64_t kW1aRuns = 10'000'000;
constexpr uint64_t kW1bCallbacks = 1'000;
constexpr uint64_t kW1bRunsEach = 10'000;
constexpr uint64_t kW2Operations = 2'000'000;  // However many timers.
constexpr uint64_t kW3Timers = 1'000'000;
constexpr uint64_t kW4Chains = 200'000;
constexpr int kW4Thens = 10;  // Never scaled, as all that is int.
constexpr uint64_t kW5Rounds = 1'000;
constexpr int kW5Children = 1'000;
constexpr uint64_t kW6Rounds = 1'000;
constexpr int kW6Children = 1'000;
constexpr uint64_t kW7Rounds = 1'000;  // Start 1,000, await them in that order.
constexpr int kW7Outstanding = 1'000;
constexpr uint64_t kW8Tasks = 1'000'000;
constexpr uint64_t kW9Passes = 5'000'000;
constexpr uint64_t kW10Posts = 5'000'000;  // Of all threads together.
constexpr uint64_t kW12Functions = 200'000;
constexpr int kW12InFlight = 256;  // w12b: as many chains of one after another.
constexpr int kW12Threads = 2;     // In the pool.

// splitmix64: cheap, and no number waits for the one before.
class random_numbers {
 public:
  explicit random_numbers(uint64_t seed = 1) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // Uniform in [0, bound), 0 < bound < 2^32.
  uint32_t below(uint64_t bound) {
    return static_cast<uint32_t>(((next() >> 32) * bound) >> 32);
  }
  // Uniform in [low, high).
  int64_t between(int64_t low, int64_t high) {
    return low +
           static_cast<int64_t>(static_cast<double>(next() >> 11) * 0x1p-53 *
                                static_cast<double>(high - low));
  }

 private:
  uint64_t state_;
};

inline std::vector<int64_t> delays_between(uint64_t seed, size_t count,
                                           int64_t low, int64_t high) {
  random_numbers random(seed);
  std::vector<int64_t> delays(count);
  for (int64_t& d : delays) d = random.between(low, high);
  return delays;
}

// w2, w2r: the delays that the timers are armed with at first, 1 ms to 1 h.
inline std::vector<int64_t> w2_delays(size_t timers) {
  return delays_between(2, timers, kMillisecond, kHour);
}

// w2, w2r: which timer is cancelled (or re-armed), and the delay that the one
// armed in its place gets, from the time at which all began.
struct rearming {
  uint32_t timer;
  int64_t delay;
};
inline std::vector<rearming> w2_rearmings(size_t timers, size_t count) {
  random_numbers random(22);
  std::vector<rearming> all(count);
  for (rearming& r : all) {
    r.timer = random.below(timers);
    r.delay = random.between(kMillisecond, kHour);
  }
  return all;
}

// w3: 0 to 1000 ms, in the order in which the timers are armed.
inline std::vector<int64_t> w3_delays(size_t timers) {
  return delays_between(3, timers, 0, kSecond);
}

// w6: the order in which the children are completed; the one of index i with
// the value i.
inline std::vector<int> w6_order(int children = kW6Children) {
  random_numbers random(6);
  std::vector<int> order(static_cast<size_t>(children));
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[random.below(i)]);
  }
  return order;
}

// w8m: how long each sleeps.
constexpr int64_t kW8mDelay = 10 * kSecond;

// w8f: more than nothing and up to a second, in the order of the tasks.
inline std::vector<int64_t> w8f_delays(size_t tasks) {
  return delays_between(8, tasks, kMicrosecond, kSecond);
}

// Each thread's share of the posts of w10.
inline uint64_t w10_share(uint64_t posts, uint64_t threads, uint64_t thread) {
  return posts / threads + (thread < posts % threads ? 1 : 0);
}

}  // namespace bench

#endif  // RATCHET_TESTS_BENCHMARKS_INPUTS_H_
