#include "ratchet/map_concurrent.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::IsCancelled;
using test::IsKind;
using test::IsOk;
using test::IsOkAndHolds;
using test::number_later;
using test::StatusIs;
using test::stubborn;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::Duration seconds(int n) { return absl::Seconds(n); }

// Endless, and read once: each ++ makes the next number.
class naturals {
 public:
  explicit naturals(int* made, int end = -1) : made_(made), end_(end) {}
  class iterator {
   public:
    iterator(int* made, int n) : made_(made), n_(n) {}
    int operator*() const { return n_; }
    iterator& operator++() {
      ++n_;
      ++*made_;
      return *this;
    }
    bool operator!=(const iterator& other) const { return n_ != other.n_; }

   private:
    int* made_;
    int n_;
  };
  iterator begin() { return iterator(made_, 0); }
  iterator end() { return iterator(made_, end_); }

 private:
  int* made_;
  int end_;
};

class MapConcurrentTest : public test::loop_test {
 protected:
  // A function that takes element seconds, and is counted.
  auto sleeps() {
    return [this](int n) {
      most = std::max(most, ++running);
      mark(absl::StrCat("+", n, "@", absl::ToInt64Seconds(elapsed())));
      return sleep_for(seconds(n)).then([this, n] {
        --running;
        return n * 10;
      });
    };
  }

  int running = 0, most = 0;
};

TEST_F(MapConcurrentTest, GivesTheResultsInOrderWithinTheLimit) {
  EXPECT_THAT(loop.run_until_complete(
                  map_concurrent(std::vector<int>{3, 1, 1, 2}, 2, sleeps())),
              IsOkAndHolds(ElementsAre(30, 10, 10, 20)));
  EXPECT_THAT(taken(), ElementsAre("+3@0", "+1@0", "+1@1", "+2@2"));
  EXPECT_EQ(elapsed(), seconds(4));
  EXPECT_EQ(most, 2);
}

TEST_F(MapConcurrentTest, TakesValuesOutcomesFuturesAndMachines) {
  const std::vector<int> two = {1, 2};
  EXPECT_THAT(loop.run_until_complete(
                  map_concurrent(two, 1, [](int n) { return n + 1; })),
              IsOkAndHolds(ElementsAre(2, 3)));
  EXPECT_THAT(loop.run_until_complete(map_concurrent(
                  two, 1, [](int n) { return absl::StatusOr<int>(n); })),
              IsOkAndHolds(ElementsAre(1, 2)));
  EXPECT_THAT(loop.run_until_complete(map_concurrent(
                  two, 1, [](int n) { return make_ready_future(n); })),
              IsOkAndHolds(ElementsAre(1, 2)));
  EXPECT_THAT(loop.run_until_complete(map_concurrent(
                  two, 9, [](int n) { return number_later(seconds(n), n); })),
              IsOkAndHolds(ElementsAre(1, 2)));
  int sum = 0;
  EXPECT_THAT(
      loop.run_until_complete(map_concurrent(two, 1, [&](int n) { sum += n; })),
      IsOk());
  EXPECT_THAT(loop.run_until_complete(map_concurrent(two, 1,
                                                     [&](int n) {
                                                       sum += n;
                                                       return absl::OkStatus();
                                                     })),
              IsOk());
  EXPECT_EQ(sum, 6);
  EXPECT_THAT(loop.run_until_complete(map_concurrent(std::vector<int>(), 1,
                                                     [](int n) { return n; })),
              IsOkAndHolds(IsEmpty()));
}

TEST_F(MapConcurrentTest, LendsTheElementsOrMovesThem) {
  std::vector<std::unique_ptr<int>> owned;
  owned.push_back(std::make_unique<int>(1));
  EXPECT_THAT(
      loop.run_until_complete(map_concurrent(
          std::move(owned), 1, [](std::unique_ptr<int> p) { return *p; })),
      IsOkAndHolds(ElementsAre(1)));
  std::vector<std::string> texts = {"a", "b"};
  EXPECT_THAT(loop.run_until_complete(map_concurrent(
                  texts, 1, [](std::string s) { return s + s; })),
              IsOkAndHolds(ElementsAre("aa", "bb")));
  EXPECT_THAT(texts, ElementsAre("a", "b"));
}

