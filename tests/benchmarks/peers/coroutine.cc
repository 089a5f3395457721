// The yardstick: C++20 coroutines by hand, with what coroutine.h gives them.
//
// Absent: nothing.

#include "tests/benchmarks/peers/coroutine.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/benchmarks/harness.h"

namespace bench {
namespace {

using coro::detached;
using coro::future;
using coro::loop;
using coro::promise;
using coro::task;
using coro::time_kind;
using coro::timer;

// -- w1 -----------------------------------------------------------------------

task<uint64_t> yield_on(uint64_t times) {
  uint64_t done = 0;
  for (; done < times; ++done) co_await coro::yield();
  co_return done;
}

void repost(run& r, uint64_t ready, uint64_t each) {
  loop l;
  std::vector<task<uint64_t>> all;
  r.start();
  for (uint64_t i = 0; i < ready; ++i) {
    all.push_back(yield_on(each));
    all.back().start();
  }
  l.run();
  r.stop(ready * each);
  for (task<uint64_t>& t : all) r.check += t.get();
}

// -- w2, w3 -------------------------------------------------------------------

void w2(run& r, uint64_t timers, bool in_place) {
  const std::vector<int64_t> delays = w2_delays(timers);
  const std::vector<rearming> all =
      w2_rearmings(timers, r.scaled(kW2Operations));
  loop l;
  const int64_t now = l.now();
  std::vector<timer> each(timers);
  for (size_t i = 0; i < timers; ++i) {
    l.timers().arm(&each[i], now + delays[i]);
  }
  uint64_t check = 0;
  r.start();
  for (const rearming& one : all) {
    if (in_place) {
      l.timers().rearm(&each[one.timer], now + one.delay);
      check += one.timer + 1;
    } else {
      l.timers().disarm(&each[one.timer]);
      l.timers().arm(&each[one.timer], now + one.delay);
      ++check;
    }
  }
  r.stop(all.size());
  r.check = check;
}

struct indexed_timer : timer {
  uint32_t index;
  uint64_t* sum;
};

void w3(run& r, time_kind time) {
  const std::vector<int64_t> delays = w3_delays(r.scaled(kW3Timers));
  loop l(time);
  uint64_t sum = 0;
  std::vector<indexed_timer> each(delays.size());
  r.start();
  const int64_t now = l.now();
  for (size_t i = 0; i < delays.size(); ++i) {
    each[i].index = static_cast<uint32_t>(i);
    each[i].sum = &sum;
    each[i].fire = [](timer* t) {
      auto* const self = static_cast<indexed_timer*>(t);
      *self->sum += self->index + 1;
    };
    l.timers().arm(&each[i], now + delays[i]);
  }
  l.run();
  r.stop(delays.size());
  r.check = sum;
}

// -- w4, w5, w6 ---------------------------------------------------------------

template <class A>
task<int> plus_one(A source) {
  co_return co_await std::move(source) + 1;
}

task<int> ten_times(future<int> f) {
  task<int> t = plus_one(std::move(f));
  for (int i = 1; i < kW4Thens; ++i) t = plus_one(std::move(t));
  return t;
}

void w4(run& r, bool pending) {
  loop l;
  const uint64_t chains = r.scaled(kW4Chains);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < chains; ++i) {
    promise<int> p;
    if (!pending) p.set_value(1);
    task<int> t = ten_times(p.get_future());
    t.start();
    if (pending) p.set_value(1);
    l.run();
    sum += static_cast<uint64_t>(t.get());
  }
  r.stop(chains * kW4Thens);
  r.check = sum;
}

std::vector<future<int>> futures_of(std::vector<promise<int>>& promises) {
  std::vector<future<int>> futures;
  futures.reserve(promises.size());
  for (promise<int>& p : promises) futures.push_back(p.get_future());
  return futures;
}

void w5(run& r) {
  loop l;
  const uint64_t rounds = r.scaled(kW5Rounds);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    std::vector<promise<int>> promises(kW5Children);
    task<std::vector<int>> all = when_all(futures_of(promises));
    all.start();
    int value = 0;
    for (promise<int>& p : promises) p.set_value(value++);
    l.run();
    for (int v : all.get()) sum += static_cast<uint64_t>(v);
  }
  r.stop(rounds * kW5Children);
  r.check = sum;
}

