// gather_error_then: gather_error, with continuations

#include <iostream>
#include <string>
#include <tuple>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

ratchet::future<int> square(const std::string& text) {
  int x = 0;
  if (!absl::SimpleAtoi(text, &x)) {
    return ratchet::make_error_future<int>(absl::InvalidArgumentError(
        absl::StrCat("cannot square '", text, "': not a number")));
  }
  return ratchet::make_ready_future(x * x);
}

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  absl::Status status = loop.run_until_complete(
      ratchet::when_all(square("20"), square("ten"), square("100"))
          .then([](const std::tuple<int, int, int>& squares) {
            std::cout << '[' << absl::StrJoin(squares, ", ") << "]\n";
          })
          .or_else([](const absl::Status& error) {
            std::cout << error << '\n';
            return error;  // It stays an error.
          }));
  return status.ok() ? 0 : 1;
}
