// Cancelling futures that do not come from tasks: in every position.

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsCancelled;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FutureCancelTest : public loop_test {};

TEST_F(FutureCancelTest, APlainFutureIsCancelledAtOnce) {  // S37
  promise<int> p;
  future<int> f = p.get_future();
  f.add_done_callback(marks("callback"));
  EXPECT_TRUE(f.cancel());
  EXPECT_TRUE(f.cancelled());
  EXPECT_TRUE(p.cancelled());
  EXPECT_THAT(taken(), IsEmpty());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("callback"));
}

TEST_F(FutureCancelTest, ASettledOneRefuses) {  // S37
  future<int> f = make_ready_future(1);
  EXPECT_FALSE(f.cancel());
  EXPECT_FALSE(f.cancelled());
  EXPECT_THAT(f.result(), IsOkAndHolds(1));
  promise<int> p;
  future<int> g = p.get_future();
  EXPECT_TRUE(g.cancel());
  EXPECT_FALSE(g.cancel());
  EXPECT_TRUE(g.cancelled());
}

TEST_F(FutureCancelTest, AChainPassesTheRequestUpstream) {
  promise<int> p;
  future<void> f = p.get_future()
                       .then([this](int x) {
                         mark("then");
                         return x;
                       })
                       .or_else([this](const absl::Status&) {
                         mark("or_else");
                         return 1;
                       })
                       .finally([this] { mark("finally"); })
                       .then([this](int) { mark("last"); });
  EXPECT_TRUE(f.cancel());
  EXPECT_TRUE(p.cancelled());  // At once.
  EXPECT_FALSE(f.done());      // A hop for each link.
  iterate(3);
  EXPECT_FALSE(f.done());
  iterate();
  EXPECT_TRUE(f.cancelled());
  EXPECT_THAT(taken(), ElementsAre("finally"));
}

TEST_F(FutureCancelTest, OfASharedFutureConcernsEverybody) {  // S56
  promise<int> p;
  shared_future<int> s = p.get_future();
  future<int> a = s.then([](int x) { return x; });
  future<int> b = s.then([](int x) { return x; });
  EXPECT_TRUE(a.cancel());
  iterate();
  EXPECT_TRUE(a.cancelled());
  EXPECT_TRUE(b.cancelled());
  EXPECT_TRUE(s.cancelled());
}

TEST_F(FutureCancelTest, QueuedTheCallbackGetsCancelledInPlaceOfTheOutcome) {
  // S57
  promise<int> p;
  shared_future<int> s = p.get_future();
  future<int> then = s.then([this](int x) {
    mark("then");
    return x;
  });
  future<int> or_else = s.or_else([this](const absl::Status&) {
    mark("or_else");
    return 1;
  });
  future<int> finally = s.finally([this] { mark("finally"); });
  future<std::string> result = s.then_result([this](absl::StatusOr<int> r) {
    mark("then_result");
    EXPECT_THAT(r, IsCancelled());
    return std::string("went on");
  });
  ASSERT_THAT(p.set_value(5), IsOk());
  EXPECT_TRUE(then.cancel());
  EXPECT_TRUE(or_else.cancel());
  EXPECT_TRUE(finally.cancel());
  EXPECT_TRUE(result.cancel());
  EXPECT_TRUE(result.cancel());  // Again: it is not done.
  EXPECT_FALSE(then.done());
  iterate();
  EXPECT_TRUE(then.cancelled());
  EXPECT_TRUE(or_else.cancelled());
  EXPECT_TRUE(finally.cancelled());
  EXPECT_THAT(result.result(), IsOkAndHolds("went on"));
  EXPECT_THAT(taken(), ElementsAre("finally", "then_result"));
  EXPECT_THAT(s.result(), IsOkAndHolds(5));  // It stays there.
}

