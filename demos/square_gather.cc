// square_gather: Three squares in one second, in argument order

#include <iostream>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "demos/lesson.h"
#include "ratchet/ratchet.h"

class square final : public ratchet::task<int> {
 public:
  explicit square(int x) : x_(x) {}
  step start() {
    std::cout << "Square " << x_ << '\n';
    return sleep_for<&square::finish>(absl::Seconds(1));
  }

 private:
  step finish() {
    std::cout << "End square " << x_ << '\n';
    return done(x_ * x_);
  }

  const int x_;
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  ratchet::event_loop loop(lesson::clock());
  auto squares = lesson::check(loop.run_until_complete(
      ratchet::when_all(square(1), square(2), square(3))));
  std::cout << '[' << absl::StrJoin(squares, ", ") << "]\n";
}
