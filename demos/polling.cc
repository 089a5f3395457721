// polling: Ask once a second whether the task is done

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

class create_string_after final : public ratchet::task<std::string> {
 public:
  create_string_after(std::string message, absl::Duration delay)
      : message_(std::move(message)), delay_(delay) {}
  step start() { return sleep_for<&create_string_after::finish>(delay_); }

 private:
  step finish() { return done(lesson::time_of_day() + " " + message_); }

  const std::string message_;
  const absl::Duration delay_;
};

class main_task final : public ratchet::task<void> {
 public:
  step start() {
    lesson::display("****Start of main*****");
    task_ =
        ratchet::create_task(create_string_after("Bonjour", absl::Seconds(10)));
    return poll();
  }

 private:
  step poll() {
    if (task_.done()) {
      lesson::display(task_.value());
      lesson::display("****End of main****");
      return done();
    }
    lesson::display("Doing something useful ... ");
    return sleep_for<&main_task::poll>(absl::Seconds(1));
  }

  ratchet::future<std::string> task_;
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  lesson::check(ratchet::run(main_task(), lesson::clock()));
}
