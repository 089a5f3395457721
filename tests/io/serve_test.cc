#include "ratchet/io/serve.h"

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/io/listener.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/stream.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/io/sockets.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Sends back what comes; fails when it is told to.
class echo final : public task<void> {
 public:
  explicit echo(stream s) : stream_(std::move(s)) {}
  step start() { return await<&echo::got>(stream_.read_some()); }

 private:
  step got(std::string_view data) {
    if (data.empty()) return done();
    if (data == "fail") return fail(absl::DataLossError("told to fail"));
    return await<&echo::start>(stream_.write(data));
  }

  stream stream_;
};

// Ends in its own time when it is cancelled, and says so.
class polite final : public task<void> {
 public:
  polite(stream s, std::function<void(std::string)> mark)
      : stream_(std::move(s)), mark_(std::move(mark)) {}
  step start() { return await<&polite::got>(stream_.read_some()); }

 private:
  step got(absl::StatusOr<std::string_view> data) {
    if (data.ok() && !data->empty()) return start();
    mark_(data.ok() ? "end" : cancel_reason(data.status()));
    return sleep_for<&polite::said_goodbye>(absl::Milliseconds(500));
  }
  step said_goodbye(absl::Status status) {
    mark_(status.ok() ? "goodbye" : "hurried");
    return done();
  }

  stream stream_;
  std::function<void(std::string)> mark_;
};

// What outlives the loop.
struct served_listener {
  listener l;
};

class ServeTest : public served_listener, public loop_test {
 protected:
  ServeTest() { l = *listener::listen(socket_address::loopback(0)); }

  static auto echoes() {
    return [](accepted a) { return echo(std::move(a.stream)); };
  }
  auto polites() {
    return [this](accepted a) {
      return polite(std::move(a.stream),
                    [this](const std::string& what) { mark(what); });
    };
  }
  client connect() {
    client c(l.address());
    EXPECT_TRUE(c.connected());
    return c;
  }
  // Runs until `c` has received `size` bytes.
  std::string answer(const client& c, size_t size) {
    std::string all;
    for (int i = 0; i < 1000 && all.size() < size; ++i) {
      iterate();
      all += c.received();
    }
    return all;
  }
};

TEST_F(ServeTest, EachConnectionHasATask) {
  const future<void> served = loop.create_task(serve(l, echoes()));
  const client a = connect();
  const client b = connect();
  b.send("b");
  EXPECT_EQ(answer(b, 1), "b");
  a.send("a");
  EXPECT_EQ(answer(a, 1), "a");
  EXPECT_FALSE(served.done());
}

TEST_F(ServeTest, TheHandlerMayGiveAFuture) {
  std::vector<stream> streams;
  const future<void> served = loop.create_task(serve(l, [&](accepted a) {
    streams.push_back(std::move(a.stream));
    return make_ready_future();
  }));
  const client a = connect();
  iterate(30);
  EXPECT_EQ(streams.size(), 1u);
}

TEST_F(ServeTest, OneThatFailsConcernsNoOther) {
  const future<void> served = loop.create_task(serve(l, echoes()));
  const client a = connect();
  const client b = connect();
  a.send("fail");
  b.send("b");
  EXPECT_EQ(answer(b, 1), "b");
  iterate(20);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_THAT(reports[0].who, HasSubstr("connection from 127.0.0.1:"));
  EXPECT_THAT(reports[0].status,
              StatusIs(absl::StatusCode::kDataLoss, "told to fail"));
  EXPECT_TRUE(a.ended());
  EXPECT_EQ(answer(connect(), 0), "");
  EXPECT_FALSE(served.done());
}

TEST_F(ServeTest, FailuresGoToWhoWantsThem) {
  serve_options options;
  std::vector<std::string> told;
  options.on_error = [&](const socket_address& peer, const absl::Status& s) {
    EXPECT_EQ(peer.host_string(), "127.0.0.1");
    told.emplace_back(s.message());
  };
  const future<void> served =
      loop.create_task(serve(l, echoes(), std::move(options)));
  const client a = connect();
  a.send("fail");
  iterate(40);
  EXPECT_THAT(told, ElementsAre("told to fail"));
  EXPECT_THAT(reports, IsEmpty());
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(ServeTest, WhatIsThrownByWhoWantsThemConcernsNoConnection) {
  serve_options options;
  options.on_error = [](const socket_address&, const absl::Status&) {
    throw std::runtime_error("cannot be told");
  };
  const future<void> served =
      loop.create_task(serve(l, echoes(), std::move(options)));
  const client a = connect();
  const client b = connect();
  a.send("fail");
  iterate(40);
  b.send("b");
  EXPECT_EQ(answer(b, 1), "b");
  EXPECT_FALSE(served.done());
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_THAT(reports[0].who,
              HasSubstr("on_error of the connection from 127.0.0.1:"));
  EXPECT_THAT(reports[0].status,
              IsKind(error_kind::thrown, HasSubstr("cannot be told")));
}
#endif

TEST_F(ServeTest, NoConnectionsAtAllIsRefused) {
  serve_options options;
  options.max_connections = 0;
  EXPECT_THAT(loop.run_until_complete(serve(l, echoes(), std::move(options))),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("max_connections is 0")));
  EXPECT_TRUE(l.is_closed());
}

