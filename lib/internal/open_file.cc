#include "ratchet/internal/open_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/system_error.h"

namespace ratchet::internal {
namespace {

constexpr size_t kSmall = 4096;  // What is read where the size is unknown.

// call() until no signal interrupts it.
template <class F>
auto uninterrupted(F&& call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result;
}

absl::Status outcome_of(int result, std::string_view what) {
  return result == -1 ? system_error(errno, what) : absl::OkStatus();
}

// Linux has closed the descriptor also when it says EINTR.
absl::Status close_descriptor(int fd, std::string_view what) {
  if (::close(fd) == -1 && errno != EINTR) return system_error(errno, what);
  return absl::OkStatus();
}

// Not inherited by processes that are started.
int open_descriptor(const std::string& path, int flags, mode_t permissions) {
  return uninterrupted(
      [&] { return ::open(path.c_str(), flags | O_CLOEXEC, permissions); });
}

// A C string ends at a zero: what is behind it would be another file's name.
absl::Status check_path(const std::string& path, std::string_view what) {
  if (path.find('\0') == std::string::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(absl::string_view(what.data(), what.size()),
                   ": the path has a zero in it"));
}

// How much is left of a regular file behind `offset`, and a byte more, at which
// a read sees that this is the end.
size_t room_for(int fd, uint64_t offset) {
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return kSmall;
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size <= offset) return kSmall;
  return std::max<size_t>(static_cast<size_t>(size - offset) + 1, kSmall);
}

// For its name, which nobody else chooses at the same time.
std::string temporary_name() {
  static std::atomic<uint64_t> count{0};
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return absl::StrCat(".ratchet-", absl::Hex(getpid()), "-", absl::Hex(now),
                      "-", absl::Hex(count.fetch_add(1)));
}

// What is written in the place of a file, and goes again if that fails.
class temporary_file {
 public:
  temporary_file(const std::string& folder, mode_t permissions) {
    constexpr int kAttempts = 100;  // Processes of other namespaces, perhaps.
    for (int i = 0; i < kAttempts && fd_ == -1; ++i) {
      std::string path = folder + temporary_name();
      fd_ = open_descriptor(path, O_WRONLY | O_CREAT | O_EXCL, permissions);
      if (fd_ != -1) {
        path_ = std::move(path);
      } else if (errno != EEXIST) {
        return;
      }
    }
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() {
    if (fd_ != -1) ::close(fd_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  int fd() const { return fd_; }
  absl::Status close(std::string_view what) {
    return close_descriptor(std::exchange(fd_, -1), what);
  }
  absl::Status rename(const std::string& target, std::string_view what) {
    const int result = ::rename(path_.c_str(), target.c_str());
    if (result == 0) path_.clear();
    return outcome_of(result, what);
  }

 private:
  std::string path_;  // As long as it has to go.
  int fd_ = -1;       // -1, and errno: it could not be made.
};

// So that the new name outlives a crash.
absl::Status sync_folder(const std::string& folder, std::string_view what) {
  const int fd = open_descriptor(folder, O_RDONLY | O_DIRECTORY, 0);
  if (fd == -1) return system_error(errno, what);
  const int result = uninterrupted([fd] { return fsync(fd); });
  const int error = errno;
  ::close(fd);
  // Some file systems cannot, and say EINVAL.
  if (result == -1 && error != EINVAL) return system_error(error, what);
  return absl::OkStatus();
}

}  // namespace

const file_calls kSystemCalls = {pread, pwrite};

absl::StatusOr<std::string> read_fully(const file_calls& calls, int fd,
                                       uint64_t offset, size_t size,
                                       std::string_view what) {
  std::string data;
  size_t have = 0;
  size_t room = size == 0 ? 0 : room_for(fd, offset);
  while (have < size) {
    if (have == data.size()) {
      data.resize(std::min(size, std::max(room, have + have / 2)));
    }
    const ssize_t n = uninterrupted([&] {
      return calls.read(fd, &data[have], data.size() - have,
                        static_cast<off_t>(offset + have));
    });
    if (n == -1) return system_error(errno, what);
    if (n == 0) break;
    have += static_cast<size_t>(n);
    room = have + kSmall;
  }
  data.resize(have);
  return data;
}

absl::Status write_fully(const file_calls& calls, int fd, uint64_t offset,
                         std::string_view data, std::string_view what) {
  while (!data.empty()) {
    const ssize_t n = uninterrupted([&] {
      return calls.write(fd, data.data(), data.size(),
                         static_cast<off_t>(offset));
    });
    if (n == -1) return system_error(errno, what);
    if (n == 0) return system_error(ENOSPC, what);  // Else for ever.
    data.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> read_whole(const std::string& path, size_t limit) {
  const std::string what = quoted_call("read_file", path);
  const absl::Status status = check_path(path, what);
  if (!status.ok()) return status;
  const int fd = open_descriptor(path, O_RDONLY, 0);
  if (fd == -1) return system_error(errno, what);
  const open_file owner(fd, path);
  const auto too_large = [&](absl::string_view size) {
    return absl::ResourceExhaustedError(
        absl::StrCat(what, ": the file has ", size, "more than the limit of ",
                     limit, " bytes"));
  };
  struct stat info;
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
      static_cast<uint64_t>(info.st_size) > limit) {
    return too_large(absl::StrCat(info.st_size, " bytes, "));
  }
  const size_t one_more = limit + (limit == SIZE_MAX ? 0 : 1);
  auto data = read_fully(kSystemCalls, fd, 0, one_more, what);
  if (data.ok() && data->size() > limit) return too_large("");
  return data;
}

absl::Status write_whole(const std::string& path, std::string_view contents) {
  const std::string what = quoted_call("write_file", path);
  absl::Status status = check_path(path, what);
  if (!status.ok()) return status;

  std::string target = path;
  mode_t permissions = 0666;
  struct stat old;
  const bool exists = stat(path.c_str(), &old) == 0;
  if (!exists && errno != ENOENT) return system_error(errno, what);
  if (exists) {
    if (S_ISDIR(old.st_mode)) return system_error(EISDIR, what);
    if (!S_ISREG(old.st_mode)) {
      return absl::FailedPreconditionError(absl::StrCat(
          what, ": this is no regular file, and would be replaced by one"));
    }
    permissions = old.st_mode & 0777;
    // A file and not a link to it is what is replaced.
    char resolved[PATH_MAX];
    if (realpath(path.c_str(), resolved) == nullptr) {
      return system_error(errno, what);
    }
    target = resolved;
  }
  const size_t slash = target.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "./" : target.substr(0, slash + 1);

  temporary_file temporary(folder, permissions);
  if (temporary.fd() == -1) return system_error(errno, what);
  // All of them, whatever the umask takes.
  if (exists && fchmod(temporary.fd(), permissions) != 0) {
    return system_error(errno, what);
  }
  status = write_fully(kSystemCalls, temporary.fd(), 0, contents, what);
  if (status.ok()) {
    const int fd = temporary.fd();
    status = outcome_of(uninterrupted([fd] { return fsync(fd); }), what);
  }
  if (status.ok()) status = temporary.close(what);
  if (status.ok()) status = temporary.rename(target, what);
  if (status.ok()) status = sync_folder(folder, what);
  return status;
}

absl::StatusOr<std::shared_ptr<open_file>> open_file::open(std::string path,
                                                           int flags,
                                                           mode_t permissions) {
  const std::string what = quoted_call("open", path);
  const absl::Status status = check_path(path, what);
  if (!status.ok()) return status;
  const int fd = open_descriptor(path, flags, permissions);
  if (fd == -1) return system_error(errno, what);
  auto file = std::make_shared<open_file>(fd, std::move(path));
  // Else the first read would say so.
  struct stat info;
  if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
    return system_error(EISDIR, what);
  }
  return file;
}

open_file::~open_file() {
  const absl::Status status =
      close_descriptor(fd_, quoted_call("close", path_));
  // Its consumer may have cancelled, or its loop be gone.
  if (closed_.has_value()) closed_->set_result(status).IgnoreError();
}

absl::StatusOr<std::string> open_file::read(uint64_t offset,
                                            size_t size) const {
  return read_fully(kSystemCalls, fd_, offset, size,
                    quoted_call("read_at", path_));
}

absl::Status open_file::write(uint64_t offset, std::string_view data) const {
  return write_fully(kSystemCalls, fd_, offset, data,
                     quoted_call("write_at", path_));
}

absl::StatusOr<uint64_t> open_file::size() const {
  struct stat info;
  if (fstat(fd_, &info) != 0) {
    return system_error(errno, quoted_call("size", path_));
  }
  return static_cast<uint64_t>(info.st_size);
}

absl::Status open_file::resize(uint64_t size) const {
  const int result =
      uninterrupted([&] { return ftruncate(fd_, static_cast<off_t>(size)); });
  return outcome_of(result, quoted_call("resize", path_));
}

absl::Status open_file::sync() const {
  return outcome_of(uninterrupted([this] { return fsync(fd_); }),
                    quoted_call("sync", path_));
}

}  // namespace ratchet::internal
