// Every demo prints its transcript, under virtual time, and ends with its
// status. The transcripts of lessons are those of the same lessons on asyncio.

#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/demos/running_demo.h"

namespace ratchet::demos {
namespace {

using ::testing::Contains;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::TestWithParam;
using ::testing::ValuesIn;

// -- Transcripts -------------------------------------------------------------

constexpr const char* kQuestion =
    "Task not complete yet. Do you want to cancel it? ";

// Lines that are Python's own texts, and what ratchet says there.
const std::map<std::string, std::string>& own_texts() {
  static const auto& texts = *new std::map<std::string, std::string>{
      {"<_GatheringFuture pending>", "<when_all pending>"},
      {"TypeError: can't multiply sequence by non-int of type 'str'",
       "INVALID_ARGUMENT: cannot square 'ten': not a number"},
      {R"([400, TypeError("can't multiply sequence by non-int of type 'str'"), )"
       "10000]",
       "[400, INVALID_ARGUMENT: cannot square 'ten': not a number, 10000]"},
  };
  return texts;
}

std::vector<std::string> transcript(const std::string& lesson) {
  std::vector<std::string> lines =
      lines_of(read_file("tests/demos/expected/" + lesson + ".out"));
  for (std::string& line : lines) {
    const auto own = own_texts().find(line);
    if (own != own_texts().end()) line = own->second;
  }
  return lines;
}

struct demo {
  const char* name;
  const char* lesson = name;
  int status = 0;
  const char* input = "";
};

constexpr demo kDemos[] = {
    {"templates"},
    {"square_one"},
    {"square_one_then", "square_one"},
    {"square_gather"},
    {"square_gather_then", "square_gather"},
    {"square_as_completed"},
    {"square_as_completed_then", "square_as_completed"},
    {"square_nested"},
    {"square_nested_then", "square_nested"},
    {"countdown_tasks"},
    {"countdown_gather"},
    {"countdown_gather_then", "countdown_gather"},
    {"numbers_letters_gather"},
    {"numbers_letters_tasks"},
    {"gather_values"},
    {"gather_error", "gather_error", 1},
    {"gather_error_then", "gather_error", 1},
    {"gather_return_exceptions"},
    {"gather_return_exceptions_then", "gather_return_exceptions"},
    {"not_awaited"},
    {"task_results"},
    {"two_runs"},
    {"useful_work"},
    {"three_tasks_one_by_one"},
    {"three_tasks_gather"},
    {"await_result"},
    {"await_result_then", "await_result"},
    {"await_result_two_ways"},
    {"polling"},
    {"polling_then", "polling"},
    {"cancel_midflight", "cancel_midflight", 0, "n\nn\ny\n"},
    {"cancel_midflight_then", "cancel_midflight", 0, "n\nn\ny\n"},
    {"kitchen"},
    {"downloads"},
};

void PrintTo(const demo& d, std::ostream* out) { *out << d.name; }

class DemoTest : public TestWithParam<demo> {};

INSTANTIATE_TEST_SUITE_P(Demos, DemoTest, ValuesIn(kDemos),
                         [](const auto& test) { return test.param.name; });

TEST_P(DemoTest, PrintsItsTranscript) {
  running_demo running(GetParam().name);
  running.type(GetParam().input);
  const ended result = running.wait();
  EXPECT_THAT(result.output, ElementsAreArray(transcript(GetParam().lesson)));
  EXPECT_EQ(result.status, GetParam().status);
  EXPECT_THAT(result.errors, IsEmpty());
}

TEST(DemosTest, RunInRealTimeToo) {
  const ended result = running_demo("gather_values", {}).wait();
  EXPECT_THAT(result.output, ElementsAreArray(transcript("gather_values")));
  EXPECT_EQ(result.status, 0);
}

TEST(TourTest, ShowsEveryLessonInOrder) {
  std::vector<std::string> expected;
  size_t lessons = 0;
  for (const std::string& heading : lines_of(read_file("demos/lessons.txt"))) {
    const std::string lesson = heading.substr(0, heading.find(':'));
    ++lessons;
    expected.push_back("=== " + heading);
    for (const std::string& line : transcript(lesson)) expected.push_back(line);
    if (lesson == "gather_error") expected.push_back("(exit status 1)");
    expected.push_back("");
  }
  EXPECT_EQ(lessons, 22U);

  const ended result = running_demo("tour").wait();
  EXPECT_THAT(result.output, ElementsAreArray(expected));
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.errors, IsEmpty());
}

// -- Commands ----------------------------------------------------------------

TEST(ProcTest, RunsCommandsInTheirOrderIfToldSo) {
  const ended result =
      running_demo("proc", {"--notimes", "--keep_order", "--",
                            "sleep 0.05; echo slow; exit 3", "echo quick"})
          .wait();
  EXPECT_THAT(
      result.output,
      ElementsAreArray({
          "[1] slow",
          "[2] quick",
          "  1  exited with 3                 sleep 0.05; echo slow; exit 3",
          "  2  exited with 0                 echo quick",
      }));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors, IsEmpty());
}

