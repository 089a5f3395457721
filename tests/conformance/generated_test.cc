// 2,000 random programs and the traces that CPython gave for them.

#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/conformance/files.h"
#include "tests/conformance/replay.h"

namespace ratchet::conformance {
namespace {

constexpr size_t kPrograms = 2500;
constexpr size_t kParts = 8;

class GeneratedProgramsTest : public testing::TestWithParam<size_t> {};

// One line of the corpus: {"program": ..., "trace": [...]}.
void check(const std::string& text) {
  const json line = json::parse(text);
  std::vector<std::string> expected;
  for (const json& traced : line["trace"]) {
    expected.push_back(traced.dump(-1, ' ', /*ensure_ascii=*/true));
  }
  const auto got = replay(line["program"], /*hops=*/true);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(first_difference(expected, *got), "") << "in the program\n"
                                                  << line["program"].dump(1);
}

TEST_P(GeneratedProgramsTest, GiveTheTracesOfAsyncio) {
  std::ifstream corpus(runfile("tests/conformance/generated.jsonl"));
  std::string line;
  size_t count = 0;
  for (; std::getline(corpus, line); ++count) {
    if (count % kParts == GetParam()) check(line);
  }
  EXPECT_EQ(count, kPrograms);
}

INSTANTIATE_TEST_SUITE_P(Part, GeneratedProgramsTest,
                         testing::Range(size_t{0}, kParts));

}  // namespace
}  // namespace ratchet::conformance
