// KJ, of Cap'n Proto: its promises, with a loop without I/O where none is
// needed.
//
// Absent:
//   w2r  A timer is a promise: it is dropped, and there is a new one.
//   w9e  There is nothing to wait for more than once; w9q and w9f.

#include <kj/async-io.h>
#include <kj/async-queue.h>
#include <kj/async.h>
#include <kj/mutex.h>
#include <kj/timer.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/benchmarks/harness.h"
#include "tests/benchmarks/peers/mailbox.h"

namespace bench {
namespace {

using promise = kj::Promise<void>;

struct loop_without_io {
  kj::EventLoop loop;
  kj::WaitScope scope{loop};
};

kj::Duration as_duration(int64_t ns) { return ns * kj::NANOSECONDS; }

// -- w1 -----------------------------------------------------------------------

promise repost(uint64_t left, uint64_t& runs) {
  return kj::evalLater([left, &runs]() -> promise {
    ++runs;
    if (left == 1) return kj::READY_NOW;
    return repost(left - 1, runs);
  });
}

void w1(run& r, uint64_t ready, uint64_t each) {
  loop_without_io l;
  uint64_t runs = 0;
  std::vector<promise> all;
  all.reserve(ready);
  r.start();
  for (uint64_t i = 0; i < ready; ++i) {
    all.push_back(repost(each, runs).eagerlyEvaluate(nullptr));
  }
  for (promise& p : all) p.wait(l.scope);
  r.stop(ready * each);
  r.check = runs;
}

// -- w2, w3 -------------------------------------------------------------------

void w2(run& r, uint64_t timers) {
  const std::vector<int64_t> delays = w2_delays(timers);
  const std::vector<rearming> all =
      w2_rearmings(timers, r.scaled(kW2Operations));
  loop_without_io l;
  kj::TimerImpl timer(kj::origin<kj::TimePoint>());
  std::vector<promise> each;
  each.reserve(timers);
  for (int64_t d : delays) each.push_back(timer.afterDelay(as_duration(d)));
  uint64_t cancelled = 0;
  r.start();
  for (const rearming& one : all) {
    promise& p = each[one.timer];
    p = nullptr;
    ++cancelled;
    p = timer.afterDelay(as_duration(one.delay));
  }
  r.stop(all.size());
  r.check = cancelled;
}

// By steps of 1 ms, until `left` is 0.
void let_time_pass(kj::TimerImpl& timer, kj::WaitScope& scope, size_t& left) {
  while (left > 0) {
    timer.advanceTo(timer.now() + 1 * kj::MILLISECONDS);
    scope.poll();
  }
}

template <class Arm>
void arm_all(const std::vector<int64_t>& delays, std::vector<promise>& each,
             const Arm& arm) {
  each.reserve(delays.size());
  for (size_t i = 0; i < delays.size(); ++i) {
    each.push_back(arm(static_cast<uint32_t>(i), delays[i]));
  }
}

struct tally {
  uint64_t sum;
  size_t left;
  kj::Own<kj::PromiseFulfiller<void>> done;
};

// A timer with what is done when it fires; that is started at once.
promise firing(kj::Timer& timer, int64_t delay, uint32_t index, tally& of) {
  return timer.afterDelay(as_duration(delay))
      .then([&of, index]() {
        of.sum += index + 1;
        if (--of.left == 0) of.done->fulfill();
      })
      .eagerlyEvaluate(nullptr);
}

void fire_all(run& r, const std::vector<int64_t>& delays, bool real) {
  auto paf = kj::newPromiseAndFulfiller<void>();
  tally all{0, delays.size(), kj::mv(paf.fulfiller)};
  std::vector<promise> each;
  if (real) {
    kj::AsyncIoContext io = kj::setupAsyncIo();
    kj::Timer& timer = io.provider->getTimer();
    r.start();
    arm_all(delays, each, [&](uint32_t i, int64_t delay) {
      return firing(timer, delay, i, all);
    });
    paf.promise.wait(io.waitScope);
    r.stop(delays.size());
    each.clear();
  } else {
    loop_without_io l;
    kj::TimerImpl timer(kj::origin<kj::TimePoint>());
    r.start();
    arm_all(delays, each, [&](uint32_t i, int64_t delay) {
      return firing(timer, delay, i, all);
    });
    let_time_pass(timer, l.scope, all.left);
    r.stop(delays.size());
    each.clear();
  }
  r.check = all.sum;
}

// -- w4, w5, w6 ---------------------------------------------------------------

kj::Promise<int> then_ten_times(kj::Promise<int> p) {
  for (int i = 0; i < kW4Thens; ++i) {
    p = p.then([](int x) { return x + 1; });
  }
  return p;
}

void w4(run& r, bool pending) {
  loop_without_io l;
  const uint64_t chains = r.scaled(kW4Chains);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < chains; ++i) {
    if (pending) {
      auto paf = kj::newPromiseAndFulfiller<int>();
      kj::Promise<int> p = then_ten_times(kj::mv(paf.promise));
      paf.fulfiller->fulfill(1);
      sum += static_cast<uint64_t>(p.wait(l.scope));
    } else {
      sum += static_cast<uint64_t>(
          then_ten_times(kj::Promise<int>(1)).wait(l.scope));
    }
  }
  r.stop(chains * kW4Thens);
  r.check = sum;
}

using fulfillers = std::vector<kj::Own<kj::PromiseFulfiller<int>>>;

void w5(run& r) {
  loop_without_io l;
  const uint64_t rounds = r.scaled(kW5Rounds);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    fulfillers each;
    each.reserve(kW5Children);
    auto children = kj::heapArrayBuilder<kj::Promise<int>>(kW5Children);
    for (int k = 0; k < kW5Children; ++k) {
      auto paf = kj::newPromiseAndFulfiller<int>();
      each.push_back(kj::mv(paf.fulfiller));
      children.add(kj::mv(paf.promise));
    }
    kj::Promise<kj::Array<int>> all = kj::joinPromises(children.finish());
    int value = 0;
    for (auto& f : each) f->fulfill(value++);
    for (int v : all.wait(l.scope)) sum += static_cast<uint64_t>(v);
  }
  r.stop(rounds * kW5Children);
  r.check = sum;
}

