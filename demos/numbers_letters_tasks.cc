// numbers_letters_tasks: Two tasks that alternate, by tiny sleeps

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

class main_task final : public ratchet::task<void> {
 public:
  step start() {
    first_ = ratchet::create_task(numbers());
    second_ = ratchet::create_task(letters());
    return await<&main_task::first_done>(std::move(first_));
  }

 private:
  step first_done() {
    return await<&main_task::second_done>(std::move(second_));
  }
  step second_done() { return done(); }

  ratchet::future<void> first_;
  ratchet::future<void> second_;
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  lesson::check(ratchet::run(main_task(), lesson::clock()));
}
