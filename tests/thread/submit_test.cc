#include "ratchet/thread/submit.h"

#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/remote.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::calling;
using test::error_later;
using test::IsCancelled;
using test::IsKind;
using test::IsOkAndHolds;
using test::number_later;
using test::script;
using test::StatusIs;
using ::testing::_;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SubmitTest : public test::loop_test {
 protected:
  // Runs f(remote) in a thread and the loop until it is idle.
  template <class F>
  void beside(F f) {
    std::thread other([f = std::move(f), door = loop.make_remote()]() mutable {
      f(door);
      std::move(door).post([] {}).IgnoreError();
    });
    other_ = std::move(other);
    run_until_idle();
    other_.join();
  }

  std::thread other_;
};

TEST_F(SubmitTest, GivesTheResultToTheOtherThread) {  // S165
  const std::thread::id here = std::this_thread::get_id();
  beside([here](remote& door) {
    EXPECT_THAT(submit(door, calling([here] {
                         EXPECT_EQ(std::this_thread::get_id(), here);
                         return 1;
                       }))
                    .get(),
                IsOkAndHolds(1));
    EXPECT_THAT(submit(door, number_later(absl::Seconds(5), 2)).get(),
                IsOkAndHolds(2));
    EXPECT_THAT(
        submit(door, error_later(absl::Seconds(1), absl::NotFoundError("it")))
            .get(),
        StatusIs(absl::StatusCode::kNotFound, "it"));
  });
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(SubmitTest, CancellingCancelsTheTask) {  // S165
  beside([](remote& door) {
    auto f = submit(door, number_later(absl::InfiniteDuration(), 2));
    EXPECT_FALSE(f.done());
    EXPECT_FALSE(f.wait(absl::Milliseconds(1)));
    EXPECT_TRUE(f.cancel());
    EXPECT_TRUE(f.wait());
    EXPECT_TRUE(f.done());
    EXPECT_FALSE(f.cancel());
    EXPECT_THAT(std::move(f).get(), IsCancelled());
  });
}

TEST_F(SubmitTest, AnErrorThatNobodyTookIsReported) {
  beside([](remote& door) {
    const auto fails = [&] {
      return submit(door,
                    error_later(absl::Seconds(1), absl::DataLossError("x")));
    };
    (void)fails();                // Dropped before it is done,
    EXPECT_TRUE(fails().wait());  // and after.
  });
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].status, absl::DataLossError("x"));
  EXPECT_EQ(reports[1].status, absl::DataLossError("x"));
}

TEST_F(SubmitTest, ALoopThatIsClosedIsAnError) {
  const remote door = loop.make_remote();
  ASSERT_TRUE(loop.close().ok());
  std::thread([&] {
    auto f = submit(door, calling([] { return 1; }));
    EXPECT_TRUE(f.done());
    EXPECT_FALSE(f.cancel());
    EXPECT_THAT(std::move(f).get(), IsKind(error_kind::closed, _));
  }).join();
}

TEST_F(SubmitTest, ALoopThatGoesEndsTheWait) {
  auto going = std::make_unique<event_loop>(clock);
  catch_reports(*going);
  std::thread other([door = going->make_remote()] {
    auto started = submit(door, number_later(absl::InfiniteDuration(), 1));
    auto queued = submit(door, calling([] { return 1; }));
    door.post([] { event_loop::current().stop(); }).IgnoreError();
    EXPECT_THAT(std::move(started).get(), IsKind(error_kind::closed, _));
    (void)std::move(queued).get();
  });
  ASSERT_TRUE(going->run_forever().ok());
  going.reset();
  other.join();
}

TEST_F(SubmitTest, FromItsOwnThreadItCanBeSubmittedButNotWaitedFor) {
  auto f = submit(loop.make_remote(), calling([] { return 1; }));
  EXPECT_DEATH((void)f.wait(), "the thread of the loop waits for a task");
  run_until_idle();
  EXPECT_TRUE(f.wait());
  EXPECT_THAT(std::move(f).get(), IsOkAndHolds(1));
}

TEST_F(SubmitTest, ALoopWaitsWhileTheTaskMayStillBeCancelled) {
  std::optional<cross_thread_future<int>> f;
  {
    std::thread([&] {
      f = submit(loop.make_remote(), number_later(absl::InfiniteDuration(), 1));
    }).join();
  }
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_TRUE(f->cancel());
  });
  run_until_idle();
  canceller.join();
  EXPECT_THAT(std::move(*f).get(), IsCancelled());
}

}  // namespace
}  // namespace ratchet
