#include "ratchet/io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/stream_core.h"
#include "ratchet/internal/system_error.h"

namespace ratchet {
namespace internal {
namespace {

using received = stream_core::received;

read_operation& of(io_operation& operation) {
  return static_cast<read_operation&>(operation);
}

// Gathers until `enough(view)` says how much of what is buffered is wanted: 0
// for "more". `end` says what the end is.
template <class T, class Enough, class End>
std::optional<absl::StatusOr<T>> gather(read_operation& op, size_t limit,
                                        Enough enough, End end) {
  stream_core& s = *op.stream;
  for (;;) {
    const size_t wanted = enough(s.in().view());
    if (wanted > 0 && wanted <= limit) {
      return absl::StatusOr<T>(T(s.in().take(wanted)));
    }
    if (wanted > limit || s.in().size() >= limit)
      return absl::StatusOr<T>(s.over_limit(limit));
    if (!s.may_go_on()) return std::nullopt;
    switch (s.receive_more(limit)) {
      case received::some:
        continue;
      case received::nothing:
        return std::nullopt;
      case received::failed:
        return absl::StatusOr<T>(s.read_error());
      case received::end:
        return end();
    }
  }
}

// Up to and with the delimiter; 0 if it is not there yet.
size_t find_delimiter(read_operation& op, std::string_view view) {
  const size_t length = op.text.size();
  // The beginning of the delimiter may be there already.
  const size_t from = op.searched < length ? 0 : op.searched - length + 1;
  const size_t found = view.find(op.text, from);
  op.searched = view.size();
  return found == std::string_view::npos ? 0 : found + length;
}

}  // namespace

std::optional<absl::StatusOr<size_t>> read_into_attempt::attempt(
    io_operation& operation) {
  read_operation& op = of(operation);
  if (op.size == 0) return size_t{0};
  stream_core& s = *op.stream;
  if (!s.in().empty()) {
    const std::string_view there =
        s.in().take(std::min(op.size, s.in().size()));
    std::memcpy(op.buffer, there.data(), there.size());
    return there.size();
  }
  if (!s.may_go_on()) return std::nullopt;
  size_t got;
  switch (s.receive(op.buffer, op.size, got)) {
    case received::some:
    case received::end:
      return got;
    case received::nothing:
      return std::nullopt;
    case received::failed:
      break;
  }
  return absl::StatusOr<size_t>(s.read_error());
}

std::optional<absl::StatusOr<std::string_view>> read_some_attempt::attempt(
    io_operation& operation) {
  read_operation& op = of(operation);
  if (op.size == 0) return std::string_view();
  return gather<std::string_view>(
      op, op.size,
      [&](std::string_view view) { return std::min(view.size(), op.size); },
      [] { return std::string_view(); });
}

std::optional<absl::StatusOr<std::string_view>> read_exactly_attempt::attempt(
    io_operation& operation) {
  read_operation& op = of(operation);
  if (op.size == 0) return std::string_view();
  return gather<std::string_view>(
      op, op.size,
      [&](std::string_view view) {
        return view.size() < op.size ? 0 : op.size;
      },
      [&]() -> std::optional<absl::StatusOr<std::string_view>> {
        return op.stream->ended_early(
            absl::StrCat("the ", op.size, " that were asked for"));
      });
}

std::optional<absl::StatusOr<std::string_view>> read_until_attempt::attempt(
    io_operation& operation) {
  read_operation& op = of(operation);
  return gather<std::string_view>(
      op, op.size,
      [&](std::string_view view) { return find_delimiter(op, view); },
      [&]() -> std::optional<absl::StatusOr<std::string_view>> {
        return op.stream->ended_early("the delimiter");
      });
}

std::optional<absl::StatusOr<std::optional<std::string_view>>>
read_line_attempt::attempt(io_operation& operation) {
  read_operation& op = of(operation);
  using result = absl::StatusOr<std::optional<std::string_view>>;
  std::optional<absl::StatusOr<std::string_view>> line =
      gather<std::string_view>(
          op, op.size,
          [&](std::string_view view) { return find_delimiter(op, view); },
          [&] { return op.stream->in().take(op.stream->in().size()); });
  if (!line.has_value()) return std::nullopt;
  if (!line->ok()) return result(line->status());
  std::string_view text = **line;
  if (text.empty()) return result(std::nullopt);
  if (text.back() == '\n') text.remove_suffix(1);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  return result(text);
}

std::optional<absl::StatusOr<std::string>> read_all_attempt::attempt(
    io_operation& operation) {
  read_operation& op = of(operation);
  stream_core& s = *op.stream;
  if (!op.copying) {
    // One more than the limit tells that there is more.
    std::optional<absl::StatusOr<std::string_view>> all =
        gather<std::string_view>(
            op, op.size == SIZE_MAX ? SIZE_MAX : op.size + 1,
            [](std::string_view) { return size_t{0}; },
            [&] { return s.in().view(); });
    if (!all.has_value()) return std::nullopt;
    if (!all->ok()) {
      if (s.in().size() > op.size) return s.over_limit(op.size);
      return all->status();
    }
    op.text.clear();
    op.copying = true;
  }
  if (!s.copy_more(op.text)) return std::nullopt;
  s.in().take(s.in().size());
  return std::move(op.text);
}

}  // namespace internal

namespace {

// What others still have of the process's default: to end it.
void ignore_sigpipe() {
  static const bool ignored = [] {
    struct sigaction now = {};
    if (sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) {
      signal(SIGPIPE, SIG_IGN);
    }
    return true;
  }();
  static_cast<void>(ignored);
}

}  // namespace

absl::StatusOr<stream> stream::adopt(int descriptor,
                                     const stream_options& options) {
  internal::loop_core& core = internal::loop_core::current("stream::adopt()");
  core.check_thread("stream::adopt()");
  const auto failed = [&](const char* call) {
    absl::Status error = internal::system_error(
        errno,
        absl::StrCat("stream::adopt(): ", call, " of descriptor ", descriptor));
    if (descriptor >= 0) ::close(descriptor);
    return error;
  };
  struct stat what;
  if (fstat(descriptor, &what) != 0) return failed("fstat");
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || ((flags & O_NONBLOCK) == 0 &&
                    fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0)) {
    return failed("fcntl");
  }
  using internal::stream_core;
  const bool is_socket = S_ISSOCK(what.st_mode);
  auto device = S_ISFIFO(what.st_mode) ? stream_core::device::pipe
                                       : stream_core::device::other;
  if (is_socket) {
    int type = 0;
    socklen_t size = sizeof type;
    getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size);
    device = type == SOCK_STREAM ? stream_core::device::stream_socket
                                 : stream_core::device::other_socket;
  }
  uint32_t interest = internal::kIoReadable | internal::kIoWritable;
  if (!is_socket) {
    ignore_sigpipe();
    const int mode = flags & O_ACCMODE;
    if (mode == O_RDONLY) interest = internal::kIoReadable;
    if (mode == O_WRONLY) interest = internal::kIoWritable;
  }
  stream made(new stream_core(core, device, options.high_water));
  absl::Status status = made.core_->open(descriptor, interest);
  if (!status.ok()) return status;
  return made;
}

