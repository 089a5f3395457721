// gather_values: The values of several tasks, together

#include <iostream>

#include "absl/strings/str_join.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

class square final : public ratchet::task<int> {
 public:
  explicit square(int x) : x_(x) {}
  step start() { return done(x_ * x_); }

 private:
  const int x_;
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  auto squares = lesson::check(loop.run_until_complete(
      ratchet::when_all(square(20), square(100), square(200))));
  std::cout << '[' << absl::StrJoin(squares, ", ") << "]\n";
}
