// The rules of docs/asyncio.md and the programs that show them: each rule has a
// program, or says why there is none; and where ratchet differs, a program
// shows that too if one can.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/conformance/datum.h"
#include "tests/conformance/files.h"
#include "tests/conformance/replay.h"

namespace ratchet::conformance {
namespace {

using testing::IsEmpty;
using testing::Not;

constexpr char kPrograms[] = "tests/conformance/programs";
constexpr char kDifferences[] = "tests/conformance/differences";

std::set<std::string> rules_of(const std::string& program) {
  return json::parse(read_file(runfile(program)))["rules"]
      .get<std::set<std::string>>();
}

std::vector<std::string> lines_of_document() {
  return read_lines(runfile("docs/asyncio.md"));
}

struct rule {
  bool has_program = false;
  bool has_excuse = false;  // "- no program: ..."
};

// By number: "S1", "S2", ...
std::map<std::string, rule> rules() {
  std::map<std::string, rule> found;
  std::string number;
  for (const std::string& line : lines_of_document()) {
    if (absl::StartsWith(line, "#")) number.clear();
    if (absl::StartsWith(line, "#### S")) {
      number = std::vector<std::string>(absl::StrSplit(line, ' '))[1];
      found[number];
    } else if (absl::StartsWith(line, "- no program: ") && !number.empty()) {
      found[number].has_excuse = true;
    }
  }
  return found;
}

TEST(RulesTest, EachHasAProgramOrAReason) {
  std::map<std::string, rule> all = rules();
  EXPECT_GT(all.size(), 150u);
  for (const std::string& name : names_in(kPrograms)) {
    for (const std::string& number :
         rules_of(std::string(kPrograms) + "/" + name + ".json")) {
      const auto found = all.find(number);
      ASSERT_NE(found, all.end()) << name << " names no rule: " << number;
      found->second.has_program = true;
    }
  }
  for (const auto& [number, r] : all) {
    EXPECT_TRUE(r.has_program || r.has_excuse)
        << number << " has no program in tests/conformance/programs; say why "
        << "in docs/asyncio.md with a line '- no program: ...'";
    EXPECT_FALSE(r.has_program && r.has_excuse)
        << number << " has a program; docs/asyncio.md says why it has none";
  }
}

// The first column of the table "Where ratchet differs".
std::set<std::string> rules_that_differ() {
  std::set<std::string> found;
  bool inside = false;
  for (const std::string& line : lines_of_document()) {
    if (absl::StartsWith(line, "#")) {
      inside = line == "## Where ratchet differs";
    } else if (inside && absl::StartsWith(line, "| S")) {
      const std::vector<std::string> cells = absl::StrSplit(line, " | ");
      const std::vector<std::string> numbers =
          absl::StrSplit(cells[0].substr(2), ", ");
      found.insert(numbers.begin(), numbers.end());
    }
  }
  return found;
}

class DifferenceTest : public testing::TestWithParam<std::string> {
 protected:
  std::string path(const std::string& suffix) const {
    return runfile(std::string(kDifferences) + "/" + GetParam() + suffix);
  }
};

TEST_P(DifferenceTest, IsThereAndInTheTable) {
  const auto got = replay(read_file(path(".json")), /*hops=*/true);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(first_difference(read_lines(path(".ratchet.jsonl")), *got), "");
  EXPECT_NE(first_difference(read_lines(path(".asyncio.jsonl")), *got), "")
      << "no difference any more";
  const std::set<std::string> numbers =
      rules_of(std::string(kDifferences) + "/" + GetParam() + ".json");
  EXPECT_THAT(numbers, Not(IsEmpty()));
  for (const std::string& number : numbers) {
    EXPECT_EQ(rules_that_differ().count(number), 1u)
        << number << " is not in the table of docs/asyncio.md";
  }
}

INSTANTIATE_TEST_SUITE_P(Known, DifferenceTest,
                         testing::ValuesIn(names_in(kDifferences)),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace ratchet::conformance
