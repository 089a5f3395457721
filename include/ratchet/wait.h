#ifndef RATCHET_WAIT_H_
#define RATCHET_WAIT_H_

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/internal/awaitables.h"
#include "ratchet/internal/watching.h"
#include "ratchet/promise.h"
#include "ratchet/task.h"

namespace ratchet {

// When a wait() is over, beside its time-out.
enum class wait_mode {
  all_completed,    // All futures are done (S85).
  first_completed,  // One is (S86).
  first_error,      // One has failed, cancelled ones not counted, or all are
                    // done (S87; asyncio's FIRST_EXCEPTION).
};

// The futures by what they were when the wait was over, each in argument order.
template <class F>
struct wait_result {
  std::vector<F> done;
  std::vector<F> pending;
};

namespace internal {

// The machine of wait(); "wait" of the algorithms in docs/asyncio.md.
template <class F>
class wait_task final : public task<wait_result<F>> {
 public:
  wait_task(std::vector<F> futures, wait_mode mode, absl::Duration timeout)
      : futures_(std::move(futures)), mode_(mode), timeout_(timeout) {}

  step start() {
    if (futures_.empty()) {
      return this->fail(
          absl::InvalidArgumentError("wait() was given no futures"));
    }
    watching_ = watching(
        mode_ == wait_mode::first_completed ? watching::until::first_done
        : mode_ == wait_mode::first_error   ? watching::until::first_error
                                            : watching::until::all_done);
    distinct<F> is_new;
    std::vector<future_state*> states;
    for (F& f : futures_) {
      if (is_new(f)) states.push_back(&f.state("wait()"));
    }
    return this->template await<&wait_task::finish>(
        watching_.begin(states, timeout_));
  }

  std::string task_name() const override { return "wait"; }

 private:
  step finish(absl::Status status) {
    watching_.end();
    if (!status.ok()) return this->fail(std::move(status));
    wait_result<F> result;
    distinct<F> is_new;
    for (F& f : futures_) {
      if (!is_new(f)) continue;
      (f.done() ? result.done : result.pending).push_back(std::move(f));
    }
    return this->done(std::move(result));
  }

  std::string describe_source() const override {  // "1 pending of 3".
    size_t pending = 0, all = 0;
    distinct<F> is_new;
    for (const F& f : futures_) {
      if (!is_new(f)) continue;
      ++all;
      if (!f.done()) ++pending;
    }
    return std::to_string(pending) + " pending of " + std::to_string(all);
  }

  std::vector<F> futures_;
  const wait_mode mode_;
  const absl::Duration timeout_;
  watching watching_;
};

}  // namespace internal

// wait: suspends until some of several futures are done (asyncio's wait).
//
//   return await<&m::got>(wait(std::move(futures),
//   wait_mode::first_completed)); step
//   got(ratchet::wait_result<ratchet::future<int>> r) { ... }
//
// Takes a range of futures, shared futures or tasks, which it starts when it is
// called; gives a machine to be awaited, or to be handed to create_task, whose
// result has the futures in two groups. Their errors are not errors of the wait
// (S89). It always suspends (S85). A shared future given twice counts once
// (S91).
//
// Errors: kInvalidArgument for an empty range (S91). When `timeout` passes, the
// wait is over without an error (S88). Cancelling it ends the wait; the futures
// are not cancelled (S90), so that with shared futures it is *cancel-safe*.
// Futures that were moved in end with the wait: share() those that are needed
// after a cancelled one.
// Complexity: O(n), O(1) per completion; leaves nothing behind on the futures.
template <class Range, internal::if_range<Range> = 0>
[[nodiscard]] auto wait(Range&& range,
                        wait_mode mode = wait_mode::all_completed,
                        absl::Duration timeout = absl::InfiniteDuration()) {
  internal::loop_core& core = internal::loop_core::current("wait()");
  using F = internal::future_of<internal::element_of<Range>>;
  return internal::wait_task<F>(
      internal::to_futures(core, std::forward<Range>(range)), mode, timeout);
}

}  // namespace ratchet

#endif  // RATCHET_WAIT_H_
