#ifndef RATCHET_TESTS_BENCHMARKS_HARNESS_H_
#define RATCHET_TESTS_BENCHMARKS_HARNESS_H_

// What measures the workloads, of this library and of others alike: plain C++17
// and POSIX, in three headers (harness.h includes the others), so that a
// program for another library is one file and one line of g++.
//
//   bench::add("w4p", "10 thens", [](bench::run& r) {
//     ...                              // Set-up.
//     r.start();
//     ...                              // What is measured.
//     r.stop(ops);
//     r.check = sum;                   // What was computed, never 0.
//   });
//   int main(int argc, char** argv) {
//     return bench::main_of("libuv", argc, argv);
//   }
//
// A call of the function is a repetition. Each workload has a process of its
// own, forked off before anything has run, so that none finds the heap or the
// threads that another has left. In it, one repetition warms up, and those
// that follow are measured: CPU time, of all threads together, and wall time.
// What is printed is the median, with the least and the most. All repetitions
// must come to the same `check`.
//
// A `bench::cold` workload has a new process for each repetition and nothing
// that warms up: for what touches memory for the first time.
//
// Flags: main_of() with --help prints them.
// Exit status: 0; 1 when a workload failed; 2 for a flag it does not know.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/benchmarks/inputs.h"
#include "tests/benchmarks/workload.h"

namespace bench {

// What the repetitions of a workload came to, per operation.
struct result {
  double repetitions = 0;
  double operations = 0;
  double cpu = 0;
  double cpu_min = 0;
  double cpu_max = 0;
  double wall = 0;
  double bytes = 0;
  uint64_t check = 0;
  std::vector<named_number> fields;
};

namespace detail {

struct options {
  bool json = false;
  bool list = false;
  int repetitions = 5;
  double scale = 1;
  std::vector<std::string> patterns;
};

inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half]
                                : (values[half - 1] + values[half]) / 2;
}

// One repetition, as numbers: what goes through the pipe.
inline result measure(const workload& w, const options& o) {
  run r(o.scale);
  w.body(r);
  if (r.operations() == 0) {
    fail("%s has measured nothing: start() and stop(operations).",
         w.name.c_str());
  }
  if (r.check == 0) {
    fail("%s has computed nothing: its check is 0.", w.name.c_str());
  }
  const auto n = static_cast<double>(r.operations());
  result one;
  one.repetitions = 1;
  one.operations = n;
  one.cpu = static_cast<double>(r.cpu_ns()) / n;
  one.wall = static_cast<double>(r.wall_ns()) / n;
  one.bytes = r.bytes_per_item;
  one.check = r.check;
  one.fields = std::move(r.fields);
  for (size_t i = 0; i < counters().size(); ++i) {
    one.fields.push_back(
        {counters()[i].name, static_cast<double>(r.counted(i)) / n});
  }
  return one;
}

inline void send(FILE* to, const result& one) {
  fprintf(to, "%.17g %.17g %.17g %.17g %" PRIu64 " %zu\n", one.operations,
          one.cpu, one.wall, one.bytes, one.check, one.fields.size());
  for (const named_number& f : one.fields) {
    fprintf(to, "%s %.17g\n", f.name.c_str(), f.value);
  }
}

inline bool receive(FILE* from, result* one) {
  size_t fields = 0;
  if (fscanf(from, "%lf %lf %lf %lf %" SCNu64 " %zu", &one->operations,
             &one->cpu, &one->wall, &one->bytes, &one->check, &fields) != 6) {
    return false;
  }
  for (; fields > 0; --fields) {
    char name[64];
    double value = 0;
    if (fscanf(from, "%63s %lf", name, &value) != 2) return false;
    one->fields.push_back({name, value});
  }
  return true;
}

