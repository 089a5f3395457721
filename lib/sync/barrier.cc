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
      inside_("barrier", name),
      changed_("barrier", name) {
  RATCHET_CHECK(parties > 0, "a barrier needs at least one party");
}

barrier::~barrier() = default;

absl::Status barrier::broken_error(std::string_view why) const {
  return internal::make_error(
      error_kind::broken_barrier,
      absl::StrCat(inside_.describe(), " ",
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
  if (inside_.leave_for_good()) barrier_.go_out();
}

step barrier::wait_task::start() {
  return await<&wait_task::locked>(barrier_.changed_.acquire());
}

// From here on it holds the mutex whenever it runs, and releases it when it
// ends, unless the barrier has been destroyed.
step barrier::wait_task::locked() {
  if (barrier_.stage_ == stage::draining ||
      barrier_.stage_ == stage::resetting) {
    return await<&wait_task::blocked>(barrier_.changed_.wait());
  }
  return enter();
}

step barrier::wait_task::blocked(absl::Status outcome) {
  if (outcome.ok()) return locked();
  if (is_cancelled(outcome)) barrier_.changed_.release().IgnoreError();
  return fail(std::move(outcome));
}

step barrier::wait_task::enter() {
  if (barrier_.stage_ == stage::broken) {
    absl::Status error = barrier_.broken_error("was aborted");
    barrier_.changed_.release().IgnoreError();
    return fail(std::move(error));
  }
  // Nobody wakes it there: what it waits for is that the state changes.
  static_cast<void>(
      inside_.enter(barrier_.inside_, running_core("barrier::wait()")));
  index_ = barrier_.count_++;
  if (barrier_.count_ < barrier_.parties_) return changed(absl::OkStatus());
  barrier_.stage_ = stage::draining;
  barrier_.changed_.line_.wake_all();
  return leave(absl::OkStatus());
}

step barrier::wait_task::changed(absl::Status outcome) {
  if (!outcome.ok()) return leave(std::move(outcome));
  switch (barrier_.stage_) {
    case stage::filling:
      return await<&wait_task::changed>(barrier_.changed_.wait());
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
  if (!inside_.leave(outcome)) return fail(std::move(outcome));
  barrier_.go_out();
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
