#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/clock.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/shield.h"
#include "ratchet/when_all.h"
#include "tests/cpython/coro.h"
#include "tests/cpython/cpython_test.h"
#include "tests/support/status_matchers.h"

// gather, which is when_all here, and shield.

namespace ratchet::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The tests of GatherTestsBase run on futures, and on coroutines that await
// them.
class GatherTests : public cpython_test,
                    public ::testing::WithParamInterface<bool> {
 protected:
  futures wrapped(const std::vector<new_future*>& fs) {
    futures out;
    for (new_future* f : fs) {
      out.push_back(GetParam() ? start(on(f->f)) : f->f);
    }
    iterate();
    return out;
  }
  // One iteration for the coroutines, one for the callbacks, one for ours.
  void settle() { iterate(4); }

  new_future a, b, c, d, e;
};
INSTANTIATE_TEST_SUITE_P(FutureGatherTests, GatherTests,
                         ::testing::Values(false));
INSTANTIATE_TEST_SUITE_P(CoroutineGatherTests, GatherTests,
                         ::testing::Values(true));

// test_tasks.GatherTestsBase.test_success
TEST_P(GatherTests, Success) {
  future<std::vector<int>> fut = when_all(wrapped({&a, &b, &c}));
  fut.add_done_callback(marks("called"));
  b.set_result(1);
  a.set_result(2);
  settle();
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_FALSE(fut.done());
  c.set_result(3);
  settle();
  EXPECT_THAT(taken(), ElementsAre("called"));
  EXPECT_THAT(fut.result(), IsOkAndHolds(ElementsAre(2, 1, 3)));
}

// test_tasks.GatherTestsBase.test_result_exception_success
TEST_P(GatherTests, ResultExceptionSuccess) {
  auto fut = when_all_settled(wrapped({&a, &b, &c}));
  fut.add_done_callback(marks("called"));
  b.set_result(1);
  a.set_result(2);
  settle();
  EXPECT_FALSE(fut.done());
  c.set_result(3);
  settle();
  EXPECT_THAT(taken(), ElementsAre("called"));
  EXPECT_THAT(fut.value(),
              ElementsAre(IsOkAndHolds(2), IsOkAndHolds(1), IsOkAndHolds(3)));
}

// test_tasks.GatherTestsBase.test_one_exception
TEST_P(GatherTests, OneException) {
  future<std::vector<int>> fut = when_all(wrapped({&a, &b, &c, &d, &e}));
  fut.add_done_callback(marks("called"));
  a.set_result(1);
  b.set_exception("ZeroDivision");
  settle();
  EXPECT_TRUE(fut.done());
  EXPECT_THAT(taken(), ElementsAre("called"));
  EXPECT_EQ(fut.status(), failure("ZeroDivision"));
  // What comes later changes nothing, and counts as looked at.
  c.set_result(3);
  d.f.cancel();
  e.set_exception("RuntimeError");
  settle();
  EXPECT_EQ(fut.status(), failure("ZeroDivision"));
  EXPECT_FALSE(e.f.unretrieved());
}

// test_tasks.GatherTestsBase.test_return_exceptions
TEST_P(GatherTests, ReturnExceptions) {
  auto fut = when_all_settled(wrapped({&a, &b, &c, &d}));
  fut.add_done_callback(marks("called"));
  b.set_result(1);
  c.set_exception("ZeroDivision");
  a.set_result(3);
  settle();
  EXPECT_FALSE(fut.done());
  d.set_exception("RuntimeError");
  settle();
  EXPECT_TRUE(fut.done());
  EXPECT_THAT(taken(), ElementsAre("called"));
  EXPECT_THAT(
      fut.value(),
      ElementsAre(IsOkAndHolds(3), IsOkAndHolds(1),
                  StatusIs(absl::StatusCode::kUnknown, "ZeroDivision"),
                  StatusIs(absl::StatusCode::kUnknown, "RuntimeError")));
}

class FutureGatherTests : public cpython_test {
 protected:
  new_future a, b, c, d, e, f;
};

