// Tasks: w7, w8f, w9, and a task that does nothing but yield. w8m is in
// memory_workloads.cc.

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/clock.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/sync/event.h"
#include "ratchet/sync/queue.h"
#include "ratchet/task.h"
#include "ratchet/when_all.h"
#include "tests/benchmarks/core.h"
#include "tests/benchmarks/harness.h"
#include "tests/benchmarks/millisecond_clock.h"

namespace bench {
namespace {

using ratchet::event_loop;
using ratchet::future;

// -- w7 -----------------------------------------------------------------------

class yielding final : public ratchet::task<int> {
 public:
  explicit yielding(int x) : x_(x) {}
  step start() { return yield<&yielding::end>(); }

 private:
  step end() { return done(x_); }
  int x_;
};

// Starts 1,000 and awaits them one after the other, and again.
class spawning final : public ratchet::task<uint64_t> {
 public:
  explicit spawning(uint64_t rounds) : rounds_(rounds) {}
  step start() {
    if (rounds_-- == 0) return done(sum_);
    tasks_.clear();
    for (int i = 0; i < kW7Outstanding; ++i) {
      tasks_.push_back(ratchet::create_task<yielding>(i));
    }
    next_ = 0;
    return more();
  }

 private:
  step more() {
    if (next_ == tasks_.size()) return start();
    return await<&spawning::got>(std::move(tasks_[next_++]));
  }
  step got(int x) {
    sum_ += static_cast<uint64_t>(x);
    return more();
  }

  uint64_t rounds_;
  uint64_t sum_ = 0;
  size_t next_ = 0;
  std::vector<future<int>> tasks_;
};

void spawn_yield_return_await(run& r) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  const uint64_t rounds = r.scaled(kW7Rounds);
  r.start();
  r.check = loop.run_until_complete(spawning(rounds)).value();
  r.stop(rounds * kW7Outstanding);
}

class yielding_on final : public ratchet::task<uint64_t> {
 public:
  explicit yielding_on(uint64_t times) : times_(times) {}
  step start() {
    if (done_ == times_) return done(done_);
    ++done_;
    return yield<&yielding_on::start>();
  }

 private:
  uint64_t times_;
  uint64_t done_ = 0;
};

void yield_on(run& r) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  const uint64_t times = r.scaled(kW1aRuns);
  r.start();
  r.check = loop.run_until_complete(yielding_on(times)).value();
  r.stop(times);
}

// -- w8f ----------------------------------------------------------------------

struct dormitory {
  std::vector<absl::Duration> delays;
  event_loop& loop;
  uint64_t check = 0;
  size_t left;
};

class sleeping final : public ratchet::task<void> {
 public:
  sleeping(dormitory& where, uint32_t index) : where_(where), index_(index) {}
  step start() { return sleep_for<&sleeping::end>(where_.delays[index_]); }

 private:
  step end() {
    where_.check += index_ + 1;
    if (--where_.left == 0) where_.loop.stop();
    return done();
  }

  dormitory& where_;
  uint32_t index_;
};

void sleep_to_the_end(run& r, ratchet::clock& clock) {
  const std::vector<int64_t> delays = w8f_delays(r.scaled(kW8Tasks));
  event_loop loop(clock);
  dormitory all{{}, loop, 0, delays.size()};
  for (int64_t d : delays) all.delays.push_back(absl::Nanoseconds(d));
  r.start();
  for (size_t i = 0; i < delays.size(); ++i) {
    static_cast<void>(
        ratchet::create_task<sleeping>(all, static_cast<uint32_t>(i)));
  }
  const absl::Status ran = loop.run_forever();
  r.stop(delays.size());
  require(ran.ok() && all.left == 0, "every task ends");
  r.check = all.check;
}

// -- w9: two tasks pass a token -----------------------------------------------

// Each waits for its own event and sets that of the other one.
class event_player final : public ratchet::task<void> {
 public:
  event_player(ratchet::event& mine, ratchet::event& other, uint64_t& token,
               uint64_t passes)
      : mine_(mine), other_(other), token_(token), passes_(passes) {}
  step start() { return await<&event_player::got>(mine_.wait()); }

