#ifndef RATCHET_TESTS_BENCHMARKS_ECHO_HISTOGRAM_H_
#define RATCHET_TESTS_BENCHMARKS_ECHO_HISTOGRAM_H_

// How often each length of time was: in buckets that are a sixty-fourth of
// their values wide or less, so that a quantile is right to 0.8 %. Plain C++17.
//
//   echo::histogram latencies;
//   latencies.add(ns);              // No allocation, a few instructions.
//   latencies.quantile(0.99);       // ns
//
// What is negative counts as 0, what is longer than 2^40 ns (18 minutes) as
// that; max() is exact.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace echo {

class histogram {
 public:
  void add(int64_t ns) {
    ns = std::max<int64_t>(ns, 0);
    ++buckets_[bucket_of(ns)];
    ++count_;
    max_ = std::max(max_, ns);
  }
  uint64_t count() const { return count_; }
  int64_t max() const { return max_; }

  // What `part` of the values, 0 to 1, are no longer than: the middle of a
  // bucket. 0 when there are none.
  int64_t quantile(double part) const {
    if (count_ == 0) return 0;
    const auto last = static_cast<double>(count_ - 1);
    const auto rank = static_cast<uint64_t>(part * last);
    uint64_t before = 0;
    size_t i = 0;
    while (before + buckets_[i] <= rank) before += buckets_[i++];
    return std::min(middle_of(i), max_);
  }

 private:
  static constexpr int kBits = 6;  // Of a value, below its first one.
  static constexpr int kMaxBits = 40;
  static constexpr size_t kEach = size_t{1} << kBits;

  // Values below 64 have a bucket each; then come 64 for each power of two.
  static size_t bucket_of(int64_t ns) {
    const auto value =
        std::min(static_cast<uint64_t>(ns), (uint64_t{1} << kMaxBits) - 1);
    if (value < kEach) return static_cast<size_t>(value);
    const int shift = 63 - __builtin_clzll(value) - kBits;
    return (static_cast<size_t>(shift) << kBits) +
           static_cast<size_t>(value >> shift);
  }
  static int64_t middle_of(size_t bucket) {
    if (bucket < 2 * kEach) return static_cast<int64_t>(bucket);
    const size_t shift = bucket / kEach - 1;
    const size_t low = (bucket % kEach + kEach) << shift;
    return static_cast<int64_t>(low + (size_t{1} << shift) / 2);
  }

  std::array<uint64_t, kEach*(kMaxBits - kBits + 1)> buckets_{};
  uint64_t count_ = 0;
  int64_t max_ = 0;
};

}  // namespace echo

#endif  // RATCHET_TESTS_BENCHMARKS_ECHO_HISTOGRAM_H_
