#include "ratchet/io/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/internal/io_calls.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/stream.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "tests/io/sockets.h"
#include "tests/io/splitting_calls.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ListenerTest : public loop_test {
 protected:
  static listener listening(
      const socket_address& address = socket_address::loopback(0),
      const listen_options& options = {}) {
    absl::StatusOr<listener> l = listener::listen(address, options);
    EXPECT_THAT(l, IsOk());
    return l.ok() ? *std::move(l) : listener();
  }
  socket_address unix_address(const std::string& name) const {
    return *socket_address::unix_path(folder.path(name));
  }
  absl::StatusOr<accepted> accept(listener& l) {
    return loop.run_until_complete(l.accept());
  }

  scratch_folder folder;
};

TEST_F(ListenerTest, HasAPort) {
  const listener l = listening();
  EXPECT_NE(l.address().port(), 0);
  EXPECT_EQ(l.address().family(), AF_INET);
}

TEST_F(ListenerTest, AcceptsWhoHasConnected) {
  listener l = listening();
  const client c(l.address());
  absl::StatusOr<accepted> a = accept(l);
  ASSERT_THAT(a, IsOk());
  EXPECT_EQ(a->peer, c.own_address());
  EXPECT_THAT(loop.run_until_complete(a->stream.write("hello")), IsOk());
  EXPECT_EQ(c.receive(5), "hello");
}

TEST_F(ListenerTest, AcceptsWhoConnectsLater) {
  listener l = listening();
  std::optional<client> c;
  loop.call_later(absl::Seconds(3), [&] { c.emplace(l.address()); });
  EXPECT_THAT(accept(l), IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(3));
}

TEST_F(ListenerTest, AcceptsInTheOrderInWhichTheyCame) {
  listener l = listening();
  std::vector<client> clients;
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back(l.address());
    ASSERT_TRUE(clients.back().connected());
  }
  for (const client& c : clients) {
    const absl::StatusOr<accepted> a = accept(l);
    ASSERT_THAT(a, IsOk());
    EXPECT_EQ(a->peer, c.own_address());
  }
}

TEST_F(ListenerTest, WaitingAllocatesNoMachine) {
  listener l = listening();
  future<accepted> f = loop.create_task(l.accept());
  iterate(3);
  const std::vector<task_info> tasks = loop.all_tasks();
  ASSERT_EQ(tasks.size(), 1u);
  EXPECT_THAT(tasks[0].awaiting, HasSubstr("a connection to 127.0.0.1:"));
  EXPECT_FALSE(f.done());
}

TEST_F(ListenerTest, StreamsDoNotWaitForMore) {
  listener l = listening();
  const client c(l.address());
  absl::StatusOr<accepted> a = accept(l);
  ASSERT_THAT(a, IsOk());
  int on = 0;
  socklen_t size = sizeof(on);
  getsockopt(a->stream.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, &size);
  EXPECT_NE(on, 0);
}

// Accepts `wanted` connections, and keeps them.
class accepting_task final : public task<void> {
 public:
  accepting_task(listener& l, size_t wanted, std::vector<accepted>* all)
      : l_(l), wanted_(wanted), all_(all) {}
  step start() {
    if (all_->size() == wanted_) return done();
    return await<&accepting_task::got>(l_.accept());
  }

 private:
  step got(accepted a) {
    all_->push_back(std::move(a));
    return start();
  }

  listener& l_;
  const size_t wanted_;
  std::vector<accepted>* all_;
};

TEST_F(ListenerTest, AcceptsTwoHundred) {
  listener l = listening();
  std::vector<client> clients;
  for (int i = 0; i < 200; ++i) clients.emplace_back(l.address());
  std::vector<accepted> all;
  EXPECT_THAT(loop.run_until_complete(accepting_task(l, 200, &all)), IsOk());
  EXPECT_EQ(all.size(), 200u);
}

TEST_F(ListenerTest, LetsOthersRunInBetween) {
  listener l = listening();
  std::vector<client> clients;
  for (int i = 0; i < 100; ++i) {
    clients.emplace_back(l.address());
    ASSERT_TRUE(clients.back().connected());
  }
  std::vector<accepted> all;
  future<void> f = loop.create_task(accepting_task(l, 100, &all));
  iterate();
  EXPECT_EQ(all.size(), 32u);
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOk());
}

