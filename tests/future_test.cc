#include "ratchet/future.h"

#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "tests/support/loop_test.h"
#include "tests/support/values.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsCancelled;
using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::ratchet::test::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FutureTest : public loop_test {};
using FutureDeathTest = FutureTest;

// -- Any value type -----------------------------------------------------------

template <class T>
class FutureValueTest : public loop_test {
 protected:
  ~FutureValueTest() override { EXPECT_EQ(test::counted::alive, 0); }
};

using ValueTypes =
    ::testing::Types<test::plain, test::move_only, test::over_aligned_64,
                     test::over_aligned_256, test::large>;
TYPED_TEST_SUITE(FutureValueTest, ValueTypes);

template <class T>
bool is_aligned(const T& t) {
  return reinterpret_cast<uintptr_t>(&t) % alignof(T) == 0;
}

TYPED_TEST(FutureValueTest, IsCarriedAndMovedOut) {
  promise<TypeParam> p;
  future<TypeParam> f = p.get_future();
  ASSERT_THAT(p.set_value(42), IsOk());  // Made in place.
  EXPECT_EQ(f.value().number(), 42);
  EXPECT_TRUE(is_aligned(f.value()));
  absl::StatusOr<TypeParam> result = std::move(f).result();
  EXPECT_FALSE(f.valid());
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->number(), 42);
}

TYPED_TEST(FutureValueTest, GoesThroughAChain) {
  promise<TypeParam> p;
  int last = 0;
  future<void> end =
      p.get_future()
          .then([](TypeParam t) { return t; })
          .then([](TypeParam&& t) {
            EXPECT_TRUE(is_aligned(t));
            return std::move(t);
          })
          .finally([] {})
          .or_else([](const absl::Status& e) -> absl::StatusOr<TypeParam> {
            return e;
          })
          .then_result([](absl::StatusOr<TypeParam> t) { return t; })
          .then([&](const TypeParam& t) { last = t.number(); });
  ASSERT_THAT(p.set_value(7), IsOk());
  this->run_until_idle();
  EXPECT_THAT(end.status(), IsOk());
  EXPECT_EQ(last, 7);
}

TYPED_TEST(FutureValueTest, IsSharedByReference) {
  promise<TypeParam> p;
  shared_future<TypeParam> f = p.get_future().share();
  const TypeParam* at[2] = {};
  future<void> a = f.then([&](const TypeParam& t) { at[0] = &t; });
  future<void> b = f.then([&](const TypeParam& t) { at[1] = &t; });
  ASSERT_THAT(p.set_value(7), IsOk());
  this->run_until_idle();
  EXPECT_EQ(at[0], &f.value());
  EXPECT_EQ(at[1], &f.value());
  EXPECT_TRUE(is_aligned(f.value()));
  EXPECT_EQ(test::counted::alive, 1);
}

TYPED_TEST(FutureValueTest, IsDestroyedWithItsFuture) {
  promise<TypeParam> p;
  future<TypeParam> f = p.get_future();
  ASSERT_THAT(p.set_value(7), IsOk());
  EXPECT_EQ(test::counted::alive, 1);
  f = future<TypeParam>();
  EXPECT_EQ(test::counted::alive, 1);  // The promise has it, too.
  p = promise<TypeParam>();
  EXPECT_EQ(test::counted::alive, 0);
}

TYPED_TEST(FutureValueTest, IsReady) {
  future<TypeParam> f = make_ready_future(TypeParam(3));
  EXPECT_TRUE(f.done());
  EXPECT_EQ(f.value().number(), 3);
}

TEST_F(FutureTest, OfVoidHasNoValueButAnOutcome) {
  promise<void> p;
  future<void> f = p.get_future();
  EXPECT_FALSE(f.done());
  ASSERT_THAT(p.set_value(), IsOk());
  EXPECT_TRUE(f.done());
  EXPECT_THAT(f.result(), IsOk());
  static_assert(std::is_same_v<decltype(f.result()), absl::Status>);
}

