// task_results: The value of an await is the value the task returned

#include <iostream>
#include <utility>

#include "demos/lesson.h"
#include "ratchet/ratchet.h"

class square final : public ratchet::task<int> {
 public:
  explicit square(int x) : x_(x) {}
  step start() { return done(x_ * x_); }

 private:
  const int x_;
};

class main_task final : public ratchet::task<void> {
 public:
  step start() {
    first_ = ratchet::create_task(square(10));
    second_ = ratchet::create_task(square(20));
    return await<&main_task::got_first>(std::move(first_));
  }

 private:
  step got_first(int one) {
    one_ = one;
    return await<&main_task::got_second>(std::move(second_));
  }
  step got_second(int two) {
    std::cout << one_ << '\n' << two << '\n';
    return done();
  }

  ratchet::future<int> first_;
  ratchet::future<int> second_;
  int one_ = 0;
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  lesson::check(ratchet::run(main_task(), lesson::clock()));
}