// test_tasks.FutureGatherTests.test_constructor_empty_sequence_use_running_loop
TEST_F(FutureGatherTests, ConstructorEmptySequenceUseRunningLoop) {
  EXPECT_THAT(run([&] {
                const auto fut = when_all(futures{});
                EXPECT_TRUE(fut.done());  // At once.
                EXPECT_THAT(fut.value(), IsEmpty());
              }),
              IsOk());
}

// test_tasks.FutureGatherTests.test_constructor_empty_sequence_use_global_loop
TEST_F(FutureGatherTests, ConstructorEmptySequenceUseGlobalLoop) {
  const auto fut = when_all(futures{});
  EXPECT_TRUE(fut.done());
  EXPECT_THAT(fut.value(), IsEmpty());
}

// test_tasks.FutureGatherTests.test_constructor_homogenous_futures
TEST_F(FutureGatherTests, ConstructorHomogenousFutures) {
  const futures children = {a.f, b.f, c.f};
  const auto one = when_all(children);
  iterate();
  EXPECT_FALSE(one.done());
  const auto two = when_all(children);
  iterate();
  EXPECT_FALSE(two.done());
  for (new_future* x : {&a, &b, &c}) x->set_result(1);
  iterate();
  EXPECT_THAT(one.result(), IsOkAndHolds(ElementsAre(1, 1, 1)));
  EXPECT_THAT(two.result(), IsOkAndHolds(ElementsAre(1, 1, 1)));
}

// test_tasks.FutureGatherTests.test_one_cancellation
TEST_F(FutureGatherTests, OneCancellation) {
  const auto fut = when_all(futures{a.f, b.f, c.f, d.f, e.f});
  fut.add_done_callback(marks("called"));
  a.set_result(1);
  b.f.cancel();
  iterate(2);
  EXPECT_TRUE(fut.done());
  EXPECT_THAT(taken(), ElementsAre("called"));
  // It has failed with Cancelled, it was not cancelled.
  EXPECT_FALSE(fut.cancelled());
  EXPECT_THAT(fut.status(), IsCancelled());
  c.set_result(3);
  d.f.cancel();
  e.set_exception("RuntimeError");
  iterate(2);
  EXPECT_THAT(fut.status(), IsCancelled());
  EXPECT_THAT(taken(), IsEmpty());
}

// test_tasks.FutureGatherTests.test_result_exception_one_cancellation
TEST_F(FutureGatherTests, ResultExceptionOneCancellation) {
  auto fut = when_all_settled(futures{a.f, b.f, c.f, d.f, e.f, f.f});
  fut.add_done_callback(marks("called"));
  a.set_result(1);
  b.set_exception("ZeroDivision");
  c.f.cancel();
  iterate(2);
  EXPECT_FALSE(fut.done());
  d.set_result(3);
  e.f.cancel();
  f.set_exception("RuntimeError");
  const auto r = loop.run_until_complete(fut);
  ASSERT_TRUE(r.ok());
  EXPECT_THAT(
      *r, ElementsAre(IsOkAndHolds(1),
                      StatusIs(absl::StatusCode::kUnknown, "ZeroDivision"),
                      IsCancelled(), IsOkAndHolds(3), IsCancelled(),
                      StatusIs(absl::StatusCode::kUnknown, "RuntimeError")));
  EXPECT_THAT(taken(), ElementsAre("called"));
}

class CoroutineGatherTests : public cpython_test {};

// test_tasks.CoroutineGatherTests.test_constructor_use_running_loop
TEST_F(CoroutineGatherTests, ConstructorUseRunningLoop) {
  future<std::tuple<int, int>> fut;
  EXPECT_THAT(run([&] { fut = when_all(coro(ret(1)), coro(ret(2))); }), IsOk());
  EXPECT_THAT(loop.run_until_complete(fut),
              IsOkAndHolds(std::make_tuple(1, 2)));
}

