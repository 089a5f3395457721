// Ten coroutines, each of which awaits the one before, and one that sleeps.

#include "tests/benchmarks/peers/coroutine.h"

namespace {

using coro::task;

template <int kStep>
task<int> step(task<int> f) {
  co_return co_await std::move(f) + kStep;
}

}  // namespace

task<int> ten_thens(task<int> f) {
  return step<10>(step<9>(step<8>(step<7>(
      step<6>(step<5>(step<4>(step<3>(step<2>(step<1>(std::move(f)))))))))));
}

task<int> one_task(int x) {
  co_await coro::sleep_for(1'000'000'000);
  co_return x + 1;
}
