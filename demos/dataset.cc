// dataset: A large file in chunks, by all cores, and compared with one thread

// The file has a line for each reading: "Hamburg,12.3". Of each station it says
// how many there are, the smallest, the largest and the mean. A chunk is read
// with file::read_at and counted with run_in; map_concurrent keeps some under
// way, and an interval draws how far it is, where there is a terminal.
//
//   dataset --rows=10000000 --threads=4
//   dataset --file=readings.csv --chunk=4194304

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "demos/lesson.h"
#include "gflags/gflags.h"
#include "ratchet/interval.h"
#include "ratchet/io/file.h"
#include "ratchet/map_concurrent.h"
#include "ratchet/ratchet.h"
#include "ratchet/thread/thread_pool.h"

DEFINE_string(file, "", "What to read; one is made if there is none.");
DEFINE_uint64(rows, 2'000'000, "How many lines to make, without --file.");
DEFINE_uint64(chunk, 1 << 20, "How many bytes are read at once.");
DEFINE_uint64(threads, 0, "How many threads; 0: as many as there are cores.");
DEFINE_bool(quiet, false, "Neither times nor progress.");

// -- What is counted ----------------------------------------------------------

// Readings are whole tenths, so that the order in which they are added makes no
// difference.
struct station {
  uint64_t rows = 0;
  int64_t sum = 0;
  int64_t smallest = std::numeric_limits<int64_t>::max();
  int64_t largest = std::numeric_limits<int64_t>::min();

  void add(const station& other) {
    rows += other.rows;
    sum += other.sum;
    smallest = std::min(smallest, other.smallest);
    largest = std::max(largest, other.largest);
  }
  friend bool operator==(const station& a, const station& b) {
    return a.rows == b.rows && a.sum == b.sum && a.smallest == b.smallest &&
           a.largest == b.largest;
  }
};

// "-12.3" in tenths.
std::optional<int64_t> tenths(absl::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  const size_t n = text.size();
  if (n < 3 || n > 10 || text[n - 2] != '.') return std::nullopt;
  int64_t value = 0;
  for (size_t i = 0; i < n; ++i) {
    if (i == n - 2) continue;
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return negative ? -value : value;
}

class summary final {
 public:
  // Whole lines; `offset` is where in the file they are.
  void add_lines(absl::string_view text, uint64_t offset) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      add_line(text.substr(0, end), offset);
      const size_t used = std::min(end + 1, text.size());
      text.remove_prefix(used);
      offset += used;
    }
  }

  void add(const summary& other) {
    for (const auto& [name, readings] : other.stations_) {
      stations_[name].add(readings);
    }
    malformed_ += other.malformed_;
    if (other.first_at_ < first_at_) {
      first_at_ = other.first_at_;
      first_ = other.first_;
    }
  }

  friend bool operator==(const summary& a, const summary& b) {
    return a.stations_ == b.stations_ && a.malformed_ == b.malformed_ &&
           a.first_at_ == b.first_at_ && a.first_ == b.first_;
  }

  void print() const {
    std::cout << absl::StreamFormat("%-16s %10s %8s %8s %8s\n", "station",
                                    "rows", "min", "mean", "max");
    const std::map<std::string, station> in_order(stations_.begin(),
                                                  stations_.end());
    station all;
    for (const auto& [name, readings] : in_order) {
      print_row(name, readings);
      all.add(readings);
    }
    if (all.rows > 0) print_row("all", all);
    if (malformed_ == 0) return;
    std::cout << malformed_ << " malformed, the first line of these at byte "
              << first_at_ << ": \"" << first_ << "\"\n";
  }

 private:
  void add_line(absl::string_view line, uint64_t offset) {
    const size_t comma = line.find(',');
    std::optional<int64_t> value;
    if (comma != absl::string_view::npos && comma > 0) {
      value = tenths(line.substr(comma + 1));
    }
    if (!value.has_value()) {
      ++malformed_;
      if (offset < first_at_) {
        constexpr size_t kShown = 40;
        first_at_ = offset;
        first_ = std::string(line.substr(0, kShown));
      }
      return;
    }
    const absl::string_view name = line.substr(0, comma);
    auto found = stations_.find(name);
    if (found == stations_.end()) {
      found = stations_.try_emplace(std::string(name)).first;
    }
    found->second.add({1, *value, *value, *value});
  }

  static void print_row(const std::string& name, const station& s) {
    const double mean =
        static_cast<double>(s.sum) / static_cast<double>(s.rows) / 10;
    std::cout << absl::StreamFormat("%-16s %10d %8.1f %8.1f %8.1f\n", name,
                                    s.rows,
                                    static_cast<double>(s.smallest) / 10, mean,
                                    static_cast<double>(s.largest) / 10);
  }

  absl::flat_hash_map<std::string, station> stations_;
  uint64_t malformed_ = 0;
  uint64_t first_at_ = std::numeric_limits<uint64_t>::max();
  std::string first_;
};

// -- With ratchet -------------------------------------------------------------

