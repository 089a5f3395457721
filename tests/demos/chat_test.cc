#include "demos/chat.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/io/listener.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/run.h"
#include "tests/io/sockets.h"
#include "tests/io/splitting_calls.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

// What outlives the loop.
struct chat_server {
  std::optional<chat::server> server;
  listener l;
};

class ChatTest : public chat_server, public loop_test {
 public:
  using loop_test::iterate;

 protected:
  // One that reads and writes lines. Its names and rooms are lines, too.
  class person final {
   public:
    person(ChatTest& t, const socket_address& server) : t_(&t), c_(server) {
      EXPECT_TRUE(c_.connected());
    }

    void say(std::string_view line) const {
      c_.send(absl::StrCat(std::string(line), "\n"));
    }
    // The next line, when it has come; "(nothing)" if none does, "(end)" at the
    // end. The server runs meanwhile, and no time passes.
    std::string hears() {
      for (int i = 0; i < 200; ++i) {
        const size_t end = heard_.find('\n');
        if (end != std::string::npos) {
          std::string line = heard_.substr(0, end);
          heard_.erase(0, end + 1);
          return line;
        }
        if (c_.ended()) return heard_.empty() ? "(end)" : "(half a line)";
        heard_ += c_.received();
        if (heard_.find('\n') == std::string::npos) t_->iterate();
      }
      return "(nothing)";
    }
    // All that comes until nothing does.
    std::vector<std::string> hears_all() {
      std::vector<std::string> lines;
      for (;;) {
        std::string line = hears();
        if (line == "(nothing)") return lines;
        lines.push_back(std::move(line));
        if (lines.back()[0] == '(') return lines;
      }
    }
    // Skips what comes before a line that has `part` in it.
    std::string waits_for(std::string_view part) {
      for (;;) {
        std::string line = hears();
        if (line[0] == '(' || line.find(part) != std::string::npos) return line;
      }
    }
    client& connection() { return c_; }

   private:
    ChatTest* t_;
    client c_;
    std::string heard_;
  };

  void open(const chat::options& options = {},
            const std::optional<socket_address>& address = std::nullopt) {
    server.emplace(options);
    absl::StatusOr<listener> made =
        listener::listen(address.value_or(socket_address::loopback(0)));
    ASSERT_THAT(made, IsOk());
    l = *std::move(made);
    served = loop.create_task(server->serve(l));
  }
  person comes(const std::string& name = "") {
    person p(*this, l.address());
    EXPECT_EQ(p.hears(), "* welcome; /help tells what there is");
    EXPECT_THAT(p.waits_for("you are in"), HasSubstr("lobby as guest"));
    if (!name.empty()) {
      p.say("/nick " + name);
      EXPECT_THAT(p.waits_for("is now " + name), HasSubstr(name));
    }
    return p;
  }

  scratch_folder folder;
  future<void> served;
};

TEST_F(ChatTest, TwoTalk) {
  open();
  person ada = comes("ada");
  person bob = comes("bob");
  EXPECT_EQ(ada.waits_for("is now bob"), "* guest2 is now bob");
  ada.say("hello");
  EXPECT_EQ(ada.hears(), "ada: hello");
  EXPECT_EQ(bob.hears(), "ada: hello");
  bob.say("hello yourself");
  EXPECT_EQ(ada.hears(), "bob: hello yourself");
}

TEST_F(ChatTest, WhatIsSaidStaysInTheRoom) {
  open();
  person ada = comes("ada");
  person bob = comes("bob");
  bob.say("/join den");
  EXPECT_EQ(bob.waits_for("you are in"), "* you are in den as bob");
  EXPECT_EQ(ada.waits_for("bob has gone"), "* bob has gone");
  ada.say("anybody here?");
  EXPECT_EQ(ada.hears(), "ada: anybody here?");
  EXPECT_THAT(bob.hears_all(), IsEmpty());
  ada.say("/join den");
  EXPECT_EQ(bob.hears(), "* ada has come");
  ada.say("/who");
  EXPECT_EQ(ada.waits_for("* in"), "* in den: bob, ada");
  ada.say("/rooms");
  EXPECT_EQ(ada.hears(), "* rooms: den (2), lobby (0)");
}

