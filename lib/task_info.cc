#include "ratchet/task_info.h"

#include "absl/strings/str_cat.h"

namespace ratchet {

std::string to_string(const task_info& info) {
  std::string text = info.name;
  if (!info.state.empty()) {
    absl::StrAppend(&text, " in state ");
    text.append(info.state);
  }
  if (!info.awaiting.empty()) {
    absl::StrAppend(&text, ", awaiting ", info.awaiting);
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const task_info& info) {
  return out << to_string(info);
}

}  // namespace ratchet
