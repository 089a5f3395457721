// Ten thens and one task: what a file of a program that uses ratchet costs.

#include "absl/time/time.h"
#include "ratchet/future.h"
#include "ratchet/task.h"

namespace {

class one final : public ratchet::task<int> {
 public:
  explicit one(int x) : x_(x) {}
  step start() { return sleep_for<&one::woken>(absl::Seconds(1)); }

 private:
  step woken() { return done(x_ + 1); }
  int x_;
};

}  // namespace

ratchet::future<int> ten_thens(ratchet::future<int> f) {
  return std::move(f)
      .then([](int x) { return x + 1; })
      .then([](int x) { return x + 2; })
      .then([](int x) { return x + 3; })
      .then([](int x) { return x + 4; })
      .then([](int x) { return x + 5; })
      .then([](int x) { return x + 6; })
      .then([](int x) { return x + 7; })
      .then([](int x) { return x + 8; })
      .then([](int x) { return x + 9; })
      .then([](int x) { return x + 10; });
}

ratchet::future<int> one_task(int x) { return create_task(one(x)); }
