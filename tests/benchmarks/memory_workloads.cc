// Memory: w8m, and the bytes of what waits. In new processes, so that what is
// resident is what they took.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/task.h"
#include "ratchet/timer_wheel.h"
#include "tests/benchmarks/core.h"
#include "tests/benchmarks/harness.h"

namespace bench {
namespace {

using ratchet::event_loop;
using ratchet::future;

// Nothing but what it takes to sleep.
class asleep_for_long final : public ratchet::task<void> {
 public:
  step start() {
    ++asleep;
    return sleep_for<&asleep_for_long::end>(absl::Nanoseconds(kW8mDelay));
  }

  static inline uint64_t asleep = 0;

 private:
  step end() { return done(); }
};

double bytes_since(uint64_t before) {
  return static_cast<double>(resident_bytes()) - static_cast<double>(before);
}

void silently(const ratchet::error_report&) {}

void fall_asleep(run& r) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  loop.set_error_handler(silently);  // The tasks never end.
  const uint64_t tasks = r.scaled(kW8Tasks);
  asleep_for_long::asleep = 0;
  const uint64_t before = resident_bytes();
  r.start();
  for (uint64_t i = 0; i < tasks; ++i) {
    static_cast<void>(ratchet::create_task<asleep_for_long>());
  }
  run_inside(loop, [] {});
  r.stop(tasks);
  r.bytes_per_item = bytes_since(before) / static_cast<double>(tasks);
  r.check = asleep_for_long::asleep;
}

// The least that a task with a result can be.
class waiting final : public ratchet::task<int> {
 public:
  step start() { return await<&waiting::end>(source()); }

  static ratchet::shared_future<int>& source() {
    static ratchet::shared_future<int> one;
    return one;
  }

 private:
  step end(int x) { return done(x); }
};

// A million of each, kind after kind, and none goes before all are there.
void bytes(run& r) {
  const uint64_t n = r.scaled(kW8Tasks);
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  loop.set_error_handler(silently);
  uint64_t before = resident_bytes();
  // All that has come since the last call, but for the handles.
  const auto measure = [&](const char* of_what, size_t handle) {
    r.field(of_what, bytes_since(before) / static_cast<double>(n) -
                         static_cast<double>(handle));
    before = resident_bytes();
  };
  r.start();

  ratchet::timer_wheel wheel;
  std::vector<ratchet::timer_wheel::timer> timers(n);
  for (auto& t : timers) wheel.schedule(t, kW8mDelay);
  measure("timer", 0);

  std::vector<ratchet::promise<int>> promises(n);
  measure("future", sizeof(ratchet::promise<int>));

  std::vector<future<int>> futures;
  futures.reserve(n);
  for (ratchet::promise<int>& p : promises) {
    futures.push_back(p.get_future().then([](int x) { return x + 1; }));
  }
  measure("then", sizeof(future<int>));

  std::vector<future<int>> results;
  results.reserve(n);
  ratchet::promise<int> source;
  waiting::source() = source.get_future();
  for (uint64_t i = 0; i < n; ++i) {
    results.push_back(loop.create_task(waiting()));
  }
  run_inside(loop, [] {});  // They begin, and wait.
  measure("task", sizeof(future<int>));

  r.stop(n);
  for (const future<int>& f : results) r.check += f.done() ? 0 : 1;
  waiting::source() = {};
}

}  // namespace

void add_memory_workloads() {
  add("w8m", "asleep for 10 s", fall_asleep, cold);
  add("bytes", "resident, of each", bytes, cold);
}

}  // namespace bench