TEST_F(FutureCancelTest, QueuedWithAnErrorItIsCancelledAndTheErrorSeen) {
  // S57, S38
  future<int> f =
      make_error_future<int>(absl::NotFoundError("x")).then([](int x) {
        return x;
      });
  EXPECT_TRUE(f.cancel());
  iterate();
  EXPECT_TRUE(f.cancelled());
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(FutureCancelTest, FromItsOwnCallbackTheValueIsLost) {  // S59
  const auto with = [this](auto attach) {
    promise<int> p;
    shared_future<int> self;
    self = attach(p.get_future(), self);
    EXPECT_THAT(p.set_value(1), IsOk());
    iterate();
    EXPECT_TRUE(self.done());
    return self;
  };
  EXPECT_TRUE(with([](future<int> f, auto& self) {
                return std::move(f).then([&self](int x) {
                  EXPECT_TRUE(self.cancel());
                  return x;
                });
              }).cancelled());
  EXPECT_TRUE(with([](future<int> f, auto& self) {
                return std::move(f).finally(
                    [&] { EXPECT_TRUE(self.cancel()); });
              }).cancelled());
  EXPECT_TRUE(with([](future<int> f, auto& self) {
                return std::move(f).then_result([&](absl::StatusOr<int> r) {
                  EXPECT_TRUE(self.cancel());
                  return r;
                });
              }).cancelled());
}

TEST_F(FutureCancelTest, FromItsOwnCallbackAnErrorWins) {  // S59
  promise<int> p;
  shared_future<void> self;
  self = p.get_future().then([&](int) {
    EXPECT_TRUE(self.cancel());
    return absl::NotFoundError("x");
  });
  ASSERT_THAT(p.set_value(1), IsOk());
  iterate();
  EXPECT_EQ(self.status(), absl::NotFoundError("x"));
}

TEST_F(FutureCancelTest, FromItsOwnCallbackItReachesTheInnerFuture) {  // S59
  promise<int> p, inner;
  shared_future<int> self;
  self = p.get_future().then([&](int) {
    EXPECT_TRUE(self.cancel());
    return inner.get_future();
  });
  ASSERT_THAT(p.set_value(1), IsOk());
  iterate();
  EXPECT_TRUE(inner.cancelled());
  EXPECT_FALSE(self.done());
  iterate();
  EXPECT_TRUE(self.cancelled());
}

TEST_F(FutureCancelTest, WhileItWaitsForTheInnerFuture) {  // S55
  promise<int> inner;
  future<int> f = make_ready_future().then([&] { return inner.get_future(); });
  iterate();
  EXPECT_TRUE(f.cancel());
  EXPECT_TRUE(inner.cancelled());
  EXPECT_FALSE(f.done());
  iterate();
  EXPECT_TRUE(f.cancelled());
}

TEST_F(FutureCancelTest, WhenTheInnerFutureHasJustCompleted) {  // S57
  promise<int> inner;
  shared_future<int> observed = inner.get_future();
  future<int> f = make_ready_future().then([&] { return observed; });
  iterate();
  ASSERT_THAT(inner.set_value(1), IsOk());
  EXPECT_TRUE(f.cancel());
  iterate();
  EXPECT_TRUE(f.cancelled());
  EXPECT_THAT(observed.result(), IsOkAndHolds(1));
}

// Goes on for as often as it is asked to stop, then ends with a value.
class stubborn final : public task<int> {
 public:
  explicit stubborn(future<void> f) : f_(std::move(f)) {}
  step start() { return await<&stubborn::finish>(std::move(f_)); }

 private:
  step finish(absl::Status) { return done(9); }
  future<void> f_;
};

TEST_F(FutureCancelTest, ATaskUpstreamMayRefuse) {  // S55
  promise<void> p;
  future<int> f =
      create_task(stubborn(p.get_future())).then([](int x) { return x + 1; });
  iterate();
  EXPECT_TRUE(f.cancel());
  run_until_idle();
  EXPECT_THAT(f.result(), IsOkAndHolds(10));
}

TEST_F(FutureCancelTest, ACompletedOneDoesNotPassItOn) {
  promise<int> p;
  shared_future<int> s = p.get_future();
  ASSERT_THAT(p.set_value(1), IsOk());
  future<int> f = s.then([](int x) { return x; });
  iterate();
  EXPECT_FALSE(f.cancel());
  EXPECT_THAT(f.result(), IsOkAndHolds(1));
}

TEST_F(FutureCancelTest, TheHandleMayBeDroppedRightAfter) {
  promise<int> p;
  p.get_future().then([this](int) { mark("then"); }).cancel();
  EXPECT_TRUE(p.cancelled());
  run_until_idle();
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(FutureCancelTest, OnAClosedLoopItChangesTheStateAndNothingRuns) {
  promise<int> p;
  shared_future<int> s = p.get_future();
  future<int> f = s.then([this](int x) {
    mark("then");
    return x;
  });
  ASSERT_THAT(loop.close(), IsOk());
  EXPECT_TRUE(s.cancel());
  EXPECT_TRUE(s.cancelled());
  EXPECT_FALSE(f.done());  // Lost (S14).
  (void)f.cancel();
  EXPECT_THAT(taken(), IsEmpty());
}

}  // namespace
}  // namespace ratchet
