// Boost.Fiber: what yields, waits or sleeps is a fiber with a stack of 16 KiB
// out of a pool.
//
// Absent:
//   w2, w3  There are no timers but those of fibers that sleep.
//   w4      A future has no continuations: it is waited for.
//   w8      One that sleeps takes 11 KB, so that a million are 11 GB.
//   w9e     There is no event; w9q and w9f.

#include <boost/fiber/all.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/benchmarks/harness.h"

namespace bench {
namespace {

namespace fibers = boost::fibers;
using fibers::fiber;

constexpr size_t kStack = 16 * 1024;
using stacks = fibers::pooled_fixedsize_stack;

// One that runs at once, until it first has to wait.
template <class F>
fiber begin(stacks& pool, F f) {
  return fiber(fibers::launch::dispatch, std::allocator_arg, pool,
               std::move(f));
}

// -- w1 -----------------------------------------------------------------------

void w1(run& r, uint64_t ready, uint64_t each) {
  stacks pool(kStack);
  uint64_t runs = 0;
  std::vector<fiber> all;
  all.reserve(ready);
  r.start();
  for (uint64_t i = 0; i < ready; ++i) {
    all.push_back(begin(pool, [each, &runs] {
      for (uint64_t n = 0; n < each; ++n) {
        boost::this_fiber::yield();
        ++runs;
      }
    }));
  }
  for (fiber& f : all) f.join();
  r.stop(ready * each);
  r.check = runs;
}

// -- w5, w6 -------------------------------------------------------------------

void w5(run& r) {
  stacks pool(kStack);
  const uint64_t rounds = r.scaled(kW5Rounds);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    std::vector<fibers::promise<int>> promises(kW5Children);
    fiber waiting = begin(pool, [&promises, &sum] {
      std::vector<fibers::future<int>> futures;
      futures.reserve(promises.size());
      for (auto& p : promises) futures.push_back(p.get_future());
      std::vector<int> values;
      values.reserve(futures.size());
      for (auto& f : futures) values.push_back(f.get());
      for (int v : values) sum += static_cast<uint64_t>(v);
    });
    int value = 0;
    for (auto& p : promises) p.set_value(value++);
    waiting.join();
  }
  r.stop(rounds * kW5Children);
  r.check = sum;
}

// All children send to one channel.
void w6(run& r) {
  stacks pool(kStack);
  const std::vector<int> order = w6_order();
  const uint64_t rounds = r.scaled(kW6Rounds);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    fibers::buffered_channel<int> done(1024);
    fiber consumer = begin(pool, [&done, &sum] {
      uint64_t position = 0;
      for (int value : done) sum += ++position * static_cast<uint64_t>(value);
    });
    for (int child : order) done.push(child);
    done.close();
    consumer.join();
  }
  r.stop(rounds * order.size());
  r.check = sum;
}

// -- w7 -----------------------------------------------------------------------

void w7(run& r) {
  stacks pool(kStack);
  const uint64_t rounds = r.scaled(kW7Rounds);
  std::vector<fibers::future<int>> tasks;
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    tasks.clear();
    for (int k = 0; k < kW7Outstanding; ++k) {
      tasks.push_back(fibers::async(
          fibers::launch::dispatch, std::allocator_arg, pool,
          [](int x) {
            boost::this_fiber::yield();
            return x;
          },
          k));
    }
    for (auto& t : tasks) sum += static_cast<uint64_t>(t.get());
  }
  r.stop(rounds * kW7Outstanding);
  r.check = sum;
}

// -- w9 -----------------------------------------------------------------------

using channel = fibers::buffered_channel<uint64_t>;

void play(channel& mine, channel& other, uint64_t passes, uint64_t& last) {
  while (true) {
    const uint64_t token = mine.value_pop();
    if (token == passes) last = token;
    other.push(token + 1);
    if (token >= passes) break;
  }
}