TEST_F(ListenerTest, InterruptedCallsAreRepeated) {
  splitting_calls calls(7);
  listener l = listening();
  std::vector<client> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(l.address());
  std::vector<accepted> all;
  EXPECT_THAT(loop.run_until_complete(accepting_task(l, 20, &all)), IsOk());
}

// -- What goes wrong with one connection

TEST_F(ListenerTest, AClientThatHasGoneIsAcceptedAndTheNextOneToo) {
  listener l = listening();
  client gone(l.address());
  ASSERT_TRUE(gone.connected());
  gone.reset();
  const client c(l.address());
  std::vector<accepted> all;
  EXPECT_THAT(loop.run_until_complete(accepting_task(l, 2, &all)), IsOk());
  EXPECT_THAT(loop.run_until_complete(all[0].stream.read_some()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("reset")));
  EXPECT_THAT(loop.run_until_complete(all[1].stream.write("x")), IsOk());
}

// The system tells of a reset once; the next read would give the end.
TEST_F(ListenerTest, AResetThatAWriteIsToldOfIsNoEndForWhoReads) {
  listener l = listening();
  client c(l.address());
  absl::StatusOr<accepted> a = accept(l);
  ASSERT_THAT(a, IsOk());
  c.send("half");
  future<std::string_view> f = loop.create_task(a->stream.read_exactly(100));
  iterate(3);
  c.reset();
  static_cast<void>(a->stream.write("x"));
  EXPECT_THAT(loop.run_until_complete(std::move(f)),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("reset by peer, after 4 bytes")));
  EXPECT_THAT(loop.run_until_complete(a->stream.read_some()),
              IsOkAndHolds("half"));
  EXPECT_THAT(loop.run_until_complete(a->stream.read_some()),
              StatusIs(absl::StatusCode::kUnavailable, _));
}

// accept() fails so often, and is real then.
class failing_accepts final : public internal::io_calls {
 public:
  failing_accepts(int error, int times) : error_(error), times_(times) {
    set_current(this);
  }
  ~failing_accepts() { set_current(nullptr); }
  int accept(int fd, sockaddr* address, socklen_t* size) override {
    ++calls;
    if (times_ > 0) {
      --times_;
      errno = error_;
      return -1;
    }
    return io_calls::accept(fd, address, size);
  }

  int calls = 0;

 private:
  const int error_;
  int times_;
};

TEST_F(ListenerTest, ErrorsOfOneConnectionArePassedOver) {
  for (const int error : {ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH, EPERM,
                          EOPNOTSUPP, EINTR}) {
    SCOPED_TRACE(error);
    failing_accepts calls(error, 3);
    listener l = listening();
    const client c(l.address());
    EXPECT_THAT(accept(l), IsOk());
    EXPECT_EQ(calls.calls, 4);
  }
  EXPECT_TRUE(reports.empty());
}

TEST_F(ListenerTest, AStormOfErrorsLetsOthersRun) {
  failing_accepts calls(ECONNABORTED, 100);
  listener l = listening();
  const client c(l.address());
  future<accepted> f = loop.create_task(l.accept());
  iterate();
  EXPECT_EQ(calls.calls, 32);
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOk());
}

TEST_F(ListenerTest, AnErrorOfTheListenerIsTold) {
  failing_accepts calls(EINVAL, 1);
  listener l = listening();
  EXPECT_THAT(accept(l), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("accept: Invalid argument")));
}

// -- Out of descriptors

// The process may open no further descriptor while it lives.
class no_more_descriptors final {
 public:
  no_more_descriptors() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int next = dup(0);
    close(next);
    rlimit low = before_;
    low.rlim_cur = static_cast<rlim_t>(next);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  }
  no_more_descriptors(const no_more_descriptors&) = delete;
  no_more_descriptors& operator=(const no_more_descriptors&) = delete;
  ~no_more_descriptors() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }

 private:
  rlimit before_;
};