TEST_F(MapConcurrentTest, IsInertUntilItIsAwaited) {
  {
    auto machine = map_concurrent(std::vector<int>{1}, 1, sleeps());
    iterate();
  }
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(MapConcurrentTest, ReadsTheRangeAsThereIsRoom) {
  int made = 0;
  auto f = create_task(map_concurrent(
      naturals(&made), 3, [](int) { return sleep_for(seconds(1)); }));
  iterate();
  EXPECT_EQ(made, 3);
  loop.call_later(absl::Milliseconds(1500), [&] {
    EXPECT_EQ(made, 6);
    f.cancel();
  });
  EXPECT_THAT(loop.run_until_complete(f), IsCancelled());
  EXPECT_EQ(made, 6);
  EXPECT_EQ(elapsed(), absl::Milliseconds(1500));
}

TEST_F(MapConcurrentTest, KeepsNothingOfWhatIsDone) {
  int made = 0;
  EXPECT_THAT(loop.run_until_complete(map_concurrent(
                  naturals(&made, 20'000), 4,
                  [](int n) { return sleep_for(seconds(n % 3)); })),
              IsOk());
  EXPECT_EQ(made, 20'000);
}

TEST_F(MapConcurrentTest, TheFirstErrorCancelsTheRestAndWaitsForIt) {
  std::vector<future<int>> under_way;
  EXPECT_THAT(
      loop.run_until_complete(map_concurrent(
          std::vector<int>{0, 1, 2, 3}, 3,
          [&](int n) -> future<int> {
            mark(absl::StrCat("+", n));
            if (n == 0) return create_task(stubborn(seconds(5), n));
            if (n == 1) {
              return sleep_for(seconds(1)).then([] {
                return absl::StatusOr<int>(absl::NotFoundError("it"));
              });
            }
            return sleep_for(seconds(9)).then([] { return 1; }).finally([this] {
              mark(absl::StrCat("gone@", absl::ToInt64Seconds(elapsed())));
            });
          })),
      StatusIs(absl::StatusCode::kNotFound, "it"));
  EXPECT_THAT(taken(), ElementsAre("+0", "+1", "+2", "gone@1"));
  EXPECT_EQ(elapsed(), seconds(5));  // The one that does not give in.
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(MapConcurrentTest, AnErrorAtOnceStartsNoMore) {
  int calls = 0;
  EXPECT_THAT(loop.run_until_complete(map_concurrent(
                  std::vector<int>{1, 2, 3}, 3,
                  [&](int) {
                    ++calls;
                    return absl::StatusOr<int>(absl::DataLossError("x"));
                  })),
              StatusIs(absl::StatusCode::kDataLoss, "x"));
  EXPECT_EQ(calls, 1);
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(MapConcurrentTest, AnExceptionIsTheErrorOfItsElement) {
  const auto throws = [](int n) -> future<int> {
    if (n == 2) throw std::runtime_error("thrown");
    return make_ready_future(n);
  };
  EXPECT_THAT(loop.run_until_complete(
                  map_concurrent(std::vector<int>{1, 2, 3}, 2, throws)),
              IsKind(error_kind::thrown, HasSubstr("thrown")));
  const auto all = loop.run_until_complete(
      map_concurrent_settled(std::vector<int>{1, 2, 3}, 2, throws));
  ASSERT_THAT(all, IsOk());
  EXPECT_THAT(*all, ElementsAre(IsOkAndHolds(1),
                                IsKind(error_kind::thrown, HasSubstr("thrown")),
                                IsOkAndHolds(3)));
}
#endif

TEST_F(MapConcurrentTest, SettledGivesEveryOutcome) {
  const auto all = loop.run_until_complete(
      map_concurrent_settled(std::vector<int>{3, 2, 1}, 2, [](int n) {
        return sleep_for(seconds(n)).then([n] {
          return n == 2 ? absl::StatusOr<int>(absl::NotFoundError("it"))
                        : absl::StatusOr<int>(n);
        });
      }));
  ASSERT_THAT(all, IsOk());
  EXPECT_THAT(*all, ElementsAre(IsOkAndHolds(3),
                                StatusIs(absl::StatusCode::kNotFound, "it"),
                                IsOkAndHolds(1)));
  EXPECT_EQ(elapsed(), seconds(3));
  const auto statuses = loop.run_until_complete(
      map_concurrent_settled(std::vector<int>{0, 1}, 2, [](int n) {
        return n == 0 ? absl::OkStatus() : absl::NotFoundError("it");
      }));
  ASSERT_THAT(statuses, IsOk());
  EXPECT_THAT(*statuses,
              ElementsAre(IsOk(), StatusIs(absl::StatusCode::kNotFound, "it")));
}

TEST_F(MapConcurrentTest, CancellingCancelsWhatIsUnderWayAndWaits) {
  auto f = create_task(
      map_concurrent_settled(std::vector<int>{1, 2, 3}, 2, [&](int n) {
        mark(absl::StrCat("+", n));
        return stubborn(seconds(n), n);
      }));
  loop.call_later(absl::Milliseconds(500), [&] { EXPECT_TRUE(f.cancel()); });
  EXPECT_THAT(loop.run_until_complete(f), IsCancelled());
  EXPECT_THAT(taken(), ElementsAre("+1", "+2"));
  EXPECT_EQ(elapsed(), seconds(2));
}

TEST_F(MapConcurrentTest, ARequestWhileItFailsIsNotLost) {
  auto f = create_task(map_concurrent(std::vector<int>{0, 1}, 2, [](int n) {
    return n == 0 ? create_task(test::error_later(seconds(1),
                                                  absl::NotFoundError("it")))
                  : create_task(stubborn(seconds(3), n));
  }));
  loop.call_later(seconds(2), [&] { EXPECT_TRUE(f.cancel()); });
  EXPECT_THAT(loop.run_until_complete(f), IsCancelled());
  EXPECT_EQ(elapsed(), seconds(3));
}

TEST_F(MapConcurrentTest, GoesWithItsLoop) {
  const auto alive = std::make_shared<int>(0);
  {
    event_loop other(clock);
    catch_reports(other);
    const auto f = other.create_task(map_concurrent(
        std::vector<int>{1, 2, 3}, 2,
        [alive](int n) { return sleep_for(seconds(n)).then([alive] {}); }));
    other.stop();
    ASSERT_THAT(other.run_forever(), IsOk());
    EXPECT_GT(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(MapConcurrentTest, ALimitOfNothingIsAnError) {
  EXPECT_THAT(loop.run_until_complete(map_concurrent(std::vector<int>{1}, 0,
                                                     [](int n) { return n; })),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("the limit is 0")));
}

}  // namespace
}  // namespace ratchet
