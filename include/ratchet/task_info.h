#ifndef RATCHET_TASK_INFO_H_
#define RATCHET_TASK_INFO_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace ratchet {

// task_info: what a task is doing, at the moment of the question.
struct task_info {
  uint64_t id = 0;   // Counts from 1 in each loop, in creation order.
  std::string name;  // task_name(), by default "class#id".
  std::string_view class_name;  // Of its own machine; static storage.
  // Of that machine, too: the state that runs or will run next. While it awaits
  // a machine, the one that is to have the outcome.
  std::string_view state;
  // The machines that run inside it, each awaited by the one before, with the
  // state in which each goes on: "queue::get in state woken". Empty for most.
  std::vector<std::string> stack;
  // What the last of those, or the task itself, waits for: "queue orders",
  // "future of a promise", "task fetch#2", "when_all of 3, 1 pending", "sleep
  // until 1970-01-01T00:00:01+00:00", "its turn" in the ready queue. Empty
  // while its step runs, and when it is done.
  std::string awaiting;
  // When it began to wait: the time of that iteration, in milliseconds. Right
  // for 49 days.
  absl::Time since;
};

// One line, with the id also behind a name that does not have it:
//
//   square#3 in state finish, awaiting sleep until 1970-01-01T00:00:01+00:00,
//   since 1970-01-01T00:00:00+00:00
//   sink#2 in state got, awaiting queue::get in state woken, awaiting queue
//   orders, since 1970-01-01T00:00:00+00:00
//
// Of a long stack, only both ends.
std::string to_string(const task_info& info);
std::ostream& operator<<(std::ostream& out, const task_info& info);

namespace internal {

// `name`, with "#id" at its end if that is not there and there is an id.
std::string name_with_id(std::string name, uint64_t id);

// The stack and what stands behind it: "queue::get in state woken, awaiting
// queue orders".
std::string awaited_by(const task_info& info);

// As reports have it, in UTC: "1970-01-01T00:00:01+00:00".
std::string time_in_words(absl::Time time);

}  // namespace internal

}  // namespace ratchet

#endif  // RATCHET_TASK_INFO_H_
