#include "demos/console.h"

#include <unistd.h>

#include <iostream>
#include <utility>

namespace lesson {

console::console() : echo_(isatty(STDIN_FILENO) == 0) {
  std::cin.tie(nullptr);  // Else reading would flush std::cout from its thread.
}

console::~console() {
  if (reader_.joinable()) reader_.join();
}

ratchet::future<console::answer> console::ask(std::string_view question) {
  std::cout << question << std::flush;
  stopped_.emplace();
  ratchet::future<answer> answered = asker_.emplace().get_future();
  if (reader_.joinable()) reader_.join();  // It has posted its line, and ends.
  reader_ = std::thread(
      [this, remote = ratchet::event_loop::current().make_remote()] {
        std::string line;
        answer read;
        if (std::getline(std::cin, line)) read = std::move(line);
        // Refused if the loop is gone: then nobody waits.
        remote
            .post([this, read = std::move(read)]() mutable {
              take(std::move(read));
            })
            .IgnoreError();
      });
  return answered;
}

void console::take(answer line) {
  stopped_.reset();
  if (!line.has_value()) {
    std::cout << '\n';  // The question has the line to itself.
  } else if (echo_) {
    std::cout << *line << '\n';
  }
  asker_->set_value(std::move(line)).IgnoreError();
  asker_.reset();
}

}  // namespace lesson
