// useful_work: A task of ten seconds runs while main does something useful

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
  step start() {
    lesson::display("START: " + message_);
    return sleep_for<&display_after::finish>(delay_);
  }

 private:
  step finish() {
    lesson::display("END: " + message_);
    return done();
  }

  const std::string message_;
  const absl::Duration delay_;
};

class main_task final : public ratchet::task<void> {
 public:
  step start() {
    std::cout << "****Start of main****\n";
    task_ = ratchet::create_task(display_after("Hello", absl::Seconds(10)));
    return work();
  }

 private:
  step work() {
    if (steps_++ == 5) return wait();
    std::cout << "Doing something useful ... \n";
    return sleep_for<&main_task::work>(absl::Seconds(1));
  }
  step wait() {
    std::cout << "Finished doing useful work, now I'll wait for task to "
                 "finish\n";
    return await<&main_task::finish>(std::move(task_));
  }
  step finish() {
    std::cout << "****End of main****\n";
    return done();
  }

  ratchet::future<void> task_;
  int steps_ = 0;
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  lesson::check(ratchet::run(main_task(), lesson::clock()));
}
