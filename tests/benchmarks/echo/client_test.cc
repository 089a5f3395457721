// The client against the server of system calls: that it does as many requests
// as it is told, checks them, prints what it promises, and says what is wrong.

#include <stdio.h>
#include <sys/wait.h>

#include <cstdint>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct ended {
  std::string output;
  int status;
};

ended client(const std::string& flags) {
  ended e{"", -1};
  // The folder of the test is that of the repository's files.
  FILE* const out =
      popen(("tests/benchmarks/echo/client " + flags).c_str(), "r");
  if (out == nullptr) return e;
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, out)) > 0;) {
    e.output.append(buffer, n);
  }
  const int status = pclose(out);
  if (WIFEXITED(status)) e.status = WEXITSTATUS(status);
  return e;
}

constexpr char kEpoll[] = "--server=tests/benchmarks/echo/epoll ";

void expect_row(const std::string& row, uint64_t connections, uint64_t warm_up,
                uint64_t requests) {
  SCOPED_TRACE(row);
  const ended run = client(kEpoll + ("--seconds=60 --row=" + row) +
                           " --warm-up=" + std::to_string(warm_up) +
                           " --requests=" + std::to_string(requests));
  EXPECT_EQ(run.status, 0);
  const auto line = nlohmann::json::parse(run.output, nullptr, false);
  ASSERT_TRUE(line.is_object()) << run.output;
  EXPECT_EQ(line.value("peer", ""), "epoll");
  EXPECT_EQ(line.value("row", ""), row);
  EXPECT_EQ(line.value("connections", uint64_t{0}), connections);
  EXPECT_EQ(line.value("warm_up", uint64_t{0}), connections + warm_up);
  EXPECT_EQ(line.value("requests", uint64_t{0}), requests);
  const uint64_t all = connections + warm_up + requests;
  EXPECT_EQ(line.value("check", uint64_t{0}), all * (all + 1) / 2);
  for (const char* number : {"connections", "bytes", "seconds", "rps", "p50_us",
                             "p99_us", "max_us", "server_rss_kb"}) {
    ASSERT_TRUE(line.contains(number)) << number;
    EXPECT_GT(line[number], 0) << number;
  }
  // So few requests may have been echoed before the first is answered.
  for (const char* number : {"server_cpu_ns_per_request", "server_busy",
                             "client_cpu_ns_per_request", "client_busy"}) {
    ASSERT_TRUE(line.contains(number)) << number;
    EXPECT_GE(line[number], 0) << number;
  }
  EXPECT_LE(line["p50_us"], line["p99_us"]);
  EXPECT_LE(line["p99_us"], line["max_us"]);
}

TEST(EchoClientTest, ChecksEachEcho) {
  expect_row("64x64", 64, 100, 500);
  expect_row("1000x1k", 1000, 100, 1500);
}

TEST(EchoClientTest, NeedsNoWarmUp) { expect_row("64x64", 64, 0, 300); }

TEST(EchoClientTest, NeedsNoMoreRequestsThanConnections) {
  expect_row("64x64", 64, 1, 7);
}

TEST(EchoClientTest, EndsWhenItsTimeIsOver) {
  const ended run =
      client(kEpoll + std::string("--row=64x64 --warm-up=0 --seconds=0.01 "
                                  "--requests=1000000000"));
  EXPECT_EQ(run.status, 0);
  const auto line = nlohmann::json::parse(run.output, nullptr, false);
  ASSERT_TRUE(line.is_object()) << run.output;
  const uint64_t requests = line["requests"];
  EXPECT_GE(requests, 64u);
  const uint64_t all = 64 + requests;
  EXPECT_EQ(line["check"], all * (all + 1) / 2);
}

TEST(EchoClientTest, CallsThePeerWhatItIsTold) {
  const ended run = client(
      kEpoll + std::string("--row=64x64 --requests=1 --warm-up=0 --peer=bare"));
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.output, HasSubstr("\"peer\":\"bare\""));
}

TEST(EchoClientTest, SaysThatAServerIsNone) {
  const ended none = client("--row=64x64 --server=/dev/null/none 2>&1");
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.output, HasSubstr("cannot be run"));
  const ended silent = client("--row=64x64 --server=/bin/true 2>&1");
  EXPECT_EQ(silent.status, 1);
  EXPECT_THAT(silent.output, HasSubstr("has printed no port"));
  EXPECT_THAT(silent.output, Not(HasSubstr("rps")));
}

TEST(EchoClientTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(client("--row=64x64 2>&1").status, 2);
  EXPECT_EQ(client(kEpoll + std::string("--row=1x1 2>&1")).status, 2);
  EXPECT_EQ(client(kEpoll + std::string("--row=64x64 --fast 2>&1")).status, 2);
  EXPECT_EQ(
      client(kEpoll + std::string("--row=64x64 --requests=many 2>&1")).status,
      2);
}

}  // namespace
