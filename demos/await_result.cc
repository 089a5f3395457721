// await_result: A task that returns a value

#include <iostream>
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
    std::cout << "*****Start of main*****\n";
    ratchet::future<std::string> string =
        ratchet::create_task(create_string_after("Bonjour", absl::Seconds(10)));
    return await<&main_task::print>(std::move(string));
  }

 private:
  step print(const std::string& result) {
    std::cout << result << '\n';
    std::cout << "*****End of main*****\n";
    return done();
  }
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  lesson::check(ratchet::run(main_task(), lesson::clock()));
}
