// square_one_then: square_one, with a continuation

#include <iostream>

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
  std::cout << lesson::check(loop.run_until_complete(square(1))) << '\n';
}