TEST(ProcTest, InterleavesLinesAsTheyCome) {
  // Each waits for the other one.
  const std::string folder = ::testing::TempDir();
  const auto when_there = [&](const std::string& file) {
    return "until test -e " + folder + file + "; do sleep 0.01; done";
  };
  const ended result =
      running_demo(
          "proc",
          {"--notimes", "--",
           "echo a; touch " + folder + "1; " + when_there("2") + "; echo c",
           when_there("1") + "; echo b; sleep 0.05; touch " + folder + "2"})
          .wait();
  ASSERT_EQ(result.output.size(), 5U);
  EXPECT_EQ(result.output[0], "[1] a");
  EXPECT_EQ(result.output[1], "[2] b");
  EXPECT_EQ(result.output[2], "[1] c");
  EXPECT_EQ(result.status, 0);
}

TEST(ProcTest, ErrorsHaveTheirOwnStream) {
  const ended result =
      running_demo("proc", {"--notimes", "--", "echo wrong >&2"}).wait();
  EXPECT_EQ(result.errors, "[1] wrong\n");
  EXPECT_EQ(result.output.size(), 1U);
}

TEST(ProcTest, OneAtATimeAndTheFirstFailureIsTheLast) {
  const ended result =
      running_demo("proc", {"--notimes", "--jobs=1", "--fail_fast", "--",
                            "echo a", "exit 1", "echo c"})
          .wait();
  EXPECT_THAT(result.output, ElementsAreArray({
                                 "[1] a",
                                 "  1  exited with 0                 echo a",
                                 "  2  exited with 1                 exit 1",
                                 "  3  not started                   echo c",
                             }));
  EXPECT_EQ(result.status, 1);
}

TEST(ProcTest, WhatTakesTooLongIsEnded) {
  const ended result =
      running_demo("proc", {"--notimes", "--timeout=0.05", "--", "sleep 1000"})
          .wait();
  EXPECT_THAT(
      result.output,
      ElementsAreArray({"  1  ended by SIGTERM, timed out   sleep 1000"}));
  EXPECT_EQ(result.status, 1);
}

TEST(ProcTest, PassesAnInterruptOnAndWaits) {
  running_demo running("proc", {"--notimes", "--",
                                "trap 'echo last words; exit 5' INT; echo on; "
                                "while :; do sleep 0.01; done"});
  running.expect_prompt("[1] on\n");
  running.send(SIGINT);
  const ended result = running.wait();
  ASSERT_EQ(result.output.size(), 3U);
  EXPECT_EQ(result.output[1], "[1] last words");
  EXPECT_EQ(result.output[2].substr(0, 20), "  1  exited with 5  ");
  EXPECT_EQ(result.status, 1);
}

