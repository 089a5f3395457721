#ifndef RATCHET_IO_PROCESS_H_
#define RATCHET_IO_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/state.h"
#include "ratchet/internal/transitions.h"
#include "ratchet/io/stream.h"
#include "ratchet/task.h"

namespace ratchet {
namespace internal {

class process_core;

}  // namespace internal

// What a standard descriptor of a child is.
class redirect {
 public:
  static redirect inherit() {
    return redirect(kind::inherit);
  }                                                        // The parent's.
  static redirect null() { return redirect(kind::null); }  // /dev/null.
  // A pipe, whose other end is a stream of the process object.
  static redirect pipe() { return redirect(kind::pipe); }
  // A copy of `descriptor`, which stays the caller's. The two share whether
  // they block, which few programs are prepared for: no stream's.
  static redirect to(int descriptor) {
    return redirect(kind::descriptor, descriptor);
  }
  // Of standard_error alone: the same as standard_output.
  static redirect to_output() { return redirect(kind::output); }

  bool is_pipe() const { return kind_ == kind::pipe; }
  bool is_to_output() const { return kind_ == kind::output; }

 private:
  friend class internal::process_core;
  enum class kind { inherit, null, pipe, descriptor, output };

  explicit redirect(kind k, int descriptor = -1)
      : kind_(k), descriptor_(descriptor) {}

  kind kind_;
  int descriptor_;
};

struct process_options {
  // The program, which is looked for in PATH if there is no slash in it, and
  // its arguments: argv[0] is both.
  std::vector<std::string> argv;
  // "NAME=value"; nullopt: what the parent has. PATH is always the parent's.
  std::optional<std::vector<std::string>> environment;
  // Where it begins; empty: where the parent is. A program with a slash that is
  // relative is looked for from there.
  std::string directory;
  redirect standard_input = redirect::inherit();
  redirect standard_output = redirect::inherit();
  redirect standard_error = redirect::inherit();
  // It leads a process group of its own: what the terminal sends to ours, as
  // Ctrl-C does, does not reach it, and kill_group() reaches its children.
  bool new_process_group = false;
  // Whether dropping the process object ends it with SIGKILL, and its group, if
  // it has its own.
  bool kill_when_dropped = false;
};

// exit_status: how a process has ended, and what it took.
class exit_status {
 public:
  // Of wait4(2).
  exit_status(int status, absl::Duration user_time, absl::Duration system_time,
              int64_t max_resident_bytes)
      : user_time_(user_time),
        system_time_(system_time),
        max_resident_bytes_(max_resident_bytes),
        status_(status) {}

  // It exited, with code().
  bool exited() const;
  // 0 to 255; -1 if a signal ended it.
  int code() const;
  bool success() const { return code() == 0; }

  // A signal ended it: signal().
  bool signalled() const { return !exited(); }
  // 0 if it exited.
  int signal() const;
  bool core_dumped() const;

  absl::Duration user_time() const { return user_time_; }
  absl::Duration system_time() const { return system_time_; }
  int64_t max_resident_bytes() const { return max_resident_bytes_; }

 private:
  absl::Duration user_time_;
  absl::Duration system_time_;
  int64_t max_resident_bytes_;
  int status_;
};

// "exited with 3", "ended by SIGSEGV, core dumped"
std::string to_string(const exit_status& status);
std::ostream& operator<<(std::ostream& out, const exit_status& status);

// process: a child process of this one, in the current loop (asyncio's
// create_subprocess_exec).
//
//   process_options options;
//   options.argv = {"sort", "-u"};
//   options.standard_input = options.standard_output = redirect::pipe();
//   absl::StatusOr<process> sort = spawn(options);
//   ...
//   sort->input().write("b\na\nb\n").status().IgnoreError();
//   sort->input().shutdown_write().status().IgnoreError();
//   return await<&me::sorted>(sort->output().read_all(1 << 20));
//
// A child begins with every signal as the system sets it, none blocked, and
// with descriptors 0, 1 and 2 alone: ours are all closed in it. (With glibc
// before 2.34, those that are marked close-on-exec.) Its end is told by the
// kernel for this process alone: no SIGCHLD is used, and other children of the
// program are left to it. If the program ignores SIGCHLD, or waits for all
// children, the status is lost: wait() fails with kNotFound then.
//
// Pipes: each end that is a pipe is a stream, with the errors of one. Who
// writes and reads has to do both at the same time, or the child and the parent
// can wait for each other, each with a full pipe; run_process() does. An end
// comes when all have closed the other one, the children of the child, too.
//
// Dropping a process that has not ended leaves it alone, unless it was started
// with kill_when_dropped; its pipes are closed. It leaves no zombie: the loop
// reaps it when it ends, or, once the loop is closed, a thread that does
// nothing else. Tasks that wait for its end get it all the same.
//
// Deadlines: with_timeout(p.wait(), limit) stops waiting. Then kill() it, and
// wait again. Time in a virtual clock does not pass for children.
//
// Move-only; what wait() gave stays valid when it is moved.
// Thread-safety: on the loop's thread only.
class process {
 public:
  class waiting;
  class wait_task;

