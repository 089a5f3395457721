#include "ratchet/io/file.h"

#include <fcntl.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/open_file.h"
#include "ratchet/thread/cross_thread_promise.h"

namespace ratchet {
namespace {

int flags_of(file_mode mode) {
  switch (mode) {
    case file_mode::read:
      return O_RDONLY;
    case file_mode::update:
      return O_RDWR;
    case file_mode::open_or_create:
      return O_RDWR | O_CREAT;
    case file_mode::truncate:
      return O_RDWR | O_CREAT | O_TRUNC;
    case file_mode::create:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

// f(open file) in a thread of its pool; the call keeps the file open.
template <class T, class F>
future<T> with(const std::shared_ptr<internal::open_file>& opened,
               const std::shared_ptr<internal::pool_core>& pool,
               const char* call, F f) {
  if (opened == nullptr) {
    return make_error_future<T>(absl::FailedPreconditionError(absl::StrCat(
        call,
        ": the file is not open: it was closed, or moved from, or never "
        "opened")));
  }
  return internal::run_in_core(
      pool, [opened, f = std::move(f)]() mutable { return f(*opened); });
}

}  // namespace

file::file(std::shared_ptr<internal::open_file> opened,
           std::shared_ptr<internal::pool_core> pool)
    : file_(std::move(opened)), pool_(std::move(pool)) {}

future<file> file::open(thread_pool& pool, std::string path,
                        open_options options) {
  return run_in(pool,
                [core = pool.core(), path = std::move(path),
                 options]() mutable -> absl::StatusOr<file> {
                  auto opened = internal::open_file::open(
                      std::move(path), flags_of(options.mode),
                      options.permissions);
                  if (!opened.ok()) return opened.status();
                  return file(*std::move(opened), std::move(core));
                });
}

std::string file::path() const {
  return file_ == nullptr ? std::string() : file_->path();
}

future<std::string> file::read_at(uint64_t offset, size_t size) const {
  return with<std::string>(file_, pool_, "read_at()",
                           [offset, size](const internal::open_file& f) {
                             return f.read(offset, size);
                           });
}

future<void> file::write_at(uint64_t offset, std::string data) {
  return with<void>(
      file_, pool_, "write_at()",
      [offset, data = std::move(data)](const internal::open_file& f) {
        return f.write(offset, data);
      });
}

future<uint64_t> file::size() const {
  return with<uint64_t>(file_, pool_, "size()",
                        [](const internal::open_file& f) { return f.size(); });
}

future<void> file::resize(uint64_t size) {
  return with<void>(
      file_, pool_, "resize()",
      [size](const internal::open_file& f) { return f.resize(size); });
}

future<void> file::sync() {
  return with<void>(file_, pool_, "sync()",
                    [](const internal::open_file& f) { return f.sync(); });
}

// Whoever is last closes the descriptor and tells: an operation in its thread,
// or, if there is none, this call of the pool, which does nothing but to be the
// last. If the pool takes nothing any more, it is this thread.
future<void> file::close() {
  if (file_ == nullptr)
    return with<void>(file_, pool_, "close()", [](auto&) {});
  cross_thread_promise<void> promise;
  future<void> closed = promise.get_future();
  file_->tell_when_closed(std::move(promise));
  (void)internal::run_in_core(pool_, [file = std::move(file_)] {
  }).or_else([](const absl::Status&) {});
  file_ = nullptr;
  return closed;
}

future<std::string> read_file(thread_pool& pool, std::string path,
                              size_t limit) {
  return run_in(pool, [path = std::move(path), limit] {
    return internal::read_whole(path, limit);
  });
}

future<void> write_file(thread_pool& pool, std::string path,
                        std::string contents) {
  return run_in(pool, [path = std::move(path), contents = std::move(contents)] {
    return internal::write_whole(path, contents);
  });
}

}  // namespace ratchet