TEST(ProcTest, SaysHowItIsUsed) {
  EXPECT_EQ(running_demo("proc", {}).wait().status, 2);
  EXPECT_EQ(running_demo("proc", {"--jobs=-1", "true"}).wait().status, 2);
}

// Not when the last command is over, which is in a quarter of an hour.
TEST(ProcTest, EndsWhenNobodyReadsItsOutput) {
  running_demo running("proc", {"--", "yes", "sleep 1000"});
  ASSERT_TRUE(running.read_on());
  running.close_output();
  const ended result = running.wait();
  EXPECT_EQ(result.errors, "proc: standard output: write: Broken pipe\n");
  EXPECT_EQ(result.status, 1);
}

// Its pipe is full, and its time-out ends the command even so.
TEST(ProcTest, ASlowReaderDoesNotHoldUpATimeOut) {
  const std::string file = ::testing::TempDir() + "/proc_was_ended";
  unlink(file.c_str());
  running_demo running("proc", {"--notimes", "--timeout=0.1", "--",
                                "trap 'touch " + file +
                                    "; exit' TERM; while :; do echo y; done"});
  ASSERT_TRUE(running.read_on());
  while (access(file.c_str(), F_OK) != 0) {
  }
  const ended result = running.wait();
  EXPECT_THAT(result.output.back(), HasSubstr(", timed out "));
  EXPECT_EQ(result.status, 1);
  unlink(file.c_str());
}

// -- Help --------------------------------------------------------------------

class HelpTest : public TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Demos, HelpTest,
                         ValuesIn({"api_calls", "chat_client", "chat_server",
                                   "crawler", "dataset", "proc",
                                   "square_gather"}),
                         [](const auto& test) { return test.param; });

TEST_P(HelpTest, IsOfTheDemoAlone) {
  const ended result = running_demo(GetParam(), {"--help"}).wait();
  EXPECT_THAT(result.output.front(),
              StartsWith(GetParam() + std::string(": ")));
  EXPECT_THAT(result.output, Contains(StartsWith("  --")));
  EXPECT_THAT(result.output, Not(Contains(HasSubstr("gflags"))));
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(result.status, 0);
}

TEST_P(HelpTest, IsNamedWhereAnArgumentMeansNothing) {
  if (GetParam() == std::string("proc")) GTEST_SKIP() << "It is a command.";
  const ended result = running_demo(GetParam(), {"what", "ever"}).wait();
  EXPECT_THAT(result.errors, HasSubstr("--help"));
  EXPECT_EQ(result.status, 2);
}

// -- A file that is made -----------------------------------------------------

class DatasetTest : public TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Chunks, DatasetTest,
                         ValuesIn({"--chunk=1", "--chunk=2", "--chunk=11",
                                   "--chunk=500", "--chunk=1000000"}));

// Wherever it is cut: the demo compares that with one thread, too.
TEST_P(DatasetTest, CountsTheSame) {
  const ended result = running_demo("dataset", {"--rows=1000", "--quiet",
                                                "--threads=3", GetParam()})
                           .wait();
  EXPECT_THAT(result.output, ElementsAreArray(transcript("dataset")));
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.errors, IsEmpty());
}

TEST(DatasetTimesTest, AreShownUnlessItIsToBeQuiet) {
  const ended result =
      running_demo("dataset", {"--rows=1000", "--threads=3"}).wait();
  std::vector<std::string> expected = transcript("dataset");
  ASSERT_EQ(result.output.size(), expected.size() + 3);
  EXPECT_THAT(result.output[expected.size()], StartsWith("one thread "));
  EXPECT_THAT(result.output[expected.size() + 1], StartsWith("a pool of 3 "));
  EXPECT_THAT(result.output[expected.size() + 2], StartsWith("speed-up "));
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.errors, IsEmpty());  // Without a terminal, no progress.
}

