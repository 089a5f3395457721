#include "ratchet/io/udp_socket.h"

#include <errno.h>
#include <net/if.h>
#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/internal/io_calls.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::HasSubstr;

class UdpSocketTest : public loop_test {
 protected:
  static udp_socket bound(
      const socket_address& address = socket_address::loopback(0),
      const udp_options& options = {}) {
    absl::StatusOr<udp_socket> s = udp_socket::bind(address, options);
    EXPECT_THAT(s, IsOk());
    return s.ok() ? *std::move(s) : udp_socket();
  }
  static udp_socket connected(const socket_address& peer) {
    absl::StatusOr<udp_socket> s = udp_socket::connect(peer);
    EXPECT_THAT(s, IsOk());
    return s.ok() ? *std::move(s) : udp_socket();
  }
  template <class A>
  auto wait(A&& awaitable) {
    return loop.run_until_complete(std::forward<A>(awaitable));
  }
  // A port that nobody has.
  static socket_address dead_end() { return bound().address(); }
  // What comes to `s`, as text.
  std::string text(udp_socket& s) {
    const absl::StatusOr<datagram> d =
        wait(s.receive_from(buffer, sizeof(buffer)));
    EXPECT_THAT(d, IsOk());
    return d.ok() ? std::string(buffer, d->size) : "";
  }

  char buffer[65536];
};

TEST_F(UdpSocketTest, SendsAndReceives) {
  udp_socket a = bound();
  udp_socket b = bound();
  EXPECT_THAT(wait(a.send_to("hello", b.address())), IsOk());
  const absl::StatusOr<datagram> d =
      wait(b.receive_from(buffer, sizeof(buffer)));
  ASSERT_THAT(d, IsOk());
  EXPECT_EQ(std::string_view(buffer, d->size), "hello");
  EXPECT_EQ(d->peer, a.address());
  EXPECT_FALSE(d->truncated());
  EXPECT_NE(a.address().port(), 0);
}

TEST_F(UdpSocketTest, ReceivesWhatComesLater) {
  udp_socket a = bound();
  udp_socket b = bound();
  future<void> sent;
  loop.call_later(absl::Seconds(2), [&] {
    sent = loop.create_task(a.send_to("later", b.address()));
  });
  EXPECT_EQ(text(b), "later");
  EXPECT_EQ(elapsed(), absl::Seconds(2));
}

TEST_F(UdpSocketTest, CarriesEverySize) {
  udp_socket a = bound();
  udp_socket b = bound();
  for (const size_t size : {0u, 1u, 2u, 511u, 512u, 1472u, 1473u, 9000u, 16384u,
                            65000u, 65506u, 65507u}) {
    std::string data(size, '\0');
    for (size_t i = 0; i < size; ++i) data[i] = static_cast<char>(i * 31 % 251);
    EXPECT_THAT(wait(a.send_to(data, b.address())), IsOk()) << size;
    EXPECT_EQ(text(b), data) << size;
  }
}

TEST_F(UdpSocketTest, RefusesWhatIsTooLong) {
  udp_socket a = bound();
  const std::string data(65508, 'x');
  EXPECT_THAT(wait(a.send_to(data, a.address())),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("65508 bytes are more than a datagram")));
  EXPECT_THAT(wait(a.send_to("x", a.address())), IsOk());
}

TEST_F(UdpSocketTest, SaysWhatWasCutOff) {
  udp_socket a = bound();
  EXPECT_THAT(wait(a.send_to("0123456789", a.address())), IsOk());
  EXPECT_THAT(wait(a.send_to("next", a.address())), IsOk());
  const absl::StatusOr<datagram> d = wait(a.receive_from(buffer, 4));
  ASSERT_THAT(d, IsOk());
  EXPECT_TRUE(d->truncated());
  EXPECT_EQ(d->size, 4u);
  EXPECT_EQ(d->full_size, 10u);
  EXPECT_EQ(std::string_view(buffer, 4), "0123");
  EXPECT_EQ(text(a), "next");
}

TEST_F(UdpSocketTest, AnEmptyDatagramIsOne) {
  udp_socket a = bound();
  EXPECT_THAT(wait(a.send_to("", a.address())), IsOk());
  const absl::StatusOr<datagram> d = wait(a.receive_from(buffer, 0));
  ASSERT_THAT(d, IsOk());
  EXPECT_EQ(d->full_size, 0u);
  EXPECT_EQ(d->peer, a.address());
}

// -- Connected