void w9q(run& r) {
  stacks pool(kStack);
  const uint64_t passes = r.scaled(kW9Passes);
  uint64_t last = 0;
  channel a(4), b(4);
  a.push(0);
  r.start();
  fiber one = begin(pool, [&] { play(a, b, passes, last); });
  fiber two = begin(pool, [&] { play(b, a, passes, last); });
  one.join();
  two.join();
  r.stop(passes);
  r.check = last;
}

void play_by_future(fibers::promise<uint64_t>* of, int me, uint64_t passes,
                    uint64_t& last) {
  while (true) {
    const uint64_t token = of[me].get_future().get();
    if (token >= passes) {
      if (token == passes) {
        last = token;
        of[1 - me].set_value(token + 1);
      }
      break;
    }
    of[me] = fibers::promise<uint64_t>();
    of[1 - me].set_value(token + 1);
  }
}

void w9f(run& r) {
  stacks pool(kStack);
  const uint64_t passes = r.scaled(kW9Passes);
  uint64_t last = 0;
  fibers::promise<uint64_t> of[2];
  r.start();
  of[0].set_value(0);
  fiber one = begin(pool, [&] { play_by_future(of, 0, passes, last); });
  fiber two = begin(pool, [&] { play_by_future(of, 1, passes, last); });
  one.join();
  two.join();
  r.stop(passes);
  r.check = last;
}

// -- w10, w12: channels are for threads, too ----------------------------------

void w10(run& r, uint64_t producers) {
  const uint64_t all = r.scaled(kW10Posts);
  fibers::buffered_channel<uint64_t> arriving(4096);
  std::vector<std::thread> threads;
  uint64_t sum = 0;
  r.start();
  for (uint64_t p = 0; p < producers; ++p) {
    threads.emplace_back([&arriving, n = w10_share(all, producers, p)] {
      for (uint64_t i = 0; i < n; ++i) arriving.push(i);
    });
  }
  for (uint64_t left = all; left > 0; --left) sum += arriving.value_pop();
  for (std::thread& t : threads) t.join();
  r.stop(all);
  r.check = sum;
}

struct job {
  uint64_t i = 0;
  fibers::promise<uint64_t> result;
};

void w12(run& r, int in_flight) {
  stacks pool(kStack);
  const uint64_t all = r.scaled(kW12Functions);
  fibers::buffered_channel<job> jobs(1024);
  std::vector<std::thread> threads;
  for (int i = 0; i < kW12Threads; ++i) {
    threads.emplace_back([&jobs] {
      for (job& j : jobs) j.result.set_value(j.i + 1);
    });
  }
  uint64_t next = 0;
  uint64_t sum = 0;
  std::vector<fiber> chains;
  r.start();
  for (int i = 0; i < in_flight; ++i) {
    chains.push_back(begin(pool, [&] {
      while (next < all) {
        job j;
        j.i = next++;
        fibers::future<uint64_t> result = j.result.get_future();
        jobs.push(std::move(j));
        sum += result.get();
      }
    }));
  }
  for (fiber& f : chains) f.join();
  r.stop(all);
  jobs.close();
  for (std::thread& t : threads) t.join();
  r.check = sum;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  add("w1a", "1 fiber that yields",
      [](run& r) { w1(r, 1, r.scaled(kW1aRuns)); });
  add("w1b", "1,000 fibers that yield",
      [](run& r) { w1(r, kW1bCallbacks, r.scaled(kW1bRunsEach)); });
  add("w5", "1,000 futures, one after another", w5);
  add("w6", "a channel", w6);
  add("w7", "async()", w7);
  add("w9q", "channels", w9q);
  add("w9f", "a fresh future each time", w9f);
  add("w10_1", "a channel", [](run& r) { w10(r, 1); });
  add("w10_3", "a channel", [](run& r) { w10(r, 3); });
  add("w12a", "a channel and futures", [](run& r) { w12(r, 1); });
  add("w12b", "a channel and futures", [](run& r) { w12(r, kW12InFlight); });
  return main_of("fiber", argc, argv);
}
