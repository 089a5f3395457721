#include "ratchet/io/stream.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <random>
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
#include "ratchet/internal/slab.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "tests/io/pipes.h"
#include "tests/support/allocations.h"
#include "tests/support/loop_test.h"
#include "tests/support/sanitizers.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Optional;

class StreamTest : public loop_test {
 protected:
  StreamTest() : ours(adopted(pair.take_ours())) {}

  static stream adopted(int fd, const stream_options& options = {}) {
    absl::StatusOr<stream> s = stream::adopt(fd, options);
    EXPECT_THAT(s, IsOk());
    return *std::move(s);
  }
  template <class A>
  auto wait(A&& awaitable) {
    return loop.run_until_complete(std::forward<A>(awaitable));
  }
  // Reads all that has come to the other end, while the loop runs.
  std::string drain_until(const future<void>& f) {
    std::string all;
    for (int i = 0; i < 100'000 && !f.done(); ++i) {
      all += pair.received();
      iterate();
    }
    return all;
  }

  socket_pair pair;
  stream ours;
};

// -- Reading ------------------------------------------------------------------

TEST_F(StreamTest, ReadsWhatIsThere) {
  pair.send("hello");
  EXPECT_THAT(wait(ours.read_some()), IsOkAndHolds("hello"));
}

TEST_F(StreamTest, ReadsWhatComesLater) {
  loop.call_later(absl::Seconds(1), [&] { pair.send("later"); });
  EXPECT_THAT(wait(ours.read_some()), IsOkAndHolds("later"));
  EXPECT_EQ(elapsed(), absl::Seconds(1));
}

TEST_F(StreamTest, ReadsIntoABufferWithoutACopyInBetween) {
  pair.send("abcdef");
  char buffer[4];
  EXPECT_THAT(wait(ours.read_some(buffer, 4)), IsOkAndHolds(4u));
  EXPECT_EQ(std::string_view(buffer, 4), "abcd");
  EXPECT_EQ(ours.buffered(), 0u);
  EXPECT_THAT(wait(ours.read_some(buffer, 4)), IsOkAndHolds(2u));
  EXPECT_EQ(std::string_view(buffer, 2), "ef");
}

TEST_F(StreamTest, WhatIsBufferedComesFirst) {
  pair.send("line\nrest");
  EXPECT_THAT(wait(ours.read_line()),
              IsOkAndHolds(Optional(std::string_view("line"))));
  char buffer[10];
  EXPECT_THAT(wait(ours.read_some(buffer, 2)), IsOkAndHolds(2u));
  EXPECT_EQ(std::string_view(buffer, 2), "re");
  EXPECT_EQ(ours.buffered(), 2u);
}

TEST_F(StreamTest, TheEndIsNothing) {
  pair.send("x");
  pair.close_theirs();
  char c;
  EXPECT_THAT(wait(ours.read_some()), IsOkAndHolds("x"));
  EXPECT_THAT(wait(ours.read_some()), IsOkAndHolds(""));
  EXPECT_THAT(wait(ours.read_some(&c, 1)), IsOkAndHolds(0u));
  EXPECT_THAT(wait(ours.read_line()), IsOkAndHolds(std::nullopt));
}

TEST_F(StreamTest, AnEndThatComesWithTheDataIsSeen) {
  // No edge tells of it after a short read.
  future<std::string_view> first = loop.create_task(ours.read_some());
  iterate();
  pair.send("x");
  pair.close_theirs();
  EXPECT_THAT(wait(std::move(first)), IsOkAndHolds("x"));
  EXPECT_THAT(wait(ours.read_some()), IsOkAndHolds(""));
}

TEST_F(StreamTest, ReadsExactlyWhatIsAskedFor) {
  future<std::string_view> f = loop.create_task(ours.read_exactly(6));
  pair.send("abc");
  iterate(40);
  EXPECT_FALSE(f.done());
  pair.send("defghi");
  EXPECT_THAT(wait(std::move(f)), IsOkAndHolds("abcdef"));
  EXPECT_THAT(wait(ours.read_exactly(0)), IsOkAndHolds(""));
  EXPECT_THAT(wait(ours.read_exactly(3)), IsOkAndHolds("ghi"));
}

TEST_F(StreamTest, AnEndBeforeThatIsAnErrorAndNothingIsLost) {
  pair.send("abc");
  pair.close_theirs();
  EXPECT_THAT(wait(ours.read_exactly(6)),
              StatusIs(absl::StatusCode::kOutOfRange,
                       HasSubstr("ended after 3 bytes, before the 6")));
  EXPECT_THAT(wait(ours.read_some()), IsOkAndHolds("abc"));
}

