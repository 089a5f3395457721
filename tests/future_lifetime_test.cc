// Who may go first: handles, promises, callbacks and loops, in any order.

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FutureLifetimeTest : public loop_test {};

// -- In every position --------------------------------------------------------

TEST_F(FutureLifetimeTest, DroppingAFutureNeitherCancelsNorBlocks) {
  promise<int> p;
  { future<int> f = p.get_future(); }
  EXPECT_FALSE(p.cancelled());
  EXPECT_THAT(p.set_value(1), IsOk());
}

TEST_F(FutureLifetimeTest, ACallbackRunsAlthoughItsFutureWasDropped) {
  promise<int> p;
  {
    future<void> f = p.get_future().then([this](int) { mark("ran"); });
  }
  ASSERT_THAT(p.set_value(1), IsOk());
  {
    future<void> f = make_ready_future().then([this] { mark("queued"); });
  }
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("ran", "queued"));
}

TEST_F(FutureLifetimeTest, ACallbackMayDestroyItsOwnFuture) {
  const auto with = [this](auto attach) {
    promise<int> p;
    auto own = std::make_unique<future<int>>();
    *own = attach(p.get_future(), own);
    EXPECT_THAT(p.set_value(1), IsOk());
    run_until_idle();
    EXPECT_EQ(own, nullptr);
  };
  with([](future<int> f, auto& own) {
    return std::move(f).then([&own](int x) {
      own.reset();
      return x;
    });
  });
  with([](future<int> f, auto& own) {
    return std::move(f).finally([&own] { own.reset(); });
  });
  with([](future<int> f, auto& own) {
    return std::move(f).then_result([&own](absl::StatusOr<int> r) {
      own.reset();
      return r;
    });
  });
  with([](future<int> f, auto& own) {
    return std::move(f)
        .then([](int) { return absl::NotFoundError("x"); })
        .then([] { return 1; })
        .or_else([&own](const absl::Status&) {
          own.reset();
          return 2;
        });
  });
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(FutureLifetimeTest, AFutureDestroyedByItsCallbackStillReportsItsError) {
  promise<int> p;
  auto own = std::make_unique<future<void>>();
  *own = p.get_future().then([&](int) {
    own.reset();
    return absl::NotFoundError("x");
  });
  ASSERT_THAT(p.set_value(1), IsOk());
  run_until_idle();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].status, absl::NotFoundError("x"));
}

TEST_F(FutureLifetimeTest, ACallbackMayDestroyItsSourceAndItsPromise) {
  auto p = std::make_unique<promise<int>>();
  auto source = std::make_unique<shared_future<int>>(p->get_future());
  future<int> f = source->then([&](const int& x) {
    source.reset();
    p.reset();
    return x;  // The value is still there.
  });
  ASSERT_THAT(p->set_value(8), IsOk());
  run_until_idle();
  EXPECT_THAT(f.result(), IsOkAndHolds(8));
}

TEST_F(FutureLifetimeTest, AnInnerFutureMayBeDroppedByItsCallersToo) {
  auto inner = std::make_unique<promise<int>>();
  future<int> f = make_ready_future().then([&] { return inner->get_future(); });
  iterate();
  f = future<int>();
  inner.reset();  // Breaks, and nobody is left who could see it.
  run_until_idle();
  EXPECT_EQ(reports.size(), 1u);
}

TEST_F(FutureLifetimeTest, AnErrorHandlerMayMakeAndDropFutures) {
  int left = 5;
  loop.set_error_handler([&](const error_report&) {
    if (--left > 0) (void)make_error_future<int>(absl::NotFoundError("again"));
  });
  (void)make_error_future<int>(absl::NotFoundError("first"));
  EXPECT_EQ(left, 0);
}

// -- After the loop -----------------------------------------------------------

TEST_F(FutureLifetimeTest, HandlesThatOutliveTheLoopAnswerSafely) {
  future<int> settled, failed, pending, chained;
  shared_future<int> shared;
  std::optional<promise<int>> p;
  {
    event_loop other(clock);
    catch_reports(other);
    settled = make_ready_future(1);
    failed = make_error_future<int>(absl::NotFoundError("x"));
    p.emplace();
    shared = p->get_future();
    pending = shared.finally([] { ADD_FAILURE(); });
    chained =
        shared.then([](int x) { return x; }).then([](int x) { return x; });
  }
  EXPECT_THAT(settled.result(), IsOkAndHolds(1));
  EXPECT_EQ(failed.status(), absl::NotFoundError("x"));
  EXPECT_FALSE(pending.done());
  EXPECT_THAT(pending.status(),
              IsKind(error_kind::invalid_state, HasSubstr("pending")));
  EXPECT_FALSE(settled.cancel());
  // New continuations and callbacks are dropped, and never run.
  const auto alive = std::make_shared<int>(0);
  future<int> late = std::move(settled).then([alive](int x) { return x; });
  EXPECT_FALSE(late.done());
  EXPECT_EQ(alive.use_count(), 1);
  shared.add_done_callback([alive] { ADD_FAILURE(); });
  EXPECT_THAT(p->set_value(3), IsKind(error_kind::closed, HasSubstr("closed")));
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_THAT(shared.result(), IsOkAndHolds(3));
  EXPECT_FALSE(chained.done());
  (void)chained.cancel();
  run_until_idle();
}

