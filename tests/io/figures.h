#ifndef RATCHET_TESTS_IO_FIGURES_H_
#define RATCHET_TESTS_IO_FIGURES_H_

// What the tests of reliability measure, and how they tell it.

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/sanitizers.h"

namespace ratchet::test {

// Under a sanitizer (kSanitized), what takes memory and time is the
// sanitizer's: there are fewer of everything, and no figure is a limit.

// The library keeps the loop from others for no longer.
constexpr uint64_t kMostHeldUpNs = 10'000'000;

// How much longer than in CI: the environment's RATCHET_RELIABILITY_SCALE.
inline size_t scale() {
  const char* const text = std::getenv("RATCHET_RELIABILITY_SCALE");
  return text == nullptr ? 1
                         : std::max<size_t>(1, std::strtoul(text, nullptr, 10));
}

// 1234567 is "1,234,567".
inline std::string grouped(uint64_t n) {
  std::string text = absl::StrCat(n);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

// 1,234,567 ns are "1.235 ms".
inline std::string millis(uint64_t ns) {
  const uint64_t us = (ns + 500) / 1000;
  const std::string fraction = absl::StrCat(us % 1000);
  return absl::StrCat(grouped(us / 1000), ".",
                      std::string(3 - fraction.size(), '0'), fraction, " ms");
}

// On a line of its own, and in the report of the test.
inline void report_figure(const std::string& name, const std::string& text) {
  std::printf("FIGURE %s: %s%s\n", name.c_str(), text.c_str(),
              kSanitized ? " (with a sanitizer)" : "");
  std::fflush(stdout);
  ::testing::Test::RecordProperty(name, text);
}

// Of this process, in bytes.
inline uint64_t resident_memory() {
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  unsigned long total = 0;
  unsigned long resident = 0;
  EXPECT_EQ(std::fscanf(file, "%lu %lu", &total, &resident), 2);
  std::fclose(file);
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}
// Before something is measured: what is free then, and would be taken again,
// goes back to the system.
inline void release_free_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
// By how much it is more than `before`.
inline uint64_t resident_growth(uint64_t before) {
  const uint64_t now = resident_memory();
  return now > before ? now - before : 0;
}

// Lets the process open as many descriptors as it may; returns how many.
inline size_t raise_descriptor_limit() {
  rlimit limit = {};
  EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  return static_cast<size_t>(limit.rlim_cur);
}

inline uint64_t nanoseconds_of(clockid_t which) {
  timespec now = {};
  clock_gettime(which, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<uint64_t>(now.tv_nsec);
}
inline uint64_t wall_ns() { return nanoseconds_of(CLOCK_MONOTONIC); }
// What this thread has computed, its system calls included, and no time in
// which it slept or another one had its processor.
inline uint64_t thread_ns() { return nanoseconds_of(CLOCK_THREAD_CPUTIME_ID); }

// The longest that anything took, in time of the thread.
class longest_time final {
 public:
  void begin() { since_ = thread_ns(); }
  void end() { longest_ = std::max(longest_, thread_ns() - since_); }
  // Ends one and begins the next.
  void lap() {
    const uint64_t now = thread_ns();
    longest_ = std::max(longest_, now - since_);
    since_ = now;
  }

  uint64_t ns() const { return longest_; }
  void forget() { longest_ = 0; }

 private:
  uint64_t since_ = 0;
  uint64_t longest_ = 0;
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_IO_FIGURES_H_