// There are none for accept(), while it is told so. Not for longer than the
// call: UndefinedBehaviorSanitizer needs a pipe to look at a virtual table.
class scarce_descriptors final : public internal::io_calls {
 public:
  scarce_descriptors() { set_current(this); }
  ~scarce_descriptors() { set_current(nullptr); }
  int accept(int fd, sockaddr* address, socklen_t* size) override {
    ++calls;
    if (!scarce) return io_calls::accept(fd, address, size);
    std::optional<no_more_descriptors> limit(std::in_place);
    const int result = io_calls::accept(fd, address, size);
    const int error = errno;
    limit.reset();
    errno = error;
    return result;
  }

  bool scarce = true;
  int calls = 0;
};

TEST_F(ListenerTest, GoesOnWhenThereAreDescriptorsAgain) {
  scarce_descriptors counting;
  listener l = listening();
  const client c(l.address());
  ASSERT_TRUE(c.connected());
  loop.call_later(absl::Milliseconds(1600), [&] { counting.scarce = false; });
  const uint64_t first = loop.iteration();
  absl::StatusOr<accepted> a = accept(l);
  ASSERT_THAT(a, IsOk());
  EXPECT_EQ(a->peer, c.own_address());
  // Tried at 0, 100, 300, 700, 1500 and 2500 ms, and nothing has spun.
  EXPECT_EQ(elapsed(), absl::Milliseconds(2500));
  EXPECT_EQ(counting.calls, 6);
  EXPECT_LE(loop.iteration() - first, 30u);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].cause, error_report::cause::paused);
  EXPECT_THAT(reports[0].who, HasSubstr("listener on 127.0.0.1:"));
  EXPECT_THAT(reports[0].status, StatusIs(absl::StatusCode::kResourceExhausted,
                                          HasSubstr("Too many open files")));
}

TEST_F(ListenerTest, ReportsEachEpisodeOnce) {
  listener l = listening();
  for (int episode = 1; episode <= 2; ++episode) {
    failing_accepts calls(ENFILE, 4);
    const client c(l.address());
    EXPECT_THAT(accept(l), IsOk());
    EXPECT_EQ(elapsed(), episode * absl::Milliseconds(1500));
    EXPECT_EQ(reports.size(), static_cast<size_t>(episode));
  }
}

TEST_F(ListenerTest, WhoComesInAPauseWaitsForItsEnd) {
  failing_accepts calls(EMFILE, 1);
  listener l = listening();
  const client c(l.address());
  future<accepted> f = loop.create_task(l.accept());
  iterate(2);
  f.cancel();
  iterate(2);
  EXPECT_TRUE(f.cancelled());
  const client another(l.address());  // An edge does not end the pause.
  EXPECT_THAT(accept(l), IsOk());
  EXPECT_EQ(elapsed(), absl::Milliseconds(100));
  EXPECT_EQ(calls.calls, 2);
}

TEST_F(ListenerTest, ClosingEndsAPause) {
  failing_accepts calls(EMFILE, 1000);
  listener l = listening();
  const client c(l.address());
  const future<accepted> f = loop.create_task(l.accept());
  iterate(2);
  l.close();
  run_until_idle();
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
  EXPECT_THAT(f, IsKind(error_kind::destroyed, _));
}

// -- Cancelling, closing, outliving

TEST_F(ListenerTest, CancellingLosesNoConnection) {
  listener l = listening();
  future<accepted> f = loop.create_task(l.accept());
  iterate(3);
  const client c(l.address());
  f.cancel();
  iterate(3);
  EXPECT_TRUE(f.cancelled());
  const absl::StatusOr<accepted> a = accept(l);
  ASSERT_THAT(a, IsOk());
  EXPECT_EQ(a->peer, c.own_address());
}

TEST_F(ListenerTest, ATimeOutLosesNoConnection) {
  listener l = listening();
  EXPECT_THAT(
      loop.run_until_complete(with_timeout(l.accept(), absl::Seconds(2))),
      IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), absl::Seconds(2));
  const client c(l.address());
  EXPECT_THAT(accept(l), IsOk());
}

TEST_F(ListenerTest, OneTaskAtATimeAccepts) {
  listener l = listening();
  const future<accepted> first = loop.create_task(l.accept());
  iterate(2);
  EXPECT_THAT(accept(l), IsKind(error_kind::invalid_state,
                                HasSubstr("while another task waits")));
  EXPECT_FALSE(first.done());
}