TEST_F(StreamTest, ReadsUntilADelimiterThatComesInPieces) {
  future<std::string_view> f = loop.create_task(ours.read_until("\r\n\r\n"));
  for (const char* piece :
       {"head", "\r", "\n\r", "x\r\n", "\r\n", "\r\nbody"}) {
    pair.send(piece);
    iterate(20);
  }
  EXPECT_THAT(wait(std::move(f)), IsOkAndHolds("head\r\n\rx\r\n\r\n"));
  EXPECT_THAT(wait(ours.read_some()), IsOkAndHolds("\r\nbody"));
}

TEST_F(StreamTest, AnEndBeforeTheDelimiterIsAnErrorAndNothingIsLost) {
  pair.send("no end");
  pair.close_theirs();
  EXPECT_THAT(wait(ours.read_until(";")),
              StatusIs(absl::StatusCode::kOutOfRange,
                       HasSubstr("before the delimiter")));
  EXPECT_THAT(wait(ours.read_some()), IsOkAndHolds("no end"));
}

TEST_F(StreamTest, ALimitIsAnErrorAndConsumesNothing) {
  pair.send("0123456789;");
  EXPECT_THAT(wait(ours.read_until(";", 10)),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("limit of 10 bytes")));
  EXPECT_THAT(wait(ours.read_until(";", 11)), IsOkAndHolds("0123456789;"));
}

