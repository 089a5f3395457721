#include "ratchet/io/udp_socket.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/io_calls.h"
#include "ratchet/internal/io_descriptor.h"
#include "ratchet/internal/io_turns.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/slab.h"
#include "ratchet/internal/sockets.h"
#include "ratchet/internal/system_error.h"
#include "ratchet/status.h"

namespace ratchet {
namespace internal {
namespace {

// What a task waits for, with what it has asked for.
class udp_operation : public io_operation {
 public:
  udp_operation(loop_core& core, udp_core* whose, std::string where)
      : io_operation(core), owner(whose), where_(std::move(where)) {}

  udp_core* const owner;  // Gone, if it is left over or has failed.

 protected:
  ~udp_operation() override = default;
  const std::string& where() const { return where_; }

 private:
  const std::string where_;
};

class receive_operation final : public udp_operation {
 public:
  using udp_operation::udp_operation;
  std::string describe_state() const override {
    return absl::StrCat("a datagram to ", where());
  }
  std::string_view kind_name() const override { return "receive"; }

  char* buffer = nullptr;
  size_t size = 0;

 private:
  std::string already_awaited() const override {
    return absl::StrCat("UDP socket on ", where(),
                        ": receive while another task waits in a receive");
  }
};

class send_operation final : public udp_operation {
 public:
  using udp_operation::udp_operation;
  std::string describe_state() const override {
    return absl::StrCat("room for a datagram from ", where());
  }
  std::string_view kind_name() const override { return "send"; }