// What ends goes on in its own continuation, and a set keeps them all.
class ignoring final : public kj::TaskSet::ErrorHandler {
  void taskFailed(kj::Exception&&) override {}
};

void w6(run& r) {
  loop_without_io l;
  ignoring errors;
  const std::vector<int> order = w6_order();
  const uint64_t rounds = r.scaled(kW6Rounds);
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    kj::TaskSet tasks(errors);
    uint64_t position = 0;
    fulfillers each;
    each.reserve(order.size());
    for (size_t k = 0; k < order.size(); ++k) {
      auto paf = kj::newPromiseAndFulfiller<int>();
      each.push_back(kj::mv(paf.fulfiller));
      tasks.add(paf.promise.then([&sum, &position](int value) {
        sum += ++position * static_cast<uint64_t>(value);
      }));
    }
    for (int child : order)
      each[static_cast<size_t>(child)]->fulfill(int(child));
    tasks.onEmpty().wait(l.scope);
  }
  r.stop(rounds * order.size());
  r.check = sum;
}

// -- w7, w8 -------------------------------------------------------------------

kj::Promise<int> yielding(int x) {
  return kj::evalLater([x]() { return x; });
}

void w7(run& r) {
  loop_without_io l;
  const uint64_t rounds = r.scaled(kW7Rounds);
  std::vector<kj::Promise<int>> tasks;
  uint64_t sum = 0;
  r.start();
  for (uint64_t i = 0; i < rounds; ++i) {
    tasks.clear();
    for (int k = 0; k < kW7Outstanding; ++k) {
      tasks.push_back(yielding(k).eagerlyEvaluate(nullptr));
    }
    for (auto& t : tasks) sum += static_cast<uint64_t>(t.wait(l.scope));
  }
  r.stop(rounds * kW7Outstanding);
  r.check = sum;
}

