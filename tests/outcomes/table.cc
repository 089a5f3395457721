#include "tests/outcomes/table.h"

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace ratchet::outcomes {
namespace {

constexpr std::string_view kNames[kEvents] = {
    "source_gives_value", "source_fails",    "source_is_cancelled",
    "task_is_cancelled",  "time_out_passes", "source_is_destroyed",
    "handle_is_dropped",  "loop_is_closed",
};

std::string text(absl::string_view s) { return std::string(s); }

absl::Status error_at(int line, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("outcomes.txt, line ", line, ": ", what));
}

// The key and the value of "key: value".
using field = std::pair<std::string, std::string>;

class parser {
 public:
  absl::StatusOr<std::vector<row>> parse(std::string_view all) {
    for (const absl::string_view raw :
         absl::StrSplit(absl::string_view(all.data(), all.size()), '\n')) {
      ++line_;
      const absl::string_view line = absl::StripAsciiWhitespace(raw);
      if (line.empty() || line[0] == '#') continue;
      absl::Status status = take(line);
      if (!status.ok()) return status;
    }
    absl::Status status = end_row();
    if (!status.ok()) return status;
    return std::move(rows_);
  }

 private:
  absl::Status take(absl::string_view line) {
    if (absl::ConsumePrefix(&line, "section ")) {
      absl::Status status = end_row();
      section_ = text(line);
      return status;
    }
    if (absl::ConsumePrefix(&line, "row ")) {
      absl::Status status = end_row();
      if (!status.ok()) return status;
      name_ = text(line);
      started_at_ = line_;
      if (!names_.insert(name_).second) {
        return error_at(line_, absl::StrCat("a second row ", name_));
      }
      return absl::OkStatus();
    }
    const field f = absl::StrSplit(line, absl::MaxSplits(": ", 1));
    if (name_.empty() || f.second.empty()) {
      return error_at(line_, absl::StrCat("\"", line,
                                          "\" is no \"key: value\" "
                                          "of a row"));
    }
    if (!fields_.insert(f).second) {
      return error_at(line_, absl::StrCat("a second ", f.first));
    }
    return absl::OkStatus();
  }

  std::string taken(const std::string& key) {
    const auto at = fields_.find(key);
    if (at == fields_.end()) return "";
    std::string value = std::move(at->second);
    fields_.erase(at);
    return value;
  }

  absl::Status end_row() {
    if (name_.empty()) return absl::OkStatus();
    row r;
    r.name = std::exchange(name_, "");
    r.section = section_;
    r.call = taken("call");
    r.header = taken("header");
    r.declared = taken("declared");
    r.cancelling = taken("cancelling");
    r.loses = taken("loses");
    r.note = taken("note");
    const auto in_row = [&](const std::string& what) {
      return error_at(started_at_, absl::StrCat("row ", r.name, " ", what));
    };
    for (size_t i = 0; i < kEvents; ++i) {
      const std::string key(kNames[i]);
      r.cells[i] = taken(key);
      if (r.cells[i].empty()) return in_row("has no " + key);
    }
    if (!fields_.empty()) {
      return in_row("has a field that means nothing: " +
                    fields_.begin()->first);
    }
    if (r.section.empty()) return in_row("is in no section");
    if (r.call.empty() || r.header.empty() || r.declared.empty()) {
      return in_row("lacks its call, its header, or how it is declared there");
    }
    if (r.cancelling != kCancelSafe && r.cancelling != kLosesItsPlace &&
        r.cancelling != kLosesData) {
      return in_row("says of cancelling \"" + r.cancelling +
                    "\", which is none of the three words");
    }
    if ((r.cancelling == kLosesData) == r.loses.empty()) {
      return in_row(
          "has to say what it loses, if it loses data, and only then");
    }
    rows_.push_back(std::move(r));
    return absl::OkStatus();
  }

  std::vector<row> rows_;
  std::set<std::string> names_;
  std::map<std::string, std::string> fields_;
  std::string section_;
  std::string name_;
  int started_at_ = 0;
  int line_ = 0;
};

}  // namespace

std::string_view name_of(event what) {
  return kNames[static_cast<size_t>(what)];
}

absl::StatusOr<std::vector<row>> parse(std::string_view text) {
  return parser().parse(text);
}

absl::StatusOr<std::string> read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in.is_open()) {
    return absl::NotFoundError(absl::StrCat(
        "cannot read ", path, ": run this from the root of the workspace"));
  }
  std::ostringstream contents;
  contents << in.rdbuf();
  return contents.str();
}

absl::StatusOr<std::vector<row>> read_table() {
  absl::StatusOr<std::string> text = read_text("tests/outcomes/outcomes.txt");
  if (!text.ok()) return text.status();
  return parse(*text);
}

}  // namespace ratchet::outcomes
