#include <signal.h>

#include <utility>

#include "ratchet/io/process.h"
#include "ratchet/when_all.h"

namespace ratchet {
namespace internal {

run_process_task::run_process_task(process_options options, std::string input,
                                   process_limits limits)
    : options_(std::move(options)), input_(std::move(input)), limits_(limits) {
  options_.standard_input = redirect::pipe();
  options_.standard_output = redirect::pipe();
  if (!options_.standard_error.is_to_output()) {
    options_.standard_error = redirect::pipe();
  }
  options_.kill_when_dropped = true;
}

step run_process_task::start() {
  absl::StatusOr<process> started = spawn(options_);
  if (!started.ok()) return fail(started.status());
  process_ = *std::move(started);
  // Sent while its output is read. That it does not want it is its affair.
  process_.input().write(std::move(input_)).status().IgnoreError();
  process_.input().shutdown_write().status().IgnoreError();
  if (!process_.errors().valid()) {
    return await<&run_process_task::read_output>(
        process_.output().read_all(limits_.output));
  }
  return await<&run_process_task::read_both>(
      when_all(process_.output().read_all(limits_.output),
               process_.errors().read_all(limits_.errors)));
}

step run_process_task::read_both(
    absl::StatusOr<std::tuple<std::string, std::string>> printed) {
  if (!printed.ok()) return stop(printed.status());
  std::tie(output_, errors_) = *std::move(printed);
  return await<&run_process_task::ended>(process_.wait());
}

step run_process_task::read_output(absl::StatusOr<std::string> printed) {
  if (!printed.ok()) return stop(printed.status());
  output_ = *std::move(printed);
  return await<&run_process_task::ended>(process_.wait());
}

step run_process_task::ended(absl::StatusOr<exit_status> status) {
  if (!status.ok()) return stop(status.status());
  return done(process_result{*status, std::move(output_), std::move(errors_)});
}

step run_process_task::stop(absl::Status why) {
  error_ = std::move(why);
  // It may have ended meanwhile.
  (options_.new_process_group ? process_.kill_group(SIGKILL)
                              : process_.kill(SIGKILL))
      .IgnoreError();
  return await<&run_process_task::stopped>(process_.wait());
}

step run_process_task::stopped(absl::StatusOr<exit_status> /*status*/) {
  return fail(error_);
}

}  // namespace internal

internal::run_process_task run_process(process_options options,
                                       std::string input,
                                       process_limits limits) {
  return internal::run_process_task(std::move(options), std::move(input),
                                    limits);
}

}  // namespace ratchet
