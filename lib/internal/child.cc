#include "ratchet/internal/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/detached_thread.h"
#include "ratchet/internal/system_error.h"

#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
#define RATCHET_HAVE_CLOSEFROM 1
#endif
#endif

namespace ratchet::internal {
namespace {

std::atomic<bool> may_use_pidfd{true};

// -- Starting ----------------------------------------------------------------

// What posix_spawn is told to do, in order. It runs the program in a child that
// shares the parent's memory and has every signal blocked until the handlers
// are gone, so that none of ours can run there; and it tells if the program
// cannot be run, which a fork tells only with a pipe.
class spawn_plan {
 public:
  spawn_plan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;
  ~spawn_plan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
    for (const int fd : moved_) {
      if (fd >= 0) ::close(fd);
    }
  }

  // What becomes 0, 1 and 2. False, with errno, when descriptors run out.
  bool descriptors(const int (&sources)[3]) {
    int from[3];
    for (int target = 0; target < 3; ++target) {
      from[target] = sources[target];
      // One of the three that is to be another one would be overwritten.
      if (from[target] < 0 || from[target] > 2 || from[target] == target) {
        continue;
      }
      from[target] = moved_[target] = fcntl(from[target], F_DUPFD_CLOEXEC, 3);
      if (from[target] < 0) return false;
    }
    for (int target = 0; target < 3; ++target) set(target, from[target]);
#ifdef RATCHET_HAVE_CLOSEFROM
    posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
#endif
    return true;
  }

  void directory(const std::string& path) {
    posix_spawn_file_actions_addchdir_np(&actions_, path.c_str());
  }

  void attributes(bool new_group) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_,
        static_cast<short>(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                           (new_group ? POSIX_SPAWN_SETPGROUP : 0)));
  }

  int run(char* const* argv, char* const* environment, pid_t& child) const {
    return posix_spawnp(&child, argv[0], &actions_, &attributes_, argv,
                        environment);
  }

 private:
  void set(int target, int source) {
    switch (source) {
      case child_start::kNullDevice:
        posix_spawn_file_actions_addopen(&actions_, target, "/dev/null",
                                         target == 0 ? O_RDONLY : O_WRONLY, 0);
        return;
      case child_start::kLikeOutput:
        source = 1;
        break;
      case child_start::kInherited:
        if (fcntl(target, F_GETFD) < 0) return;  // The parent has none.
        source = target;
        break;
      default:
        break;
    }
    // Onto itself, it takes the mark close-on-exec away.
    posix_spawn_file_actions_adddup2(&actions_, source, target);
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  int moved_[3] = {-1, -1, -1};
};

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  // execve takes them so, and changes nothing.
  for (const std::string& s : strings) {
    pointers.push_back(const_cast<char*>(s.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

bool has_nul(const std::vector<std::string>& strings) {
  for (const std::string& s : strings) {
    if (s.find('\0') != std::string::npos) return true;
  }
  return false;
}

absl::Status check(const child_start& start) {
  if (start.argv.empty() || start.argv[0].empty()) {
    return absl::InvalidArgumentError("spawn(): argv names no program");
  }
  if (has_nul(start.argv) || has_nul({start.directory}) ||
      (start.environment != nullptr && has_nul(*start.environment))) {
    return absl::InvalidArgumentError(
        absl::StrCat("spawn(): ", start.argv[0].c_str(),
                     ": a string with a zero byte inside"));
  }
  return absl::OkStatus();
}

// posix_spawn gives one number for whatever went wrong.
absl::Status start_error(int error, const child_start& start) {
  if (!start.directory.empty()) {
    struct stat what;
    int directory_error = 0;
    if (stat(start.directory.c_str(), &what) != 0) {
      directory_error = errno;
    } else if (!S_ISDIR(what.st_mode)) {
      directory_error = ENOTDIR;
    } else if (access(start.directory.c_str(), X_OK) != 0) {
      directory_error = errno;
    }
    if (directory_error != 0) {
      return system_error(
          directory_error,
          absl::StrCat("spawn(): the directory ", start.directory));
    }
  }
  return system_error(error, absl::StrCat("spawn(): ", start.argv[0]));
}

// -- Ending ------------------------------------------------------------------

void wait_for_end(pid_t child, int options) {
  siginfo_t info;
  while (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | options) !=
             0 &&
         errno == EINTR) {
  }
}

struct watched_child {
  pid_t child;
  int tell;  // Closed when it has ended.
};

void* tell_of_end(void* argument) {
  auto* const watched = static_cast<watched_child*>(argument);
  const watched_child w = *watched;
  delete watched;
  wait_for_end(w.child, WNOWAIT);
  ::close(w.tell);
  return nullptr;
}

void* reap(void* argument) {
  wait_for_end(static_cast<pid_t>(reinterpret_cast<intptr_t>(argument)), 0);
  return nullptr;
}

int pidfd_of([[maybe_unused]] pid_t child) {
#ifdef SYS_pidfd_open
  if (may_use_pidfd.load(std::memory_order_relaxed)) {
    return static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  }
#endif
  errno = ENOSYS;
  return -1;
}

}  // namespace

absl::StatusOr<pid_t> start_child(const child_start& start) {
  absl::Status status = check(start);
  if (!status.ok()) return status;
  spawn_plan plan;
  if (!plan.descriptors(start.descriptors)) {
    return system_error(errno, absl::StrCat("spawn(): ", start.argv[0]));
  }
  if (!start.directory.empty()) plan.directory(start.directory);
  plan.attributes(start.new_group);
  const std::vector<char*> argv = pointers_to(start.argv);
  std::vector<char*> environment;
  if (start.environment != nullptr) {
    environment = pointers_to(*start.environment);
  }
  pid_t child = -1;
  const int error = plan.run(
      argv.data(), start.environment != nullptr ? environment.data() : environ,
      child);
  if (error != 0) return start_error(error, start);
  return child;
}

absl::StatusOr<int> exit_descriptor(pid_t child) {
  const int pidfd = pidfd_of(child);
  if (pidfd >= 0) return pidfd;
  // EPERM is that of a sandbox which does not know the call.
  if (errno != ENOSYS && errno != EPERM) {
    return system_error(errno, "spawn(): pidfd_open");
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return system_error(errno, "spawn(): pipe2");
  }
  auto* const watched = new watched_child{child, ends[1]};
  if (!start_detached_thread(&tell_of_end, watched)) {
    delete watched;
    ::close(ends[0]);
    ::close(ends[1]);
    return absl::ResourceExhaustedError(
        "spawn(): there can be no thread that waits for the process");
  }
  return ends[0];
}

void reap_in_background(pid_t child) {
  if (waitpid(child, nullptr, WNOHANG) != 0) return;
  // If there can be no thread, it is left to the system, when we end.
  start_detached_thread(&reap,
                        reinterpret_cast<void*>(static_cast<intptr_t>(child)));
}

void allow_pidfd(bool allowed) {
  may_use_pidfd.store(allowed, std::memory_order_relaxed);
}

}  // namespace ratchet::internal
