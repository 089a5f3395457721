// Nested deadlines: the earliest one wins, only the scope that expired makes
// the time-out, and a task knows the deadline that it is under.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/timeout.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsOk;
using ::ratchet::test::loop_test;
using ::ratchet::test::script;
using ::testing::ElementsAre;

std::string text(const absl::Status& s) {
  if (s.ok()) return "ok";
  if (is_timeout(s)) return "timeout";
  return is_cancelled(s) ? "cancelled" : std::string(s.message());
}

class DeadlineTest : public loop_test {
 protected:
  // Scopes of `lengths`, outermost first, around a sleep of ten seconds; marks
  // what leaves each, innermost first.
  future<void> nested(const std::vector<absl::Duration>& lengths,
                      script::state_function body = nullptr) {
    auto scopes =
        std::make_shared<std::vector<std::unique_ptr<timeout_scope>>>();
    scopes_ = scopes.get();
    if (body == nullptr) {
      body = [](script& s, absl::Status) { return s.sleep(absl::Seconds(10)); };
    }
    return create_task(script({
        [this, scopes, lengths, body](script& s, absl::Status status) {
          start_ = loop.now();
          for (const absl::Duration length : lengths) {
            scopes->push_back(std::make_unique<timeout_scope>(length));
            EXPECT_THAT(scopes->back()->enter(), IsOk());
          }
          return body(s, std::move(status));
        },
        [this, scopes](script& s, absl::Status status) {
          mark(absl::StrCat("at ", absl::FormatDuration(loop.now() - start_)));
          while (!scopes->empty()) {
            status = scopes->back()->leave(status);
            mark(text(status));
            scopes->pop_back();
          }
          mark_deadline();
          return s.end(std::move(status));
        },
    }));
  }
  absl::Time deadline() { return loop.current_task().deadline(); }
  void mark_deadline() {
    const absl::Time d = deadline();
    mark(d == absl::InfiniteFuture()
             ? "none"
             : absl::StrCat("in ", absl::FormatDuration(d - loop.now())));
  }

  absl::Time start_;
  std::vector<std::unique_ptr<timeout_scope>>* scopes_ = nullptr;
};

// -- Who wins

TEST_F(DeadlineTest, TheEarliestWinsWhicheverScopeHasIt) {
  const auto s = [](int n) { return absl::Seconds(n); };
  nested({s(3), s(2), s(1)}).task();
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("at 1s", "timeout", "timeout", "timeout", "none"));
  nested({s(3), s(1), s(2)}).task();
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("at 1s", "cancelled", "timeout", "timeout", "none"));
  nested({s(1), s(3), s(2)}).task();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("at 1s", "cancelled", "cancelled", "timeout",
                                   "none"));
  nested({s(20), s(30), absl::InfiniteDuration()}).task();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("at 10s", "ok", "ok", "ok", "none"));
}

// Each of them has asked, and each takes its own request back, so that the
// outermost one is who turns it into a time-out, as in CPython.
TEST_F(DeadlineTest, OfThoseThatExpireInOneBatchTheOutermostWins) {
  const absl::Duration s = absl::Seconds(1);
  nested({s, s}).task();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("at 1s", "cancelled", "timeout", "none"));
  nested({absl::Seconds(2), s, s}).task();
  run_until_idle();
  EXPECT_THAT(taken(),
              ElementsAre("at 1s", "cancelled", "timeout", "timeout", "none"));
}

TEST_F(DeadlineTest, BothPastAtEntry) {  // S107
  nested({absl::ZeroDuration(), -absl::Seconds(1)}).task();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("at 0", "cancelled", "timeout", "none"));
}

TEST_F(DeadlineTest, TheInnerOneIsMoved) {
  for (const bool earlier : {true, false}) {
    nested({absl::Seconds(2), absl::Seconds(earlier ? 3 : 1)}).task();
    iterate();
    EXPECT_THAT(scopes_->back()->reschedule(loop.now() +
                                            absl::Seconds(earlier ? 1 : 3)),
                IsOk());
    run_until_idle();
    if (earlier) {
      EXPECT_THAT(taken(), ElementsAre("at 1s", "timeout", "timeout", "none"));
    } else {
      EXPECT_THAT(taken(),
                  ElementsAre("at 2s", "cancelled", "timeout", "none"));
    }
  }
}

