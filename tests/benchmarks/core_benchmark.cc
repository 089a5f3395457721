// What the core costs: nanoseconds (CPU) for one operation, blocks of memory
// for one operation, bytes for what waits.
//
//   bazel run --config=opt //tests/benchmarks:core -- --benchmark_repetitions=5
//
// `blocks` counts what the slab hands out and `mallocs` what operator new does,
// both per operation. Every benchmark adds up what it computes, so that none
// can win by doing nothing.

#include <cstdint>
#include <deque>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "ratchet/ratchet.h"
#include "tests/support/allocations.h"

namespace {

using ratchet::event_loop;
using ratchet::future;
using ratchet::promise;

// Counts allocations from its construction on.
class allocations {
 public:
  void report(benchmark::State& state, double operations) const {
    state.counters["blocks"] =
        static_cast<double>(count_.blocks()) / operations;
    state.counters["mallocs"] =
        static_cast<double>(count_.from_heap()) / operations;
    state.SetItemsProcessed(static_cast<int64_t>(operations));
  }

 private:
  ratchet::test::allocation_count count_;
};

// How much is resident now, in bytes.
double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

// -- Callbacks
// ------------------------------------------------------------------

struct reposting {
  event_loop* loop;
  int64_t* left;
  void operator()() const {
    if (--*left > 0) {
      loop->call_soon(*this);
    } else {
      loop->stop();
    }
  }
};

// What is a callback that posts itself, with `ready` of them in the queue?
void BM_CallSoon_Reposting(benchmark::State& state) {
  const int64_t kRuns = 100'000;
  event_loop loop;
  int64_t total = 0;
  allocations count;
  for (auto _ : state) {
    int64_t left = kRuns;
    for (int64_t i = 0; i < state.range(0); ++i) {
      loop.call_soon(reposting{&loop, &left});
    }
    benchmark::DoNotOptimize(loop.run_forever());
    total += kRuns;
  }
  count.report(state, static_cast<double>(total));
}
BENCHMARK(BM_CallSoon_Reposting)->ArgName("ready")->Arg(1)->Arg(1000);

// The same with what one would write without a library.
void BM_DequeOfFunctions_Reposting(benchmark::State& state) {
  const int64_t kRuns = 100'000;
  std::deque<std::function<void()>> queue;
  struct task {
    std::deque<std::function<void()>>* queue;
    int64_t* left;
    void operator()() const {
      if (--*left > 0) queue->push_back(*this);
    }
  };
  int64_t total = 0;
  allocations count;
  for (auto _ : state) {
    int64_t left = kRuns;
    for (int64_t i = 0; i < state.range(0); ++i) {
      queue.push_back(task{&queue, &left});
    }
    while (!queue.empty()) {
      const std::function<void()> f = std::move(queue.front());
      queue.pop_front();
      f();
    }
    total += kRuns;
  }
  count.report(state, static_cast<double>(total));
}
BENCHMARK(BM_DequeOfFunctions_Reposting)->ArgName("ready")->Arg(1)->Arg(1000);

// What is a post from the loop's own thread, run included?
void BM_Post_FromInside(benchmark::State& state) {
  event_loop loop;
  int64_t sum = 0;
  int64_t total = 0;
  allocations count;
  for (auto _ : state) {
    for (int i = 0; i < 1000; ++i) {
      loop.post([&sum, i] { sum += i; }).IgnoreError();
    }
    loop.stop();
    benchmark::DoNotOptimize(loop.run_forever());
    total += 1000;
  }
  benchmark::DoNotOptimize(sum);
  count.report(state, static_cast<double>(total));
}
BENCHMARK(BM_Post_FromInside);

// -- Futures
// ---------------------------------------------------------------------

future<int> ten_thens(future<int> f) {
  for (int i = 0; i < 10; ++i) {
    f = std::move(f).then([](int x) { return x + 1; });
  }
  return f;
}

// What is a then() attached while pending, its run included?
void BM_Then_Pending(benchmark::State& state) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  int64_t sum = 0;
  int64_t total = 0;
  allocations count;
  for (auto _ : state) {
    promise<int> p;
    future<int> f = ten_thens(p.get_future());
    p.set_value(1).IgnoreError();
    sum += loop.run_until_complete(std::move(f)).value();
    total += 10;
  }
  benchmark::DoNotOptimize(sum);
  count.report(state, static_cast<double>(total));
}
BENCHMARK(BM_Then_Pending);

