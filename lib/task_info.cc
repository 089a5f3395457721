#include "ratchet/task_info.h"

#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace ratchet {

std::string to_string(const task_info& info) {
  std::string text = internal::name_with_id(info.name, info.id);
  if (!info.state.empty()) {
    absl::StrAppend(&text, " in state ");
    text.append(info.state);
  }
  const std::string awaited = internal::awaited_by(info);
  if (!awaited.empty()) absl::StrAppend(&text, ", awaiting ", awaited);
  if (!info.awaiting.empty()) {
    absl::StrAppend(&text, ", since ", internal::time_in_words(info.since));
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const task_info& info) {
  return out << to_string(info);
}

namespace internal {

std::string name_with_id(std::string name, uint64_t id) {
  const std::string end = absl::StrCat("#", id);
  if (id != 0 && !absl::EndsWith(name, end)) name += end;
  return name;
}

std::string awaited_by(const task_info& info) {
  constexpr size_t kAtEachEnd = 4;
  const size_t size = info.stack.size();
  std::string text;
  const auto add = [&text](const std::string& what) {
    absl::StrAppend(&text, text.empty() ? "" : ", awaiting ", what);
  };
  for (size_t i = 0; i < size; ++i) {
    if (i == kAtEachEnd && size > 2 * kAtEachEnd) {
      i = size - kAtEachEnd;
      add(absl::StrCat(i - kAtEachEnd, " more"));
    }
    add(info.stack[i]);
  }
  if (!info.awaiting.empty()) add(info.awaiting);
  return text;
}

std::string time_in_words(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

}  // namespace internal
}  // namespace ratchet
