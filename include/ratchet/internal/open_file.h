#ifndef RATCHET_INTERNAL_OPEN_FILE_H_
#define RATCHET_INTERNAL_OPEN_FILE_H_

// Included by file.cc, and by its tests, which put other functions in the place
// of the system's. Everything here blocks: it is what the threads of a pool do.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/thread/cross_thread_promise.h"

namespace ratchet::internal {

// pread and pwrite, or what behaves like them.
struct file_calls {
  ssize_t (*read)(int fd, void* data, size_t size, off_t offset);
  ssize_t (*write)(int fd, const void* data, size_t size, off_t offset);
};
extern const file_calls kSystemCalls;

// Reads from `offset` until it has `size` bytes or the file ends, whatever the
// system interrupts or cuts. Takes memory for what is there, not for `size`.
absl::StatusOr<std::string> read_fully(const file_calls& calls, int fd,
                                       uint64_t offset, size_t size,
                                       std::string_view what);
// Writes all of `data`, or fails, perhaps after some of it.
absl::Status write_fully(const file_calls& calls, int fd, uint64_t offset,
                         std::string_view data, std::string_view what);

// read_file() and write_file().
absl::StatusOr<std::string> read_whole(const std::string& path, size_t limit);
absl::Status write_whole(const std::string& path, std::string_view contents);

// A descriptor. Its owners, the file and each operation that is under way,
// share it, and the last one closes it.
class open_file {
 public:
  static absl::StatusOr<std::shared_ptr<open_file>> open(std::string path,
                                                         int flags,
                                                         mode_t permissions);
  open_file(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file();

  const std::string& path() const { return path_; }

  absl::StatusOr<std::string> read(uint64_t offset, size_t size) const;
  absl::Status write(uint64_t offset, std::string_view data) const;
  absl::StatusOr<uint64_t> size() const;
  absl::Status resize(uint64_t size) const;
  absl::Status sync() const;

  // Once: gets the outcome of closing it.
  void tell_when_closed(cross_thread_promise<void> promise) {
    closed_ = std::move(promise);
  }

 private:
  const int fd_;
  const std::string path_;
  std::optional<cross_thread_promise<void>> closed_;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_OPEN_FILE_H_
