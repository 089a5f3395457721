// The demos that speak HTTP, with sites of their own on 127.0.0.1.

#include <signal.h>

#include <chrono>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/demos/running_demo.h"

namespace ratchet::demos {
namespace {

using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

ended run(const std::string& demo, const std::vector<std::string>& flags) {
  return running_demo(demo, flags).wait();
}

TEST(CrawlerTest, FindsAllPagesOfItsSite) {
  const ended result = run("crawler", {"--pages=60"});
  ASSERT_THAT(result.output, Not(IsEmpty()));
  // 60, one of which is reached only by a redirect of another one, and the
  // loop.
  EXPECT_THAT(result.output[0], StartsWith("62 pages, "));
  EXPECT_THAT(result.output, Contains("200          55"));
  EXPECT_THAT(result.output, Contains("404           4"));
  EXPECT_THAT(result.output, Contains("500           2"));
  EXPECT_THAT(result.output, Contains("error         1"));
  EXPECT_THAT(result.output, Contains(HasSubstr("redirects")));
  EXPECT_THAT(result.output, Contains(ContainsRegex("    50 % +[0-9]+ ms")));
  EXPECT_THAT(result.output, Contains(ContainsRegex("[0-9]+ ms  http://127")));
  EXPECT_THAT(result.errors, IsEmpty());  // No progress: it is no terminal.
  EXPECT_EQ(result.status, 0);
}

TEST(CrawlerTest, FindsTheSamePagesOneByOne) {
  const ended all = run("crawler", {"--pages=40"});
  const ended one = run("crawler", {"--pages=40", "--concurrency=1"});
  ASSERT_GE(all.output.size(), 7u);
  for (size_t line = 1; line < 7; ++line) {
    EXPECT_EQ(one.output[line], all.output[line]);
  }
}

TEST(CrawlerTest, StopsAtItsLimits) {
  EXPECT_THAT(run("crawler", {"--limit=5"}).output,
              Contains(StartsWith("5 pages, ")));
  // The start and what it leads to.
  EXPECT_THAT(run("crawler", {"--depth=1"}).output,
              Contains(StartsWith("4 pages, ")));
}

TEST(CrawlerTest, IsPolite) {
  const auto began = std::chrono::steady_clock::now();
  run("crawler", {"--limit=11", "--delay=30"});
  EXPECT_GE(std::chrono::steady_clock::now() - began,
            std::chrono::milliseconds(300));
}

TEST(CrawlerTest, ServesItsSiteForOthers) {
  running_demo site("crawler", {"--serve", "--pages=20"});
  while (site.printed().find('\n') == std::string::npos) {
    ASSERT_TRUE(site.read_on());
  }
  const std::string url = lines_of(site.printed()).at(0);
  EXPECT_THAT(url, StartsWith("http://127.0.0.1:"));
  const ended result = run("crawler", {url});
  EXPECT_THAT(result.output, Contains(StartsWith("22 pages, ")));
  EXPECT_EQ(result.status, 0);
  site.interrupt();
  const ended stopped = site.wait();
  EXPECT_THAT(stopped.output.back(),
              ContainsRegex("^stopped by Interrupt, after [0-9]+ requests over "
                            "[0-9]+ connections$"));
  EXPECT_EQ(stopped.status, 0);
}

TEST(CrawlerTest, StopsToServeWhenItIsTerminated) {
  running_demo site("crawler", {"--serve"});
  while (site.printed().find('\n') == std::string::npos) {
    ASSERT_TRUE(site.read_on());
  }
  site.send(SIGTERM);
  const ended stopped = site.wait();
  EXPECT_EQ(stopped.output.back(),
            "stopped by Terminated, after 0 requests over 0 connections");
  EXPECT_EQ(stopped.status, 0);
}

// The second page has to wait for so long that the signal is there first.
TEST(CrawlerTest, ShowsWhatItHasWhenItIsInterrupted) {
  running_demo site("crawler", {"--serve"});
  while (site.printed().find('\n') == std::string::npos) {
    ASSERT_TRUE(site.read_on());
  }
  running_demo crawl("crawler",
                     {"--delay=1000000", lines_of(site.printed()).at(0)});
  while (!crawl.catches(SIGINT)) {
  }
  crawl.interrupt();
  const ended result = crawl.wait();
  ASSERT_THAT(result.output, Not(IsEmpty()));
  EXPECT_THAT(result.output[0], ContainsRegex("^[01] pages?, "));
  EXPECT_EQ(result.errors, "crawler: stopped by Interrupt\n");
  EXPECT_EQ(result.status, 128 + SIGINT);
}

TEST(CrawlerTest, RefusesWhatMakesNoSense) {
  for (const std::vector<std::string>& flags :
       std::vector<std::vector<std::string>>{{"--port=70000"},
                                             {"--port=-1"},
                                             {"--serve", "http://x/"},
                                             {"--limit=0"},
                                             {"http://x/", "http://y/"}}) {
    const ended result = run("crawler", flags);
    EXPECT_EQ(result.status, 2) << flags.front();
    EXPECT_THAT(result.errors, HasSubstr("--help")) << flags.front();
  }
}

TEST(CrawlerTest, SaysWhatIsWrong) {
  // Nobody listens at port 1.
  ended result = run("crawler", {"http://127.0.0.1:1/"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.output, Contains(HasSubstr("GET http://127.0.0.1:1/: ")));
  for (const char* none : {"nonsense", "localhost:80", "ftp://localhost/"}) {
    result = run("crawler", {none});
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.errors, HasSubstr(" is no URL: write http://HOST/"));
  }
  result = run("crawler", {"--concurrency=0"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.errors, HasSubstr("--help"));
}

TEST(ApiCallsTest, TriesAgainWhatMayPass) {
  const ended result = run("api_calls", {"--concurrency=25", "--timeout=1000"});
  EXPECT_THAT(result.output, Contains(HasSubstr("25 at a time: 96 good")));
  EXPECT_THAT(result.output, Contains(HasSubstr(", 4 failed")));
  EXPECT_THAT(result.output, Contains(HasSubstr("attempts")));
  EXPECT_THAT(result.output, Contains(ContainsRegex("NOT_FOUND.*/item/34")));
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(result.status, 0);
}

TEST(ApiCallsTest, GivesUpInTheEnd) {
  const ended result = run(
      "api_calls", {"--url=http://127.0.0.1:1/", "--calls=3", "--attempts=2"});
  EXPECT_THAT(result.output, Contains(HasSubstr("0 good")));
  EXPECT_THAT(result.output, Contains(HasSubstr("UNAVAILABLE")));
  EXPECT_THAT(result.output, Contains(HasSubstr("6 attempts")));
  EXPECT_EQ(result.status, 1);
}

}  // namespace
}  // namespace ratchet::demos
