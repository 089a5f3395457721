#ifndef RATCHET_TASK_INFO_H_
#define RATCHET_TASK_INFO_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace ratchet {

// task_info: what a task is doing, at the moment of the question.
struct task_info {
  uint64_t id = 0;   // Counts from 1 in each loop, in creation order.
  std::string name;  // task::name(), by default "class#id".
  std::string_view class_name;  // Of the machine; static storage.
  std::string_view state;       // The state that runs or will run next.
  std::string awaiting;         // "future", "sleep until ...", "when_all ...".
  // When it began to wait: the time of that iteration, in milliseconds. Right
  // for 49 days.
  absl::Time since;
};

// "square#3 in state finish, awaiting sleep until 1970-01-01T00:00:01+00:00"
std::string to_string(const task_info& info);
std::ostream& operator<<(std::ostream& out, const task_info& info);

}  // namespace ratchet

#endif  // RATCHET_TASK_INFO_H_