TEST_F(StreamTest, NothingIsBufferedBeyondTheLimit) {
  const std::string much(1 << 20, 'x');
  socket_pair::fill(pair.theirs);
  EXPECT_THAT(wait(ours.read_line(1000)),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
  EXPECT_LE(ours.buffered(), size_t{4096});
}

TEST_F(StreamTest, ReadsLinesOfBothKindsAndTheLastOneWithoutAnEnd) {
  pair.send("unix\ndos\r\n\n\r\nlast");
  pair.close_theirs();
  for (const char* line : {"unix", "dos", "", "", "last"}) {
    EXPECT_THAT(wait(ours.read_line()),
                IsOkAndHolds(Optional(std::string_view(line))));
  }
  EXPECT_THAT(wait(ours.read_line()), IsOkAndHolds(std::nullopt));
}

TEST_F(StreamTest, ReadsAllThereIs) {
  std::string all;
  for (int i = 0; i < 20'000; ++i) absl::StrAppend(&all, i, " ");
  future<std::string> f = loop.create_task(ours.read_all(all.size()));
  for (size_t at = 0; at < all.size(); at += 10'000) {
    pair.send(std::string_view(all).substr(at, 10'000));
    iterate(3);
  }
  pair.close_theirs();
  EXPECT_THAT(wait(std::move(f)), IsOkAndHolds(all));
}

TEST_F(StreamTest, AllThatIsMoreThanTheLimitIsAnError) {
  pair.send("abcd");
  pair.close_theirs();
  EXPECT_THAT(wait(ours.read_all(3)),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
  EXPECT_THAT(wait(ours.read_all(4)), IsOkAndHolds("abcd"));
}

TEST_F(StreamTest, OneTaskAtATimeReads) {
  future<std::string_view> first = loop.create_task(ours.read_some());
  iterate();
  EXPECT_THAT(wait(ours.read_some()),
              IsKind(error_kind::invalid_state, HasSubstr("another task")));
  pair.send("x");
  EXPECT_THAT(wait(std::move(first)), IsOkAndHolds("x"));
}

TEST_F(StreamTest, AReadThatIsNotAwaitedIsInNobodysWay) {
  future<std::string_view> never = loop.create_task(ours.read_some());
  never.cancel();
  iterate(3);
  EXPECT_TRUE(never.cancelled());
  pair.send("x");
  EXPECT_THAT(wait(ours.read_some()), IsOkAndHolds("x"));
}

TEST_F(StreamTest, ReadsReadInTheOrderInWhichTheyAreAwaited) {
  auto second = ours.read_until("2");
  auto third = ours.read_exactly(3);
  pair.send("first\n..23rd");
  EXPECT_THAT(wait(ours.read_line()), IsOkAndHolds(Optional(Eq("first"))));
  EXPECT_THAT(wait(std::move(second)), IsOkAndHolds("..2"));
  EXPECT_THAT(wait(std::move(third)), IsOkAndHolds("3rd"));
}

TEST_F(StreamTest, AReadCanBeAwaitedAfterTheEndOfItsStream) {
  auto after_close = ours.read_some();
  auto after_destruction = ours.read_some();
  ours.set_name("peer");
  ours.close();
  EXPECT_THAT(wait(std::move(after_close)),
              IsKind(error_kind::closed, HasSubstr("peer is closed")));
  auto begun_after_close = ours.read_some();
  ours = stream();
  EXPECT_THAT(wait(std::move(after_destruction)),
              IsKind(error_kind::closed, _));
  EXPECT_THAT(wait(std::move(begun_after_close)),
              IsKind(error_kind::closed, _));
}

TEST_F(StreamTest, ReadingNothingGivesNothingAtOnce) {
  char buffer[1];
  EXPECT_THAT(wait(ours.read_some(0)), IsOkAndHolds(""));
  EXPECT_THAT(wait(ours.read_some(buffer, 0)), IsOkAndHolds(0u));
  pair.send("x");
  EXPECT_THAT(wait(ours.read_some(0)), IsOkAndHolds(""));
  EXPECT_THAT(wait(ours.read_some()), IsOkAndHolds("x"));
}

TEST_F(StreamTest, WhatIsForOneWayRefusesTheOther) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  stream out = adopted(ends[0]);
  stream in = adopted(ends[1]);
  in.set_name("input");
  EXPECT_THAT(wait(in.read_line()),
              IsKind(error_kind::invalid_state,
                     HasSubstr("input was opened for writing alone")));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(wait(out.write("x")),
                IsKind(error_kind::invalid_state,
                       AllOf(HasSubstr("stream "),
                             HasSubstr("opened for reading alone"))));
    EXPECT_EQ(out.unsent(), 0u);
  }
  EXPECT_THAT(wait(out.flush()), IsKind(error_kind::invalid_state, _));
  EXPECT_THAT(wait(out.shutdown_write()), IsKind(error_kind::invalid_state, _));
  // Neither is worse for it.
  EXPECT_THAT(wait(in.write("hello\n")), IsOk());
  EXPECT_THAT(wait(out.read_line()), IsOkAndHolds(Optional(Eq("hello"))));
}

TEST_F(StreamTest, KeepsItsNumberForErrors) {
  const std::string name = absl::StrCat("stream ", ours.descriptor());
  ours.close();
  EXPECT_THAT(wait(ours.read_some()),
              IsKind(error_kind::closed, HasSubstr(name)));
}

TEST_F(StreamTest, WhatAWriteGaveIsAwaitedOnce) {
  stream::writing w = ours.write("x");
  const stream::writing moved = std::move(w);
  EXPECT_TRUE(moved.ready());
  EXPECT_DEBUG_DEATH(static_cast<void>(w.ready()), "awaited or moved from");
}

TEST_F(StreamTest, ACancelledReadLosesNothing) {
  future<std::string_view> f = loop.create_task(ours.read_exactly(6));
  pair.send("abc");
  iterate(20);
  EXPECT_TRUE(f.cancel());
  EXPECT_THAT(wait(std::move(f)), IsCancelled());
  pair.send("def");
  EXPECT_THAT(wait(ours.read_exactly(6)), IsOkAndHolds("abcdef"));
}

TEST_F(StreamTest, ATimeOutLosesNothing) {
  EXPECT_THAT(wait(with_timeout(ours.read_line(), absl::Seconds(1))),
              IsKind(error_kind::timeout, _));
  pair.send("late\n");
  EXPECT_THAT(wait(ours.read_line()),
              IsOkAndHolds(Optional(std::string_view("late"))));
}

TEST_F(StreamTest, AReadThatWasNeverAwaitedLosesNothing) {
  pair.send("x");
  { auto dropped = ours.read_some(); }
  EXPECT_THAT(wait(ours.read_some()), IsOkAndHolds("x"));
}

TEST_F(StreamTest, AResetIsAnError) {
  socket_pair::fill(ours.descriptor());
  pair.close_theirs();  // With unread data in it: a reset.
  char c;
  EXPECT_THAT(wait(ours.read_some(&c, 1)),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("stream "), HasSubstr("read: "))));
  // And stays one.
  EXPECT_THAT(wait(ours.read_some()),
              StatusIs(absl::StatusCode::kUnavailable, _));
}

// -- Writing ------------------------------------------------------------------

TEST_F(StreamTest, WritesAtOnce) {
  EXPECT_TRUE(ours.write("now").ready());
  EXPECT_EQ(pair.received(), "now");
}

TEST_F(StreamTest, WritesPartsInOrder) {
  EXPECT_THAT(wait(ours.write({"a", "", "bc", std::string_view(), "d"})),
              IsOk());
  EXPECT_EQ(pair.received(), "abcd");
}

TEST_F(StreamTest, WhatDoesNotFitIsSentLater) {
  const std::string big(3 << 20, 'b');
  stream::writing w = ours.write(big);
  EXPECT_FALSE(w.ready());
  EXPECT_GT(ours.unsent(), size_t{0});
  future<void> f = loop.create_task(std::move(w));
  std::string all = drain_until(f);
  EXPECT_LE(ours.unsent(), size_t{16 * 1024});
  f = loop.create_task(ours.flush());
  all += drain_until(f);
  all += pair.received();
  EXPECT_EQ(all, big);
}

TEST_F(StreamTest, AStringThatIsGivenAwayIsNotCopied) {
  std::string big(3 << 20, 'b');
  const internal::slab_statistics before = internal::slab_stats();
  static_cast<void>(ours.write(std::move(big)));
  EXPECT_LE(internal::slab_stats().total - before.total, 2u);
  EXPECT_TRUE(big.empty());  // NOLINT(bugprone-use-after-move)
  future<void> f = loop.create_task(ours.flush());
  EXPECT_EQ(drain_until(f).size() + pair.received().size(), size_t{3 << 20});
}

TEST_F(StreamTest, ManyTasksWriteInTheOrderOfTheirCalls) {
  std::vector<future<void>> writes;
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    const std::string line = absl::StrCat(i, std::string(3000, '.'), "\n");
    expected += line;
    writes.push_back(loop.create_task(ours.write(line)));
  }
  future<void> f = loop.create_task(ours.flush());
  std::string all = drain_until(f);
  all += pair.received();
  EXPECT_EQ(all, expected);
  for (future<void>& w : writes) EXPECT_THAT(w.status(), IsOk());
}

