#include "ratchet/thread/cross_thread_promise.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::IsKind;
using test::IsOk;
using test::IsOkAndHolds;
using test::StatusIs;
using ::testing::_;
using ::testing::ElementsAre;

template <class F>
void elsewhere(F f) {
  std::thread(std::move(f)).join();
}

class CrossThreadPromiseTest : public test::loop_test {};

TEST_F(CrossThreadPromiseTest, IsFulfilledFromAnotherThread) {
  cross_thread_promise<int> p;
  future<int> f = p.get_future();
  elsewhere([&] { EXPECT_THAT(p.set_value(1), IsOk()); });
  EXPECT_FALSE(f.done());  // Before the loop has run.
  EXPECT_TRUE(p.done());
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOkAndHolds(1));
}

TEST_F(CrossThreadPromiseTest, CarriesErrorsResultsAndNothing) {
  cross_thread_promise<int> error, result;
  cross_thread_promise<void> nothing, failed;
  cross_thread_promise<std::unique_ptr<int>> movable;
  const future<int> a = error.get_future(), b = result.get_future();
  const future<void> c = nothing.get_future(), d = failed.get_future();
  const future<std::unique_ptr<int>> e = movable.get_future();
  elsewhere([&] {
    EXPECT_THAT(error.set_error(absl::NotFoundError("it")), IsOk());
    EXPECT_THAT(result.set_result(2), IsOk());
    EXPECT_THAT(nothing.set_value(), IsOk());
    EXPECT_THAT(failed.set_result(absl::DataLossError("all")), IsOk());
    EXPECT_THAT(movable.set_value(std::make_unique<int>(3)), IsOk());
  });
  run_until_idle();
  EXPECT_THAT(a, StatusIs(absl::StatusCode::kNotFound, "it"));
  EXPECT_EQ(b.value(), 2);
  EXPECT_THAT(c, IsOk());
  EXPECT_THAT(d, StatusIs(absl::StatusCode::kDataLoss, "all"));
  EXPECT_EQ(*e.value(), 3);
}

TEST_F(CrossThreadPromiseTest, SettlesBehindWhatIsReadyAndWaitersAHopLater) {
  cross_thread_promise<int> p;
  future<int> f = p.get_future();
  const future<void> then =
      std::move(f).then([this](int) { mark_iteration("then"); });
  count_from_here();
  loop.call_soon(marks_iteration("soon"));
  elsewhere([&] { EXPECT_THAT(p.set_value(1), IsOk()); });
  loop.call_soon(marks_iteration("later"));
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("soon@1", "later@1", "then@2"));
  EXPECT_THAT(then, IsOk());
}

TEST_F(CrossThreadPromiseTest, OnTheLoopsThreadTheOrderIsThatOfCallSoon) {
  cross_thread_promise<int> p;
  const shared_future<int> f = p.get_future();
  const auto look = [&] { mark(f.done() ? "done" : "pending"); };
  loop.call_soon(look);
  EXPECT_THAT(p.set_value(1), IsOk());
  loop.call_soon(look);
  iterate();
  EXPECT_THAT(taken(), ElementsAre("pending", "done"));
}

TEST_F(CrossThreadPromiseTest, IsFulfilledOnce) {
  cross_thread_promise<int> p;
  const future<int> f = p.get_future();
  std::atomic<int> won{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const absl::Status status = p.set_value(t);
      if (status.ok()) {
        ++won;
      } else {
        EXPECT_THAT(status, IsKind(error_kind::invalid_state, _));
      }
    });
  }
  run_until_idle();
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(won, 1);
  EXPECT_THAT(f, IsOk());
}

TEST_F(CrossThreadPromiseTest, BreaksIfItIsDropped) {
  std::optional<cross_thread_promise<int>> p(std::in_place);
  future<int> f = p->get_future();
  elsewhere([q = std::move(*p)] {});
  EXPECT_FALSE(p->valid());
  p.reset();
  EXPECT_THAT(loop.run_until_complete(std::move(f)),
              IsKind(error_kind::broken_promise, _));
}

