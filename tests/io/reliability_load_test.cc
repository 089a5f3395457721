// Ten thousand connections: what each costs, what they do to others, and how
// long the loop is held up by them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
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
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/io/listener.h"
#include "ratchet/io/serve.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/stream.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/sync/event.h"
#include "ratchet/task.h"
#include "tests/io/crowd.h"
#include "tests/io/figures.h"
#include "tests/io/signal_storm.h"
#include "tests/io/sockets.h"
#include "tests/support/sanitizers.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::IsEmpty;

// How many there are to be; fewer under a sanitizer.
constexpr size_t kIdle = kSanitized ? 1'000 : 10'000;
constexpr size_t kBusy = crowd_process::kBusy;
const size_t kExchanges = (kSanitized ? 50 : 300) * scale();

// What the connections of one server have to tell.
struct tally {
  size_t open = 0;
  size_t turns = 0;      // Of the program's own code.
  longest_time between;  // Two of them.
  bool timed = true;     // Which takes some time itself.
  void turn() {
    ++turns;
    if (timed) between.lap();
  }
};

// Sends back what comes.
class echo final : public task<void> {
 public:
  echo(stream s, tally& t) : stream_(std::move(s)), tally_(t) {}
  step start() {
    tally_.turn();
    return await<&echo::got>(stream_.read_some());
  }

 private:
  step got(std::string_view data) {
    tally_.turn();
    if (data.empty()) return done();
    return await<&echo::start>(stream_.write(data));
  }

  stream stream_;
  tally& tally_;
};

// The same, and counts those that there are.
class counted_echo final : public task<void> {
 public:
  counted_echo(stream s, tally& t) : echo_(std::move(s), t), tally_(t) {
    ++tally_.open;
  }
  step start() { return await<&counted_echo::ended>(std::move(echo_)); }

 private:
  step ended(absl::Status status) {
    tally_.turn();
    --tally_.open;
    return done(std::move(status));
  }

  echo echo_;
  tally& tally_;
};

// What outlives the loop.
struct served_here {
  crowd clients;
  tally seen;
  listener l;
};

class ReliabilityLoadTest : public served_here, public ::testing::Test {
 protected:
  ReliabilityLoadTest() {
    loop.set_error_handler(
        [this](const error_report& report) { reports.push_back(report); });
    // The clients' ends are in another process, which has the same limit.
    connections = std::min(kIdle + kBusy, raise_descriptor_limit() - 100);
    if (connections < kIdle + kBusy) {
      std::printf("Only %zu connections: the limit of descriptors.\n",
                  connections);
    }
    begin_to_serve();
  }
  ~ReliabilityLoadTest() override { EXPECT_THAT(reports, IsEmpty()); }

  void begin_to_serve() {
    listen_options options;
    options.backlog = kBacklog;
    absl::StatusOr<listener> made =
        listener::listen(socket_address::loopback(0), options);
    ASSERT_THAT(made, IsOk());
    l = *std::move(made);
    served = loop.create_task(serve(l, [this](accepted a) {
      seen.turn();
      return counted_echo(std::move(a.stream), seen);
    }));
  }

  // Until the clients have done it.
  crowd_answer all_do(crowd_order::kind what, size_t count = 0) {
    clients.begin(what, count);
    return clients.end_in(loop);
  }
  crowd_answer connect(size_t count) {
    clients.begin_to_connect(l.address(), count);
    return clients.end_in(loop);
  }
  void iterate() {
    loop.stop();
    ASSERT_THAT(loop.run_forever(), IsOk());
  }
  template <class Condition>
  void run_until(Condition condition) {
    while (!condition()) iterate();
  }

  // How many connections may wait to be accepted.
  static constexpr int kBacklog = 4096;
  static size_t backlog() {
    size_t most = 128;
    std::ifstream("/proc/sys/net/core/somaxconn") >> most;
    return std::min(most, size_t{kBacklog});
  }

  steady_clock clock;
  std::vector<error_report> reports;
  size_t connections;
  event_loop loop{clock};
  future<void> served;
};

