#ifndef RATCHET_ERROR_REPORT_H_
#define RATCHET_ERROR_REPORT_H_

#include <ostream>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

namespace ratchet {

// error_report: an error that has no future to go to. The loop hands it to its
// error handler; the default one prints it on standard error.
struct error_report {
  enum class cause {
    callback,        // A callback failed or threw (rule S11).
    unretrieved,     // A future's error that nobody looked at (rule S38).
    shutdown,        // A task failed while it was being shut down (rule S26).
    task_destroyed,  // The loop is gone, the task was still pending.
    paused,          // A listener lacks what it needs, and goes on later.
    error_handler,   // The error handler itself threw (rule S12).
  };

  enum cause cause;
  // The error. For task_destroyed: what the task was waiting for.
  absl::Status status;
  // Who: the name of the task, or what the future is, for example
  // "task fetch#12" or "future from then()".
  std::string who;
  // The name of the state the task was in; empty when it is no task.
  std::string state;
};

std::string_view to_string(enum error_report::cause cause);

// One line, as the default handler prints it.
std::string to_string(const error_report& report);
std::ostream& operator<<(std::ostream& out, const error_report& report);

// May be called at any time on the loop's thread, also from destructors; it
// must not run the loop.
using error_handler = absl::AnyInvocable<void(const error_report&)>;

}  // namespace ratchet

#endif  // RATCHET_ERROR_REPORT_H_
