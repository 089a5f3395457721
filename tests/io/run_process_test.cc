#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/io/process.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/timeout.h"
#include "ratchet/when_all.h"
#include "tests/io/processes.h"
#include "tests/io/signal_storm.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Bytes that are not the same twice in a row, nor in a million.
std::string noise(size_t size, uint32_t seed) {
  std::string data(size, '\0');
  for (char& c : data) {
    seed = seed * 1664525 + 1013904223;
    c = static_cast<char>(seed >> 24);
  }
  return data;
}

process_options command(std::vector<std::string> argv) {
  process_options options;
  options.argv = std::move(argv);
  return options;
}

process_options line(const std::string& text) {
  return command({"/bin/sh", "-c", text});
}

class RunProcessTest : public process_test {
 protected:
  ~RunProcessTest() override { EXPECT_THAT(reports, IsEmpty()); }
};

TEST_F(RunProcessTest, GivesStatusOutputAndErrors) {
  absl::StatusOr<process_result> result = loop.run_until_complete(
      run_process(line("echo out; echo err >&2; exit 4")));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->status.code(), 4);
  EXPECT_EQ(result->output, "out\n");
  EXPECT_EQ(result->errors, "err\n");
}

TEST_F(RunProcessTest, ErrorsCanGoWithTheOutput) {
  process_options options = line("echo out; echo err >&2");
  options.standard_error = redirect::to_output();
  absl::StatusOr<process_result> result =
      loop.run_until_complete(run_process(options));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->output, "out\nerr\n");
  EXPECT_EQ(result->errors, "");
}

TEST_F(RunProcessTest, FullPipesBothWaysAreNoDeadlock) {
  const std::string data = noise(1 << 20, 1);
  absl::StatusOr<process_result> result =
      loop.run_until_complete(run_process(command({"cat"}), data));
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->output == data);
}

TEST_F(RunProcessTest, NorAreFullPipesOnBothOutputs) {
  absl::StatusOr<process_result> result = loop.run_until_complete(run_process(
      line("head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; "
           "head -c 300000 /dev/zero >&2")));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->output.size(), 300000U);
  EXPECT_EQ(result->errors.size(), 600000U);
}

TEST_F(RunProcessTest, InputThatNobodyReadsIsNoError) {
  absl::StatusOr<process_result> result = loop.run_until_complete(
      run_process(line("exec <&-; echo done"), noise(1 << 20, 2)));
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->status.success());
  EXPECT_EQ(result->output, "done\n");
}

TEST_F(RunProcessTest, MoreThanTheLimitIsAnErrorAndEndsTheProcess) {
  process_limits limits;
  limits.errors = 1000;
  const absl::StatusOr<process_result> result = loop.run_until_complete(
      run_process(line("yes >&2"), std::string(), limits));
  EXPECT_THAT(result,
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("standard error of /bin/sh: what is to be "
                                 "read is longer than the limit of "
                                 "1000")));
  limits.errors = 4;
  EXPECT_THAT(loop.run_until_complete(
                  run_process(line("echo abc >&2"), std::string(), limits)),
              IsOk());
}

TEST_F(RunProcessTest, TheErrorsOfSpawnAreItsOwn) {
  EXPECT_THAT(loop.run_until_complete(run_process(command({"no-such"}))),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no-such")));
}

// Runs a process that will not end by itself nor when asked to, and gives its
// number once it is there.
class endless final {
 public:
  process_options options() const {
    process_options o =
        line(absl::StrCat("trap '' TERM; echo $$ > ", file_, ".new; mv ", file_,
                          ".new ", file_, "; exec sleep 1000"));
    return o;
  }
  bool has_begun() const { return access(file_.c_str(), F_OK) == 0; }
  pid_t number() const {
    pid_t child = 0;
    std::ifstream(file_) >> child;
    EXPECT_GT(child, 0);
    return child;
  }

 private:
  const std::string file_ = [] {
    std::string file = absl::StrCat(::testing::TempDir(), "/number");
    unlink(file.c_str());
    return file;
  }();
};

TEST_F(RunProcessTest, CancelledItKillsTheProcessAndWaitsForIt) {
  const endless program;
  future<process_result> f = loop.create_task(run_process(program.options()));
  while (!program.has_begun()) iterate();
  EXPECT_TRUE(f.cancel());
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsCancelled());
  EXPECT_TRUE(is_gone(program.number()));
}

TEST_F(RunProcessTest, ATimeOutEndsIt) {
  EXPECT_THAT(
      loop.run_until_complete(with_timeout(
          run_process(command({"sleep", "1000"})), absl::Milliseconds(5))),
      IsKind(error_kind::timeout, _));
}

TEST_F(RunProcessTest, DroppedInTheMiddleItEndsTheProcess) {
  const endless program;
  {
    event_loop short_lived(clock);
    short_lived.set_error_handler([](const error_report&) {});
    (void)short_lived.create_task(run_process(program.options()));
    while (!program.has_begun()) iterate_in(short_lived);
  }
  wait_until_reaped(program.number());
}

TEST_F(RunProcessTest, TwoHundredAtOnce) {
  std::vector<future<process_result>> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(loop.create_task(
        run_process(line(absl::StrCat("read x; echo $x; exit ", i)),
                    absl::StrCat("process ", i, "\n"))));
  }
  for (int i = 0; i < 200; ++i) {
    absl::StatusOr<process_result> result =
        loop.run_until_complete(std::move(all[static_cast<size_t>(i)]));
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->status.code(), i);
    EXPECT_EQ(result->output, absl::StrCat("process ", i, "\n"));
  }
}

// -- Signals all the time ----------------------------------------------------

TEST_F(RunProcessTest, ASignalStormLosesNothing) {
  const std::string one = noise(2 << 20, 3);
  const std::string two = noise(1 << 20, 4);
  {
    const signal_storm storm;
    absl::StatusOr<std::tuple<process_result, process_result, process_result>>
        results = loop.run_until_complete(when_all(
            run_process(line("cat | cat"), one),
            run_process(command({"cat"}), two), run_process(line("exit 9"))));
    ASSERT_THAT(results, IsOk());
    EXPECT_TRUE(std::get<0>(*results).output == one);
    EXPECT_TRUE(std::get<1>(*results).output == two);
    EXPECT_EQ(std::get<2>(*results).status.code(), 9);
  }
  EXPECT_GT(signal_storm::came, 0);
}

// -- A peer that is killed ---------------------------------------------------

TEST_F(RunProcessTest, AProcessKilledInTheMiddleOfAMessageEndsItsStreams) {
  process_options options = shell("printf 'complete\\nhalf a li'; kill -9 $$");
  process p = started(options);
  EXPECT_EQ(line_from(p.output()), "complete");
  EXPECT_THAT(loop.run_until_complete(p.output().read_exactly(100)),
              StatusIs(absl::StatusCode::kOutOfRange, _));
  EXPECT_EQ(ended(p).signal(), SIGKILL);
  EXPECT_THAT(loop.run_until_complete(p.input().write("to nobody\n")),
              StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_THAT(loop.run_until_complete(p.output().read_all(100)),
              IsOkAndHolds("half a li"));
}

}  // namespace
}  // namespace ratchet::test
