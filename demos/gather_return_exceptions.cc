// gather_return_exceptions: One fails: the error is in the list

#include <iostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

class square final : public ratchet::task<int> {
 public:
  explicit square(std::string text) : text_(std::move(text)) {}
  step start() {
    int x = 0;
    if (!absl::SimpleAtoi(text_, &x)) {
      return fail(absl::InvalidArgumentError(
          absl::StrCat("cannot square '", text_, "': not a number")));
    }
    return done(x * x);
  }

 private:
  const std::string text_;
};

// The value, or what went wrong.
void append(std::string* out, const absl::StatusOr<int>& square) {
  absl::StrAppend(
      out, square.ok() ? absl::StrCat(*square) : square.status().ToString());
}

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  auto squares = lesson::check(loop.run_until_complete(
      ratchet::when_all_settled(square("20"), square("ten"), square("100"))));
  std::cout << '[' << absl::StrJoin(squares, ", ", append) << "]\n";
}
