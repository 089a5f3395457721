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

// The same inside of the step that begins to wait.
TEST_F(EventTest, CancelledInTheStepThatWaitsItLeavesAtOnce) {  // S59
  future<void> c;
  c = loop.create_task(test::waiting(*this, "c", [&] {
    c.cancel();
    return e.wait();
  }));
  iterate();
  e.set();
  iterate(2);
  EXPECT_THAT(taken(), ElementsAre("c cancelled@2", "a ok@2", "b ok@2"));
}

TEST_F(EventTest, CancelledAfterItWasSetTheyGetCancelled) {  // S57
  e.set();
  a.cancel();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a cancelled@1", "b ok@1"));
}

TEST_F(EventTest, SetAndClearedTwiceBeforeTheirTurn) {
  future<void> c, d;
  loop.call_soon([&] {
    e.set();
    e.clear();
    c = loop.create_task(eager, test::waiting(*this, "c", on_it()));
    e.set();
    e.clear();
    d = loop.create_task(eager, test::waiting(*this, "d", on_it()));
  });
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("a ok@2", "b ok@2", "c ok@2"));
  EXPECT_FALSE(d.done());
  e.set();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("d ok@4"));
}

TEST_F(EventTest, AsATaskOfItsOwnItIsCancelledAlone) {
  future<void> c = loop.create_task(e.wait());
  iterate();
  c.cancel();
  iterate();
  EXPECT_TRUE(c.cancelled());
  e.set();
  iterate();
  EXPECT_THAT(taken(), ElementsAre("a ok@3", "b ok@3"));
}

TEST_F(EventTest, ServesOneLoopAfterTheOther) {
  e.set();
  iterate();
  e.clear();
  event_loop other(clock);
  future<void> c =
      other.create_task(test::waiting(*this, "c", [this] { return e.wait(); }));
  other.call_soon([&] { e.set(); });
  EXPECT_THAT(other.run_until_complete(std::move(c)), test::IsOk());
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
  // It did not wait any more.
  EXPECT_THAT(taken(), ElementsAre("c ok@1"));
}

TEST_F(EventTest, ADeadlockNamesIt) {
  const absl::Status status = loop.run_until_complete(std::move(a));
  EXPECT_EQ(kind_of(status), error_kind::deadlock);
  EXPECT_THAT(std::string(status.message()), HasSubstr("awaiting event ready"));
}

}  // namespace
}  // namespace ratchet
