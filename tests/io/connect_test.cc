#include "ratchet/io/connect.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/bound_group.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/io/listener.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/stream.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/thread/thread_pool.h"
#include "ratchet/timeout.h"
#include "tests/io/pipes.h"
#include "tests/io/sockets.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A port on which nobody listens.
socket_address dead_end() {
  const absl::StatusOr<listener> l =
      listener::listen(socket_address::loopback(0));
  EXPECT_THAT(l, IsOk());
  return l->address();
}

// One that takes no more connections: what tries waits for ever.
class black_hole final {
 public:
  black_hole() {
    listen_options options;
    options.backlog = 0;
    absl::StatusOr<listener> l =
        listener::listen(socket_address::loopback(0), options);
    EXPECT_THAT(l, IsOk());
    listener_ = *std::move(l);
    do {
      waiting_.emplace_back(listener_.address());
    } while (waiting_.back().connected(/*timeout_ms=*/20));
  }
  const socket_address& address() const { return listener_.address(); }

 private:
  listener listener_;
  std::vector<client> waiting_;
};

class ConnectTest : public loop_test {
 protected:
  static listener listening(
      const socket_address& address = socket_address::loopback(0),
      const listen_options& options = {}) {
    absl::StatusOr<listener> l = listener::listen(address, options);
    EXPECT_THAT(l, IsOk());
    return *std::move(l);
  }

  scratch_folder folder;
};

TEST_F(ConnectTest, GivesAStream) {
  listener l = listening();
  absl::StatusOr<stream> ours = loop.run_until_complete(connect(l.address()));
  ASSERT_THAT(ours, IsOk());
  absl::StatusOr<accepted> theirs = loop.run_until_complete(l.accept());
  ASSERT_THAT(theirs, IsOk());
  EXPECT_THAT(loop.run_until_complete(ours->write("to")), IsOk());
  EXPECT_THAT(loop.run_until_complete(theirs->stream.read_some()),
              IsOkAndHolds("to"));
  EXPECT_THAT(loop.run_until_complete(theirs->stream.write("fro")), IsOk());
  EXPECT_THAT(loop.run_until_complete(ours->read_some()), IsOkAndHolds("fro"));
}

TEST_F(ConnectTest, TwoHundredAtOnce) {
  listener l = listening();
  std::vector<future<stream>> ours;
  for (int i = 0; i < 200; ++i) {
    ours.push_back(loop.create_task(connect(l.address())));
  }
  for (int i = 0; i < 200; ++i) {
    EXPECT_THAT(loop.run_until_complete(l.accept()), IsOk());
  }
  for (future<stream>& f : ours) {
    EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOk());
  }
}

TEST_F(ConnectTest, StreamsDoNotWaitForMoreUnlessToldTo) {
  const listener l = listening();
  for (const bool wanted : {true, false}) {
    connect_options options;
    options.tcp_no_delay = wanted;
    const absl::StatusOr<stream> s =
        loop.run_until_complete(connect(l.address(), options));
    ASSERT_THAT(s, IsOk());
    int on = 0;
    socklen_t size = sizeof(on);
    getsockopt(s->descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, &size);
    EXPECT_EQ(on != 0, wanted);
  }
}

TEST_F(ConnectTest, ComesFromWhereItIsTold) {
  listener l = listening();
  connect_options options;
  options.local = *socket_address::ip("127.0.0.2", 0);
  const absl::StatusOr<stream> s =
      loop.run_until_complete(connect(l.address(), options));
  ASSERT_THAT(s, IsOk());
  const absl::StatusOr<accepted> a = loop.run_until_complete(l.accept());
  ASSERT_THAT(a, IsOk());
  EXPECT_THAT(a->peer.to_string(), HasSubstr("127.0.0.2:"));
}

TEST_F(ConnectTest, ARefusalSaysWho) {
  const socket_address nobody = dead_end();
  EXPECT_THAT(loop.run_until_complete(connect(nobody)),
              StatusIs(absl::StatusCode::kUnavailable,
                       absl::StrCat("connect to ", nobody.to_string(),
                                    ": Connection refused")));
}

TEST_F(ConnectTest, WhatCannotBeReachedSaysSo) {
  EXPECT_THAT(loop.run_until_complete(
                  connect(*socket_address::ip("255.255.255.255", 80))),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("Network is unreachable")));
}

