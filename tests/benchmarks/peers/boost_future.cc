// boost::future of Boost.Thread, with continuations that run where the value is
// set, and its loop_executor and basic_thread_pool. All of it locks.
//
// Absent:
//   w2, w3, w8  There are no timers.
//   w6          when_any() over what is left makes a thread for each child.
//   w7, w9      There are no tasks that could yield or wait without a thread.

#define BOOST_THREAD_VERSION 5
#define BOOST_THREAD_PROVIDES_EXECUTORS

#include <boost/thread/executors/basic_thread_pool.hpp>
#include <boost/thread/executors/loop_executor.hpp>
#include <boost/thread/future.hpp>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "tests/benchmarks/harness.h"

namespace bench {
namespace {

using boost::future;
using boost::promise;
using boost::executors::loop_executor;

// -- w1 -----------------------------------------------------------------------

struct reposting {
  loop_executor* executor;
  uint64_t* runs;
  uint64_t* to_do;
  uint64_t last;
  void operator()() const {
    if (++*runs == last) executor->close();
    if (*to_do > 0) {
      --*to_do;
      executor->submit(reposting(*this));
    }
  }
};

void w1(run& r, uint64_t ready, uint64_t each) {
  loop_executor executor;
  uint64_t runs = 0;
  uint64_t to_do = ready * (each - 1);
  r.start();
  for (uint64_t i = 0; i < ready; ++i) {
    executor.submit(reposting{&executor, &runs, &to_do, ready * each});
  }
  executor.loop();
  r.stop(ready * each);
  r.check = runs;
}

// -- w4, w5 -------------------------------------------------------------------

future<int> then_ten_times(future<int> f) {
  for (int i = 0; i < kW4Thens; ++i) {
    f = f.then(boost::launch::sync, [](future<int> x) { return x.get() + 1; });
  }
  return f;
}

void w4(run& r, bool pending) {
  const uint64_t chains = r.scaled(kW4Chains);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < chains; ++i) {
    if (pending) {
      promise<int> p;
      future<int> f = then_ten_times(p.get_future());
      p.set_value(1);
      sum += static_cast<uint64_t>(f.get());
    } else {
      sum += static_cast<uint64_t>(
          then_ten_times(boost::make_ready_future(1)).get());
    }
  }
  r.stop(chains * kW4Thens);
  r.check = sum;
}

void w5(run& r) {
  const uint64_t rounds = r.scaled(kW5Rounds);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    std::vector<promise<int>> promises(kW5Children);
    std::vector<future<int>> futures;
    futures.reserve(promises.size());
    for (promise<int>& p : promises) futures.push_back(p.get_future());
    auto all = boost::when_all(futures.begin(), futures.end());
    int value = 0;
    for (promise<int>& p : promises) p.set_value(value++);
    for (future<int>& f : all.get()) sum += static_cast<uint64_t>(f.get());
  }
  r.stop(rounds * kW5Children);
  r.check = sum;
}

// -- w10, w12 -----------------------------------------------------------------

void w10(run& r, uint64_t producers) {
  loop_executor executor;
  const uint64_t all = r.scaled(kW10Posts);
  uint64_t left = all;
  uint64_t sum = 0;
  std::vector<std::thread> threads;
  r.start();
  for (uint64_t p = 0; p < producers; ++p) {
    threads.emplace_back([&, n = w10_share(all, producers, p)] {
      for (uint64_t i = 0; i < n; ++i) {
        executor.submit([&, i] {
          sum += i;
          if (--left == 0) executor.close();
        });
      }
    });
  }
  executor.loop();
  for (std::thread& t : threads) t.join();
  r.stop(all);
  r.check = sum;
}

struct functions {
  loop_executor& executor;
  boost::basic_thread_pool& pool;
  uint64_t next;
  uint64_t end;
  uint64_t sum;
  int chains;
};

void go_on(functions& all) {
  if (all.next >= all.end) {
    if (--all.chains == 0) all.executor.close();
    return;
  }
  all.pool.submit([&all, i = all.next++] {
    const uint64_t result = i + 1;
    all.executor.submit([&all, result] {
      all.sum += result;
      go_on(all);
    });
  });
}

void w12(run& r, int in_flight) {
  loop_executor executor;
  boost::basic_thread_pool pool(kW12Threads);
  functions all{executor, pool, 0, r.scaled(kW12Functions), 0, in_flight};
  r.start();
  for (int i = 0; i < in_flight; ++i) go_on(all);
  executor.loop();
  r.stop(all.end);
  r.check = all.sum;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  add("w1a", "loop_executor", [](run& r) { w1(r, 1, r.scaled(kW1aRuns)); });
  add("w1b", "loop_executor",
      [](run& r) { w1(r, kW1bCallbacks, r.scaled(kW1bRunsEach)); });
  add("w4p", "10 thens, launch::sync", [](run& r) { w4(r, true); });
  add("w4r", "10 thens, launch::sync", [](run& r) { w4(r, false); });
  add("w5", "when_all()", w5);
  add("w10_1", "loop_executor", [](run& r) { w10(r, 1); });
  add("w10_3", "loop_executor", [](run& r) { w10(r, 3); });
  add("w12a", "basic_thread_pool", [](run& r) { w12(r, 1); });
  add("w12b", "basic_thread_pool", [](run& r) { w12(r, kW12InFlight); });
  return main_of("boost_future", argc, argv);
}