// -- The handle ---------------------------------------------------------------

TEST_F(FutureTest, IsMoveOnlyAndASharedOneIsNot) {
  static_assert(!std::is_copy_constructible_v<future<int>>);
  static_assert(!std::is_copy_assignable_v<future<int>>);
  static_assert(std::is_nothrow_move_constructible_v<future<int>>);
  static_assert(std::is_nothrow_move_assignable_v<future<int>>);
  static_assert(std::is_copy_constructible_v<shared_future<int>>);
  static_assert(std::is_copy_assignable_v<shared_future<int>>);
  static_assert(std::is_convertible_v<future<int>&&, shared_future<int>>);
  static_assert(sizeof(future<int>) == sizeof(void*));
}

TEST_F(FutureTest, IsEmptyWhenDefaultConstructedMovedFromOrConsumed) {
  future<int> f;
  EXPECT_FALSE(f.valid());
  EXPECT_FALSE(static_cast<bool>(f));
  promise<int> p;
  f = p.get_future();
  EXPECT_TRUE(f.valid());
  future<int> g = std::move(f);
  EXPECT_FALSE(f.valid());
  EXPECT_TRUE(g.valid());
  future<int> h = std::move(g).then([](int x) { return x; });
  EXPECT_FALSE(g.valid());
  shared_future<int> s = std::move(h).share();
  EXPECT_FALSE(h.valid());
  EXPECT_TRUE(s.valid());
  shared_future<int> t = s.then([](int x) { return x; });
  EXPECT_TRUE(s.valid());  // Only shared.
}

TEST_F(FutureTest, MoveAssignmentLetsGoOfTheOldOneAtOnce) {
  promise<int> p, q, r;
  future<int> f = p.get_future();
  future<int> g = q.get_future();
  g = std::move(f);
  EXPECT_FALSE(f.valid());
  EXPECT_TRUE(g.valid());
  ASSERT_THAT(p.set_value(1), IsOk());
  EXPECT_THAT(g.result(), IsOkAndHolds(1));

  shared_future<int> s = std::move(g);
  shared_future<int> t = r.get_future();
  t = std::move(s);
  EXPECT_FALSE(s.valid());
  EXPECT_EQ(t.value(), 1);
}

TEST_F(FutureTest, AMoveToItselfKeepsIt) {
  future<int> f = make_ready_future(1);
  future<int>& same = f;
  f = std::move(same);
  EXPECT_TRUE(f.valid());
}

TEST_F(FutureTest, HandlesAreEqualWhenTheyStandForTheSameFuture) {
  promise<int> p, q;
  const shared_future<int> a = p.get_future();
  const shared_future<int> b = a;
  const shared_future<int> c = q.get_future();
  EXPECT_TRUE(a == b);
  EXPECT_FALSE(a == c);
  EXPECT_TRUE(a != c);
  EXPECT_TRUE(future<int>() == future<int>());
}

TEST_F(FutureTest, StreamsWhatItIsAndItsState) {
  const auto text = [](const auto& f) {
    std::ostringstream out;
    out << f;
    return out.str();
  };
  EXPECT_EQ(text(future<int>()), "<future empty>");
  promise<int> p;
  future<int> f = p.get_future();
  EXPECT_EQ(text(f), "<future pending>");
  EXPECT_EQ(text(shared_future<int>(std::move(f))), "<future pending>");
  EXPECT_EQ(text(make_ready_future(1)), "<future value>");
  future<int> failed = make_error_future<int>(absl::NotFoundError("x"));
  EXPECT_EQ(text(failed), "<future error>");
  (void)failed.status();
  EXPECT_EQ(text(make_error_future<int>(cancelled_error())),
            "<future cancelled>");
}

// -- The outcome --------------------------------------------------------------