TEST_F(UdpSocketTest, AConnectedOneKnowsItsPeer) {
  udp_socket server = bound();
  udp_socket c = connected(server.address());
  EXPECT_EQ(c.peer(), server.address());
  EXPECT_FALSE(server.peer().has_value());
  EXPECT_THAT(wait(c.send("to")), IsOk());
  EXPECT_EQ(text(server), "to");
  EXPECT_THAT(wait(server.send_to("fro", c.address())), IsOk());
  const absl::StatusOr<datagram> d = wait(c.receive(buffer, sizeof(buffer)));
  ASSERT_THAT(d, IsOk());
  EXPECT_EQ(std::string_view(buffer, d->size), "fro");
  EXPECT_EQ(d->peer, server.address());
}

TEST_F(UdpSocketTest, AConnectedOneReceivesFromItsPeerAlone) {
  udp_socket server = bound();
  udp_socket stranger = bound();
  udp_socket c = connected(server.address());
  EXPECT_THAT(wait(stranger.send_to("no", c.address())), IsOk());
  EXPECT_THAT(wait(server.send_to("yes", c.address())), IsOk());
  EXPECT_EQ(text(c), "yes");
}

TEST_F(UdpSocketTest, SendingNeedsAPeer) {
  udp_socket a = bound();
  EXPECT_THAT(wait(a.send("x")),
              IsKind(error_kind::invalid_state, HasSubstr("use send_to()")));
}

TEST_F(UdpSocketTest, ARefusalIsToldOnceAndTheSocketGoesOn) {
  const socket_address nobody = dead_end();
  udp_socket c = connected(nobody);
  EXPECT_THAT(wait(c.send("anybody there?")), IsOk());
  EXPECT_THAT(wait(c.receive(buffer, sizeof(buffer))),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("receive: Connection refused")));
  udp_socket somebody = bound(nobody);
  EXPECT_THAT(wait(c.send("now?")), IsOk());
  EXPECT_EQ(text(somebody), "now?");
}

TEST_F(UdpSocketTest, ARefusalWakesWhoWaits) {
  const socket_address nobody = dead_end();
  udp_socket c = connected(nobody);
  const future<datagram> f =
      loop.create_task(c.receive(buffer, sizeof(buffer)));
  iterate(2);
  EXPECT_THAT(wait(c.send("x")), IsOk());
  iterate(40);
  EXPECT_THAT(f, StatusIs(absl::StatusCode::kUnavailable, _));
}

TEST_F(UdpSocketTest, AnUnconnectedOneIsNotToldOfRefusals) {
  const socket_address nobody = dead_end();
  udp_socket a = bound();
  EXPECT_THAT(wait(a.send_to("x", nobody)), IsOk());
  EXPECT_THAT(wait(a.send_to("y", a.address())), IsOk());
  EXPECT_EQ(text(a), "y");
}

// -- A buffer that is full

// send() does not take anything until it is told to.
class full_buffer final : public internal::io_calls {
 public:
  full_buffer() { set_current(this); }
  ~full_buffer() { set_current(nullptr); }
  ssize_t send_to(int fd, const void* data, size_t size,
                  const sockaddr* address, socklen_t address_size) override {
    ++calls;
    if (full) {
      errno = EAGAIN;
      return -1;
    }
    return io_calls::send_to(fd, data, size, address, address_size);
  }

  bool full = true;
  int calls = 0;
};

// Sends until the system takes no more, on a socket pair: of UDP proper, the
// loopback takes everything, and throws it away.
TEST_F(UdpSocketTest, SendingWaitsForRoom) {
  full_buffer calls;
  udp_socket a = bound();
  udp_socket b = bound();
  std::vector<future<void>> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(loop.create_task(a.send_to(i == 0   ? "0"
                                                 : i == 1 ? "1"
                                                          : "2",
                                                 b.address())));
  }
  iterate(40);
  for (const future<void>& f : waiting) EXPECT_FALSE(f.done());
  // The first finds out that there is no room, the others do not try.
  const int before = calls.calls;
  EXPECT_LE(before, 3);
  iterate(40);
  EXPECT_EQ(calls.calls, before);
  calls.full = false;
  // An edge: room comes with what is sent and received.
  const int fd = a.descriptor();
  EXPECT_EQ(::sendto(fd, "edge", 4, 0, b.address().data(), b.address().size()),
            4);
  EXPECT_EQ(text(b), "edge");
  for (future<void>& f : waiting) EXPECT_THAT(wait(std::move(f)), IsOk());
  EXPECT_EQ(text(b), "0");
  EXPECT_EQ(text(b), "1");
  EXPECT_EQ(text(b), "2");
}