TEST_F(ChatTest, ARoomThatIsEmptyGoes) {
  open();
  person ada = comes("ada");
  ada.say("/join den");
  ada.say("/join lobby");
  ada.say("/rooms");
  EXPECT_EQ(ada.waits_for("* rooms"), "* rooms: lobby (1)");
}

TEST_F(ChatTest, WhoComesHearsTheLastLines) {
  chat::options options;
  options.backlog = 3;
  open(options);
  person ada = comes("ada");
  for (int i = 1; i <= 5; ++i) {
    ada.say(absl::StrCat("line ", i));
    EXPECT_EQ(ada.hears(), absl::StrCat("ada: line ", i));
  }
  person bob = comes();
  EXPECT_THAT(bob.hears_all(),
              ElementsAre("ada: line 3", "ada: line 4", "ada: line 5"));
}

TEST_F(ChatTest, NamesAreTakenOnce) {
  open();
  person ada = comes("ada");
  person bob = comes("bob");
  bob.say("/nick ada");
  EXPECT_EQ(bob.hears(), "* somebody else is called ada");
  bob.say("/nick bob");
  bob.say("/nick no good");
  EXPECT_EQ(bob.hears(), "* a name is 1 to 20 letters, digits, - and _");
  bob.say("/nick");
  EXPECT_EQ(bob.hears(), "* a name is 1 to 20 letters, digits, - and _");
  ada.say("/quit");
  EXPECT_EQ(ada.waits_for("goodbye"), "* goodbye");
  EXPECT_EQ(ada.hears(), "(end)");
  EXPECT_EQ(bob.waits_for("ada"), "* ada has gone (goodbye)");
  bob.say("/nick ada");
  EXPECT_EQ(bob.hears(), "* bob is now ada");
}

TEST_F(ChatTest, TellsWhatThereIs) {
  open();
  person ada = comes();
  ada.say("/help");
  EXPECT_THAT(ada.hears(), HasSubstr("/nick NAME, /join ROOM"));
  ada.say("/dance");
  EXPECT_THAT(ada.hears(), HasSubstr("there is no /dance"));
  ada.say("");
  ada.say("/join ../etc");
  EXPECT_THAT(ada.hears(), HasSubstr("a room's name is"));
}

TEST_F(ChatTest, EndsOfLinesMayBeThoseOfTelnet) {
  open();
  person ada = comes("ada");
  ada.connection().send("hello\r\n");
  EXPECT_EQ(ada.hears(), "ada: hello");
}

TEST_F(ChatTest, ControlCharactersReachNobody) {
  open();
  person ada = comes("ada");
  ada.connection().send(std::string("a\x1b[2J\0b\tc\x7f\n", 11));
  EXPECT_EQ(ada.hears(), "ada: a?[2J?b\tc?");
}

TEST_F(ChatTest, WhoSendsALineThatIsTooLongHasToGo) {
  open();
  person ada = comes("ada");
  person bob = comes("bob");
  bob.connection().send(std::string(5000, 'x'));
  EXPECT_EQ(bob.waits_for("too long"), "* this line is too long");
  EXPECT_EQ(ada.waits_for("bob has gone"),
            "* bob has gone (this line is too long)");
  EXPECT_EQ(bob.hears(), "(end)");
}

TEST_F(ChatTest, WhoTalksTooFastIsHeardLater) {
  chat::options options;
  options.lines_a_second = 10;
  open(options);
  person ada = comes();
  for (int i = 0; i < 30; ++i) ada.say(absl::StrCat(i));
  EXPECT_THAT(ada.hears_all(), testing::SizeIs(10));
  loop.call_later(absl::Milliseconds(1001), [this] { loop.stop(); });
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_THAT(ada.hears_all(), testing::SizeIs(10));
}

// -- Those who do not read

