// What ratchet costs: nanoseconds for one operation, blocks and bytes of
// memory.
//
//   bazel run --config=opt //tests/benchmarks:core
//   bazel run --config=opt //tests/benchmarks:core -- --json --workload=w4p
//
// `blocks_per_op` is what this thread takes from the slab, `mallocs_per_op`
// what all threads take from operator new.

#include "tests/benchmarks/core.h"

#include "tests/benchmarks/harness.h"
#include "tests/support/allocations.h"

int main(int argc, char** argv) {
  static const ratchet::test::allocation_count since_the_start;
  bench::count("blocks_per_op", [] { return since_the_start.blocks(); });
  bench::count("mallocs_per_op", [] { return since_the_start.from_heap(); });
  bench::add_loop_workloads();
  bench::add_timer_workloads();
  bench::add_future_workloads();
  bench::add_task_workloads();
  bench::add_thread_workloads();
  bench::add_memory_workloads();
  return bench::main_of("ratchet", argc, argv);
}
