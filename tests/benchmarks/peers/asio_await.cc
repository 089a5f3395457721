// Asio with awaitables, in a context without locks.
//
// Absent:
//   w2, w10, w12    As with callbacks: asio.cc.
//   w3, w8f         Time is real; what sleeps is w8fr.

#include <asio.hpp>
#include <asio/experimental/channel.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "tests/benchmarks/harness.h"

namespace bench {
namespace {

using asio::io_context;
using asio::use_awaitable_t;
using std::chrono::nanoseconds;

// The executor is of a known type: nothing is asked through a table.
using executor = io_context::executor_type;
template <class T>
using awaitable = asio::awaitable<T, executor>;
constexpr use_awaitable_t<executor> use_awaitable;
using timer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>,
                               executor>;
// What is nearest to a promise with its future.
template <class T>
using channel = asio::experimental::basic_channel<
    executor, asio::experimental::channel_traits<>, void(asio::error_code, T)>;

// -- w1 -----------------------------------------------------------------------

awaitable<void> yield_on(executor e, uint64_t times, uint64_t& runs) {
  for (uint64_t i = 0; i < times; ++i) {
    co_await asio::defer(e, use_awaitable);
    ++runs;
  }
}

void repost(run& r, uint64_t ready, uint64_t each) {
  io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  uint64_t runs = 0;
  r.start();
  for (uint64_t i = 0; i < ready; ++i) {
    asio::co_spawn(context, yield_on(context.get_executor(), each, runs),
                   asio::detached);
  }
  context.run();
  r.stop(ready * each);
  r.check = runs;
}

// -- w4, w5, w6 ---------------------------------------------------------------

awaitable<int> plus_one(awaitable<int> source) {
  co_return co_await std::move(source) + 1;
}

awaitable<int> ten_times(channel<int>& source) {
  awaitable<int> a = plus_one(source.async_receive(use_awaitable));
  for (int i = 1; i < kW4Thens; ++i) a = plus_one(std::move(a));
  return a;
}

void w4(run& r, bool pending) {
  io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  const uint64_t chains = r.scaled(kW4Chains);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < chains; ++i) {
    channel<int> source(context.get_executor(), 1);
    if (!pending) source.try_send(asio::error_code(), 1);
    asio::co_spawn(context, ten_times(source),
                   [&sum](const std::exception_ptr&, int value) {
                     sum += static_cast<uint64_t>(value);
                   });
    if (pending) {
      context.poll();
      source.try_send(asio::error_code(), 1);
    }
    context.restart();
    context.run();
    context.restart();
  }
  r.stop(chains * kW4Thens);
  r.check = sum;
}

// One after the other: a group of operations whose number is not known to the
// compiler is not there yet in this version.
awaitable<uint64_t> receive_all(std::vector<channel<int>>& all) {
  std::vector<int> values;
  values.reserve(all.size());
  for (channel<int>& c : all) {
    values.push_back(co_await c.async_receive(use_awaitable));
  }
  uint64_t sum = 0;
  for (int v : values) sum += static_cast<uint64_t>(v);
  co_return sum;
}

void w5(run& r) {
  io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  const uint64_t rounds = r.scaled(kW5Rounds);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    std::vector<channel<int>> all;
    all.reserve(kW5Children);
    for (int k = 0; k < kW5Children; ++k) {
      all.emplace_back(context.get_executor(), 1);
    }
    asio::co_spawn(
        context, receive_all(all),
        [&sum](const std::exception_ptr&, uint64_t part) { sum += part; });
    context.poll();
    int value = 0;
    for (channel<int>& c : all) c.try_send(asio::error_code(), value++);
    context.restart();
    context.run();
    context.restart();
  }
  r.stop(rounds * kW5Children);
  r.check = sum;
}

// All children send to one channel.
awaitable<uint64_t> consume(channel<int>& done, int children) {
  uint64_t sum = 0;
  for (int i = 0; i < children; ++i) {
    const int value = co_await done.async_receive(use_awaitable);
    sum += static_cast<uint64_t>(i + 1) * static_cast<uint64_t>(value);
  }
  co_return sum;
}