void w8m(run& r) {
  const uint64_t tasks = r.scaled(kW8Tasks);
  const uint64_t before = resident_bytes();
  auto* const l = new loop_without_io;  // They never end.
  auto* const timer = new kj::TimerImpl(kj::origin<kj::TimePoint>());
  r.start();
  for (uint64_t i = 0; i < tasks; ++i) {
    timer->afterDelay(as_duration(kW8mDelay)).detach([](kj::Exception&&) {});
  }
  l->scope.poll();
  r.stop(tasks);
  r.bytes_per_item = static_cast<double>(resident_bytes() - before) /
                     static_cast<double>(tasks);
  r.check = tasks;
}

// -- w9 -----------------------------------------------------------------------

using queue = kj::ProducerConsumerQueue<uint64_t>;

promise play(queue& mine, queue& other, uint64_t passes, uint64_t& last) {
  return mine.pop().then(
      [&mine, &other, passes, &last](uint64_t token) -> promise {
        if (token == passes) last = token;
        other.push(token + 1);
        if (token >= passes) return kj::READY_NOW;
        return play(mine, other, passes, last);
      });
}

void w9q(run& r) {
  loop_without_io l;
  const uint64_t passes = r.scaled(kW9Passes);
  uint64_t last = 0;
  queue a, b;
  a.push(0);
  r.start();
  promise one = play(a, b, passes, last).eagerlyEvaluate(nullptr);
  promise two = play(b, a, passes, last).eagerlyEvaluate(nullptr);
  one.wait(l.scope);
  two.wait(l.scope);
  r.stop(passes);
  r.check = last;
}

using pair_of_ends = kj::PromiseFulfillerPair<uint64_t>;

kj::Promise<uint64_t> play(pair_of_ends* of, int me, uint64_t passes) {
  return of[me].promise.then(
      [of, me, passes](uint64_t token) -> kj::Promise<uint64_t> {
        if (token >= passes) {
          of[1 - me].fulfiller->fulfill(uint64_t(token));
          return token;
        }
        of[me] = kj::newPromiseAndFulfiller<uint64_t>();
        of[1 - me].fulfiller->fulfill(token + 1);
        return play(of, me, passes);
      });
}

void w9f(run& r) {
  loop_without_io l;
  const uint64_t passes = r.scaled(kW9Passes);
  pair_of_ends of[2] = {kj::newPromiseAndFulfiller<uint64_t>(),
                        kj::newPromiseAndFulfiller<uint64_t>()};
  r.start();
  of[0].fulfiller->fulfill(0);
  kj::Promise<uint64_t> one = play(of, 0, passes).eagerlyEvaluate(nullptr);
  kj::Promise<uint64_t> two = play(of, 1, passes).eagerlyEvaluate(nullptr);
  r.check = one.wait(l.scope);
  two.wait(l.scope);
  r.stop(passes);
}

// -- w10, w12 -----------------------------------------------------------------

// A mailbox, for Executor::executeAsync() gives a promise for every call, to a
// loop that each thread would have to have.
struct posts {
  mailbox box;
  uint64_t left = 0;
  uint64_t sum = 0;
  kj::MutexGuarded<kj::Own<kj::CrossThreadPromiseFulfiller<void>>> wake;

  // The loop's next promise to be woken by.
  promise awake() {
    auto paf = kj::newPromiseAndCrossThreadFulfiller<void>();
    *wake.lockExclusive() = kj::mv(paf.fulfiller);
    return kj::mv(paf.promise);
  }
};

void w10(run& r, uint64_t producers) {
  kj::AsyncIoContext io = kj::setupAsyncIo();
  const uint64_t all = r.scaled(kW10Posts);
  posts to;
  to.left = all;
  promise awake = to.awake();
  std::vector<std::thread> threads;
  r.start();
  for (uint64_t p = 0; p < producers; ++p) {
    threads.emplace_back([&to, n = w10_share(all, producers, p)] {
      const auto arrive = [](void* what, uint64_t i) {
        auto* const self = static_cast<posts*>(what);
        self->sum += i;
        --self->left;
      };
      for (uint64_t i = 0; i < n; ++i) {
        if (to.box.put({arrive, &to, i})) {
          (*to.wake.lockExclusive())->fulfill();
        }
      }
    });
  }
  while (to.left > 0) {
    awake.wait(io.waitScope);
    awake = to.awake();
    to.box.call_all();
  }
  for (std::thread& t : threads) t.join();
  r.stop(all);
  r.check = to.sum;
}

