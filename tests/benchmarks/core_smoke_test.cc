// Every workload of :core runs, prints what the harness promises, and computes
// what inputs.h says it does.

#include <stdio.h>
#include <sys/wait.h>

#include <cstdint>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace {

using ::testing::HasSubstr;

struct ended {
  std::string output;
  int status;
};

ended core(const std::string& flags) {
  ended e{"", -1};
  // The folder of the test is that of the repository's files.
  FILE* const out = popen(("tests/benchmarks/core " + flags).c_str(), "r");
  if (out == nullptr) return e;
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, out)) > 0;) {
    e.output.append(buffer, n);
  }
  const int status = pclose(out);
  if (WIFEXITED(status)) e.status = WEXITSTATUS(status);
  return e;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// What comes out of n operations, where that is a formula; else 0.
uint64_t expected_check(const std::string& workload, uint64_t n) {
  const auto is_one_of = [&workload](const std::set<std::string>& names) {
    return names.count(workload) != 0;
  };
  if (is_one_of({"w1a", "w1b", "post", "yield", "w2_1e3", "w2_1e6", "w2l_1e5",
                 "w2i_1e3", "w8m", "w9e", "w9q", "w9f", "bytes"})) {
    return n;
  }
  if (is_one_of(
          {"w3", "w3l", "w3d", "w3e", "w8f", "w8fd", "w8fr", "w12a", "w12b"})) {
    return n * (n + 1) / 2;
  }
  if (is_one_of({"w4p", "w4r"})) return n / 10 * 11;
  if (is_one_of({"w5", "w7"})) return n / 1000 * 499'500;
  if (is_one_of({"w10_1"})) return n * (n - 1) / 2;
  return 0;
}

TEST(CoreSmokeTest, EachWorkloadIsWhatItSays) {
  const ended list = core("--list");
  ASSERT_EQ(list.status, 0);
  const std::vector<std::string> names = lines_of(list.output);
  EXPECT_THAT(
      names, testing::IsSupersetOf(
                 {"w1a",     "w1b",     "w2_1e3", "w2_1e5", "w2_1e6", "w2r_1e3",
                  "w2r_1e5", "w2r_1e6", "w3",     "w4p",    "w4r",    "w5",
                  "w6",      "w7",      "w8m",    "w8f",    "w9e",    "w9f",
                  "w10_1",   "w10_3",   "w12a",   "w12b",   "bytes"}));

  const ended run = core("--json --scale=0.001 --repetitions=1");
  EXPECT_EQ(run.status, 0);
  const std::vector<std::string> lines = lines_of(run.output);
  ASSERT_EQ(lines.size(), names.size()) << run.output;
  for (size_t i = 0; i < lines.size(); ++i) {
    SCOPED_TRACE(lines[i]);
    const auto line = nlohmann::json::parse(lines[i], nullptr, false);
    ASSERT_TRUE(line.is_object());
    EXPECT_EQ(line.value("peer", ""), "ratchet");
    EXPECT_EQ(line.value("workload", ""), names[i]);
    for (const char* number :
         {"ops", "cpu_ns_per_op", "wall_ns_per_op", "check", "cpu_min",
          "cpu_max", "blocks_per_op", "mallocs_per_op"}) {
      ASSERT_TRUE(line.contains(number)) << number;
      EXPECT_GE(line[number], 0) << number;
    }
    EXPECT_TRUE(line.contains("bytes_per_item"));
    EXPECT_TRUE(line.contains("param"));
    const uint64_t expected = expected_check(names[i], line["ops"]);
    if (expected != 0) {
      EXPECT_EQ(line["check"], expected);
    }
  }
}

TEST(CoreSmokeTest, PicksOne) {
  const ended run = core("--json --workload=w4p --scale=0.001");
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(lines_of(run.output).size(), 1u);
  EXPECT_THAT(run.output, HasSubstr("\"workload\":\"w4p\""));
}

TEST(CoreSmokeTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(core("--workload=w99 2>&1").status, 2);
  EXPECT_EQ(core("--benchmark_repetitions=5 2>&1").status, 2);
  EXPECT_THAT(core("--workload=w99 2>&1").output, HasSubstr("--list"));
}

}  // namespace