 private:
  step got() {
    mine_.clear();
    const bool over = token_ == passes_;
    if (!over) ++token_;
    other_.set();
    return over ? done() : start();
  }

  ratchet::event& mine_;
  ratchet::event& other_;
  uint64_t& token_;
  uint64_t passes_;
};

void pass_through_events(run& r) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  const uint64_t passes = r.scaled(kW9Passes);
  uint64_t token = 0;
  ratchet::event a, b;
  a.set();
  r.start();
  const bool ok = loop.run_until_complete(
                          ratchet::when_all(event_player(a, b, token, passes),
                                            event_player(b, a, token, passes)))
                      .ok();
  r.stop(passes);
  require(ok, "both players end");
  r.check = token;
}

// Each takes the token out of its own queue.
class queue_player final : public ratchet::task<void> {
 public:
  queue_player(ratchet::queue<uint64_t>& mine, ratchet::queue<uint64_t>& other,
               uint64_t passes)
      : mine_(mine), other_(other), passes_(passes) {}
  step start() { return await<&queue_player::got>(mine_.get()); }

 private:
  step got(uint64_t token) {
    const bool over = token >= passes_;
    other_.put_nowait(token + 1).IgnoreError();
    return over ? done() : start();
  }

  ratchet::queue<uint64_t>& mine_;
  ratchet::queue<uint64_t>& other_;
  uint64_t passes_;
};

void pass_through_queues(run& r) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  const uint64_t passes = r.scaled(kW9Passes);
  ratchet::queue<uint64_t> a, b;
  a.put_nowait(0).IgnoreError();
  r.start();
  const bool ok =
      loop.run_until_complete(ratchet::when_all(queue_player(a, b, passes),
                                                queue_player(b, a, passes)))
          .ok();
  r.stop(passes);
  require(ok, "both players end");
  // Two more than were passed: who sees the end tells the other one, too.
  r.check = passes;
  require(a.size() + b.size() == 1, "one token is left");
}

// Each makes a promise, anew for every pass, and awaits its future.
struct promises {
  ratchet::promise<uint64_t> of[2];
};

class future_player final : public ratchet::task<uint64_t> {
 public:
  future_player(promises& all, int me, uint64_t passes)
      : all_(all), me_(me), passes_(passes) {}
  step start() { return await<&future_player::got>(all_.of[me_].get_future()); }

 private:
  step got(uint64_t token) {
    if (token >= passes_) {
      all_.of[1 - me_].set_value(token).IgnoreError();
      return done(token);
    }
    all_.of[me_] = ratchet::promise<uint64_t>();
    all_.of[1 - me_].set_value(token + 1).IgnoreError();
    return start();
  }

  promises& all_;
  int me_;
  uint64_t passes_;
};

void pass_through_futures(run& r) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  const uint64_t passes = r.scaled(kW9Passes);
  promises all;
  r.start();
  all.of[0].set_value(uint64_t{0}).IgnoreError();
  const auto tokens = loop.run_until_complete(ratchet::when_all(
      future_player(all, 0, passes), future_player(all, 1, passes)));
  r.stop(passes);
  require(tokens.ok(), "both players end");
  r.check = std::get<0>(*tokens);
}

}  // namespace

void add_task_workloads() {
  add("w7", "1,000 outstanding", spawn_yield_return_await);
  add("yield", "1 task", yield_on);
  add("w8f", "virtual time, 1 ms steps", [](run& r) {
    millisecond_clock clock;
    sleep_to_the_end(r, clock);
  });
  add("w8fd", "virtual time, from deadline to deadline", [](run& r) {
    ratchet::virtual_clock clock;
    sleep_to_the_end(r, clock);
  });
  add("w8fr", "real time", [](run& r) {
    ratchet::steady_clock clock;
    sleep_to_the_end(r, clock);
  });
  add("w9e", "event", pass_through_events);
  add("w9q", "queue: put_nowait(), get()", pass_through_queues);
  add("w9f", "a fresh future each time", pass_through_futures);
}

}  // namespace bench
