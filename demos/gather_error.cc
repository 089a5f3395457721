// gather_error: One fails: the error reaches the caller

#include <iostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
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

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  auto squares = loop.run_until_complete(
      ratchet::when_all(square("20"), square("ten"), square("100")));
  if (!squares.ok()) {
    std::cout << squares.status() << '\n';
    return 1;
  }
  std::cout << '[' << absl::StrJoin(*squares, ", ") << "]\n";
}
