#ifndef RATCHET_IO_CONNECT_H_
#define RATCHET_IO_CONNECT_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/bound_group.h"
#include "ratchet/callback_handle.h"
#include "ratchet/future.h"
#include "ratchet/internal/sockets.h"
#include "ratchet/io/resolve.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/stream.h"
#include "ratchet/sync/event.h"
#include "ratchet/task.h"
#include "ratchet/thread/thread_pool.h"

namespace ratchet {

struct connect_options {
  // Where the connection comes from; else what the system takes.
  std::optional<socket_address> local;
  // Sends what is written without waiting for more (TCP_NODELAY).
  bool tcp_no_delay = true;
  // Of a name: AF_INET or AF_INET6 for addresses of that family alone.
  int family = AF_UNSPEC;
  // Of several addresses: how long one is tried alone before the next one is
  // tried, too (RFC 8305, "Connection Attempt Delay").
  absl::Duration attempt_delay = absl::Milliseconds(250);
  // Of the stream.
  ratchet::stream_options stream;
};

namespace internal {

// The machine of connect(address).
class connect_task final : public task<stream> {
 public:
  connect_task(const socket_address& address, const connect_options& options)
      : address_(address), options_(options) {}

  step start();
  std::string task_name() const override;

 private:
  std::string what() const;
  absl::Status prepare();
  step try_now();
  step ready(absl::Status status);
  step connected();

  const socket_address address_;
  const connect_options options_;
  owned_descriptor socket_;
  absl::Duration pause_ = absl::Milliseconds(1);
};

// How one address is tried: a task of `group`, with which it ends.
using connect_function = std::function<future<stream>(
    bound_group& group, const socket_address& address)>;

// The machine of connect(addresses): RFC 8305, section 5.
//
// An attempt begins when the one before it has failed, or has not succeeded
// within the delay. The first to succeed ends the others, there and then.
class connect_first_task final : public task<stream> {
 public:
  connect_first_task(std::vector<socket_address> addresses,
                     const connect_options& options,
                     connect_function connect = nullptr);
  connect_first_task(connect_first_task&& other) noexcept;
  ~connect_first_task() override;

  step start();
  std::string task_name() const override { return "connect"; }

 private:
  void begin_next();
  bool any_left() const { return begun_.size() < addresses_.size(); }
  step changed(absl::Status status);
  step end_with(absl::StatusOr<stream> outcome);
  absl::Status all_errors() const;

  std::vector<socket_address> addresses_;
  connect_options options_;
  connect_function connect_;
  event change_{"connect"};
  bool late_ = false;  // The delay has passed.
  size_t pending_ = 0;
  std::vector<future<stream>> begun_;  // Empty once it has failed.
  std::vector<absl::Status> errors_;   // In the order in which they came.
  callback_handle timer_;
  std::optional<bound_group> group_;  // Made at the start. Ends first.
};

// The machine of connect(pool, host, port).
class connect_host_task final : public task<stream> {
 public:
  connect_host_task(thread_pool& pool, std::string_view host, uint16_t port,
                    const connect_options& options)
      : pool_(pool), host_(host), port_(port), options_(options) {}

  step start();
  std::string task_name() const override;

 private:
  step resolved(absl::StatusOr<std::vector<socket_address>> addresses);
  step connected(absl::StatusOr<stream> outcome);

  thread_pool& pool_;
  const std::string host_;
  const uint16_t port_;
  const connect_options options_;
};

}  // namespace internal

// connect: a stream to somebody who listens (asyncio's open_connection).
//
//   return await<&me::connected>(
//       with_timeout(connect(pool, "example.org", 80), absl::Seconds(10)));
//   ...
//   step connected(stream s) { ... }
//
// Gives a machine to be awaited, or to be handed to create_task. There is no
// time-out but the system's own, which for TCP is minutes: with_timeout() is
// there for that.
//
// Errors: the system's, with the address in front ("connect to 127.0.0.1:80:
// Connection refused"): kUnavailable if it is refused or cannot be reached,
// kNotFound for a Unix socket that is not there, kResourceExhausted without
// descriptors left.
//
// Cancelling closes what was begun, before the task that awaits it goes on; it
// *loses data*: the connection, which may have been made on the other side.
// Thread-safety: on the loop's thread only.
//
// This one is to one address. A Unix socket whose backlog is full is tried
// again, from 1 ms on up to every 100 ms.
[[nodiscard]] internal::connect_task connect(
    const socket_address& address, const connect_options& options = {});

// To the first of several that can be reached, in that order: each is tried
// when the one before has failed, or has not succeeded within attempt_delay;
// the first to succeed is it, and the others are closed (RFC 8305, "happy
// eyeballs"). If none does, the error has the code of the first one and all
// their messages. kInvalidArgument for no addresses.
[[nodiscard]] internal::connect_first_task connect(
    std::vector<socket_address> addresses, const connect_options& options = {});

// To a name: looks it up in a thread of `pool`, and goes on as above, with the
// families of addresses taking turns. Numbers are names, too. `pool` outlives
// the machine.
[[nodiscard]] internal::connect_host_task connect(
    thread_pool& pool, std::string_view host, uint16_t port,
    const connect_options& options = {});

}  // namespace ratchet

#endif  // RATCHET_IO_CONNECT_H_