TEST_F(StreamTest, ABackPressureOfAReaderThatNeverReadsBoundsMemory) {
  class writer final : public task<void> {
   public:
    explicit writer(stream& s) : s_(s) {}
    step start() { return await<&writer::start>(s_.write(block_)); }

   private:
    stream& s_;
    std::string block_ = std::string(10'000, 'x');
  };
  future<void> f = loop.create_task(writer(ours));
  iterate(10'000);
  EXPECT_FALSE(f.done());
  EXPECT_LE(ours.unsent(), size_t{64 * 1024 + 10'000});
  EXPECT_TRUE(f.cancel());
  EXPECT_THAT(wait(std::move(f)), IsCancelled());
}

TEST_F(StreamTest, AWriterThatWaitsGoesOnAtAQuarter) {
  while (ours.unsent() <= size_t{64 * 1024}) {
    static_cast<void>(ours.write(std::string(4096, 'x')));
  }
  future<void> f = loop.create_task(ours.write("y"));
  iterate(5);
  EXPECT_FALSE(f.done());
  while (ours.unsent() > size_t{16 * 1024}) {
    EXPECT_FALSE(f.done());
    pair.received(4096);
    iterate(20);
  }
  EXPECT_THAT(wait(std::move(f)), IsOk());
}

TEST_F(StreamTest, ACancelledWriteIsSentAllTheSame) {
  socket_pair::fill(ours.descriptor());
  static_cast<void>(ours.write(std::string(100'000, 'x')));
  future<void> f = loop.create_task(ours.write("end"));
  iterate(3);
  EXPECT_TRUE(f.cancel());
  EXPECT_THAT(wait(std::move(f)), IsCancelled());
  future<void> flushed = loop.create_task(ours.flush());
  std::string all = drain_until(flushed);
  all += pair.received();
  EXPECT_EQ(all.substr(all.size() - 3), "end");
}

TEST_F(StreamTest, AfterShutdownTheOtherSideSeesTheEndAndMayStillWrite) {
  socket_pair::fill(ours.descriptor());
  static_cast<void>(ours.write("last words"));
  future<void> f = loop.create_task(ours.shutdown_write());
  EXPECT_THAT(ours.write("more").status(),
              IsKind(error_kind::invalid_state, HasSubstr("shutdown_write")));
  std::string all = drain_until(f);
  EXPECT_THAT(f.status(), IsOk());
  all += pair.received();
  EXPECT_THAT(all, ::testing::EndsWith("last words"));
  char c;
  EXPECT_EQ(read(pair.theirs, &c, 1), 0);
  pair.send("answer");
  EXPECT_THAT(wait(ours.read_some()), IsOkAndHolds("answer"));
}

TEST_F(StreamTest, ABrokenConnectionFailsWritesFromThenOn) {
  future<void> waiting;
  socket_pair::fill(ours.descriptor());
  waiting = loop.create_task(ours.write(std::string(200'000, 'x')));
  iterate(3);
  pair.close_theirs();
  EXPECT_THAT(wait(std::move(waiting)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("write: ")));
  EXPECT_THAT(ours.write("x").status(),
              StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_EQ(ours.unsent(), 0u);
}

// -- Its life -----------------------------------------------------------------

TEST_F(StreamTest, ClosingFailsWhoWaits) {
  future<std::string_view> reading = loop.create_task(ours.read_some());
  socket_pair::fill(ours.descriptor());
  future<void> writing =
      loop.create_task(ours.write(std::string(100'000, 'x')));
  iterate(3);
  ours.close();
  EXPECT_THAT(wait(std::move(reading)), IsKind(error_kind::destroyed, _));
  EXPECT_THAT(wait(std::move(writing)), IsKind(error_kind::destroyed, _));
  EXPECT_TRUE(ours.is_closed());
  EXPECT_THAT(wait(ours.read_some()), IsKind(error_kind::closed, _));
  EXPECT_THAT(wait(ours.write("x")), IsKind(error_kind::closed, _));
  ours.close();  // Again.
}

TEST_F(StreamTest, DestroyingFailsWhoWaits) {
  ours.set_name("peer");
  future<std::string_view> reading = loop.create_task(ours.read_some());
  iterate(3);
  { const stream gone = std::move(ours); }
  EXPECT_THAT(wait(std::move(reading)),
              IsKind(error_kind::destroyed, HasSubstr("peer was closed")));
  EXPECT_EQ(pair.received(), "");
  char c;
  EXPECT_EQ(read(pair.theirs, &c, 1), 0);  // It is closed.
}

TEST_F(StreamTest, AMachineThatWasGivenOutSurvivesTheStream) {
  auto reading = ours.read_some();
  { const stream gone = std::move(ours); }
  EXPECT_THAT(wait(std::move(reading)), IsKind(error_kind::closed, _));
}

TEST_F(StreamTest, MovingKeepsWhatIsGoingOn) {
  future<std::string_view> reading = loop.create_task(ours.read_some());
  iterate(3);
  stream moved = std::move(ours);
  pair.send("x");
  EXPECT_THAT(wait(std::move(reading)), IsOkAndHolds("x"));
  ours = std::move(moved);
  EXPECT_TRUE(ours.valid());
}

TEST_F(StreamTest, OutlivesItsLoop) {
  std::optional<stream> s;
  socket_pair other;
  {
    event_loop short_lived(clock);
    s = adopted(other.take_ours());
    future<std::string_view> f = short_lived.create_task(s->read_some());
    short_lived.stop();
    EXPECT_THAT(short_lived.run_forever(), IsOk());
    EXPECT_FALSE(f.done());
    catch_reports(short_lived);
  }
  EXPECT_EQ(reports.size(), 1u);  // Of the task.
  EXPECT_THAT(s->write("x").status(), IsKind(error_kind::closed, _));
  s.reset();
}

TEST_F(StreamTest, ReleasedDescriptorsStayOpen) {
  const int fd = ours.release();
  EXPECT_EQ(write(fd, "x", 1), 1);
  EXPECT_EQ(pair.received(), "x");
  EXPECT_TRUE(ours.is_closed());
  close(fd);
}

TEST_F(StreamTest, AFileIsRefusedAndClosed) {
  std::FILE* const file = std::tmpfile();
  const int fd = dup(fileno(file));
  EXPECT_THAT(stream::adopt(fd).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
  std::fclose(file);
  EXPECT_THAT(stream::adopt(-1).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("fstat of descriptor -1")));
}

TEST_F(StreamTest, APipeWithoutAReaderIsAnErrorNotASignal) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  stream in = adopted(fds[0]);
  stream out = adopted(fds[1]);
  EXPECT_THAT(wait(out.write("through")), IsOk());
  EXPECT_THAT(wait(in.read_some()), IsOkAndHolds("through"));
  in.close();
  EXPECT_THAT(wait(out.write("x")), StatusIs(absl::StatusCode::kUnavailable,
                                             HasSubstr("Broken pipe")));
}

TEST_F(StreamTest, ShuttingAPipeDownEndsIt) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  stream in = adopted(fds[0]);
  stream out = adopted(fds[1]);
  EXPECT_THAT(wait(out.write("x")), IsOk());
  EXPECT_THAT(wait(out.shutdown_write()), IsOk());
  EXPECT_THAT(wait(in.read_all(10)), IsOkAndHolds("x"));
}

TEST_F(StreamTest, SaysWhatItWaitsFor) {
  ours.set_name("peer");
  const auto f = loop.create_task(ours.read_line());
  iterate(3);
  ASSERT_EQ(loop.all_tasks().size(), 1u);
  EXPECT_EQ(loop.all_tasks()[0].awaiting, "peer to be read");
}

// Reads lines until the end, and counts them.
class line_counter final : public task<int> {
 public:
  explicit line_counter(stream& s) : s_(s) {}
  step start() { return await<&line_counter::line>(s_.read_line()); }

 private:
  step line(std::optional<std::string_view> l) {
    if (!l.has_value()) return done(lines_);
    ++lines_;
    return start();
  }
  stream& s_;
  int lines_ = 0;
};

TEST_F(StreamTest, WaitingHoldsNothing) {
  future<int> f = loop.create_task(line_counter(ours));
  pair.send("first\n");
  iterate(20);
  const uint64_t live = internal::slab_stats().live;
  const allocation_count made;
  constexpr uint64_t kLines = 100;
  for (uint64_t i = 0; i < kLines; ++i) {
    pair.send("one more\n");
    iterate(20);
    // Nor the buffer, which has been there for each line,
    EXPECT_EQ(internal::slab_stats().live, live);
  }
  // and which is all that there has been.
  EXPECT_EQ(made.blocks(), kLines);
  if (!kSanitized) {
    EXPECT_EQ(made.from_heap(), 0u);
  }
  pair.close_theirs();
  EXPECT_THAT(wait(std::move(f)), IsOkAndHolds(101));
}

TEST_F(StreamTest, HoldsNothingAfterMuchEither) {
  future<int> f = loop.create_task(line_counter(ours));
  iterate(20);
  const uint64_t live = internal::slab_stats().live;
  // More than the slab has in one block; and less again.
  std::string lines;
  for (int i = 0; i < 15'000; ++i) lines += "0123456\n";
  for (int i = 0; i < 3; ++i) {
    pair.send(lines);
    iterate(5000);
    EXPECT_EQ(internal::slab_stats().live, live);
    pair.send("one more\n");
    iterate(20);
    EXPECT_EQ(internal::slab_stats().live, live);
  }
  pair.close_theirs();
  EXPECT_THAT(wait(std::move(f)), IsOkAndHolds(45'003));
}

TEST_F(StreamTest, HoldsWhatIsBuffered) {
  const future<int> f = loop.create_task(line_counter(ours));
  iterate(20);
  const uint64_t live = internal::slab_stats().live;
  pair.send("half");
  iterate(20);
  EXPECT_EQ(internal::slab_stats().live, live + 1);
  pair.send(" a line\n");
  iterate(20);
  EXPECT_EQ(internal::slab_stats().live, live);
}

TEST_F(StreamTest, OthersHaveTheirTurnWhileThereIsAlwaysSomethingToRead) {
  std::string lines;
  for (int i = 0; i < 10'000; ++i) lines += "x\n";
  pair.send(lines);
  pair.close_theirs();
  int turns = 0;
  std::function<void()> other = [&] {
    ++turns;
    loop.call_soon(other);
  };
  loop.call_soon(other);
  EXPECT_THAT(wait(loop.create_task(line_counter(ours))), IsOkAndHolds(10'000));
  // What is buffered costs no turn: 20,000 bytes in reads of 4 KiB and more.
  EXPECT_GE(turns, 1);
  // Without a buffer, each byte is a read.
  socket_pair bytes;
  bytes.send(std::string(1000, 'x'));
  bytes.close_theirs();
  stream s = adopted(bytes.take_ours());
  class byte_reader final : public task<int> {
   public:
    explicit byte_reader(stream& s) : s_(s) {}
    step start() { return await<&byte_reader::got>(s_.read_some(&c_, 1)); }

   private:
    step got(size_t n) {
      if (n == 0) return done(n_);
      ++n_;
      return start();
    }
    stream& s_;
    char c_;
    int n_ = 0;
  };
  turns = 0;
  EXPECT_THAT(wait(byte_reader(s)), IsOkAndHolds(1000));
  EXPECT_GE(turns, 1000 / 32);
}

}  // namespace
}  // namespace ratchet::test