// And on a future that is ready?
void BM_Then_Ready(benchmark::State& state) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  int64_t sum = 0;
  int64_t total = 0;
  allocations count;
  for (auto _ : state) {
    sum += loop.run_until_complete(ten_thens(ratchet::make_ready_future(1)))
               .value();
    total += 10;
  }
  benchmark::DoNotOptimize(sum);
  count.report(state, static_cast<double>(total));
}
BENCHMARK(BM_Then_Ready);

// What is a child of a when_all over 1,000 pending futures, promise included?
void BM_WhenAll_PerChild(benchmark::State& state) {
  const int kChildren = 1000;
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  int64_t sum = 0;
  int64_t total = 0;
  allocations count;
  for (auto _ : state) {
    std::vector<promise<int>> promises(kChildren);
    std::vector<future<int>> futures;
    futures.reserve(kChildren);
    for (promise<int>& p : promises) futures.push_back(p.get_future());
    future<std::vector<int>> all = ratchet::when_all(std::move(futures));
    for (promise<int>& p : promises) p.set_value(1).IgnoreError();
    const std::vector<int> values =
        loop.run_until_complete(std::move(all)).value();
    for (int value : values) sum += value;
    total += kChildren;
  }
  benchmark::DoNotOptimize(sum);
  count.report(state, static_cast<double>(total));
}
BENCHMARK(BM_WhenAll_PerChild);

class summing_stream final : public ratchet::task<int64_t> {
 public:
  explicit summing_stream(std::vector<future<int>> futures)
      : stream_(ratchet::as_completed(std::move(futures))) {}
  step start() {
    if (stream_.empty()) return done(sum_);
    return await<&summing_stream::one>(stream_.next());
  }

 private:
  step one(ratchet::completed<int> c) {
    sum_ += *c.result;
    return start();
  }

  ratchet::completions<future<int>> stream_;
  int64_t sum_ = 0;
};

// And of an as_completed?
void BM_AsCompleted_PerChild(benchmark::State& state) {
  const int kChildren = 1000;
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  int64_t sum = 0;
  int64_t total = 0;
  allocations count;
  for (auto _ : state) {
    std::vector<promise<int>> promises(kChildren);
    std::vector<future<int>> futures;
    futures.reserve(kChildren);
    for (promise<int>& p : promises) futures.push_back(p.get_future());
    future<int64_t> all = create_task(summing_stream(std::move(futures)));
    for (int i = 0; i < kChildren; ++i) {  // In an order of its own.
      promises[static_cast<size_t>(i * 387 % kChildren)]
          .set_value(1)
          .IgnoreError();
    }
    sum += loop.run_until_complete(std::move(all)).value();
    total += kChildren;
  }
  benchmark::DoNotOptimize(sum);
  count.report(state, static_cast<double>(total));
}
BENCHMARK(BM_AsCompleted_PerChild);

// -- Tasks
// ---------------------------------------------------------------------------

class yielding final : public ratchet::task<int> {
 public:
  explicit yielding(int x) : x_(x) {}
  step start() { return yield<&yielding::end>(); }

 private:
  step end() { return done(x_); }
  int x_;
};

// Spawns 1,000 at a time and awaits them one after the other.
class spawning final : public ratchet::task<int64_t> {
 public:
  explicit spawning(int64_t left) : left_(left) {}
  step start() {
    tasks_.clear();
    for (next_ = 0; tasks_.size() < 1000 && left_ > 0; --left_) {
      tasks_.push_back(create_task(yielding(1)));
    }
    return more();
  }

 private:
  step more() {
    if (next_ < tasks_.size()) {
      return await<&spawning::got>(std::move(tasks_[next_++]));
    }
    return left_ > 0 ? start() : done(sum_);
  }
  step got(int x) {
    sum_ += x;
    return more();
  }

