// Values whose copies throw: the error goes where the value would have gone.

#include <stdexcept>
#include <vector>

#include "absl/base/config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/as_completed.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/shield.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/wait.h"
#include "ratchet/when_all.h"
#include "ratchet/when_any.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

#ifdef ABSL_HAVE_EXCEPTIONS

namespace ratchet {
namespace {

using test::IsKind;
using test::IsOk;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct no_copy {
  no_copy() = default;
  no_copy(const no_copy&) { throw std::runtime_error("no copy"); }
  no_copy(no_copy&&) = default;
};

class CombinatorThrowTest : public test::loop_test {
 protected:
  CombinatorThrowTest() { children_.emplace_back(promise_.get_future()); }

  // What `make` gives fails with the exception, whether the child is done
  // before or after.
  template <class F>
  void expect_thrown(F make) {
    auto before = make(children_);
    EXPECT_THAT(promise_.set_value(), IsOk());
    auto after = make(children_);
    iterate(4);
    for (auto* f : {&before, &after}) {
      ASSERT_TRUE(f->done());
      EXPECT_THAT(*f, IsKind(error_kind::thrown, HasSubstr("no copy")));
    }
    EXPECT_THAT(reports, IsEmpty());
  }

  promise<no_copy> promise_;
  std::vector<shared_future<no_copy>> children_;
};

TEST_F(CombinatorThrowTest, WhenAllFails) {
  expect_thrown([](const auto& c) { return when_all(c); });
}

TEST_F(CombinatorThrowTest, WhenAllSettledFails) {
  expect_thrown([](const auto& c) { return when_all_settled(c); });
}

TEST_F(CombinatorThrowTest, WhenAnyFails) {
  expect_thrown([](const auto& c) { return when_any(c); });
}

TEST_F(CombinatorThrowTest, WhenAnyOkFails) {
  expect_thrown([](const auto& c) { return when_any_ok(c); });
}

TEST_F(CombinatorThrowTest, NextFails) {
  auto stream = as_completed(children_);
  EXPECT_THAT(promise_.set_value(), IsOk());
  EXPECT_THAT(loop.run_until_complete(stream.next()),
              IsKind(error_kind::thrown, HasSubstr("no copy")));
}

TEST_F(CombinatorThrowTest, AShieldFails) {
  auto outer = shield(children_[0]);
  EXPECT_THAT(promise_.set_value(), IsOk());
  iterate();
  EXPECT_THAT(outer, IsKind(error_kind::thrown, HasSubstr("no copy")));
}

TEST_F(CombinatorThrowTest, AWaitCopiesNothing) {
  EXPECT_THAT(promise_.set_value(), IsOk());
  EXPECT_THAT(loop.run_until_complete(wait(children_)), IsOk());
}

}  // namespace
}  // namespace ratchet

#endif  // ABSL_HAVE_EXCEPTIONS
