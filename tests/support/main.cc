// main() of the tests: every test gives back what it took from the slab.

#include "gtest/gtest.h"
#include "ratchet/internal/slab.h"
#include "tests/support/sanitizers.h"

namespace {

// Futures, tasks, callbacks and continuations all live in the slab, so a test
// that leaves one behind has found a leak, with or without a sanitizer.
class leak_check final : public ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo&) override {
    live_ = ratchet::internal::slab_stats().live;
  }
  void OnTestEnd(const ::testing::TestInfo&) override {
    EXPECT_EQ(ratchet::internal::slab_stats().live, live_)
        << "blocks of the slab are live that were not before the test";
  }

  uint64_t live_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  // Death tests run the program anew: safe with threads about. But the stack of
  // two pages on which GoogleTest does so is too small for an instrumented
  // frame.
  GTEST_FLAG_SET(death_test_style,
                 ratchet::test::kSanitized ? "fast" : "threadsafe");
  ::testing::UnitTest::GetInstance()->listeners().Append(new leak_check);
  return RUN_ALL_TESTS();
}
