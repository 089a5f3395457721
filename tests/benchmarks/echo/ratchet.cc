// ratchet: a task for each connection, which reads and writes by turns.

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/io/listener.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/stream.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
#include "tests/benchmarks/echo/server.h"

namespace {

class connection final : public ratchet::task<void> {
 public:
  explicit connection(ratchet::stream peer) : peer_(std::move(peer)) {}
  step start() {
    return await<&connection::echo>(peer_.read_some(buffer_, sizeof buffer_));
  }

 private:
  step echo(absl::StatusOr<size_t> size) {
    if (!size.ok() || *size == 0) return done();
    return await<&connection::written>(
        peer_.write(std::string_view(buffer_, *size)));
  }
  step written(absl::Status outcome) {
    if (!outcome.ok()) return done();
    return start();
  }

  ratchet::stream peer_;
  // Of all: nobody else runs between a read and its write.
  static inline char buffer_[ECHO_BUFFER];
};

class server final : public ratchet::task<void> {
 public:
  explicit server(ratchet::listener l) : listener_(std::move(l)) {}
  step start() { return await<&server::taken>(listener_.accept()); }

 private:
  step taken(ratchet::accepted a) {
    // It ends by itself: the loop keeps it.
    const ratchet::future<void> goes_on =
        create_task(connection(std::move(a.stream)));
    return start();
  }

  ratchet::listener listener_;
};

}  // namespace

int main() {
  ratchet::event_loop loop;
  ratchet::listen_options options;
  options.backlog = ECHO_BACKLOG;
  absl::StatusOr<ratchet::listener> l =
      ratchet::listener::listen(ratchet::socket_address::loopback(0), options);
  if (!l.ok()) {
    std::cerr << l.status() << '\n';
    return 1;
  }
  echo_announce(l->descriptor());
  const absl::Status ended = loop.run_until_complete(server(*std::move(l)));
  std::cerr << ended << '\n';
  return 1;
}