TEST_F(UdpSocketTest, ASendThatIsCancelledHasNotBeenSent) {
  full_buffer calls;
  udp_socket a = bound();
  future<void> f = loop.create_task(a.send_to("x", a.address()));
  iterate(3);
  f.cancel();
  iterate(3);
  EXPECT_TRUE(f.cancelled());
  calls.full = false;
  EXPECT_THAT(loop.run_until_complete(with_timeout(
                  a.receive_from(buffer, sizeof(buffer)), absl::Seconds(1))),
              IsKind(error_kind::timeout, _));
}

TEST_F(UdpSocketTest, SmallBuffersLoseWhatComesTooFast) {
  udp_options options;
  options.receive_buffer = 4096;
  udp_socket b = bound(socket_address::loopback(0), options);
  udp_socket a = bound();
  const std::string data(1000, 'x');
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(wait(a.send_to(data, b.address())), IsOk());
  }
  int received = 0;
  while (wait(with_timeout(b.receive_from(buffer, sizeof(buffer)),
                           absl::Seconds(1)))
             .ok()) {
    ++received;
  }
  EXPECT_GT(received, 0);
  EXPECT_LT(received, 100);
}

// -- Fairness

class receiving_task final : public task<void> {
 public:
  receiving_task(udp_socket& s, int wanted, int* got)
      : s_(s), wanted_(wanted), got_(got) {}
  step start() {
    if (*got_ == wanted_) return done();
    return await<&receiving_task::one>(s_.receive_from(buffer_, 8));
  }

 private:
  step one(datagram /*d*/) {
    ++*got_;
    return start();
  }

  udp_socket& s_;
  const int wanted_;
  int* got_;
  char buffer_[8] = {};
};

TEST_F(UdpSocketTest, LetsOthersRunInBetween) {
  udp_socket a = bound();
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(wait(a.send_to("x", a.address())), IsOk());
  }
  int got = 0;
  future<void> f = loop.create_task(receiving_task(a, 50, &got));
  iterate();
  EXPECT_EQ(got, 32);
  EXPECT_THAT(wait(std::move(f)), IsOk());
}

// -- Cancelling, closing, outliving

TEST_F(UdpSocketTest, CancellingLosesNoDatagram) {
  udp_socket a = bound();
  future<datagram> f = loop.create_task(a.receive_from(buffer, sizeof(buffer)));
  iterate(2);
  EXPECT_THAT(wait(a.send_to("x", a.address())), IsOk());
  f.cancel();
  iterate(3);
  // It may have been received in time; then it is in f.
  if (f.cancelled()) {
    EXPECT_EQ(text(a), "x");
  }
}

TEST_F(UdpSocketTest, OneTaskAtATimeReceives) {
  udp_socket a = bound();
  const future<datagram> f =
      loop.create_task(a.receive_from(buffer, sizeof(buffer)));
  iterate(2);
  char other[1];
  EXPECT_THAT(wait(a.receive_from(other, 1)),
              IsKind(error_kind::invalid_state, HasSubstr("another task")));
  EXPECT_FALSE(f.done());
}

TEST_F(UdpSocketTest, AReceiveThatIsNotAwaitedIsInNobodysWay) {
  std::optional<udp_socket> a = bound();
  future<datagram> never =
      loop.create_task(a->receive_from(buffer, sizeof(buffer)));
  never.cancel();
  char other[8];
  auto later = a->receive_from(other, sizeof(other));
  EXPECT_THAT(wait(a->send_to("x", a->address())), IsOk());
  EXPECT_THAT(wait(a->receive_from(buffer, sizeof(buffer))), IsOk());
  a.reset();
  EXPECT_THAT(wait(std::move(later)), IsKind(error_kind::closed, _));
}

TEST_F(UdpSocketTest, WhoWaitsIsToldOfTheEnd) {
  full_buffer calls;
  for (const bool destroy : {false, true}) {
    std::optional<udp_socket> a = bound();
    const future<datagram> r =
        loop.create_task(a->receive_from(buffer, sizeof(buffer)));
    const future<void> s = loop.create_task(a->send_to("x", a->address()));
    iterate(2);
    if (destroy) {
      a.reset();
    } else {
      a->close();
      EXPECT_TRUE(a->is_closed());
    }
    iterate(2);
    const char* const what = destroy ? "was destroyed" : "was closed";
    EXPECT_THAT(r, IsKind(error_kind::destroyed, HasSubstr(what)));
    EXPECT_THAT(s, IsKind(error_kind::destroyed, HasSubstr(what)));
  }
}

