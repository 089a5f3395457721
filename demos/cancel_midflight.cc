// cancel_midflight: Lose patience with a task and cancel it

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "demos/console.h"
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
  explicit main_task(lesson::console& console) : console_(console) {}
  step start() {
    lesson::display("****Start of main*****");
    task_ =
        ratchet::create_task(create_string_after("Bonjour", absl::Seconds(10)));
    return check();
  }

 private:
  step check() {
    if (task_.done()) return finish(task_.value());
    return await<&main_task::answered>(
        console_.ask("Task not complete yet. Do you want to cancel it? "));
  }
  step answered(lesson::console::answer cancel) {
    // Nobody is there to ask again.
    if (!cancel.has_value()) return await<&main_task::finish>(std::move(task_));
    if (*cancel == "y") {
      task_.cancel();
      return finish(
          "OK I'll cancel the task and we'll all just move on in life.");
    }
    lesson::display("OK I'll wait another second and do something useful ... ");
    return sleep_for<&main_task::check>(absl::Seconds(1));
  }
  step finish(const std::string& last_words) {
    lesson::display(last_words);
    lesson::display("****End of main*****");
    return done();
  }

  lesson::console& console_;
  ratchet::future<std::string> task_;
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  lesson::console console;
  lesson::check(ratchet::run(main_task(console), lesson::clock()));
}
