#ifndef RATCHET_TESTS_SUPPORT_STEPS_H_
#define RATCHET_TESTS_SUPPORT_STEPS_H_

// A machine that awaits what it is given and marks what comes of it.

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ratchet/future.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"

namespace ratchet::test {

// A test whose machines can write to it.
class machine_test : public loop_test {
 public:
  using loop_test::loop;
  using loop_test::mark;
  using loop_test::mark_iteration;
};

inline std::string text_of(const absl::Status& s) {
  if (s.ok()) return "ok";
  return is_cancelled(s) ? "cancelled" : std::string(s.message());
}

// Awaits its sources one after the other, marks how each await ended ("a1 ok"),
// and goes on whatever it was, as `try: await f / except: pass` does. Ends with
// how many there were, or, if told so, with the last error.
class steps final : public task<int> {
 public:
  using source = std::function<shared_future<int>()>;

  steps(machine_test& t, std::string name, std::vector<source> sources)
      : t_(t), name_(std::move(name)), sources_(std::move(sources)) {}
  steps ending_with_the_error() && {
    with_error_ = true;
    return std::move(*this);
  }

  step start() {
    t_.mark_iteration(name_ + " starts");
    return next(absl::OkStatus());
  }

 private:
  step next(const absl::Status& s) {
    if (n_ == sources_.size()) {
      if (with_error_ && !s.ok()) return fail(s);
      return done(static_cast<int>(n_));
    }
    const shared_future<int> f = sources_[n_++]();
    if (!f.valid()) return yield<&steps::after>();
    return await<&steps::after_value>(f);
  }
  step after_value(absl::StatusOr<int> r) { return after(r.status()); }
  step after(absl::Status s) {
    t_.mark_iteration(absl::StrCat(name_, n_, " ", text_of(s)));
    return next(s);
  }

  machine_test& t_;
  std::string name_;
  std::vector<source> sources_;
  size_t n_ = 0;
  bool with_error_ = false;
};

// What steps::source can be besides a future.
inline steps::source a_yield() {
  return [] { return shared_future<int>(); };
}
inline steps::source ready(int n = 1) {
  return [n] { return shared_future<int>(make_ready_future(n)); };
}
inline steps::source of(shared_future<int> f) {
  return [f = std::move(f)] { return f; };
}
// Does something first.
inline steps::source doing(std::function<void()> f, steps::source then) {
  return [f = std::move(f), then = std::move(then)] {
    f();
    return then();
  };
}

// Ends cancelled as soon as anything is.
class gives_in final : public task<int> {
 public:
  explicit gives_in(shared_future<int> f) : f_(std::move(f)) {}
  step start() { return await<&gives_in::next>(f_); }

 private:
  step next(int x) { return done(x); }
  shared_future<int> f_;
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_SUPPORT_STEPS_H_
