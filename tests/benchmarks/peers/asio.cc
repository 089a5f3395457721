// Asio with callbacks. What needs no other thread has a context without locks.
//
// Absent:
//   w2r             A timer has no other way than expires_at(), which cancels.
//   w3, w8f         Time is real: w3r and w8fr.
//   w4, w5, w6, w7  There are completion handlers, no futures that continue.
//   w9              The channels are experimental, and for awaitables:
//                   asio_await.cc.

#include <asio.hpp>
#include <chrono>
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

using asio::io_context;
using asio::steady_timer;
using std::chrono::nanoseconds;
using time_point = steady_timer::time_point;

// -- w1 -----------------------------------------------------------------------

struct reposting {
  io_context* context;
  uint64_t* runs;
  uint64_t left;
  void operator()() {
    ++*runs;
    if (--left > 0) asio::defer(*context, reposting(*this));
  }
};

void repost(run& r, uint64_t ready, uint64_t each) {
  io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  uint64_t runs = 0;
  r.start();
  for (uint64_t i = 0; i < ready; ++i) {
    asio::post(context, reposting{&context, &runs, each});
  }
  context.run();
  r.stop(ready * each);
  r.check = runs;
}

// -- w2, w3 -------------------------------------------------------------------

struct rearmed_timers {
  io_context context{ASIO_CONCURRENCY_HINT_UNSAFE};
  std::vector<steady_timer> each;
  // An hour from now, for no timer is due before all of it is done.
  time_point begin = steady_timer::clock_type::now() + nanoseconds(kHour);
};

// A thousand in a callback, after which those that were cancelled are called.
struct rearm_some {
  rearmed_timers* timers;
  const std::vector<rearming>* all;
  size_t at;
  uint64_t* cancelled;
  void operator()() {
    const size_t end = std::min(at + 1000, all->size());
    for (; at < end; ++at) {
      const rearming& one = (*all)[at];
      steady_timer& t = timers->each[one.timer];
      *cancelled += t.expires_at(timers->begin + nanoseconds(one.delay));
      t.async_wait([](const asio::error_code&) {});
    }
    if (at < all->size()) {
      asio::post(timers->context, rearm_some(*this));
    } else {
      timers->context.stop();
    }
  }
};

void w2(run& r, uint64_t timers) {
  const std::vector<int64_t> delays = w2_delays(timers);
  const std::vector<rearming> all =
      w2_rearmings(timers, r.scaled(kW2Operations));
  rearmed_timers them;
  them.each.reserve(timers);
  for (int64_t delay : delays) {
    them.each.emplace_back(them.context, them.begin + nanoseconds(delay));
    them.each.back().async_wait([](const asio::error_code&) {});
  }
  uint64_t cancelled = 0;
  r.start();
  asio::post(them.context, rearm_some{&them, &all, 0, &cancelled});
  them.context.run();
  r.stop(all.size());
  r.check = cancelled;
}

void w3(run& r) {
  const std::vector<int64_t> delays = w3_delays(r.scaled(kW3Timers));
  io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  std::vector<steady_timer> each;
  each.reserve(delays.size());
  for (size_t i = 0; i < delays.size(); ++i) each.emplace_back(context);
  uint64_t sum = 0;
  r.start();
  const time_point now = steady_timer::clock_type::now();
  for (size_t i = 0; i < delays.size(); ++i) {
    each[i].expires_at(now + nanoseconds(delays[i]));
    each[i].async_wait([&sum, i = static_cast<uint32_t>(i)](
                           const asio::error_code&) { sum += i + 1; });
  }
  context.run();
  r.stop(delays.size());
  r.check = sum;
}

// -- w8: what sleeps is a timer that its own handler keeps --------------------

void fall_asleep(io_context& context, time_point until, uint32_t index,
                 uint64_t& sum) {
  auto timer = std::make_unique<steady_timer>(context, until);
  steady_timer& t = *timer;
  t.async_wait([timer = std::move(timer), index,
                &sum](const asio::error_code&) { sum += index + 1; });
}

