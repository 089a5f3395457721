// A machine's bases are not in the way of the names that programs use.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"

namespace {

// Found in the namespace, although the library has such words inside.
enum class state { idle, busy };
enum class phase { heating, cooling };
struct waiter {
  int tables = 3;
};
struct timer {
  int seconds = 4;
};

class machine final : public ratchet::task<int> {
 public:
  step start() {
    state_ = state::busy;
    phase_ = phase::cooling;
    const timer t;
    return done(waiter().tables + t.seconds + error() + value() + cancel());
  }

  // Members of its own.
  std::string describe() const { return "a machine of mine"; }
  int error() const { return 100; }
  int value() const { return 1000; }
  int cancel() const { return 10000; }

 private:
  state state_ = state::idle;
  phase phase_ = phase::heating;
};

class TaskNamesTest : public ratchet::test::loop_test {};

TEST_F(TaskNamesTest, AreTheUsers) {
  EXPECT_EQ(machine().describe(), "a machine of mine");
  EXPECT_EQ(loop.run_until_complete(machine()).value(), 11107);
}

}  // namespace
