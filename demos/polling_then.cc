// polling_then: polling, with continuations

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

ratchet::future<void> poll(ratchet::future<std::string> task) {
  if (task.done()) {
    lesson::display(task.value());
    return ratchet::make_ready_future();
  }
  lesson::display("Doing something useful ... ");
  return ratchet::sleep_for(absl::Seconds(1))
      .then(
          [task = std::move(task)]() mutable { return poll(std::move(task)); });
}

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  lesson::display("****Start of main*****");
  lesson::check(loop.run_until_complete(
      poll(create_string_after("Bonjour", absl::Seconds(10)))));
  lesson::display("****End of main****");
}