void w6(run& r) {
  io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  const std::vector<int> order = w6_order();
  const uint64_t rounds = r.scaled(kW6Rounds);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    channel<int> done(context.get_executor(), order.size());
    asio::co_spawn(
        context, consume(done, static_cast<int>(order.size())),
        [&sum](const std::exception_ptr&, uint64_t part) { sum += part; });
    context.poll();
    for (int child : order) done.try_send(asio::error_code(), child);
    context.restart();
    context.run();
    context.restart();
  }
  r.stop(rounds * order.size());
  r.check = sum;
}

// -- w7, w8 -------------------------------------------------------------------

awaitable<int> yielding(executor e, int x) {
  co_await asio::defer(e, use_awaitable);
  co_return x;
}

struct spawning {
  io_context& context;
  uint64_t rounds;
  int left = 0;
  uint64_t sum = 0;

  void round() {
    left = kW7Outstanding;
    for (int i = 0; i < kW7Outstanding; ++i) {
      asio::co_spawn(context, yielding(context.get_executor(), i),
                     [this](const std::exception_ptr&, int value) {
                       sum += static_cast<uint64_t>(value);
                       if (--left == 0 && --rounds > 0) round();
                     });
    }
  }
};

void w7(run& r) {
  io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  const uint64_t rounds = r.scaled(kW7Rounds);
  spawning all{context, rounds};
  r.start();
  all.round();
  context.run();
  r.stop(rounds * kW7Outstanding);
  r.check = all.sum;
}

awaitable<void> sleep_until(executor e, timer::time_point until, uint32_t index,
                            uint64_t& sum) {
  timer t(e, until);
  co_await t.async_wait(use_awaitable);
  sum += index + 1;
}

// Nothing but what it takes to sleep.
awaitable<void> sleep_until(executor e, timer::time_point until) {
  timer t(e, until);
  co_await t.async_wait(use_awaitable);
}

void w8m(run& r) {
  const uint64_t tasks = r.scaled(kW8Tasks);
  const uint64_t before = resident_bytes();
  auto* const context =
      new io_context(ASIO_CONCURRENCY_HINT_UNSAFE);  // They never end.
  r.start();
  const auto until = timer::clock_type::now() + nanoseconds(kW8mDelay);
  for (uint64_t i = 0; i < tasks; ++i) {
    asio::co_spawn(*context, sleep_until(context->get_executor(), until),
                   asio::detached);
  }
  context->poll();
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
  const auto now = timer::clock_type::now();
  for (size_t i = 0; i < delays.size(); ++i) {
    asio::co_spawn(
        context,
        sleep_until(context.get_executor(), now + nanoseconds(delays[i]),
                    static_cast<uint32_t>(i), sum),
        asio::detached);
  }
  context.run();
  r.stop(delays.size());
  r.check = sum;
}

// -- w9 -----------------------------------------------------------------------

awaitable<void> play(channel<uint64_t>& mine, channel<uint64_t>& other,
                     uint64_t passes, uint64_t& last) {
  while (true) {
    const uint64_t token = co_await mine.async_receive(use_awaitable);
    if (token >= passes) {
      last = token;
      other.close();
      break;
    }
    other.try_send(asio::error_code(), token + 1);
  }
}

void w9(run& r) {
  io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  const uint64_t passes = r.scaled(kW9Passes);
  channel<uint64_t> a(context.get_executor(), 1);
  channel<uint64_t> b(context.get_executor(), 1);
  uint64_t last = 0;
  a.try_send(asio::error_code(), uint64_t{0});
  r.start();
  asio::co_spawn(context, play(a, b, passes, last), asio::detached);
  asio::co_spawn(context, play(b, a, passes, last),
                 [](const std::exception_ptr&) {});  // Closed under it.
  context.run();
  r.stop(passes);
  r.check = last;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  add("w1a", "1 awaitable, defer()",
      [](run& r) { repost(r, 1, r.scaled(kW1aRuns)); });
  add("w1b", "1,000 awaitables, defer()",
      [](run& r) { repost(r, kW1bCallbacks, r.scaled(kW1bRunsEach)); });
  add("w4p", "10 nested awaitables, a channel", [](run& r) { w4(r, true); });
  add("w4r", "10 nested awaitables, a channel", [](run& r) { w4(r, false); });
  add("w5", "1,000 channels, one after another", w5);
  add("w6", "a channel", w6);
  add("w7", "co_spawn()", w7);
  add("w8m", "awaitable, 10 s", w8m, cold);
  add("w8fr", "awaitable, real time", w8f);
  add("w9q", "channels", w9);
  return main_of("asio_await", argc, argv);
}
