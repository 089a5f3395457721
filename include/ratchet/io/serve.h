#ifndef RATCHET_IO_SERVE_H_
#define RATCHET_IO_SERVE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/callback_handle.h"
#include "ratchet/event_loop.h"
#include "ratchet/internal/awaitables.h"
#include "ratchet/io/listener.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/status.h"
#include "ratchet/sync/event.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"

namespace ratchet {

struct serve_options {
  // Further ones wait in the listener's backlog until one of these has ended.
  // Not 0: that is refused.
  size_t max_connections = SIZE_MAX;
  // How long connections may go on by themselves after serve() was cancelled,
  // before they are cancelled, too.
  absl::Duration grace = absl::ZeroDuration();
  // Who is told how a connection has failed, in place of the loop's error
  // handler. One that was cancelled has not failed. What this throws goes to
  // the loop's error handler, and concerns no connection.
  std::function<void(const socket_address& peer, const absl::Status& error)>
      on_error;
};

namespace internal {

// What serve() is, but for the handler.
class serve_base : public task<void> {
 public:
  serve_base(listener& from, serve_options options)
      : listener_(from),
        options_(std::move(options)),
        name_("serve(" + from.address().to_string() + ")") {}
  serve_base(serve_base&& other) noexcept
      : listener_(other.listener_),
        options_(other.options_),
        name_(other.name_) {}

  step start();
  std::string task_name() const override { return name_; }

 protected:
  // How many connections there are. It may be there longer than the machine:
  // the tasks of a group that is destroyed end with it, but what is left of
  // them goes when the loop lets go of it.
  struct counter {
    size_t active = 0;
    event place_free{"serve"};
  };

  // Counts a connection for as long as it lives.
  class place final {
   public:
    explicit place(std::shared_ptr<counter> of) : of_(std::move(of)) {
      ++of_->active;
    }
    place(place&& other) noexcept : of_(std::move(other.of_)) {}
    place& operator=(place&&) = delete;
    ~place() {
      if (of_ == nullptr) return;
      --of_->active;
      of_->place_free.set();
    }

   private:
    std::shared_ptr<counter> of_;
  };

  void connection_failed(const socket_address& peer,
                         const absl::Status& error) const;

  // Starts a task for it.
  virtual void begin(accepted connection) = 0;

  listener& listener_;
  const serve_options options_;
  const std::string name_;
  std::shared_ptr<counter> counter_;  // Made at the start.
  absl::Status outcome_;
  callback_handle grace_;
  task_group group_;  // The last member: what is in it uses the others.

 private:
  step next();
  step place_is_free(absl::Status status);
  step connected(absl::StatusOr<accepted> connection);
  step stop(absl::Status why);
  step ended(absl::Status status);
};

// Calls the handler and awaits what it gives; what it throws is its error.
template <class Handler>
class handle_task final : public task<void> {
  using handled = std::invoke_result_t<Handler&, accepted>;
  static_assert(is_awaitable<handled>,
                "serve(listener, handler): the handler takes an `accepted` and "
                "gives a machine, or a future: task<void> h(accepted)");

 public:
  handle_task(Handler& handler, accepted connection)
      : handler_(handler), connection_(std::move(connection)) {}

  step start() {
    return this->template await<&handle_task::ended>(
        handler_(std::move(connection_)));
  }

 private:
  step ended() { return done(); }

  Handler& handler_;
  accepted connection_;
};

template <class Handler>
class serve_task final : public serve_base {
 public:
  serve_task(listener& from, Handler handler, serve_options options)
      : serve_base(from, std::move(options)), handler_(std::move(handler)) {}
  serve_task(serve_task&&) noexcept = default;
  ~serve_task() override = default;

 private:
  class connection_task final : public task<void> {
   public:
    connection_task(serve_task& server, accepted connection)
        : server_(server),
          place_(server.counter_),
          peer_(connection.peer),
          handle_(server.handler_, std::move(connection)) {}

    step start() {
      return this->template await<&connection_task::ended>(std::move(handle_));
    }
    std::string task_name() const override {
      return "connection from " + peer_.to_string();
    }

   private:
    // One that fails is not the others' concern.
    step ended(absl::Status status) {
      if (!status.ok() && !is_cancelled(status)) {
        server_.connection_failed(peer_, status);
      }
      return done();
    }

    serve_task& server_;  // Which ends this one before it goes.
    place place_;
    const socket_address peer_;
    handle_task<Handler> handle_;
  };

  void begin(accepted connection) override {
    static_cast<void>(
        group_.create_task(connection_task(*this, std::move(connection))));
  }

  Handler handler_;
};

}  // namespace internal

// serve: a task for each connection (asyncio's start_server and serve_forever).
//
//   return await<&me::stopped>(serve(listener_, [](accepted a) {
//     return session(std::move(a.stream));
//   }));
//
// Gives a machine to be awaited, or to be handed to create_task, which accepts
// for ever. For each connection it calls `handler`, in a task of its own, and
// awaits there the machine, or future, that it gives. How one fails, by an
// error or an exception, concerns no other, and goes to the loop's error
// handler.
//
// It ends, and has closed the listener by then,
//   - when the listener is closed (asyncio's close() and wait_closed()): OK, as
//     soon as the connections have ended by themselves;
//   - when it is cancelled: Cancelled, as soon as they have ended, which they
//     are asked to after options.grace, or at once when it is cancelled a
//     second time. It *loses data*, the work of the connections;
//   - with an error, if the listener has one: the connections are cancelled;
//   - with kInvalidArgument at once, if options.max_connections is 0.
//
// Lifetime: `listener` outlives the machine. Thread-safety: on the loop's
// thread only.
template <class Handler>
[[nodiscard]] internal::serve_task<std::decay_t<Handler>> serve(
    listener& from, Handler&& handler, serve_options options = {}) {
  static_assert(std::is_invocable_v<std::decay_t<Handler>&, accepted>,
                "serve(listener, handler): the handler takes an `accepted` and "
                "gives a machine, or a future: task<void> h(accepted)");
  return internal::serve_task<std::decay_t<Handler>>(
      from, std::forward<Handler>(handler), std::move(options));
}

}  // namespace ratchet

#endif  // RATCHET_IO_SERVE_H_
