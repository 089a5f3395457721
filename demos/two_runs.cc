// two_runs: Two runs, one after the other: three seconds, then five

#include <iostream>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

class display_after final : public ratchet::task<void> {
 public:
  display_after(std::string message, absl::Duration delay)
      : message_(std::move(message)), delay_(delay) {}
  step start() { return sleep_for<&display_after::finish>(delay_); }

 private:
  step finish() {
    lesson::display(message_);
    return done();
  }

  const std::string message_;
  const absl::Duration delay_;
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  std::cout << "****Start of main****\n";
  lesson::check(
      ratchet::run(display_after("Hei", absl::Seconds(3)), lesson::clock()));
  lesson::check(
      ratchet::run(display_after("Bye", absl::Seconds(5)), lesson::clock()));
  std::cout << "****End of main****\n";
}
