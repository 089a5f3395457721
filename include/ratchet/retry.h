#ifndef RATCHET_RETRY_H_
#define RATCHET_RETRY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/future.h"
#include "ratchet/internal/awaitables.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"

namespace ratchet {

// How the pause before the next attempt is spread, so that many who failed
// together do not come back together. With `random` from [0, 1):
enum class retry_jitter {
  none,          // delay
  full,          // random * delay
  decorrelated,  // between first_delay and 3 times the last pause
};

// Whether an error may pass by itself: kUnavailable, kDeadlineExceeded,
// kResourceExhausted and kAborted. Not one of this library's own that is
// kAborted, such as error_kind::destroyed, which repeating does not mend.
bool is_transient(const absl::Status& error);

struct retry_options {
  // How often f is called at most; 0: as often as the time allows.
  size_t max_attempts = 5;
  // From the start. What is under way then is cancelled, and no attempt is made
  // that would begin later.
  absl::Duration max_time = absl::InfiniteDuration();
  // For each attempt; one that takes longer is cancelled, and has failed with
  // kDeadlineExceeded.
  absl::Duration attempt_timeout = absl::InfiniteDuration();
  // The pause after the first attempt; each one after is `factor` times as
  // long, up to max_delay.
  absl::Duration first_delay = absl::Milliseconds(100);
  double factor = 2;
  absl::Duration max_delay = absl::Seconds(30);
  retry_jitter jitter = retry_jitter::full;
  // Gives numbers from [0, 1). Empty: a generator of the thread, seeded by the
  // system.
  std::function<double()> random;
  // Which errors are worth another attempt. Empty: is_transient. Cancelled is
  // never asked about, and never retried.
  std::function<bool(const absl::Status&)> retriable;
};

namespace internal {

// When and how often, apart from the types.
class retry_plan {
 public:
  explicit retry_plan(retry_options options) : options_(std::move(options)) {}

  void begin(int64_t now_ns);
  void count() { ++attempts_; }
  // For the attempt that begins now.
  absl::Duration timeout(int64_t now_ns) const;
  // The pause after `error`; nothing if it is final.
  std::optional<absl::Duration> pause(const absl::Status& error,
                                      int64_t now_ns);
  // `error`, and what has been tried.
  absl::Status final_error(const absl::Status& error) const;

 private:
  absl::Duration next_delay();

  retry_options options_;
  size_t attempts_ = 0;
  int64_t deadline_ns_ = 0;
  absl::Duration delay_;  // The next one, without jitter; or the last pause.
  const char* why_final_ = "";
};

// The machine of retry().
template <class F>
class retry_task final
    : public task<
          typename unwrapped<std::decay_t<std::invoke_result_t<F&>>>::type> {
  using R = std::decay_t<std::invoke_result_t<F&>>;
  using T = typename unwrapped<R>::type;
  using self = retry_task;

 public:
  template <class G>
  retry_task(retry_options options, G&& f)
      : plan_(std::move(options)), f_(std::forward<G>(f)) {}

  step start() {
    plan_.begin(now());
    cancelling_ = requests_to_cancel();
    return attempt();
  }

  std::string task_name() const override { return "retry"; }

 private:
  step attempt() {
    plan_.count();
    if constexpr (is_awaitable<R>) {
      std::optional<R> made;
      const absl::Status thrown =
          call_guarded([&]() -> void { made.emplace(f_()); });
      if (!thrown.ok()) return failed(thrown);
      const absl::Duration timeout = plan_.timeout(now());
      if (timeout == absl::InfiniteDuration()) {
        return this->template await<&self::tried>(*std::move(made));
      }
      return this->template await<&self::tried>(
          with_timeout(*std::move(made), timeout));
    } else {
      std::optional<outcome<T>> made;
      const absl::Status thrown = call_guarded([&]() -> void {
        if constexpr (std::is_void_v<R>) {
          f_();
          made.emplace();
        } else {
          made.emplace(f_());
        }
      });
      if (!thrown.ok()) return failed(thrown);
      return tried(*std::move(made));
    }
  }

  step tried(outcome<T> result) {
    if (result.ok()) return this->done(std::move(result));
    if constexpr (std::is_void_v<T>) {
      return failed(result);
    } else {
      return failed(result.status());
    }
  }

  step failed(const absl::Status& error) {
    // A request that the attempt made into something else.
    if (requests_to_cancel() > cancelling_) return this->fail(error);
    const std::optional<absl::Duration> pause = plan_.pause(error, now());
    if (!pause.has_value()) return this->fail(plan_.final_error(error));
    return this->template sleep_for<&self::attempt>(*pause);
  }

  int64_t now() { return this->running_core("retry()").now_ns(); }
  uint32_t requests_to_cancel() {
    return this->running_core("retry()").current_task()->cancelling();
  }

  retry_plan plan_;
  F f_;
  uint32_t cancelling_ = 0;  // At the start, of the task it is in.
};

}  // namespace internal

// retry: calls f() until it succeeds, with pauses that grow.
//
//   ratchet::retry_options options;
//   options.max_attempts = 3;
//   options.attempt_timeout = absl::Seconds(2);
//   return await<&m::got>(retry(options, [this] { return fetch(url_); }));
//
// Gives a machine to be awaited, or to be handed to create_task; f is not
// called before. f returns a future, a machine, absl::StatusOr<T>, absl::Status
// or a value; a machine runs inside this one. An exception is a failure, of
// kUnknown.
//
// The outcome is the first value; or the last error, when it is not worth
// another attempt, or max_attempts or max_time are used up: its code, kind and
// message, followed by how many attempts were made, if that was more than one.
// The pause starts when the attempt has really ended. If it would end after
// max_time it is not made.
//
// Cancelling it during a pause ends it at once; during an attempt it is passed
// on to that, and the outcome comes when that has ended. Either way nothing
// more is tried. *Loses data*: what the attempt would have given.
// Complexity: O(1) per attempt, and one block for a time-out.
template <class F>
[[nodiscard]] auto retry(retry_options options, F&& f) {
  using Function = std::decay_t<F>;
  constexpr bool kCallable = std::is_invocable_v<Function&>;
  static_assert(kCallable,
                "retry(options, f): f must be callable without arguments, "
                "again and again: f()");
  if constexpr (kCallable) {
    return internal::retry_task<Function>(std::move(options),
                                          std::forward<F>(f));
  }
}

}  // namespace ratchet

#endif  // RATCHET_RETRY_H_