  std::string_view data;
  std::optional<socket_address> to;  // None: to whom it is connected.
};

}  // namespace

// udp_core: what is behind a udp_socket.
class udp_core final : public io_descriptor,
                       public slab_allocated<block_kind::plain> {
 public:
  udp_core(loop_core& core, const socket_address& address,
           const std::optional<socket_address>& peer)
      : io_descriptor(core), address_(address), peer_(peer) {}

  const socket_address& address() const { return address_; }
  const std::optional<socket_address>& peer() const { return peer_; }

  void close(std::string_view what);
  void destroy() {
    close("destroyed");
    receives_.leave(closed_error());
    delete this;
  }

  state_ref<io_operation> begin_receive(char* buffer, size_t size);
  state_ref<io_operation> begin_send(std::string_view data,
                                     const socket_address* to);
  std::optional<absl::StatusOr<datagram>> try_receive(receive_operation& op);
  std::optional<absl::Status> try_send(send_operation& op);

  absl::Status set(int level, int option, int value, const char* what);
  absl::Status change_group(const socket_address& group, unsigned interface,
                            bool join);
  absl::Status set_multicast_interface(unsigned interface);
  bool is_v6() const { return address_.family() == AF_INET6; }

  bool io_awaited() const override;

 protected:
  void ready_to_read() override { receives_.wake(); }
  void ready_to_write() override {
    for (const auto& s : senders_) s->operation->wake();
  }
  void dropped(bool loop_closed) override;

 private:
  // Of those who wait to send at the same time, one each.
  struct sender {
    sender(loop_core& core, udp_core* owner, std::string where)
        : operation(new send_operation(core, owner, std::move(where))) {}
    state_ref<send_operation> operation;
    io_turns turns;
  };

  ~udp_core() override = default;

  std::string describe() const {
    return absl::StrCat("UDP socket on ", address_.to_string());
  }
  // Why nothing can be done with it; OK if it can.
  absl::Status unusable(std::string_view call) const;
  absl::Status closed_error() const;
  template <class Operation>
  state_ref<io_operation> refused(absl::Status why);
  sender& free_sender();
  void fail_waiting(std::string_view what);

  const socket_address address_;
  const std::optional<socket_address> peer_;
  io_operations receives_;
  io_turns turns_;
  std::vector<std::unique_ptr<sender>> senders_;
};

void udp_core::close(std::string_view what) {
  core().check_thread("udp_socket::close()");
  if (!is_open()) return;
  close_now();
  fail_waiting(what);
}

void udp_core::fail_waiting(std::string_view what) {
  const absl::Status why =
      make_error(error_kind::destroyed,
                 absl::StrCat(describe(), " was ",
                              absl::string_view(what.data(), what.size()),
                              " while a task waited for it"));
  receives_.fail(why, closed_error());
  for (const auto& s : senders_) {
    if (!s->operation->free()) s->operation->fail(why);
  }
}

absl::Status udp_core::unusable(std::string_view call) const {
  core().check_thread(call);
  if (core().closed()) return loop_core::closed_error();
  return is_open() ? absl::OkStatus() : closed_error();
}

absl::Status udp_core::closed_error() const {
  return make_error(error_kind::closed, absl::StrCat(describe(), " is closed"));
}

template <class Operation>
state_ref<io_operation> udp_core::refused(absl::Status why) {
  auto* const failed = new Operation(core(), nullptr, address_.to_string());
  failed->fail(std::move(why));
  return state_ref<io_operation>(failed);
}

state_ref<io_operation> udp_core::begin_receive(char* buffer, size_t size) {
  absl::Status status = unusable("udp_socket::receive()");
  if (!status.ok()) return refused<receive_operation>(std::move(status));
  io_operation* op = receives_.claim();
  if (op == nullptr) {
    op = receives_.add(
        new receive_operation(core(), this, address_.to_string()));
  }
  auto* const receive = static_cast<receive_operation*>(op);
  receive->buffer = buffer;
  receive->size = size;
  return state_ref<io_operation>(receive);
}

std::optional<absl::StatusOr<datagram>> udp_core::try_receive(
    receive_operation& op) {
  using result = absl::StatusOr<datagram>;
  while (readable()) {
    if (!turns_.take(op)) return std::nullopt;
    sockaddr_storage peer = {};
    socklen_t peer_size = sizeof(peer);
    const ssize_t size = io_calls::current().receive_from(
        fd(), op.buffer, op.size, reinterpret_cast<sockaddr*>(&peer),
        &peer_size);
    if (size >= 0) {
      const auto full_size = static_cast<size_t>(size);
      absl::StatusOr<socket_address> from = socket_address::from_raw(
          reinterpret_cast<sockaddr*>(&peer), peer_size);
      if (!from.ok()) return result(from.status());
      return result(
          datagram{std::min(full_size, op.size), full_size, *std::move(from)});
    }
    if (errno == EAGAIN) {
      read_would_block();
    } else if (errno != EINTR) {
      return result(system_error(errno, absl::StrCat(describe(), ": receive")));
    }
  }
  return std::nullopt;
}

udp_core::sender& udp_core::free_sender() {
  for (const auto& s : senders_) {
    if (s->operation->free()) return *s;
  }
  senders_.push_back(
      std::make_unique<sender>(core(), this, address_.to_string()));
  return *senders_.back();
}

state_ref<io_operation> udp_core::begin_send(std::string_view data,
                                             const socket_address* to) {
  absl::Status status = unusable("udp_socket::send()");
  if (status.ok() && to == nullptr && !peer_.has_value()) {
    status =
        make_error(error_kind::invalid_state,
                   absl::StrCat(describe(),
                                ": send() needs a socket that is connected: "
                                "use send_to()"));
  }
  if (!status.ok()) return refused<send_operation>(std::move(status));
  send_operation& op = *free_sender().operation;
  op.data = data;
  op.to.reset();
  if (to != nullptr) op.to = *to;
  op.claim();
  return state_ref<io_operation>(&op);
}

std::optional<absl::Status> udp_core::try_send(send_operation& op) {
  const auto me =
      std::find_if(senders_.begin(), senders_.end(),
                   [&](const auto& s) { return s->operation.get() == &op; });
  while (writable()) {
    if (!(*me)->turns.take(op)) return std::nullopt;
    const ssize_t sent =
        io_calls::current().send_to(fd(), op.data.data(), op.data.size(),
                                    op.to.has_value() ? op.to->data() : nullptr,
                                    op.to.has_value() ? op.to->size() : 0);
    if (sent >= 0) return absl::OkStatus();
    const int error = errno;
    if (error == EAGAIN) {
      write_would_block();
    } else if (error == EMSGSIZE) {
      return absl::InvalidArgumentError(
          absl::StrCat(describe(), ": send: ", op.data.size(),
                       " bytes are more than a datagram can have"));
    } else if (error != EINTR) {
      const std::string to =
          op.to.has_value() ? absl::StrCat(" to ", op.to->to_string()) : "";
      return system_error(error, absl::StrCat(describe(), ": send", to));
    }
  }
  return std::nullopt;
}

absl::Status udp_core::set(int level, int option, int value, const char* what) {
  absl::Status status = unusable(what);
  if (!status.ok()) return status;
  return set_socket_option(fd(), level, option, value,
                           absl::StrCat(describe(), ": ", what));
}

absl::Status udp_core::change_group(const socket_address& group,
                                    unsigned interface, bool join) {
  const char* const what = join ? "join_group" : "leave_group";
  absl::Status status = unusable(what);
  if (!status.ok()) return status;
  group_req request = {};
  request.gr_interface = interface;
  std::memcpy(&request.gr_group, group.data(), group.size());
  const int level = group.family() == AF_INET6 ? static_cast<int>(IPPROTO_IPV6)
                                               : static_cast<int>(IPPROTO_IP);
  if (::setsockopt(fd(), level, join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP,
                   &request, sizeof(request)) == 0) {
    return absl::OkStatus();
  }
  const std::string call =
      absl::StrCat(describe(), ": ", what, " ", group.to_string());
  if (errno == EADDRNOTAVAIL && !join) {
    return absl::NotFoundError(absl::StrCat(call, ": it has not joined"));
  }
  return system_error(errno, call);
}

absl::Status udp_core::set_multicast_interface(unsigned interface) {
  const char* const what = "set_multicast_interface";
  if (is_v6()) {
    return set(IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(interface),
               what);
  }
  absl::Status status = unusable(what);
  if (!status.ok()) return status;
  ip_mreqn request = {};
  request.imr_ifindex = static_cast<int>(interface);
  if (::setsockopt(fd(), IPPROTO_IP, IP_MULTICAST_IF, &request,
                   sizeof(request)) == 0) {
    return absl::OkStatus();
  }
  return system_error(errno, absl::StrCat(describe(), ": ", what));
}

bool udp_core::io_awaited() const {
  return receives_.waiting() ||
         std::any_of(senders_.begin(), senders_.end(),
                     [](const auto& s) { return s->operation->waiting(); });
}

void udp_core::dropped(bool loop_closed) {
  if (loop_closed) {
    receives_.abandon();
    for (const auto& s : senders_) {
      if (!s->operation->free()) s->operation->abandon();
    }
    return;
  }
  release();  // The number is another one's now.
  fail_waiting("closed by others");
}

std::optional<absl::StatusOr<datagram>> receive_attempt::attempt(
    io_operation& op) {
  auto& receive = static_cast<receive_operation&>(op);
  return receive.owner->try_receive(receive);
}

std::optional<absl::Status> send_attempt::attempt(io_operation& op) {
  auto& send = static_cast<send_operation&>(op);
  return send.owner->try_send(send);
}

}  // namespace internal

namespace {

using internal::owned_descriptor;

absl::StatusOr<owned_descriptor> open_udp(int family,
                                          const udp_options& options,
                                          std::string_view what) {
  absl::StatusOr<owned_descriptor> socket =
      internal::open_socket(family, SOCK_DGRAM, what);
  if (!socket.ok()) return socket;
  absl::Status status;
  const auto set = [&](int level, int option, int value) {
    if (status.ok()) {
      status = internal::set_socket_option(socket->get(), level, option, value,
                                           what);
    }
  };
  if (options.reuse_address) set(SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.reuse_port) set(SOL_SOCKET, SO_REUSEPORT, 1);
  if (options.broadcast) set(SOL_SOCKET, SO_BROADCAST, 1);
  if (family == AF_INET6) {
    set(IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only ? 1 : 0);
  }
  if (options.receive_buffer.has_value()) {
    set(SOL_SOCKET, SO_RCVBUF, *options.receive_buffer);
  }
  if (options.send_buffer.has_value()) {
    set(SOL_SOCKET, SO_SNDBUF, *options.send_buffer);
  }
  if (!status.ok()) return status;
  return socket;
}

absl::Status check_internet(const socket_address& address,
                            std::string_view what) {
  if (address.is_ip()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(absl::string_view(what.data(), what.size()),
                   ": UDP needs an IPv4 or IPv6 address"));
}

}  // namespace

absl::StatusOr<udp_socket> udp_socket::bind(const socket_address& local,
                                            const udp_options& options) {
  internal::loop_core& core =
      internal::loop_core::current("udp_socket::bind()");
  core.check_thread("udp_socket::bind()");
  const std::string what =
      absl::StrCat("UDP socket on ", local.to_string(), ": bind");
  absl::Status status = check_internet(local, what);
  if (!status.ok()) return status;
  absl::StatusOr<owned_descriptor> socket =
      open_udp(local.family(), options, what);
  if (!socket.ok()) return socket.status();
  if (::bind(socket->get(), local.data(), local.size()) != 0) {
    return internal::bind_error(errno, what, local);
  }
  const absl::StatusOr<socket_address> own =
      internal::local_address(socket->get());
  if (!own.ok()) return own.status();
  udp_socket made(new internal::udp_core(core, *own, std::nullopt));
  status = made.core_->open(socket->release(),
                            internal::kIoReadable | internal::kIoWritable);
  if (!status.ok()) return status;
  return made;
}

absl::StatusOr<udp_socket> udp_socket::connect(
    const socket_address& peer, const udp_options& options,
    const std::optional<socket_address>& local) {
  internal::loop_core& core =
      internal::loop_core::current("udp_socket::connect()");
  core.check_thread("udp_socket::connect()");
  const std::string what =
      absl::StrCat("UDP socket to ", peer.to_string(), ": connect");
  absl::Status status = check_internet(peer, what);
  if (!status.ok()) return status;
  absl::StatusOr<owned_descriptor> socket =
      open_udp(peer.family(), options, what);
  if (!socket.ok()) return socket.status();
  const int fd = socket->get();
  if (local.has_value() && ::bind(fd, local->data(), local->size()) != 0) {
    return internal::bind_error(errno, what, *local);
  }
  if (::connect(fd, peer.data(), peer.size()) != 0) {
    return internal::system_error(errno, what);
  }
  const absl::StatusOr<socket_address> own = internal::local_address(fd);
  if (!own.ok()) return own.status();
  udp_socket made(new internal::udp_core(core, *own, peer));
  status = made.core_->open(socket->release(),
                            internal::kIoReadable | internal::kIoWritable);
  if (!status.ok()) return status;
  return made;
}

udp_socket::udp_socket(udp_socket&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)) {}

