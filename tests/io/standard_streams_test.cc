#include "ratchet/io/standard_streams.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/clock.h"
#include "ratchet/event_loop.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::HasSubstr;

// What descriptor 0 is, while it lives.
class standing_in final {
 public:
  explicit standing_in(int fd) { dup2(fd, STDIN_FILENO); }
  standing_in(const standing_in&) = delete;
  standing_in& operator=(const standing_in&) = delete;
  ~standing_in() {
    dup2(saved_, STDIN_FILENO);
    close(saved_);
  }

 private:
  const int saved_ = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
};

class lines_of final : public task<std::string> {
 public:
  explicit lines_of(stream& from) : from_(from) {}
  step start() { return await<&lines_of::got>(from_.read_line()); }

 private:
  step got(std::optional<std::string_view> line) {
    if (!line.has_value()) return done(std::move(lines_));
    absl::StrAppend(&lines_, "[", std::string(*line), "]");
    return start();
  }

  stream& from_;
  std::string lines_;
};

class StandardStreamsTest : public ::testing::Test {
 protected:
  static stream input() {
    absl::StatusOr<stream> s = standard_input();
    EXPECT_THAT(s, IsOk());
    return *std::move(s);
  }
  std::string lines() {
    stream s = input();
    return loop.run_until_complete(lines_of(s)).value();
  }
  static bool blocks(int fd) { return (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }

  steady_clock clock;
  event_loop loop{clock};
};

TEST_F(StandardStreamsTest, APipeIsReadAndStaysAsItIs) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const standing_in zero(ends[0]);
  stream s = input();
  EXPECT_EQ(write(ends[1], "one\ntwo", 7), 7);
  close(ends[1]);
  EXPECT_EQ(loop.run_until_complete(lines_of(s)).value(), "[one][two]");
  EXPECT_TRUE(blocks(ends[0]));
  EXPECT_TRUE(blocks(STDIN_FILENO));
  close(ends[0]);
}

TEST_F(StandardStreamsTest, ATerminalIsReadLineByLineAndStaysAsItIs) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(master, 0);
  ASSERT_EQ(grantpt(master), 0);
  ASSERT_EQ(unlockpt(master), 0);
  char name[64];
  ASSERT_EQ(ptsname_r(master, name, sizeof name), 0);
  const int terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(terminal, 0);
  const standing_in zero(terminal);
  stream s = input();
  EXPECT_EQ(write(master, "hello\n\4", 7), 7);  // Ctrl-D is the end.
  EXPECT_EQ(loop.run_until_complete(lines_of(s)).value(), "[hello]");
  EXPECT_TRUE(blocks(STDIN_FILENO));
  close(terminal);
  close(master);
}

TEST_F(StandardStreamsTest, AFileIsReadFromWhereItStands) {
  std::FILE* const file = std::tmpfile();
  std::fputs("before\none\ntwo\n", file);
  std::fflush(file);
  lseek(fileno(file), 7, SEEK_SET);
  const standing_in zero(fileno(file));
  EXPECT_EQ(lines(), "[one][two]");
  std::fclose(file);
}

TEST_F(StandardStreamsTest, ALargeFileIsReadToItsEnd) {
  const std::string data(1 << 20, 'x');
  std::FILE* const file = std::tmpfile();
  std::fputs(data.c_str(), file);
  std::fflush(file);
  rewind(file);
  const standing_in zero(fileno(file));
  stream s = input();
  EXPECT_THAT(loop.run_until_complete(s.read_all(1 << 21)), IsOkAndHolds(data));
  std::fclose(file);
}

TEST_F(StandardStreamsTest, TheNullDeviceIsAtItsEnd) {
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const standing_in zero(null);
  EXPECT_EQ(lines(), "");
  close(null);
}

TEST_F(StandardStreamsTest, ASocketIsReadAndStaysAsItIs) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const standing_in zero(ends[0]);
  stream s = input();
  EXPECT_EQ(write(ends[1], "one\n", 4), 4);
  shutdown(ends[1], SHUT_WR);
  EXPECT_EQ(loop.run_until_complete(lines_of(s)).value(), "[one]");
  EXPECT_TRUE(blocks(STDIN_FILENO));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(StandardStreamsTest, AStreamThatIsDestroyedLeavesTheRestToOthers) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const standing_in zero(ends[0]);
  { const stream unused = input(); }
  // The thread gives its copy up, without another byte.
  std::this_thread::yield();
  EXPECT_EQ(write(ends[1], "one\n", 4), 4);
  close(ends[1]);
  close(ends[0]);
}

TEST_F(StandardStreamsTest, WhatCannotBeReadIsRefused) {
  {
    const standing_in zero(STDIN_FILENO);
    close(STDIN_FILENO);
    EXPECT_THAT(
        standard_input(),
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not open")));
  }
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const standing_in zero(null);
  EXPECT_THAT(standard_input(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("for writing alone")));
  close(null);
}

}  // namespace
}  // namespace ratchet::test
