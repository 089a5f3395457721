#ifndef RATCHET_TESTS_SUPPORT_MACHINES_H_
#define RATCHET_TESTS_SUPPORT_MACHINES_H_

// Small machines for the tests of what takes machines, and one that is written
// where it is used.

#include <cstddef>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/task.h"

namespace ratchet::test {

// Sleeps, and ends with `value`.
class number_later final : public task<int> {
 public:
  number_later(absl::Duration delay, int value)
      : delay_(delay), value_(value) {}
  step start() { return sleep_for<&number_later::end>(delay_); }

 private:
  step end() { return done(value_); }

  absl::Duration delay_;
  int value_;
};

// Sleeps, and fails with `error`.
class error_later final : public task<int> {
 public:
  error_later(absl::Duration delay, absl::Status error)
      : delay_(delay), error_(std::move(error)) {}
  step start() { return sleep_for<&error_later::end>(delay_); }

 private:
  step end() { return fail(error_); }

  absl::Duration delay_;
  absl::Status error_;
};

// Calls `f` in its first state, and ends with what it gives.
class calling final : public task<int> {
 public:
  explicit calling(std::function<int()> f) : f_(std::move(f)) {}
  step start() { return done(f_()); }

 private:
  std::function<int()> f_;
};

// Sleeps, whatever requests to cancel it come, and ends with `value`.
class stubborn final : public task<int> {
 public:
  stubborn(absl::Duration delay, int value) : delay_(delay), value_(value) {}
  step start() {
    until_ = event_loop::current().now() + delay_;
    return sleep_until<&stubborn::woken>(until_);
  }

 private:
  step woken(absl::Status status) {
    if (!status.ok()) return sleep_until<&stubborn::woken>(until_);
    return done(value_);
  }

  absl::Duration delay_;
  int value_;
  absl::Time until_;
};

// script: a machine whose states are functions, so that a test reads from top
// to bottom. Each takes the script, which has the transitions, and the status
// with which the one before ended; the next one is always the next state. Its
// result is void.
//
//   create_task(script({
//       [](script& s, absl::Status) { return s.sleep(absl::Seconds(1)); },
//       [&](script& s, absl::Status status) { return s.end(status); },
//   }))
class script final : public task<void> {
 public:
  using state_function = std::function<step(script&, absl::Status)>;

  explicit script(std::vector<state_function> states)
      : states_(std::move(states)) {}

  step start() { return next(absl::OkStatus()); }

  step sleep(absl::Duration length) { return sleep_for<&script::next>(length); }
  step sleep_to(absl::Time time) { return sleep_until<&script::next>(time); }
  step pause() { return yield<&script::next>(); }
  // Awaits a future, a shared future or a machine of type void.
  template <class A>
  step on(A&& awaitable) {
    return await<&script::next>(std::forward<A>(awaitable));
  }
  step end(absl::Status status = absl::OkStatus()) {
    return done(std::move(status));
  }
  shared_future<void> own_future() { return this_future(); }

 private:
  step next(absl::Status status) {
    const state_function now = states_.at(at_++);
    return now(*this, std::move(status));
  }

  std::vector<state_function> states_;
  size_t at_ = 0;
};

// Awaits `awaitable` in place, without a hop, leaves the outcome in *out, and
// ends as it ended: how a script awaits what is not void.
template <class A>
class into final : public task<void> {
  using T = typename internal::unwrapped<A>::type;

 public:
  into(A awaitable, std::optional<internal::outcome<T>>* out)
      : awaitable_(std::move(awaitable)), out_(out) {}
  step start() {
    return this->template await<&into::got>(std::move(awaitable_));
  }

 private:
  step got(internal::outcome<T> outcome) {
    absl::Status status = status_of_outcome(outcome);
    *out_ = std::move(outcome);
    return this->done(std::move(status));
  }

  static absl::Status status_of_outcome(const absl::Status& s) { return s; }
  template <class V>
  static absl::Status status_of_outcome(const absl::StatusOr<V>& s) {
    return s.status();
  }

  A awaitable_;
  std::optional<internal::outcome<T>>* out_;
};

// Movable, but neither copyable nor made of nothing.
class no_default final {
 public:
  explicit no_default(int n) : n_(n) {}
  no_default(no_default&&) = default;
  no_default& operator=(no_default&&) = default;
  int n() const { return n_; }

 private:
  int n_;
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_SUPPORT_MACHINES_H_
