// not_awaited: Tasks that nobody awaits: started, never finished

#include <iostream>

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

class main_task final : public ratchet::task<void> {
 public:
  step start() {
    ratchet::future<void> first = ratchet::create_task(numbers());
    ratchet::future<void> second = ratchet::create_task(letters());
    return done();
  }
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  lesson::check(ratchet::run(main_task(), lesson::clock()));
}
