// The page is that of the table, and the headers say its words.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "tests/outcomes/table.h"

namespace ratchet::outcomes {
namespace {

constexpr const char* kRow =
    "section s\n"
    "row r\n"
    "  call: f()\n"
    "  header: f.h\n"
    "  declared: f(\n"
    "  source_gives_value: value\n"
    "  source_fails: error\n"
    "  source_is_cancelled: Cancelled\n"
    "  task_is_cancelled: Cancelled\n"
    "  time_out_passes: kDeadlineExceeded\n"
    "  source_is_destroyed: cannot happen: nothing there\n"
    "  handle_is_dropped: dropped\n"
    "  loop_is_closed: pending\n"
    "  cancelling: cancel-safe\n";

// The message for kRow with `from` replaced; "" if it is parsed.
std::string message_with(const std::string& from, const std::string& to) {
  return std::string(
      parse(absl::StrReplaceAll(kRow, {{from, to}})).status().message());
}

TEST(OutcomesTableTest, IsParsed) {
  const absl::StatusOr<std::vector<row>> rows = parse(kRow);
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->front().section, "s");
  EXPECT_EQ(rows->front().name, "r");
  EXPECT_EQ(rows->front().cell(event::source_fails), "error");
  EXPECT_EQ(rows->front().cell(event::source_is_destroyed),
            "cannot happen: nothing there");
  EXPECT_EQ(rows->front().cancelling, kCancelSafe);
}

TEST(OutcomesTableTest, RefusesWhatIsNotComplete) {
  EXPECT_EQ(message_with("  source_fails: error\n", ""),
            "outcomes.txt, line 2: row r has no source_fails");
  EXPECT_EQ(message_with("source_fails: error", "source_fails:"),
            "outcomes.txt, line 7: \"source_fails:\" is no \"key: value\" of a "
            "row");
  EXPECT_EQ(message_with("source_fails", "source_failed"),
            "outcomes.txt, line 2: row r has no source_fails");
  EXPECT_EQ(message_with("  call: f()\n", "  call: f()\n  colour: red\n"),
            "outcomes.txt, line 2: row r has a field that means nothing: "
            "colour");
  EXPECT_EQ(message_with("section s\n", ""),
            "outcomes.txt, line 1: row r is in no section");
  EXPECT_EQ(message_with("  header: f.h\n", ""),
            "outcomes.txt, line 2: row r lacks its call, its header, or how it "
            "is declared there");
}

TEST(OutcomesTableTest, RefusesOtherWordsForCancelling) {
  EXPECT_EQ(message_with("cancel-safe", "safe"),
            "outcomes.txt, line 2: row r says of cancelling \"safe\", which is "
            "none of the three words");
  const char* const has_to_say =
      "outcomes.txt, line 2: row r has to say what it loses, if it loses data, "
      "and only then";
  EXPECT_EQ(message_with("cancel-safe", "loses data"), has_to_say);
  EXPECT_EQ(message_with("cancel-safe", "cancel-safe\n  loses: it"),
            has_to_say);
  EXPECT_EQ(message_with("cancel-safe", "loses data\n  loses: it"), "");
}

TEST(OutcomesTableTest, RefusesWhatComesTwice) {
  EXPECT_EQ(message_with("section s\n", absl::StrCat(kRow, "row r\n")),
            "outcomes.txt, line 15: a second row r");
  EXPECT_EQ(message_with("  call: f()\n", "  call: f()\n  call: g()\n"),
            "outcomes.txt, line 4: a second call");
}

std::vector<row> table() {
  absl::StatusOr<std::vector<row>> rows = read_table();
  EXPECT_TRUE(rows.ok()) << rows.status();
  return rows.ok() ? *rows : std::vector<row>();
}

TEST(OutcomesPageTest, IsThatOfTheTable) {
  const absl::StatusOr<std::string> page = read_text("docs/outcomes.md");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_TRUE(*page == page_of(table()))
      << "docs/outcomes.md is not what the table gives. Make it anew:\n"
         "bazel run //tests/outcomes:page > docs/outcomes.md";
}

bool is_comment(const std::string& line) {
  return absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "//");
}

// The comment above the first line of `text` that has `declared` in it, as one
// line; between them may be no more than the rest of the declaration.
std::string comment_above(const std::string& text,
                          const std::string& declared) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  size_t at = 0;
  while (at < lines.size() &&
         (is_comment(lines[at]) || !absl::StrContains(lines[at], declared))) {
    ++at;
  }
  if (at == lines.size()) return "there is no such declaration";
  while (at > 0 && !is_comment(lines[at - 1])) {
    --at;
    if (lines[at].empty()) return "there is no comment on it";
  }
  size_t begin = at;
  while (begin > 0 && is_comment(lines[begin - 1])) --begin;
  std::vector<std::string> words;
  for (; begin < at; ++begin) {
    words.emplace_back(absl::StripPrefix(
        absl::StripLeadingAsciiWhitespace(lines[begin]), "//"));
  }
  return absl::StrReplaceAll(absl::StrJoin(words, " "), {{"  ", " "}});
}

TEST(OutcomesHeadersTest, SayWhatCancellingDoes) {
  for (const row& r : table()) {
    const absl::StatusOr<std::string> header =
        read_text(absl::StrCat("include/ratchet/", r.header));
    ASSERT_TRUE(header.ok()) << header.status();
    const std::string comment = comment_above(*header, r.declared);
    EXPECT_TRUE(absl::StrContains(absl::AsciiStrToLower(comment),
                                  absl::StrCat("*", r.cancelling, "*")))
        << r.name << " in " << r.header << ", at \"" << r.declared
        << "\", does not say *" << r.cancelling << "*:\n"
        << comment;
  }
}

}  // namespace
}  // namespace ratchet::outcomes
