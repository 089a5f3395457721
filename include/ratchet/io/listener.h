#ifndef RATCHET_IO_LISTENER_H_
#define RATCHET_IO_LISTENER_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "ratchet/internal/io_operation.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/stream.h"

namespace ratchet {

// A connection that was accepted.
struct accepted {
  ratchet::stream stream;
  socket_address peer;  // Of a Unix socket: without a path, mostly.
};

namespace internal {

class listener_core;

struct accept_attempt {
  using result_type = accepted;
  static constexpr std::string_view kName = "listener::accept";
  static std::optional<absl::StatusOr<accepted>> attempt(io_operation& op);
};

}  // namespace internal

struct listen_options {
  // How many connections may wait to be accepted. The system has a limit of its
  // own, /proc/sys/net/core/somaxconn.
  int backlog = 1024;

  // Several sockets, of other processes too, have the same port, and each gets
  // a share of the connections.
  bool reuse_port = false;
  // With an IPv6 address: IPv4 comes here, too, or needs a listener of its own.
  bool v6_only = true;
  // The streams send what is written without waiting for more (TCP_NODELAY).
  bool tcp_no_delay = true;

  // A Unix socket in whose place another one is on which nobody listens any
  // more, which is what a process leaves that was killed: that one goes.
  bool replace_stale = true;
  // The permissions of a Unix socket; else those that the umask leaves.
  std::optional<uint32_t> mode;

  // Of the streams.
  ratchet::stream_options stream;
};

// listener: a TCP or Unix socket to which others connect (the sockets of
// asyncio's start_server; serve.h has the rest of it).
//
//   absl::StatusOr<listener> l = listener::listen(socket_address::any(8080));
//   ...
//   step start() { return await<&server::connected>(l_.accept()); }
//   step connected(accepted a) {
//     sessions_.create_task(session(std::move(a.stream)));
//     return start();
//   }
//
// One task at a time accepts; connections come in the order in which the system
// has them. Accepting that has to wait allocates nothing.
//
// Out of descriptors or memory (EMFILE, ENFILE, ENOBUFS, ENOMEM), it pauses:
// who accepts goes on waiting, and it is tried again after 100 ms, then 200 ms,
// and so on up to a second. Connections wait in the backlog meanwhile. The
// loop's error handler is told once (error_report::cause::paused), until a
// connection has been accepted again. What goes wrong with one connection
// before it is accepted is passed over.
//
// Errors of accept(): kFailedPrecondition (error_kind::closed) after close(),
// of the listener or its loop, (error_kind::invalid_state) while another task
// waits in accept(); kAborted (error_kind::destroyed) for a task that waits
// when the listener is closed or destroyed; what the system says of a socket
// that is broken, which no program has seen.
//
// Fairness: after 32 connections without having to wait, all that is ready runs
// before the next one.
//
// Move-only. Destroying it closes it. May outlive its loop. Thread-safety: on
// the loop's thread only.
class listener {
 public:
  using accepting = internal::io_awaitable<internal::accept_attempt>;

  listener() =
      default;  // Empty: valid() is false, and nothing else may be called.
  listener(listener&& other) noexcept;
  listener& operator=(listener&& other) noexcept;
  ~listener();

  // Listens on `address`, in the current loop; port 0 is any that is free. A
  // port is taken also while connections of an earlier process linger
  // (SO_REUSEADDR).
  // Errors: the system's, with what can be done about them, if the address is
  // in use, not this machine's, or not allowed.
  static absl::StatusOr<listener> listen(const socket_address& address,
                                         const listen_options& options = {});

  bool valid() const { return core_ != nullptr; }
  explicit operator bool() const { return valid(); }

  // Where it listens: with the port that it has.
  const socket_address& address() const;

  // The next connection. Cancelling is *cancel-safe*: a connection that has not
  // been accepted is there for the next call.
  accepting accept();

  // Closes it now: nobody can connect any more, those who have and were not
  // accepted are refused, and who waits fails with kAborted. The streams that
  // came of it go on. A Unix socket's file goes, if it is still its own.
  // Nothing for a listener that is closed.
  void close();
  bool is_closed() const;
  // -1 once it is closed.
  int descriptor() const;

 private:
  explicit listener(internal::listener_core* core) : core_(core) {}
  internal::listener_core& core() const;

  internal::listener_core* core_ = nullptr;  // Owned.
};

}  // namespace ratchet

#endif  // RATCHET_IO_LISTENER_H_