TEST_F(ServeTest, FurtherConnectionsWaitForAPlace) {
  serve_options options;
  options.max_connections = 2;
  const future<void> served =
      loop.create_task(serve(l, echoes(), std::move(options)));
  client a = connect();
  const client b = connect();
  const client c = connect();
  c.send("c");
  iterate(60);
  EXPECT_EQ(c.received(), "");
  b.send("b");
  EXPECT_EQ(answer(b, 1), "b");
  a.close();
  EXPECT_EQ(answer(c, 1), "c");
}

TEST_F(ServeTest, ClosingTheListenerLetsConnectionsEnd) {
  future<void> served = loop.create_task(serve(l, echoes()));
  client a = connect();
  a.send("a");
  EXPECT_EQ(answer(a, 1), "a");
  l.close();
  iterate(40);
  EXPECT_FALSE(served.done());
  a.send("b");
  EXPECT_EQ(answer(a, 1), "b");
  a.close();
  EXPECT_THAT(loop.run_until_complete(std::move(served)), IsOk());
}

TEST_F(ServeTest, AClosedListenerServesNobody) {
  l.close();
  EXPECT_THAT(loop.run_until_complete(serve(l, echoes())), IsOk());
}

TEST_F(ServeTest, CancellingAsksTheConnectionsAndWaitsForThem) {
  future<void> served = loop.create_task(serve(l, polites()));
  const client a = connect();
  iterate(40);
  served.cancel("closing time");
  EXPECT_THAT(loop.run_until_complete(std::move(served)), IsCancelled());
  EXPECT_EQ(elapsed(), absl::Milliseconds(500));
  EXPECT_THAT(taken(), ElementsAre(_, "goodbye"));
  EXPECT_TRUE(l.is_closed());
  EXPECT_TRUE(a.ended());
}

TEST_F(ServeTest, ConnectionsHaveSomeGrace) {
  serve_options options;
  options.grace = absl::Seconds(3);
  future<void> served =
      loop.create_task(serve(l, polites(), std::move(options)));
  const client slow = connect();
  client quick = connect();
  iterate(40);
  served.cancel("closing time");
  loop.call_later(absl::Seconds(1), [&] {
    EXPECT_TRUE(l.is_closed());
    quick.close();
  });
  EXPECT_THAT(loop.run_until_complete(std::move(served)), IsCancelled());
  EXPECT_EQ(elapsed(), absl::Milliseconds(3500));
  EXPECT_THAT(taken(),
              ElementsAre("end", "goodbye", "closing time", "goodbye"));
}

TEST_F(ServeTest, ASecondRequestEndsTheGrace) {
  serve_options options;
  options.grace = absl::Seconds(3);
  future<void> served =
      loop.create_task(serve(l, polites(), std::move(options)));
  const client a = connect();
  iterate(40);
  served.cancel("closing time");
  loop.call_later(absl::Seconds(1), [&] { served.cancel("now"); });
  EXPECT_THAT(loop.run_until_complete(served), IsCancelled());
  EXPECT_EQ(elapsed(), absl::Milliseconds(1500));
}

TEST_F(ServeTest, GraceEndsWithTheLastConnection) {
  serve_options options;
  options.grace = absl::Hours(1);
  future<void> served =
      loop.create_task(serve(l, polites(), std::move(options)));
  client a = connect();
  iterate(40);
  served.cancel();
  loop.call_later(absl::Seconds(1), [&] { a.close(); });
  EXPECT_THAT(loop.run_until_complete(std::move(served)), IsCancelled());
  EXPECT_EQ(elapsed(), absl::Milliseconds(1500));
}

TEST_F(ServeTest, CancelledWithoutConnectionsItEnds) {
  future<void> served = loop.create_task(serve(l, echoes()));
  iterate(3);
  served.cancel();
  EXPECT_THAT(loop.run_until_complete(std::move(served)), IsCancelled());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

TEST_F(ServeTest, TwoHundredClients) {
  const future<void> served = loop.create_task(serve(l, echoes()));
  std::vector<client> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(connect());
    clients.back().send("hello");
  }
  for (const client& c : clients) EXPECT_EQ(answer(c, 5), "hello");
}

TEST_F(ServeTest, EndsWithItsLoop) {
  listener mine;
  {
    event_loop other(clock);
    catch_reports(other);
    mine = *listener::listen(socket_address::loopback(0));
    const future<void> served = other.create_task(serve(mine, echoes()));
    const client b(mine.address());
    for (int i = 0; i < 40; ++i) {
      other.stop();
      EXPECT_THAT(other.run_forever(), IsOk());
    }
    EXPECT_EQ(other.all_tasks().size(), 2u);
  }
}

}  // namespace
}  // namespace ratchet::test
