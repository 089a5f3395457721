#ifndef RATCHET_TESTS_SYNC_WAITING_H_
#define RATCHET_TESTS_SYNC_WAITING_H_

// A task that waits for a primitive and marks what comes of it.

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/status.h"
#include "ratchet/sync.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"

namespace ratchet::test {

class sync_test : public loop_test {
 public:
  using loop_test::loop;
  using loop_test::mark;
  using loop_test::mark_iteration;

 protected:
  // Starts a task that awaits what `make` gives, and marks "NAME OUTCOME@N": in
  // which iteration, counted from count_from_here(), it went on, and how.
  template <class F>
  future<void> start(const std::string& name, F make);
};

inline std::string outcome_text(const absl::Status& s) {
  if (s.ok()) return "ok";
  const std::string_view kind = to_string(kind_of(s));
  return std::string(kind);
}
inline std::string outcome_text(const absl::StatusOr<int>& s) {
  return s.ok() ? absl::StrCat(*s) : outcome_text(s.status());
}
inline std::string outcome_text(const absl::StatusOr<size_t>& s) {
  return s.ok() ? absl::StrCat(*s) : outcome_text(s.status());
}
template <class Lock>
std::string outcome_text(const absl::StatusOr<held<Lock>>& s) {
  return s.ok() ? "held" : outcome_text(s.status());
}

template <class F>
class waiting final : public task<void> {
  using machine = decltype(std::declval<F&>()());
  using T = typename machine::result_type;

 public:
  waiting(sync_test& t, std::string name, F make)
      : t_(t), name_(std::move(name)), make_(std::move(make)) {}

  step start() { return this->template await<&waiting::got>(make_()); }
  std::string task_name() const override { return name_; }

 private:
  step got(internal::outcome<T> outcome) {
    t_.mark_iteration(absl::StrCat(name_, " ", outcome_text(outcome)));
    if constexpr (std::is_void_v<T>) {
      return done(std::move(outcome));
    } else {
      return done(std::move(outcome).status());
    }
  }

  sync_test& t_;
  std::string name_;
  F make_;
};

template <class F>
future<void> sync_test::start(const std::string& name, F make) {
  return loop.create_task(waiting<F>(*this, name, std::move(make)));
}

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_SYNC_WAITING_H_
