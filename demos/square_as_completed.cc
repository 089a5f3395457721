// square_as_completed: Take each result as soon as it is there

#include <iostream>
#include <vector>

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

class main_task final : public ratchet::task<void> {
 public:
  step start() {
    squares_ =
        ratchet::as_completed(std::vector{square(1), square(2), square(3)});
    return next();
  }

 private:
  step next() {
    if (squares_.empty()) return done();
    return await<&main_task::print>(squares_.next());
  }
  step print(ratchet::completed<int> square) {
    std::cout << "Result: " << *square.result << '\n';
    return next();
  }

  ratchet::completions<ratchet::future<int>> squares_;
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  lesson::check(ratchet::run(main_task(), lesson::clock()));
}
