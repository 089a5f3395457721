// docs/outcomes.md, made of the table.

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/outcomes/table.h"

namespace ratchet::outcomes {
namespace {

constexpr std::string_view kHeads[kEvents] = {
    "its source gives a value",  "its source fails",
    "its source is cancelled",   "the awaiting task is cancelled",
    "a time-out passes",         "its source is destroyed",
    "its own handle is dropped", "the loop is closed",
};

constexpr absl::string_view kBegin = R"(# Outcomes

<!-- Made of tests/outcomes/outcomes.txt: change that file, and then run
     bazel run //tests/outcomes:page > docs/outcomes.md -->

What a task sees that awaits something, whatever happens to it, and what becomes
of the sources, that is, of what it waits for. Each cell is a test
(`tests/outcomes`).

| word | meaning |
| --- | --- |
| value, error | of the source: its value, or the error it failed with |
| value of f, of another | what the callback returned; the value of another source |
| value holding ... | a value in which that outcome of the source stands |
| ... after the rest | pending until the other sources have a value, then that |
| Cancelled | `is_cancelled()`: the awaiting task ends cancelled, unless it takes the outcome and decides otherwise |
| kDeadlineExceeded | `is_timeout()` |
| broken promise, group error, destroyed, ... | `kind_of()` tells them |
| pending | the task waits on |
| source goes on | it is not touched: it can still be completed, and others can still wait for it |
| source cancelled | it is cancelled, too |
| source is told | it is not touched, and who completes it learns that nobody can hear it: `set_value()` fails with error_kind::closed |
| timer gone, timer stays | whether the loop still waits for it |
| mutex free, unit free, item left | nobody has got it: the next one can |
| mutex taken, unit taken, item taken | the task that nobody looks at has got it |
| item put, item lost | whether the item that was to be put is in the queue |
| f runs on | in its thread, to its end; what it returns is dropped |
| event untouched, queue untouched | it can still be completed |
| barrier counts it, barrier one fewer | whether the others have to wait for one more task |
| dropped | there is nobody left to see an outcome |

Where there are several sources, it happens to the first of two, and what is said
of the others holds for the second. The time-out is that of a `with_timeout`
around the await.

The words for cancelling, which the headers use, too:

- *cancel-safe*: nothing is lost. The same can be awaited again, as if it had
  never been.
- *loses its place*: nothing else is lost, but who awaits again is the last in
  the line.
- *loses data*: something is lost for good; the table says what.
)";

std::string in_cell(const std::string& cell) {
  absl::string_view text = cell;
  if (absl::StartsWith(text, absl::string_view(kCannotHappen.data(),
                                               kCannotHappen.size()))) {
    return absl::StrCat("— ", text.substr(kCannotHappen.size()));
  }
  return cell;
}

std::string in_code(const std::string& s) { return absl::StrCat("`", s, "`"); }

std::string cancelling_of(const row& r) {
  std::string said = absl::StrCat("*", r.cancelling, "*");
  if (!r.loses.empty()) absl::StrAppend(&said, ": ", r.loses);
  return said;
}

void append_section(const std::vector<row>& rows, const std::string& section,
                    std::string& page) {
  absl::StrAppend(&page, "\n## ", section, "\n\n| awaited | cancelling |");
  for (const std::string_view head : kHeads) {
    absl::StrAppend(&page, " ", absl::string_view(head.data(), head.size()),
                    " |");
  }
  absl::StrAppend(&page, "\n|");
  for (size_t i = 0; i < kEvents + 2; ++i) absl::StrAppend(&page, " --- |");
  absl::StrAppend(&page, "\n");
  std::string notes;
  for (const row& r : rows) {
    if (r.section != section) continue;
    absl::StrAppend(&page, "| [", in_code(r.call), "](../include/ratchet/",
                    r.header, ") | ", cancelling_of(r), " |");
    for (const std::string& cell : r.cells) {
      absl::StrAppend(&page, " ", in_cell(cell), " |");
    }
    absl::StrAppend(&page, "\n");
    if (!r.note.empty()) {
      absl::StrAppend(&notes, "- ", in_code(r.call), ": ", r.note, "\n");
    }
  }
  if (!notes.empty()) absl::StrAppend(&page, "\n", notes);
}

}  // namespace

std::string page_of(const std::vector<row>& rows) {
  std::string page(kBegin);
  std::string section;
  for (const row& r : rows) {
    if (r.section == section) continue;
    section = r.section;
    append_section(rows, section, page);
  }
  return page;
}

}  // namespace ratchet::outcomes
