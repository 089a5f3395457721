#include "ratchet/io/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/io_calls.h"
#include "ratchet/internal/io_descriptor.h"
#include "ratchet/internal/io_turns.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/loop_timer.h"
#include "ratchet/internal/slab.h"
#include "ratchet/internal/sockets.h"
#include "ratchet/internal/system_error.h"
#include "ratchet/status.h"

namespace ratchet {
namespace internal {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(1);

// Of the connection that would have been accepted, not of the listener: what is
// pending on a new socket is told by accept() on Linux (accept(2)).
bool is_of_connection(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPERM:  // A firewall's.
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

bool is_exhaustion(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS ||
         error == ENOMEM;
}

class accept_operation final : public io_operation {
 public:
  accept_operation(loop_core& core, listener_core* whose, std::string where)
      : io_operation(core), owner(whose), where_(std::move(where)) {}

  std::string describe_state() const override {
    return absl::StrCat("a connection to ", where_);
  }
  std::string_view kind_name() const override { return "accept"; }

  listener_core* const owner;  // Gone, if it is left over or has failed.

 private:
  ~accept_operation() override = default;

  std::string already_awaited() const override {
    return absl::StrCat("listener on ", where_,
                        ": accept() while another task waits in accept()");
  }

  const std::string where_;
};

// A file that is a socket, and which one.
struct socket_file {
  dev_t device = 0;
  ino_t inode = 0;

  friend bool operator==(const socket_file& a, const socket_file& b) {
    return a.device == b.device && a.inode == b.inode;
  }
};

std::optional<socket_file> file_at(const std::string& path) {
  struct stat found;
  if (path.empty() || lstat(path.c_str(), &found) != 0 ||
      !S_ISSOCK(found.st_mode)) {
    return std::nullopt;
  }
  return socket_file{found.st_dev, found.st_ino};
}

// The path of a Unix socket that has one in the file system; else empty.
std::string path_of(const socket_address& address) {
  if (address.is_ip()) return "";
  std::string name = address.host_string();
  return name.empty() || name[0] == '@' ? "" : name;
}

}  // namespace

// listener_core: what is behind a listener.
class listener_core final : public io_descriptor,
                            public slab_allocated<block_kind::plain> {
 public:
  listener_core(loop_core& core, const socket_address& address,
                const stream_options& streams)
      : io_descriptor(core),
        address_(address),
        path_(path_of(address_)),
        file_(file_at(path_)),
        streams_(streams) {}

  const socket_address& address() const { return address_; }

  void close(std::string_view what);
  void destroy() {
    close("destroyed");
    operations_.leave(closed_error());
    delete this;
  }

  state_ref<io_operation> begin_accept();
  std::optional<absl::StatusOr<accepted>> try_accept(io_operation& op);

  bool io_awaited() const override { return operations_.waiting(); }

 protected:
  void ready_to_read() override {
    if (!pause_.scheduled()) operations_.wake();
  }
  void ready_to_write() override {}
  void dropped(bool loop_closed) override;

 private:
  // Over when it tries again.
  class pause final : public loop_timer {
   public:
    explicit pause(listener_core& owner) : owner_(owner) {}
    void timer_due() override { owner_.operations_.wake(); }

   private:
    listener_core& owner_;
  };

  ~listener_core() override = default;

  std::string describe() const {
    return absl::StrCat("listener on ", address_.to_string());
  }
  accept_operation* new_operation(listener_core* owner);
  absl::Status closed_error() const;
  void fail_waiting(std::string_view what);
  void remove_file();
  void begin_pause(absl::Status why);

  const socket_address address_;
  const std::string path_;  // Of a Unix socket that is a file.
  const std::optional<socket_file> file_;
  const stream_options streams_;
  io_operations operations_;
  io_turns turns_;
  pause pause_{*this};
  absl::Duration next_pause_ = kFirstPause;
};

void listener_core::close(std::string_view what) {
  core().check_thread("listener::close()");
  if (!is_open()) return;
  remove_file();
  close_now();
  if (pause_.scheduled()) core().disarm(pause_);
  fail_waiting(what);
}

void listener_core::fail_waiting(std::string_view what) {
  operations_.fail(
      make_error(error_kind::destroyed,
                 absl::StrCat(describe(), " was ",
                              absl::string_view(what.data(), what.size()),
                              " while a task waited in accept()")),
      closed_error());
}

absl::Status listener_core::closed_error() const {
  return make_error(error_kind::closed, absl::StrCat(describe(), " is closed"));
}

// Another process may have put its own there since.
void listener_core::remove_file() {
  if (file_.has_value() && file_at(path_) == file_) ::unlink(path_.c_str());
}

accept_operation* listener_core::new_operation(listener_core* owner) {
  return new accept_operation(core(), owner, address_.to_string());
}

state_ref<io_operation> listener_core::begin_accept() {
  core().check_thread("listener::accept()");
  if (!is_open() || core().closed()) {
    accept_operation* const refused = new_operation(nullptr);
    refused->fail(core().closed() ? loop_core::closed_error() : closed_error());
    return state_ref<io_operation>(refused);
  }
  io_operation* op = operations_.claim();
  if (op == nullptr) op = operations_.add(new_operation(this));
  return state_ref<io_operation>(op);
}

std::optional<absl::StatusOr<accepted>> listener_core::try_accept(
    io_operation& op) {
  using result = absl::StatusOr<accepted>;
  if (pause_.scheduled()) return std::nullopt;
  while (readable()) {
    if (!turns_.take(op)) return std::nullopt;
    sockaddr_storage peer = {};
    socklen_t size = sizeof(peer);
    const int connection = io_calls::current().accept(
        fd(), reinterpret_cast<sockaddr*>(&peer), &size);
    if (connection < 0) {
      const int error = errno;
      if (error == EAGAIN) {
        read_would_block();
      } else if (is_exhaustion(error)) {
        begin_pause(system_error(error, describe()));
        return std::nullopt;
      } else if (!is_of_connection(error)) {
        return result(
            system_error(error, absl::StrCat(describe(), ": accept")));
      }
      continue;
    }
    absl::StatusOr<stream> made = stream::adopt(connection, streams_);
    absl::StatusOr<socket_address> from =
        socket_address::from_raw(reinterpret_cast<sockaddr*>(&peer), size);
    if (!made.ok() || !from.ok()) {
      // The loop cannot watch it: the limit of epoll, or memory.
      begin_pause(made.ok() ? from.status() : made.status());
      return std::nullopt;
    }
    next_pause_ = kFirstPause;
    return result(accepted{*std::move(made), *std::move(from)});
  }
  return std::nullopt;
}

void listener_core::begin_pause(absl::Status why) {
  if (next_pause_ == kFirstPause) {
    core().report(
        {error_report::cause::paused, std::move(why), describe(), ""});
  }
  core().arm(pause_, deadline_after(core().now_ns(), next_pause_));
  next_pause_ = std::min(next_pause_ * 2, kLongestPause);
}

void listener_core::dropped(bool loop_closed) {
  if (loop_closed) {
    operations_.abandon();
    return;
  }
  release();  // The number is another one's now.
  fail_waiting("closed by others");
}

std::optional<absl::StatusOr<accepted>> accept_attempt::attempt(
    io_operation& op) {
  return static_cast<accept_operation&>(op).owner->try_accept(op);
}

}  // namespace internal

namespace {

using internal::owned_descriptor;

// Whether nobody listens there any more. A connection that is refused says so;
// one that is accepted is closed at once, as any other that thinks better of
// it.
bool is_stale(const socket_address& address) {
  absl::StatusOr<owned_descriptor> probe =
      internal::open_socket(AF_UNIX, SOCK_STREAM, "");
  return probe.ok() &&
         ::connect(probe->get(), address.data(), address.size()) != 0 &&
         errno == ECONNREFUSED;
}

int bind_once(int fd, const socket_address& address) {
  return ::bind(fd, address.data(), address.size()) == 0 ? 0 : errno;
}

absl::Status bind_to(int fd, const socket_address& address,
                     const listen_options& options, std::string_view what) {
  int error = bind_once(fd, address);
  if (error == EADDRINUSE && options.replace_stale) {
    const std::string path = internal::path_of(address);
    if (internal::file_at(path).has_value() && is_stale(address)) {
      ::unlink(path.c_str());
      error = bind_once(fd, address);
    }
  }
  if (error != 0) return internal::bind_error(error, what, address);
  return absl::OkStatus();
}

absl::Status set_options(int fd, const socket_address& address,
                         const listen_options& options, std::string_view what) {
  absl::Status status;
  const auto set = [&](int level, int option, bool value) {
    if (status.ok()) {
      status =
          internal::set_socket_option(fd, level, option, value ? 1 : 0, what);
    }
  };
  if (address.is_ip()) {
    set(SOL_SOCKET, SO_REUSEADDR, true);
    if (options.reuse_port) set(SOL_SOCKET, SO_REUSEPORT, true);
    // What it accepts has it from here.
    if (options.tcp_no_delay) set(IPPROTO_TCP, TCP_NODELAY, true);
  }
  if (address.family() == AF_INET6) {
    set(IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only);
  }
  return status;
}

}  // namespace

absl::StatusOr<listener> listener::listen(const socket_address& address,
                                          const listen_options& options) {
  internal::loop_core& core =
      internal::loop_core::current("listener::listen()");
  core.check_thread("listener::listen()");
  const std::string what = absl::StrCat("listen on ", address.to_string());
  absl::StatusOr<owned_descriptor> socket =
      internal::open_socket(address.family(), SOCK_STREAM, what);
  if (!socket.ok()) return socket.status();
  const int fd = socket->get();
  absl::Status status = set_options(fd, address, options, what);
  if (status.ok()) status = bind_to(fd, address, options, what);
  if (!status.ok()) return status;
  const absl::StatusOr<socket_address> bound = internal::local_address(fd);
  if (!bound.ok()) return bound.status();
  const std::string path = internal::path_of(*bound);
  listener made(new internal::listener_core(core, *bound, options.stream));
  // From here on, what fails takes the file away again.
  status = made.core_->open(socket->release(), internal::kIoReadable);
  if (!status.ok()) return status;
  // Before anybody can connect.
  if (options.mode.has_value() && !path.empty() &&
      ::chmod(path.c_str(), static_cast<mode_t>(*options.mode)) != 0) {
    return internal::system_error(errno, what);
  }
  if (::listen(fd, options.backlog) != 0) {
    return internal::bind_error(errno, what, address);
  }
  return made;
}

listener::listener(listener&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)) {}

listener& listener::operator=(listener&& other) noexcept {
  const listener old(std::move(*this));
  core_ = std::exchange(other.core_, nullptr);
  return *this;
}

listener::~listener() {
  if (core_ != nullptr) core_->destroy();
}

internal::listener_core& listener::core() const {
  RATCHET_CHECK(core_ != nullptr,
                "a function of an empty listener was called: it was "
                "default-constructed or moved from");
  return *core_;
}

const socket_address& listener::address() const { return core().address(); }

listener::accepting listener::accept() {
  return accepting(core().begin_accept());
}

void listener::close() { core().close("closed"); }
bool listener::is_closed() const { return !core().is_open(); }
int listener::descriptor() const { return core().fd(); }

}  // namespace ratchet
