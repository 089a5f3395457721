#ifndef RATCHET_TESTS_IO_CROWD_H_
#define RATCHET_TESTS_IO_CROWD_H_

// Many clients of a server that sends back what it is sent, in a process of
// their own: one process may not have both ends of 10,000 connections open.

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/io/readiness.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/run.h"
#include "tests/io/figures.h"
#include "tests/io/other_process.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {

struct crowd_order {
  enum class kind : uint32_t {
    connect,   // `count` clients more, to `port` of this machine.
    send,      // The first `count` clients send a message each, and
    receive,   // get it back.
    exchange,  // Each of the last 100 sends `count` messages, one after the
               // other has come back, all 100 at the same time.
    leave,     // All close their connections.
  };
  kind what;
  uint32_t count;
  uint16_t port;
};

struct crowd_answer {
  uint64_t done = 0;   // Clients, or messages, to the end.
  uint64_t wrong = 0;  // Messages that came back as something else.
  uint64_t ns = 0;     // All of it, and of the single exchange
  uint64_t median_ns = 0;
  uint64_t p99_ns = 0;
  uint64_t longest_ns = 0;
};

// What the process does. System calls alone, all of which may block.
class crowd_process final {
 public:
  static constexpr size_t kBusy = 100;

  explicit crowd_process(int control) : control_(control) {}

  void run() {
    raise_descriptor_limit();
    crowd_order order;
    while (other_process::receive(control_, order)) {
      const uint64_t begin = wall_ns();
      crowd_answer answer = obeyed(order);
      answer.ns = wall_ns() - begin;
      other_process::send(control_, answer);
    }
  }

 private:
  struct busy_client {
    int fd;
    uint32_t left;
    std::string sent;
    size_t come = 0;
    uint64_t since = 0;
  };

  crowd_answer obeyed(const crowd_order& order) {
    crowd_answer answer;
    switch (order.what) {
      case crowd_order::kind::connect:
        while (answer.done < order.count && connect_to(order.port)) {
          ++answer.done;
        }
        break;
      case crowd_order::kind::send:
        for (size_t i = 0; i < order.count; ++i) {
          if (send_all(clients_[i], message_of(i))) ++answer.done;
        }
        break;
      case crowd_order::kind::receive:
        for (size_t i = 0; i < order.count; ++i) {
          const std::string expected = message_of(i);
          std::string got(expected.size(), '\0');
          if (recv(clients_[i], got.data(), got.size(), MSG_WAITALL) ==
              static_cast<ssize_t>(got.size())) {
            ++answer.done;
          }
          if (got != expected) ++answer.wrong;
        }
        break;
      case crowd_order::kind::exchange:
        exchange(order.count, answer);
        break;
      case crowd_order::kind::leave:
        for (const int fd : clients_) close(fd);
        answer.done = clients_.size();
        clients_.clear();
        break;
    }
    return answer;
  }

  bool connect_to(uint16_t port) {
    const socket_address server = socket_address::loopback(port);
    const int fd = socket(server.family(), SOCK_STREAM, 0);
    if (fd < 0) return false;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, server.data(), server.size()) != 0) {
      close(fd);
      return false;
    }
    clients_.push_back(fd);
    return true;
  }

  static std::string message_of(size_t client) {
    return "client " + std::to_string(client) + " is still here";
  }
  static bool send_all(int fd, const std::string& text) {
    return send(fd, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }

  // 16 to 1,015 bytes, of which no two messages have the same.
  std::string next_message() {
    std::string text(16 + number_ * 7919 % 1000, '\0');
    for (char& c : text) {
      seed_ = seed_ * 1664525 + 1013904223;
      c = static_cast<char>(seed_ >> 24);
    }
    std::memcpy(text.data(), &number_, sizeof number_);
    ++number_;
    return text;
  }

  void begin_next(busy_client& c) {
    --c.left;
    c.come = 0;
    c.sent = next_message();
    c.since = wall_ns();
    send_all(c.fd, c.sent);
  }

  void exchange(uint32_t count, crowd_answer& answer) {
    const int epoll = epoll_create1(0);
    std::vector<busy_client> busy;
    busy.reserve(kBusy);
    for (size_t i = clients_.size() - kBusy; i < clients_.size(); ++i) {
      busy.push_back({clients_[i], count, ""});
      epoll_event event = {};
      event.events = EPOLLIN;
      event.data.u64 = busy.size() - 1;
      epoll_ctl(epoll, EPOLL_CTL_ADD, clients_[i], &event);
    }
    std::vector<uint64_t> took;
    took.reserve(kBusy * count);
    for (busy_client& c : busy) begin_next(c);
    size_t going_on = busy.size();
    while (going_on > 0) {
      epoll_event events[kBusy];
      const int ready = epoll_wait(epoll, events, kBusy, 10'000);
      if (ready <= 0) break;  // Something was lost.
      for (int i = 0; i < ready; ++i) {
        busy_client& c = busy[events[i].data.u64];
        char buffer[1024];
        const ssize_t n = recv(c.fd, buffer, c.sent.size() - c.come, 0);
        if (n <= 0) {
          close(epoll);
          return;
        }
        const auto got = static_cast<size_t>(n);
        if (std::memcmp(buffer, c.sent.data() + c.come, got) != 0) {
          ++answer.wrong;
        }
        c.come += got;
        if (c.come < c.sent.size()) continue;
        took.push_back(wall_ns() - c.since);
        if (c.left > 0) {
          begin_next(c);
        } else {
          --going_on;
        }
      }
    }
    close(epoll);
    answer.done = took.size();
    if (took.empty()) return;
    std::sort(took.begin(), took.end());
    answer.median_ns = took[took.size() / 2];
    answer.p99_ns = took[took.size() * 99 / 100];
    answer.longest_ns = took.back();
  }

  const int control_;
  std::vector<int> clients_;
  uint64_t number_ = 0;
  uint32_t seed_ = 1;
};

// How the test talks to them. begin() returns at once, and they are at it; one
// order is answered before the next one is given. Made before the test has much
// memory: it is copied page by page when the test writes to it.
class crowd final {
 public:
  crowd() : process_([](int control) { crowd_process(control).run(); }) {}

  void begin_to_connect(const socket_address& server, size_t count) {
    other_process::send(
        process_.control(),
        crowd_order{crowd_order::kind::connect, static_cast<uint32_t>(count),
                    server.port()});
  }
  void begin(crowd_order::kind what, size_t count = 0) {
    other_process::send(process_.control(),
                        crowd_order{what, static_cast<uint32_t>(count), 0});
  }
  // Waits, and the loop stands still.
  crowd_answer end() {
    crowd_answer answer;
    EXPECT_TRUE(other_process::receive(process_.control(), answer));
    return answer;
  }
  // Waits, and the loop runs.
  crowd_answer end_in(event_loop& loop) {
    EXPECT_THAT(loop.run_until_complete(readable(process_.control())), IsOk());
    return end();
  }

 private:
  other_process process_;
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_IO_CROWD_H_
