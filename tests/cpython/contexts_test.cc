#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/task_local.h"
#include "ratchet/thread/thread_pool.h"
#include "ratchet/when_all.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// ContextVar, which is task_local here.

namespace ratchet::test {
namespace {

using ::testing::ElementsAre;

class ContextTests : public cpython_test {
 protected:
  // cvar.set(value)
  auto set(const std::string& value) {
    return [this, value] { cvar.set(value); };
  }
  // self.assertEqual(cvar.get(), value)
  auto is(const std::string& value) {
    return [this, value] { EXPECT_EQ(cvar.get(), value); };
  }

  task_local<std::string> cvar{"nope"};
};

// test_tasks.BaseTaskTests.test_context_1
TEST_F(ContextTests, Context1) {
  shared_future<int> subtask;
  EXPECT_THAT(
      run(
          is("nope"),
          [&] { subtask = start(nap(10), is("nope"), set("something else")); },
          set("yes"), is("yes"), on(subtask), is("yes")),
      IsOk());
  EXPECT_EQ(cvar.get(), "nope");
}

// test_tasks.BaseTaskTests.test_context_2
TEST_F(ContextTests, Context2) {
  // What a done-callback sets does not get into the task that added it.
  int i = 0, j = 0;
  std::optional<new_future> fut;
  EXPECT_THAT(
      run(
          is("nope"),
          [&] {
            fut.emplace();
            fut->f.add_done_callback([this] {
              mark(cvar.get());
              cvar.set("something else");
            });
            cvar.set(absl::StrCat("yes", j));
            loop.call_soon([&] { fut->set_result(); });
          },
          on([&] { return fut->f; }),
          [&] {
            EXPECT_EQ(cvar.get(), absl::StrCat("yes", j));
            i = 0;
          },
          [&] { cvar.set(absl::StrCat("yes", i, "-", j)); }, nap(1),
          [&] { EXPECT_EQ(cvar.get(), absl::StrCat("yes", i, "-", j)); },
          again_if(3, [&] { return ++i < 3; }),
          again_if(7, [&] { return ++j < 2; })),
      IsOk());
  EXPECT_EQ(cvar.get(), "nope");
  // The callback has the context in which it was added.
  EXPECT_THAT(taken(), ElementsAre("nope", "yes2-0"));
}

// test_tasks.BaseTaskTests.test_context_3
TEST_F(ContextTests, Context3) {
  // A hundred tasks side by side, each with its own value.
  task_local<int> number(-1);
  int checks = 0;
  futures tasks;
  std::vector<int> rounds(100, 0);
  for (int n = 0; n < 100; ++n) {
    int& i = rounds[static_cast<size_t>(n)];
    tasks.push_back(start([&number, &i, n] { number.set(n + i); },
                          [n](coro& c) { return c.nap(ms(1 + n * 7 % 50)); },
                          [&, n] {
                            EXPECT_EQ(number.get(), n + i);
                            ++checks;
                          },
                          again_if(3, [&i] { return ++i < 10; })));
  }
  EXPECT_THAT(loop.run_until_complete(when_all(std::move(tasks))), IsOk());
  EXPECT_EQ(checks, 1000);
  EXPECT_EQ(number.get(), -1);
}

// test_eager_task_factory.EagerTaskFactoryLoopTests.test_context_vars
TEST_F(ContextTests, EagerContextVars) {
  shared_future<int> t;
  EXPECT_THAT(run(
                  set("1"),
                  [&] {
                    t = start_eager(is("1"), set("2"), is("2"),
                                    marks("first step"), nap(100), is("2"),
                                    set("3"), is("3"), marks("second step"));
                    EXPECT_THAT(taken(), ElementsAre("first step"));
                  },
                  is("1"), on(t), is("1")),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("second step"));
}

// test_futures2.FutureTests.test_task_exc_handler_correct_context
TEST_F(ContextTests, TaskExcHandlerCorrectContext) {
  loop.set_error_handler([this](const error_report& report) {
    EXPECT_EQ(report.cause, error_report::cause::unretrieved);
    mark(cvar.get());
  });
  EXPECT_THAT(run([&] { start(set("bar"), raise("ZeroDivision")) = {}; },
                  turn(), marks("main")),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("bar", "main"));
}

// test_futures2.FutureTests.test_handle_exc_handler_correct_context
TEST_F(ContextTests, HandleExcHandlerCorrectContext) {
  loop.set_error_handler([this](const error_report& report) {
    EXPECT_EQ(report.cause, error_report::cause::callback);
    mark(cvar.get());
  });
  EXPECT_THAT(run(
                  [&] {
                    loop.call_soon([this] {
                      cvar.set("bar");
                      return failure("ZeroDivision");
                    });
                  },
                  turn(), marks("main")),
              IsOk());
  EXPECT_THAT(taken(), ElementsAre("bar", "main"));
}

// test_threads.ToThreadTests.test_to_thread_contextvars
TEST_F(ContextTests, ToThreadContextvars) {
  thread_pool pool(1);
  std::string got;
  EXPECT_THAT(run(set("parrot"), on(
                                     [&] {
                                       return run_in(pool,
                                                     in_this_context([this] {
                                                       return cvar.get();
                                                     }));
                                     },
                                     &got)),
              IsOk());
  EXPECT_EQ(got, "parrot");
}

// test_context.DecimalContextTest.test_asyncio_task_decimal_context
TEST_F(ContextTests, AsyncioTaskDecimalContext) {
  // How many digits are printed depends on who prints.
  task_local<int> precision(0);
  const auto fractions = [&](int milliseconds, int digits) {
    const auto print = [&](double x) {
      return [&, x] {
        say(std::to_string(x).substr(0,
                                     static_cast<size_t>(precision.get()) + 2));
      };
    };
    return coro([&precision, digits] { precision.set(digits); }, print(1.0 / 3),
                nap(milliseconds), print(1.0 / 9));
  };
  EXPECT_THAT(
      loop.run_until_complete(when_all(fractions(100, 3), fractions(200, 6))),
      IsOk());
  EXPECT_EQ(precision.get(), 0);
  EXPECT_THAT(taken(), ElementsAre("0.333 0", "0.333333 0", "0.111 100",
                                   "0.111111 200"));
}

}  // namespace
}  // namespace ratchet::test
