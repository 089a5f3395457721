#include "ratchet/io/readiness.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/clock.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "tests/io/pipes.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ReadinessTest : public loop_test {
 protected:
  socket_pair pair;
};

TEST_F(ReadinessTest, WhatIsThereAlreadyIsReadable) {
  pair.send("x");
  EXPECT_THAT(loop.run_until_complete(readable(pair.ours)), IsOk());
}

TEST_F(ReadinessTest, WhatIsReadyIsNotDoneAtOnce) {
  const future<void> f = writable(pair.ours);
  EXPECT_FALSE(f.done());
}

TEST_F(ReadinessTest, WhatComesLaterMakesItReadable) {
  future<void> f = readable(pair.ours);
  iterate(40);
  EXPECT_FALSE(f.done());
  loop.call_later(absl::Seconds(1), [&] { pair.send("x"); });
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOk());
  EXPECT_EQ(elapsed(), absl::Seconds(1));
}

TEST_F(ReadinessTest, WaitsForAnotherProcessOfTime) {
  // Nothing but a descriptor to wait for: the loop sleeps, and is no deadlock.
  steady_clock real;
  event_loop other(real);
  future<void> f = readable(pair.ours);
  other.call_later(absl::Milliseconds(1), [&] { pair.send("x"); });
  EXPECT_THAT(other.run_until_complete(std::move(f)), IsOk());
}

TEST_F(ReadinessTest, TheEndAndErrorsAreReadable) {
  pair.close_theirs();
  EXPECT_THAT(loop.run_until_complete(readable(pair.ours)), IsOk());
  EXPECT_THAT(loop.run_until_complete(writable(pair.ours)), IsOk());
}

TEST_F(ReadinessTest, AFullSocketIsNotWritableUntilItIsRead) {
  socket_pair::fill(pair.ours);
  future<void> f = writable(pair.ours);
  iterate(40);
  EXPECT_FALSE(f.done());
  while (!pair.received().empty()) {
  }
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOk());
}

TEST_F(ReadinessTest, ManyWaitForOneInTheirOrder) {
  future<void> a = readable(pair.ours).then(marks("a"));
  future<void> w = writable(pair.ours).then(marks("w"));
  future<void> b = readable(pair.ours).then(marks("b"));
  EXPECT_THAT(loop.run_until_complete(std::move(w)), IsOk());
  pair.send("x");
  EXPECT_THAT(loop.run_until_complete(std::move(b)), IsOk());
  EXPECT_THAT(taken(), ElementsAre("w", "a", "b"));
  EXPECT_TRUE(a.done());
}

TEST_F(ReadinessTest, ASecondWaitAsksAnew) {
  pair.send("x");
  EXPECT_THAT(loop.run_until_complete(readable(pair.ours)), IsOk());
  // Nobody has read: it is readable still.
  EXPECT_THAT(loop.run_until_complete(readable(pair.ours)), IsOk());
}

TEST_F(ReadinessTest, CancellingTakesOneAwayAndLeavesTheOthers) {
  future<void> a = readable(pair.ours);
  future<void> b = readable(pair.ours);
  EXPECT_TRUE(a.cancel());
  EXPECT_TRUE(a.cancelled());
  pair.send("x");
  EXPECT_THAT(loop.run_until_complete(std::move(b)), IsOk());
}

TEST_F(ReadinessTest, DroppingTheLastOneEndsTheWatch) {
  { const future<void> dropped = readable(pair.ours); }
  run_until_idle();  // Nobody waits for a descriptor any more.
}

TEST_F(ReadinessTest, IsNotADeadlockWhileSomebodyWaits) {
  future<void> f = readable(pair.ours);
  std::optional<absl::Status> early;
  loop.call_later(absl::Hours(1), [&] { loop.stop(); });
  EXPECT_THAT(loop.run_forever(), IsOk());
  EXPECT_FALSE(f.done());
}

TEST_F(ReadinessTest, ARegularFileIsRefused) {
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  EXPECT_THAT(loop.run_until_complete(readable(fileno(file))),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("always ready")));
  std::fclose(file);
}

TEST_F(ReadinessTest, WhatIsNotOpenIsRefused) {
  EXPECT_THAT(loop.run_until_complete(readable(-1)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("-1 is no descriptor")));
  const int gone = dup(0);
  close(gone);
  EXPECT_THAT(loop.run_until_complete(writable(gone)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no open descriptor")));
}

TEST_F(ReadinessTest, ANumberThatIsUsedAgainFailsWhoWaitedBefore) {
  const future<void> old = readable(pair.ours);
  const int number = pair.ours;
  pair.close_ours();
  socket_pair next;
  ASSERT_EQ(dup2(next.ours, number), number);
  next.send("x");
  EXPECT_THAT(loop.run_until_complete(readable(number)), IsOk());
  EXPECT_THAT(old.status(),
              IsKind(error_kind::destroyed, HasSubstr("was closed while")));
  close(number);
}

TEST_F(ReadinessTest, AClosedLoopRefusesAndDropsWhoWaits) {
  const future<void> f = readable(pair.ours);
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_FALSE(f.done());
  const future<void> late = readable(pair.ours);
  EXPECT_THAT(late.status(), IsKind(error_kind::closed, _));
}

TEST_F(ReadinessTest, FuturesMayOutliveTheirLoop) {
  std::optional<future<void>> f;
  {
    event_loop short_lived(clock);
    f = readable(pair.ours);
  }
  EXPECT_FALSE(f->done());
  f.reset();
}

TEST_F(ReadinessTest, ABusyLoopLooksAtDescriptorsToo) {
  bool told = false;
  future<void> f = readable(pair.ours).then([&] { told = true; });
  pair.send("x");
  int turns = 0;
  std::function<void()> spin = [&] {
    if (++turns < 1000 && !told) loop.call_soon(spin);
  };
  loop.call_soon(spin);
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOk());
  EXPECT_LE(turns, 40);
}

TEST_F(ReadinessTest, TimersThatAreAlwaysDueDoNotKeepDescriptorsWaiting) {
  bool told = false;
  future<void> f = readable(pair.ours).then([&] { told = true; });
  pair.send("x");
  int turns = 0;
  std::function<void()> again = [&] {
    if (++turns < 1000 && !told) {
      loop.call_later(absl::ZeroDuration(), again);
    }
  };
  loop.call_later(absl::ZeroDuration(), again);
  EXPECT_THAT(loop.run_until_complete(std::move(f)), IsOk());
  EXPECT_LE(turns, 40);
}

TEST_F(ReadinessTest, WhatIsReadyComesBeforeTimeThatPasses) {
  future<void> f = readable(pair.ours);
  loop.call_later(absl::Seconds(5), marks("timer"));
  pair.send("x");
  EXPECT_THAT(loop.run_until_complete(std::move(f).then(marks("readable"))),
              IsOk());
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
}

}  // namespace
}  // namespace ratchet::test
