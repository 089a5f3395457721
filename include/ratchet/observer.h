#ifndef RATCHET_OBSERVER_H_
#define RATCHET_OBSERVER_H_

#include "absl/status/status.h"
#include "ratchet/task_info.h"

namespace ratchet {

// observer: is told by a loop what happens in it, at the moment at which it
// happens. For tracing and tests; what a program does should not depend on it.
//
//   class printer : public ratchet::observer {
//     void task_ended(const ratchet::task_info& task,
//                     const absl::Status& outcome) override {
//       std::cout << task.name << ": " << outcome << '\n';
//     }
//   };
//   printer p;
//   loop.set_observer(&p);
//
// The calls come from inside the loop: they must return soon, must not run the
// loop, and see everything as it is after what they tell.
class observer {
 public:
  // A task that was started has ended, within the step that ended it: before
  // any other callback runs, and also when it was cancelled before its first
  // step (S65). `outcome` is OK for a value, and is_cancelled() for a task that
  // ended cancelled; seeing an error here does not count as looking at it
  // (S38).
  virtual void task_ended(const task_info& task,
                          const absl::Status& outcome) = 0;

 protected:
  observer() = default;
  observer(const observer&) = default;
  observer& operator=(const observer&) = default;
  ~observer() = default;
};

}  // namespace ratchet

#endif  // RATCHET_OBSERVER_H_
