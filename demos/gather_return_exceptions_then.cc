// gather_return_exceptions_then: gather_return_exceptions, with continuations

#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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

// The value, or what went wrong: then_result() sees both.
std::string show(const absl::StatusOr<int>& square) {
  return square.ok() ? absl::StrCat(*square) : square.status().ToString();
}

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  auto squares = lesson::check(loop.run_until_complete(ratchet::when_all(
      square("20").then_result(show), square("ten").then_result(show),
      square("100").then_result(show))));
  std::cout << '[' << absl::StrJoin(squares, ", ") << "]\n";
}
