#ifndef RATCHET_TESTS_IO_RAW_SERVER_H_
#define RATCHET_TESTS_IO_RAW_SERVER_H_

// A server that says what it is told to, HTTP or not, and notices when its
// clients go.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/io/readiness.h"

namespace ratchet::test {

class raw_server final {
 public:
  // What to answer to what came first, and whether to close then.
  struct reply {
    std::string bytes;
    bool close = true;
  };
  using script = std::function<reply(const std::string& request)>;

  explicit raw_server(script s) : script_(std::move(s)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size),
        0);
    port_ = ntohs(address.sin_port);
    EXPECT_EQ(listen(listener_, 64), 0);
    accept_next();
  }
  raw_server(const raw_server&) = delete;
  raw_server& operator=(const raw_server&) = delete;
  ~raw_server() {
    accepting_ = {};
    stop_listening();
    for (connection& c : connections_) {
      c.readable = {};
      if (c.fd >= 0) close(c.fd);
    }
  }

  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_); }
  int accepted() const { return accepted_; }
  // Connections that the client has closed.
  int left() const { return left_; }
  // Called when one is.
  std::function<void()> on_left;

  void stop_listening() {
    accepting_ = {};
    if (listener_ >= 0) close(std::exchange(listener_, -1));
  }

 private:
  struct connection {
    int fd;
    bool answered = false;
    future<void> readable = {};
  };

  void accept_next() {
    accepting_ = readable(listener_).then([this] {
      int fd;
      while ((fd = accept4(listener_, nullptr, nullptr,
                           SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        ++accepted_;
        connections_.push_back({fd});
        read_next(connections_.back());
      }
      accept_next();
    });
  }

  void read_next(connection& c) {
    c.readable = readable(c.fd).then([this, &c] { read_now(c); });
  }

  void read_now(connection& c) {
    char buffer[65536];
    const ssize_t got = read(c.fd, buffer, sizeof buffer);
    if (got <= 0) {
      close(std::exchange(c.fd, -1));
      ++left_;
      if (on_left) on_left();
      return;
    }
    if (!std::exchange(c.answered, true)) {
      const reply r = script_(std::string(buffer, static_cast<size_t>(got)));
      EXPECT_EQ(send(c.fd, r.bytes.data(), r.bytes.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(r.bytes.size()));
      if (r.close) {
        close(std::exchange(c.fd, -1));
        return;
      }
    }
    read_next(c);
  }

  script script_;
  int listener_;
  uint16_t port_ = 0;
  int accepted_ = 0;
  int left_ = 0;
  future<void> accepting_;
  std::list<connection> connections_;
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_IO_RAW_SERVER_H_
