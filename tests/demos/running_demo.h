#ifndef RATCHET_TESTS_DEMOS_RUNNING_DEMO_H_
#define RATCHET_TESTS_DEMOS_RUNNING_DEMO_H_

// A demo that runs, for the tests of what it prints.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ratchet::demos {

// A file of this repository, where Bazel has put it.
inline std::string runfile(const std::string& path) {
  const char* const tests = std::getenv("TEST_SRCDIR");
  const char* const workspace = std::getenv("TEST_WORKSPACE");
  if (tests == nullptr || workspace == nullptr) return path;
  return std::string(tests) + "/" + workspace + "/" + path;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(runfile(path));
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// -- A demo at work ----------------------------------------------------------

struct ended {
  std::vector<std::string> output;
  std::string errors;
  int status;  // Negative: the signal.
};

class running_demo {
 public:
  explicit running_demo(const std::string& name,
                        std::vector<std::string> flags = {"--virtual_time"}) {
    flags.insert(flags.begin(), runfile("demos/" + name));
    std::vector<char*> arguments;
    for (std::string& flag : flags) arguments.push_back(flag.data());
    arguments.push_back(nullptr);

    pipe input, output, errors;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.out, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output.in, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors.in, STDERR_FILENO);
    EXPECT_EQ(posix_spawn(&process_, arguments[0], &actions, nullptr,
                          arguments.data(), environ),
              0)
        << arguments[0];
    posix_spawn_file_actions_destroy(&actions);
    input_ = std::exchange(input.in, -1);
    output_ = std::exchange(output.out, -1);
    errors_ = std::exchange(errors.out, -1);
  }
  running_demo(const running_demo&) = delete;
  running_demo& operator=(const running_demo&) = delete;
  ~running_demo() {
    end_input();
    close_output();
    close(errors_);
  }

  // Waits until the demo has printed `text` last, or has ended.
  void expect_prompt(std::string_view text) {
    while (!(printed_.size() >= text.size() &&
             printed_.compare(printed_.size() - text.size(), text.size(),
                              text) == 0)) {
      if (!read_more(output_, printed_)) break;
    }
    EXPECT_THAT(printed_, ::testing::EndsWith(std::string(text)));
  }

  void type(std::string_view text) {
    EXPECT_EQ(write(input_, text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }

  // All that it has printed so far.
  const std::string& printed() const { return printed_; }
  // Reads on; false at the end.
  bool read_on() { return read_more(output_, printed_); }
  void interrupt() { EXPECT_EQ(kill(process_, SIGINT), 0); }

  void send(int signal) { EXPECT_EQ(kill(process_, signal), 0); }
  // Whether it has a handler for `signal` by now.
  bool catches(int signal) const {
    std::ifstream file("/proc/" + std::to_string(process_) + "/status");
    for (std::string line; std::getline(file, line);) {
      if (line.rfind("SigCgt:", 0) != 0) continue;
      const unsigned long long mask =
          std::strtoull(line.c_str() + 7, nullptr, 16);
      return (mask >> (signal - 1) & 1) != 0;
    }
    ADD_FAILURE() << "process " << process_ << " has gone";
    return true;
  }

  void end_input() {
    if (input_ != -1) close(std::exchange(input_, -1));
  }

  void close_output() {
    if (output_ != -1) close(std::exchange(output_, -1));
  }

  ended wait() {
    end_input();
    while (read_more(output_, printed_)) {
    }
    ended result;
    while (read_more(errors_, result.errors)) {
    }
    result.output = lines_of(printed_);
    int status = 0;
    EXPECT_EQ(waitpid(process_, &status, 0), process_);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return result;
  }

 private:
  struct pipe {
    pipe() {
      int ends[2];
      EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
      out = ends[0];
      in = ends[1];
    }
    pipe(const pipe&) = delete;
    pipe& operator=(const pipe&) = delete;
    ~pipe() {
      if (out != -1) close(out);
      if (in != -1) close(in);
    }
    int out;
    int in;
  };

  // Appends what there is to `text`; false at the end.
  static bool read_more(int file, std::string& text) {
    char buffer[4096];
    ssize_t size;
    do {
      size = read(file, buffer, sizeof(buffer));
    } while (size == -1 && errno == EINTR);
    if (size <= 0) return false;
    text.append(buffer, static_cast<size_t>(size));
    return true;
  }

  pid_t process_ = -1;
  int input_;
  int output_;
  int errors_;
  std::string printed_;
};

}  // namespace ratchet::demos

#endif  // RATCHET_TESTS_DEMOS_RUNNING_DEMO_H_
