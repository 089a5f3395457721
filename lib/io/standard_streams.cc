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

// What a thread reads, and where it passes that on. Both are its own.
struct pump {
  static constexpr size_t kSize = 64 * 1024;

  int from;
  int to;
  char buffer[kSize];
};

// Waits until there is something to read. False once nobody reads what it would
// be passed on to: so that a stream that is destroyed leaves the rest to
// others.
bool wait_for_input(const pump& p) {
  pollfd both[] = {{p.from, POLLIN, 0}, {p.to, 0, 0}};
  for (;;) {
    if (poll(both, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if ((both[1].revents & (POLLERR | POLLHUP)) != 0) return false;
    if (both[0].revents != 0) return true;
  }
}

bool pass_on(const pump& p, size_t size) {
  for (size_t sent = 0; sent < size;) {
    const ssize_t n = ::write(p.to, p.buffer + sent, size - sent);
    if (n > 0) {
      sent += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      return false;  // Without SIGPIPE: the thread has it blocked.
    }
  }
  return true;
}

void* run_pump(void* argument) {
  const std::unique_ptr<pump> p(static_cast<pump*>(argument));
  while (wait_for_input(*p)) {
    const ssize_t got = ::read(p->from, p->buffer, pump::kSize);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0 || !pass_on(*p, static_cast<size_t>(got))) break;
  }
  ::close(p->from);
  ::close(p->to);
  return nullptr;
}

// -- Output ------------------------------------------------------------------

// What a thread writes, and where it gets that from. The descriptors are its
// own.
struct drain {
  static constexpr size_t kSize = 64 * 1024;

  int from;
  int to;
  bool writing = false;  // Has taken something, and not written it yet.
  char buffer[kSize];
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

  static bool has_written_everything(const drain& d) {
    int waiting = 0;
    return !d.writing &&
           (ioctl(d.from, FIONREAD, &waiting) != 0 || waiting == 0);
  }

  // From exit().
  static void wait_for_all() {
    drains& here = instance();
    std::unique_lock<std::mutex> lock(here.mutex);
    if (here.process != getpid()) return;  // A child, without the threads.
    here.changed.wait(lock, [&here] {
      return std::all_of(here.all.begin(), here.all.end(), [](const drain* d) {
        return has_written_everything(*d);
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
    d.writing = writing;
    changed.notify_all();
  }
};

// As write(), of everything, also where others have made it non-blocking.
bool write_all(int to, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(to, data, size);
    if (n > 0) {
      data += n;
      size -= static_cast<size_t>(n);
    } else if (n < 0 && errno == EAGAIN) {
      pollfd room = {to, POLLOUT, 0};
      poll(&room, 1, -1);
    } else if (n == 0 || errno != EINTR) {
      return false;  // Without SIGPIPE: the thread has it blocked.
    }
  }
  return true;
}

void* run_drain(void* argument) {
  const std::unique_ptr<drain> d(static_cast<drain*>(argument));
  drains& all = drains::instance();
  bool goes_on = true;
  while (goes_on) {
    pollfd input = {d->from, POLLIN, 0};
    if (poll(&input, 1, -1) < 0) continue;
    // Before it is taken out of the pipe: it is always in one of the two.
    all.set_writing(*d, true);
    const ssize_t got = ::read(d->from, d->buffer, drain::kSize);
    goes_on = got > 0 ? write_all(d->to, d->buffer, static_cast<size_t>(got))
                      : got < 0 && errno == EINTR;
    all.set_writing(*d, false);
  }
  all.remove(d.get());
  ::close(d->from);
  ::close(d->to);
  return nullptr;
}

// -- Threads -----------------------------------------------------------------

// A pipe to or from a thread, which has its other end and a copy of
// `descriptor`.
absl::StatusOr<int> start_pump(int descriptor) {
  auto p = std::make_unique<pump>();
  p->from = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (p->from < 0) return system_error(errno, "standard_input(): dup");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    const int error = errno;
    ::close(p->from);
    return system_error(error, "standard_input(): pipe2");
  }
  p->to = ends[1];
  if (start_detached_thread(&run_pump, p.get())) {
    static_cast<void>(p.release());  // The thread's now.
    return ends[0];
  }
  ::close(p->from);
  ::close(ends[0]);
  ::close(ends[1]);
  return absl::ResourceExhaustedError(
      "standard_input(): there can be no thread that reads it");
}

absl::StatusOr<int> start_drain(int descriptor, const char* function) {
  auto d = std::make_unique<drain>();
  d->to = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (d->to < 0) return system_error(errno, absl::StrCat(function, ": dup"));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    const int error = errno;
    ::close(d->to);
    return system_error(error, absl::StrCat(function, ": pipe2"));
  }
  d->from = ends[0];
  drains::instance().add(d.get());
  if (start_detached_thread(&run_drain, d.get())) {
    static_cast<void>(d.release());  // The thread's now.
    return ends[1];
  }
  drains::instance().remove(d.get());
  ::close(d->to);
  ::close(ends[0]);
  ::close(ends[1]);
  return absl::ResourceExhaustedError(
      absl::StrCat(function, ": there can be no thread that writes it"));
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
    const absl::StatusOr<int> to = start_drain(descriptor, function);
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
  const absl::StatusOr<int> pumped = start_pump(descriptor);
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