udp_socket& udp_socket::operator=(udp_socket&& other) noexcept {
  const udp_socket old(std::move(*this));
  core_ = std::exchange(other.core_, nullptr);
  return *this;
}

udp_socket::~udp_socket() {
  if (core_ != nullptr) core_->destroy();
}

internal::udp_core& udp_socket::core() const {
  RATCHET_CHECK(core_ != nullptr,
                "a function of an empty udp_socket was called: it was "
                "default-constructed or moved from");
  return *core_;
}

const socket_address& udp_socket::address() const { return core().address(); }

const std::optional<socket_address>& udp_socket::peer() const {
  return core().peer();
}

udp_socket::receiving udp_socket::receive_from(char* buffer, size_t size) {
  return receiving(core().begin_receive(buffer, size));
}

udp_socket::receiving udp_socket::receive(char* buffer, size_t size) {
  return receiving(core().begin_receive(buffer, size));
}

udp_socket::sending udp_socket::send_to(std::string_view data,
                                        const socket_address& peer) {
  return sending(core().begin_send(data, &peer));
}

udp_socket::sending udp_socket::send(std::string_view data) {
  return sending(core().begin_send(data, nullptr));
}

absl::Status udp_socket::join_group(const socket_address& group,
                                    unsigned interface) {
  return core().change_group(group, interface, /*join=*/true);
}

absl::Status udp_socket::leave_group(const socket_address& group,
                                     unsigned interface) {
  return core().change_group(group, interface, /*join=*/false);
}

absl::Status udp_socket::set_multicast_interface(unsigned interface) {
  return core().set_multicast_interface(interface);
}

absl::Status udp_socket::set_multicast_hops(int hops) {
  return core().is_v6() ? core().set(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops,
                                     "set_multicast_hops")
                        : core().set(IPPROTO_IP, IP_MULTICAST_TTL, hops,
                                     "set_multicast_hops");
}

absl::Status udp_socket::set_multicast_loop(bool loop) {
  const int on = loop ? 1 : 0;
  return core().is_v6() ? core().set(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on,
                                     "set_multicast_loop")
                        : core().set(IPPROTO_IP, IP_MULTICAST_LOOP, on,
                                     "set_multicast_loop");
}

void udp_socket::close() { core().close("closed"); }
bool udp_socket::is_closed() const { return !core().is_open(); }
int udp_socket::descriptor() const { return core().fd(); }

}  // namespace ratchet
