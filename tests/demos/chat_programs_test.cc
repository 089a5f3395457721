// chat_server and chat_client, as programs.

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/io/sockets.h"

namespace ratchet::test {
namespace {

using ::testing::HasSubstr;
using ::testing::TestWithParam;
using ::testing::ValuesIn;

// A program with a pipe for its input and one for its output.
class program final {
 public:
  program(const std::string& name, const std::vector<std::string>& flags) {
    const char* const root = std::getenv("TEST_SRCDIR");
    const char* const workspace = std::getenv("TEST_WORKSPACE");
    const std::string path =
        absl::StrCat(root, "/", workspace, "/demos/", name);
    int in[2];
    int out[2];
    EXPECT_EQ(pipe2(in, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
    std::vector<char*> argv = {const_cast<char*>(path.c_str())};
    for (const std::string& flag : flags) {
      argv.push_back(const_cast<char*>(flag.c_str()));
    }
    argv.push_back(nullptr);
    id_ = fork();
    if (id_ == 0) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      execv(path.c_str(), argv.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    input_ = in[1];
    output_ = out[0];
  }
  program(const program&) = delete;
  program& operator=(const program&) = delete;
  ~program() {
    end_input();
    close(output_);
    if (id_ > 0) {
      kill(id_, SIGKILL);
      waitpid(id_, nullptr, 0);
    }
  }

  void type(const std::string& text) const {
    EXPECT_EQ(write(input_, text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }
  void end_input() {
    if (input_ >= 0) close(std::exchange(input_, -1));
  }
  void send_signal(int number) const { EXPECT_EQ(kill(id_, number), 0); }

  // Reads lines until one has `part` in it, and gives that; "" at the end.
  std::string waits_for(const std::string& part) {
    for (;;) {
      const size_t end = printed_.find('\n');
      if (end == std::string::npos) {
        char buffer[4096];
        const ssize_t n = read(output_, buffer, sizeof(buffer));
        if (n <= 0) return "";
        printed_.append(buffer, static_cast<size_t>(n));
        continue;
      }
      const std::string line = printed_.substr(0, end);
      printed_.erase(0, end + 1);
      if (line.find(part) != std::string::npos) return line;
    }
  }
  // Its exit status, or minus the signal that ended it.
  int wait() {
    int status = 0;
    const pid_t id = std::exchange(id_, -1);
    EXPECT_EQ(waitpid(id, &status, 0), id);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t id_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::string printed_;
};

class ChatProgramsTest : public TestWithParam<int> {
 protected:
  scratch_folder folder;
  const std::string address = absl::StrCat("unix:", folder.path("chat"));
};

INSTANTIATE_TEST_SUITE_P(Signals, ChatProgramsTest,
                         ValuesIn({SIGINT, SIGTERM}));

TEST_P(ChatProgramsTest, TalkAndEndInGoodOrder) {
  program server("chat_server", {"--address=" + address});
  EXPECT_EQ(server.waits_for("listening"), "listening on " + address);
  program ada("chat_client", {"--server=" + address, "--nick=ada"});
  EXPECT_EQ(ada.waits_for("is now"), "* guest1 is now ada");
  program bob("chat_client",
              {"--server=" + address, "--nick=bob", "--say=hello|goodbye"});
  EXPECT_EQ(ada.waits_for("bob: "), "bob: hello");
  EXPECT_EQ(ada.waits_for("bob: "), "bob: goodbye");
  EXPECT_EQ(bob.waits_for("bob: "), "bob: hello");
  EXPECT_EQ(bob.wait(), 0);
  ada.type("anybody here?\n");
  EXPECT_EQ(ada.waits_for("ada: "), "ada: anybody here?");
  server.send_signal(GetParam());
  EXPECT_EQ(ada.waits_for("stops"), "* the server stops");
  EXPECT_EQ(server.waits_for("stopped"), "stopped");
  EXPECT_EQ(server.wait(), 0);
  EXPECT_EQ(ada.wait(), 0);
  EXPECT_NE(access(folder.path("chat").c_str(), F_OK), 0);
}

TEST_F(ChatProgramsTest, AClientEndsWithItsInput) {
  program server("chat_server", {"--address=127.0.0.1:0"});
  const std::string line = server.waits_for("listening");
  program ada("chat_client", {absl::StrCat("--server=localhost:",
                                           line.substr(line.rfind(':') + 1)),
                              "--room=den"});
  EXPECT_EQ(ada.waits_for("den"), "* you are in den as guest1");
  ada.end_input();
  EXPECT_EQ(ada.wait(), 0);
}

TEST_F(ChatProgramsTest, AnAddressInUseEndsTheServerWithAMessage) {
  program first("chat_server", {"--address=" + address});
  EXPECT_THAT(first.waits_for("listening"), HasSubstr("chat"));
  program second("chat_server", {"--address=" + address});
  EXPECT_EQ(second.wait(), 1);
}

}  // namespace
}  // namespace ratchet::test
