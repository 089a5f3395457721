#ifndef RATCHET_IO_SIGNALS_H_
#define RATCHET_IO_SIGNALS_H_

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ratchet/future.h"
#include "ratchet/internal/io_operation.h"

namespace ratchet {
namespace internal {

class signal_core;

// How signal_watcher::next() tries: see from_operation.
struct next_signal_attempt {
  using result_type = int;
  static constexpr std::string_view kName = "signal_watcher::next";
  static std::optional<absl::StatusOr<int>> attempt(io_operation& op);
};

}  // namespace internal

// signal_watcher: signals of the process, for one loop (asyncio's
// add_signal_handler).
//
//   step start() {
//     absl::StatusOr<signal_watcher> w =
//         signal_watcher::watch({SIGINT, SIGHUP});
//     ...
//     return await<&me::came>(watcher_.next());
//   }
//   step came(int number) { ... }
//
// From watch() on, until it is destroyed, what these signals did before, ending
// the process for most, they do not do: they wait for next(). Signals that come
// before it is called are not lost; one that comes again before it was taken
// comes once, as with the kernel's own, real-time signals included. Of several
// that have come the lowest number is first.
//
// Watchers of any number of loops and threads can watch the same signal: each
// gets it. When the last one goes, the disposition is again what it was before
// the first one, unless somebody else has set another one since. A handler that
// was there is not called meanwhile. No signal is blocked or unblocked: one
// that every thread blocks does not come. System calls of other code are
// restarted (SA_RESTART).
//
// SIGCHLD tells of children that have ended or stopped, whoever started them;
// waiting for a process (io/process.h) needs no signal. A child that is forked
// has the watchers' handler until it executes a program; what spawn() starts
// has it never.
//
// A task in next() is something to wait for: a loop with nothing else to do
// sleeps until the signal comes. A watcher alone is not.
//
// Errors of watch(): kInvalidArgument for an empty list, for numbers that are
// no signals, for SIGKILL and SIGSTOP, which nobody can catch, and SIGSEGV,
// SIGBUS, SIGFPE and SIGILL, which would not end; kResourceExhausted;
// error_kind::closed on a closed loop. Of next(): kFailedPrecondition
// (error_kind::invalid_state) while another task is in it; kAborted
// (error_kind::destroyed) when the watcher is destroyed.
//
// Move-only; what next() gave stays valid when it is moved.
// Thread-safety: on the loop's thread only.
// Complexity: next() allocates nothing. One eventfd for each watcher at a time,
// which the process keeps for the next one. A signal costs O(watchers) in the
// handler.
class signal_watcher {
 public:
  using coming = internal::io_awaitable<internal::next_signal_attempt>;

  // In the current loop.
  static absl::StatusOr<signal_watcher> watch(const std::vector<int>& signals);

  signal_watcher() = default;  // Empty: nothing else may be called.
  signal_watcher(signal_watcher&& other) noexcept;
  signal_watcher& operator=(signal_watcher&& other) noexcept;
  ~signal_watcher();

  bool valid() const { return core_ != nullptr; }
  explicit operator bool() const { return valid(); }

  // To be awaited: the number of the next signal. Cancelling: *cancel-safe*; a
  // signal that has come is there for the next call.
  coming next();

 private:
  explicit signal_watcher(internal::signal_core* core) : core_(core) {}

  internal::signal_core* core_ = nullptr;  // Owned.
};

// The next one of `signals`, from the call on.
//
//   (void)next_signal({SIGINT, SIGTERM}).then([&](int) { server.shutdown(); });
//
// Errors are those of signal_watcher::watch(). Everything else is as there, as
// long as the future is pending: its loop sleeps until a signal comes, and one
// that comes after it is done does again what it did before.
// Cancelling, or dropping, the future watches no longer; it *loses data*: a
// signal that has come and has not been told.
future<int> next_signal(const std::vector<int>& signals);

}  // namespace ratchet

#endif  // RATCHET_IO_SIGNALS_H_
