// downloads: Many downloads, three at a time, tried again when they fail

// map_concurrent keeps three under way, retry tries again with growing pauses,
// each attempt has a time limit, an interval prints how far it is, and a
// task_local tells the log lines which download they are about.

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "demos/lesson.h"
#include "ratchet/interval.h"
#include "ratchet/map_concurrent.h"
#include "ratchet/ratchet.h"
#include "ratchet/retry.h"
#include "ratchet/task_local.h"

ratchet::task_local<std::string> current_file{"-"};

void log(std::string_view what) {
  lesson::display(absl::StrCat("[", current_file.get(), "] ",
                               absl::string_view(what.data(), what.size())));
}

// A server on which some files are slow or not there at first.
class server final {
 public:
  // What the next request for `file` does: how long it takes, and how it ends.
  std::pair<absl::Duration, absl::Status> request(const std::string& file) {
    const int attempt = ++attempts_[file];
    if (file == "b.txt" && attempt < 3) {
      return {absl::Milliseconds(100), absl::UnavailableError("busy")};
    }
    if (file == "d.txt" && attempt == 1) {
      return {absl::Seconds(60), absl::OkStatus()};
    }
    if (file == "f.txt") {
      return {absl::Milliseconds(100), absl::NotFoundError("no such file")};
    }
    return {absl::Milliseconds(500), absl::OkStatus()};
  }

 private:
  std::map<std::string, int> attempts_;
};

class download final : public ratchet::task<size_t> {
 public:
  download(server& s, std::string file) : server_(s), file_(std::move(file)) {}
  step start() {
    log("asks");
    auto [takes, status] = server_.request(file_);
    status_ = status;
    return sleep_for<&download::answered>(takes);
  }

 private:
  step answered(absl::Status status) {
    if (ratchet::is_cancelled(status)) log(ratchet::cancel_reason(status));
    if (status.ok()) status = status_;
    if (!status.ok()) return fail(status);
    return done(file_.size() * 1000);
  }

  server& server_;
  const std::string file_;
  absl::Status status_;
};

// A download with its retries: a task, so that it has a current_file of its
// own.
class download_or_retry final : public ratchet::task<size_t> {
 public:
  download_or_retry(server& s, std::string file)
      : server_(s), file_(std::move(file)) {}
  step start() {
    current_file.set(file_);
    ratchet::retry_options options;
    options.max_attempts = 3;
    options.attempt_timeout = absl::Seconds(2);
    options.first_delay = absl::Milliseconds(200);
    options.jitter = ratchet::retry_jitter::none;
    return await<&download_or_retry::ended>(
        ratchet::retry(options, [this] { return download(server_, file_); }));
  }

 private:
  step ended(absl::StatusOr<size_t> bytes) {
    log(bytes.ok() ? absl::StrCat(*bytes, " bytes")
                   : std::string(bytes.status().message()));
    return done(std::move(bytes));
  }

  server& server_;
  const std::string file_;
};

class progress final : public ratchet::task<void> {
 public:
  explicit progress(const size_t& finished) : finished_(finished) {}
  step start() { return await<&progress::tick>(every_second_.next()); }

 private:
  step tick() {
    lesson::display(absl::StrCat(finished_, " finished"));
    return start();
  }

  const size_t& finished_;
  ratchet::interval every_second_{absl::Seconds(1)};
};

class main_task final : public ratchet::task<void> {
 public:
  step start() {
    progress_ = ratchet::create_task(progress(finished_));
    const std::vector<std::string> files = {"a.txt", "b.txt", "c.txt",
                                            "d.txt", "e.txt", "f.txt"};
    return await<&main_task::all_ended>(
        ratchet::map_concurrent_settled(files, 3, [this](std::string file) {
          return ratchet::create_task(
                     download_or_retry(server_, std::move(file)))
              .finally([this] { ++finished_; });
        }));
  }

 private:
  step all_ended(std::vector<absl::StatusOr<size_t>> results) {
    progress_.cancel("everything is there");
    size_t bytes = 0;
    size_t failed = 0;
    for (const absl::StatusOr<size_t>& r : results) {
      r.ok() ? bytes += *r : ++failed;
    }
    lesson::display(absl::StrCat(bytes, " bytes, ", failed, " failed"));
    return done();
  }

  server server_;
  size_t finished_ = 0;
  ratchet::future<void> progress_;
};

int main(int argc, char** argv) {
  lesson::begin(argc, argv);
  lesson::check(ratchet::run(main_task(), lesson::clock()));
}