  process() = default;  // Empty: nothing else may be called but valid().
  process(process&& other) noexcept;
  process& operator=(process&& other) noexcept;
  ~process();

  bool valid() const { return core_ != nullptr; }
  explicit operator bool() const { return valid(); }

  pid_t pid() const;

  // The other ends of its pipes; empty streams where there is none. They can be
  // moved from.
  stream& input() { return input_; }
  stream& output() { return output_; }
  stream& errors() { return errors_; }

  // To be awaited: its exit_status, once it has ended; at once if it has. Any
  // number of tasks can wait, again and again; waiting allocates nothing. A
  // loop with nothing else to do sleeps until then. Cancelling: *cancel-safe*;
  // the process goes on, and can be waited for again.
  waiting wait();
  // False once its end has been told.
  bool running() const;

  // Sends it a signal. kNotFound once its end has been told; kInvalidArgument
  // for what is no signal; kPermissionDenied for a child that is another user's
  // by now.
  absl::Status kill(int signal);
  // Asks it to end: SIGTERM.
  absl::Status terminate();
  // The same for its group, as long as it has not ended itself.
  // kFailedPrecondition if it was not started with new_process_group.
  absl::Status kill_group(int signal);

 private:
  friend absl::StatusOr<process> spawn(const process_options& options);

  explicit process(internal::process_core* core) : core_(core) {}
  internal::process_core& core() const;

  internal::process_core* core_ = nullptr;  // Owned.
  stream input_;
  stream output_;
  stream errors_;
};

// Starts a program. It returns when the program runs: within a millisecond or
// so, in which the loop stands still.
//
// Errors: kNotFound, with its name, for a program that is not there, or whose
// interpreter is not; kPermissionDenied for one that may not be executed;
// kNotFound or kFailedPrecondition for a directory that is not there or none;
// kInvalidArgument for no program, and for strings with a zero byte;
// kResourceExhausted, kUnavailable when descriptors or processes run out;
// error_kind::closed on a closed loop.
absl::StatusOr<process> spawn(const process_options& options);

// What process::wait() gives. Awaited, it is no machine.
class [[nodiscard]] process::waiting : public internal::direct_awaitable {
 public:
  using machine = wait_task;
  using result_type = exit_status;
  using source = internal::from_shared_future<exit_status>;

  explicit waiting(
      internal::state_ref<internal::value_state<exit_status>> state)
      : state_(std::move(state)) {}

  internal::future_state* take_source() {
    RATCHET_CHECK(
        static_cast<bool>(state_),
        "what wait() of a process gave was awaited twice: call wait() "
        "again");
    return state_.release();
  }

 private:
  internal::state_ref<internal::value_state<exit_status>> state_;
};

// The same as a task of its own.
class process::wait_task final : public task<exit_status> {
 public:
  explicit wait_task(waiting w) : waiting_(std::move(w)) {}
  step start() { return await<&wait_task::ended>(std::move(waiting_)); }
  std::string task_name() const override { return "process::wait"; }

 private:
  step ended(absl::StatusOr<exit_status> outcome) {
    return done(std::move(outcome));
  }

  waiting waiting_;
};

// -- A process from its beginning to its end ---------------------------------

// How much a process may print, in bytes.
struct process_limits {
  size_t output = 16 * 1024 * 1024;
  size_t errors = 16 * 1024 * 1024;
};

struct process_result {
  exit_status status;
  std::string output;
  std::string errors;  // Empty with redirect::to_output().
};

namespace internal {

// The machine of run_process().
class run_process_task final : public task<process_result> {
 public:
  run_process_task(process_options options, std::string input,
                   process_limits limits);
  step start();
  std::string task_name() const override { return "run_process"; }

 private:
  step read_both(absl::StatusOr<std::tuple<std::string, std::string>> printed);
  step read_output(absl::StatusOr<std::string> printed);
  step ended(absl::StatusOr<exit_status> status);
  step stop(absl::Status why);
  step stopped(absl::StatusOr<exit_status> status);

  process_options options_;
  std::string input_;
  process_limits limits_;
  process process_;
  std::string output_;
  std::string errors_;
  absl::Status error_;
};

}  // namespace internal

// Runs a program to its end (asyncio's create_subprocess_exec and
// communicate()): a machine that writes `input` to it, reads what it prints,
// both at the same time, and waits for it.
//
//   process_options options;
//   options.argv = {"git", "log", "-1"};
//   return await<&me::logged>(
//       with_timeout(run_process(options), absl::Seconds(5)));
//
// The three descriptors are pipes, whatever `options` says, but for a
// standard_error that is redirect::to_output(). It ends when the process
// has, and its output; children of the process that have the output prolong it.
// A process that does not read its input is no error.
//
// Errors: those of spawn(); kResourceExhausted when it prints more than
// `limits` allows: it is killed then. An exit code other than 0 is none.
//
// Cancelling *loses data*: it kills the process (SIGKILL; with
// new_process_group its group), waits until it is gone, and ends cancelled;
// what was printed is lost. So does dropping the machine, but for the wait.
[[nodiscard]] internal::run_process_task run_process(
    process_options options, std::string input = {},
    process_limits limits = {});

}  // namespace ratchet

#endif  // RATCHET_IO_PROCESS_H_
