#ifndef RATCHET_TESTS_BENCHMARKS_CORE_H_
#define RATCHET_TESTS_BENCHMARKS_CORE_H_

// The workloads of ratchet itself, by subject; core.cc is the program. What
// each one is, and what its check is, stands in inputs.h. They use the library
// as a program would: public names alone, whatever way of them is the fastest.

#include "absl/status/status.h"
#include "ratchet/event_loop.h"
#include "tests/benchmarks/harness.h"

namespace bench {

void add_loop_workloads();
void add_timer_workloads();
void add_future_workloads();
void add_task_workloads();
void add_thread_workloads();
void add_memory_workloads();

// Runs `f` in a callback of `loop`, as code of a program would run, and returns
// when the batch that it is in has ended.
template <class F>
void run_inside(ratchet::event_loop& loop, F f) {
  loop.call_soon([&loop, &f] {
    f();
    loop.stop();
  });
  const absl::Status ran = loop.run_forever();
  require(ran.ok(), "run_forever() ends by stop()");
}

}  // namespace bench

#endif  // RATCHET_TESTS_BENCHMARKS_CORE_H_