// Counts the lines that begin in [begin, end), wherever the last one ends.
class chunk final : public ratchet::task<summary> {
 public:
  chunk(ratchet::thread_pool& pool, const ratchet::file& file, uint64_t begin,
        uint64_t end)
      : pool_(pool), file_(file), begin_(begin), end_(end) {}

  step start() {
    // With the byte before it: whether that ends a line is what decides.
    if (!first_chunk_) --begin_;
    return await<&chunk::cut>(file_.read_at(begin_, end_ - begin_));
  }

 private:
  step cut(std::string text) {
    text_ = std::move(text);
    if (!first_chunk_) {
      const size_t line = text_.find('\n');
      if (line == std::string::npos) return done(summary());
      first_ = line + 1;
    }
    if (first_ == text_.size() || text_.back() == '\n') return count();
    return read_on();
  }

  // The last line goes on in the next chunk.
  step read_on() {
    constexpr size_t kFurther = 4096;
    return await<&chunk::completed>(
        file_.read_at(begin_ + text_.size(), kFurther));
  }
  step completed(std::string further) {
    const size_t line = further.find('\n');
    text_.append(further, 0, std::min(line, further.size()));
    if (line == std::string::npos && !further.empty()) return read_on();
    return count();
  }

  step count() {
    return await<&chunk::counted>(ratchet::run_in(
        pool_, [text = std::move(text_), first = first_, at = begin_] {
          summary result;
          result.add_lines(absl::string_view(text).substr(first), at + first);
          return result;
        }));
  }
  step counted(summary result) { return done(std::move(result)); }

  ratchet::thread_pool& pool_;
  const ratchet::file& file_;
  uint64_t begin_;  // Of text_.
  const bool first_chunk_ = begin_ == 0;
  const uint64_t end_;
  std::string text_;
  size_t first_ = 0;  // Where in it the first line begins.
};

class progress_bar final : public ratchet::task<void> {
 public:
  progress_bar(const uint64_t& finished, uint64_t all)
      : finished_(finished), all_(all) {}
  step start() { return await<&progress_bar::draw>(often_.next()); }

 private:
  step draw(absl::StatusOr<ratchet::interval_tick> tick) {
    if (!tick.ok()) {
      std::cerr << "\r\033[K";  // It is gone when all is counted.
      return fail(tick.status());
    }
    constexpr size_t kWidth = 50;
    const size_t full = static_cast<size_t>(finished_ * kWidth / all_);
    std::cerr << "\r[" << std::string(full, '#')
              << std::string(kWidth - full, '.') << "] "
              << finished_ * 100 / all_ << " %";
    return start();
  }

  const uint64_t& finished_;
  const uint64_t all_;
  ratchet::interval often_{absl::Milliseconds(100)};
};

class count_together final : public ratchet::task<summary> {
 public:
  count_together(ratchet::thread_pool& pool, std::string path)
      : pool_(pool), path_(std::move(path)) {}
  step start() {
    return await<&count_together::opened>(ratchet::file::open(pool_, path_));
  }

 private:
  step opened(ratchet::file file) {
    file_ = std::move(file);
    return await<&count_together::sized>(file_.size());
  }
  step sized(uint64_t size) {
    size_ = size;
    std::vector<uint64_t> begins;
    const uint64_t length = std::max<uint64_t>(FLAGS_chunk, 1);
    for (uint64_t at = 0; at < size; at += length) begins.push_back(at);
    if (size > 0 && !FLAGS_quiet && isatty(STDERR_FILENO) == 1) {
      bar_ = ratchet::create_task(progress_bar(finished_, begins.size()));
    }
    // One to be read while another one is counted, for each thread.
    const size_t limit = 2 * pool_.size();
    return await<&count_together::counted>(ratchet::map_concurrent(
        std::move(begins), limit, [this, length](uint64_t begin) {
          return ratchet::create_task(chunk(pool_, file_, begin,
                                            std::min(begin + length, size_)))
              .then([this](const summary& s) {
                result_.add(s);
                ++finished_;
              });
        }));
  }
  step counted(absl::Status status) {
    status_ = std::move(status);
    if (!bar_.valid()) return end();
    bar_.cancel("all is counted");
    return await<&count_together::bar_ended>(std::move(bar_));
  }
  step bar_ended(absl::Status) { return end(); }
  step end() {
    if (!status_.ok()) return fail(status_);
    return done(std::move(result_));
  }

  ratchet::thread_pool& pool_;
  const std::string path_;
  ratchet::file file_;
  uint64_t size_ = 0;
  uint64_t finished_ = 0;
  summary result_;
  absl::Status status_;
  ratchet::future<void> bar_;
};

// -- Without ------------------------------------------------------------------

