#include "tests/benchmarks/echo/histogram.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace {

using echo::histogram;

TEST(HistogramTest, IsZeroWhenEmpty) {
  const histogram h;
  EXPECT_EQ(h.count(), 0u);
  EXPECT_EQ(h.quantile(0.5), 0);
  EXPECT_EQ(h.max(), 0);
}

TEST(HistogramTest, FindsEachValueToOnePercent) {
  for (int64_t value = 1; value < int64_t{1} << 39; value += value / 5 + 1) {
    histogram h;
    h.add(value);
    h.add(int64_t{1} << 39);
    const auto found = static_cast<double>(h.quantile(0));
    EXPECT_NEAR(found, static_cast<double>(value),
                0.008 * static_cast<double>(value))
        << value;
  }
}

TEST(HistogramTest, CountsFromTheShortestOn) {
  histogram h;
  for (int64_t i = 100'000; i >= 1; --i) h.add(i);
  EXPECT_EQ(h.count(), 100'000u);
  EXPECT_NEAR(static_cast<double>(h.quantile(0.5)), 50'000, 400);
  EXPECT_NEAR(static_cast<double>(h.quantile(0.99)), 99'000, 800);
  EXPECT_NEAR(static_cast<double>(h.quantile(1)), 100'000, 800);
  EXPECT_EQ(h.max(), 100'000);
}

TEST(HistogramTest, TakesWhateverAClockSays) {
  histogram h;
  h.add(-5);
  h.add(INT64_MAX);
  EXPECT_EQ(h.count(), 2u);
  EXPECT_EQ(h.quantile(0), 0);
  EXPECT_EQ(h.max(), INT64_MAX);
  EXPECT_GE(h.quantile(1), int64_t{1} << 39);
}

}  // namespace
