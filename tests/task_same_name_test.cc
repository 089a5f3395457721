// Machines of one name in two files: classes in unnamed namespaces have nothing
// to do with one another.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"
#include "tests/task_same_name_twin.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;

class callee final : public task<void> {
 public:
  step start() { return done(); }
};

// The same as in the other file, but for what it writes.
class namesake final : public task<std::string> {
 public:
  step start() { return sleep_for<&namesake::slept>(absl::Seconds(1)); }

 private:
  step slept() {
    trace_ += "this one slept";
    return sleep_until<&namesake::slept_until>(event_loop::current().now());
  }
  step slept_until() {
    trace_ += ", slept until";
    return yield<&namesake::yielded>();
  }
  step yielded() {
    trace_ += ", yielded";
    return await<&namesake::got>(make_ready_future(1));
  }
  step got(int x) {
    trace_ += absl::StrCat(", got ", x);
    return await<&namesake::got_shared>(make_ready_future(2).share());
  }
  step got_shared(int x) {
    trace_ += absl::StrCat(", got ", x);
    return await<&namesake::called>(callee());
  }
  step called() { return done(trace_ + ", called"); }

  std::string trace_;
};

class TaskSameNameTest : public loop_test {};

TEST_F(TaskSameNameTest, EachRunsItsOwnStates) {
  future<std::string> mine = create_task(namesake());
  future<std::string> twin = test::start_twin();
  EXPECT_THAT(
      loop.run_until_complete(mine),
      IsOkAndHolds("this one slept, slept until, yielded, got 1, got 2, "
                   "called"));
  EXPECT_THAT(loop.run_until_complete(twin),
              IsOkAndHolds("twin slept, slept until, yielded, got 3, got 4, "
                           "called"));
}

}  // namespace
}  // namespace ratchet
