// Clients that send slowly and clients that do not read: what they cost, and
// that they cost only themselves. In virtual time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
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
#include "ratchet/io/listener.h"
#include "ratchet/io/serve.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/stream.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "tests/io/figures.h"
#include "tests/io/pipes.h"
#include "tests/io/sockets.h"
#include "tests/support/loop_test.h"
#include "tests/support/sanitizers.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::IsEmpty;

// -- Who sends slowly

constexpr absl::Duration kPatience = absl::Seconds(10);

// Answers each line, for which it waits no longer than `patience`.
class line_session final : public task<void> {
 public:
  line_session(stream s, absl::Duration patience)
      : stream_(std::move(s)), patience_(patience) {}
  step start() {
    return await<&line_session::got>(
        with_timeout(stream_.read_line(), patience_));
  }

 private:
  step got(std::optional<std::string_view> line) {
    if (!line.has_value()) return done();
    return await<&line_session::start>(stream_.write({*line, "!\n"}));
  }

  stream stream_;
  const absl::Duration patience_;
};

// What outlives the loop.
struct served_lines {
  scratch_folder folder;
  listener l;
};

class ReliabilitySlowTest : public served_lines, public loop_test {
 protected:
  void begin_to_serve(absl::Duration patience) {
    // A Unix socket, which has what was sent at once: no time passes.
    l = *listener::listen(*socket_address::unix_path(folder.path("s")));
    serve_options options;
    options.on_error = [this](const socket_address&, const absl::Status& s) {
      errors.push_back(s);
      failed_at = elapsed();
    };
    served = loop.create_task(serve(
        l,
        [patience](accepted a) {
          return line_session(std::move(a.stream), patience);
        },
        std::move(options)));
  }

  // A byte now, and one a second until `line` is sent.
  void drip(const client& c, std::string_view line) {
    if (line.empty() || c.ended()) return;
    c.send(line.substr(0, 1));
    ++dripped;
    loop.call_later(absl::Seconds(1),
                    [this, &c, line] { drip(c, line.substr(1)); });
  }

  future<void> served;
  std::vector<absl::Status> errors;
  absl::Duration failed_at = absl::InfiniteDuration();
  size_t dripped = 0;
};

TEST_F(ReliabilitySlowTest, AByteASecondIsCutOffAndHoldsUpNobody) {
  constexpr size_t kOthers = 20;
  constexpr int kTimes = 200;
  begin_to_serve(kPatience);
  const client slow(l.address());
  drip(slow, "what takes half a minute to say\n");

  // All the others ask every 100 ms, and must have had the answer by then.
  std::vector<client> others;
  for (size_t i = 0; i < kOthers; ++i) others.emplace_back(l.address());
  size_t answers = 0;
  for (int time = 0; time < kTimes; ++time) {
    for (const client& c : others) c.send(absl::StrCat("hello ", time, "\n"));
    EXPECT_THAT(loop.run_until_complete(sleep_for(absl::Milliseconds(100))),
                IsOk());
    for (const client& c : others) {
      if (c.received() == absl::StrCat("hello ", time, "!\n")) ++answers;
    }
  }
  EXPECT_EQ(answers, kOthers * kTimes);
  EXPECT_TRUE(slow.ended());
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], IsKind(error_kind::timeout, _));
  EXPECT_EQ(failed_at, kPatience);
  EXPECT_LE(dripped, size_t{11});
  report_figure(
      "one_byte_a_second",
      absl::StrCat("cut off after ", absl::FormatDuration(failed_at), " and ",
                   dripped, " bytes; ", grouped(answers), " requests of ",
                   kOthers, " others meanwhile, all answered at once"));
  served.cancel();
  EXPECT_THAT(loop.run_until_complete(std::move(served)), IsCancelled());
}

TEST_F(ReliabilitySlowTest, AByteASecondArrivesAndCostsNoMoreThanItsBytes) {
  begin_to_serve(absl::InfiniteDuration());
  const client slow(l.address());
  const std::string line = std::string(59, 'x') + "\n";
  EXPECT_THAT(loop.run_until_complete(sleep_for(absl::ZeroDuration())), IsOk());
  const uint64_t first = loop.iteration();
  drip(slow, line);
  EXPECT_THAT(loop.run_until_complete(sleep_for(absl::Minutes(10))), IsOk());
  const uint64_t iterations = loop.iteration() - first;
  EXPECT_EQ(slow.received(), std::string(59, 'x') + "!\n");
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_LE(iterations, 4 * line.size());
  report_figure("one_byte_a_second_allowed",
                absl::StrCat("60 bytes in a minute: ", iterations,
                             " iterations in ten minutes"));
  served.cancel();
  EXPECT_THAT(loop.run_until_complete(std::move(served)), IsCancelled());
}

// -- Who does not read

constexpr size_t kHighWater = 64 * 1024;
constexpr size_t kMessage = 16 * 1024;

// Writes `size` bytes, and waits for no message longer than `patience`.
class pours final : public task<void> {
 public:
  pours(stream& to, uint64_t size, size_t& most_unsent)
      : to_(to), left_(size), most_unsent_(most_unsent) {}

  step start() {
    if (left_ == 0) return await<&pours::end>(to_.shutdown_write());
    left_ -= kMessage;
    stream::writing w = to_.write(message_);
    most_unsent_ = std::max(most_unsent_, to_.unsent());
    if (w.ready()) return await<&pours::start>(std::move(w));
    return await<&pours::start>(with_timeout(std::move(w), kPatience));
  }

