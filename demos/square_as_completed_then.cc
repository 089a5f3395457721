// square_as_completed_then: square_as_completed, with continuations

#include <iostream>
#include <utility>
#include <vector>

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

// A loop is a function that calls itself from its continuation.
ratchet::future<void> print_all(
    ratchet::completions<ratchet::future<int>> squares) {
  if (squares.empty()) return ratchet::make_ready_future();
  ratchet::future<ratchet::completed<int>> next =
      ratchet::create_task(squares.next());
  return std::move(next).then(
      [squares = std::move(squares)](ratchet::completed<int> square) mutable {
        std::cout << "Result: " << *square.result << '\n';
        return print_all(std::move(squares));
      });
}

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  std::vector<ratchet::future<int>> squares;
  for (int x : {1, 2, 3}) squares.push_back(square(x));
  lesson::check(loop.run_until_complete(
      print_all(ratchet::as_completed(std::move(squares)))));
}