task<uint64_t> consume(std::vector<future<int>> futures) {
  uint64_t position = 0;
  uint64_t sum = 0;
  coro::as_completed<int> stream(std::move(futures));
  while (stream.more()) {
    const int value = co_await stream.next();
    sum += ++position * static_cast<uint64_t>(value);
  }
  co_return sum;
}

void w6(run& r) {
  loop l;
  const std::vector<int> order = w6_order();
  const uint64_t rounds = r.scaled(kW6Rounds);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    std::vector<promise<int>> promises(order.size());
    task<uint64_t> all = consume(futures_of(promises));
    all.start();
    for (int child : order) {
      promises[static_cast<size_t>(child)].set_value(child);
    }
    l.run();
    sum += all.get();
  }
  r.stop(rounds * order.size());
  r.check = sum;
}

// -- w7, w8 -------------------------------------------------------------------

task<int> yielding(int x) {
  co_await coro::yield();
  co_return x;
}

task<uint64_t> spawning(uint64_t rounds) {
  uint64_t sum = 0;
  std::vector<task<int>> tasks;
  for (; rounds > 0; --rounds) {
    tasks.clear();
    for (int i = 0; i < kW7Outstanding; ++i) {
      tasks.push_back(yielding(i));
      tasks.back().start();
    }
    for (task<int>& t : tasks) sum += static_cast<uint64_t>(co_await t);
  }
  co_return sum;
}

void w7(run& r) {
  loop l;
  const uint64_t rounds = r.scaled(kW7Rounds);
  r.start();
  task<uint64_t> all = spawning(rounds);
  all.start();
  l.run();
  r.stop(rounds * kW7Outstanding);
  r.check = all.get();
}

uint64_t asleep = 0;

// Nothing but what it takes to sleep.
detached fall_asleep() {
  ++asleep;
  co_await coro::sleep_for(kW8mDelay);
}

void w8m(run& r) {
  const uint64_t tasks = r.scaled(kW8Tasks);
  asleep = 0;
  const uint64_t before = resident_bytes();
  auto* const l = new loop;  // The tasks never end.
  r.start();
  for (uint64_t i = 0; i < tasks; ++i) fall_asleep();
  r.stop(tasks);
  r.bytes_per_item = static_cast<double>(resident_bytes() - before) /
                     static_cast<double>(tasks);
  r.check = asleep;
  use(l);
}

struct dormitory {
  std::vector<int64_t> delays;
  uint64_t check = 0;
};

detached sleep_once(dormitory& where, uint32_t index) {
  co_await coro::sleep_for(where.delays[index]);
  where.check += index + 1;
}

void w8f(run& r, time_kind time) {
  dormitory all{w8f_delays(r.scaled(kW8Tasks))};
  loop l(time);
  r.start();
  for (size_t i = 0; i < all.delays.size(); ++i) {
    sleep_once(all, static_cast<uint32_t>(i));
  }
  l.run();
  r.stop(all.delays.size());
  r.check = all.check;
}

// -- w9 -----------------------------------------------------------------------

detached play(coro::event& mine, coro::event& other, uint64_t& token,
              uint64_t passes) {
  while (true) {
    co_await mine;
    const bool over = token == passes;
    if (!over) ++token;
    other.set();
    if (over) break;
  }
}

void w9e(run& r) {
  loop l;
  const uint64_t passes = r.scaled(kW9Passes);
  uint64_t token = 0;
  coro::event a, b;
  a.set();
  r.start();
  play(a, b, token, passes);
  play(b, a, token, passes);
  l.run();
  r.stop(passes);
  r.check = token;
}

detached play_by_queue(coro::queue<uint64_t>& mine,
                       coro::queue<uint64_t>& other, uint64_t passes,
                       uint64_t& last) {
  while (true) {
    const uint64_t token = co_await mine.get();
    const bool over = token >= passes;
    if (token == passes) last = token;
    other.put(token + 1);
    if (over) break;
  }
}

void w9q(run& r) {
  loop l;
  const uint64_t passes = r.scaled(kW9Passes);
  uint64_t last = 0;
  coro::queue<uint64_t> a, b;
  a.put(0);
  r.start();
  play_by_queue(a, b, passes, last);
  play_by_queue(b, a, passes, last);
  l.run();
  r.stop(passes);
  r.check = last;
}

task<uint64_t> play_by_future(promise<uint64_t>* of, int me, uint64_t passes) {
  while (true) {
    const uint64_t token = co_await of[me].get_future();
    if (token >= passes) {
      of[1 - me].set_value(token);
      co_return token;
    }
    of[me] = promise<uint64_t>();
    of[1 - me].set_value(token + 1);
  }
}