// Threads without loops, that answer by fulfillers. Executors, with a loop in
// each thread, take six times as long.
class thread_pool {
 public:
  thread_pool() {
    for (int i = 0; i < kW12Threads; ++i) {
      threads_.emplace_back([this] { work(); });
    }
  }
  ~thread_pool() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
    }
    wanted_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  kj::Promise<uint64_t> run(uint64_t i) {
    auto paf = kj::newPromiseAndCrossThreadFulfiller<uint64_t>();
    bool wake;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      jobs_.push_back({i, kj::mv(paf.fulfiller)});
      wake = idle_ > 0;
    }
    if (wake) wanted_.notify_one();
    return kj::mv(paf.promise);
  }

 private:
  struct job {
    uint64_t i;
    kj::Own<kj::CrossThreadPromiseFulfiller<uint64_t>> result;
  };

  void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      while (jobs_.empty()) {
        if (ended_) return;
        ++idle_;
        wanted_.wait(lock);
        --idle_;
      }
      {
        const job j = kj::mv(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        j.result->fulfill(j.i + 1);
      }
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<job> jobs_;
  int idle_ = 0;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

struct functions {
  thread_pool& pool;
  uint64_t next;
  uint64_t end;
  uint64_t sum;
};

promise chain(functions& all) {
  if (all.next >= all.end) return kj::READY_NOW;
  return all.pool.run(all.next++).then([&all](uint64_t result) -> promise {
    all.sum += result;
    return chain(all);
  });
}

void w12(run& r, int in_flight) {
  loop_without_io l;
  thread_pool pool;
  functions all{pool, 0, r.scaled(kW12Functions), 0};
  auto chains = kj::heapArrayBuilder<promise>(static_cast<size_t>(in_flight));
  r.start();
  for (int i = 0; i < in_flight; ++i) chains.add(chain(all));
  kj::joinPromises(chains.finish()).wait(l.scope);
  r.stop(all.end);
  r.check = all.sum;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  add("w1a", "evalLater()", [](run& r) { w1(r, 1, r.scaled(kW1aRuns)); });
  add("w1b", "evalLater()",
      [](run& r) { w1(r, kW1bCallbacks, r.scaled(kW1bRunsEach)); });
  const struct {
    const char* suffix;
    uint64_t timers;
  } sizes[] = {{"_1e3", 1'000}, {"_1e5", 100'000}, {"_1e6", 1'000'000}};
  for (const auto& size : sizes) {
    add(std::string("w2") + size.suffix, "drop one, afterDelay()",
        [n = size.timers](run& r) { w2(r, r.scaled(n)); });
  }
  add("w3", "afterDelay().then(), virtual time",
      [](run& r) { fire_all(r, w3_delays(r.scaled(kW3Timers)), false); });
  add("w3r", "afterDelay().then(), real time",
      [](run& r) { fire_all(r, w3_delays(r.scaled(kW3Timers)), true); });
  add("w4p", "10 thens", [](run& r) { w4(r, true); });
  add("w4r", "10 thens", [](run& r) { w4(r, false); });
  add("w5", "joinPromises()", w5);
  add("w6", "TaskSet", w6);
  add("w7", "evalLater()", w7);
  add("w8m", "afterDelay(), 10 s", w8m, cold);
  add("w8f", "afterDelay().then(), virtual time",
      [](run& r) { fire_all(r, w8f_delays(r.scaled(kW8Tasks)), false); });
  add("w8fr", "afterDelay().then(), real time",
      [](run& r) { fire_all(r, w8f_delays(r.scaled(kW8Tasks)), true); });
  add("w9q", "ProducerConsumerQueue", w9q);
  add("w9f", "newPromiseAndFulfiller()", w9f);
  add("w10_1", "vector and a fulfiller", [](run& r) { w10(r, 1); });
  add("w10_3", "vector and a fulfiller", [](run& r) { w10(r, 3); });
  add("w12a", "a fulfiller for each", [](run& r) { w12(r, 1); });
  add("w12b", "a fulfiller for each", [](run& r) { w12(r, kW12InFlight); });
  return main_of("kj", argc, argv);
}
