#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

// No case of CPython is forgotten.

namespace ratchet::test {
namespace {

using ::testing::IsEmpty;

constexpr const char* kFolder = "tests/cpython/";

// How many cases of CPython are translated, at least.
constexpr size_t kTranslated = 300;

std::vector<std::string> lines_of(const std::string& name) {
  std::ifstream file(kFolder + name);
  EXPECT_TRUE(file.is_open()) << name;
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

// The cases that the tests name.
std::set<std::string> translated() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string file = entry.path().filename().string();
    constexpr std::string_view kEnd = "_test.cc";
    if (file.size() < kEnd.size() ||
        file.substr(file.size() - kEnd.size()) != kEnd) {
      continue;
    }
    const std::vector<std::string> lines = lines_of(file);
    for (size_t i = 0; i + 1 < lines.size(); ++i) {
      constexpr std::string_view kMark = "// test_";
      if (!starts_with(lines[i], kMark)) continue;
      EXPECT_TRUE(starts_with(lines[i + 1], "TEST_F(") ||
                  starts_with(lines[i + 1], "TEST_P(") ||
                  starts_with(lines[i + 1], "TYPED_TEST("))
          << file << ": " << lines[i] << " is not followed by a test";
      names.insert(lines[i].substr(3));
    }
  }
  return names;
}

// The first column of the table in README.md.
std::set<std::string> excluded() {
  std::set<std::string> names;
  for (const std::string& line : lines_of("README.md")) {
    if (!starts_with(line, "| `test_")) continue;
    const size_t end = line.find('`', 3);
    const std::string name = line.substr(3, end - 3);
    EXPECT_TRUE(names.insert(name).second) << name << " stands there twice";
    // "` | " and the reason.
    EXPECT_GT(line.size(), end + 8) << name << " has no reason";
  }
  return names;
}

std::string whole_class(const std::string& name) {
  return name.substr(0, name.rfind('.')) + ".*";
}

TEST(CasesTest, EveryCaseIsTranslatedOrSaysWhyNot) {
  const std::set<std::string> tests = translated();
  const std::set<std::string> rows = excluded();
  std::set<std::string> cases, used;
  std::vector<std::string> forgotten, both;
  for (const std::string& name : lines_of("cases.txt")) {
    EXPECT_TRUE(cases.insert(name).second) << name << " stands there twice";
    const bool has_test = tests.count(name) > 0;
    const bool has_row = rows.count(name) > 0;
    const std::string all = whole_class(name);
    if (has_test && has_row) both.push_back(name);
    if (has_row) used.insert(name);
    if (!has_test && !has_row && rows.count(all) > 0) {
      used.insert(all);
    } else if (!has_test && !has_row) {
      forgotten.push_back(name);
    }
  }
  EXPECT_THAT(forgotten, IsEmpty()) << "not translated, and not in README.md";
  EXPECT_THAT(both, IsEmpty()) << "translated, and in README.md nevertheless";

  std::vector<std::string> unknown;
  std::set_difference(tests.begin(), tests.end(), cases.begin(), cases.end(),
                      std::back_inserter(unknown));
  EXPECT_THAT(unknown, IsEmpty()) << "named by a test, but no such case";
  std::vector<std::string> idle;
  std::set_difference(rows.begin(), rows.end(), used.begin(), used.end(),
                      std::back_inserter(idle));
  EXPECT_THAT(idle, IsEmpty()) << "rows of README.md that stand for no case";
}

TEST(CasesTest, ThereAreMany) { EXPECT_GE(translated().size(), kTranslated); }

}  // namespace
}  // namespace ratchet::test
