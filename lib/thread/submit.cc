#include "ratchet/thread/submit.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "ratchet/error_report.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/status.h"

namespace ratchet::internal {

bool submission_base::done() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return done_;
}

bool submission_base::wait(absl::Duration timeout) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (done_) return true;
  if (loop_core::of_mailbox(*mailbox_) != nullptr) {
    fatal(
        "cross_thread_future: the thread of the loop waits for a task of that "
        "loop, which cannot go on meanwhile: await the task instead");
  }
  const auto is_done = [this] { return done_; };
  if (timeout == absl::InfiniteDuration()) {
    changed_.wait(lock, is_done);
    return true;
  }
  return changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout), is_done);
}

absl::Status unshared(const absl::Status& error) {
  absl::Status copy(error.code(), error.message());
  error.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    copy.SetPayload(url, absl::Cord(std::string(payload)));
  });
  return copy;
}

bool is_news(const absl::Status& error) {
  return !error.ok() && !is_cancelled(error) &&
         kind_of(error) != error_kind::closed;
}

void report_unseen(const absl::Status& error) {
  loop_core* const core = loop_core::current_or_null();
  if (core == nullptr) return;  // It ends with its loop.
  core->report(
      {error_report::cause::unretrieved, error, "task from submit()", ""});
}

void use_of_empty_cross_thread_future() {
  fatal(
      "a cross_thread_future was used that is empty: default-constructed, or "
      "moved from");
}

}  // namespace ratchet::internal