TEST_F(FutureTest, PendingItHasNoOutcome) {  // S29, S30
  promise<int> p;
  future<int> f = p.get_future();
  EXPECT_FALSE(f.done());
  EXPECT_FALSE(f.cancelled());
  const auto pending = AllOf(
      IsKind(
          error_kind::invalid_state,
          HasSubstr(
              "future of a promise is still pending: await it, or ask done()")),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("pending")));
  EXPECT_THAT(f.status(), pending);
  EXPECT_THAT(f.result(), pending);
  EXPECT_THAT(std::move(f).result(), pending);
  EXPECT_TRUE(f.valid());  // Only a settled one is taken.
}

TEST_F(FutureTest, AValueCanBeReadAnyNumberOfTimes) {  // S30
  promise<std::string> p;
  future<std::string> f = p.get_future();
  ASSERT_THAT(p.set_value("text"), IsOk());
  EXPECT_TRUE(f.done());
  EXPECT_FALSE(f.cancelled());
  EXPECT_THAT(f.status(), IsOk());
  EXPECT_THAT(f.result(), IsOkAndHolds("text"));
  EXPECT_THAT(f.result(), IsOkAndHolds("text"));
  EXPECT_EQ(f.value(), "text");
}

TEST_F(FutureTest, AnErrorCanBeReadAnyNumberOfTimes) {  // S30, S31
  promise<int> p;
  future<int> f = p.get_future();
  ASSERT_THAT(p.set_error(absl::NotFoundError("gone")), IsOk());
  EXPECT_TRUE(f.done());
  EXPECT_FALSE(f.cancelled());
  EXPECT_EQ(f.status(), absl::NotFoundError("gone"));
  EXPECT_EQ(f.result().status(), absl::NotFoundError("gone"));
  EXPECT_EQ(std::move(f).result().status(), absl::NotFoundError("gone"));
  EXPECT_FALSE(f.valid());
}

TEST_F(FutureTest, ACancelledOneHasItsOwnError) {  // S30, S31
  promise<int> p;
  future<int> f = p.get_future();
  EXPECT_TRUE(f.cancel());
  EXPECT_TRUE(f.done());
  EXPECT_TRUE(f.cancelled());
  EXPECT_THAT(f.status(), IsCancelled());
  EXPECT_THAT(f.result(), IsCancelled());
}

TEST_F(FutureTest, AnOrdinaryCancelledErrorDoesNotMakeItCancelled) {
  future<int> f = make_error_future<int>(absl::CancelledError("mine"));
  EXPECT_FALSE(f.cancelled());
  EXPECT_EQ(f.status(), absl::CancelledError("mine"));
  future<int> g = make_error_future<int>(cancelled_error());
  EXPECT_TRUE(g.cancelled());
}

TEST_F(FutureTest, ReadyOnesAreSettledAtOnce) {
  EXPECT_THAT(make_ready_future().status(), IsOk());
  EXPECT_THAT(make_ready_future(std::string("x")).result(), IsOkAndHolds("x"));
  const int lvalue = 4;
  static_assert(
      std::is_same_v<decltype(make_ready_future(lvalue)), future<int>>);
  EXPECT_THAT(make_ready_future(lvalue).result(), IsOkAndHolds(4));
  EXPECT_EQ(make_error_future<int>(absl::NotFoundError("x")).status(),
            absl::NotFoundError("x"));
  EXPECT_EQ(make_error_future<void>(absl::NotFoundError("x")).status(),
            absl::NotFoundError("x"));
}

// -- Done-callbacks -----------------------------------------------------------

TEST_F(FutureTest, CompletionNeverCallsBackInline) {  // S33
  promise<int> p;
  future<int> f = p.get_future();
  loop.call_soon([&] {
    f.add_done_callback(marks_iteration("a"));
    f.add_done_callback(marks_iteration("b"));
    loop.call_soon(marks_iteration("queued before"));
    ASSERT_THAT(p.set_value(1), IsOk());
    EXPECT_TRUE(f.done());  // Visible at once.
    loop.call_soon(marks_iteration("queued after"));
    mark_iteration("completed");
  });
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("completed@1", "queued before@2", "a@2",
                                   "b@2", "queued after@2"));
}

