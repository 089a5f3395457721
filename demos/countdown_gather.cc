// countdown_gather: Two countdowns at the same time, with when_all

#include <iostream>

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

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  lesson::check(
      loop.run_until_complete(ratchet::when_all(countdown(3), countdown(2))));
}
