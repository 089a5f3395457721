#include "ratchet/timeout.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::IsCancelled;
using test::IsKind;
using test::IsOk;
using test::script;
using test::StatusIs;
using ::testing::_;
using ::testing::HasSubstr;

constexpr auto kSecond = absl::Seconds(1);
constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

class TimeoutScopeTest : public test::loop_test {
 protected:
  using states = std::vector<script::state_function>;

  future<void> start(states s) { return create_task(script(std::move(s))); }

  // Makes and enters `scope`.
  void enter(std::optional<timeout_scope>& s, absl::Duration timeout) {
    s.emplace(timeout);
    EXPECT_THAT(s->enter(), IsOk());
  }
  // A state that leaves `s` with what it is called with, and ends so.
  script::state_function leave(std::optional<timeout_scope>& s) {
    return [&s](script& self, absl::Status status) {
      return self.end(s->leave(status));
    };
  }

  std::optional<timeout_scope> scope;
  std::optional<timeout_scope> inner;
};

// -- Entering, leaving --------------------------------------------------------

TEST_F(TimeoutScopeTest, LeftInTimeItDoesNothing) {  // S105
  EXPECT_THAT(loop.run_until_complete(start({
                  [&](script& s, absl::Status) {
                    enter(scope, absl::Seconds(5));
                    return s.sleep(kSecond);
                  },
                  leave(scope),
              })),
              IsOk());
  EXPECT_FALSE(scope->expired());
  run_until_idle();
  EXPECT_EQ(elapsed(), kSecond);  // Leaving takes the timer away.
}

TEST_F(TimeoutScopeTest, ComputesTheDeadlineWhenItIsMade) {  // S105
  scope.emplace(absl::Seconds(3));
  EXPECT_EQ(scope->deadline(), absl::UnixEpoch() + absl::Seconds(3));
  future<void> task = start({
      [](script& s, absl::Status) { return s.sleep(absl::Seconds(2)); },
      [&](script& s, absl::Status) {
        EXPECT_THAT(scope->enter(), IsOk());
        return s.sleep(absl::Seconds(9));
      },
      leave(scope),
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), absl::Seconds(3));
}

TEST_F(TimeoutScopeTest, TakesAPointInTime) {  // S105
  scope.emplace(absl::UnixEpoch() + kSecond);
  EXPECT_THAT(loop.run_until_complete(start({
                  [&](script& s, absl::Status) {
                    EXPECT_THAT(scope->enter(), IsOk());
                    return s.sleep(absl::Seconds(9));
                  },
                  leave(scope),
              })),
              IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), kSecond);
}

TEST_F(TimeoutScopeTest, AnInfiniteOneIsNone) {  // S105
  EXPECT_THAT(loop.run_until_complete(start({
                  [&](script& s, absl::Status) {
                    enter(scope, absl::InfiniteDuration());
                    EXPECT_EQ(scope->deadline(), absl::InfiniteFuture());
                    return s.sleep(absl::Hours(1));
                  },
                  leave(scope),
              })),
              IsOk());
}

TEST_F(TimeoutScopeTest, EnteringAndLeavingDoNotSuspend) {  // S105
  future<void> task = start({[&](script& s, absl::Status) {
    enter(scope, kSecond);
    return s.end(scope->leave(absl::OkStatus()));
  }});
  iterate();
  EXPECT_THAT(task, IsOk());
}

TEST_F(TimeoutScopeTest, IsForTasksAlone) {
  scope.emplace(kSecond);
  EXPECT_THAT(scope->enter(),
              IsKind(error_kind::invalid_state,
                     HasSubstr("it is for the states of a task")));
}

TEST_F(TimeoutScopeTest, IsEnteredOnce) {
  future<void> task = start({[&](script& s, absl::Status) {
    enter(scope, kSecond);
    EXPECT_THAT(scope->enter(), IsKind(error_kind::invalid_state,
                                       HasSubstr("already been entered")));
    EXPECT_THAT(scope->leave(absl::OkStatus()), IsOk());
    EXPECT_THAT(scope->enter(), IsKind(error_kind::invalid_state, _));
    return s.end();
  }});
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
}