  int64_t left_;
  int64_t sum_ = 0;
  size_t next_ = 0;
  std::vector<future<int>> tasks_;
};

// What is a task that yields once and returns an int that is awaited?
void BM_Task_SpawnYieldReturnAwait(benchmark::State& state) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  int64_t sum = 0;
  int64_t total = 0;
  allocations count;
  for (auto _ : state) {
    sum += loop.run_until_complete(spawning(10'000)).value();
    total += 10'000;
  }
  benchmark::DoNotOptimize(sum);
  count.report(state, static_cast<double>(total));
}
BENCHMARK(BM_Task_SpawnYieldReturnAwait);

class sleeping final : public ratchet::task<void> {
 public:
  explicit sleeping(absl::Duration length) : length_(length) {}
  step start() { return sleep_for<&sleeping::end>(length_); }

 private:
  step end() { return done(); }
  absl::Duration length_;
};

// What does a task cost that is asleep: to get there, and in resident bytes?
// The bytes are right in a process of its own: --benchmark_filter=Asleep.
void BM_Task_Asleep(benchmark::State& state) {
  const int64_t tasks = state.range(0);
  double bytes = 0;
  int64_t total = 0;
  for (auto _ : state) {
    state.PauseTiming();
    ratchet::virtual_clock clock;
    auto* const loop = new event_loop(clock);
    loop->set_error_handler([](const ratchet::error_report&) {});
    const double before = resident_bytes();
    state.ResumeTiming();
    for (int64_t i = 0; i < tasks; ++i) {
      static_cast<void>(loop->create_task(sleeping(absl::Seconds(10))));
    }
    loop->stop();
    benchmark::DoNotOptimize(loop->run_forever());
    state.PauseTiming();
    if (total == 0) bytes = resident_bytes() - before;
    delete loop;
    state.ResumeTiming();
    total += tasks;
  }
  state.counters["bytes"] = bytes / static_cast<double>(tasks);
  state.SetItemsProcessed(total);
}
BENCHMARK(BM_Task_Asleep)
    ->ArgName("tasks")
    ->Arg(1'000'000)
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond);

// What is one that sleeps for 0..1 s, from its start to its end, of a million?
void BM_Task_SleepToTheEnd(benchmark::State& state) {
  const int64_t tasks = state.range(0);
  int64_t total = 0;
  for (auto _ : state) {
    ratchet::virtual_clock clock;
    event_loop loop(clock);
    uint64_t random = 1;
    for (int64_t i = 0; i < tasks; ++i) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      static_cast<void>(loop.create_task(
          sleeping(absl::Microseconds(1 + (random >> 44) % 1'000'000))));
    }
    benchmark::DoNotOptimize(loop.run_forever());
    total += tasks;
  }
  state.SetItemsProcessed(total);
}
BENCHMARK(BM_Task_SleepToTheEnd)
    ->ArgName("tasks")
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

// -- Timers of the loop
// -------------------------------------------------------------

class idle_timer final : public event_loop::timer {
  void timer_due() override {}
};

// What is cancelling a random one of `timers` and arming it anew (1 ms..1 h)?
void BM_Timer_CancelAndArm(benchmark::State& state) {
  const size_t timers = static_cast<size_t>(state.range(0));
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  std::vector<idle_timer> all(timers);
  uint64_t random = 1;
  const auto next = [&random] {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return random >> 33;
  };
  const absl::Time start = loop.now();
  const auto deadline = [&] {
    return start + absl::Microseconds(1000 + next() * 2 % 3'600'000'000);
  };
  for (idle_timer& t : all) loop.arm(t, deadline());
  int64_t cancelled = 0;
  allocations count;
  for (auto _ : state) {
    idle_timer& t = all[next() % timers];
    cancelled += loop.disarm(t);
    loop.arm(t, deadline());
  }
  benchmark::DoNotOptimize(cancelled);
  count.report(state, static_cast<double>(state.iterations()));
}
BENCHMARK(BM_Timer_CancelAndArm)
    ->ArgName("timers")
    ->Arg(1'000)
    ->Arg(100'000)
    ->Arg(1'000'000);

}  // namespace

BENCHMARK_MAIN();
