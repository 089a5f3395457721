#include "ratchet/io/standard_streams.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
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

// What descriptor 0, or another one, is while it lives.
class standing_in final {
 public:
  explicit standing_in(int fd, int where = STDIN_FILENO)
      : where_(where), saved_(fcntl(where, F_DUPFD_CLOEXEC, 3)) {
    dup2(fd, where);
  }
  standing_in(const standing_in&) = delete;
  standing_in& operator=(const standing_in&) = delete;
  ~standing_in() {
    dup2(saved_, where_);
    close(saved_);
  }

 private:
  const int where_;
  const int saved_;
};

// A terminal, and who sits at it.
struct pseudo_terminal {
  pseudo_terminal() {
    EXPECT_GE(master, 0);
    EXPECT_EQ(grantpt(master), 0);
    EXPECT_EQ(unlockpt(master), 0);
    char name[64];
    EXPECT_EQ(ptsname_r(master, name, sizeof name), 0);
    terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_GE(terminal, 0);
  }
  pseudo_terminal(const pseudo_terminal&) = delete;
  pseudo_terminal& operator=(const pseudo_terminal&) = delete;
  ~pseudo_terminal() {
    close(terminal);
    close(master);
  }
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  int terminal = -1;
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
  const pseudo_terminal tty;
  const standing_in zero(tty.terminal);
  stream s = input();
  EXPECT_EQ(write(tty.master, "hello\n\4", 7), 7);  // Ctrl-D is the end.
  EXPECT_EQ(loop.run_until_complete(lines_of(s)).value(), "[hello]");
  EXPECT_TRUE(blocks(STDIN_FILENO));
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

TEST_F(StandardStreamsTest, AReadThatFailsIsTold) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const int directory = open("/", O_RDONLY | O_CLOEXEC);
  const standing_in zero(directory);
  {
    const standing_in two(ends[1], STDERR_FILENO);
    EXPECT_EQ(lines(), "");
  }
  std::string said(200, '\0');
  const ssize_t n = read(ends[0], said.data(), said.size());
  EXPECT_THAT(said.substr(0, static_cast<size_t>(std::max<ssize_t>(n, 0))),
              HasSubstr("standard_input(): read: Is a directory"));
  close(ends[0]);
  close(ends[1]);
  close(directory);
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

// -- Output ------------------------------------------------------------------

// Reads `size` bytes, or to the end, and blocks until they are there.
std::string read_from(int fd, size_t size) {
  std::string data(size, '\0');
  size_t got = 0;
  while (got < size) {
    const ssize_t n = read(fd, &data[got], size - got);
    if (n <= 0) break;
    got += static_cast<size_t>(n);
  }
  data.resize(got);
  return data;
}

std::string content_of(std::FILE* file) {
  const int fd = fileno(file);
  std::string data(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
  EXPECT_EQ(pread(fd, data.data(), data.size(), 0),
            static_cast<ssize_t>(data.size()));
  return data;
}

class StandardOutputTest : public StandardStreamsTest {
 protected:
  static stream output() {
    absl::StatusOr<stream> s = standard_output();
    EXPECT_THAT(s, IsOk());
    return *std::move(s);
  }
  absl::Status flushed(stream& s) { return loop.run_until_complete(s.flush()); }
};

TEST_F(StandardOutputTest, APipeIsWrittenToAndStaysAsItIs) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const standing_in one(ends[1], STDOUT_FILENO);
  stream s = output();
  EXPECT_THAT(loop.run_until_complete(s.write("hello\n")), IsOk());
  EXPECT_EQ(read_from(ends[0], 6), "hello\n");
  EXPECT_TRUE(blocks(ends[1]));
  EXPECT_TRUE(blocks(STDOUT_FILENO));
  s.close();
  EXPECT_EQ(write(STDOUT_FILENO, "on\n", 3), 3);  // It is not closed.
  close(ends[0]);
  close(ends[1]);
}

TEST_F(StandardOutputTest, AFullPipeDoesNotBlockTheLoop) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const standing_in one(ends[1], STDOUT_FILENO);
  stream s = output();
  const std::string data(1 << 20, 'x');
  EXPECT_FALSE(s.write(data).ready());
  EXPECT_GT(s.unsent(), size_t{1} << 19);
  std::string got;
  std::thread reader([&] { got = read_from(ends[0], data.size()); });
  EXPECT_THAT(flushed(s), IsOk());
  reader.join();
  EXPECT_EQ(got, data);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(StandardOutputTest, ATerminalIsWrittenToAndStaysAsItIs) {
  const pseudo_terminal tty;
  const standing_in one(tty.terminal, STDOUT_FILENO);
  stream s = output();
  EXPECT_THAT(loop.run_until_complete(s.write("hello\n")), IsOk());
  EXPECT_EQ(read_from(tty.master, 7), "hello\r\n");
  EXPECT_TRUE(blocks(STDOUT_FILENO));
}

TEST_F(StandardOutputTest, AFileIsWrittenToFromWhereItStands) {
  std::FILE* const file = std::tmpfile();
  std::fputs("before\n", file);
  std::fflush(file);
  const standing_in one(fileno(file), STDOUT_FILENO);
  std::string expected = "before\n";
  {
    stream s = output();
    for (int i = 0; i < 100'000; ++i) {
      const std::string line = absl::StrCat("line ", i, "\n");
      static_cast<void>(s.write(line));
      expected += line;
    }
    EXPECT_THAT(flushed(s), IsOk());
  }
  while (lseek(fileno(file), 0, SEEK_CUR) <
         static_cast<off_t>(expected.size())) {
    std::this_thread::yield();  // Until the thread has written it.
  }
  EXPECT_EQ(content_of(file), expected);
  // The place in it is the one that others have, too.
  EXPECT_EQ(write(STDOUT_FILENO, "after\n", 6), 6);
  EXPECT_EQ(content_of(file), expected + "after\n");
  std::fclose(file);
}

TEST_F(StandardOutputTest, TheEndOfTheProcessWaitsForAFile) {
  const std::string path = ::testing::TempDir() + "/standard_output_test";
  unlink(path.c_str());
  const std::string data(300'000, 'x');
  EXPECT_EXIT(
      {
        const standing_in one(
            open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600),
            STDOUT_FILENO);
        stream s = output();
        static_cast<void>(s.write(data));
        static_cast<void>(flushed(s));
        std::exit(0);
      },
      ::testing::ExitedWithCode(0), "");
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(content_of(file).size(), data.size());
  std::fclose(file);
  unlink(path.c_str());
}

TEST_F(StandardOutputTest, ASocketIsWrittenToAndStaysAsItIs) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const standing_in one(ends[0], STDOUT_FILENO);
  stream s = output();
  EXPECT_THAT(loop.run_until_complete(s.write("hello\n")), IsOk());
  EXPECT_EQ(read_from(ends[1], 6), "hello\n");
  EXPECT_TRUE(blocks(STDOUT_FILENO));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(StandardOutputTest, TheNullDeviceTakesEverything) {
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const standing_in one(null, STDOUT_FILENO);
  stream s = output();
  static_cast<void>(s.write(std::string(1 << 20, 'x')));
  EXPECT_THAT(flushed(s), IsOk());
  close(null);
}

// Writes until it fails.
class writes_on final : public task<void> {
 public:
  explicit writes_on(stream& to) : to_(to) {}
  step start() { return await<&writes_on::start>(to_.write("again\n")); }

