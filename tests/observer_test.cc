#include "ratchet/observer.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"

namespace ratchet {
namespace {

using ::testing::ElementsAre;

class printer final : public observer {
 public:
  explicit printer(test::trace& seen) : seen_(seen) {}
  void task_ended(const task_info& task, const absl::Status& outcome) override {
    seen_.push_back(
        absl::StrCat(task.id, outcome.ok() ? " ok"
                              : is_cancelled(outcome)
                                  ? " cancelled"
                                  : absl::StrCat(" ", outcome.message())));
  }

 private:
  test::trace& seen_;
};

class ObserverTest : public test::loop_test {
 protected:
  ObserverTest() { loop.set_observer(&printer_); }
  ~ObserverTest() override { loop.set_observer(nullptr); }

  printer printer_{seen};
};

TEST_F(ObserverTest, IsToldBeforeAnyOtherCallbackRuns) {
  future<int> value =
      loop.create_task(test::number_later(absl::ZeroDuration(), 1));
  future<int> error = loop.create_task(
      test::error_later(absl::ZeroDuration(), absl::InternalError("no")));
  value.add_done_callback(marks("after value"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("1 ok", "2 no", "after value"));
  // It has not looked at the error for the program.
  EXPECT_TRUE(error.unretrieved());
  EXPECT_FALSE(error.status().ok());
}

TEST_F(ObserverTest, IsToldOfATaskThatNeverStarted) {
  future<int> f = loop.create_task(test::number_later(absl::Seconds(1), 1));
  f.cancel();
  EXPECT_THAT(taken(), ElementsAre());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("1 cancelled"));
}

TEST_F(ObserverTest, NobodyIsToldWhenItIsTakenBack) {
  loop.set_observer(nullptr);
  future<int> f = loop.create_task(test::calling([] { return 1; }));
  run_until_idle();
  EXPECT_TRUE(f.done());
  EXPECT_THAT(taken(), ElementsAre());
}

}  // namespace
}  // namespace ratchet