void w9f(run& r) {
  loop l;
  const uint64_t passes = r.scaled(kW9Passes);
  promise<uint64_t> of[2];
  r.start();
  of[0].set_value(0);
  task<uint64_t> a = play_by_future(of, 0, passes);
  task<uint64_t> b = play_by_future(of, 1, passes);
  a.start();
  b.start();
  l.run();
  r.stop(passes);
  require(b.done(), "both players end");
  r.check = a.get();
}

// -- w10, w12 -----------------------------------------------------------------

struct posts {
  loop* to;
  uint64_t left;
  uint64_t sum = 0;
};

void w10(run& r, uint64_t producers) {
  loop l(time_kind::real);
  l.expect_posts();
  const uint64_t all = r.scaled(kW10Posts);
  posts to{&l, all};
  std::vector<std::thread> threads;
  r.start();
  for (uint64_t p = 0; p < producers; ++p) {
    threads.emplace_back([&to, n = w10_share(all, producers, p)] {
      for (uint64_t i = 0; i < n; ++i) {
        to.to->post([&to, i] {
          to.sum += i;
          if (--to.left == 0) to.to->stop();
        });
      }
    });
  }
  l.run();
  for (std::thread& t : threads) t.join();
  r.stop(all);
  r.check = to.sum;
}

task<uint64_t> chain(coro::thread_pool& pool, uint64_t& next, uint64_t end,
                     int& chains) {
  uint64_t sum = 0;
  while (next < end) {
    sum += co_await pool.run([i = next++] { return i + 1; });
  }
  if (--chains == 0) loop::current->stop();
  co_return sum;
}

void w12(run& r, int in_flight) {
  loop l(time_kind::real);
  l.expect_posts();
  coro::thread_pool pool(kW12Threads);
  const uint64_t all = r.scaled(kW12Functions);
  uint64_t next = 0;
  int chains = in_flight;
  std::vector<task<uint64_t>> each;
  r.start();
  for (int i = 0; i < in_flight; ++i) {
    each.push_back(chain(pool, next, all, chains));
    each.back().start();
  }
  l.run();
  r.stop(all);
  for (task<uint64_t>& t : each) r.check += t.get();
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  add("w1a", "1 coroutine that yields",
      [](run& r) { repost(r, 1, r.scaled(kW1aRuns)); });
  add("w1b", "1,000 coroutines that yield",
      [](run& r) { repost(r, kW1bCallbacks, r.scaled(kW1bRunsEach)); });
  const struct {
    const char* suffix;
    uint64_t timers;
  } sizes[] = {{"_1e3", 1'000}, {"_1e5", 100'000}, {"_1e6", 1'000'000}};
  for (const auto& size : sizes) {
    add(std::string("w2") + size.suffix, "4-ary heap",
        [n = size.timers](run& r) { w2(r, r.scaled(n), false); });
    add(std::string("w2r") + size.suffix, "4-ary heap",
        [n = size.timers](run& r) { w2(r, r.scaled(n), true); });
  }
  add("w3", "virtual time, 1 ms steps",
      [](run& r) { w3(r, time_kind::jumping); });
  add("w3r", "real time", [](run& r) { w3(r, time_kind::real); });
  add("w4p", "10 nested tasks", [](run& r) { w4(r, true); });
  add("w4r", "10 nested tasks", [](run& r) { w4(r, false); });
  add("w5", "1,000 children", w5);
  add("w6", "1,000 children", w6);
  add("w7", "1,000 outstanding", w7);
  add("w8m", "asleep for 10 s", w8m, cold);
  add("w8f", "virtual time, 1 ms steps",
      [](run& r) { w8f(r, time_kind::jumping); });
  add("w8fr", "real time", [](run& r) { w8f(r, time_kind::real); });
  add("w9e", "event", w9e);
  add("w9q", "queue", w9q);
  add("w9f", "a fresh future each time", w9f);
  add("w10_1", "1 producer", [](run& r) { w10(r, 1); });
  add("w10_3", "3 producers", [](run& r) { w10(r, 3); });
  add("w12a", "one at a time, 2 threads", [](run& r) { w12(r, 1); });
  add("w12b", "256 in flight, 2 threads", [](run& r) { w12(r, kW12InFlight); });
  return main_of("coroutine", argc, argv);
}
