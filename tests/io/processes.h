#ifndef RATCHET_TESTS_IO_PROCESSES_H_
#define RATCHET_TESTS_IO_PROCESSES_H_

// A test that starts processes. Its clock is real, for theirs is.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/io/process.h"
#include "ratchet/io/stream.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {

inline process_options program(std::vector<std::string> argv,
                               redirect input = redirect::null()) {
  process_options options;
  options.argv = std::move(argv);
  options.standard_input = input;
  options.standard_output = redirect::pipe();
  return options;
}

inline process_options shell(const std::string& line) {
  return program({"/bin/sh", "-c", line}, redirect::pipe());
}

// Its next line, or "(end)".
class line_of final : public task<std::string> {
 public:
  explicit line_of(stream& from) : from_(from) {}
  step start() { return await<&line_of::got>(from_.read_line()); }

 private:
  step got(std::optional<std::string_view> l) {
    return done(l.has_value() ? std::string(*l) : "(end)");
  }

  stream& from_;
};

class process_test : public ::testing::Test {
 protected:
  process_test() { catch_reports(loop); }

  void catch_reports(event_loop& from) {
    from.set_error_handler(
        [this](const error_report& report) { reports.push_back(report); });
  }

  // REQUIRES: it can be started.
  static process started(const process_options& options) {
    absl::StatusOr<process> p = spawn(options);
    EXPECT_THAT(p, IsOk());
    return p.ok() ? *std::move(p) : process();
  }

  exit_status ended(process& p) {
    absl::StatusOr<exit_status> status = loop.run_until_complete(p.wait());
    EXPECT_THAT(status, IsOk());
    return *status;
  }
  exit_status ended(process&& p) { return ended(p); }

  std::string line_from(stream& from) {
    return loop.run_until_complete(line_of(from)).value();
  }

  std::string output_of(const process_options& options) {
    process p = started(options);
    absl::StatusOr<std::string> all =
        loop.run_until_complete(p.output().read_all(1 << 20));
    EXPECT_THAT(all, IsOk());
    ended(p);
    return *all;
  }

  static void iterate_in(event_loop& l, int times = 1) {
    for (int i = 0; i < times; ++i) {
      l.stop();
      EXPECT_TRUE(l.run_forever().ok());
    }
  }
  void iterate(int times = 1) { iterate_in(loop, times); }

  // Neither alive nor a zombie.
  static bool is_gone(pid_t child) {
    return ::kill(child, 0) != 0 && errno == ESRCH;
  }
  void run_until_reaped(pid_t child) {
    while (!is_gone(child)) iterate();
  }
  static void wait_until_reaped(pid_t child) {
    while (!is_gone(child)) std::this_thread::yield();
  }

  static int lowest_free_descriptor() {
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(fd);
    return fd;
  }

  steady_clock clock;
  std::vector<error_report> reports;
  event_loop loop{clock};
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_IO_PROCESSES_H_
