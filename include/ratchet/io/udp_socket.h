#ifndef RATCHET_IO_UDP_SOCKET_H_
#define RATCHET_IO_UDP_SOCKET_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/internal/io_operation.h"
#include "ratchet/io/socket_address.h"

namespace ratchet {

// A datagram that has come, in the buffer that was given for it.
struct datagram {
  size_t size;          // How much of it is in the buffer.
  size_t full_size;     // How long it was.
  socket_address peer;  // Who sent it.

  // The buffer was too short: the rest is lost.
  bool truncated() const { return size < full_size; }
};

namespace internal {

class udp_core;

struct receive_attempt {
  using result_type = datagram;
  static constexpr std::string_view kName = "udp_socket::receive";
  static std::optional<absl::StatusOr<datagram>> attempt(io_operation& op);
};
struct send_attempt {
  using result_type = void;
  static constexpr std::string_view kName = "udp_socket::send";
  static std::optional<absl::Status> attempt(io_operation& op);
};

}  // namespace internal

struct udp_options {
  // Others have the same address: with reuse_address all that are bound to it
  // get what is sent to a group (SO_REUSEADDR); with reuse_port each gets a
  // share (SO_REUSEPORT).
  bool reuse_address = false;
  bool reuse_port = false;
  // Sending to broadcast addresses is allowed.
  bool broadcast = false;
  // With an IPv6 address: IPv4 comes here, too, or needs a socket of its own.
  bool v6_only = true;
  // In bytes, of the system's buffers; else the system's default. It may take
  // less (/proc/sys/net/core/rmem_max and wmem_max).
  std::optional<int> receive_buffer;
  std::optional<int> send_buffer;
};

// udp_socket: datagrams (asyncio's create_datagram_endpoint, without its
// callbacks).
//
//   absl::StatusOr<udp_socket> s = udp_socket::bind(socket_address::any(5353));
//   ...
//   step start() { return await<&echo::got>(s_.receive_from(b_, sizeof b_)); }
//   step got(datagram d) {
//     return await<&echo::start>(
//         s_.send_to(std::string_view(b_, d.size), d.peer));
//   }
//
// Any number of tasks send; one at a time receives (kFailedPrecondition for a
// second one, error_kind::invalid_state). Waiting allocates nothing, but for
// each further task that waits to send.
//
// What has gone is not what has arrived: UDP loses datagrams, turns them round,
// and the system drops what comes faster than it is received.
//
// Errors: kFailedPrecondition (error_kind::closed) after close(), of the socket
// or its loop; kAborted (error_kind::destroyed) for a task that waits when it
// is closed or destroyed; kInvalidArgument for a datagram that is too long
// (65507 bytes with IPv4); kUnavailable for what cannot be reached. On a
// connected socket, the next receive or send tells that nobody has the port to
// which an earlier one went ("Connection refused", an ICMP message); the socket
// works afterwards as before. Others are not told.
//
// Fairness: after 32 datagrams received, or sent, without having to wait, all
// that is ready runs before the next one.
//
// Move-only. Destroying it closes it. May outlive its loop. Thread-safety: on
// the loop's thread only.
class udp_socket {
 public:
  using receiving = internal::io_awaitable<internal::receive_attempt>;
  using sending = internal::io_awaitable<internal::send_attempt>;

  udp_socket() =
      default;  // Empty: valid() is false, and nothing else may be called.
  udp_socket(udp_socket&& other) noexcept;
  udp_socket& operator=(udp_socket&& other) noexcept;
  ~udp_socket();

  // Has `local` for its address; port 0 is any that is free.
  static absl::StatusOr<udp_socket> bind(const socket_address& local,
                                         const udp_options& options = {});
  // Sends to `peer`, and receives from there alone. Nothing is sent for it.
  static absl::StatusOr<udp_socket> connect(
      const socket_address& peer, const udp_options& options = {},
      const std::optional<socket_address>& local = std::nullopt);

  bool valid() const { return core_ != nullptr; }
  explicit operator bool() const { return valid(); }

  // Its own, with the port that it has; that of the other side, if connected.
  const socket_address& address() const;
  const std::optional<socket_address>& peer() const;

  // The next datagram, into `buffer`, which outlives the wait. 65535 bytes are
  // always enough. An empty one is a datagram, too. Cancelling is
  // *cancel-safe*: what has not been received is there for the next call.
  receiving receive_from(char* buffer, size_t size);
  // The same, of a connected socket, whose peer it is.
  receiving receive(char* buffer, size_t size);

  // Sends `data`, which outlives the wait, as one datagram. Waits while the
  // system's buffer is full. Cancelling is *cancel-safe*: it has not been sent
  // then.
  sending send_to(std::string_view data, const socket_address& peer);
  // The same, of a connected socket. kFailedPrecondition
  // (error_kind::invalid_state) if it is not.
  sending send(std::string_view data);

  // Receives what is sent to that group, too, on the interface with that index
  // (if_nametoindex(3)), or the one that the system takes for 0.
  absl::Status join_group(const socket_address& group, unsigned interface = 0);
  absl::Status leave_group(const socket_address& group, unsigned interface = 0);
  // Of what is sent to groups: through which interface, how many routers it
  // passes (1: none, the default), and whether this machine gets it, too (the
  // default).
  absl::Status set_multicast_interface(unsigned interface);
  absl::Status set_multicast_hops(int hops);
  absl::Status set_multicast_loop(bool loop);

  // Closes it now; who waits fails with kAborted. Nothing for one that is
  // closed.
  void close();
  bool is_closed() const;
  // For what is not here; -1 once it is closed.
  int descriptor() const;

 private:
  explicit udp_socket(internal::udp_core* core) : core_(core) {}
  internal::udp_core& core() const;

  internal::udp_core* core_ = nullptr;  // Owned.
};

}  // namespace ratchet

#endif  // RATCHET_IO_UDP_SOCKET_H_
