// Callbacks that return futures and tasks: the outer future waits for them.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::testing::HasSubstr;

absl::Status not_found() { return absl::NotFoundError("inner"); }

class FlattenTest : public loop_test {};

TEST_F(FlattenTest, APendingFutureIsWaitedFor) {
  promise<int> inner;
  future<int> f = make_ready_future().then([&] { return inner.get_future(); });
  iterate(3);
  EXPECT_FALSE(f.done());
  ASSERT_THAT(inner.set_value(5), IsOk());
  EXPECT_FALSE(f.done());  // S33
  iterate();
  EXPECT_THAT(f.result(), IsOkAndHolds(5));
}

TEST_F(FlattenTest, APendingFuturesErrorAndCancellationArePassedOn) {
  promise<int> failing, cancelling;
  future<int> f =
      make_ready_future().then([&] { return failing.get_future(); });
  shared_future<int> inner = cancelling.get_future();
  future<int> g = make_ready_future().then([&] { return inner; });
  iterate();
  ASSERT_THAT(failing.set_error(not_found()), IsOk());
  ASSERT_TRUE(inner.cancel());
  iterate();
  EXPECT_EQ(f.status(), not_found());
  EXPECT_TRUE(g.cancelled());
}

TEST_F(FlattenTest, ASharedFutureKeepsItsValue) {
  promise<std::string> p;
  shared_future<std::string> inner = p.get_future();
  future<std::string> f = make_ready_future().then([&] { return inner; });
  iterate();
  ASSERT_THAT(p.set_value("text"), IsOk());
  iterate();
  EXPECT_THAT(f.result(), IsOkAndHolds("text"));
  EXPECT_EQ(inner.value(), "text");
}

TEST_F(FlattenTest, AMoveOnlyValueIsMovedThrough) {
  promise<std::unique_ptr<int>> p;
  auto f = make_ready_future().then([&] { return p.get_future(); });
  iterate();
  ASSERT_THAT(p.set_value(std::make_unique<int>(5)), IsOk());
  iterate();
  EXPECT_EQ(*f.value(), 5);
}

class twice final : public task<int> {
 public:
  explicit twice(int x) : x_(x) {}
  step start() { return yield<&twice::finish>(); }

 private:
  step finish() {
    if (x_ < 0) return fail(not_found());
    return done(x_ * 2);
  }
  int x_;
};

TEST_F(FlattenTest, ATaskIsStartedAndWaitedFor) {  // S41
  future<int> f = make_ready_future(4).then([](int x) { return twice(x); });
  future<int> g = make_ready_future(-1).then([](int x) { return twice(x); });
  iterate();  // The callbacks.
  EXPECT_EQ(loop.all_tasks().size(), 2u);
  iterate(2);  // start, finish.
  EXPECT_FALSE(f.done());
  iterate();
  EXPECT_THAT(f.result(), IsOkAndHolds(8));
  EXPECT_EQ(g.status(), not_found());
}

TEST_F(FlattenTest, InnerFuturesNestAsDeepAsTheyLike) {
  std::function<future<int>(int)> count = [&](int n) -> future<int> {
    return make_ready_future(n).then([&count](int x) -> future<int> {
      if (x == 0) return make_ready_future(0);
      return count(x - 1).then([](int y) { return y + 1; });
    });
  };
  future<int> f = count(1000);
  run_until_idle();
  EXPECT_THAT(f.result(), IsOkAndHolds(1000));
}

TEST_F(FlattenTest, AFutureOfItselfIsAnErrorNotALeak) {  // S49
  promise<int> p;
  future<int> f;
  shared_future<int> self;
  self = p.get_future().then([&](int) { return self; });
  ASSERT_THAT(p.set_value(1), IsOk());
  run_until_idle();
  EXPECT_THAT(self.status(),
              IsKind(error_kind::self_await, HasSubstr("itself")));
}

TEST_F(FlattenTest, AFutureOfAnotherLoopCanBeReturned) {
  // Nobody waits in the other loop but a hand-over.
  event_loop other(clock);
  promise<int> p(other);
  shared_future<int> inner = p.get_future();
  promise<int> mine(loop);
  future<int> f = mine.get_future().then([&](int) { return inner; });
  ASSERT_THAT(mine.set_value(1), IsOk());
  iterate();
  ASSERT_THAT(p.set_value(6), IsOk());
  EXPECT_FALSE(f.done());
  (void)other.run_forever();
  EXPECT_THAT(f.result(), IsOkAndHolds(6));
}

}  // namespace
}  // namespace ratchet
