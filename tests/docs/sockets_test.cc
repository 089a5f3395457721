// The snippets of docs/guide.md about sockets, compiled and run.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "ratchet/io/connect.h"
#include "ratchet/io/listener.h"
#include "ratchet/io/serve.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/stream.h"
#include "ratchet/io/udp_socket.h"
#include "ratchet/ratchet.h"
#include "ratchet/thread/thread_pool.h"

namespace {

// -- The snippets

class echo final : public ratchet::task<void> {
 public:
  explicit echo(ratchet::stream peer) : peer_(std::move(peer)) {}
  step start() { return await<&echo::got>(peer_.read_line()); }

 private:
  step got(std::optional<std::string_view> line) {
    if (!line.has_value()) return done();  // The other side has ended it.
    return await<&echo::start>(peer_.write({*line, "\n"}));
  }

  ratchet::stream peer_;
};

class echo_server final : public ratchet::task<void> {
 public:
  explicit echo_server(ratchet::listener& l) : listener_(l) {}
  step start() {
    ratchet::serve_options options;
    options.max_connections = 1000;
    options.grace = absl::Seconds(5);  // To end by themselves when it stops.
    return await<&echo_server::stopped>(ratchet::serve(
        listener_,
        [](ratchet::accepted a) { return echo(std::move(a.stream)); },
        options));
  }

 private:
  step stopped(absl::Status status) { return done(std::move(status)); }

  ratchet::listener& listener_;
};

class ask final : public ratchet::task<std::string> {
 public:
  ask(ratchet::thread_pool& pool, std::string host, uint16_t port)
      : pool_(pool), host_(std::move(host)), port_(port) {}
  step start() {
    return await<&ask::connected>(ratchet::with_timeout(
        ratchet::connect(pool_, host_, port_), absl::Seconds(10)));
  }

 private:
  step connected(ratchet::stream server) {
    server_ = std::move(server);
    return await<&ask::asked>(server_.write("how are you?\n"));
  }
  step asked() { return await<&ask::answered>(server_.read_line()); }
  step answered(std::optional<std::string_view> line) {
    return done(std::string(line.value_or("no answer")));
  }

  ratchet::thread_pool& pool_;
  const std::string host_;
  const uint16_t port_;
  ratchet::stream server_;
};

class time_of_day final : public ratchet::task<void> {
 public:
  explicit time_of_day(ratchet::udp_socket& s) : socket_(s) {}
  step start() {
    return await<&time_of_day::got>(socket_.receive_from(buffer_, 512));
  }

 private:
  step got(ratchet::datagram d) {
    if (d.truncated()) return start();  // Nobody asks in so many words.
    answer_ = absl::FormatTime(ratchet::event_loop::current().now());
    return await<&time_of_day::start>(socket_.send_to(answer_, d.peer));
  }

  ratchet::udp_socket& socket_;
  char buffer_[512];
  std::string answer_;
};

// -- What they do

TEST(SocketsGuideTest, AServerAnswersAClient) {
  ratchet::event_loop loop;
  ratchet::thread_pool pool(1);
  absl::StatusOr<ratchet::listener> l =
      ratchet::listener::listen(ratchet::socket_address::loopback(0));
  ASSERT_TRUE(l.ok()) << l.status();
  ratchet::future<void> served = loop.create_task(echo_server(*l));
  EXPECT_EQ(loop.run_until_complete(ask(pool, "127.0.0.1", l->address().port()))
                .value_or("nothing"),
            "how are you?");
  served.cancel();
  EXPECT_TRUE(ratchet::is_cancelled(loop.run_until_complete(served)));
  EXPECT_TRUE(l->is_closed());
}

TEST(SocketsGuideTest, DatagramsAreAnswered) {
  ratchet::virtual_clock clock;
  ratchet::event_loop loop(clock);
  absl::StatusOr<ratchet::udp_socket> server =
      ratchet::udp_socket::bind(ratchet::socket_address::loopback(0));
  ASSERT_TRUE(server.ok()) << server.status();
  absl::StatusOr<ratchet::udp_socket> client =
      ratchet::udp_socket::connect(server->address());
  ASSERT_TRUE(client.ok()) << client.status();
  ratchet::future<void> served = loop.create_task(time_of_day(*server));
  EXPECT_TRUE(loop.run_until_complete(client->send("?")).ok());
  char buffer[100];
  absl::StatusOr<ratchet::datagram> answer =
      loop.run_until_complete(client->receive(buffer, sizeof(buffer)));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(std::string(buffer, 10), "1970-01-01");
  served.cancel();
}

}  // namespace
