#ifndef RATCHET_TESTS_BENCHMARKS_WORKLOAD_H_
#define RATCHET_TESTS_BENCHMARKS_WORKLOAD_H_

// What a workload uses: its repetition, `run`, and add(). See harness.h, which
// programs include.

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

// Around each timed section, for tools that count from one function to
// another, as callgrind does with --zero-before and --dump-before.
extern "C" {
__attribute__((noinline, used)) inline void bench_section_begins() {
  __asm__ volatile("" ::: "memory");
}
__attribute__((noinline, used)) inline void bench_section_ends() {
  __asm__ volatile("" ::: "memory");
}
}

namespace bench {

// Ends the program with a sentence and status 1.
[[noreturn]] __attribute__((format(printf, 1, 2))) inline void fail(
    const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fflush(stdout);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  fflush(stderr);
  _exit(1);
}

// What must hold for the workload to be the one it says it is.
inline void require(bool holds, const char* what) {
  if (!holds)
    fail("The benchmark is not what it says: %s does not hold.", what);
}

// Makes the compiler believe that somebody reads `value`.
template <class T>
inline void use(const T& value) {
  __asm__ volatile("" : : "g"(&value) : "memory");
}

// The memory of this process that is resident now.
inline uint64_t resident_bytes() {
  FILE* const file = fopen("/proc/self/statm", "r");
  uint64_t total = 0;
  uint64_t resident = 0;
  if (file == nullptr ||
      fscanf(file, "%" SCNu64 " %" SCNu64, &total, &resident) != 2) {
    fail("/proc/self/statm cannot be read: %s.", strerror(errno));
  }
  fclose(file);
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

inline int64_t clock_ns(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// A number beside the usual ones, in the JSON under its name.
struct named_number {
  std::string name;
  double value;
};

// Something that only grows, such as the number of allocations.
struct counter {
  std::string name;
  std::function<uint64_t()> read;
};
inline std::vector<counter>& counters() {
  static std::vector<counter> all;
  return all;
}
// Has `read()` printed as `name` per operation, for every workload.
inline bool count(std::string name, std::function<uint64_t()> read) {
  counters().push_back({std::move(name), std::move(read)});
  return true;
}

// One repetition.
class run {
 public:
  explicit run(double scale) : scale_(scale), counted_(counters().size()) {}

  // The timed section. A repetition may have several; times and operations add
  // up.
  void start() {
    for (size_t i = 0; i < counted_.size(); ++i) {
      counted_[i] -= counters()[i].read();
    }
    wall_ns_ -= clock_ns(CLOCK_MONOTONIC);
    cpu_ns_ -= clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    bench_section_begins();
  }
  void stop(uint64_t operations) {
    bench_section_ends();
    cpu_ns_ += clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    wall_ns_ += clock_ns(CLOCK_MONOTONIC);
    for (size_t i = 0; i < counted_.size(); ++i) {
      counted_[i] += counters()[i].read();
    }
    operations_ += operations;
  }

  // The fraction of `n` that --scale asks for, at least 1: for the numbers of
  // inputs.h that are uint64_t.
  uint64_t scaled(uint64_t n) const {
    return std::max<uint64_t>(
        1, static_cast<uint64_t>(static_cast<double>(n) * scale_ + 0.5));
  }

  // A further number of this workload; of several repetitions, the median.
  void field(std::string name, double value) {
    fields.push_back({std::move(name), value});
  }

  uint64_t check = 0;         // What was computed: see inputs.h.
  double bytes_per_item = 0;  // 0: not measured.
  std::vector<named_number> fields;

  // For the harness.
  int64_t cpu_ns() const { return cpu_ns_; }
  int64_t wall_ns() const { return wall_ns_; }
  uint64_t operations() const { return operations_; }
  uint64_t counted(size_t i) const { return counted_[i]; }

 private:
  double scale_;
  int64_t cpu_ns_ = 0;
  int64_t wall_ns_ = 0;
  uint64_t operations_ = 0;
  std::vector<uint64_t> counted_;
};

enum class temperature { warm, cold };
constexpr temperature cold = temperature::cold;

struct workload {
  std::string name;
  std::string param;  // What somebody who reads the table wants to know of it.
  std::function<void(run&)> body;
  temperature begins;
};
inline std::vector<workload>& workloads() {
  static std::vector<workload> all;
  return all;
}

// Before main_of(); also as the initializer of a variable.
inline bool add(std::string name, std::string param,
                std::function<void(run&)> body,
                temperature begins = temperature::warm) {
  for (const workload& w : workloads()) {
    if (w.name == name) fail("There are two workloads %s.", name.c_str());
  }
  workloads().push_back(
      {std::move(name), std::move(param), std::move(body), begins});
  return true;
}

}  // namespace bench

#endif  // RATCHET_TESTS_BENCHMARKS_WORKLOAD_H_