TEST_F(DeadlineTest, TheInnerOneIsMovedInTheBatchInWhichTheOuterOneExpires) {
  nested({absl::Seconds(1), absl::Seconds(2)}).task();
  iterate();
  loop.call_later(absl::Seconds(1), [this] {  // Behind the outer one's timer.
    EXPECT_TRUE(scopes_->front()->expired());
    EXPECT_THAT(scopes_->back()->reschedule(loop.now()), IsOk());
  });
  run_until_idle();
  // It comes an iteration later, in which the task leaves it.
  EXPECT_THAT(taken(), ElementsAre("at 1s", "cancelled", "timeout", "none"));
}

TEST_F(DeadlineTest, WithTimeoutInAScope) {
  for (const int inner : {1, 3}) {
    promise<void> never;
    nested({absl::Seconds(2)}, [&](script& s, absl::Status) {
      return s.on(with_timeout(never.get_future(), absl::Seconds(inner)));
    }).task();
    run_until_idle();
    EXPECT_THAT(taken(),
                ElementsAre(inner == 1 ? "at 1s" : "at 2s", "timeout", "none"));
  }
}

TEST_F(DeadlineTest, WithTimeoutsInEachOther) {
  for (const int inner : {1, 3}) {
    promise<void> never;
    future<void> f = create_task(
        with_timeout(with_timeout(never.get_future(), absl::Seconds(inner)),
                     absl::Seconds(2)));
    run_until_idle();
    EXPECT_TRUE(is_timeout(f.status()));
    EXPECT_EQ(elapsed(), absl::Seconds(inner == 1 ? 1 : 3));
  }
}

TEST_F(DeadlineTest, AGroupInAScope) {
  task_group group;
  timeout_scope scope(absl::Seconds(1));
  future<void> f = create_task(script({
      [&](script& s, absl::Status) {
        EXPECT_THAT(scope.enter(), IsOk());
        EXPECT_THAT(group.enter(), IsOk());
        (void)group.create_task(script({
            [this](script& c, absl::Status) {
              mark_deadline();  // The scope is the parent's.
              return c.sleep(absl::Seconds(5));
            },
            [this](script& c, absl::Status status) {
              mark(cancel_reason(status));
              return c.end(status);
            },
        }));
        return s.on(group.leave());
      },
      [&](script& s, absl::Status status) {
        mark(text(status));
        return s.end(scope.leave(status));
      },
  }));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("none", "the timeout of 1s has expired",
                                   "cancelled"));
  EXPECT_TRUE(is_timeout(f.status()));
}

TEST_F(DeadlineTest, AScopeInAGroup) {
  task_group group;
  timeout_scope scope(absl::Seconds(1));
  future<void> f = create_task(script({
      [&](script& s, absl::Status) {
        EXPECT_THAT(group.enter(), IsOk());
        EXPECT_THAT(scope.enter(), IsOk());
        (void)group.create_task(
            test::error_later(absl::Seconds(1), absl::InternalError("child")));
        return s.sleep(absl::Seconds(5));
      },
      [&](script& s, absl::Status status) {
        status = scope.leave(status);
        mark(text(status));
        return s.on(group.leave(status));
      },
      [](script& s, absl::Status status) { return s.end(status); },
  }));
  run_until_idle();
  // The child's sleep ends in the same batch; it gets Cancelled in its place.
  EXPECT_THAT(taken(), ElementsAre("timeout"));
  EXPECT_EQ(errors_of(f.status()).size(), 1u) << f.status();
}

