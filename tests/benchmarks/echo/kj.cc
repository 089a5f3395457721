// KJ, of Cap'n Proto: a loop of promises for each connection.

#include <fcntl.h>
#include <kj/async-io.h>
#include <kj/async.h>
#include <kj/debug.h>
#include <sys/socket.h>

#include <cstddef>
#include <memory>
#include <utility>

#include "tests/benchmarks/echo/server.h"

namespace {

constexpr unsigned kBusyPollInterval = 256;

struct connection {
  explicit connection(kj::Own<kj::AsyncIoStream> s) : stream(kj::mv(s)) {}

  kj::Promise<void> echo() {
    return stream->tryRead(buffer, 1, sizeof buffer)
        .then([this](size_t n) -> kj::Promise<void> {
          if (n == 0) return kj::READY_NOW;
          return stream->write(buffer, n).then([this] { return echo(); });
        });
  }

  kj::Own<kj::AsyncIoStream> stream;
  char buffer[ECHO_BUFFER];
};

kj::Promise<void> take(kj::ConnectionReceiver& receiver, kj::TaskSet& all) {
  return receiver.accept().then(
      [&receiver, &all](kj::Own<kj::AsyncIoStream> stream) {
        const int yes = 1;
        stream->setsockopt(IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        auto c = kj::heap<connection>(kj::mv(stream));
        kj::Promise<void> echo = c->echo();
        all.add(echo.attach(kj::mv(c)));
        return take(receiver, all);
      });
}

struct errors : kj::TaskSet::ErrorHandler {
  // A connection that was reset.
  void taskFailed(kj::Exception&&) override {}
};

}  // namespace

int main() {
  kj::AsyncIoContext io = kj::setupAsyncIo();
  // Else it asks the system only when nothing is left to do. That is never, as
  // long as the first of the connections have something to read, and the others
  // starve.
  io.waitScope.setBusyPollInterval(kBusyPollInterval);
  // A socket of our own, so that its port is free and its backlog ours.
  const int listener =
      socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const sockaddr_in address = echo_address();
  echo_require(bind(listener, reinterpret_cast<const sockaddr*>(&address),
                    sizeof address) == 0,
               "bind()");
  echo_require(listen(listener, ECHO_BACKLOG) == 0, "listen()");
  kj::Own<kj::ConnectionReceiver> receiver =
      io.lowLevelProvider->wrapListenSocketFd(
          listener, kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP |
                        kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK |
                        kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC);
  errors ignored;
  kj::TaskSet all(ignored);
  echo_announce(listener);
  take(*receiver, all).wait(io.waitScope);
  return 0;
}