TEST_F(ConnectTest, ATimeOutClosesTheDescriptor) {
  const black_hole hole;
  const size_t before = open_descriptors();
  EXPECT_THAT(loop.run_until_complete(
                  with_timeout(connect(hole.address()), absl::Seconds(5))),
              IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), absl::Seconds(5));
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(ConnectTest, CancellingClosesTheDescriptor) {
  const black_hole hole;
  const size_t before = open_descriptors();
  future<stream> f = loop.create_task(connect(hole.address()));
  iterate(2);
  EXPECT_EQ(open_descriptors(), before + 1);
  f.cancel();
  iterate(2);
  EXPECT_TRUE(f.cancelled());
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(ConnectTest, EndingItWithItsGroupClosesTheDescriptor) {
  const black_hole hole;
  const size_t before = open_descriptors();
  std::optional<bound_group> group(std::in_place);
  const future<stream> f = group->create_task(connect(hole.address()));
  iterate(2);
  group.reset();
  EXPECT_EQ(open_descriptors(), before);
  run_until_idle();
}

TEST_F(ConnectTest, ConnectsToAUnixSocket) {
  const socket_address address = *socket_address::unix_path(folder.path("s"));
  EXPECT_THAT(loop.run_until_complete(connect(address)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("No such file")));
  listener l = listening(address);
  EXPECT_THAT(loop.run_until_complete(connect(address)), IsOk());
  EXPECT_THAT(loop.run_until_complete(l.accept()), IsOk());
}

TEST_F(ConnectTest, AFullBacklogOfAUnixSocketIsWaitedFor) {
  const socket_address address = *socket_address::unix_path(folder.path("s"));
  listen_options options;
  options.backlog = 0;
  listener l = listening(address, options);
  std::vector<client> waiting;
  do {
    waiting.emplace_back(address);
  } while (waiting.back().error() == 0);
  future<stream> f = loop.create_task(connect(address));
  std::optional<future<accepted>> accepting;
  loop.call_later(absl::Milliseconds(500),
                  [&] { accepting = loop.create_task(l.accept()); });
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOk());
  EXPECT_GE(elapsed(), absl::Milliseconds(500));
  EXPECT_LE(elapsed(), absl::Milliseconds(600));
}

TEST_F(ConnectTest, ToAName) {
  thread_pool pool(1);
  listener l = listening();
  EXPECT_THAT(
      loop.run_until_complete(connect(pool, "127.0.0.1", l.address().port())),
      IsOk());
  const socket_address nobody = dead_end();
  EXPECT_THAT(
      loop.run_until_complete(connect(pool, "127.0.0.1", nobody.port())),
      StatusIs(absl::StatusCode::kUnavailable,
               absl::StrCat("connect to ", nobody.to_string(),
                            ": Connection refused")));
}

TEST_F(ConnectTest, ToTheFirstAddressThatCanBeReached) {
  const black_hole hole;
  listener l = listening();
  const size_t before = open_descriptors();
  absl::StatusOr<stream> s = loop.run_until_complete(
      connect({dead_end(), hole.address(), l.address()}));
  ASSERT_THAT(s, IsOk());
  EXPECT_THAT(internal::peer_address(s->descriptor()),
              IsOkAndHolds(l.address()));
  EXPECT_EQ(elapsed(), absl::Milliseconds(250));
  EXPECT_EQ(open_descriptors(), before + 1);
}

// -- Happy eyeballs, with attempts that are told what to do

// What becomes of an attempt, and when.
struct plan {
  absl::Duration takes;
  absl::Status outcome;
};
plan connects(int64_t ms) { return {absl::Milliseconds(ms), absl::OkStatus()}; }
plan fails(int64_t ms, const char* why = "refused") {
  return {absl::Milliseconds(ms), absl::UnavailableError(why)};
}
plan hangs() { return {absl::InfiniteDuration(), absl::OkStatus()}; }

class attempt final : public task<stream> {
 public:
  attempt(plan p, std::function<void(std::string)> mark)
      : plan_(std::move(p)), mark_(std::move(mark)) {}
  attempt(attempt&& other) noexcept = default;
  ~attempt() override {
    if (mark_ != nullptr && begun_ && !ended_) mark_("closed");
  }
  step start() {
    begun_ = true;
    mark_("begins");
    return sleep_for<&attempt::ends>(plan_.takes);
  }

 private:
  step ends() {
    ended_ = true;
    if (!plan_.outcome.ok()) return fail(plan_.outcome);
    socket_pair pair;
    return done(stream::adopt(pair.take_ours()));
  }

  plan plan_;
  std::function<void(std::string)> mark_;
  bool begun_ = false;
  bool ended_ = false;
};