TEST_F(TimeoutScopeTest, LeavingWithoutEnteringIsAnError) {
  scope.emplace(kSecond);
  EXPECT_THAT(
      scope->leave(absl::OkStatus()),
      IsKind(error_kind::invalid_state, HasSubstr("scope is not entered")));
  // An error that leaves is more to the point.
  EXPECT_THAT(scope->leave(absl::DataLossError("x")), StatusIs(kDataLoss, "x"));
}

TEST_F(TimeoutScopeTest, LeavesWithAStatusOrToo) {
  EXPECT_THAT(loop.run_until_complete(start({
                  [&](script& s, absl::Status) {
                    enter(scope, kSecond);
                    EXPECT_THAT(
                        *scope->leave(absl::StatusOr<std::unique_ptr<int>>(
                            std::make_unique<int>(3))),
                        ::testing::Pointee(3));
                    return s.end();
                  },
              })),
              IsOk());
}

// -- Expiry -------------------------------------------------------------------

TEST_F(TimeoutScopeTest, TurnsCancelledIntoATimeout) {  // S106
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(scope, kSecond);
        return s.sleep(absl::Hours(1));
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsCancelled());
        EXPECT_TRUE(scope->expired());
        EXPECT_EQ(loop.current_task().cancelling(), 1u);
        status = scope->leave(status);
        EXPECT_EQ(loop.current_task().cancelling(), 0u);
        return s.end(status);
      },
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::timeout, "timed out after 1s"));
  EXPECT_EQ(elapsed(), kSecond);
  EXPECT_TRUE(scope->expired());
}

TEST_F(TimeoutScopeTest, IsExpiredFromTheTimerOn) {  // S106
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(scope, kSecond);
        loop.call_later(kSecond, [&] { EXPECT_TRUE(scope->expired()); });
        return s.sleep(absl::Hours(1));
      },
      leave(scope),
  });
  iterate();
  EXPECT_FALSE(scope->expired());
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::timeout, _));
}

TEST_F(TimeoutScopeTest, APastDeadlineExpiresAtTheNextSuspension) {  // S107
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(scope, -kSecond);
        EXPECT_FALSE(scope->expired());
        return s.pause();
      },
      leave(scope),
  });
  loop.call_soon([&] { mark("between"); });
  count_from_here();
  // Queued with call_soon, ahead of the task's next step.
  iterate(2);
  EXPECT_THAT(task, IsKind(error_kind::timeout, _));
}

TEST_F(TimeoutScopeTest, APastDeadlineIsHarmlessWithoutASuspension) {  // S107
  future<void> task = start({[&](script& s, absl::Status) {
    enter(scope, absl::ZeroDuration());
    return s.end(scope->leave(absl::OkStatus()));
  }});
  iterate(3);
  EXPECT_THAT(task, IsOk());
  EXPECT_FALSE(scope->expired());
}

TEST_F(TimeoutScopeTest, ABodyThatSwallowsCancelledGoesOn) {  // S108
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(scope, kSecond);
        return s.sleep(absl::Hours(1));
      },
      [&](script& s, absl::Status) {
        EXPECT_THAT(scope->leave(absl::OkStatus()), IsOk());
        EXPECT_TRUE(scope->expired());
        EXPECT_EQ(loop.current_task().cancelling(), 0u);
        return s.sleep(kSecond);
      },
      [](script& s, absl::Status status) { return s.end(status); },
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(TimeoutScopeTest, OtherErrorsPass) {  // S109
  for (const absl::Duration sleep : {kSecond, absl::Hours(1)}) {
    SCOPED_TRACE(sleep);
    future<void> task = start({
        [&](script& s, absl::Status) {
          enter(scope, absl::Seconds(2));
          return s.sleep(sleep);
        },
        [&](script& s, absl::Status) {
          return s.end(scope->leave(absl::DataLossError("mine")));
        },
    });
    EXPECT_THAT(loop.run_until_complete(std::move(task)),
                StatusIs(kDataLoss, "mine"));
  }
}

