// Futures: w4p, w4r, w5 and w6.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "ratchet/as_completed.h"
#include "ratchet/clock.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
#include "ratchet/when_all.h"
#include "tests/benchmarks/core.h"
#include "tests/benchmarks/harness.h"

namespace bench {
namespace {

using ratchet::event_loop;
using ratchet::future;
using ratchet::promise;

future<int> then_ten_times(future<int> f) {
  for (int i = 0; i < kW4Thens; ++i) {
    f = std::move(f).then([](int x) { return x + 1; });
  }
  return f;
}

void then_pending(run& r) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  const uint64_t chains = r.scaled(kW4Chains);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < chains; ++i) {
    promise<int> p;
    future<int> f = then_ten_times(p.get_future());
    p.set_value(1).IgnoreError();
    sum += static_cast<uint64_t>(loop.run_until_complete(std::move(f)).value());
  }
  r.stop(chains * kW4Thens);
  r.check = sum;
}

void then_ready(run& r) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  const uint64_t chains = r.scaled(kW4Chains);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < chains; ++i) {
    future<int> f = then_ten_times(ratchet::make_ready_future(1));
    sum += static_cast<uint64_t>(loop.run_until_complete(std::move(f)).value());
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

void when_all_children(run& r) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  const uint64_t rounds = r.scaled(kW5Rounds);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    std::vector<promise<int>> promises(kW5Children);
    future<std::vector<int>> all = ratchet::when_all(futures_of(promises));
    int value = 0;
    for (promise<int>& p : promises) p.set_value(value++).IgnoreError();
    const std::vector<int> values =
        loop.run_until_complete(std::move(all)).value();
    for (int v : values) sum += static_cast<uint64_t>(v);
  }
  r.stop(rounds * kW5Children);
  r.check = sum;
}

// Takes the results in the order in which they come.
class consumer final : public ratchet::task<uint64_t> {
 public:
  explicit consumer(std::vector<future<int>> futures)
      : stream_(ratchet::as_completed(std::move(futures))) {}
  step start() {
    return await<&consumer::all>(
        stream_.for_each([this](const ratchet::completed<int>& c) {
          sum_ += ++position_ * static_cast<uint64_t>(*c.result);
        }));
  }

 private:
  step all() { return done(sum_); }

  ratchet::completions<future<int>> stream_;
  uint64_t position_ = 0;
  uint64_t sum_ = 0;
};

void as_completed_children(run& r) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  const std::vector<int> order = w6_order();
  const uint64_t rounds = r.scaled(kW6Rounds);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    std::vector<promise<int>> promises(order.size());
    future<uint64_t> all = create_task(consumer(futures_of(promises)));
    for (int child : order) {
      promises[static_cast<size_t>(child)].set_value(child).IgnoreError();
    }
    sum += loop.run_until_complete(std::move(all)).value();
  }
  r.stop(rounds * order.size());
  r.check = sum;
}

}  // namespace

void add_future_workloads() {
  add("w4p", "10 thens", then_pending);
  add("w4r", "10 thens", then_ready);
  add("w5", "1,000 children", when_all_children);
  add("w6", "1,000 children", as_completed_children);
}

}  // namespace bench
