// countdown_gather_then: countdown_gather, with continuations

#include <iostream>
#include <utility>

#include "absl/time/time.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

// A loop is a function that calls itself from its continuation.
ratchet::future<void> countdown(int n) {
  if (n == 0) return ratchet::make_ready_future();
  std::cout << n << '\n';
  return ratchet::sleep_for(absl::Seconds(1)).then([n] {
    return countdown(n - 1);
  });
}

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  // Each starts when it is called, so they are called one by one.
  ratchet::future<void> first = countdown(3);
  ratchet::future<void> second = countdown(2);
  lesson::check(loop.run_until_complete(
      ratchet::when_all(std::move(first), std::move(second))));
}
