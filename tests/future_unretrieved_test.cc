// Errors that nobody looked at: rule S38 of docs/asyncio.md.

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::loop_test;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class UnretrievedTest : public loop_test {
 protected:
  // A future that has failed, and whose handle is all there is.
  static future<int> failed() {
    return make_error_future<int>(absl::NotFoundError("unseen"));
  }
};

TEST_F(UnretrievedTest, IsReportedWhenTheLastHandleGoes) {  // S38
  {
    future<int> f = failed();
    EXPECT_TRUE(f.unretrieved());
    const future<int> g = std::move(f);
    EXPECT_THAT(reports, IsEmpty());
  }
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].cause, error_report::cause::unretrieved);
  EXPECT_EQ(reports[0].status, absl::NotFoundError("unseen"));
  EXPECT_EQ(reports[0].who, "future of a promise");
}

TEST_F(UnretrievedTest, StatusResultAndCancelCountAsLooking) {  // S38
  { (void)failed().status(); }
  { (void)failed().result(); }
  {
    const future<int> f = failed();
    (void)f.result();
  }
  { EXPECT_FALSE(failed().cancel()); }
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(UnretrievedTest, AskingForItsStateDoesNot) {  // S38
  {
    future<int> f = failed();
    (void)f.done();
    (void)f.cancelled();
    (void)f.valid();
    f.add_done_callback([] {});
    run_until_idle();
    EXPECT_TRUE(f.unretrieved());
  }
  EXPECT_THAT(reports, SizeIs(1));
}

TEST_F(UnretrievedTest, ACancellationIsNoError) {  // S38
  { future<int> f = make_error_future<int>(cancelled_error()); }
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(UnretrievedTest, AContinuationTakesTheErrorOver) {  // S38
  {
    future<int> f = failed().then([](int x) { return x; });
    run_until_idle();
    EXPECT_TRUE(f.unretrieved());
    EXPECT_THAT(reports, IsEmpty());
  }
  ASSERT_THAT(reports, SizeIs(1));  // Once, for the end of the chain.
  EXPECT_EQ(reports[0].who, "future from then()");
}

TEST_F(UnretrievedTest, AHandlerOfErrorsHasSeenIt) {  // S38
  {
    future<int> f = failed().or_else([](const absl::Status&) { return 1; });
    future<int> g = failed().then_result([](absl::StatusOr<int>) { return 1; });
    run_until_idle();
  }
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(UnretrievedTest, ASharedOneIsReportedOnceAfterAllHandles) {  // S38
  {
    const shared_future<int> a = failed();
    { const shared_future<int> b = a; }
    EXPECT_THAT(reports, IsEmpty());
  }
  EXPECT_THAT(reports, SizeIs(1));
}

TEST_F(UnretrievedTest, TheErrorOfACallbackThatNobodyWaitsForIsReported) {
  (void)make_ready_future(1).then([](int) { return absl::NotFoundError("x"); });
  run_until_idle();
  EXPECT_THAT(reports, SizeIs(1));
}

TEST(FutureReportTest, TheHandlerIsNotCalledOnceItsLoopIsGone) {
  int reports = 0;
  future<int> left;
  virtual_clock clock;
  {
    event_loop loop(clock);
    loop.set_error_handler([&reports](const error_report&) { ++reports; });
    left = make_error_future<int>(absl::InternalError("printed: no handler"));
  }
  left = future<int>();
  EXPECT_EQ(reports, 0);
}

}  // namespace
}  // namespace ratchet
