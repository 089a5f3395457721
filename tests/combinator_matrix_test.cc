// What becomes of each combinator, and of the future it waits for, whatever
// happens to either: a table.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/as_completed.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/shield.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/timeout.h"
#include "ratchet/wait.h"
#include "ratchet/when_all.h"
#include "ratchet/when_any.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::IsOk;

using child_future = shared_future<int>;

// What can happen while the combinator waits for its child.
enum class event {
  value,         // The child has a value.
  error,         // It fails.
  cancel_child,  // It is cancelled.
  cancel_outer,  // What the combinator gave is cancelled.
  drop_outer,    // It is dropped; the child then has a value.
  close_loop,
  destroy_loop,
};
constexpr const char* kEvents[] = {"value",        "error",      "cancel_child",
                                   "cancel_outer", "drop_outer", "close_loop",
                                   "destroy_loop"};

// The outcome of both: v(alue), e(rror), c(ancelled), p(ending), d(ropped).
// First what the combinator gave, then its child.
struct row {
  const char* name;
  std::function<future<int>(child_future)> make;
  const char* outcomes[7];  // By event.
};

future<int> single(future<std::tuple<int>> f) {
  return std::move(f).then(
      [](const std::tuple<int>& t) { return std::get<0>(t); });
}

// Leaves the group with the value of the child, which a task of it awaits.
class grouped final : public task<int> {
 public:
  explicit grouped(child_future child) : child_(std::move(child)) {}
  step start() {
    absl::Status entered = group_.enter();
    if (!entered.ok()) return fail(std::move(entered));
    result_ =
        group_.create_task(with_timeout(child_, absl::InfiniteDuration()));
    return await<&grouped::left>(group_.leave());
  }

 private:
  step left() { return done(std::move(result_).result()); }

  child_future child_;
  future<int> result_;
  task_group group_;
};

// Awaits inside a timeout_scope.
class scoped final : public task<int> {
 public:
  explicit scoped(child_future child) : child_(std::move(child)) {}
  step start() {
    absl::Status entered = scope_.enter();
    if (!entered.ok()) return fail(std::move(entered));
    return await<&scoped::left>(child_);
  }

 private:
  step left(absl::StatusOr<int> result) {
    return done(scope_.leave(std::move(result)));
  }

  child_future child_;
  timeout_scope scope_{absl::Hours(1)};
};

std::vector<child_future> only(child_future c) { return {std::move(c)}; }

std::vector<row> table() {
  //                            value error cancel cancel drop  close destroy
  //                                         child  outer
  return {
      {"await",
       [](child_future c) { return c.then([](int n) { return n; }); },
       {"vv", "ee", "cc", "cc", "dv", "pp", "pp"}},
      {"when_all_tuple",
       [](child_future c) { return single(when_all(std::move(c))); },
       {"vv", "ee", "cc", "cc", "dv", "pp", "pp"}},
      {"when_all_range",
       [](child_future c) {
         return when_all(only(std::move(c)))
             .then([](const std::vector<int>& v) { return v.at(0); });
       },
       {"vv", "ee", "cc", "cc", "dv", "pp", "pp"}},
      {"when_all_settled",
       [](child_future c) {
         return when_all_settled(only(std::move(c)))
             .then([](const std::vector<absl::StatusOr<int>>& v) {
               return v.at(0);
             });
       },
       {"vv", "ee", "cc", "cc", "dv", "pp", "pp"}},
      {"when_any",
       [](child_future c) {
         return when_any(std::move(c))
             .then([](const any_result<child_future>& r) { return r.result; });
       },
       {"vv", "ee", "cc", "cc", "dv", "pp", "pp"}},
      {"when_any_ok",
       [](child_future c) {
         return when_any_ok(std::move(c))
             .then(
                 [](const any_ok_result<child_future>& r) { return r.value; });
       },
       {"vv", "ee", "ec", "cc", "dv", "pp", "pp"}},
      {"as_completed",
       [](child_future c) {
         auto stream = std::make_shared<completions<child_future>>(
             as_completed(only(std::move(c)), absl::Hours(1)));
         return create_task(stream->next()).then([stream](completed<int> one) {
           return one.result;
         });
       },
       {"vv", "ee", "cc", "cp", "dv", "pp", "pp"}},
      {"wait",
       [](child_future c) {
         return create_task(wait(only(std::move(c)), wait_mode::all_completed,
                                 absl::Hours(1)))
             .then([](wait_result<child_future> r) {
               return r.done.at(0).result();
             });
       },
       {"vv", "ee", "cc", "cp", "dv", "pp", "pp"}},
      {"shield",
       [](child_future c) {
         return shield(std::move(c)).then([](int n) { return n; });
       },
       {"vv", "ee", "cc", "cp", "dv", "pp", "pp"}},
      {"with_timeout",
       [](child_future c) {
         return create_task(with_timeout(std::move(c), absl::Hours(1)));
       },
       {"vv", "ee", "cc", "cc", "dv", "pp", "pp"}},
      {"timeout_scope",
       [](child_future c) { return create_task(scoped(std::move(c))); },
       {"vv", "ee", "cc", "cc", "dv", "pp", "pp"}},
      {"task_group",
       [](child_future c) { return create_task(grouped(std::move(c))); },
       {"vv", "ee", "cc", "cc", "dv", "pp", "pp"}},
      {"with_timeout_of_when_any_of_shield",
       [](child_future c) {
         return create_task(with_timeout(when_any(shield(std::move(c))),
                                         absl::Hours(1)))
             .then([](const any_result<child_future>& r) { return r.result; });
       },
       {"vv", "ee", "cc", "cp", "dv", "pp", "pp"}},
  };
}