TEST_F(ListenerTest, AnAcceptThatIsNotAwaitedIsInNobodysWay) {
  std::optional<listener> l = listening();
  future<accepted> never = loop.create_task(l->accept());
  never.cancel();
  auto later = l->accept();
  const client c(l->address());
  EXPECT_THAT(accept(*l), IsOk());
  l.reset();
  EXPECT_THAT(loop.run_until_complete(std::move(later)),
              IsKind(error_kind::closed, HasSubstr("is closed")));
}

TEST_F(ListenerTest, WhoWaitsIsToldThatItWasClosed) {
  listener l = listening();
  const future<accepted> f = loop.create_task(l.accept());
  iterate(2);
  l.close();
  EXPECT_TRUE(l.is_closed());
  EXPECT_EQ(l.descriptor(), -1);
  iterate(2);
  EXPECT_THAT(f, IsKind(error_kind::destroyed, HasSubstr("was closed while")));
  EXPECT_THAT(accept(l), IsKind(error_kind::closed, HasSubstr("is closed")));
  l.close();
}

TEST_F(ListenerTest, WhoWaitsIsToldThatItWasDestroyed) {
  std::optional<listener> l = listening();
  const future<accepted> f = loop.create_task(l->accept());
  iterate(2);
  l.reset();
  iterate(2);
  EXPECT_THAT(f,
              IsKind(error_kind::destroyed, HasSubstr("was destroyed while")));
}

TEST_F(ListenerTest, WhatItGaveBeforeItsEndFails) {
  std::optional<listener> l = listening();
  listener::accepting a = l->accept();
  l.reset();
  EXPECT_THAT(loop.run_until_complete(std::move(a)),
              IsKind(error_kind::closed, _));
}

TEST_F(ListenerTest, AClosedListenerRefuses) {
  listener l = listening();
  const socket_address address = l.address();
  client waiting(address);
  ASSERT_TRUE(waiting.connected());
  l.close();
  EXPECT_TRUE(waiting.ended());
  EXPECT_FALSE(client(address).connected());
}

TEST_F(ListenerTest, StreamsOutliveTheirListener) {
  listener l = listening();
  const client c(l.address());
  absl::StatusOr<accepted> a = accept(l);
  ASSERT_THAT(a, IsOk());
  l.close();
  c.send("x");
  EXPECT_THAT(loop.run_until_complete(a->stream.read_some()),
              IsOkAndHolds("x"));
}

TEST_F(ListenerTest, MovesWhileATaskWaits) {
  listener l = listening();
  future<accepted> f = loop.create_task(l.accept());
  iterate(2);
  listener moved = std::move(l);
  EXPECT_FALSE(l.valid());  // NOLINT(bugprone-use-after-move): Says so.
  const client c(moved.address());
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOk());
}

TEST_F(ListenerTest, OutlivesItsLoop) {
  listener l;
  std::optional<future<accepted>> f;
  {
    event_loop short_lived(clock);
    catch_reports(short_lived);
    l = listening();
    f = short_lived.create_task(l.accept());
    short_lived.stop();
    EXPECT_THAT(short_lived.run_forever(), IsOk());
  }
  EXPECT_FALSE(f->done());
  EXPECT_THAT(accept(l), IsKind(error_kind::closed, _));
}

TEST_F(ListenerTest, ADescriptorThatOthersCloseFailsWhoWaits) {
  std::optional<listener> l = listening();
  const future<accepted> f = loop.create_task(l->accept());
  iterate(2);
  const int number = l->descriptor();
  close(number);
  const listener next = listening();
  ASSERT_EQ(next.descriptor(), number);
  iterate(2);
  EXPECT_THAT(f,
              IsKind(error_kind::destroyed, HasSubstr("was closed by others")));
  l.reset();
  EXPECT_TRUE(client(next.address()).connected());
}

// -- Addresses

TEST_F(ListenerTest, AnAddressInUseSaysWhatToDo) {
  const listener l = listening();
  EXPECT_THAT(
      listener::listen(l.address()),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("listen on 127.0.0.1:"),
                     HasSubstr("Address already in use"),
                     HasSubstr("another port"), HasSubstr("reuse_port"))));
}

