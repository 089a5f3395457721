// How late the timers of ratchet fire.

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/event_loop.h"
#include "tests/benchmarks/harness.h"
#include "tests/benchmarks/latency/latency.h"

namespace {

using latency::recorder;
using ratchet::event_loop;

struct timer {
  event_loop* loop;
  recorder* of;

  void arm() const {
    loop->call_later(absl::Nanoseconds(of->next_delay()), *this);
  }
  void operator()() const {
    if (of->fired()) {
      arm();
    } else {
      loop->stop();
    }
  }
};

struct busy_callback {
  event_loop* loop;
  void operator()() const {
    latency::work();
    loop->call_soon(*this);
  }
};

void measure(recorder& r, bool busy) {
  event_loop loop;
  for (int i = 0; busy && i < latency::kBusyCallbacks; ++i) {
    loop.call_soon(busy_callback{&loop});
  }
  loop.call_soon([&loop, &r] { timer{&loop, &r}.arm(); });
  const absl::Status ran = loop.run_forever();
  bench::require(ran.ok(), "run_forever() ends by stop()");
}

}  // namespace

int main(int argc, char** argv) {
  return latency::main_of("ratchet", argc, argv, measure);
}
