#ifndef RATCHET_TESTS_SUPPORT_LOOP_TEST_H_
#define RATCHET_TESTS_SUPPORT_LOOP_TEST_H_

// A loop in virtual time, a trace of what happened in it, and the reports that
// its error handler got.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/status.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {

// What happened, in order. Compare with ElementsAre.
using trace = std::vector<std::string>;

class loop_test : public ::testing::Test {
 protected:
  loop_test() { catch_reports(loop); }

  void catch_reports(event_loop& from) {
    from.set_error_handler(
        [this](const error_report& report) { reports.push_back(report); });
  }

  // Adds to the trace.
  void mark(const std::string& what) { seen.push_back(what); }
  // A callback that does.
  auto marks(const std::string& what) {
    return [this, what] { mark(what); };
  }
  // Adds what, and the iteration it happens in, counted from the last call of
  // count_from_here(): "b@2".
  void mark_iteration(const std::string& what) {
    mark(absl::StrCat(what, "@", loop.iteration() - first_));
  }
  auto marks_iteration(const std::string& what) {
    return [this, what] { mark_iteration(what); };
  }
  void count_from_here() { first_ = loop.iteration(); }

  // The trace so far; the next one starts anew.
  trace taken() { return std::move(seen); }

  // Runs one iteration, which does not wait and so leaves the time alone.
  void iterate(int times = 1) {
    for (int i = 0; i < times; ++i) {
      loop.stop();
      ASSERT_TRUE(loop.run_forever().ok());
    }
  }

  // Runs until nothing can ever happen again, all sleeps included.
  void run_until_idle() {
    const absl::Status status = loop.run_forever();
    EXPECT_EQ(kind_of(status), error_kind::deadlock) << status;
  }

  absl::Duration elapsed() { return clock.now() - absl::UnixEpoch(); }

  trace seen;
  std::vector<error_report> reports;
  virtual_clock clock;
  event_loop loop{clock};

 private:
  uint64_t first_ = 0;
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_SUPPORT_LOOP_TEST_H_