TEST_F(FutureLifetimeTest, AnythingCanGoInAnyOrder) {
  // A loop with all kinds of things that know it; destroyed in random order.
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<std::function<void()>> ends;
    const auto keep = [&](auto thing) {
      auto shared =
          std::make_shared<std::optional<decltype(thing)>>(std::move(thing));
      ends.push_back([shared] { shared->reset(); });
      return shared;
    };
    auto other = std::make_unique<event_loop>(clock);
    other->set_error_handler([](const error_report&) {});
    auto p = keep(promise<int>(*other));
    auto q = keep(promise<void>(*other));
    auto s = keep(shared_future<int>((*p)->get_future()));
    keep((**s).then([](int x) { return x; }));
    keep((**s).then([](int x) { return x; }).finally([] {}));
    keep((*q)->get_future().then([q] { return absl::OkStatus(); }));
    keep((**s).add_done_callback([] {}));
    keep(other->call_soon([] {}));
    keep(other->call_later(absl::Seconds(1), [] {}));
    keep(other->make_remote());
    ends.push_back([&] { other.reset(); });
    ends.push_back([&] {
      if (p->has_value()) (void)(*p)->set_value(1);
    });
    ends.push_back([&] {
      if (q->has_value()) (void)(*q)->set_value();
    });
    ends.push_back([&] {
      if (s->has_value()) (void)(*s)->cancel();
    });
    ends.push_back([&] {
      if (other == nullptr) return;
      other->stop();
      (void)other->run_forever();
    });
    std::shuffle(ends.begin(), ends.end(), random);
    for (const auto& end : ends) end();
    // What the continuation of q holds of q is a cycle only while q is pending:
    // it was completed, or its loop is gone.
  }
}

TEST_F(FutureLifetimeTest, TwoLoopsOnAThreadGoInAnyOrder) {
  for (const bool first_goes_first : {true, false}) {
    auto a = std::make_unique<event_loop>(clock);
    auto b = std::make_unique<event_loop>(clock);
    promise<int> of_a(*a), of_b(*b);
    // Each is waited for by a future of the other.
    shared_future<int> from_a = of_a.get_future(), from_b = of_b.get_future();
    promise<void> go_a(*a), go_b(*b);
    future<int> in_a = go_a.get_future().then([&] { return from_b; });
    future<int> in_b = go_b.get_future().then([&] { return from_a; });
    ASSERT_THAT(go_a.set_value(), IsOk());
    ASSERT_THAT(go_b.set_value(), IsOk());
    (void)a->run_forever();
    (void)b->run_forever();
    (first_goes_first ? a : b).reset();
    (void)of_a.set_value(1);
    (void)of_b.set_value(2);
    if (a != nullptr) (void)a->run_forever();
    if (b != nullptr) (void)b->run_forever();
    (first_goes_first ? b : a).reset();
    EXPECT_THAT(from_a.result(), IsOkAndHolds(1));
    EXPECT_THAT(from_b.result(), IsOkAndHolds(2));
  }
}

// A closing loop drops two callbacks of one future; the first to go takes the
// second back.
TEST_F(FutureLifetimeTest, WhatIsDroppedMayCancelWhatIsDroppedWithIt) {
  struct cancels {
    explicit cancels(callback_handle& h) : handle(&h) {}
    ~cancels() { handle->cancel(); }
    callback_handle* handle;
  };
  for (const bool settled : {true, false}) {
    callback_handle a, b, c;
    event_loop other(clock);
    auto p = std::make_optional<promise<int>>(other);
    {
      // The continuation is what is pending when its loop closes.
      shared_future<int> s = p->get_future().finally([] {});
      a = s.add_done_callback([x = std::make_unique<cancels>(b)] {});
      b = s.add_done_callback([x = std::make_unique<cancels>(c)] {});
      c = s.add_done_callback([x = std::make_unique<cancels>(a)] {});
    }
    if (settled) {
      ASSERT_THAT(p->set_value(1), IsOk());
    }
    ASSERT_THAT(other.close(), IsOk());
    if (!settled) (void)p->set_value(1);
    EXPECT_FALSE(a.pending());
    EXPECT_FALSE(b.pending());
    EXPECT_FALSE(c.pending());
  }
}

}  // namespace
}  // namespace ratchet
