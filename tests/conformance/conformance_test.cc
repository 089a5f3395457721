// The order of asyncio: every program gives the trace that CPython gave, line
// by line, iteration numbers included.

#include "gtest/gtest.h"
#include "tests/conformance/files.h"
#include "tests/conformance/replay.h"

namespace ratchet::conformance {
namespace {

class ProgramTest : public testing::TestWithParam<std::string> {};

TEST_P(ProgramTest, GivesTheTraceOfAsyncio) {
  const auto got =
      replay(read_file(program_path(GetParam(), ".json")), /*hops=*/true);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(
      first_difference(read_lines(program_path(GetParam(), ".jsonl")), *got),
      "");
}

INSTANTIATE_TEST_SUITE_P(Written, ProgramTest,
                         testing::ValuesIn(program_names()),
                         [](const auto& tested) { return tested.param; });

TEST(ProgramTest, WithoutHopsTheLinesHaveNoIterations) {
  const auto got = replay(read_file(program_path("task_start_order", ".json")),
                          /*hops=*/false);
  ASSERT_TRUE(got.ok()) << got.status();
  for (const std::string& line : *got) {
    EXPECT_FALSE(json::parse(line).contains("it")) << line;
  }
}

// A program that never ends is cut off.
TEST(ProgramTest, EndsWithALimitWhenItPrintsTooMuch) {
  const auto got = replay(std::string(R"({"tasks": {"main": [
        {"op": "future", "as": "f"},
        {"op": "on_done", "h": "f", "as": "again",
         "do": [{"op": "on_done", "h": "f", "as": "again"}]},
        {"op": "set_result", "h": "f"},
        {"op": "future", "as": "never"},
        {"op": "await", "h": "never"}]}})"),
                          /*hops=*/false);
  ASSERT_TRUE(got.ok()) << got.status();
  ASSERT_EQ(got->size(), 50001u);
  EXPECT_EQ(got->back(), R"({"ev":"limit"})");
}

TEST(FirstDifferenceTest, ShowsTheLineAndThreeBefore) {
  EXPECT_EQ(first_difference({"a", "b", "c", "d", "e", "f"},
                             {"a", "b", "c", "d", "x", "f"}),
            "line 5\n"
            "  same      b\n"
            "  same      c\n"
            "  same      d\n"
            "  expected  e\n"
            "  got       x\n");
  EXPECT_EQ(first_difference({"a"}, {"a", "b"}),
            "line 2\n"
            "  same      a\n"
            "  expected  <end>\n"
            "  got       b\n");
  EXPECT_EQ(first_difference({"a"}, {"a"}), "");
}

}  // namespace
}  // namespace ratchet::conformance
