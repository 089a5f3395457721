// square_gather_then: square_gather, with continuations

#include <iostream>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

ratchet::future<int> square(int x) {
  std::cout << "Square " << x << '\n';
  return ratchet::sleep_for(absl::Seconds(1)).then([x] {
    std::cout << "End square " << x << '\n';
    return x * x;
  });
}

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  // A function runs when it is called, and C++ leaves open in which order the
  // arguments of a call are: so not when_all(square(1), square(2), square(3)).
  std::vector<ratchet::future<int>> futures;
  for (int x : {1, 2, 3}) futures.push_back(square(x));
  std::vector<int> squares = lesson::check(
      loop.run_until_complete(ratchet::when_all(std::move(futures))));
  std::cout << '[' << absl::StrJoin(squares, ", ") << "]\n";
}