TEST_F(FutureTest, ErrorsAndCancellationsCallBackToo) {  // S33, S37
  promise<int> p, q;
  future<int> f = p.get_future(), g = q.get_future();
  f.add_done_callback(marks("error"));
  g.add_done_callback(marks("cancelled"));
  ASSERT_THAT(p.set_error(absl::NotFoundError("x")), IsOk());
  EXPECT_TRUE(g.cancel());
  EXPECT_THAT(taken(), IsEmpty());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("error", "cancelled"));
  (void)f.status();
}

TEST_F(FutureTest, ACallbackOnADoneFutureIsQueuedAtOnce) {  // S34
  future<int> f = make_ready_future(1);
  loop.call_soon(marks("before"));
  f.add_done_callback(marks("callback"));
  loop.call_soon(marks("after"));
  EXPECT_THAT(taken(), IsEmpty());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("before", "callback", "after"));
}

TEST_F(FutureTest, ACallbackCanBeTakenBackWhileItIsPending) {  // S35
  promise<int> p;
  future<int> f = p.get_future();
  callback_handle a = f.add_done_callback(marks("a"));
  callback_handle b = f.add_done_callback(marks("b"));
  callback_handle c = f.add_done_callback(marks("c"));
  EXPECT_TRUE(b.pending());
  EXPECT_TRUE(b.cancel());
  EXPECT_FALSE(b.pending());
  EXPECT_FALSE(b.cancel());
  ASSERT_THAT(p.set_value(1), IsOk());
  EXPECT_FALSE(c.cancel());  // Too late: what is queued will run.
  EXPECT_TRUE(c.cancelled());
  EXPECT_TRUE(c.pending());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("a", "c"));
  EXPECT_FALSE(a.cancel());
  EXPECT_FALSE(a.pending());
}

TEST_F(FutureTest, ContinuationsAndCallbacksAreServedInOrder) {  // S36
  promise<int> p;
  shared_future<int> f = p.get_future();
  f.add_done_callback(marks("callback"));
  future<void> a = f.then([this](int) { mark("then"); });
  f.add_done_callback(marks("callback"));
  future<void> b = f.then_result([this](absl::StatusOr<int>) { mark("last"); });
  ASSERT_THAT(p.set_value(1), IsOk());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("callback", "then", "callback", "last"));
}

TEST_F(FutureTest, AFailedDoneCallbackIsReported) {  // S11
  future<int> f = make_ready_future(1);
  f.add_done_callback([] { return absl::NotFoundError("callback"); });
#ifdef ABSL_HAVE_EXCEPTIONS
  f.add_done_callback([] { throw 1; });
#else
  f.add_done_callback([] { return absl::UnknownError("int"); });
#endif
  f.add_done_callback(marks("went on"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("went on"));
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].cause, error_report::cause::callback);
  EXPECT_EQ(reports[0].who, "add_done_callback()");
  EXPECT_EQ(reports[0].status, absl::NotFoundError("callback"));
  EXPECT_THAT(reports[1].status, StatusIs(absl::StatusCode::kUnknown, "int"));
}

TEST_F(FutureTest, ADoneCallbackMayDropItsFuture) {
  promise<int> p;
  auto f = std::make_unique<future<int>>(p.get_future());
  f->add_done_callback([&] {
    f.reset();
    mark("dropped");
  });
  ASSERT_THAT(p.set_value(1), IsOk());
  p = promise<int>();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("dropped"));
}

TEST_F(FutureTest, ADoneCallbackDoesNotKeepTheProducerAlive) {
  auto p = std::make_unique<promise<int>>();
  p->get_future().add_done_callback(marks("broken"));
  p.reset();
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("broken"));
  EXPECT_THAT(reports, SizeIs(1));  // And nobody looked at the error.
}

