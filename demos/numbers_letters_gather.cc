// numbers_letters_gather: Two tasks that alternate; shows their group

#include <iostream>
#include <utility>

#include "absl/time/time.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

class numbers final : public ratchet::task<void> {
 public:
  step start() {
    if (number_ == 5) return done();
    std::cout << number_++ << '\n';
    return sleep_for<&numbers::start>(absl::Milliseconds(1));
  }

 private:
  int number_ = 0;
};

class letters final : public ratchet::task<void> {
 public:
  step start() {
    if (letter_ > 'E') return done();
    std::cout << letter_++ << '\n';
    return sleep_for<&letters::start>(absl::Milliseconds(1));
  }

 private:
  char letter_ = 'A';
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  auto group = ratchet::when_all(numbers(), letters());
  std::cout << group << '\n';
  lesson::check(loop.run_until_complete(std::move(group)));
}
