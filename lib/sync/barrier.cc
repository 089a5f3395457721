#include "ratchet/sync/barrier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/status.h"

namespace ratchet {

barrier::barrier(size_t parties, std::string_view name)
    : parties_(std::max<size_t>(parties, 1)),
      users_("barrier", name),
      changed_("barrier", name) {
  RATCHET_CHECK(parties > 0, "a barrier needs at least one party");
}

barrier::~barrier() = default;

absl::Status barrier::broken_error(std::string_view why) const {
  return internal::make_error(
      error_kind::broken_barrier,
      absl::StrCat(users_.describe(), " ",
                   absl::string_view(why.data(), why.size())));
}

void barrier::go_out() {
  --count_;
  if (count_ > 0) return;
  if (stage_ == stage::resetting || stage_ == stage::draining) {
    stage_ = stage::filling;
  }
  changed_.line_.wake_all();
}

void barrier::change_to(stage next) {
  stage_ = next == stage::resetting && count_ == 0 ? stage::filling : next;
  changed_.line_.wake_all();
}

barrier::wait_task::~wait_task() {
  if (place_.leave_for_good() && inside_) barrier_.go_out();
}

// It stands in a line in which nobody is woken, by which it sees whether the
// barrier is still there.
step barrier::wait_task::start() {
  static_cast<void>(
      place_.enter(barrier_.users_, running_core("barrier::wait()")));
  return await<&wait_task::locked>(barrier_.changed_.acquire());
}

// From here on it has the mutex whenever it runs, and releases it when it ends.
step barrier::wait_task::locked(absl::Status outcome) {
  if (!outcome.ok()) {
    place_.leave(outcome);
    return fail(std::move(outcome));
  }
  return may_enter(absl::OkStatus());
}

step barrier::wait_task::may_enter(absl::Status outcome) {
  if (!outcome.ok() || !place_.in_line()) return leave(std::move(outcome));
  switch (barrier_.stage_) {
    case stage::draining:
    case stage::resetting:
      return await<&wait_task::may_enter>(barrier_.changed_.wait());
    case stage::broken:
      return leave(barrier_.broken_error("was aborted"));
    case stage::filling:
      break;
  }
  inside_ = true;
  index_ = barrier_.count_++;
  if (barrier_.count_ == barrier_.parties_) {
    barrier_.stage_ = stage::draining;
    barrier_.changed_.line_.wake_all();
  }
  return may_pass(absl::OkStatus());
}

step barrier::wait_task::may_pass(absl::Status outcome) {
  if (!outcome.ok() || !place_.in_line()) return leave(std::move(outcome));
  switch (barrier_.stage_) {
    case stage::filling:
      return await<&wait_task::may_pass>(barrier_.changed_.wait());
    case stage::draining:
      return leave(absl::OkStatus());
    case stage::resetting:
      return leave(barrier_.broken_error("was reset"));
    case stage::broken:
      break;
  }
  return leave(barrier_.broken_error("was aborted"));
}

step barrier::wait_task::leave(absl::Status outcome) {
  if (!place_.leave(outcome)) return fail(std::move(outcome));
  if (std::exchange(inside_, false)) barrier_.go_out();
  barrier_.changed_.release().IgnoreError();
  if (!outcome.ok()) return fail(std::move(outcome));
  return done(index_);
}

step barrier::change_task::start() {
  return await<&change_task::locked>(barrier_.changed_.acquire());
}

step barrier::change_task::locked() {
  barrier_.change_to(next_);
  barrier_.changed_.release().IgnoreError();
  return done();
}

}  // namespace ratchet