template <class F>
char outcome_of_future(const F& f) {
  if (!f.valid()) return 'd';
  if (!f.done()) return 'p';
  if (f.cancelled()) return 'c';
  return f.status().ok() ? 'v' : 'e';
}

class CombinatorMatrixTest : public test::loop_test {
 protected:
  static void turn(event_loop& l, int times) {
    for (int i = 0; i < times; ++i) {
      l.stop();
      ASSERT_THAT(l.run_forever(), IsOk());
    }
  }

  // `early`: the event comes before any task has had its first step.
  std::string outcome(const row& r, event what, bool early) {
    std::optional<event_loop> mine(std::in_place, clock);
    catch_reports(*mine);
    promise<int> producer;
    child_future child = producer.get_future();
    future<int> outer = r.make(child);
    if (!early) turn(*mine, 4);
    switch (what) {
      case event::value:
        EXPECT_THAT(producer.set_value(1), IsOk());
        break;
      case event::error:
        EXPECT_THAT(producer.set_error(absl::AbortedError("x")), IsOk());
        break;
      case event::cancel_child:
        EXPECT_TRUE(child.cancel());
        break;
      case event::cancel_outer:
        EXPECT_TRUE(outer.cancel());
        break;
      case event::drop_outer:
        outer = future<int>();
        turn(*mine, 2);
        EXPECT_THAT(producer.set_value(1), IsOk());
        break;
      case event::close_loop:
        EXPECT_THAT(mine->close(), IsOk());
        break;
      case event::destroy_loop:
        mine.reset();
        break;
    }
    if (mine.has_value() && !mine->is_closed()) turn(*mine, 10);
    const std::string both = {outcome_of_future(outer),
                              outcome_of_future(child)};
    producer.set_value(1).IgnoreError();  // Else it reports that it broke.
    return both;
  }
};

TEST_F(CombinatorMatrixTest, EndsAsTheTableSays) {
  for (const row& r : table()) {
    for (int e = 0; e < 7; ++e) {
      SCOPED_TRACE(std::string(r.name) + ", " + kEvents[e]);
      EXPECT_EQ(outcome(r, static_cast<event>(e), false), r.outcomes[e]);
    }
  }
}

TEST_F(CombinatorMatrixTest, BeforeTheFirstIterationToo) {
  for (const row& r : table()) {
    for (int e = 0; e < 7; ++e) {
      SCOPED_TRACE(std::string(r.name) + ", " + kEvents[e]);
      std::string expected = r.outcomes[e];
      // A task that is cancelled before its first step never asks the child
      // (S65).
      const std::string got = outcome(r, static_cast<event>(e), true);
      EXPECT_EQ(got[0], expected[0]);
      if (static_cast<event>(e) != event::cancel_outer) {
        EXPECT_EQ(got[1], expected[1]);
      }
    }
  }
}

TEST_F(CombinatorMatrixTest, OnlyPendingTasksOfALoopThatGoesAreReported) {
  for (const row& r : table()) {
    for (int e = 0; e < 7; ++e) {
      SCOPED_TRACE(std::string(r.name) + ", " + kEvents[e]);
      reports.clear();
      (void)outcome(r, static_cast<event>(e), false);
      for (const error_report& report : reports) {
        EXPECT_TRUE(report.cause == error_report::cause::task_destroyed)
            << report;
        EXPECT_GE(e, static_cast<int>(event::close_loop));
      }
    }
  }
}

}  // namespace
}  // namespace ratchet