TEST_F(ListenerTest, AnAddressOfOthersSaysSo) {
  EXPECT_THAT(listener::listen(*socket_address::ip("192.0.2.1", 0)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no interface of this machine")));
}

TEST_F(ListenerTest, SeveralShareAPortThatAllow) {
  listen_options options;
  options.reuse_port = true;
  const listener a = listening(socket_address::loopback(0), options);
  const listener b = listening(a.address(), options);
  EXPECT_EQ(a.address(), b.address());
}

TEST_F(ListenerTest, APortIsFreeAtOnceAgain) {
  std::optional<listener> l = listening();
  const socket_address address = l->address();
  {
    const client c(address);
    absl::StatusOr<accepted> a = accept(*l);
    ASSERT_THAT(a, IsOk());
    a->stream.close();  // First, so that the connection lingers here.
  }
  l.reset();
  EXPECT_THAT(listener::listen(address), IsOk());
}

TEST_F(ListenerTest, ListensWithIPv6) {
  absl::StatusOr<listener> l = listener::listen(*socket_address::ip("::1", 0));
  if (!l.ok()) GTEST_SKIP() << "no IPv6 here: " << l.status();
  const client c(l->address());
  EXPECT_THAT(accept(*l), IsOk());
}

TEST_F(ListenerTest, LeavesNoDescriptorBehindWhenItFails) {
  const listener l = listening();
  const size_t before = open_descriptors();
  EXPECT_THAT(listener::listen(l.address()), Not(IsOk()));
  EXPECT_EQ(open_descriptors(), before);
}

// -- Unix sockets

TEST_F(ListenerTest, ListensOnAUnixSocket) {
  listener l = listening(unix_address("s"));
  const client c(unix_address("s"));
  absl::StatusOr<accepted> a = accept(l);
  ASSERT_THAT(a, IsOk());
  EXPECT_EQ(a->peer.family(), AF_UNIX);
  c.send("x");
  EXPECT_THAT(loop.run_until_complete(a->stream.read_some()),
              IsOkAndHolds("x"));
}

TEST_F(ListenerTest, TakesItsFileAway) {
  const std::string path = folder.path("s");
  listener l = listening(unix_address("s"));
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
  l.close();
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST_F(ListenerTest, LeavesAFileThatIsAnothers) {
  const std::string path = folder.path("s");
  listener old = listening(unix_address("s"));
  unlink(path.c_str());
  const listener next = listening(unix_address("s"));
  old.close();
  EXPECT_TRUE(client(unix_address("s")).connected());
}

TEST_F(ListenerTest, TakesThePlaceOfASocketThatWasLeft) {
  const socket_address address = unix_address("s");
  const int left = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(left, address.data(), address.size()), 0);
  close(left);
  listen_options keep;
  keep.replace_stale = false;
  EXPECT_THAT(listener::listen(address, keep),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("another process listens there")));
  EXPECT_THAT(listener::listen(address), IsOk());
}

TEST_F(ListenerTest, DoesNotTakeThePlaceOfOneThatLives) {
  const listener l = listening(unix_address("s"));
  EXPECT_THAT(listener::listen(unix_address("s")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("Address already in use")));
  EXPECT_TRUE(client(unix_address("s")).connected());
}

TEST_F(ListenerTest, DoesNotTakeThePlaceOfAFile) {
  const std::string path = folder.path("s");
  std::FILE* const file = std::fopen(path.c_str(), "w");
  std::fclose(file);
  EXPECT_THAT(listener::listen(unix_address("s")), Not(IsOk()));
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
}

TEST_F(ListenerTest, SetsThePermissionsOfAUnixSocket) {
  listen_options options;
  options.mode = 0600;
  const listener l = listening(unix_address("s"), options);
  struct stat found;
  ASSERT_EQ(stat(folder.path("s").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0600u);
}

TEST_F(ListenerTest, AFolderThatIsNotThereSaysSo) {
  EXPECT_THAT(listener::listen(unix_address("no/s")),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("its folder is not there")));
}

using ListenerDeathTest = ListenerTest;

TEST_F(ListenerDeathTest, AnEmptyOneSaysThatItIs) {
  listener l;
  EXPECT_DEBUG_DEATH(static_cast<void>(l.address()), "an empty listener");
}

}  // namespace
}  // namespace ratchet::test
