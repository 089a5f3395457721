#include "ratchet/sync/event.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/sync/waiting.h"

namespace ratchet {
namespace {

using ::ratchet::test::sync_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EventTest : public sync_test {
 protected:
  auto on_it() {
    return [this] { return e.wait(); };
  }
  void SetUp() override {
    a = start("a", on_it());
    b = start("b", on_it());
    iterate();
    count_from_here();
  }

  event e{"ready"};
  future<void> a, b;
};

TEST_F(EventTest, SetWakesAllInOrder) {
  e.set();
  EXPECT_TRUE(e.is_set());
  EXPECT_THAT(taken(), IsEmpty());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a ok@1", "b ok@1"));
}

TEST_F(EventTest, WhoComesLaterGoesOnAtOnce) {
  e.set();
  future<void> c = loop.create_task(
      eager, test::waiting(*this, "c", [this] { return e.wait(); }));
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a ok@1", "b ok@1", "c ok@1"));
}

TEST_F(EventTest, ClearedBeforeTheirTurnTheyGoOn) {
  e.set();
  e.clear();
  future<void> c = start("c", on_it());
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a ok@1", "b ok@1"));
  EXPECT_FALSE(c.done());
}

TEST_F(EventTest, SetTwiceIsSetOnce) {
  e.set();
  e.set();
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("a ok@1", "b ok@1"));
}

TEST_F(EventTest, ACancelledWaiterLeavesTheOthers) {
  a.cancel();
  iterate();
  e.set();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a cancelled@1", "b ok@2"));
}

TEST_F(EventTest, DestroyedItFailsItsWaiters) {
  std::optional<event> doomed(std::in_place, "gone");
  future<void> c = start("c", [&] { return doomed->wait(); });
  iterate();
  count_from_here();
  doomed.reset();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("c destroyed@1"));
  EXPECT_THAT(std::string(c.status().message()), HasSubstr("event gone"));
}

TEST_F(EventTest, SetThenDestroyedInOneBatch) {
  std::optional<event> doomed(std::in_place, "gone");
  future<void> c = start("c", [&] { return doomed->wait(); });
  iterate();
  count_from_here();
  doomed->set();
  doomed.reset();
  iterate();
  // It was woken, but what woke it is no more.
  EXPECT_THAT(taken(), ElementsAre("c destroyed@1"));
}

TEST_F(EventTest, ADeadlockNamesIt) {
  const absl::Status status = loop.run_until_complete(std::move(a));
  EXPECT_EQ(kind_of(status), error_kind::deadlock);
  EXPECT_THAT(std::string(status.message()), HasSubstr("awaiting event ready"));
}

}  // namespace
}  // namespace ratchet