TEST(DatasetFileTest, IsWhatTheUserHas) {
  const std::string path = ::testing::TempDir() + "/dataset_test.csv";
  std::ofstream(path) << "a,1.0\n\nb,-2.5\nb,x\n"
                      << std::string(10000, 'x') << "\n,3.0\na,2.0";
  const ended result =
      running_demo("dataset", {"--quiet", "--chunk=7", "--file=" + path})
          .wait();
  EXPECT_THAT(result.output,
              ElementsAreArray({
                  "station                rows      min     mean      max",
                  "a                         2      1.0      1.5      2.0",
                  "b                         1     -2.5     -2.5     -2.5",
                  "all                       3     -2.5      0.2      2.0",
                  "4 malformed, the first line of these at byte 6: \"\"",
              }));
  EXPECT_EQ(result.status, 0);
  unlink(path.c_str());
}

TEST(DatasetFileTest, IsMissed) {
  const ended result = running_demo("dataset", {"--file=/no/such"}).wait();
  EXPECT_THAT(result.output, IsEmpty());
  EXPECT_THAT(result.errors, StartsWith("NOT_FOUND: cannot open /no/such"));
  EXPECT_EQ(result.status, 1);
}

// -- Questions and answers ---------------------------------------------------

class CancelMidflightTest : public TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Styles, CancelMidflightTest,
                         ValuesIn({"cancel_midflight",
                                   "cancel_midflight_then"}),
                         [](const auto& test) { return test.param; });

// Time stands still until the answer is there: here it comes only after the
// question has been read, when the loop has long had nothing else to do.
TEST_P(CancelMidflightTest, WaitsForTheUser) {
  running_demo running(GetParam());
  for (const char* answer : {"n\n", "n\n", "y\n"}) {
    running.expect_prompt(kQuestion);
    running.type(answer);
  }
  EXPECT_THAT(running.wait().output,
              ElementsAreArray(transcript("cancel_midflight")));
}

TEST_P(CancelMidflightTest, WaitsForTheTaskWhenThereAreNoAnswers) {
  const ended result = running_demo(GetParam()).wait();
  EXPECT_THAT(result.output, ElementsAreArray({
                                 "00:00:00 ****Start of main*****",
                                 kQuestion,
                                 "00:00:10 00:00:10 Bonjour",
                                 "00:00:10 ****End of main*****",
                             }));
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.errors, IsEmpty());
}

TEST_P(CancelMidflightTest, AsksNoMoreWhenTheAnswersEnd) {
  running_demo running(GetParam());
  running.type("n\n");
  EXPECT_THAT(
      running.wait().output,
      ElementsAreArray({
          std::string("00:00:00 ****Start of main*****"),
          std::string(kQuestion) + "n",
          std::string("00:00:00 OK I'll wait another second and do something "
                      "useful ... "),
          std::string(kQuestion),
          std::string("00:00:10 00:00:10 Bonjour"),
          std::string("00:00:10 ****End of main*****"),
      }));
}

TEST_P(CancelMidflightTest, TakesALastAnswerWithoutAnEndOfLine) {
  running_demo running(GetParam());
  running.type("y");
  EXPECT_THAT(running.wait().output,
              ElementsAreArray({
                  std::string("00:00:00 ****Start of main*****"),
                  std::string(kQuestion) + "y",
                  std::string("00:00:00 OK I'll cancel the task and we'll all "
                              "just move on in life."),
                  std::string("00:00:00 ****End of main*****"),
              }));
}

TEST_P(CancelMidflightTest, ShowsTheResultToWhoIsPatient) {
  running_demo running(GetParam());
  running.type("n\nn\nn\nn\nn\nn\nn\nn\nn\nn\n");
  const std::vector<std::string> output = running.wait().output;
  ASSERT_EQ(output.size(), 1U + 10 * 2 + 2);
  EXPECT_EQ(
      output[20],
      "00:00:09 OK I'll wait another second and do something useful ... ");
  EXPECT_EQ(output[21], "00:00:10 00:00:10 Bonjour");
}

}  // namespace
}  // namespace ratchet::demos
