#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/wait.h"
#include "ratchet/when_all.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// The message of cancel(msg), which is the reason of cancel(reason) here.

namespace ratchet::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Cancelled, for that reason.
MATCHER_P(IsCancelledFor, reason, "") {
  const absl::Status status = status_of(arg);
  *result_listener << "which is " << status;
  return is_cancelled(status) && cancel_reason(status) == reason;
}

// The originals run with no message, with none at all, with a text and with an
// object of another type; here a reason is a text, and may be empty.
class CancelReasonTests : public cpython_test,
                          public ::testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(Reasons, CancelReasonTests,
                         ::testing::Values("", "my message", "5"));

// test_tasks.BaseTaskTests.test_task_cancel_message_getter
TEST_P(CancelReasonTests, TaskCancelMessageGetter) {
  shared_future<int> t = start();
  EXPECT_TRUE(t.cancel(GetParam()));
  EXPECT_THAT(loop.run_until_complete(t), IsCancelledFor(GetParam()));
  EXPECT_THAT(t, IsCancelledFor(GetParam()));
}

// test_futures.BaseFutureTests.test_future_cancel_message_getter
TEST_P(CancelReasonTests, FutureCancelMessageGetter) {
  new_future f;
  EXPECT_TRUE(f.f.cancel(GetParam()));
  EXPECT_THAT(loop.run_until_complete(f.f), IsCancelledFor(GetParam()));
  EXPECT_THAT(f.f.result(), IsCancelledFor(GetParam()));
}

// test_tasks.BaseTaskTests.test_cancel_with_message_then_future_result
TEST_P(CancelReasonTests, CancelWithMessageThenFutureResult) {
  shared_future<int> t;
  EXPECT_THAT(run([&] { t = start(nap(10000)); }, turn(),
                  [&] { EXPECT_TRUE(t.cancel(GetParam())); },
                  on([&] { return wait(futures{t}); }),
                  [&](coro& c) { return c.end(t.result().status()); }),
              IsCancelledFor(GetParam()));
}

// test_tasks.BaseTaskTests.test_cancel_with_message_then_future_exception
TEST_P(CancelReasonTests, CancelWithMessageThenFutureException) {
  shared_future<int> t;
  EXPECT_THAT(run([&] { t = start(nap(10000)); }, turn(),
                  [&] { EXPECT_TRUE(t.cancel(GetParam())); },
                  on([&] { return wait(futures{t}); }),
                  [&](coro& c) { return c.end(t.status()); }),
              IsCancelledFor(GetParam()));
}

// test_tasks.BaseTaskTests.test_cancel_with_message_before_starting_task
TEST_P(CancelReasonTests, CancelWithMessageBeforeStartingTask) {
  shared_future<int> t;
  EXPECT_THAT(run(
                  [&] {
                    t = start(marks("never"), nap(10000));
                    EXPECT_TRUE(t.cancel(GetParam()));
                  },
                  on([&] { return wait(futures{t}); }),
                  [&](coro& c) { return c.end(t.status()); }),
              IsCancelledFor(GetParam()));
  EXPECT_THAT(taken(), IsEmpty());
}

// test_tasks.BaseTaskTests.test_cancel_gather_2
TEST_P(CancelReasonTests, CancelGather2) {
  // With return_exceptions, a cancelled gather ends its task all the same.
  future<std::vector<absl::StatusOr<int>>> gather;
  shared_future<int> qwe =
      start([&] { gather = when_all_settled(futures{start(nap(50))}); },
            on(gather), says("round"), again_if(3, [] { return true; }));
  EXPECT_THAT(run(
                  nap(190), [&] { EXPECT_TRUE(qwe.cancel(GetParam())); },
                  on(qwe), rethrow(says("cancelled"))),
              IsCancelledFor(GetParam()));
  EXPECT_TRUE(qwe.cancelled());
  EXPECT_THAT(taken(), ElementsAre("round 50", "round 100", "round 150",
                                   "cancelled 190"));
}

class CancelReasonTest : public cpython_test {};

// test_tasks.BaseTaskTests.test_cancellation_exception_context
TEST_F(CancelReasonTest, CancellationExceptionContext) {
  // A body that answers the Cancelled of what it awaits with an error.
  new_future started;
  shared_future<int> inner;
  EXPECT_THAT(
      run([&] { inner = start([&] { started.set_result(); }, nap(10000)); },
          on(started.f),
          [&] { loop.call_soon([&] { EXPECT_TRUE(inner.cancel("msg")); }); },
          on(inner), except([&](const absl::Status& s) {
            EXPECT_THAT(s, IsCancelledFor("msg"));
            say("caught");
          }),
          raise("cancelled")),
      StatusIs(absl::StatusCode::kUnknown, "cancelled"));
  EXPECT_THAT(inner, IsCancelledFor("msg"));
  EXPECT_THAT(taken(), ElementsAre("caught 0"));
}

// test_eager_task_factory.EagerTaskFactoryLoopTests.test_cancellation_after_eager_step_blocks
TEST_F(CancelReasonTest, CancellationAfterEagerStepBlocks) {
  shared_future<int> t;
  EXPECT_THAT(run(
                  [&] {
                    t = start_eager(nap(100), rethrow(says("cancelled")));
                    EXPECT_TRUE(t.cancel("cancellation message"));
                    EXPECT_EQ(t.task().cancelling(), 1u);
                  },
                  on(t)),
              IsCancelledFor("cancellation message"));
  EXPECT_THAT(taken(), ElementsAre("cancelled 0"));
}

}  // namespace
}  // namespace ratchet::test
