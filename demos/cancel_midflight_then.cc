// cancel_midflight_then: cancel_midflight, with continuations

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "demos/console.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

ratchet::future<std::string> create_string_after(std::string message,
                                                 absl::Duration delay) {
  return ratchet::sleep_for(delay).then([message = std::move(message)] {
    return lesson::time_of_day() + " " + message;
  });
}

ratchet::future<void> wait_for(ratchet::future<std::string> string,
                               lesson::console& console) {
  if (string.done()) {
    lesson::display(string.value());
    return ratchet::make_ready_future();
  }
  return console.ask("Task not complete yet. Do you want to cancel it? ")
      .then([string = std::move(string),
             &console](lesson::console::answer cancel) mutable {
        // Nobody is there to ask again.
        if (!cancel.has_value()) return std::move(string).then(lesson::display);
        if (*cancel == "y") {
          lesson::display(
              "OK I'll cancel the task and we'll all just move on in life.");
          string.cancel();  // Passed on to the sleep that it waits for.
          return ratchet::make_ready_future();
        }
        lesson::display(
            "OK I'll wait another second and do something useful ... ");
        return ratchet::sleep_for(absl::Seconds(1))
            .then([string = std::move(string), &console]() mutable {
              return wait_for(std::move(string), console);
            });
      });
}

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  lesson::console console;
  ratchet::event_loop loop(lesson::clock());
  lesson::display("****Start of main*****");
  lesson::check(loop.run_until_complete(
      wait_for(create_string_after("Bonjour", absl::Seconds(10)), console)));
  lesson::display("****End of main*****");
}