 private:
  step end() { return done(); }

  stream& to_;
  uint64_t left_;
  size_t& most_unsent_;
  const std::string message_ = std::string(kMessage, 'x');
};

// Reads to the end, and gives how much it was.
class drains final : public task<uint64_t> {
 public:
  explicit drains(stream& from) : from_(from) {}
  step start() {
    return await<&drains::got>(from_.read_some(buffer_, sizeof buffer_));
  }

 private:
  step got(size_t n) {
    if (n == 0) return done(all_);
    all_ += n;
    return start();
  }

  stream& from_;
  uint64_t all_ = 0;
  char buffer_[32 * 1024];
};

class ReliabilityUnreadTest : public loop_test {
 protected:
  // One end of it writes, the other one is left alone, or reads.
  struct connection {
    explicit connection(uint64_t size) : to_write(size) {}
    uint64_t to_write;
    socket_pair pair;
    stream ours;
    size_t most_unsent = 0;
    future<void> poured;
  };

  void begin_to_pour(connection& c) {
    c.ours = *stream::adopt(c.pair.take_ours());
    c.poured = loop.create_task(pours(c.ours, c.to_write, c.most_unsent));
  }
};

TEST_F(ReliabilityUnreadTest, ReadersThatNeverReadTakeNoMoreThanTheirShare) {
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  constexpr size_t kReaders = 100;
  const uint64_t kRead = kSanitized ? kGiB / 16 : kGiB / 4 * scale();
  release_free_memory();
  const uint64_t before = resident_memory();
  std::vector<std::unique_ptr<connection>> all;
  for (size_t i = 0; i < kReaders; ++i) {
    all.push_back(std::make_unique<connection>(kGiB));
    begin_to_pour(*all.back());
  }
  connection read(kRead);
  begin_to_pour(read);
  stream theirs = *stream::adopt(read.pair.take_theirs());
  const uint64_t wall = wall_ns();
  EXPECT_THAT(loop.run_until_complete(drains(theirs)), IsOkAndHolds(kRead));
  const uint64_t took = wall_ns() - wall;
  const uint64_t growth = resident_growth(before);
  EXPECT_THAT(loop.run_until_complete(std::move(read.poured)), IsOk());
  // Nobody was waited for.
  EXPECT_EQ(elapsed(), absl::ZeroDuration());

  size_t most_unsent = read.most_unsent;
  for (const std::unique_ptr<connection>& c : all) {
    EXPECT_FALSE(c->poured.done());
    most_unsent = std::max(most_unsent, c->most_unsent);
  }
  EXPECT_LE(most_unsent, kHighWater + kMessage);
  if (!kSanitized) {
    EXPECT_LE(growth, (kReaders + 1) * 2 * (kHighWater + kMessage));
  }
  for (const std::unique_ptr<connection>& c : all) {
    EXPECT_THAT(loop.run_until_complete(std::move(c->poured)),
                IsKind(error_kind::timeout, _));
  }
  EXPECT_EQ(elapsed(), kPatience);
  report_figure(
      "never_reads",
      absl::StrCat(kReaders, " readers that never read, 1 GiB for each: ",
                   grouped(most_unsent), " bytes unsent at most, ",
                   grouped(growth / kReaders),
                   " bytes resident for each; one beside them that reads got ",
                   kRead >> 20, " MiB in ", millis(took),
                   "; the others were given up after ",
                   absl::FormatDuration(elapsed())));
}

// -- Who sends much

TEST_F(ReliabilityUnreadTest, TheLoopIsNotHeldUpByALargeMessage) {
  constexpr uint64_t kSize = uint64_t{kSanitized ? 4 : 16} << 20;
  constexpr int kRounds = kSanitized ? 1 : 3;
  // Of an iteration, in the round in which it was the shortest.
  const auto longest = [&](auto read) {
    uint64_t shortest = UINT64_MAX;
    for (int round = 0; round < kRounds; ++round) {
      connection c(kSize);
      begin_to_pour(c);
      stream theirs = *stream::adopt(c.pair.take_theirs());
      auto f = loop.create_task(read(theirs));
      longest_time iteration;
      while (!f.done()) {
        iteration.begin();
        iterate();
        iteration.end();
      }
      const auto all = loop.run_until_complete(std::move(f));
      EXPECT_THAT(all, IsOk());
      EXPECT_EQ(all->size(), kSize);
      EXPECT_THAT(loop.run_until_complete(std::move(c.poured)), IsOk());
      shortest = std::min(shortest, iteration.ns());
    }
    return shortest;
  };
  const uint64_t exactly =
      longest([](stream& s) { return s.read_exactly(kSize); });
  const uint64_t all = longest([](stream& s) { return s.read_all(kSize); });
  report_figure("large_message",
                absl::StrCat(kSize >> 20, " MiB in one piece: iterations of ",
                             millis(exactly), " at most by read_exactly(), ",
                             millis(all), " by read_all()"));
  if (!kSanitized) {
    EXPECT_LE(exactly, kMostHeldUpNs);
    EXPECT_LE(all, kMostHeldUpNs);
  }
}

}  // namespace
}  // namespace ratchet::test