TEST_F(UdpSocketTest, AClosedOneSaysSo) {
  udp_socket a = bound();
  const socket_address address = a.address();
  a.close();
  EXPECT_THAT(wait(a.receive_from(buffer, 1)), IsKind(error_kind::closed, _));
  EXPECT_THAT(wait(a.send_to("x", address)), IsKind(error_kind::closed, _));
  EXPECT_THAT(a.set_multicast_hops(2), IsKind(error_kind::closed, _));
  EXPECT_EQ(a.descriptor(), -1);
}

TEST_F(UdpSocketTest, OutlivesItsLoop) {
  udp_socket a;
  std::optional<future<datagram>> f;
  {
    event_loop short_lived(clock);
    catch_reports(short_lived);
    a = bound();
    f = short_lived.create_task(a.receive_from(buffer, sizeof(buffer)));
    short_lived.stop();
    EXPECT_THAT(short_lived.run_forever(), IsOk());
  }
  EXPECT_FALSE(f->done());
  EXPECT_THAT(wait(a.receive_from(buffer, 1)), IsKind(error_kind::closed, _));
}

TEST_F(UdpSocketTest, ReportsSayWhatIsWaitedFor) {
  udp_socket a = bound();
  const future<datagram> f =
      loop.create_task(a.receive_from(buffer, sizeof(buffer)));
  iterate(2);
  ASSERT_EQ(loop.all_tasks().size(), 1u);
  EXPECT_THAT(loop.all_tasks()[0].awaiting,
              HasSubstr("a datagram to 127.0.0.1:"));
}

// -- Addresses and options

TEST_F(UdpSocketTest, AnAddressInUseSaysWhatToDo) {
  const udp_socket a = bound();
  EXPECT_THAT(udp_socket::bind(a.address()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("Address already in use"),
                             HasSubstr("another port"))));
}

TEST_F(UdpSocketTest, OthersShareAnAddressThatAllow) {
  udp_options options;
  options.reuse_port = true;
  const udp_socket a = bound(socket_address::loopback(0), options);
  const udp_socket b = bound(a.address(), options);
  EXPECT_EQ(a.address(), b.address());
}

TEST_F(UdpSocketTest, AUnixAddressIsRefused) {
  EXPECT_THAT(udp_socket::bind(*socket_address::unix_path("/tmp/x")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("needs an IPv4 or IPv6 address")));
}

TEST_F(UdpSocketTest, BroadcastNeedsToBeAllowed) {
  udp_socket a = bound();
  EXPECT_THAT(
      wait(a.send_to("x", *socket_address::ip("127.255.255.255", 9))),
      StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("send to")));
  udp_options options;
  options.broadcast = true;
  udp_socket b = bound(socket_address::loopback(0), options);
  EXPECT_THAT(wait(b.send_to("x", *socket_address::ip("127.255.255.255", 9))),
              IsOk());
}

TEST_F(UdpSocketTest, AGroupGetsWhatIsSentToIt) {
  udp_options options;
  options.reuse_address = true;
  udp_socket a = bound(socket_address::any(0), options);
  const socket_address group =
      *socket_address::ip("239.255.77.77", a.address().port());
  const unsigned loopback = if_nametoindex("lo");
  const absl::Status joined = a.join_group(group, loopback);
  if (!joined.ok()) GTEST_SKIP() << joined;
  udp_socket b = bound();
  EXPECT_THAT(b.set_multicast_interface(loopback), IsOk());
  EXPECT_THAT(b.set_multicast_hops(0), IsOk());
  EXPECT_THAT(b.set_multicast_loop(true), IsOk());
  EXPECT_THAT(wait(b.send_to("all", group)), IsOk());
  EXPECT_EQ(text(a), "all");
  EXPECT_THAT(a.leave_group(group, loopback), IsOk());
  EXPECT_THAT(a.leave_group(group, loopback),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("leave_group 239.255.77.77")));
}

TEST_F(UdpSocketTest, WorksWithIPv6) {
  absl::StatusOr<udp_socket> a =
      udp_socket::bind(*socket_address::ip("::1", 0));
  if (!a.ok()) GTEST_SKIP() << "no IPv6 here: " << a.status();
  EXPECT_THAT(wait(a->send_to("six", a->address())), IsOk());
  EXPECT_EQ(text(*a), "six");
}

}  // namespace
}  // namespace ratchet::test
