// Callbacks: w1a, w1b, and a post from the loop's own thread.

#include <cstdint>

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

// `ready` callbacks in the queue, each of which runs `each` times.
template <class Callback>
void repost(run& r, uint64_t ready, uint64_t each) {
  ratchet::virtual_clock clock;
  event_loop loop(clock);
  const uint64_t all = ready * each;
  reposting state{loop, 0, all - ready, all};
  r.start();
  for (uint64_t i = 0; i < ready; ++i) loop.call_soon(Callback{&state});
  const absl::Status ran = loop.run_forever();
  r.stop(all);
  require(ran.ok(), "run_forever() ends by stop()");
  r.check = state.runs;
}

}  // namespace

void add_loop_workloads() {
  add("w1a", "1 callback",
      [](run& r) { repost<call_soon_again>(r, 1, r.scaled(kW1aRuns)); });
  add("w1b", "1,000 callbacks", [](run& r) {
    repost<call_soon_again>(r, kW1bCallbacks, r.scaled(kW1bRunsEach));
  });
  add("post", "1 callback, post() from inside",
      [](run& r) { repost<post_again>(r, 1, r.scaled(kW1aRuns)); });
}

}  // namespace bench
