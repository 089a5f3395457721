#include "ratchet/io/standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <memory>

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

}  // namespace

absl::StatusOr<stream> stream_of_shared(int descriptor,
                                        const stream_options& options) {
  struct stat what;
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fstat(descriptor, &what) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "standard_input(): descriptor ", descriptor, " is not open"));
  }
  if ((flags & O_ACCMODE) == O_WRONLY) {
    return absl::FailedPreconditionError(
        absl::StrCat("standard_input(): descriptor ", descriptor,
                     " was opened for writing alone"));
  }
  if (S_ISFIFO(what.st_mode) || S_ISCHR(what.st_mode)) {
    const int own = ::open(absl::StrCat("/proc/self/fd/", descriptor).c_str(),
                           O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (own >= 0) {
      // Closes it on an error, such as that of /dev/null, which cannot be
      // waited for.
      absl::StatusOr<stream> adopted = stream::adopt(own, options);
      if (adopted.status().code() != absl::StatusCode::kFailedPrecondition) {
        return adopted;
      }
    }
  }
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

}  // namespace ratchet