// Runs `repetitions` in a new process and appends what they came to. False if
// that process did not end well; it has said why.
inline bool in_new_process(const workload& w, const options& o, bool warm_up,
                           int repetitions, std::vector<result>* all) {
  int ends[2];
  fflush(stdout);
  fflush(stderr);
  if (pipe(ends) != 0) fail("pipe(): %s.", strerror(errno));
  const pid_t child = fork();
  if (child < 0) fail("fork(): %s.", strerror(errno));
  if (child == 0) {
    close(ends[0]);
    FILE* const to = fdopen(ends[1], "w");
    if (to == nullptr) fail("fdopen(): %s.", strerror(errno));
    if (warm_up) send(to, measure(w, o));
    for (int i = 0; i < repetitions; ++i) send(to, measure(w, o));
    fclose(to);
    exit(0);
  }
  close(ends[1]);
  FILE* const from = fdopen(ends[0], "r");
  if (from == nullptr) fail("fdopen(): %s.", strerror(errno));
  for (result one; receive(from, &one); one = result()) all->push_back(one);
  fclose(from);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return true;
  if (WIFSIGNALED(status)) {
    fprintf(stderr, "%s: ended by signal %d.\n", w.name.c_str(),
            WTERMSIG(status));
  } else {
    fprintf(stderr, "%s: ended with status %d (see above).\n", w.name.c_str(),
            WEXITSTATUS(status));
  }
  return false;
}

inline bool measure_all(const workload& w, const options& o, result* all) {
  std::vector<result> each;
  const bool warm = w.begins == temperature::warm;
  if (warm) {
    if (!in_new_process(w, o, true, o.repetitions, &each)) return false;
  } else {
    for (int i = 0; i < o.repetitions; ++i) {
      if (!in_new_process(w, o, false, 1, &each)) return false;
    }
  }
  if (each.size() != static_cast<size_t>(o.repetitions) + (warm ? 1 : 0)) {
    fprintf(stderr, "%s: ended before its last repetition.\n", w.name.c_str());
    return false;
  }
  for (const result& one : each) {
    if (one.check == each[0].check && one.operations == each[0].operations &&
        one.fields.size() == each[0].fields.size()) {
      continue;
    }
    fprintf(stderr,
            "%s: a repetition did something else than the first: check %" PRIu64
            ", not %" PRIu64 ", of %.0f operations, not %.0f.\n",
            w.name.c_str(), one.check, each[0].check, one.operations,
            each[0].operations);
    return false;
  }
  if (warm) each.erase(each.begin());

  const auto middle = [&each](const auto& of) {
    std::vector<double> values;
    for (const result& one : each) values.push_back(of(one));
    return median(std::move(values));
  };
  *all = each[0];
  all->repetitions = o.repetitions;
  all->cpu = middle([](const result& one) { return one.cpu; });
  all->wall = middle([](const result& one) { return one.wall; });
  all->bytes = middle([](const result& one) { return one.bytes; });
  all->cpu_min = all->cpu_max = each[0].cpu;
  for (const result& one : each) {
    all->cpu_min = std::min(all->cpu_min, one.cpu);
    all->cpu_max = std::max(all->cpu_max, one.cpu);
  }
  for (size_t i = 0; i < all->fields.size(); ++i) {
    all->fields[i].value =
        middle([i](const result& one) { return one.fields[i].value; });
  }
  return true;
}

inline std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

inline void print_json(const std::string& peer, const workload& w,
                       const result& r) {
  printf(
      "{\"peer\":%s,\"workload\":%s,\"param\":%s,\"ops\":%.0f,"
      "\"cpu_ns_per_op\":%.3f,\"wall_ns_per_op\":%.3f,"
      "\"bytes_per_item\":%.1f,\"check\":%" PRIu64
      ",\"cpu_min\":%.3f,\"cpu_max\":%.3f,\"repetitions\":%.0f",
      quoted(peer).c_str(), quoted(w.name).c_str(), quoted(w.param).c_str(),
      r.operations, r.cpu, r.wall, r.bytes, r.check, r.cpu_min, r.cpu_max,
      r.repetitions);
  for (const named_number& f : r.fields) {
    printf(",%s:%.6g", quoted(f.name).c_str(), f.value);
  }
  printf("}\n");
}

inline void print_row(const workload& w, const result& r) {
  printf("%-9s %-40s %10.0f %9.2f %9.2f %9.2f %9.2f", w.name.c_str(),
         w.param.c_str(), r.operations, r.cpu, r.cpu_min, r.cpu_max, r.wall);
  if (r.bytes > 0) printf("  %.1f bytes", r.bytes);
  for (const named_number& f : r.fields) {
    printf("  %s %.3g", f.name.c_str(), f.value);
  }
  printf("  check %" PRIu64 "\n", r.check);
}