// -- Misuse -------------------------------------------------------------------

TEST_F(FutureDeathTest, UseOfAnEmptyFuture) {
  future<int> f;
  const char kSentence[] =
      "\\(\\) on a future that is empty: it was default-constructed, moved "
      "from, or consumed by then\\(\\), share\\(\\), await or "
      "run_until_complete\\(\\); share\\(\\) it";
  const auto sentence = [&](const char* call) {
    return std::string("ratchet: ") + call + kSentence;
  };
  EXPECT_DEATH((void)f.done(), sentence("done"));
  EXPECT_DEATH((void)f.cancelled(), sentence("cancelled"));
  EXPECT_DEATH((void)f.status(), sentence("status"));
  EXPECT_DEATH((void)f.value(), sentence("value"));
  EXPECT_DEATH((void)f.result(), sentence("result"));
  EXPECT_DEATH((void)std::move(f).result(), sentence("result"));
  EXPECT_DEATH((void)f.cancel(), sentence("cancel"));
  EXPECT_DEATH((void)f.unretrieved(), sentence("unretrieved"));
  EXPECT_DEATH(f.add_done_callback([] {}), sentence("add_done_callback"));
  EXPECT_DEATH((void)std::move(f).then([](int) {}), sentence("then"));
  EXPECT_DEATH((void)std::move(f).or_else([](auto&) { return 1; }),
               sentence("or_else"));
  EXPECT_DEATH((void)std::move(f).then_result([](auto) {}),
               sentence("then_result"));
  EXPECT_DEATH((void)std::move(f).finally([] {}), sentence("finally"));
  EXPECT_DEATH((void)std::move(f).share(), sentence("share"));
  const shared_future<int> s;
  EXPECT_DEATH((void)s.then([](int) {}), sentence("then"));
}

TEST_F(FutureDeathTest, AnEmptyFutureFromACallback) {
  EXPECT_DEATH(
      {
        future<int> f =
            make_ready_future(1).then([](int) { return future<int>(); });
        run_until_idle();
      },
      "ratchet: the future a callback returned on a future that is empty");
}

#ifndef NDEBUG
TEST_F(FutureDeathTest, ValueOfAFutureThatHasNone) {
  promise<int> p;
  future<int> f = p.get_future();
  EXPECT_DEATH((void)f.value(),
               "ratchet: value\\(\\) of a future that has "
               "none: ask status\\(\\) first");
}

TEST_F(FutureDeathTest, AnErrorFutureOfOk) {
  EXPECT_DEATH((void)make_error_future<int>(absl::OkStatus()),
               "ratchet: make_error_future\\(\\) was given an OK status");
}

TEST_F(FutureDeathTest, OnAnotherThread) {
  promise<int> p;
  shared_future<int> f = p.get_future();
  const auto elsewhere = [](auto g) { std::thread(g).join(); };
  EXPECT_DEATH(elsewhere([&] { (void)f.then([](int) {}); }),
               "ratchet: then\\(\\) was called on thread");
  EXPECT_DEATH(elsewhere([&] { f.cancel(); }),
               "ratchet: cancel\\(\\) was called on thread");
  EXPECT_DEATH(elsewhere([&] { f.add_done_callback([] {}); }),
               "ratchet: add_done_callback\\(\\) was called on thread");
}
#endif

TEST(FutureWithoutLoopDeathTest, NeedsALoop) {
  EXPECT_DEATH((void)make_ready_future(),
               "ratchet: make_ready_future\\(\\) needs an event loop, and this "
               "thread has none: make an event_loop first, or use run\\(\\)");
  EXPECT_DEATH((void)make_error_future<int>(absl::NotFoundError("x")),
               "ratchet: make_error_future\\(\\) needs an event loop");
}

}  // namespace
}  // namespace ratchet