TEST_F(TimeoutScopeTest, CancelledBySomebodyElsePasses) {  // S110
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(scope, absl::Hours(1));
        return s.sleep(absl::Hours(2));
      },
      leave(scope),
  });
  iterate();
  EXPECT_TRUE(task.cancel());
  run_until_idle();
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

TEST_F(TimeoutScopeTest, ExpiredAndCancelledBySomebodyElsePasses) {  // S110
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(scope, kSecond);
        return s.sleep(absl::Hours(2));
      },
      leave(scope),
  });
  loop.call_later(kSecond, [&] { EXPECT_TRUE(task.cancel()); });
  run_until_idle();
  EXPECT_TRUE(task.cancelled());
  EXPECT_TRUE(scope->expired());
}

TEST_F(TimeoutScopeTest, ARequestFromBeforeEntryDoesNotCount) {  // S113
  future<void> task = start({
      [](script& s, absl::Status) { return s.sleep(absl::Hours(1)); },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsCancelled());  // Swallowed, not uncancelled.
        enter(scope, kSecond);
        return s.sleep(absl::Hours(1));
      },
      leave(scope),
  });
  iterate();
  EXPECT_TRUE(task.cancel());
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::timeout, _));
}

TEST_F(TimeoutScopeTest, AResultThatArrivesWithTheExpiryIsLost) {  // S114
  promise<void> p;
  shared_future<void> result = p.get_future();
  loop.call_later(kSecond, [&] { EXPECT_THAT(p.set_value(), IsOk()); });
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(scope, kSecond);
        return s.on(result);
      },
      leave(scope),
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::timeout, _));
  EXPECT_THAT(result, IsOk());
}

// -- Nesting ------------------------------------------------------------------

TEST_F(TimeoutScopeTest, TheOneThatExpiredMakesTheTimeout) {  // S111
  struct expectation {
    absl::Duration outer, inner;
    bool inner_sees_timeout;
  };
  for (const expectation& e : {expectation{absl::Seconds(2), kSecond, true},
                               expectation{kSecond, absl::Seconds(2), false}}) {
    SCOPED_TRACE(e.inner_sees_timeout);
    future<void> task = start({
        [&](script& s, absl::Status) {
          enter(scope, e.outer);
          enter(inner, e.inner);
          return s.sleep(absl::Hours(1));
        },
        [&](script& s, absl::Status status) {
          status = inner->leave(status);
          EXPECT_EQ(is_timeout(status), e.inner_sees_timeout);
          EXPECT_EQ(is_cancelled(status), !e.inner_sees_timeout);
          return s.end(scope->leave(status));
        },
    });
    const absl::Time began = clock.now();
    EXPECT_THAT(loop.run_until_complete(std::move(task)),
                IsKind(error_kind::timeout, _));
    EXPECT_EQ(clock.now() - began, kSecond);
    EXPECT_EQ(scope->expired(), !e.inner_sees_timeout);
  }
}

TEST_F(TimeoutScopeTest, OfTwoThatExpireTogetherTheOuterMakesIt) {  // S111
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(scope, kSecond);
        enter(inner, kSecond);
        return s.sleep(absl::Hours(1));
      },
      [&](script& s, absl::Status status) {
        EXPECT_EQ(loop.current_task().cancelling(), 2u);
        status = inner->leave(status);
        EXPECT_THAT(status, IsCancelled());
        return s.end(scope->leave(status));
      },
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::timeout, _));
  EXPECT_TRUE(inner->expired());
}

// -- reschedule ---------------------------------------------------------------

