// when_all<R>: the vector of results, made into an R.

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "ratchet/when_all.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::IsOkAndHolds;

// A number, or the sum of some.
struct sum {
  explicit sum(int n) : total(n) {}
  explicit sum(const std::vector<sum>& parts) {
    for (const sum& part : parts) total += part.total;
  }
  explicit sum(const std::vector<absl::StatusOr<sum>>& parts) {
    for (const auto& part : parts) total += part.ok() ? part->total : 1000;
  }
  friend bool operator==(const sum& a, const sum& b) {
    return a.total == b.total;
  }

  int total = 0;
};

class WhenAllOfTypeTest : public test::loop_test {
 protected:
  std::vector<shared_future<sum>> futures() {
    return {a_.get_future().share(), b_.get_future().share()};
  }

  promise<sum> a_{loop};
  promise<sum> b_{loop};
};

TEST_F(WhenAllOfTypeTest, CanBeAChildNextToSingleOnes) {
  std::vector<shared_future<sum>> all = futures();
  all.push_back(when_all<sum>(all).share());
  future<sum> total = when_all<sum>(all);
  ASSERT_TRUE(a_.set_value(1).ok());
  ASSERT_TRUE(b_.set_value(2).ok());
  iterate(1);
  EXPECT_TRUE(all[2].done());  // One hop, as for when_all (S74).
  EXPECT_FALSE(total.done());
  iterate(1);
  EXPECT_THAT(std::move(total).result(), IsOkAndHolds(sum(6)));
}

TEST_F(WhenAllOfTypeTest, FailsLikeWhenAll) {
  future<sum> total = when_all<sum>(futures());
  ASSERT_TRUE(a_.set_error(absl::InternalError("no")).ok());
  iterate(1);
  EXPECT_THAT(total, test::StatusIs(absl::StatusCode::kInternal, "no"));
}

TEST_F(WhenAllOfTypeTest, SettledHasTheErrorsToo) {
  future<sum> total = when_all_settled<sum>(futures());
  ASSERT_TRUE(a_.set_error(absl::InternalError("no")).ok());
  ASSERT_TRUE(b_.set_value(2).ok());
  iterate(1);
  EXPECT_THAT(std::move(total).result(), IsOkAndHolds(sum(1002)));
}

}  // namespace
}  // namespace ratchet
