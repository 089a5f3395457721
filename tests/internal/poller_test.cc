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