struct closes_file {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using file_pointer = std::unique_ptr<std::FILE, closes_file>;

absl::StatusOr<summary> count_alone(const std::string& path) {
  const file_pointer file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) {
    return absl::NotFoundError(absl::StrCat("cannot open ", path));
  }
  summary result;
  std::string text;
  uint64_t at = 0;
  for (;;) {
    const size_t rest = text.size();
    text.resize(rest + std::max<uint64_t>(FLAGS_chunk, 1));
    const size_t read =
        std::fread(&text[rest], 1, text.size() - rest, file.get());
    text.resize(rest + read);
    if (std::ferror(file.get()) != 0) {
      return absl::DataLossError(absl::StrCat("cannot read ", path));
    }
    if (read == 0) break;
    const size_t end = text.rfind('\n') + 1;  // 0 if there is none.
    result.add_lines(absl::string_view(text).substr(0, end), at);
    text.erase(0, end);
    at += end;
  }
  result.add_lines(text, at);
  return result;
}

// -- The file -----------------------------------------------------------------

// Always the same lines; now and then one is malformed.
absl::Status make_file(const std::string& path, uint64_t rows) {
  constexpr const char* kStations[] = {
      "Amsterdam", "Bergen",  "Cork",  "Dresden",   "Edinburgh",  "Faro",
      "Gdansk",    "Hamburg", "Izmir", "Jyvaskyla", "Klagenfurt", "Lyon",
  };
  constexpr uint64_t kMalformedEvery = 397;
  const file_pointer file(std::fopen(path.c_str(), "wb"));
  if (file == nullptr) {
    return absl::PermissionDeniedError(absl::StrCat("cannot make ", path));
  }
  uint64_t state = 1;
  for (uint64_t row = 1; row <= rows; ++row) {
    state = state * 6364136223846793005u + 1442695040888963407u;  // MMIX
    const uint64_t random = state >> 33;
    const size_t station = random % std::size(kStations);
    const int64_t reading = static_cast<int64_t>(random / 16 % 450) - 150 +
                            static_cast<int64_t>(station) * 10;
    const int64_t size = reading < 0 ? -reading : reading;
    const bool malformed = row % kMalformedEvery == 0;
    const std::string line =
        absl::StrCat(kStations[station], malformed ? ";" : ",",
                     reading < 0 ? "-" : "", size / 10, ".", size % 10, "\n");
    std::fwrite(line.data(), 1, line.size(), file.get());
  }
  if (std::fflush(file.get()) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot write ", path));
  }
  return absl::OkStatus();
}

// A folder that goes with all that is in it: one file.
class temporary_folder final {
 public:
  temporary_folder() {
    const char* const parent = std::getenv("TMPDIR");
    path_ = absl::StrCat(parent == nullptr ? "/tmp" : parent,
                         "/ratchet_dataset.XXXXXX");
    if (mkdtemp(path_.data()) == nullptr) {
      lesson::check(absl::ErrnoToStatus(errno, "cannot make " + path_));
    }
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() {
    unlink(file().c_str());
    rmdir(path_.c_str());
  }
  std::string file() const { return path_ + "/readings.csv"; }

 private:
  std::string path_;
};

// -----------------------------------------------------------------------------

template <class F>
double seconds(F&& f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  const std::chrono::duration<double> took =
      std::chrono::steady_clock::now() - begin;
  return took.count();
}

absl::Status compare(const std::string& path) {
  absl::StatusOr<summary> alone;
  absl::StatusOr<summary> together;
  ratchet::thread_pool pool(FLAGS_threads, "dataset");
  const double one = seconds([&] { alone = count_alone(path); });
  if (!alone.ok()) return alone.status();
  const double many = seconds([&] {
    together = ratchet::run(count_together(pool, path), lesson::clock());
  });
  if (!together.ok()) return together.status();

  together->print();
  if (!FLAGS_quiet) {
    std::cout << absl::StreamFormat(
        "%-16s %10.3f s\n%-16s %10.3f s\n%-16s %10.2f\n", "one thread", one,
        absl::StrCat("a pool of ", pool.size()), many, "speed-up", one / many);
  }
  if (!(*alone == *together)) {
    return absl::InternalError("one thread and many do not agree");
  }
  return absl::OkStatus();
}

// The text of a chunk is allocated by one thread and freed by another. glibc
// would give its pages back to the system each time, and half of the time would
// go into getting them again.
void keep_memory() {
#ifdef __GLIBC__
  constexpr int kChunks = 32 << 20;  // More is refused as a threshold.
  mallopt(M_MMAP_THRESHOLD, kChunks);
  mallopt(M_TRIM_THRESHOLD, kChunks);
  mallopt(M_TOP_PAD, kChunks);
#endif
}

int main(int argc, char** argv) {
  keep_memory();
  lesson::begin(argc, argv,
                "counts the readings of a large file, in chunks and by all "
                "cores, and again\nwith one thread. A line is STATION,12.3");
  absl::Status status;
  if (!FLAGS_file.empty()) {
    status = compare(FLAGS_file);
  } else {
    const temporary_folder folder;
    status = make_file(folder.file(), FLAGS_rows);
    if (status.ok()) status = compare(folder.file());
  }
  lesson::check(status);
}
