// Other threads: w10 and w12. In real time.

#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ratchet/event_loop.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
#include "ratchet/thread/thread_pool.h"
#include "ratchet/when_all.h"
#include "tests/benchmarks/core.h"
#include "tests/benchmarks/harness.h"

namespace bench {
namespace {

using ratchet::event_loop;

struct posts {
  event_loop& loop;
  uint64_t left;
  uint64_t sum = 0;
};

struct arrive {
  posts* to;
  uint64_t i;
  void operator()() const {
    to->sum += i;
    if (--to->left == 0) to->loop.stop();
  }
};

void post_from_threads(run& r, uint64_t producers) {
  event_loop loop;
  const uint64_t all = r.scaled(kW10Posts);
  posts to{loop, all};
  const ratchet::remote remote = loop.make_remote();
  std::vector<std::thread> threads;
  r.start();
  for (uint64_t p = 0; p < producers; ++p) {
    threads.emplace_back([&remote, &to, n = w10_share(all, producers, p)] {
      for (uint64_t i = 0; i < n; ++i) {
        remote.post(arrive{&to, i}).IgnoreError();
      }
    });
  }
  const absl::Status ran = loop.run_forever();
  for (std::thread& t : threads) t.join();
  r.stop(all);
  require(ran.ok(), "run_forever() ends by stop()");
  r.check = to.sum;
}

// Runs its share of functions in the pool, one after the other.
class chain final : public ratchet::task<uint64_t> {
 public:
  chain(ratchet::thread_pool& pool, uint64_t& next, uint64_t end)
      : pool_(pool), next_(next), end_(end) {}
  step start() {
    if (next_ >= end_) return done(sum_);
    return await<&chain::got>(run_in(pool_, [i = next_++] { return i + 1; }));
  }

 private:
  step got(uint64_t x) {
    sum_ += x;
    return start();
  }

  ratchet::thread_pool& pool_;
  uint64_t& next_;  // The next function, of all chains.
  uint64_t end_;
  uint64_t sum_ = 0;
};

void through_the_pool(run& r, int in_flight) {
  event_loop loop;
  ratchet::thread_pool pool(kW12Threads);
  const uint64_t all = r.scaled(kW12Functions);
  uint64_t next = 0;
  std::vector<chain> chains;
  for (int i = 0; i < in_flight; ++i) chains.emplace_back(pool, next, all);
  r.start();
  const std::vector<uint64_t> sums =
      loop.run_until_complete(ratchet::when_all(std::move(chains))).value();
  r.stop(all);
  for (uint64_t sum : sums) r.check += sum;
}

}  // namespace

void add_thread_workloads() {
  add("w10_1", "1 producer", [](run& r) { post_from_threads(r, 1); });
  add("w10_3", "3 producers", [](run& r) { post_from_threads(r, 3); });
  add("w12a", "one at a time, 2 threads",
      [](run& r) { through_the_pool(r, 1); });
  add("w12b", "256 in flight, 2 threads",
      [](run& r) { through_the_pool(r, kW12InFlight); });
}

}  // namespace bench
