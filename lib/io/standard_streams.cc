#include "ratchet/io/standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ratchet/internal/detached_thread.h"
#include "ratchet/internal/system_error.h"

namespace ratchet {
namespace internal {
namespace {

// What a thread takes from one descriptor and writes to another one. Both are
// its own. `function` is whose thread it is.
class relay {
 public:
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;

 protected:
  static constexpr size_t kSize = 64 * 1024;

  relay(int from, int to, const char* function)
      : from_(from), to_(to), function_(function) {}
  ~relay() {
    ::close(from_);
    ::close(to_);
  }

  // As read(), of what there is.
  ssize_t take() { return ::read(from_, buffer_, kSize); }

  // As write(), of all that was taken, also where others have made it
  // non-blocking. False if it fails, with the reason in errno.
  bool write_all(size_t size) const {
    for (size_t written = 0; written < size;) {
      const ssize_t n = ::write(to_, buffer_ + written, size - written);
      if (n > 0) {
        written += static_cast<size_t>(n);
      } else if (n < 0 && errno == EAGAIN) {
        pollfd room = {to_, POLLOUT, 0};
        poll(&room, 1, -1);
      } else if (n == 0 || errno != EINTR) {
        if (n == 0) errno = EIO;
        return false;  // Without SIGPIPE: the thread has it blocked.
      }
    }
    return true;
  }

  // The reason in errno, on standard error: a pipe has no place for it, and the
  // loop may have ended.
  void report(const char* what) const {
    const absl::Status error =
        system_error(errno, absl::StrCat(function_, ": ", what));
    std::fprintf(stderr, "ratchet: %s\n", error.ToString().c_str());
  }

  const int from_;
  const int to_;

 private:
  const char* const function_;
  char buffer_[kSize];
};

// -- Input -------------------------------------------------------------------

class pump final : public relay {
 public:
  static constexpr bool kReads = true;

  pump(int from, int to, const char* function) : relay(from, to, function) {}

  void run() {
    while (wait_for_input()) {
      const ssize_t got = take();
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got < 0) report("read");
      if (got <= 0 || !write_all(static_cast<size_t>(got))) return;
    }
  }

 private:
  // Waits until there is something to read. False once nobody reads what it
  // would be passed on to: so that a stream that is destroyed leaves the rest
  // to others.
  bool wait_for_input() const {
    pollfd both[] = {{from_, POLLIN, 0}, {to_, 0, 0}};
    for (;;) {
      if (poll(both, 2, -1) < 0) {
        if (errno == EINTR) continue;
        return false;
      }
      if ((both[1].revents & (POLLERR | POLLHUP)) != 0) return false;
      if (both[0].revents != 0) return true;
    }
  }
};

// -- Output ------------------------------------------------------------------

class drain final : public relay {
 public:
  static constexpr bool kReads = false;

  drain(int from, int to, const char* function);
  ~drain();

  void run();

  // Under the mutex of all drains.
  bool has_written_everything() const {
    int waiting = 0;
    return !writing_ && (ioctl(from_, FIONREAD, &waiting) != 0 || waiting == 0);
  }
  void set_writing(bool writing) { writing_ = writing; }

 private:
  bool writing_ = false;  // Has taken something, and not written it yet.
};

// Those of the process, for its end. Never destroyed: threads outlive main().
struct drains {
  std::mutex mutex;
  std::condition_variable changed;
  std::set<const drain*> all;
  pid_t process = 0;

  static drains& instance() {
    static drains& the_one = *new drains;
    return the_one;
  }

  // From exit().
  static void wait_for_all() {
    drains& here = instance();
    std::unique_lock<std::mutex> lock(here.mutex);
    if (here.process != getpid()) return;  // A child, without the threads.
    here.changed.wait(lock, [&here] {
      return std::all_of(here.all.begin(), here.all.end(), [](const drain* d) {
        return d->has_written_everything();
      });
    });
  }

