#ifndef RATCHET_IO_FILE_H_
#define RATCHET_IO_FILE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "ratchet/future.h"
#include "ratchet/thread/thread_pool.h"

namespace ratchet {
namespace internal {
class open_file;
}

// How a file is opened; in brackets what fopen and Python's open call it.
enum class file_mode {
  read,            // An existing one, to read it ("r").
  update,          // An existing one, to read and to write it ("r+").
  open_or_create,  // The same; one that is not there is made.
  truncate,        // The same; one that is there is emptied ("w+").
  create,          // One that must not be there, to read and write it ("x+").
};

struct open_options {
  // NOLINTNEXTLINE(google-explicit-constructor): open(pool, path, mode).
  open_options(file_mode m = file_mode::read) : mode(m) {}

  file_mode mode;
  mode_t permissions = 0666;  // Of one that is made; the umask takes from it.
};

// file: reads and writes a file with the threads of a pool, so that the loop
// never waits for a disk.
//
//   await<&m::opened>(file::open(pool, "/var/log/messages"));
//   step opened(file f) {
//     file_ = std::move(f);
//     return await<&m::got>(file_.read_at(0, 4096));
//   }
//   step got(std::string head);  // 4096 bytes, or the whole of a shorter file.
//
// Every operation says where in the file it takes place, so many can be under
// way at once; the pool starts them in the order in which they were called, and
// runs as many at a time as it has threads. What reads while the same bytes are
// being written sees some old and some new ones. For regular files and block
// devices: what has no positions, as pipes and terminals, is refused by the
// system at the first read.
//
// Errors: those of the system, by Abseil's code for the errno, with what was
// tried, the path and the system's words: kNotFound, kPermissionDenied,
// kAlreadyExists, kFailedPrecondition for a folder, kResourceExhausted for a
// full disk or too many open files, kInvalidArgument for a position beyond 2^63
// and for a pipe, kOutOfRange for too large a file; kFailedPrecondition on a
// file that is not open; and those of run_in(). An interrupted system call is
// made again, one that does less than it was asked for is continued.
//
// Cancelling any of these futures is cancelling run_in(): at once; what has not
// started never happens; what has started goes on in its thread, so that a
// write that was cancelled may be in the file, or a part of it. *Loses data*:
// what was read.
//
// Lifetime: the descriptor is closed when neither the file nor an operation
// that is under way needs it any more; so a file may be destroyed, or closed,
// right after a call. It may also outlive its pool: then operations fail as
// after shutdown().
// Thread-safety: of one loop, as the futures it gives. The file may be moved to
// another thread, and be used there by another loop.
class file {
 public:
  // Not open.
  file() = default;
  file(file&&) noexcept = default;
  file& operator=(file&&) noexcept = default;
  // Closes the descriptor in this thread, if nothing is under way, and does not
  // say whether the system found errors then: close() does both better.
  ~file() = default;

  // A folder is refused (kFailedPrecondition). Opening a named pipe keeps a
  // thread until somebody opens the other end.
  static future<file> open(thread_pool& pool, std::string path,
                           open_options options = {});

  // False for one that is moved from, or closed.
  bool is_open() const { return file_ != nullptr; }
  // As it was given to open(); empty if it is not open.
  std::string path() const;

  // `size` bytes from `offset`, fewer only where the file ends: nothing at its
  // end and behind it. Holes are zeros. Takes memory for what is there, however
  // large `size` is.
  future<std::string> read_at(uint64_t offset, size_t size) const;

  // All of `data`, from `offset` on. A file that is shorter grows, with a hole
  // if need be. If this fails, some of it may have been written.
  future<void> write_at(uint64_t offset, std::string data);

  // The number of bytes in it.
  future<uint64_t> size() const;

  // Cuts it, or makes it longer, with a hole.
  future<void> resize(uint64_t size);

  // Completes when what was written, by writes that have completed, is on the
  // disk (fsync).
  future<void> sync();

  // Closes it when all that is under way is done, in a thread of the pool; the
  // file is not open from now on, so that nothing more can be started. Even if
  // the future is cancelled or dropped it is closed, and even if it fails:
  // which is the last chance to learn that something was not written.
  future<void> close();

 private:
  file(std::shared_ptr<internal::open_file> opened,
       std::shared_ptr<internal::pool_core> pool);

  std::shared_ptr<internal::open_file> file_;
  std::shared_ptr<internal::pool_core> pool_;
};

// All of the file at `path`, up to its end as it is found. Errors as above, and
// kResourceExhausted if there are more than `limit` bytes, of which no more
// than one is read. For what has no size, as in /proc, too. Cancelling it is
// cancelling run_in(), and *loses data*: what was read.
future<std::string> read_file(
    thread_pool& pool, std::string path,
    size_t limit = std::numeric_limits<size_t>::max());

// Makes `contents` all there is in the file at `path`; atomically: whoever
// reads sees the old contents or the new ones, whatever fails, and after a
// crash, too. A temporary file in the same folder is written, synced and
// renamed, so the right to write to that folder is what it takes.
//
// A file that is there gives its permissions to the new one, not its owner nor
// its other names (hard links); a symbolic link goes on pointing at it. Errors
// as above; kFailedPrecondition for what is no regular file, as a folder or a
// device. Cancelling it is cancelling run_in(): a write that has started
// happens all the same, and as a whole. *Loses data*: whether it did.
future<void> write_file(thread_pool& pool, std::string path,
                        std::string contents);

}  // namespace ratchet

#endif  // RATCHET_IO_FILE_H_