// The first test of the program: what others have left to the allocator would
// be taken for what this one does not need.
TEST_F(ReliabilityLoadTest, TenThousandIdleConnectionsAndAHundredBusyOnes) {
  const size_t descriptors = open_descriptors();
  const size_t idle = connections - kBusy;
  iterate();
  const uint64_t before = resident_memory();
  EXPECT_EQ(connect(idle).done, idle);
  run_until([&] { return seen.open == idle; });
  const uint64_t each = resident_growth(before) / idle;
  if (!kSanitized) {
    EXPECT_LE(each, 16u * 1024);
  }

  EXPECT_EQ(connect(kBusy).done, kBusy);
  run_until([&] { return seen.open == connections; });
  seen.between.lap();
  seen.between.forget();
  const crowd_answer busy = all_do(crowd_order::kind::exchange, kExchanges);
  EXPECT_EQ(busy.done, kBusy * kExchanges);
  EXPECT_EQ(busy.wrong, 0u);
  const uint64_t held_up = seen.between.ns();

  // The idle ones have been forgotten by nobody.
  EXPECT_EQ(all_do(crowd_order::kind::send, idle).done, idle);
  const crowd_answer awake = all_do(crowd_order::kind::receive, idle);
  EXPECT_EQ(awake.done, idle);
  EXPECT_EQ(awake.wrong, 0u);

  EXPECT_EQ(all_do(crowd_order::kind::leave).done, connections);
  run_until([&] { return seen.open == 0; });
  report_figure(
      absl::StrCat("idle_", idle),
      absl::StrCat(
          grouped(each), " bytes resident per idle connection; ", kBusy,
          " busy ones beside them: ",
          grouped(busy.done * 1'000'000'000 / busy.ns), " requests/s, latency ",
          millis(busy.median_ns), " in the middle, ", millis(busy.p99_ns),
          " p99, ", millis(busy.longest_ns), " at most; the loop ",
          millis(held_up), " at most without a turn of the program; ",
          grouped(busy.done + awake.done), " messages came back right"));
  EXPECT_EQ(open_descriptors(), descriptors);
  served.cancel();
  EXPECT_THAT(loop.run_until_complete(std::move(served)), IsCancelled());
}

// The longest of each kind, in the round in which it was the shortest: what a
// machine adds that does something else in between is not the library's.
struct held_up {
  uint64_t without_turn = UINT64_MAX;  // Between two turns of the program.
  uint64_t iteration = UINT64_MAX;     // With all turns that are in it.

  void add_round(const held_up& round) {
    without_turn = std::min(without_turn, round.without_turn);
    iteration = std::min(iteration, round.iteration);
  }
  std::string text() const {
    return absl::StrCat(millis(without_turn), " (", millis(iteration),
                        " an iteration)");
  }
};

class ReliabilityHeldUpTest : public ReliabilityLoadTest {
 protected:
  // What happens in `in` from now on until `over()`.
  template <class Condition>
  held_up measured(event_loop& in, Condition over) {
    seen.between.begin();
    seen.between.forget();
    longest_time iteration;
    while (!over()) {
      in.stop();
      iteration.begin();
      EXPECT_THAT(in.run_forever(), IsOk());
      iteration.end();
    }
    seen.between.lap();
    return {seen.between.ns(), iteration.ns()};
  }
  template <class Condition>
  held_up measured(Condition over) {
    return measured(loop, over);
  }

  static void expect_short(const held_up& figure) {
    if (!kSanitized) {
      EXPECT_LE(figure.without_turn, kMostHeldUpNs);
    }
  }
};

TEST_F(ReliabilityHeldUpTest, TheLoopIsNotHeldUpByManyConnectionsAtOnce) {
  const size_t rounds = 2 * scale();
  const size_t waiting = std::min(backlog(), connections);
  held_up accepts;
  held_up ready;
  held_up ends;
  held_up cancelled;
  for (size_t round = 0; round < rounds; ++round) {
    // The loop stands still while the clients do something, and then finds
    // all of it at once.
    held_up chunks{0, 0};
    for (size_t left = connections; left > 0;) {
      const size_t some = std::min(left, waiting);
      const size_t now = seen.open + some;
      clients.begin_to_connect(l.address(), some);
      EXPECT_EQ(clients.end().done, some);
      const held_up chunk = measured([&] { return seen.open == now; });
      chunks = {std::max(chunks.without_turn, chunk.without_turn),
                std::max(chunks.iteration, chunk.iteration)};
      left -= some;
    }
    accepts.add_round(chunks);

    const size_t turns = seen.turns;
    clients.begin(crowd_order::kind::send, connections);
    EXPECT_EQ(clients.end().done, connections);
    ready.add_round(
        measured([&] { return seen.turns == turns + 2 * connections; }));
    clients.begin(crowd_order::kind::receive, connections);
    EXPECT_EQ(clients.end().done, connections);

    if (round % 2 == 0) {
      clients.begin(crowd_order::kind::leave);
      EXPECT_EQ(clients.end().done, connections);
      ends.add_round(measured([&] { return seen.open == 0; }));
    } else {
      served.cancel();
      cancelled.add_round(measured([&] { return served.done(); }));
      EXPECT_EQ(seen.open, 0u);
      EXPECT_THAT(loop.run_until_complete(std::move(served)), IsCancelled());
      clients.begin(crowd_order::kind::leave);
      EXPECT_EQ(clients.end().done, connections);
      begin_to_serve();
    }
  }
  report_figure(
      "held_up_by_connections",
      absl::StrCat("without a turn of the program, at most: ", grouped(waiting),
                   " waiting to be accepted ", accepts.text(), "; ",
                   grouped(connections), " readable at once ", ready.text(),
                   "; as many that end ", ends.text(), "; as many cancelled ",
                   cancelled.text()));
  expect_short(accepts);
  expect_short(ready);
  expect_short(ends);
  expect_short(cancelled);
}

class waiting_for final : public task<void> {
 public:
  waiting_for(event& e, tally& t) : event_(e), tally_(t) {}
  step start() { return await<&waiting_for::woken>(event_.wait()); }

 private:
  step woken() {
    tally_.turn();
    return done();
  }

  event& event_;
  tally& tally_;
};

TEST_F(ReliabilityHeldUpTest, TheLoopIsNotHeldUpByManyTimersAndTasksAtOnce) {
  constexpr int kRounds = 6;
  held_up timers;
  held_up tasks;
  for (int round = 0; round < kRounds; ++round) {
    seen.timed = round % 2 == 0;  // In the others, the iteration is.
    const auto add_round = [&](held_up& figure, held_up measured) {
      if (!seen.timed) measured.without_turn = UINT64_MAX;
      figure.add_round(measured);
    };
    virtual_clock jumping;
    event_loop other(jumping);
    const auto all_had_a_turn = [&] { return seen.turns == kIdle; };
    for (size_t i = 0; i < kIdle; ++i) {
      other.call_later(absl::Nanoseconds(i * 7919 % 1000),
                       [this] { seen.turn(); });
    }
    jumping.advance(absl::Microseconds(1));
    seen.turns = 0;
    add_round(timers, measured(other, all_had_a_turn));

    event now;
    std::vector<future<void>> all;
    for (size_t i = 0; i < kIdle; ++i) {
      all.push_back(other.create_task(waiting_for(now, seen)));
    }
    measured(other, [&] { return other.iteration() > 3; });  // All wait.
    now.set();
    seen.turns = 0;
    add_round(tasks, measured(other, all_had_a_turn));
  }
  report_figure(
      "held_up_by_timers",
      absl::StrCat("without a turn of the program, at most: ", grouped(kIdle),
                   " timers due at once ", timers.text(),
                   "; as many tasks woken by one event ", tasks.text()));
  expect_short(timers);
  expect_short(tasks);
}

TEST_F(ReliabilityLoadTest, ASignalStormOverSocketsLosesNothing) {
  EXPECT_EQ(connect(kBusy).done, kBusy);
  const size_t exchanges = kExchanges / 3;
  crowd_answer busy;
  int signals;
  {
    const signal_storm storm(50);
    busy = all_do(crowd_order::kind::exchange, exchanges);
    // Connecting, accepting and closing in it, too.
    EXPECT_EQ(connect(kBusy).done, kBusy);
    EXPECT_EQ(all_do(crowd_order::kind::leave).done, 2 * kBusy);
    run_until([&] { return seen.open == 0; });
    signals = signal_storm::came;
  }
  EXPECT_EQ(busy.done, kBusy * exchanges);
  EXPECT_EQ(busy.wrong, 0u);
  EXPECT_GT(signals, 100);
  report_figure("signal_storm",
                absl::StrCat(grouped(busy.done), " messages came back right, ",
                             grouped(static_cast<uint64_t>(signals)),
                             " signals in ", millis(busy.ns)));
  served.cancel();
  EXPECT_THAT(loop.run_until_complete(std::move(served)), IsCancelled());
}

}  // namespace
}  // namespace ratchet::test