// test_tasks.CoroutineGatherTests.test_constructor_use_global_loop
TEST_F(CoroutineGatherTests, ConstructorUseGlobalLoop) {
  virtual_clock other_clock;
  event_loop other(other_clock);  // The newest one.
  auto fut = when_all(coro(ret(1)), coro(ret(2)));
  EXPECT_EQ(other.all_tasks().size(), 2u);
  EXPECT_THAT(other.run_until_complete(fut),
              IsOkAndHolds(std::make_tuple(1, 2)));
}

// test_tasks.CoroutineGatherTests.test_duplicate_coroutines
TEST_F(CoroutineGatherTests, DuplicateCoroutines) {
  shared_future<int> c = start(says("abc"), ret(1));
  const auto fut = when_all(futures{c, c, start(ret(2)), c});
  iterate(2);
  EXPECT_THAT(fut.result(), IsOkAndHolds(ElementsAre(1, 1, 2, 1)));
  EXPECT_THAT(taken(), ElementsAre("abc 0"));
}

// test_tasks.CoroutineGatherTests.test_cancellation_broadcast
TEST_F(CoroutineGatherTests, CancellationBroadcast) {
  new_future waiter;
  shared_future<int> child1 = start(on(waiter.f), says("not reached"));
  shared_future<int> child2 = start(on(waiter.f), says("not reached"));
  shared_future<std::vector<int>> gatherer;
  shared_future<int> f = start(
      [&] {
        gatherer = when_all(futures{child1, child2});
      },
      on(gatherer), says("not reached"));
  iterate();
  EXPECT_TRUE(f.cancel());
  EXPECT_THAT(loop.run_until_complete(f), IsCancelled());
  EXPECT_FALSE(gatherer.cancel());
  EXPECT_TRUE(waiter.f.cancelled());
  EXPECT_TRUE(child1.cancelled());
  EXPECT_TRUE(child2.cancelled());
  iterate();
  EXPECT_THAT(taken(), IsEmpty());
}

// test_tasks.CoroutineGatherTests.test_exception_marking
TEST_F(CoroutineGatherTests, ExceptionMarking) {
  new_future a, b;
  shared_future<std::vector<int>> fut;
  shared_future<int> f = start(
      [&] {
        fut = when_all(futures{start(on(a.f), raise("one")),
                               start(on(b.f), raise("two"))});
      },
      on(fut));
  iterate(2);
  a.set_result();
  iterate(3);
  b.set_result();
  iterate(3);
  EXPECT_EQ(f.status(), failure("one"));
  fut = {};
  EXPECT_THAT(reports, IsEmpty());  // Nobody misses the second.
}

class TaskGatherTests : public cpython_test {};

// test_tasks.BaseTaskTests.test_cancel_gather_1
TEST_F(TaskGatherTests, CancelGather1) {
  // A gather whose children are done refuses to be cancelled.
  new_future fut;
  shared_future<std::vector<int>> gather = when_all(futures{start(on(fut.f))});
  iterate();
  bool refused = false;
  fut.f.add_done_callback([&] {
    // The child has got its value in this batch, the gather hears of it next.
    EXPECT_FALSE(gather.done());
    refused = !gather.cancel();
  });
  fut.set_result(42);
  EXPECT_THAT(loop.run_until_complete(gather), IsOkAndHolds(ElementsAre(42)));
  EXPECT_TRUE(refused);
  EXPECT_FALSE(gather.cancelled());
}

class ShieldTests : public cpython_test {
 protected:
  new_future inner;
};

// test_tasks.BaseTaskTests.test_shield_result
TEST_F(ShieldTests, ShieldResult) {
  shared_future<int> outer = shield(inner.f);
  inner.set_result(42);
  EXPECT_THAT(loop.run_until_complete(outer), IsOkAndHolds(42));
}

// test_tasks.BaseTaskTests.test_shield_exception
TEST_F(ShieldTests, ShieldException) {
  const shared_future<int> outer = shield(inner.f);
  iterate();
  inner.set_exception("expected");
  EXPECT_FALSE(outer.done());
  iterate();
  EXPECT_EQ(outer.status(), failure("expected"));
}