TEST_F(DeadlineTest, AGroupCancelledInAScopeIsNoTimeout) {
  task_group group;
  nested({absl::Seconds(5)}, [&](script& s, absl::Status) {
    EXPECT_THAT(group.enter(), IsOk());
    loop.call_later(absl::Seconds(1),
                    [&] { EXPECT_THAT(group.cancel(), IsOk()); });
    (void)group.create_task(test::number_later(absl::Seconds(9), 1));
    return s.on(group.leave());
  }).task();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("at 1s", "ok", "none"));
}

// -- task_handle::deadline()

TEST_F(DeadlineTest, IsTheEarliestOfTheScopes) {
  future<void> f = create_task(script({
      [&](script& s, absl::Status) {
        mark_deadline();
        std::vector<std::unique_ptr<timeout_scope>> scopes;
        const auto enter = [&](absl::Duration length) {
          scopes.push_back(std::make_unique<timeout_scope>(length));
          EXPECT_THAT(scopes.back()->enter(), IsOk());
          mark_deadline();
        };
        enter(absl::InfiniteDuration());
        enter(absl::Seconds(4));
        enter(absl::Seconds(2));
        enter(absl::Seconds(3));
        EXPECT_THAT(scopes[1]->reschedule(loop.now() + absl::Seconds(1)),
                    IsOk());
        mark_deadline();
        EXPECT_THAT(scopes[1]->reschedule(absl::InfiniteFuture()), IsOk());
        mark_deadline();
        EXPECT_THAT(scopes[2]->leave(absl::OkStatus()), IsOk());
        mark_deadline();
        scopes.erase(scopes.begin() + 3);  // As if it had never been.
        mark_deadline();
        return s.end();
      },
  }));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("none", "none", "in 4s", "in 2s", "in 2s",
                                   "in 1s", "in 2s", "in 3s", "none"));
  EXPECT_EQ(f.task().deadline(), absl::InfiniteFuture());
}

TEST_F(DeadlineTest, CountsWithTimeoutAndWhatRunsInside) {
  future<void> f = create_task(
      with_timeout(script({[this](script& s, absl::Status) {
                             mark_deadline();
                             return s.on(with_timeout(
                                 script({[this](script& inner, absl::Status) {
                                           mark_deadline();
                                           return inner.sleep(absl::Seconds(1));
                                         },
                                         [](script& inner, absl::Status) {
                                           return inner.end();
                                         }}),
                                 absl::Seconds(2)));
                           },
                           [this](script& s, absl::Status) {
                             mark_deadline();
                             return s.end();
                           }}),
                   absl::Seconds(10)));
  EXPECT_EQ(f.task().deadline(), absl::InfiniteFuture());
  iterate();
  EXPECT_EQ(f.task().deadline(), loop.now() + absl::Seconds(2));  // Outside.
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("in 10s", "in 2s", "in 9s"));
  EXPECT_THAT(f, IsOk());
}

TEST_F(DeadlineTest, StaysWhileTheScopeIsBeingLeft) {
  nested({absl::Seconds(1)}, [this](script& s, absl::Status) {
    return s.on(script({
        [](script& inner, absl::Status) {
          return inner.sleep(absl::Seconds(5));
        },
        [this](script& inner, absl::Status) {  // Cleans up.
          mark_deadline();
          return inner.sleep(absl::Seconds(1));
        },
        [this](script& inner, absl::Status status) {
          mark_deadline();
          return inner.end(std::move(status));
        },
    }));
  }).task();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("in 0", "in -1s", "at 2s", "ok", "none"));
}

TEST_F(DeadlineTest, AScopeThatIsNeverLeft) {
  auto scope = std::make_unique<timeout_scope>(absl::Seconds(1));
  {
    future<void> f = create_task(script({[&](script& s, absl::Status) {
      EXPECT_THAT(scope->enter(), IsOk());
      return s.end();
    }}));
    iterate();
    EXPECT_EQ(f.task().deadline(), absl::InfiniteFuture());
  }
  run_until_idle();  // The task is gone when the timer fires.
  EXPECT_FALSE(scope->expired());
}

}  // namespace
}  // namespace ratchet
