#include "ratchet/io/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "ratchet/internal/child.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/io_watch.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/poller.h"
#include "ratchet/internal/signal_source.h"
#include "ratchet/internal/slab.h"
#include "ratchet/internal/system_error.h"
#include "ratchet/status.h"

namespace ratchet {
namespace internal {
namespace {

// What those who wait for a process wait for.
class exit_state final : public value_state<exit_status> {
 public:
  exit_state(loop_core& core, pid_t child)
      : value_state<exit_status>(core), child_(child) {}

  bool cancelled_by_leaving() const override { return true; }
  cancel_answer answer_cancel(const absl::Status& /*why*/) override {
    return {cancel_answer::kind::refused};
  }
  std::string describe_state() const override {
    return absl::StrCat("process ", child_);
  }

 private:
  ~exit_state() override = default;

  const pid_t child_;
};

class scoped_descriptor {
 public:
  scoped_descriptor() = default;
  scoped_descriptor(const scoped_descriptor&) = delete;
  scoped_descriptor& operator=(const scoped_descriptor&) = delete;
  ~scoped_descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  void set(int fd) { fd_ = fd; }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace

// process_core: a child until it has been reaped, and somebody's handle on it.
//
//              the kernel tells: reap()
//   running ------------------------------> ended
//      |                                      |
//      | drop()                               | drop()
//      v                                      v
//   dropped, watched ---- reap() ---------> gone
//      |  the loop closes: reap_in_background()
//      +--------------------------------------^
class process_core final : public io_watch,
                           public slab_allocated<block_kind::plain> {
 public:
  process_core(loop_core& core, pid_t child, bool leads_group,
               bool kill_when_dropped)
      : core_(core),
        child_(child),
        leads_group_(leads_group),
        kill_when_dropped_(kill_when_dropped),
        exit_(new exit_state(core, child)) {
    core_.add_state();
  }

  // Makes the child's end of `r`, for `target` of the child, and the stream.
  static absl::Status prepare(const redirect& r, int target,
                              scoped_descriptor& theirs, stream& ours,
                              int& descriptor);

  // On an error the child is not watched.
  absl::Status watch();
  // The process object is gone.
  void drop();
  void kill_and_drop();

  pid_t child() const { return child_; }
  bool running() const { return running_; }
  bool leads_group() const { return leads_group_; }
  loop_core& core() const { return core_; }
  state_ref<value_state<exit_status>> share_exit() {
    return share<value_state<exit_status>>(*exit_);
  }
  // REQUIRES: running().
  absl::Status send(pid_t to, int signal) const;

  void io_ready(uint32_t events) override;
  void io_dropped(bool loop_closed) override;
  bool io_awaited() const override {
    return !exit_->done() && exit_->has_waiters();
  }

 private:
  ~process_core() override {
    exit_->unref();
    core_.remove_state();
  }

  void close();
  void status_is_lost();
  void leave_to_background();

  loop_core& core_;
  const pid_t child_;
  const bool leads_group_;
  const bool kill_when_dropped_;
  bool running_ = true;  // It has not been reaped: the number is its own.
  bool dropped_ = false;
  int descriptor_ = -1;     // That of exit_descriptor().
  exit_state* const exit_;  // Owned.
};

absl::Status process_core::prepare(const redirect& r, int target,
                                   scoped_descriptor& theirs, stream& ours,
                                   int& descriptor) {
  switch (r.kind_) {
    case redirect::kind::inherit:
      descriptor = child_start::kInherited;
      return absl::OkStatus();
    case redirect::kind::null:
      descriptor = child_start::kNullDevice;
      return absl::OkStatus();
    case redirect::kind::descriptor:
      if (fcntl(r.descriptor_, F_GETFD) < 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("spawn(): ", r.descriptor_, " is no open descriptor"));
      }
      descriptor = r.descriptor_;
      return absl::OkStatus();
    case redirect::kind::output:
      if (target != STDERR_FILENO) {
        return absl::InvalidArgumentError(
            "spawn(): redirect::to_output() is for standard_error alone");
      }
      descriptor = child_start::kLikeOutput;
      return absl::OkStatus();
    case redirect::kind::pipe:
      break;
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return system_error(errno, "spawn(): pipe2");
  }
  const bool child_reads = target == STDIN_FILENO;
  theirs.set(ends[child_reads ? 0 : 1]);
  descriptor = theirs.get();
  absl::StatusOr<stream> adopted = stream::adopt(ends[child_reads ? 1 : 0]);
  if (!adopted.ok()) return adopted.status();
  ours = *std::move(adopted);
  return absl::OkStatus();
}

absl::Status process_core::watch() {
  const absl::StatusOr<int> opened = exit_descriptor(child_);
  if (absl::IsNotFound(opened.status())) {
    status_is_lost();  // It has ended, and is not our child any more.
    return absl::OkStatus();
  }
  if (!opened.ok()) return opened.status();
  descriptor_ = *opened;
  return core_.watch(descriptor_, kIoReadable, *this);
}

void process_core::status_is_lost() {
  running_ = false;
  exit_->settle_error(absl::NotFoundError(absl::StrCat(
      "process ", child_,
      " has ended, but its status was taken by others: the program ignores "
      "SIGCHLD, or waits for every child")));
  exit_->mark_retrieved();
}

void process_core::close() {
  core_.unwatch(*this, poller::removal::stays_open);
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void process_core::drop() {
  if (running_ && kill_when_dropped_) {
    send(leads_group_ ? -child_ : child_, SIGKILL).IgnoreError();
  }
  dropped_ = true;
  if (running_ && watched() >= 0) return;  // Until it ends.
  if (running_) leave_to_background();
  delete this;
}

void process_core::kill_and_drop() {
  send(child_, SIGKILL).IgnoreError();
  leave_to_background();
  delete this;
}

void process_core::leave_to_background() {
  close();
  running_ = false;
  reap_in_background(child_);
}

absl::Status process_core::send(pid_t to, int signal) const {
  if (::kill(to, signal) == 0) return absl::OkStatus();
  return system_error(
      errno, absl::StrCat("process ", child_, ": ", signal_name(signal)));
}

// The descriptor stays readable, and may be so for another reason at first.
void process_core::io_ready(uint32_t /*events*/) {
  int status = 0;
  struct rusage usage = {};
  const pid_t reaped = wait4(child_, &status, WNOHANG, &usage);
  if (reaped == 0) return;
  running_ = false;
  close();
  if (reaped == child_) {
    exit_->settle_value(status, absl::DurationFromTimeval(usage.ru_utime),
                        absl::DurationFromTimeval(usage.ru_stime),
                        int64_t{usage.ru_maxrss} * 1024);
  } else {
    status_is_lost();
  }
  if (dropped_) delete this;
}

void process_core::io_dropped(bool loop_closed) {
  if (loop_closed) {
    exit_->abandon();
  } else {
    descriptor_ = -1;
    exit_->settle_error(make_error(
        error_kind::destroyed,
        absl::StrCat("the descriptor of process ", child_, " was closed")));
    exit_->mark_retrieved();
  }
  if (!dropped_) return;
  leave_to_background();
  delete this;
}

}  // namespace internal

// -- exit_status -------------------------------------------------------------

bool exit_status::exited() const { return WIFEXITED(status_); }
int exit_status::code() const { return exited() ? WEXITSTATUS(status_) : -1; }
int exit_status::signal() const { return exited() ? 0 : WTERMSIG(status_); }
bool exit_status::core_dumped() const {
  return !exited() && WCOREDUMP(status_);
}

std::string to_string(const exit_status& status) {
  if (status.exited()) return absl::StrCat("exited with ", status.code());
  return absl::StrCat("ended by ", internal::signal_name(status.signal()),
                      status.core_dumped() ? ", core dumped" : "");
}

std::ostream& operator<<(std::ostream& out, const exit_status& status) {
  return out << to_string(status);
}

// -- process -----------------------------------------------------------------

process::process(process&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)) {}

process& process::operator=(process&& other) noexcept {
  const process old(std::move(*this));
  core_ = std::exchange(other.core_, nullptr);
  input_ = std::move(other.input_);
  output_ = std::move(other.output_);
  errors_ = std::move(other.errors_);
  return *this;
}

process::~process() {
  if (core_ != nullptr) core_->drop();
}

internal::process_core& process::core() const {
  RATCHET_CHECK(core_ != nullptr,
                "a function of an empty process was called: it was "
                "default-constructed or moved from");
  return *core_;
}

pid_t process::pid() const { return core().child(); }
bool process::running() const { return core().running(); }

process::waiting process::wait() {
  core().core().check_thread("process::wait()");
  return waiting(core().share_exit());
}

namespace {

absl::Status has_ended(pid_t child) {
  return absl::NotFoundError(absl::StrCat("process ", child, " has ended"));
}

}  // namespace

absl::Status process::kill(int signal) {
  if (!running()) return has_ended(pid());
  return core().send(pid(), signal);
}

absl::Status process::terminate() { return kill(SIGTERM); }

absl::Status process::kill_group(int signal) {
  if (!core().leads_group()) {
    return absl::FailedPreconditionError(
        absl::StrCat("kill_group(): process ", pid(),
                     " was not started with new_process_group"));
  }
  if (!running()) return has_ended(pid());
  return core().send(-pid(), signal);
}

absl::StatusOr<process> spawn(const process_options& options) {
  internal::loop_core& core = internal::loop_core::current("spawn()");
  core.check_thread("spawn()");
  if (core.closed()) return internal::loop_core::closed_error();
  const redirect* const redirects[] = {&options.standard_input,
                                       &options.standard_output,
                                       &options.standard_error};
  process made;
  stream* const streams[] = {&made.input_, &made.output_, &made.errors_};
  internal::scoped_descriptor theirs[3];
  internal::child_start start = {
      options.argv,
      options.environment.has_value() ? &*options.environment : nullptr,
      options.directory,
      {},
      options.new_process_group};
  for (int i = 0; i < 3; ++i) {
    absl::Status status = internal::process_core::prepare(
        *redirects[i], i, theirs[i], *streams[i], start.descriptors[i]);
    if (!status.ok()) return status;
  }
  const absl::StatusOr<pid_t> child = internal::start_child(start);
  if (!child.ok()) return child.status();
  constexpr const char* kNames[] = {"standard input of ", "standard output of ",
                                    "standard error of "};
  for (int i = 0; i < 3; ++i) {
    if (!streams[i]->valid()) continue;
    streams[i]->set_name(absl::StrCat(kNames[i], options.argv.front()));
  }
  made.core_ = new internal::process_core(
      core, *child, options.new_process_group, options.kill_when_dropped);
  absl::Status status = made.core_->watch();
  if (!status.ok()) {
    // One whose end nobody could learn of.
    std::exchange(made.core_, nullptr)->kill_and_drop();
    return status;
  }
  return made;
}

}  // namespace ratchet
