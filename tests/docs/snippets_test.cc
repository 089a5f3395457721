// Every C++ block in the documents is part of a file that is compiled here.

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace {

std::string contents(const std::string& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in.is_open()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> cpp_blocks(const std::string& document) {
  std::vector<std::string> blocks;
  std::istringstream lines(document);
  std::string line;
  bool inside = false;
  while (std::getline(lines, line)) {
    if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      absl::StrAppend(&blocks.back(), line, "\n");
    } else if (line == "```cpp") {
      inside = true;
      blocks.emplace_back();
    }
  }
  EXPECT_FALSE(inside) << "a block that does not end";
  return blocks;
}

class SnippetsTest : public ::testing::TestWithParam<const char*> {};

TEST_P(SnippetsTest, AreCompiled) {
  const std::string compiled =
      absl::StrCat(contents("tests/docs/guide_http_test.cc"),
                   contents("tests/docs/guide_process_test.cc"),
                   contents("tests/docs/guide_test.cc"),
                   contents("tests/docs/readme_program.cc"),
                   contents("tests/docs/readme_test.cc"),
                   contents("tests/docs/sockets_test.cc"));
  for (const std::string& block : cpp_blocks(contents(GetParam()))) {
    EXPECT_TRUE(absl::StrContains(compiled, block))
        << "not in tests/docs/*.cc:\n"
        << block;
  }
}

INSTANTIATE_TEST_SUITE_P(Documents, SnippetsTest,
                         ::testing::Values("README.md", "docs/asyncio.md",
                                           "docs/design.md", "docs/guide.md"));

TEST(ReadmeSnippetsTest, AreFound) {
  EXPECT_GE(cpp_blocks(contents("README.md")).size(), 4u);
}

}  // namespace
