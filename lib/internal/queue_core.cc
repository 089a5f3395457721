#include "ratchet/internal/queue_core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/status.h"

namespace ratchet::internal {

queue_core::queue_core(std::string_view kind, size_t maxsize,
                       std::string_view name)
    : getters_(kind, name),
      putters_(kind, name),
      joiners_(kind, name),
      maxsize_(maxsize) {}

absl::Status queue_core::check_put() const {
  if (shut_down_) {
    return make_error(
        error_kind::queue_shut_down,
        absl::StrCat("put: ", getters_.describe(), " has been shut down"));
  }
  if (full()) {
    return make_error(error_kind::queue_full,
                      absl::StrCat("put_nowait(): ", getters_.describe(),
                                   " is full with ", size_, " items"));
  }
  return absl::OkStatus();
}

absl::Status queue_core::check_get() const {
  if (!empty()) return absl::OkStatus();
  if (shut_down_) {
    return make_error(error_kind::queue_shut_down,
                      absl::StrCat("get: ", getters_.describe(),
                                   " has been shut down and is empty"));
  }
  return make_error(
      error_kind::queue_empty,
      absl::StrCat("get_nowait(): ", getters_.describe(), " is empty"));
}

void queue_core::added() {
  ++size_;
  ++unfinished_;
  getters_.wake_next();
}

void queue_core::removed() {
  --size_;
  putters_.wake_next();
}

absl::Status queue_core::task_done() {
  if (unfinished_ == 0) {
    return make_error(error_kind::over_done,
                      absl::StrCat("task_done() was called more often than "
                                   "items were put into ",
                                   getters_.describe()));
  }
  if (--unfinished_ == 0) joiners_.wake_all();
  return absl::OkStatus();
}

void queue_core::drop_items() {
  unfinished_ -= std::min(unfinished_, std::exchange(size_, 0));
  if (unfinished_ == 0) joiners_.wake_all();
}

void queue_core::close_lines() {
  shut_down_ = true;
  getters_.wake_all();
  putters_.wake_all();
}

void queue_core::given_up(waiting_line& line, bool woken) {
  const bool nothing_to_have = &line == &getters_ ? empty() : full();
  if (woken && !nothing_to_have) line.wake_next();
}

step queue_core::join_task::start() {
  if (queue_.unfinished_ == 0) return done();
  return await<&join_task::woken>(
      place_.enter(queue_.joiners_, running_core("queue::join()")));
}

step queue_core::join_task::woken(absl::Status outcome) {
  place_.leave(outcome);
  return done(std::move(outcome));
}

}  // namespace ratchet::internal
