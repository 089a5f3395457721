#include "ratchet/io/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/system_error.h"
#include "ratchet/io/readiness.h"
#include "ratchet/status.h"

namespace ratchet {
namespace internal {
namespace {

constexpr absl::Duration kLongestPause = absl::Milliseconds(100);

}  // namespace

// -- One address --------------------------------------------------------------

std::string connect_task::what() const {
  return absl::StrCat("connect to ", address_.to_string());
}

std::string connect_task::task_name() const {
  return absl::StrCat("connect(", address_.to_string(), ")");
}

absl::Status connect_task::prepare() {
  absl::StatusOr<owned_descriptor> made =
      open_socket(address_.family(), SOCK_STREAM, what());
  if (!made.ok()) return made.status();
  socket_ = *std::move(made);
  const int fd = socket_.get();
  if (options_.tcp_no_delay && address_.is_ip()) {
    absl::Status status =
        set_socket_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, what());
    if (!status.ok()) return status;
  }
  if (!options_.local.has_value()) return absl::OkStatus();
  const socket_address& local = *options_.local;
  if (local.is_ip() && local.port() != 0) {
    absl::Status status =
        set_socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, what());
    if (!status.ok()) return status;
  }
  if (::bind(fd, local.data(), local.size()) != 0) {
    return bind_error(errno, absl::StrCat(what(), " from ", local.to_string()),
                      local);
  }
  return absl::OkStatus();
}

step connect_task::start() {
  absl::Status status = prepare();
  if (!status.ok()) return fail(std::move(status));
  return try_now();
}

step connect_task::try_now() {
  const int fd = socket_.get();
  if (::connect(fd, address_.data(), address_.size()) == 0) return connected();
  switch (errno) {
    case EINPROGRESS:
    case EINTR:  // It goes on all the same.
      return await<&connect_task::ready>(writable(fd));
    case EAGAIN:
      if (address_.is_ip()) break;  // No port is free for it.
      // The backlog is full, and nothing tells when it is not any more.
      return sleep_for<&connect_task::try_now>(
          std::exchange(pause_, std::min(pause_ * 2, kLongestPause)));
    default:
      break;
  }
  return fail(system_error(errno, what()));
}

step connect_task::ready(absl::Status status) {
  if (!status.ok()) {
    socket_.reset();
    return fail(std::move(status));
  }
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    error = errno;
  }
  if (error != 0) {
    socket_.reset();
    return fail(system_error(error, what()));
  }
  return connected();
}

step connect_task::connected() {
  // Where nobody listens on a port of those that are given out, TCP can connect
  // a socket to itself.
  if (address_.is_ip() && !options_.local.has_value()) {
    const absl::StatusOr<socket_address> own = local_address(socket_.get());
    if (own.ok() && *own == address_) {
      socket_.reset();
      return fail(system_error(ECONNREFUSED, what()));
    }
  }
  return done(stream::adopt(socket_.release(), options_.stream));
}

// -- Several ------------------------------------------------------------------

connect_first_task::connect_first_task(std::vector<socket_address> addresses,
                                       const connect_options& options,
                                       connect_function connect)
    : addresses_(std::move(addresses)),
      options_(options),
      connect_(std::move(connect)) {
  if (connect_ == nullptr) {
    connect_ = [options](bound_group& group, const socket_address& address) {
      return group.create_task(connect_task(address, options));
    };
  }
}

// Of one that has not started.
connect_first_task::connect_first_task(connect_first_task&& other) noexcept
    : addresses_(std::move(other.addresses_)),
      options_(other.options_),
      connect_(std::move(other.connect_)) {}

connect_first_task::~connect_first_task() = default;

step connect_first_task::start() {
  if (addresses_.empty()) {
    return fail(absl::InvalidArgumentError("connect: there is no address"));
  }
  group_.emplace("connect");
  begin_next();
  return await<&connect_first_task::changed>(change_.wait());
}

void connect_first_task::begin_next() {
  begun_.push_back(connect_(*group_, addresses_[begun_.size()]));
  ++pending_;
  begun_.back().add_done_callback(group_->bind([this] { change_.set(); }));
  timer_.cancel();
  late_ = false;
  if (!any_left()) return;
  timer_ = group_->call_later(options_.attempt_delay, [this] {
    late_ = true;
    change_.set();
  });
}

step connect_first_task::changed(absl::Status status) {
  if (!status.ok()) return end_with(std::move(status));
  change_.clear();
  bool failed = false;
  for (future<stream>& f : begun_) {
    if (!f.valid() || !f.done()) continue;
    absl::Status error = f.status();
    if (error.ok()) {
      return end_with(std::move(f.state("connect").value()));
    }
    errors_.push_back(std::move(error));
    f = future<stream>();
    --pending_;
    failed = true;
  }
  if (any_left() && (failed || late_)) begin_next();
  if (pending_ == 0) return end_with(all_errors());
  return await<&connect_first_task::changed>(change_.wait());
}

step connect_first_task::end_with(absl::StatusOr<stream> outcome) {
  group_.reset();
  begun_.clear();
  return done(std::move(outcome));
}

absl::Status connect_first_task::all_errors() const {
  if (errors_.size() == 1) return errors_.front();
  return absl::Status(
      errors_.front().code(),
      absl::StrCat("connect: all ", errors_.size(), " addresses failed: ",
                   absl::StrJoin(errors_, "; ",
                                 [](std::string* out, const absl::Status& e) {
                                   absl::StrAppend(out, e.message());
                                 })));
}

// -- A name -------------------------------------------------------------------

std::string connect_host_task::task_name() const {
  return absl::StrCat("connect(", host_, ":", port_, ")");
}

step connect_host_task::start() {
  resolve_options options;
  options.family = options_.family;
  return await<&connect_host_task::resolved>(
      resolve(pool_, host_, port_, options));
}

step connect_host_task::resolved(
    absl::StatusOr<std::vector<socket_address>> addresses) {
  if (!addresses.ok()) return fail(addresses.status());
  return await<&connect_host_task::connected>(
      connect_first_task(interleave_families(*std::move(addresses)), options_));
}

step connect_host_task::connected(absl::StatusOr<stream> outcome) {
  // The error of one that is an address names it already.
  if (outcome.ok() || is_cancelled(outcome.status()) ||
      socket_address::ip(host_, port_).ok()) {
    return done(std::move(outcome));
  }
  return fail(absl::Status(outcome.status().code(),
                           absl::StrCat("connect to ", host_, ":", port_, ": ",
                                        outcome.status().message())));
}

}  // namespace internal

internal::connect_task connect(const socket_address& address,
                               const connect_options& options) {
  return internal::connect_task(address, options);
}

internal::connect_first_task connect(std::vector<socket_address> addresses,
                                     const connect_options& options) {
  return internal::connect_first_task(std::move(addresses), options);
}

internal::connect_host_task connect(thread_pool& pool, std::string_view host,
                                    uint16_t port,
                                    const connect_options& options) {
  return internal::connect_host_task(pool, host, port, options);
}

}  // namespace ratchet
