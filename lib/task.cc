#include "ratchet/task.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/clock.h"
#include "ratchet/status.h"

namespace ratchet {

task_handle::task_handle(internal::task_core* task)
    : task_(task),
      state_(task == nullptr ? internal::state_ref<internal::future_state>()
                             : internal::share(task->result_state())) {}

task_handle& task_handle::operator=(task_handle other) noexcept {
  std::swap(task_, other.task_);
  std::swap(state_, other.state_);
  return *this;
}

internal::task_core& task_handle::core(std::string_view call) const {
  if (task_ == nullptr) {
    internal::fatal(absl::StrCat(absl::string_view(call.data(), call.size()),
                                 " on a task_handle that stands for no task: "
                                 "ask valid() first"));
  }
  return *task_;
}

bool task_handle::done() const { return core("done()").result_state().done(); }

bool task_handle::cancelled() const {
  return core("cancelled()").result_state().cancelled();
}

bool task_handle::cancel(std::string_view reason) const {
  internal::future_state& state = core("cancel()").result_state();
  if (reason.empty()) return state.cancel();
  return state.cancel(cancelled_error(reason));
}

uint32_t task_handle::cancelling() const {
  return core("cancelling()").cancelling();
}

uint32_t task_handle::uncancel() const { return core("uncancel()").uncancel(); }

absl::Time task_handle::deadline() const {
  return internal::deadline_to_time(core("deadline()").deadline_ns());
}

task_info task_handle::info() const { return core("info()").info(); }

namespace internal {

absl::Status checked_failure(absl::Status error) {
  if (!error.ok()) return error;
  RATCHET_CHECK(false, "fail() was given an OK status: use done()");
  return absl::InternalError("fail() was given an OK status");
}

}  // namespace internal
}  // namespace ratchet
