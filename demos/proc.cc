// proc: Run commands at the same time, their output line by line

// Each argument is a line for the shell:
//
//   demos/run proc -- 'make -C a' 'make -C b'
//
// Every line that a command prints has its number in front; a table of how they
// ended comes last. A stream for each end of a pipe, one task for each of them,
// map_concurrent for --jobs, with_timeout for --timeout, and signals as
// something to be awaited: Ctrl-C goes to the commands, and we wait for them.
// What is printed goes to streams, too: if who reads it is slow, or has stopped
// the terminal, the commands wait, but neither do time-outs nor signals.

#include <signal.h>

#include <cstdio>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "demos/flags.h"
#include "gflags/gflags.h"
#include "ratchet/io/process.h"
#include "ratchet/io/signals.h"
#include "ratchet/io/standard_streams.h"
#include "ratchet/io/stream.h"
#include "ratchet/map_concurrent.h"
#include "ratchet/ratchet.h"

DEFINE_int32(jobs, 0, "How many run at the same time; 0 for all.");
DEFINE_double(timeout, 0, "Seconds that each may take; 0 for any time.");
DEFINE_bool(fail_fast, false, "End the others as soon as one has failed.");
DEFINE_bool(keep_order, false,
            "Print what a command prints when all before it have ended.");
DEFINE_bool(times, true, "Show in the table how long each took.");

// From SIGTERM to SIGKILL.
constexpr absl::Duration kGrace = absl::Seconds(5);

// Where the lines go.
class printer final {
 public:
  explicit printer(size_t commands) : held_(commands), ended_(commands) {}

  // To be awaited before the next line is read: then there is no more unsent
  // than a stream's high water.
  ratchet::stream::writing print(size_t command, ratchet::stream& to,
                                 std::string_view line) {
    const std::string number = absl::StrCat("[", command + 1, "] ");
    if (FLAGS_keep_order && command != turn_) {
      held_[command].push_back(
          {&to, absl::StrCat(number, std::string(line), "\n")});
      return to.write("");
    }
    return to.write({number, line, "\n"});
  }
  void end(size_t command) {
    ended_[command] = true;
    while (turn_ < ended_.size() && ended_[turn_]) {
      if (++turn_ == ended_.size()) break;
      for (held_line& l : held_[turn_]) {
        static_cast<void>(l.to->write(std::move(l.text)));
      }
      held_[turn_].clear();
    }
  }

 private:
  struct held_line {
    ratchet::stream* to;
    std::string text;
  };

  std::vector<std::vector<held_line>> held_;
  std::vector<bool> ended_;
  size_t turn_ = 0;  // Whose lines are printed at once.
};

// Those that run.
class crew final {
 public:
  void add(ratchet::process& p) { running_.insert(&p); }
  void remove(ratchet::process& p) { running_.erase(&p); }
  bool stopped() const { return stopped_; }

  // No more are started, and those that run are asked to end. A second time
  // they have to; and so they have to after a while.
  void stop(int signal) {
    if (std::exchange(stopped_, true)) signal = SIGKILL;
    send(signal);
    ratchet::event_loop::current().call_later(kGrace,
                                              [this] { send(SIGKILL); });
  }

 private:
  void send(int signal) {
    for (ratchet::process* const p : running_) {
      p->kill_group(signal).IgnoreError();
    }
  }

  std::set<ratchet::process*> running_;
  bool stopped_ = false;
};

// Prints the lines of one end of a command's output.
class print_lines final : public ratchet::task<void> {
 public:
  print_lines(ratchet::stream& from, printer& p, size_t command,
              ratchet::stream& to)
      : from_(from), printer_(p), command_(command), to_(to) {}
  step start() { return await<&print_lines::line>(from_.read_line()); }

 private:
  step line(absl::StatusOr<std::optional<std::string_view>> l) {
    if (absl::IsResourceExhausted(l.status())) {  // A very long line.
      return await<&print_lines::piece>(from_.read_some());
    }
    if (!l.ok()) return fail(l.status());
    if (!l->has_value()) return done();
    return await<&print_lines::start>(printer_.print(command_, to_, **l));
  }
  step piece(std::string_view p) {
    return await<&print_lines::start>(printer_.print(command_, to_, p));
  }