void w8m(run& r) {
  const uint64_t tasks = r.scaled(kW8Tasks);
  const uint64_t before = resident_bytes();
  auto* const context =
      new io_context(ASIO_CONCURRENCY_HINT_UNSAFE);  // They never end.
  r.start();
  const time_point until =
      steady_timer::clock_type::now() + nanoseconds(kW8mDelay);
  for (uint64_t i = 0; i < tasks; ++i) {
    auto timer = std::make_unique<steady_timer>(*context, until);
    steady_timer& t = *timer;
    t.async_wait([timer = std::move(timer)](const asio::error_code&) {});
  }
  r.stop(tasks);
  r.bytes_per_item = static_cast<double>(resident_bytes() - before) /
                     static_cast<double>(tasks);
  r.check = tasks;
}

void w8f(run& r) {
  const std::vector<int64_t> delays = w8f_delays(r.scaled(kW8Tasks));
  io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  uint64_t sum = 0;
  r.start();
  const time_point now = steady_timer::clock_type::now();
  for (size_t i = 0; i < delays.size(); ++i) {
    fall_asleep(context, now + nanoseconds(delays[i]), static_cast<uint32_t>(i),
                sum);
  }
  context.run();
  r.stop(delays.size());
  r.check = sum;
}

// -- w10, w12 -----------------------------------------------------------------

void w10(run& r, uint64_t producers) {
  io_context context(1);
  auto work = asio::make_work_guard(context);
  const uint64_t all = r.scaled(kW10Posts);
  uint64_t left = all;
  uint64_t sum = 0;
  std::vector<std::thread> threads;
  r.start();
  for (uint64_t p = 0; p < producers; ++p) {
    threads.emplace_back([&, n = w10_share(all, producers, p)] {
      for (uint64_t i = 0; i < n; ++i) {
        asio::post(context, [&, i] {
          sum += i;
          if (--left == 0) context.stop();
        });
      }
    });
  }
  context.run();
  for (std::thread& t : threads) t.join();
  r.stop(all);
  r.check = sum;
}

struct functions {
  io_context& context;
  asio::thread_pool& pool;
  uint64_t next;
  uint64_t end;
  uint64_t sum;
  int chains;
};

void go_on(functions& all) {
  if (all.next >= all.end) {
    if (--all.chains == 0) all.context.stop();
    return;
  }
  asio::post(all.pool, [&all, i = all.next++] {
    const uint64_t result = i + 1;
    asio::post(all.context, [&all, result] {
      all.sum += result;
      go_on(all);
    });
  });
}

void w12(run& r, int in_flight) {
  io_context context(1);
  auto work = asio::make_work_guard(context);
  asio::thread_pool pool(kW12Threads);
  functions all{context, pool, 0, r.scaled(kW12Functions), 0, in_flight};
  r.start();
  for (int i = 0; i < in_flight; ++i) go_on(all);
  context.run();
  r.stop(all.end);
  pool.join();
  r.check = all.sum;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  add("w1a", "defer()", [](run& r) { repost(r, 1, r.scaled(kW1aRuns)); });
  add("w1b", "defer()",
      [](run& r) { repost(r, kW1bCallbacks, r.scaled(kW1bRunsEach)); });
  const struct {
    const char* suffix;
    uint64_t timers;
  } sizes[] = {{"_1e3", 1'000}, {"_1e5", 100'000}, {"_1e6", 1'000'000}};
  for (const auto& size : sizes) {
    add(std::string("w2") + size.suffix, "expires_at(), async_wait()",
        [n = size.timers](run& r) { w2(r, r.scaled(n)); });
  }
  add("w3r", "steady_timer", w3);
  add("w8m", "steady_timer, 10 s", w8m, cold);
  add("w8fr", "steady_timer", w8f);
  add("w10_1", "post()", [](run& r) { w10(r, 1); });
  add("w10_3", "post()", [](run& r) { w10(r, 3); });
  add("w12a", "thread_pool(2)", [](run& r) { w12(r, 1); });
  add("w12b", "thread_pool(2)", [](run& r) { w12(r, kW12InFlight); });
  return main_of("asio", argc, argv);
}
