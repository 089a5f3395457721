// three_tasks_one_by_one: 10, 15 and 20 seconds, awaited one by one

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
    lesson::display("****Start of main****");
    task1_ = ratchet::create_task(display_after("Bonjour", absl::Seconds(10)));
    task2_ = ratchet::create_task(display_after("Bore da", absl::Seconds(15)));
    task3_ = ratchet::create_task(display_after("Hei hei", absl::Seconds(20)));
    return work();
  }

 private:
  step work() {
    if (steps_++ == 5) return wait1();
    lesson::display("Doing something useful ... ");
    return sleep_for<&main_task::work>(absl::Seconds(1));
  }
  step wait1() {
    lesson::display("Waiting for task1 to finish");
    return await<&main_task::wait2>(std::move(task1_));
  }
  step wait2() {
    lesson::display("Waiting for task2 to finish");
    return await<&main_task::wait3>(std::move(task2_));
  }
  step wait3() {
    lesson::display("Waiting for task3 to finish");
    return await<&main_task::finish>(std::move(task3_));
  }
  step finish() {
    lesson::display("****End of main*****");
    return done();
  }

  ratchet::future<void> task1_;
  ratchet::future<void> task2_;
  ratchet::future<void> task3_;
  int steps_ = 0;
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  lesson::check(ratchet::run(main_task(), lesson::clock()));
}
