#ifndef RATCHET_STATUS_H_
#define RATCHET_STATUS_H_

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace ratchet {

// Errors of this library are `absl::Status` values. The code says what class of
// error it is; `kind_of` says exactly which one, so that a program never has to
// parse a message, and so that the library's own errors are never mistaken for
// a user's error of the same code.
//
//   kind              code                  is asyncio's
//   ----------------  --------------------  ---------------------------------
//   cancelled         kCancelled            CancelledError
//   timeout           kDeadlineExceeded     TimeoutError
//   invalid_state     kFailedPrecondition   InvalidStateError
//   closed            kFailedPrecondition   "Event loop is closed"
//   running           kFailedPrecondition   "loop is already running"
//   stopped           kFailedPrecondition   "stopped before Future completed"
//   deadlock          kFailedPrecondition   (asyncio hangs)
//   self_await        kFailedPrecondition   "Task cannot await on itself"
//   not_accepting     kFailedPrecondition   a group that takes no more tasks
//   broken_promise    kAborted              (no counterpart)
//   destroyed         kAborted              (no counterpart): what was waited
//                                           for has been destroyed
//   not_acquired      kFailedPrecondition   "Lock is not acquired"
//   over_release      kFailedPrecondition   "released too many times"
//   over_done         kFailedPrecondition   "task_done() called too many times"
//   queue_empty       kUnavailable          QueueEmpty
//   queue_full        kResourceExhausted    QueueFull
//   queue_shut_down   kFailedPrecondition   QueueShutDown
//   broken_barrier    kAborted              BrokenBarrierError
//   group             that of first error   ExceptionGroup
//   thrown            kUnknown              a C++ exception that escaped
//
// Thread-safety: all functions here may be called from any thread.
enum class error_kind {
  none,  // OK, or an error that is not the library's own.
  cancelled,
  timeout,
  invalid_state,
  closed,
  running,
  stopped,
  deadlock,
  self_await,
  not_accepting,
  broken_promise,
  destroyed,
  not_acquired,
  over_release,
  over_done,
  queue_empty,
  queue_full,
  queue_shut_down,
  broken_barrier,
  group,
  thrown,
};

// The kind of `status`. O(1) for OK and for the errors of others.
error_kind kind_of(const absl::Status& status);

// The name of a kind, as in the table above.
std::string_view to_string(error_kind kind);
std::ostream& operator<<(std::ostream& out, error_kind kind);

// The status of a cancelled future: what `absl::Status`-taking states and
// callbacks see when the thing they waited for, or they themselves, were
// cancelled. A task that fails with it ends cancelled (rule S51). An ordinary
// `absl::CancelledError(...)` is an error like any other: it does not make
// `future::cancelled()` true.
//
// `reason` is for people: why somebody asked. The message is "cancelled", or
// "cancelled: " and the reason. Without one nothing is allocated.
absl::Status cancelled_error(std::string_view reason = {});

// True for `cancelled_error()` and what was copied from it.
bool is_cancelled(const absl::Status& status);

// The reason of a `cancelled_error(reason)`; empty if there is none, and for
// every other status.
std::string cancel_reason(const absl::Status& status);

// True for the library's own time-outs (with_timeout, timeout_scope, ...).
bool is_timeout(const absl::Status& status);

// The errors of a task_group: those behind an error of kind `group`, nested
// groups flattened, in their order; any other error alone; none for OK. Their
// codes and messages survive, payloads do not, but for their kind.
std::vector<absl::Status> errors_of(const absl::Status& status);

namespace internal {

// One error of kind `group`: the code of the first one, all messages.
// REQUIRES: !errors.empty().
absl::Status group_error(const std::vector<absl::Status>& errors);

// An error of the library, with the code that belongs to `kind`.
absl::Status make_error(error_kind kind, std::string_view message);

// As above with another code (only error_kind::group has several).
absl::Status make_error(error_kind kind, absl::StatusCode code,
                        std::string_view message);

// cancelled_error(), made once: copies share one representation, so that a
// cancellation without a reason allocates nothing.
const absl::Status& plain_cancelled();

// make_error(timeout, ...): "timed out after 5ms"; of no length, "timed out at
// once".
absl::Status timeout_error(absl::Duration timeout);

// The same where the length is not known, made once.
absl::Status timeout_error();

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_STATUS_H_