  ratchet::stream& from_;
  printer& printer_;
  const size_t command_;
  ratchet::stream& to_;
};

// Our own output and errors.
struct standard_streams {
  ratchet::stream output;
  ratchet::stream errors;
};

// Prints all that a process prints, and waits for it.
class to_the_end final : public ratchet::task<ratchet::exit_status> {
 public:
  to_the_end(ratchet::process& of, printer& p, standard_streams& to,
             size_t command)
      : process_(of), printer_(p), to_(to), command_(command) {}
  step start() {
    return await<&to_the_end::printed>(ratchet::when_all(
        print_lines(process_.output(), printer_, command_, to_.output),
        print_lines(process_.errors(), printer_, command_, to_.errors)));
  }

 private:
  step printed() { return await<&to_the_end::ended>(process_.wait()); }
  step ended(ratchet::exit_status status) { return done(status); }

  ratchet::process& process_;
  printer& printer_;
  standard_streams& to_;
  const size_t command_;
};

// A row of the table.
struct row {
  std::string outcome;
  bool success = false;
  absl::Duration time;
};

class run_command final : public ratchet::task<row> {
 public:
  run_command(size_t number, std::string line, printer& p, standard_streams& to,
              crew& c)
      : number_(number),
        line_(std::move(line)),
        printer_(p),
        to_(to),
        crew_(c) {}

  step start() {
    if (crew_.stopped()) return finish({"not started", false, {}});
    ratchet::process_options options;
    options.argv = {"/bin/sh", "-c", line_};
    options.standard_input = ratchet::redirect::null();
    options.standard_output = ratchet::redirect::pipe();
    options.standard_error = ratchet::redirect::pipe();
    options.new_process_group = true;  // Ctrl-C is ours to pass on.
    options.kill_when_dropped = true;
    absl::StatusOr<ratchet::process> started = ratchet::spawn(options);
    if (!started.ok()) {
      return finish({std::string(started.status().message()), false, {}});
    }
    process_ = *std::move(started);
    crew_.add(process_);
    return await<&run_command::ended>(
        ratchet::with_timeout(to_the_end(process_, printer_, to_, number_),
                              FLAGS_timeout > 0 ? absl::Seconds(FLAGS_timeout)
                                                : absl::InfiniteDuration()));
  }

 private:
  step ended(absl::StatusOr<ratchet::exit_status> status) {
    if (status.ok()) return ended_with(*status, "");
    if (!ratchet::is_timeout(status.status())) return give_up(status.status());
    process_.kill_group(SIGTERM).IgnoreError();
    return await<&run_command::ended_late>(ratchet::with_timeout(
        to_the_end(process_, printer_, to_, number_), kGrace));
  }
  step ended_late(absl::StatusOr<ratchet::exit_status> status) {
    if (status.ok()) return ended_with(*status, ", timed out");
    if (!ratchet::is_timeout(status.status())) return give_up(status.status());
    process_.kill_group(SIGKILL).IgnoreError();
    return await<&run_command::gone>(process_.wait());
  }
  step gone(ratchet::exit_status status) {
    return ended_with(status, ", timed out");
  }

  step ended_with(const ratchet::exit_status& status, const char* remark) {
    crew_.remove(process_);
    return finish({absl::StrCat(ratchet::to_string(status), remark),
                   status.success() && *remark == '\0', absl::Now() - began_});
  }
  // Nobody takes what is printed any more: the others need not go on, either.
  step give_up(const absl::Status& why) {
    crew_.remove(process_);
    process_ = ratchet::process();  // And kills it.
    if (!crew_.stopped()) crew_.stop(SIGTERM);
    return finish({std::string(why.message()), false, absl::Now() - began_});
  }
  step finish(row r) {
    printer_.end(number_);
    if (!r.success && FLAGS_fail_fast && !crew_.stopped()) {
      crew_.stop(SIGTERM);
    }
    return done(std::move(r));
  }