TEST_F(ChatTest, WhoReadsTooSlowlyHasToGoAndTheOthersGoOn) {
  chat::options options;
  options.lines_a_second = 1e6;
  open(options, *socket_address::unix_path(folder.path("chat")));
  person ada = comes("ada");
  person bob = comes("bob");
  person slow = comes("slow");
  ada.hears_all();
  bob.hears_all();
  const std::string line(900, 'x');
  size_t most = 0;
  int said = 0;
  for (; said < 5000 && server->clients() == 3; ++said) {
    ada.say(line);
    EXPECT_EQ(ada.hears(), "ada: " + line);
    EXPECT_EQ(bob.hears(), "ada: " + line);
    most = std::max(most, server->unsent());
    iterate(4);  // Who has to go goes in his turn.
  }
  EXPECT_LT(said, 5000);
  EXPECT_LE(most, options.most_unsent + 1000);
  EXPECT_EQ(ada.hears(), "* slow has gone (you read too slowly)");
  ada.say("at last");
  EXPECT_EQ(ada.hears(), "ada: at last");
  // It gets all that was said before, and why it ends, if it reads now.
  const std::vector<std::string> heard = slow.hears_all();
  ASSERT_GE(heard.size(), 2u);
  EXPECT_EQ(heard.back(), "(end)");
  EXPECT_EQ(heard[heard.size() - 2], "* you read too slowly");
}

TEST_F(ChatTest, WhoNeverReadsIsCutOff) {
  chat::options options;
  options.lines_a_second = 1e6;
  open(options, *socket_address::unix_path(folder.path("chat")));
  person ada = comes("ada");
  person slow = comes("slow");
  ada.hears_all();
  const std::string line(900, 'x');
  while (server->clients() == 2) {
    ada.say(line);
    ada.hears();
    iterate(4);
  }
  EXPECT_FALSE(slow.connection().ended());
  loop.call_later(absl::Milliseconds(2001), [this] { loop.stop(); });
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_EQ(loop.all_tasks().size(), 2u);  // serve() and Ada.
}

// -- Those who go

TEST_F(ChatTest, WhoGoesInTheMiddleOfALineIsGone) {
  open();
  person ada = comes("ada");
  person bob = comes("bob");
  bob.connection().send("half a li");
  iterate(20);
  bob.connection().reset();
  EXPECT_EQ(ada.waits_for("bob has gone"), "* bob has gone");
  EXPECT_EQ(server->clients(), 1u);
}

TEST_F(ChatTest, WhoSaysNothingMoreStillHearsTheAnswer) {
  open();
  person ada = comes("ada");
  person bob = comes("bob");
  bob.say("/who");
  shutdown(bob.connection().fd(), SHUT_WR);
  EXPECT_EQ(bob.waits_for("* in"), "* in lobby: ada, bob");
  EXPECT_EQ(bob.hears(), "(end)");
  EXPECT_EQ(ada.waits_for("bob has gone"), "* bob has gone");
}

TEST_F(ChatTest, StoppingTellsAllAndWaitsUntilTheyHaveHeard) {
  open();
  person ada = comes("ada");
  person bob = comes("bob");
  served.cancel("the server stops");
  EXPECT_EQ(ada.waits_for("stops"), "* the server stops");
  EXPECT_EQ(ada.hears(), "(end)");
  EXPECT_EQ(bob.waits_for("stops"), "* the server stops");
  EXPECT_THAT(loop.run_until_complete(std::move(served)), IsCancelled());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
  EXPECT_EQ(server->clients(), 0u);
}

