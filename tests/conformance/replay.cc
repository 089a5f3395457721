#include "tests/conformance/replay.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "tests/conformance/interpreter.h"
#include "tests/conformance/program.h"

namespace ratchet::conformance {
namespace {

absl::StatusOr<std::vector<std::string>> run(
    const absl::StatusOr<program>& source, bool hops) {
  if (!source.ok()) return source.status();
  return interpreter(*source, hops).run();
}

constexpr size_t kContext = 3;

std::string line_at(const std::vector<std::string>& lines, size_t i) {
  return i < lines.size() ? lines[i] : "<end>";
}

}  // namespace

absl::StatusOr<std::vector<std::string>> replay(const std::string& text,
                                                bool hops) {
  return run(parse_program(text), hops);
}

absl::StatusOr<std::vector<std::string>> replay(const json& source, bool hops) {
  return run(make_program(source), hops);
}

std::string first_difference(const std::vector<std::string>& expected,
                             const std::vector<std::string>& got) {
  if (expected == got) return "";
  const size_t shorter = std::min(expected.size(), got.size());
  size_t i = 0;
  while (i < shorter && expected[i] == got[i]) ++i;
  std::string text = absl::StrCat("line ", i + 1, "\n");
  for (size_t k = i - std::min(i, kContext); k < i; ++k) {
    absl::StrAppend(&text, "  same      ", expected[k], "\n");
  }
  absl::StrAppend(&text, "  expected  ", line_at(expected, i), "\n");
  absl::StrAppend(&text, "  got       ", line_at(got, i), "\n");
  return text;
}

}  // namespace ratchet::conformance
