// await_result_then: await_result, with continuations

#include <iostream>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

ratchet::future<std::string> create_string_after(std::string message,
                                                 absl::Duration delay) {
  return ratchet::sleep_for(delay).then([message = std::move(message)] {
    return lesson::time_of_day() + " " + message;
  });
}

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  std::cout << "*****Start of main*****\n";
  lesson::check(
      loop.run_until_complete(create_string_after("Bonjour", absl::Seconds(10))
                                  .then([](const std::string& result) {
                                    std::cout << result << '\n';
                                    std::cout << "*****End of main*****\n";
                                  })));
}
