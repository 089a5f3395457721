// The other snippets of the README, compiled and run.

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "ratchet/ratchet.h"

namespace {

class square final : public ratchet::task<int> {
 public:
  explicit square(int x) : x_(x) {}
  step start() { return sleep_for<&square::finish>(absl::Seconds(1)); }

 private:
  step finish() { return done(x_ * x_); }

  int x_;
};

ratchet::future<int> square_later(int x) {
  return ratchet::sleep_for(absl::Seconds(1)).then([x] { return x * x; });
}

class sum_of_squares final : public ratchet::task<int> {
 public:
  step start() {
    return await<&sum_of_squares::first>(square(3));  // Runs inside this task.
  }

 private:
  step first(int nine) {  // An error would skip this state and fail the task.
    sum_ = nine;
    return await<&sum_of_squares::second>(
        ratchet::with_timeout(square_later(4), absl::Milliseconds(500)));
  }
  step second(absl::StatusOr<int> sixteen) {
    if (ratchet::is_timeout(sixteen.status())) return done(sum_);
    if (!sixteen.ok()) return fail(sixteen.status());
    return done(sum_ + *sixteen);
  }

  int sum_ = 0;
};

TEST(ReadmeTest, ContinuationSquares) {
  ratchet::virtual_clock clock;
  ratchet::event_loop loop(clock);
  EXPECT_EQ(loop.run_until_complete(square_later(4)).value(), 16);
  EXPECT_EQ(loop.now() - absl::UnixEpoch(), absl::Seconds(1));
}

TEST(ReadmeTest, TimeoutLeavesTheFirstSquare) {
  ratchet::virtual_clock clock;
  EXPECT_EQ(ratchet::run(sum_of_squares(), clock).value(), 9);
  EXPECT_EQ(clock.now() - absl::UnixEpoch(), absl::Milliseconds(1500));
}

}  // namespace
