#include "ratchet/internal/poller.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace ratchet::internal {
namespace {

using ::ratchet::test::IsOk;
using ::ratchet::test::StatusIs;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

TEST(PollerTest, WaitsForItsTimeAndNotLess) {
  poller p;
  ASSERT_THAT(p.status(), IsOk());
  for (const int64_t ns : {0, 100'000, 2'500'000}) {
    const auto begin = steady_clock::now();
    EXPECT_THAT(p.wait(ns), IsOk());
    EXPECT_GE((steady_clock::now() - begin).count(), ns);
  }
}

TEST(PollerTest, AWakeBeforehandEndsTheNextWait) {
  poller p;
  p.wake();
  EXPECT_THAT(p.wait(-1), IsOk());
}

TEST(PollerTest, SeveralWakesCountAsOne) {
  poller p;
  p.wake();
  p.wake();
  EXPECT_THAT(p.wait(-1), IsOk());
  const auto begin = steady_clock::now();
  EXPECT_THAT(p.wait(1'000'000), IsOk());
  EXPECT_GE((steady_clock::now() - begin).count(), 1'000'000);
}

TEST(PollerTest, AnotherThreadWakesIt) {
  poller p;
  std::thread other([&] { p.wake(); });
  EXPECT_THAT(p.wait(-1), IsOk());
  other.join();
}

// Counts how often it is told.
class counting_watch final : public io_watch {
 public:
  ~counting_watch() override = default;
  void io_ready(uint32_t) override { ++told; }
  void io_dropped(bool) override {}
  bool io_awaited() const override { return true; }

  int told = 0;
};

// How often the watch of a pipe with a byte in it is told in three waits.
int times_told(uint32_t interest) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  EXPECT_EQ(write(ends[1], "x", 1), 1);
  poller p;
  counting_watch watch;
  EXPECT_THAT(p.add(ends[0], interest, watch), IsOk());
  for (int i = 0; i < 3; ++i) EXPECT_THAT(p.wait(0), IsOk());
  p.remove(watch, poller::removal::stays_open);
  close(ends[0]);
  close(ends[1]);
  return watch.told;
}

TEST(PollerTest, TellsOfAnEdgeOnce) { EXPECT_EQ(times_told(kIoReadable), 1); }

TEST(PollerTest, TellsOfALevelAsLongAsItIsThere) {
  EXPECT_EQ(times_told(kIoReadable | kIoLevel), 3);
}

TEST(PollerTest, WithoutDescriptorsSaysSo) {
  rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  // The lowest free descriptors become the first ones past the limit.
  const int free = dup(0);
  ASSERT_GE(free, 0);
  close(free);
  rlimit limit = old;
  for (rlim_t room = 0; room < 2; ++room) {
    limit.rlim_cur = static_cast<rlim_t>(free) + room;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    poller p;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    EXPECT_THAT(p.status(),
                StatusIs(absl::StatusCode::kResourceExhausted,
                         HasSubstr(room == 0 ? "epoll_create1" : "eventfd")));
  }
}

}  // namespace
}  // namespace ratchet::internal