TEST_F(TimeoutScopeTest, RescheduleMovesRemovesAndAddsTheDeadline) {  // S112
  const auto at = [](int s) { return absl::UnixEpoch() + absl::Seconds(s); };
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(scope, kSecond);
        EXPECT_THAT(scope->reschedule(at(5)), IsOk());
        EXPECT_EQ(scope->deadline(), at(5));
        return s.sleep(absl::Seconds(4));
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsOk());
        EXPECT_THAT(scope->reschedule(absl::InfiniteFuture()), IsOk());
        return s.sleep(absl::Seconds(4));
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(status, IsOk());
        EXPECT_THAT(scope->reschedule(at(9)), IsOk());
        return s.sleep(absl::Seconds(4));
      },
      leave(scope),
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), absl::Seconds(9));
}

TEST_F(TimeoutScopeTest, RescheduledToThePastItExpiresSoon) {  // S107, S112
  future<void> task = start({
      [](script& s, absl::Status) { return s.sleep(kSecond); },
      [&](script& s, absl::Status) {
        enter(scope, absl::Hours(1));
        EXPECT_THAT(scope->reschedule(absl::UnixEpoch()), IsOk());
        EXPECT_FALSE(scope->expired());
        return s.pause();
      },
      leave(scope),
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), kSecond);
}

TEST_F(TimeoutScopeTest, RescheduledBackFromThePastItDoesNotExpire) {  // S112
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(scope, absl::ZeroDuration());
        EXPECT_THAT(scope->reschedule(absl::InfiniteFuture()), IsOk());
        return s.sleep(kSecond);
      },
      leave(scope),
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
}

TEST_F(TimeoutScopeTest, RescheduleIsForActiveScopes) {  // S112
  const absl::Time never = absl::InfiniteFuture();
  scope.emplace(kSecond);
  EXPECT_THAT(scope->reschedule(never),
              IsKind(error_kind::invalid_state, HasSubstr("not been entered")));
  future<void> task = start({
      [&](script& s, absl::Status) {
        EXPECT_THAT(scope->enter(), IsOk());
        return s.sleep(absl::Hours(1));
      },
      [&](script& s, absl::Status status) {
        EXPECT_THAT(scope->reschedule(never),
                    IsKind(error_kind::invalid_state, HasSubstr("expiring")));
        status = scope->leave(status);
        EXPECT_THAT(scope->reschedule(never),
                    IsKind(error_kind::invalid_state, HasSubstr("expired")));
        enter(inner, kSecond);
        EXPECT_THAT(inner->leave(absl::OkStatus()), IsOk());
        EXPECT_THAT(inner->reschedule(never),
                    IsKind(error_kind::invalid_state, HasSubstr("finished")));
        return s.end(status);
      },
  });
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::timeout, _));
}

TEST_F(TimeoutScopeTest, RescheduleFindsTheLoopOfItsTask) {
  future<void> task = start({
      [&](script& s, absl::Status) {
        enter(scope, absl::Hours(1));
        return s.sleep(absl::Hours(2));
      },
      leave(scope),
  });
  iterate();
  {
    virtual_clock other_clock(absl::UnixEpoch() + absl::Hours(9));
    event_loop newest(other_clock);
    EXPECT_THAT(scope->reschedule(absl::UnixEpoch() + kSecond), IsOk());
  }
  EXPECT_THAT(loop.run_until_complete(std::move(task)),
              IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), kSecond);
}

// -- Lifetime -----------------------------------------------------------------

TEST_F(TimeoutScopeTest, DestroyedWhileActiveItIsAsIfItHadNeverBeen) {
  for (const absl::Duration timeout : {kSecond, absl::ZeroDuration()}) {
    future<void> task = start({
        [&](script& s, absl::Status) {
          enter(scope, timeout);
          scope.reset();
          return s.sleep(absl::Seconds(5));
        },
        [](script& s, absl::Status status) { return s.end(status); },
    });
    EXPECT_THAT(loop.run_until_complete(std::move(task)), IsOk());
  }
}

TEST_F(TimeoutScopeTest, MovesBeforeItIsEntered) {
  timeout_scope first(kSecond);
  timeout_scope second(std::move(first));
  EXPECT_EQ(second.deadline(), absl::UnixEpoch() + kSecond);
}

}  // namespace
}  // namespace ratchet