// test_tasks.BaseTaskTests.test_shield_cancel_inner
TEST_F(ShieldTests, ShieldCancelInner) {
  const shared_future<int> outer = shield(inner.f);
  iterate();
  inner.f.cancel();
  iterate();
  EXPECT_TRUE(outer.cancelled());
}

// test_tasks.BaseTaskTests.test_shield_cancel_outer
TEST_F(ShieldTests, ShieldCancelOuter) {
  shared_future<int> outer = shield(inner.f);
  iterate();
  EXPECT_TRUE(outer.cancel());
  iterate();
  EXPECT_TRUE(outer.cancelled());
  EXPECT_FALSE(inner.f.done());
  // The link is cut: an error of the inner one is not looked at.
  inner.set_exception("later");
  iterate();
  EXPECT_TRUE(inner.f.unretrieved());
  EXPECT_EQ(inner.f.status(), failure("later"));
}

// test_tasks.BaseTaskTests.test_shield_shortcut
TEST_F(ShieldTests, ShieldShortcut) {
  inner.set_result(42);
  EXPECT_EQ(shield(inner.f), inner.f);
  EXPECT_THAT(loop.run_until_complete(shield(inner.f)), IsOkAndHolds(42));
}

// test_tasks.BaseTaskTests.test_shield_effect
TEST_F(ShieldTests, ShieldEffect) {
  shared_future<int> f =
      start(on([&] { return shield(coro(on(inner.f), says("inner"))); }),
            says("not reached"));
  iterate(2);
  EXPECT_TRUE(f.cancel());
  EXPECT_THAT(loop.run_until_complete(f), IsCancelled());
  inner.set_result();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("inner 0"));
}

// test_tasks.BaseTaskTests.test_shield_gather
TEST_F(ShieldTests, ShieldGather) {
  new_future child1, child2;
  const shared_future<std::vector<int>> parent =
      when_all(futures{child1.f, child2.f});
  shared_future<std::vector<int>> outer = shield(parent);
  iterate();
  EXPECT_TRUE(outer.cancel());
  iterate();
  EXPECT_TRUE(outer.cancelled());
  child1.set_result(1);
  child2.set_result(2);
  iterate();
  EXPECT_THAT(parent.result(), IsOkAndHolds(ElementsAre(1, 2)));
}

// test_tasks.BaseTaskTests.test_gather_shield
TEST_F(ShieldTests, GatherShield) {
  new_future child1, child2;
  const shared_future<int> inner1 = shield(child1.f), inner2 = shield(child2.f);
  future<std::vector<int>> parent = when_all(futures{inner1, inner2});
  iterate();
  EXPECT_TRUE(parent.cancel());
  iterate();
  EXPECT_THAT(parent.status(), IsCancelled());
  EXPECT_TRUE(inner1.cancelled());
  EXPECT_TRUE(inner2.cancelled());
  EXPECT_FALSE(child1.f.done());
  child1.set_result(1);
  child2.set_result(2);
  iterate();
  EXPECT_THAT(child1.f.result(), IsOkAndHolds(1));
}

// test_tasks.BaseTaskTests.test_shield_coroutine_use_running_loop
TEST_F(ShieldTests, ShieldCoroutineUseRunningLoop) {
  future<int> outer;
  EXPECT_THAT(run([&] { outer = shield(coro(ret(42))); }), IsOk());
  EXPECT_THAT(loop.run_until_complete(outer), IsOkAndHolds(42));
}

// test_tasks.BaseTaskTests.test_shield_coroutine_use_global_loop
TEST_F(ShieldTests, ShieldCoroutineUseGlobalLoop) {
  virtual_clock other_clock;
  event_loop other(other_clock);  // The newest one.
  future<int> outer = shield(coro(ret(42)));
  EXPECT_THAT(other.run_until_complete(outer), IsOkAndHolds(42));
}

}  // namespace
}  // namespace ratchet::test
