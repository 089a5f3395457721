// Ten thens and one task, which is a function that returns a promise.

#include <kj/async.h>
#include <kj/timer.h>

kj::Promise<int> ten_thens(kj::Promise<int> f) {
  return f.then([](int x) { return x + 1; })
      .then([](int x) { return x + 2; })
      .then([](int x) { return x + 3; })
      .then([](int x) { return x + 4; })
      .then([](int x) { return x + 5; })
      .then([](int x) { return x + 6; })
      .then([](int x) { return x + 7; })
      .then([](int x) { return x + 8; })
      .then([](int x) { return x + 9; })
      .then([](int x) { return x + 10; });
}

kj::Promise<int> one_task(kj::Timer& timer, int x) {
  return timer.afterDelay(1 * kj::SECONDS).then([x]() { return x + 1; });
}