class HappyEyeballsTest : public loop_test {
 protected:
  // Addresses with ports 1, 2, ... and what becomes of each.
  internal::connect_first_task connecting(std::vector<plan> plans,
                                          const connect_options& options = {}) {
    std::vector<socket_address> addresses;
    for (size_t i = 1; i <= plans.size(); ++i) {
      addresses.push_back(socket_address::loopback(static_cast<uint16_t>(i)));
    }
    return internal::connect_first_task(
        addresses, options,
        [this, plans = std::move(plans)](bound_group& group,
                                         const socket_address& address) {
          const uint16_t port = address.port();
          return group.create_task(
              attempt(plans[port - 1u], [this, port](const std::string& what) {
                mark(absl::StrCat(port, " ", what, "@",
                                  absl::ToInt64Milliseconds(elapsed())));
              }));
        });
  }
  absl::StatusOr<stream> run(std::vector<plan> plans,
                             const connect_options& options = {}) {
    return loop.run_until_complete(connecting(std::move(plans), options));
  }
};

TEST_F(HappyEyeballsTest, OneThatConnectsIsEnough) {
  EXPECT_THAT(run({connects(10), connects(10)}), IsOk());
  EXPECT_THAT(taken(), ElementsAre("1 begins@0"));
  EXPECT_EQ(elapsed(), absl::Milliseconds(10));
}

TEST_F(HappyEyeballsTest, TheNextOneBeginsWhenTheFirstIsSlow) {
  EXPECT_THAT(run({hangs(), connects(10)}), IsOk());
  EXPECT_THAT(taken(),
              ElementsAre("1 begins@0", "2 begins@250", "1 closed@260"));
}

TEST_F(HappyEyeballsTest, TheFirstMayWinAfterTheSecondHasBegun) {
  EXPECT_THAT(run({connects(300), connects(100)}), IsOk());
  EXPECT_THAT(taken(),
              ElementsAre("1 begins@0", "2 begins@250", "2 closed@300"));
}

TEST_F(HappyEyeballsTest, AFailureBeginsTheNextAtOnce) {
  EXPECT_THAT(run({fails(20), fails(30), connects(5)}), IsOk());
  EXPECT_THAT(taken(), ElementsAre("1 begins@0", "2 begins@20", "3 begins@50"));
  EXPECT_EQ(elapsed(), absl::Milliseconds(55));
}

TEST_F(HappyEyeballsTest, TheDelayBeginsAnewWithEachAttempt) {
  EXPECT_THAT(run({fails(200), hangs(), hangs(), connects(1)}), IsOk());
  EXPECT_THAT(taken(),
              ElementsAre("1 begins@0", "2 begins@200", "3 begins@450",
                          "4 begins@700", "2 closed@701", "3 closed@701"));
}

TEST_F(HappyEyeballsTest, ALateFailureBeginsTheNextBeforeItsTime) {
  EXPECT_THAT(run({fails(300), hangs(), connects(1)}), IsOk());
  EXPECT_THAT(taken(), ElementsAre("1 begins@0", "2 begins@250", "3 begins@300",
                                   "2 closed@301"));
}

TEST_F(HappyEyeballsTest, AllErrorsAreTold) {
  EXPECT_THAT(run({fails(1, "no v6"), fails(300, "too far"), fails(2, "busy")}),
              StatusIs(absl::StatusCode::kUnavailable,
                       "connect: all 3 addresses failed: no v6; busy; "
                       "too far"));
  EXPECT_EQ(elapsed(), absl::Milliseconds(301));
}

TEST_F(HappyEyeballsTest, OneErrorIsToldAsItIs) {
  EXPECT_THAT(run({fails(1, "no v6")}),
              StatusIs(absl::StatusCode::kUnavailable, "no v6"));
}

TEST_F(HappyEyeballsTest, NoAddressIsAnError) {
  EXPECT_THAT(run({}), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("no address")));
}

TEST_F(HappyEyeballsTest, TheDelayCanBeChosen) {
  connect_options options;
  options.attempt_delay = absl::Milliseconds(20);
  EXPECT_THAT(run({hangs(), hangs(), connects(1)}, options), IsOk());
  EXPECT_THAT(taken(), ElementsAre("1 begins@0", "2 begins@20", "3 begins@40",
                                   "1 closed@41", "2 closed@41"));
}

