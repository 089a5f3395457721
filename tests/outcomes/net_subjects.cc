// Sockets.

#include <errno.h>
#include <sys/socket.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "ratchet/bound_group.h"
#include "ratchet/future.h"
#include "ratchet/internal/io_calls.h"
#include "ratchet/io/connect.h"
#include "ratchet/io/listener.h"
#include "ratchet/io/serve.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/stream.h"
#include "ratchet/io/udp_socket.h"
#include "ratchet/task.h"
#include "tests/io/pipes.h"
#include "tests/io/sockets.h"
#include "tests/outcomes/pool.h"
#include "tests/outcomes/subject.h"
#include "tests/outcomes/table.h"

namespace ratchet::outcomes {
namespace {

listener loopback_listener() {
  absl::StatusOr<listener> l = listener::listen(socket_address::loopback(0));
  EXPECT_TRUE(l.ok()) << l.status();
  return *std::move(l);
}

subject accepting(stage& on) {
  auto listeners = std::make_shared<pool<listener>>(
      [] { return absl::StatusOr<listener>(loopback_listener()); });
  auto clients = std::make_shared<std::vector<test::client>>();
  subject made = awaits_of(
      listeners, [](listener& l) { return l.accept(); }, kStatusWords);
  made.give = [listeners, clients, &on] {
    for (const auto& l : listeners->all()) clients->emplace_back(l->address());
    on.turn(kUntilItLooks);
  };
  made.fail = [listeners, &on] {
    for (const auto& l : listeners->all()) {
      EXPECT_EQ(shutdown(l->descriptor(), SHUT_RD), 0);
    }
    on.turn(kUntilItLooks);
  };
  made.fate = [listeners] {
    return std::string(listeners->all().front()->is_closed()
                           ? "listener closed"
                           : "listener goes on");
  };
  return made;
}

// An attempt to connect, that ends when its source does.
class told_attempt final : public task<stream> {
 public:
  told_attempt(source s, bool& going_on)
      : source_(std::move(s)), going_on_(&going_on) {}
  told_attempt(told_attempt&& other) noexcept
      : source_(std::move(other.source_)),
        going_on_(std::exchange(other.going_on_, nullptr)) {}
  ~told_attempt() override {
    if (going_on_ != nullptr) *going_on_ = false;
  }
  step start() {
    *going_on_ = true;
    return await<&told_attempt::told>(source_);
  }

 private:
  step told() {
    test::socket_pair pair;
    return done(stream::adopt(pair.take_ours()));
  }

  source source_;
  bool* going_on_;
};

subject connecting() {
  auto sources = std::make_shared<int_sources>(1);
  auto going_on = std::make_shared<bool>(false);
  subject made = awaits(
      [sources, going_on] {
        return ratchet::internal::connect_first_task(
            {socket_address::loopback(1)}, {},
            [sources, going_on](bound_group& group, const socket_address&) {
              return group.create_task(
                  told_attempt(sources->futures()[0], *going_on));
            });
      },
      [](const absl::StatusOr<stream>& s) { return word_of(s.status()); });
  made.only_once = true;
  made.give = [sources] { sources->give(0); };
  made.fail = [sources] { sources->fail(0); };
  made.fate = [going_on] {
    return std::string(*going_on ? "attempt goes on" : "attempt closed");
  };
  return made;
}

subject serving() {
  auto l = std::make_shared<listener>(loopback_listener());
  subject made = awaits(
      [l] { return serve(*l, [](accepted) { return make_ready_future(); }); },
      kVoidWords);
  made.give = [l] { l->close(); };
  made.fate = [l] {
    return std::string(l->is_closed() ? "listener closed" : "listener goes on");
  };
  return made;
}

udp_socket loopback_udp() {
  absl::StatusOr<udp_socket> s = udp_socket::bind(socket_address::loopback(0));
  EXPECT_TRUE(s.ok()) << s.status();
  return *std::move(s);
}

// To the port of one that is gone.
absl::StatusOr<udp_socket> udp_to_nobody() {
  return udp_socket::connect(loopback_udp().address());
}

std::string fate_of_udp(const udp_socket& s) {
  return s.is_closed() ? "socket closed" : "socket goes on";
}

subject receiving(stage& on) {
  auto sockets = std::make_shared<pool<udp_socket>>(udp_to_nobody);
  auto buffer = std::make_shared<char>();
  subject made = awaits_of(
      sockets,
      [buffer](udp_socket& s) { return s.receive_from(buffer.get(), 1); },
      kStatusWords);
  made.give = [sockets, &on] {
    for (const auto& s : sockets->all()) {
      const absl::StatusOr<udp_socket> peer = udp_socket::bind(*s->peer());
      EXPECT_TRUE(peer.ok()) << peer.status();
      EXPECT_EQ(sendto(peer->descriptor(), "x", 1, 0, s->address().data(),
                       s->address().size()),
                1);
    }
    on.turn(kUntilItLooks);
  };
  made.fail = [sockets, &on] {
    for (const auto& s : sockets->all()) {
      EXPECT_EQ(::send(s->descriptor(), "x", 1, 0), 1);
    }
    on.turn(kUntilItLooks);
  };
  made.fate = [sockets] { return fate_of_udp(*sockets->all().front()); };
  return made;
}

// Nothing can be sent, or all of it fails, until told otherwise.
class no_room final : public ratchet::internal::io_calls {
 public:
  no_room() { set_current(this); }
  ~no_room() { set_current(nullptr); }
  ssize_t send_to(int fd, const void* data, size_t size,
                  const sockaddr* address, socklen_t address_size) override {
    if (error == 0) {
      return io_calls::send_to(fd, data, size, address, address_size);
    }
    errno = error;
    return -1;
  }

  int error = EAGAIN;
};

subject sending(stage& on) {
  auto socket = std::make_shared<std::optional<udp_socket>>(loopback_udp());
  auto room = std::make_shared<no_room>();
  subject made = awaits(
      [socket, room] { return (*socket)->send_to("x", (*socket)->address()); },
      kVoidWords);
  const auto edge = [socket, &on] {
    const socket_address to = (*socket)->address();
    EXPECT_EQ(sendto((*socket)->descriptor(), "x", 1, 0, to.data(), to.size()),
              1);
    on.turn(kUntilItLooks);
  };
  made.give = [room, edge] {
    room->error = 0;
    edge();
  };
  made.fail = [room, edge] {
    room->error = EHOSTUNREACH;
    edge();
  };
  made.destroy_source = [socket] { socket->reset(); };
  made.only_while_waiting.push_back(event::source_is_destroyed);
  made.fate = [socket] { return fate_of_udp(**socket); };
  return made;
}

}  // namespace

std::vector<named_subject> net_subjects() {
  return {
      {"listener_accept", [](stage& on) { return accepting(on); }},
      {"serve", [](stage&) { return serving(); }},
      {"connect", [](stage&) { return connecting(); }},
      {"udp_receive", [](stage& on) { return receiving(on); }},
      {"udp_send", [](stage& on) { return sending(on); }},
  };
}

}  // namespace ratchet::outcomes