stream::stream(stream&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)) {}

stream& stream::operator=(stream&& other) noexcept {
  const stream old(std::move(*this));
  core_ = std::exchange(other.core_, nullptr);
  return *this;
}

stream::~stream() {
  if (core_ != nullptr) core_->destroy();
}

internal::stream_core& stream::core() const {
  RATCHET_CHECK(core_ != nullptr,
                "a function of an empty stream was called: it was "
                "default-constructed or moved from");
  return *core_;
}

stream::reading<internal::read_into_attempt> stream::read_some(char* buffer,
                                                               size_t size) {
  auto op = core().begin_read();
  op->buffer = buffer;
  op->size = size;
  return reading<internal::read_into_attempt>(
      internal::state_ref<internal::io_operation>(op.release()));
}

stream::reading<internal::read_some_attempt> stream::read_some(size_t most) {
  auto op = core().begin_read();
  op->size = most;
  return reading<internal::read_some_attempt>(
      internal::state_ref<internal::io_operation>(op.release()));
}

stream::reading<internal::read_exactly_attempt> stream::read_exactly(
    size_t size) {
  auto op = core().begin_read();
  op->size = size;
  return reading<internal::read_exactly_attempt>(
      internal::state_ref<internal::io_operation>(op.release()));
}

stream::reading<internal::read_until_attempt> stream::read_until(
    std::string_view delimiter, size_t limit) {
  RATCHET_CHECK(!delimiter.empty(),
                "read_until() was given an empty delimiter");
  auto op = core().begin_read();
  op->text = delimiter;
  op->size = limit;
  return reading<internal::read_until_attempt>(
      internal::state_ref<internal::io_operation>(op.release()));
}

stream::reading<internal::read_line_attempt> stream::read_line(size_t limit) {
  auto op = core().begin_read();
  op->text = "\n";
  op->size = limit;
  return reading<internal::read_line_attempt>(
      internal::state_ref<internal::io_operation>(op.release()));
}

stream::reading<internal::read_all_attempt> stream::read_all(size_t limit) {
  auto op = core().begin_read();
  op->size = limit;
  return reading<internal::read_all_attempt>(
      internal::state_ref<internal::io_operation>(op.release()));
}

stream::writing stream::write(std::string_view data) {
  return writing(core().write(&data, 1, nullptr));
}

stream::writing stream::write(std::initializer_list<std::string_view> parts) {
  return writing(core().write(parts.begin(), parts.size(), nullptr));
}

stream::writing stream::write_kept(std::string& data) {
  const std::string_view view = data;
  return writing(core().write(&view, 1, &data));
}

stream::writing stream::flush() { return writing(core().flush()); }

stream::writing stream::shutdown_write() {
  return writing(core().shutdown_write());
}

size_t stream::unsent() const { return core().unsent(); }
size_t stream::buffered() const { return core().in().size(); }
void stream::close() { core().close(); }
bool stream::is_closed() const { return !core().is_open(); }
int stream::descriptor() const { return core().fd(); }

int stream::release() {
  const int descriptor = core().release();
  core().close();
  return descriptor;
}

void stream::set_name(std::string_view name) { core().set_name(name); }

absl::Status stream::writing::status() const {
  RATCHET_CHECK(static_cast<bool>(state_), kMovedFrom);
  return state_->failed() ? state_->held_error() : absl::OkStatus();
}

}  // namespace ratchet