  const size_t number_;
  const std::string line_;
  printer& printer_;
  standard_streams& to_;
  crew& crew_;
  const absl::Time began_ = absl::Now();
  ratchet::process process_;
};

// Passes signals on to the commands.
class pass_on_signals final : public ratchet::task<void> {
 public:
  pass_on_signals(ratchet::signal_watcher w, crew& c)
      : watcher_(std::move(w)), crew_(c) {}
  step start() { return await<&pass_on_signals::came>(watcher_.next()); }

 private:
  step came(int signal) {
    crew_.stop(signal);
    return start();
  }

  ratchet::signal_watcher watcher_;
  crew& crew_;
};

// The number of those that failed.
class run_all final : public ratchet::task<int> {
 public:
  explicit run_all(std::vector<std::string> lines)
      : lines_(std::move(lines)), printer_(lines_.size()) {}

  step start() {
    absl::StatusOr<ratchet::signal_watcher> signals =
        ratchet::signal_watcher::watch({SIGINT, SIGTERM, SIGHUP});
    if (!signals.ok()) return fail(signals.status());
    absl::StatusOr<ratchet::stream> output = ratchet::standard_output();
    if (!output.ok()) return fail(output.status());
    to_.output = *std::move(output);
    absl::StatusOr<ratchet::stream> errors = ratchet::standard_error();
    if (!errors.ok()) return fail(errors.status());
    to_.errors = *std::move(errors);
    signals_ =
        ratchet::create_task(pass_on_signals(*std::move(signals), crew_));
    std::vector<size_t> numbers(lines_.size());
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
    const size_t jobs =
        FLAGS_jobs > 0 ? static_cast<size_t>(FLAGS_jobs) : lines_.size();
    return await<&run_all::ended>(ratchet::map_concurrent_settled(
        std::move(numbers), jobs, [this](size_t i) {
          return run_command(i, lines_[i], printer_, to_, crew_);
        }));
  }

 private:
  step ended(std::vector<absl::StatusOr<row>> rows) {
    std::string table;
    for (size_t i = 0; i < rows.size(); ++i) {
      const row r =
          rows[i].ok()
              ? *rows[i]
              : row{std::string(rows[i].status().message()), false, {}};
      if (!r.success) ++failed_;
      const std::string time =
          FLAGS_times
              ? absl::StrFormat("%8.2f s", absl::ToDoubleSeconds(r.time))
              : "";
      absl::StrAppendFormat(&table, "%3d  %-28s%s  %s\n", i + 1, r.outcome,
                            time, lines_[i]);
    }
    static_cast<void>(to_.output.write(std::move(table)));
    return await<&run_all::errors_printed>(to_.errors.flush());
  }
  // Without them there is nowhere to complain.
  step errors_printed(absl::Status) {
    return await<&run_all::printed>(to_.output.flush());
  }
  step printed() { return done(failed_); }

  const std::vector<std::string> lines_;
  printer printer_;
  standard_streams to_;
  crew crew_;
  int failed_ = 0;
  ratchet::future<void> signals_;
};

int main(int argc, char** argv) {
  demo::parse_flags(
      "runs commands at the same time, and shows their output.\n\n"
      "  proc [flags] -- 'command' ['command' ...]\n\n"
      "The status is 1 if one of them has failed.",
      &argc, &argv);
  if (argc < 2 || FLAGS_jobs < 0 || FLAGS_timeout < 0) {
    std::fprintf(stderr,
                 "proc: [flags] -- 'command' ['command' ...]; "
                 "see proc --help\n");
    return 2;
  }
  const absl::StatusOr<int> failed =
      ratchet::run(run_all(std::vector<std::string>(argv + 1, argv + argc)));
  if (!failed.ok()) {
    std::fprintf(stderr, "proc: %s\n",
                 std::string(failed.status().message()).c_str());
    return 1;
  }
  return *failed == 0 ? 0 : 1;
}
