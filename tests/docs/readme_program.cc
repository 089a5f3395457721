// The first program of the README, as it stands there.

#include <iostream>
#include <tuple>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
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

  int x_;
};

int main() {
  ratchet::event_loop loop;
  // absl::StatusOr<std::tuple<int, int, int>>, after one second.
  auto squares = loop.run_until_complete(
      ratchet::when_all(square(1), square(2), square(3)));
  std::cout << std::get<2>(squares.value()) << '\n';
}
