#include "ratchet/sync/barrier.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "tests/sync/waiting.h"

namespace ratchet {
namespace {

using ::ratchet::test::sync_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class BarrierTest : public sync_test {
 protected:
  BarrierTest() { count_from_here(); }
  void arrive(const std::string& names) {
    for (const char c : names) {
      tasks.push_back(start(std::string(1, c), [this] { return b.wait(); }));
    }
  }

  barrier b{3, "start"};
  std::vector<future<void>> tasks;
};

TEST_F(BarrierTest, TheLastOneOpensIt) {
  arrive("xy");
  iterate();
  EXPECT_EQ(b.n_waiting(), 2u);
  arrive("z");
  iterate(5);
  // The marks are the indices: z goes on without suspending.
  EXPECT_THAT(taken(), ElementsAre("z 2@2", "x 0@3", "y 1@3"));
  EXPECT_EQ(b.n_waiting(), 0u);
}

TEST_F(BarrierTest, IsUsedAgain) {
  arrive("uvw");
  arrive("xyz");
  iterate(10);
  EXPECT_THAT(taken(),
              UnorderedElementsAre(HasSubstr("u 0"), HasSubstr("v 1"),
                                   HasSubstr("w 2"), HasSubstr("x 0"),
                                   HasSubstr("y 1"), HasSubstr("z 2")));
}

TEST_F(BarrierTest, ResetSendsThemAway) {
  arrive("xy");
  iterate();
  count_from_here();
  future<void> reset = loop.create_task(b.reset());
  iterate(5);
  EXPECT_THAT(taken(), ElementsAre("x broken_barrier@2", "y broken_barrier@2"));
  EXPECT_THAT(std::string(tasks[0].status().message()),
              HasSubstr("barrier start was reset"));
  EXPECT_EQ(tasks[1].status().code(), absl::StatusCode::kAborted);
  arrive("abc");
  iterate(5);
  EXPECT_EQ(taken().size(), 3u);
}

TEST_F(BarrierTest, AbortHoldsUntilReset) {
  arrive("x");
  iterate();
  ASSERT_TRUE(loop.run_until_complete(b.abort()).ok());
  EXPECT_TRUE(b.broken());
  arrive("y");
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre(HasSubstr("x broken_barrier"),
                                   HasSubstr("y broken_barrier")));
  ASSERT_TRUE(loop.run_until_complete(b.reset()).ok());
  EXPECT_FALSE(b.broken());
  arrive("abc");
  iterate(5);
  EXPECT_EQ(taken().size(), 3u);
}

// S151: the barrier needs another one.
TEST_F(BarrierTest, ACancelledTaskDoesNotCount) {
  arrive("xy");
  iterate();
  tasks[0].cancel();
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("x cancelled@2"));
  EXPECT_EQ(b.n_waiting(), 1u);
  arrive("z");
  iterate(3);
  EXPECT_THAT(taken(), IsEmpty());
  arrive("w");
  iterate(5);
  EXPECT_EQ(taken().size(), 3u);
}

TEST_F(BarrierTest, OneOfOneNeverWaits) {
  barrier alone(1);
  EXPECT_EQ(*loop.run_until_complete(alone.wait()), 0u);
  EXPECT_EQ(*loop.run_until_complete(alone.wait()), 0u);
}

TEST_F(BarrierTest, DestroyedItFailsItsWaiters) {
  std::optional<barrier> doomed(std::in_place, 2, "gone");
  future<void> x = start("x", [&] { return doomed->wait(); });
  iterate();
  count_from_here();
  doomed.reset();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("x destroyed@1"));
  EXPECT_THAT(std::string(x.status().message()), HasSubstr("barrier gone"));
}

// In every phase of every task: while they wait, are woken, queue for the mutex
// and leave; with and without a cancellation that is on its way.
TEST_F(BarrierTest, DestroyedAtAnyTime) {
  for (int when = 1; when < 8; ++when) {
    for (int cancelled = -1; cancelled < 5; ++cancelled) {
      SCOPED_TRACE(absl::StrCat(when, " ", cancelled));
      std::optional<barrier> doomed(std::in_place, 2, "gone");
      std::vector<future<size_t>> all;
      for (int i = 0; i < 5; ++i) {
        all.push_back(loop.create_task(doomed->wait()));
      }
      iterate(when);
      if (cancelled >= 0) all[static_cast<size_t>(cancelled)].cancel();
      doomed.reset();
      iterate(3);
      for (future<size_t>& f : all) {
        EXPECT_TRUE(f.done());
        if (!f.status().ok() && !f.cancelled()) {
          EXPECT_EQ(kind_of(f.status()), error_kind::destroyed) << f.status();
        }
      }
    }
  }
}

}  // namespace
}  // namespace ratchet
