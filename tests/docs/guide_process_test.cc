// The snippets of docs/guide.md about signals and processes, compiled and run.
// In real time: processes know no other.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "ratchet/io/process.h"
#include "ratchet/io/signals.h"
#include "ratchet/io/standard_streams.h"
#include "ratchet/io/stream.h"
#include "ratchet/ratchet.h"

namespace {

class count_words final : public ratchet::task<int> {
 public:
  explicit count_words(std::string text) : text_(std::move(text)) {}
  step start() {
    ratchet::process_options options;
    options.argv = {"wc", "-w"};
    return await<&count_words::counted>(ratchet::with_timeout(
        ratchet::run_process(options, std::move(text_)), absl::Seconds(30)));
  }

 private:
  step counted(ratchet::process_result result) {
    int words = 0;
    if (!result.status.success() || !absl::SimpleAtoi(result.output, &words)) {
      return fail(absl::UnknownError(to_string(result.status)));
    }
    return done(words);
  }

  std::string text_;
};

class ask_a_calculator final : public ratchet::task<std::string> {
 public:
  step start() {
    ratchet::process_options options;
    options.argv = {"sh", "-c", "while read x; do echo $((x * x)); done"};
    options.standard_input = ratchet::redirect::pipe();
    options.standard_output = ratchet::redirect::pipe();
    absl::StatusOr<ratchet::process> started = ratchet::spawn(options);
    if (!started.ok()) return fail(started.status());
    calculator_ = *std::move(started);
    return await<&ask_a_calculator::asked>(calculator_.input().write("12\n"));
  }

 private:
  step asked() {
    return await<&ask_a_calculator::answered>(calculator_.output().read_line());
  }
  step answered(std::optional<std::string_view> line) {
    answer_ = line.has_value() ? std::string(*line) : "";
    calculator_.input().close();  // The end of its input: it ends, too.
    return await<&ask_a_calculator::ended>(calculator_.wait());
  }
  step ended(ratchet::exit_status status) {
    if (!status.success()) return fail(absl::UnknownError(to_string(status)));
    return done(std::move(answer_));
  }

  ratchet::process calculator_;
  std::string answer_;
};

// Ends what it looks after when it is asked to end itself.
class supervisor final : public ratchet::task<std::string> {
 public:
  explicit supervisor(ratchet::process p) : process_(std::move(p)) {}
  step start() {
    return await<&supervisor::asked>(ratchet::next_signal({SIGINT, SIGTERM}));
  }

 private:
  step asked(int signal) {
    process_.kill(signal).IgnoreError();  // It may have ended already.
    return await<&supervisor::ended>(
        ratchet::with_timeout(process_.wait(), absl::Seconds(5)));
  }
  step ended(absl::StatusOr<ratchet::exit_status> status) {
    if (ratchet::is_timeout(status.status())) {
      process_.kill(SIGKILL).IgnoreError();
      return await<&supervisor::ended>(process_.wait());
    }
    if (!status.ok()) return fail(status.status());
    return done(to_string(*status));
  }

  ratchet::process process_;
};

class count_lines final : public ratchet::task<int> {
 public:
  step start() {
    absl::StatusOr<ratchet::stream> input = ratchet::standard_input();
    if (!input.ok()) return fail(input.status());
    input_ = *std::move(input);
    return next();
  }

 private:
  step next() { return await<&count_lines::line>(input_.read_line()); }
  step line(std::optional<std::string_view> l) {
    if (!l.has_value()) return done(lines_);
    ++lines_;
    return next();
  }

  ratchet::stream input_;
  int lines_ = 0;
};

TEST(GuideProcessTest, TheWordsAreCounted) {
  EXPECT_EQ(ratchet::run(count_words("one two three")).value(), 3);
}

TEST(GuideProcessTest, TheCalculatorAnswers) {
  EXPECT_EQ(ratchet::run(ask_a_calculator()).value(), "144");
}

TEST(GuideProcessTest, TheSupervisorPassesTheSignalOn) {
  ratchet::event_loop loop;
  ratchet::process_options options;
  options.argv = {"sleep", "1000"};
  absl::StatusOr<ratchet::process> sleeper = ratchet::spawn(options);
  ASSERT_TRUE(sleeper.ok()) << sleeper.status();
  auto outcome = loop.create_task(supervisor(*std::move(sleeper)));
  loop.call_soon([] { raise(SIGTERM); });
  EXPECT_EQ(loop.run_until_complete(std::move(outcome)).value(),
            "ended by SIGTERM");
}

TEST(GuideProcessTest, TheLinesAreCounted) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  dup2(ends[0], STDIN_FILENO);
  EXPECT_EQ(write(ends[1], "a\nb\nc", 5), 5);
  close(ends[1]);
  EXPECT_EQ(ratchet::run(count_lines()).value(), 3);
  dup2(saved, STDIN_FILENO);
  close(saved);
  close(ends[0]);
}

}  // namespace