// A name, or the beginning of some with a star behind it.
inline bool matches(const std::string& pattern, const std::string& name) {
  if (pattern.empty() || pattern.back() != '*') return pattern == name;
  return name.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) ==
         0;
}

inline bool wanted(const options& o, const std::string& name) {
  if (o.patterns.empty()) return true;
  for (const std::string& p : o.patterns) {
    if (matches(p, name)) return true;
  }
  return false;
}

inline void print_usage(FILE* to, const char* program) {
  fprintf(to,
          "%s [--workload=NAME[,NAME...]] [--repetitions=5] [--scale=1] "
          "[--json] [--list]\n\n"
          "  --workload     Only these; w2* are all that begin with w2.\n"
          "  --repetitions  How often each is measured, after one that warms "
          "up.\n"
          "  --scale        The fraction of the operations, for a quick look.\n"
          "  --json         One line for each result instead of a table.\n"
          "  --list         Only the names of the workloads.\n",
          program);
}

// Says what is wrong with the command line and ends the program.
[[noreturn]] inline void refuse(const char* program, const std::string& why) {
  fprintf(stderr, "%s: %s\n\n", program, why.c_str());
  print_usage(stderr, program);
  exit(2);
}

// Whether `argument` is --NAME=VALUE with that name.
inline bool has_value(const char* argument, const char* name,
                      std::string* value) {
  const size_t length = strlen(name);
  if (strncmp(argument, name, length) != 0 || argument[length] != '=') {
    return false;
  }
  *value = argument + length + 1;
  return true;
}

// A positive number.
inline double number(const char* program, const char* argument,
                     const std::string& value) {
  char* end = nullptr;
  const double x = strtod(value.c_str(), &end);
  if (value.empty() || *end != '\0' || !(x > 0) || x > 1e6) {
    refuse(program, std::string(argument) + ": a number above 0 is wanted.");
  }
  return x;
}

inline options parse(int argc, char** argv) {
  options o;
  std::string value;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      print_usage(stdout, argv[0]);
      exit(0);
    } else if (strcmp(argv[i], "--json") == 0) {
      o.json = true;
    } else if (strcmp(argv[i], "--list") == 0) {
      o.list = true;
    } else if (has_value(argv[i], "--repetitions", &value)) {
      o.repetitions = static_cast<int>(number(argv[0], argv[i], value));
      if (o.repetitions < 1) refuse(argv[0], "--repetitions: at least 1.");
    } else if (has_value(argv[i], "--scale", &value)) {
      o.scale = number(argv[0], argv[i], value);
    } else if (has_value(argv[i], "--workload", &value)) {
      for (size_t from = 0; from <= value.size();) {
        const size_t to = std::min(value.find(',', from), value.size());
        const std::string pattern = value.substr(from, to - from);
        const auto& all = workloads();
        if (std::none_of(all.begin(), all.end(), [&](const workload& w) {
              return matches(pattern, w.name);
            })) {
          refuse(argv[0], "there is no workload '" + pattern +
                              "'; --list prints those there are.");
        }
        o.patterns.push_back(pattern);
        from = to + 1;
      }
    } else {
      refuse(argv[0], std::string("what is ") + argv[i] + "?");
    }
  }
  return o;
}

}  // namespace detail

// The program: measures the workloads that were added, as those of `peer`.
inline int main_of(const char* peer, int argc, char** argv) {
  const detail::options o = detail::parse(argc, argv);
  if (!o.list && !o.json) {
    printf(
        "%s: nanoseconds per operation, median of %d repetitions%s\n"
        "%-9s %-40s %10s %9s %9s %9s %9s\n",
        peer, o.repetitions, o.scale == 1 ? "" : ", SCALED", "workload", "",
        "ops", "CPU", "min", "max", "wall");
  }
  bool good = true;
  for (const workload& w : workloads()) {
    if (!detail::wanted(o, w.name)) continue;
    if (o.list) {
      printf("%s\n", w.name.c_str());
      continue;
    }
    result r;
    if (!detail::measure_all(w, o, &r)) {
      good = false;
      continue;
    }
    if (o.json) {
      detail::print_json(peer, w, r);
    } else {
      detail::print_row(w, r);
    }
    fflush(stdout);
  }
  return good ? 0 : 1;
}

}  // namespace bench

#endif  // RATCHET_TESTS_BENCHMARKS_HARNESS_H_