TEST_F(HappyEyeballsTest, WithoutADelayAllBeginAtOnce) {
  connect_options options;
  options.attempt_delay = absl::ZeroDuration();
  EXPECT_THAT(run({hangs(), hangs(), connects(1)}, options), IsOk());
  EXPECT_THAT(taken(), ElementsAre("1 begins@0", "2 begins@0", "3 begins@0",
                                   "1 closed@1", "2 closed@1"));
}

TEST_F(HappyEyeballsTest, OfTwoThatConnectTheSecondIsClosed) {
  const size_t before = open_descriptors();
  {
    const absl::StatusOr<stream> s = run({connects(260), connects(10)});
    EXPECT_THAT(s, IsOk());
    EXPECT_EQ(open_descriptors(), before + 1);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(HappyEyeballsTest, CancellingEndsAllAttempts) {
  future<stream> f = loop.create_task(connecting({hangs(), hangs(), hangs()}));
  loop.call_later(absl::Milliseconds(300), [&] { f.cancel(); });
  loop.call_later(absl::Milliseconds(301), [&] { mark("later"); });
  run_until_idle();
  EXPECT_TRUE(f.cancelled());
  EXPECT_THAT(taken(), ElementsAre("1 begins@0", "2 begins@250", "1 closed@300",
                                   "2 closed@300", "later"));
}

TEST_F(HappyEyeballsTest, ATimeOutEndsAllAttempts) {
  EXPECT_THAT(loop.run_until_complete(with_timeout(
                  connecting({hangs(), hangs()}), absl::Seconds(2))),
              IsKind(error_kind::timeout, _));
  EXPECT_THAT(taken(), ElementsAre("1 begins@0", "2 begins@250",
                                   "1 closed@2000", "2 closed@2000"));
}

// Whatever the attempts do, the first one that connects is the one.
TEST_F(HappyEyeballsTest, AgreesWithAModel) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    unsigned random = seed * 2654435761u + 1;
    const auto next = [&random] {
      random = random * 1664525u + 1013904223u;
      return random >> 16;
    };
    std::vector<plan> plans(1 + next() % 5);
    for (plan& p : plans) {
      // No two events at the same time: all ends are odd, and distinct.
      const auto ms = static_cast<int64_t>(next() % 400 * 2 + 1);
      p = next() % 2 == 0 ? connects(ms) : fails(ms);
      if (next() % 4 == 0) p = hangs();
    }
    // The model: when each begins, and who is first.
    std::vector<int64_t> ends;
    std::vector<std::string> expected;
    int64_t now = 0;
    int64_t due = 0;  // When the next one begins.
    bool connected = false;
    bool any_hangs = false;
    std::vector<bool> over;
    for (;;) {
      if (due == now && ends.size() < plans.size()) {
        const plan& p = plans[ends.size()];
        const bool forever = p.takes == absl::InfiniteDuration();
        any_hangs |= forever;
        ends.push_back(forever ? INT64_MAX
                               : now + absl::ToInt64Milliseconds(p.takes));
        over.push_back(false);
        expected.push_back(absl::StrCat(ends.size(), " begins@", now));
        due = now + 250;
      }
      size_t first = ends.size();
      for (size_t i = 0; i < ends.size(); ++i) {
        if (!over[i] && ends[i] != INT64_MAX &&
            (first == ends.size() || ends[i] < ends[first])) {
          first = i;
        }
      }
      const bool more = ends.size() < plans.size();
      if (first == ends.size() && !more) break;
      if (first == ends.size() || (more && due < ends[first])) {
        now = due;
        continue;
      }
      now = ends[first];
      over[first] = true;
      if (plans[first].outcome.ok()) {
        connected = true;
        break;
      }
      due = now;
    }
    taken();
    const absl::Time start = clock.now();
    future<stream> f = loop.create_task(connecting(plans));
    loop.call_later(absl::Seconds(10), [this] { loop.stop(); });
    EXPECT_THAT(loop.run_forever(), IsOk());
    std::vector<std::string> begins;
    for (const std::string& what : taken()) {
      const size_t at = what.find('@');
      if (what.find("begins") == std::string::npos) continue;
      int64_t ms = std::stoll(what.substr(at + 1)) -
                   absl::ToInt64Milliseconds(start - absl::UnixEpoch());
      begins.push_back(absl::StrCat(what.substr(0, at + 1), ms));
    }
    EXPECT_EQ(begins, expected);
    EXPECT_EQ(f.done(), connected || !any_hangs);
    if (f.done()) {
      EXPECT_EQ(f.status().ok(), connected);
    }
  }
}

}  // namespace
}  // namespace ratchet::test