  void add(const drain* d) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (process != getpid()) {
      if (process == 0) std::atexit(&wait_for_all);
      process = getpid();
      all.clear();  // Of the parent.
    }
    all.insert(d);
  }
  void remove(const drain* d) {
    const std::lock_guard<std::mutex> lock(mutex);
    all.erase(d);
    changed.notify_all();
  }
  void set_writing(drain& d, bool writing) {
    const std::lock_guard<std::mutex> lock(mutex);
    d.set_writing(writing);
    changed.notify_all();
  }
};

drain::drain(int from, int to, const char* function)
    : relay(from, to, function) {
  drains::instance().add(this);
}
drain::~drain() { drains::instance().remove(this); }

void drain::run() {
  drains& all = drains::instance();
  bool goes_on = true;
  while (goes_on) {
    pollfd input = {from_, POLLIN, 0};
    if (poll(&input, 1, -1) < 0) continue;
    // Before it is taken out of the pipe: it is always in one of the two.
    all.set_writing(*this, true);
    const ssize_t got = take();
    goes_on = got > 0 ? write_all(static_cast<size_t>(got))
                      : got < 0 && errno == EINTR;
    // Nobody who reads misses anything if there is nobody.
    if (got > 0 && !goes_on && errno != EPIPE && errno != ECONNRESET) {
      report("write, so that the rest is lost");
    }
    all.set_writing(*this, false);
  }
}

// -- Threads -----------------------------------------------------------------

template <class Relay>
void* run_relay(void* argument) {
  const std::unique_ptr<Relay> r(static_cast<Relay*>(argument));
  r->run();
  return nullptr;
}

// A pipe to or from a thread, which has its other end and a copy of
// `descriptor`.
template <class Relay>
absl::StatusOr<int> start(int descriptor, const char* function) {
  const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return system_error(errno, absl::StrCat(function, ": dup"));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    const int error = errno;
    ::close(copy);
    return system_error(error, absl::StrCat(function, ": pipe2"));
  }
  const int ours = ends[Relay::kReads ? 0 : 1];
  auto r = std::make_unique<Relay>(Relay::kReads ? copy : ends[0],
                                   Relay::kReads ? ends[1] : copy, function);
  if (start_detached_thread(&run_relay<Relay>, r.get())) {
    static_cast<void>(r.release());  // The thread's now.
    return ours;
  }
  ::close(ours);
  return absl::ResourceExhaustedError(
      absl::StrCat(function, ": there can be no thread that ",
                   Relay::kReads ? "reads" : "writes", " it"));
}

// -- Either way --------------------------------------------------------------

// What is behind `descriptor`, opened again by `mode`, which is O_RDONLY or
// O_WRONLY. An empty stream where it takes a thread.
absl::StatusOr<stream> opened_again(int descriptor, int mode,
                                    const char* function,
                                    const stream_options& options) {
  struct stat what;
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fstat(descriptor, &what) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(function, ": descriptor ", descriptor, " is not open"));
  }
  const int other_mode = mode == O_RDONLY ? O_WRONLY : O_RDONLY;
  if ((flags & O_ACCMODE) == other_mode) {
    return absl::FailedPreconditionError(
        absl::StrCat(function, ": descriptor ", descriptor, " was opened for ",
                     mode == O_RDONLY ? "writing" : "reading", " alone"));
  }
  if (!S_ISFIFO(what.st_mode) && !S_ISCHR(what.st_mode)) return stream();
  const int own = ::open(absl::StrCat("/proc/self/fd/", descriptor).c_str(),
                         mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (own < 0) return stream();
  // Closes it on an error, such as that of /dev/null, which cannot be waited
  // for.
  absl::StatusOr<stream> adopted = stream::adopt(own, options);
  if (adopted.status().code() == absl::StatusCode::kFailedPrecondition) {
    return stream();
  }
  return adopted;
}

absl::StatusOr<stream> output_of_shared(int descriptor, const char* function,
                                        const char* name,
                                        const stream_options& options) {
  absl::StatusOr<stream> output =
      opened_again(descriptor, O_WRONLY, function, options);
  if (output.ok() && !output->valid()) {
    const absl::StatusOr<int> to = start<drain>(descriptor, function);
    if (!to.ok()) return to.status();
    output = stream::adopt(*to, options);
  }
  if (output.ok()) output->set_name(name);
  return output;
}

}  // namespace

absl::StatusOr<stream> stream_of_shared(int descriptor,
                                        const stream_options& options) {
  absl::StatusOr<stream> input =
      opened_again(descriptor, O_RDONLY, "standard_input()", options);
  if (!input.ok() || input->valid()) return input;
  const absl::StatusOr<int> pumped =
      start<pump>(descriptor, "standard_input()");
  if (!pumped.ok()) return pumped.status();
  return stream::adopt(*pumped, options);
}

}  // namespace internal

absl::StatusOr<stream> standard_input(const stream_options& options) {
  absl::StatusOr<stream> input =
      internal::stream_of_shared(STDIN_FILENO, options);
  if (input.ok()) input->set_name("standard input");
  return input;
}

absl::StatusOr<stream> standard_output(const stream_options& options) {
  return internal::output_of_shared(STDOUT_FILENO, "standard_output()",
                                    "standard output", options);
}

absl::StatusOr<stream> standard_error(const stream_options& options) {
  return internal::output_of_shared(STDERR_FILENO, "standard_error()",
                                    "standard error", options);
}

}  // namespace ratchet