 private:
  stream& to_;
};

TEST_F(StandardOutputTest, WhatNobodyReadsBreaks) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const standing_in one(ends[1], STDOUT_FILENO);
  stream s = output();
  close(ends[0]);
  EXPECT_THAT(loop.run_until_complete(writes_on(s)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("output")));
  close(ends[1]);
}

TEST_F(StandardOutputTest, AFullDiskBreaks) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  const standing_in one(full, STDOUT_FILENO);
  stream s = output();
  EXPECT_THAT(loop.run_until_complete(writes_on(s)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("output")));
  close(full);
}

TEST_F(StandardOutputTest, AFullDiskIsToldThoughNothingIsWrittenAfterwards) {
  EXPECT_EXIT(
      {
        const standing_in one(open("/dev/full", O_WRONLY | O_CLOEXEC),
                              STDOUT_FILENO);
        stream s = output();
        static_cast<void>(s.write("the last words\n"));
        std::exit(0);
      },
      ::testing::ExitedWithCode(0),
      "standard_output\\(\\): write.*No space left on device");
}

TEST_F(StandardOutputTest, WhatCannotBeWrittenIsRefused) {
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const standing_in one(null, STDOUT_FILENO);
  EXPECT_THAT(standard_output(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                          HasSubstr("for reading alone")));
  close(null);
  const standing_in two(STDERR_FILENO, STDERR_FILENO);
  close(STDERR_FILENO);
  const absl::StatusOr<stream> closed = standard_error();
  EXPECT_THAT(closed, StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("standard_error(): descriptor 2")));
}

TEST_F(StandardOutputTest, ErrorsHaveTheirOwn) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const standing_in two(ends[1], STDERR_FILENO);
  absl::StatusOr<stream> s = standard_error();
  ASSERT_THAT(s, IsOk());
  EXPECT_THAT(loop.run_until_complete(s->write("oh\n")), IsOk());
  EXPECT_EQ(read_from(ends[0], 3), "oh\n");
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace ratchet::test
