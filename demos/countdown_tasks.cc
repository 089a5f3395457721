// countdown_tasks: Two countdowns at the same time, as tasks

#include <iostream>
#include <utility>

#include "absl/time/time.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

class countdown final : public ratchet::task<void> {
 public:
  explicit countdown(int n) : n_(n) {}
  step start() {
    if (n_ == 0) return done();
    std::cout << n_-- << '\n';
    return sleep_for<&countdown::start>(absl::Seconds(1));
  }

 private:
  int n_;
};

class main_task final : public ratchet::task<void> {
 public:
  step start() {
    first_ = ratchet::create_task(countdown(3));
    second_ = ratchet::create_task(countdown(2));
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