TEST_F(ChatTest, StoppingDoesNotWaitForEverForThoseWhoDoNotRead) {
  chat::options options;
  options.lines_a_second = 1e6;
  options.most_unsent = 1 << 20;
  open(options, *socket_address::unix_path(folder.path("chat")));
  person ada = comes("ada");
  person slow = comes("slow");
  ada.hears_all();
  const std::string line(900, 'x');
  while (server->unsent() < 100'000) {
    ada.say(line);
    ada.hears();
  }
  served.cancel("the server stops");
  EXPECT_THAT(loop.run_until_complete(std::move(served)), IsCancelled());
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(ChatTest, ALoopThatEndsInTheMiddleLeavesNothing) {
  open();
  person ada = comes("ada");
  person bob = comes("bob");
  EXPECT_THAT(loop.close(), IsOk());
}

// -- What may come over the network

TEST_F(ChatTest, NothingThatIsSentDoesHarm) {
  chat::options options;
  options.lines_a_second = 1e6;
  open(options, *socket_address::unix_path(folder.path("chat")));
  person witness = comes("witness");
  const char* const parts[] = {"/nick ", "/join ", "/who", "/rooms", "/",
                               "\n",     "\r\n",   " ",    "lobby",  "witness",
                               "\xff",   "\xc3",   "x",    "guest1"};
  int strings = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    client c(l.address());
    ASSERT_EQ(c.error(), 0);
    for (int i = 0; i < 10 && !c.ended(); ++i, ++strings) {
      std::string data;
      for (size_t n = random() % 30; n > 0; --n) {
        if (random() % 2 == 0) {
          data += parts[random() % std::size(parts)];
        } else {
          data += static_cast<char>(random() % 256);
        }
      }
      if (random() % 50 == 0) data += std::string(1500, 'y');
      for (size_t at = 0; at < data.size();) {
        const size_t n = std::min(data.size() - at, 1 + random() % 20);
        // It may have been told to go.
        if (send(c.fd(), data.data() + at, n, MSG_NOSIGNAL) < 0) break;
        at += n;
        if (random() % 3 == 0) iterate();
      }
    }
    if (random() % 3 == 0) c.reset();
    iterate(3);
    static_cast<void>(witness.connection().received());
  }
  EXPECT_GT(strings, 2000);
  iterate(100);
  static_cast<void>(witness.connection().received());
  // Only those are left who have moved, or have to read their goodbye.
  witness.say("/who");
  EXPECT_EQ(witness.waits_for("* in"), "* in lobby: witness");
  EXPECT_EQ(server->clients(), 1u);
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(ChatTest, LinesMayComeByteByByte) {
  splitting_calls calls(3, 2);
  open();
  person ada = comes("ada");
  person bob = comes("bob");
  ada.waits_for("is now bob");
  for (const std::string said : {"one", "two words", "and three more"}) {
    ada.say(said);
    EXPECT_EQ(ada.waits_for("ada: "), "ada: " + said);
    EXPECT_EQ(bob.waits_for("ada: "), "ada: " + said);
  }
}

TEST_F(ChatTest, FiveHundredWhoListenAndTwentyWhoTalk) {
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < 1200) GTEST_SKIP() << "not enough descriptors";
  limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, 1200);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  open();
  std::vector<client> idle;
  for (int i = 0; i < 500; ++i) {
    idle.emplace_back(l.address());
    iterate(3);
  }
  std::vector<person> busy;
  for (int i = 0; i < 20; ++i) {
    busy.push_back(comes());
    busy.back().say("/join talk");
  }
  for (person& p : busy) EXPECT_THAT(p.waits_for("in talk"), HasSubstr("talk"));
  for (person& p : busy) p.hears_all();
  EXPECT_EQ(server->clients(), 520u);
  for (int round = 0; round < 10; ++round) {
    for (person& p : busy) p.say(absl::StrCat("round ", round));
    std::optional<std::vector<std::string>> first;
    for (person& p : busy) {
      std::vector<std::string> heard;
      for (size_t i = 0; i < busy.size(); ++i) heard.push_back(p.hears());
      for (const std::string& line : heard) {
        EXPECT_THAT(line, MatchesRegex(absl::StrCat("guest.*: round ", round)));
      }
      if (!first.has_value()) first = heard;
      EXPECT_EQ(heard, *first);  // All hear the same, in the same order.
    }
  }
  EXPECT_EQ(server->clients(), 520u);
  EXPECT_EQ(server->unsent(), 0u);
}

}  // namespace
}  // namespace ratchet::test