TEST_F(CrossThreadPromiseTest, TellsTheProducerThatTheConsumerHasGivenUp) {
  cross_thread_promise<int> p;
  future<int> f = p.get_future();
  std::atomic<bool> saw{false};
  std::thread producer([&] {
    while (!p.cancelled()) std::this_thread::yield();
    EXPECT_THAT(p.set_value(1), IsKind(error_kind::invalid_state, _));
    saw = true;
  });
  EXPECT_TRUE(f.cancel());
  EXPECT_TRUE(f.cancelled());
  EXPECT_FALSE(f.cancel());
  producer.join();
  EXPECT_TRUE(saw);
}

TEST_F(CrossThreadPromiseTest, WhatIsOnItsWayToACancelledFutureIsDropped) {
  cross_thread_promise<std::shared_ptr<int>> p;
  future<std::shared_ptr<int>> f = p.get_future();
  const auto alive = std::make_shared<int>(0);
  elsewhere([&] { EXPECT_THAT(p.set_value(alive), IsOk()); });
  EXPECT_TRUE(f.cancel());
  EXPECT_EQ(alive.use_count(), 2);
  iterate(2);
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_TRUE(f.cancelled());
}

TEST_F(CrossThreadPromiseTest, ALoopThatHasGoneIsAnError) {
  std::optional<cross_thread_promise<std::shared_ptr<int>>> p, q;
  future<std::shared_ptr<int>> f, g;
  const auto alive = std::make_shared<int>(0);
  {
    event_loop other(clock);
    p.emplace();
    q.emplace();
    f = p->get_future();
    g = q->get_future();
    EXPECT_THAT(other.close(), IsOk());
    EXPECT_THAT(p->set_value(alive), IsKind(error_kind::closed, _));
    EXPECT_EQ(alive.use_count(), 1);
    cross_thread_promise<int> late(other);
    const future<int> h = late.get_future();
    EXPECT_THAT(late.set_value(1), IsKind(error_kind::closed, _));
    EXPECT_FALSE(h.done());
  }
  elsewhere(
      [&] { EXPECT_THAT(q->set_value(alive), IsKind(error_kind::closed, _)); });
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_FALSE(f.done());
  EXPECT_FALSE(g.done());
}

TEST_F(CrossThreadPromiseTest, WhatALoopHasNotTakenGoesWithIt) {
  const auto alive = std::make_shared<int>(0);
  cross_thread_promise<std::shared_ptr<int>>* p = nullptr;
  {
    event_loop other(clock);
    p = new cross_thread_promise<std::shared_ptr<int>>();
    const future<std::shared_ptr<int>> f = p->get_future();
    elsewhere([&] { EXPECT_THAT(p->set_value(alive), IsOk()); });
    EXPECT_EQ(alive.use_count(), 2);
  }
  delete p;
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(CrossThreadPromiseTest, KeepsAnIdleLoopWaitingUntilItIsFulfilled) {
  cross_thread_promise<void> p;
  future<void> f = p.get_future();
  std::thread producer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_THAT(p.set_value(), IsOk());
  });
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOk());
  producer.join();
  run_until_idle();  // Though the promise is still there.
}

TEST_F(CrossThreadPromiseTest, ProducersCancellersAndLoopsRace) {
  for (int round = 0; round < 200; ++round) {
    auto other = std::make_unique<event_loop>(clock);
    std::vector<future<std::string>> futures;
    std::vector<cross_thread_promise<std::string>> promises;
    for (int i = 0; i < 8; ++i) {
      promises.emplace_back();
      futures.push_back(promises.back().get_future());
    }
    std::thread producer([ps = std::move(promises)]() mutable {
      for (auto& p : ps) p.set_value("text").IgnoreError();
    });
    for (size_t i = 0; i < futures.size(); i += 2) futures[i].cancel();
    other->stop();
    EXPECT_THAT(other->run_forever(), IsOk());
    other.reset();
    producer.join();
  }
}

}  // namespace
}  // namespace ratchet
