// consumer: what a program elsewhere that depends on ratchet looks like.

#include <iostream>
#include <tuple>

#include "absl/time/time.h"
#include "ratchet/ratchet.h"

#ifndef CONSUMER_HAS_ITS_OWN_GFLAGS
#error "ratchet_dependencies() has replaced a repository of its parent."
#endif

namespace {

class square final : public ratchet::task<int> {
 public:
  explicit square(int x) : x_(x) {}

  step start() {
    std::cout << "Square " << x_ << '\n';
    return sleep_for<&square::finish>(absl::Milliseconds(1));
  }

 private:
  step finish() { return done(x_ * x_); }

  int x_;
};

}  // namespace

int main() {
  ratchet::event_loop loop;
  auto squares = loop.run_until_complete(
      ratchet::when_all(square(1), square(2), square(3)));
  if (!squares.ok()) {
    std::cerr << squares.status() << '\n';
    return 1;
  }
  auto [one, four, nine] = *squares;
  std::cout << one << ' ' << four << ' ' << nine << '\n';

  // A conversion that ratchet's own -Wconversion -Werror would refuse.
  unsigned char narrow = one + four + nine;
  return narrow == 14 ? 0 : 1;
}
