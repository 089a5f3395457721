// Callbacks: w1a and w1b, the same with a function for each run, and with a
// post from the loop's own thread.

#include <cstdint>
#include <deque>

#include "absl/status/status.h"
#include "ratchet/clock.h"
#include "ratchet/event_loop.h"
#include "tests/benchmarks/core.h"
#include "tests/benchmarks/harness.h"

namespace bench {
namespace {

using ratchet::event_loop;

struct reposting {
  event_loop& loop;
  uint64_t runs;       // So far, of all callbacks together.
  uint64_t to_repost;  // The last ones, of all callbacks, are not posted again.
  uint64_t last;
};

class queued_again final : public event_loop::callback {
 public:
  explicit queued_again(reposting* r) : loop_(r->loop), r_(r) {}

 private:
  void run() override {
    if (++r_->runs <= r_->to_repost) {
      loop_.queue(*this);
    } else if (r_->runs == r_->last) {
      loop_.stop();
    }
  }
  event_loop& loop_;
  reposting* const r_;
};

struct call_soon_again {
  reposting* r;
  void operator()() const {
    if (++r->runs <= r->to_repost) {
      r->loop.call_soon(*this);
    } else if (r->runs == r->last) {
      r->loop.stop();
    }
  }
};

struct post_again {
  reposting* r;
  void operator()() const {
    if (++r->runs <= r->to_repost) {
      r->loop.post(*this).IgnoreError();
    } else if (r->runs == r->last) {
      r->loop.stop();
    }
  }
};

// `ready` callbacks in the queue, each of which runs `each` times; post_all
// puts them there.
template <class PostAll>
void repost(run& r, uint64_t ready, uint64_t each, PostAll post_all) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  const uint64_t all = ready * each;
  reposting state{loop, 0, all - ready, all};
  r.start();
  [[maybe_unused]] const auto kept =
      post_all(state, ready);  // Until the end of the run.
  const absl::Status ran = loop.run_forever();
  r.stop(all);
  require(ran.ok(), "run_forever() ends by stop()");
  r.check = state.runs;
}

// Callbacks that are part of their owner.
std::deque<queued_again> queue_all(reposting& state, uint64_t ready) {
  std::deque<queued_again> all;
  for (uint64_t i = 0; i < ready; ++i) {
    all.emplace_back(&state);
    state.loop.queue(all.back());
  }
  return all;
}

template <class Callback>
bool post_all(reposting& state, uint64_t ready) {
  for (uint64_t i = 0; i < ready; ++i) state.loop.call_soon(Callback{&state});
  return true;
}

}  // namespace

void add_loop_workloads() {
  add("w1a", "1 callback that is part of its owner",
      [](run& r) { repost(r, 1, r.scaled(kW1aRuns), queue_all); });
  add("w1b", "1,000 of them", [](run& r) {
    repost(r, kW1bCallbacks, r.scaled(kW1bRunsEach), queue_all);
  });
  add("soon", "1 callback, call_soon()", [](run& r) {
    repost(r, 1, r.scaled(kW1aRuns), post_all<call_soon_again>);
  });
  add("soon1000", "1,000 callbacks, call_soon()", [](run& r) {
    repost(r, kW1bCallbacks, r.scaled(kW1bRunsEach), post_all<call_soon_again>);
  });
  add("post", "1 callback, post() from inside",
      [](run& r) { repost(r, 1, r.scaled(kW1aRuns), post_all<post_again>); });
}

}  // namespace bench
