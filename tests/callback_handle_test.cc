#include "ratchet/callback_handle.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::loop_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The contract holds for call_soon and for call_later alike.
class CallbackHandleTest : public loop_test,
                           public ::testing::WithParamInterface<bool> {
 protected:
  template <class F>
  callback_handle schedule(F&& f) {
    return schedule_on(loop, std::forward<F>(f));
  }
  template <class F>
  callback_handle schedule_on(event_loop& l, F&& f) {
    return GetParam() ? l.call_soon(std::forward<F>(f))
                      : l.call_later(absl::ZeroDuration(), std::forward<F>(f));
  }
};

INSTANTIATE_TEST_SUITE_P(Calls, CallbackHandleTest, ::testing::Bool(),
                         [](const auto& test) {
                           return test.param ? "Soon" : "Later";
                         });

TEST_P(CallbackHandleTest, DroppingItChangesNothing) {
  (void)schedule(marks("a"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a"));
}

TEST_P(CallbackHandleTest, IsPendingUntilItsCallbackRuns) {
  callback_handle handle;
  handle = schedule([&] {
    EXPECT_FALSE(handle.pending());
    mark("a");
  });
  EXPECT_THAT(handle.status(), IsOk());
  EXPECT_TRUE(handle.pending());
  EXPECT_FALSE(handle.cancelled());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a"));
  EXPECT_FALSE(handle.pending());
  EXPECT_FALSE(handle.cancelled());
  EXPECT_THAT(handle.status(), IsOk());
}

TEST_P(CallbackHandleTest, CancelReturnsTrueOnceAndItNeverRuns) {  // S8
  callback_handle handle = schedule(marks("a"));
  EXPECT_TRUE(handle.cancel());
  EXPECT_FALSE(handle.pending());
  EXPECT_TRUE(handle.cancelled());
  EXPECT_FALSE(handle.cancel());  // Idempotent.
  run_until_idle();
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_P(CallbackHandleTest, CancelAfterItRanReturnsFalseButIsRemembered) {
  // S8
  callback_handle handle = schedule(marks("a"));
  run_until_idle();
  EXPECT_FALSE(handle.cancel());
  EXPECT_TRUE(handle.cancelled());  // Whether it was called, not its success.
}

TEST_P(CallbackHandleTest, CancelFromItselfReturnsFalse) {
  callback_handle handle;
  handle = schedule([&] {
    EXPECT_FALSE(handle.cancel());
    mark("a");
  });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a"));
}

TEST_P(CallbackHandleTest, CancelReachesTheBatchThatRuns) {  // S8
  callback_handle handle;
  schedule([&] { EXPECT_TRUE(handle.cancel()); });
  handle = schedule(marks("a"));
  run_until_idle();
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_P(CallbackHandleTest, ACancelledCallableIsDestroyedAtOnce) {
  const auto alive = std::make_shared<int>(0);
  callback_handle handle = schedule([alive] {});
  EXPECT_EQ(alive.use_count(), 2);
  EXPECT_TRUE(handle.cancel());
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_P(CallbackHandleTest, ACallableIsDestroyedWhenItHasRun) {
  const auto alive = std::make_shared<int>(0);
  callback_handle handle = schedule([alive] {});
  run_until_idle();
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_P(CallbackHandleTest, ACallableMayBeMoveOnly) {
  schedule([this, p = std::make_unique<std::string>("moved in")] { mark(*p); });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("moved in"));
}

TEST_P(CallbackHandleTest, CopiesStandForTheSameCallback) {
  callback_handle a = schedule(marks("a"));
  callback_handle b = a;
  callback_handle c = std::move(a);
  callback_handle d;
  d = b;
  EXPECT_TRUE(b.cancel());
  EXPECT_TRUE(c.cancelled());
  EXPECT_FALSE(d.cancel());
  d = callback_handle();
  run_until_idle();
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_P(CallbackHandleTest, AnEmptyOneStandsForNothing) {
  callback_handle none;
  EXPECT_FALSE(none.cancel());
  EXPECT_FALSE(none.cancelled());
  EXPECT_FALSE(none.pending());
  EXPECT_THAT(none.status(), IsKind(error_kind::closed,
                                    HasSubstr("the event loop is closed")));
}

TEST_P(CallbackHandleTest, MayOutliveItsLoop) {
  const auto alive = std::make_shared<int>(0);
  callback_handle handle;
  {
    event_loop other(clock);
    handle = schedule_on(other, [alive] { ADD_FAILURE(); });
  }
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_FALSE(handle.pending());
  EXPECT_FALSE(handle.cancelled());
  EXPECT_FALSE(handle.cancel());
}

// The callable that is withdrawn owns the handle through which it is.
TEST_P(CallbackHandleTest, MayBeOwnedByTheCallableThatItCancels) {
  struct owner {
    callback_handle handle;
  };
  auto o = std::make_shared<owner>();
  owner* const raw = o.get();
  raw->handle = schedule([o = std::move(o)] { ADD_FAILURE(); });
  EXPECT_TRUE(raw->handle.cancel());
  run_until_idle();
}

TEST_P(CallbackHandleTest, OwnedByItsCallableItGoesWithTheLoop) {
  struct owner {
    callback_handle handle;
  };
  event_loop other(clock);
  auto o = std::make_shared<owner>();
  owner* const raw = o.get();
  raw->handle = schedule_on(other, [o = std::move(o)] { ADD_FAILURE(); });
}

TEST_P(CallbackHandleTest, TheCallableMayCancelOthersWhenItIsDestroyed) {
  struct cancels {
    explicit cancels(callback_handle& h) : handle(&h) {}
    ~cancels() { handle->cancel(); }
    callback_handle* handle;
  };
  callback_handle a, b;
  a = schedule([c = std::make_unique<cancels>(b)] { ADD_FAILURE(); });
  b = schedule([c = std::make_unique<cancels>(a)] { ADD_FAILURE(); });
  EXPECT_TRUE(a.cancel());
  EXPECT_TRUE(b.cancelled());
  run_until_idle();
}

#ifndef NDEBUG
using CallbackHandleDeathTest = loop_test;

TEST_F(CallbackHandleDeathTest, IsForTheLoopsThread) {
  callback_handle handle = loop.call_soon([] {});
  EXPECT_DEATH(std::thread([&] { handle.cancel(); }).join(),
               "ratchet: callback_handle::cancel\\(\\) was called on thread");
}
#endif

}  // namespace
}  // namespace ratchet
