// How late the timers of libuv fire. Its unit is a millisecond: a length is
// rounded up, and counts from the millisecond in which the iteration began.

#include <uv.h>

#include <vector>

#include "tests/benchmarks/harness.h"
#include "tests/benchmarks/latency/latency.h"

namespace {

using latency::recorder;

struct state {
  uv_loop_t loop;
  uv_timer_t timer;
  std::vector<uv_idle_t> busy;
  recorder* of;

  void arm() {
    const int64_t delay = of->next_delay();
    uv_timer_start(
        &timer,
        [](uv_timer_t* t) {
          auto* const self = static_cast<state*>(t->data);
          if (self->of->fired()) {
            self->arm();
          } else {
            uv_stop(t->loop);
          }
        },
        static_cast<uint64_t>((delay + bench::kMillisecond - 1) /
                              bench::kMillisecond),
        0);
  }
};

void measure(recorder& r, bool busy) {
  auto* const s = new state;  // Not closed: the process ends after this.
  s->of = &r;
  uv_loop_init(&s->loop);
  s->busy.resize(busy ? latency::kBusyCallbacks : 0);
  for (uv_idle_t& idle : s->busy) {
    uv_idle_init(&s->loop, &idle);
    uv_idle_start(&idle, [](uv_idle_t*) { latency::work(); });
  }
  uv_timer_init(&s->loop, &s->timer);
  s->timer.data = s;
  s->arm();
  uv_run(&s->loop, UV_RUN_DEFAULT);
}

}  // namespace

int main(int argc, char** argv) {
  return latency::main_of("libuv", argc, argv, measure);
}
