#include "ratchet/sleep.h"

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "ratchet/clock.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/state.h"

namespace ratchet {
namespace {

class sleep_state final : public internal::value_state<void>,
                          public internal::loop_timer {
 public:
  explicit sleep_state(internal::loop_core& core) : value_state(core) {}

  void arm(int64_t deadline_ns) {
    ref();  // The wheel's.
    core().arm(*this, deadline_ns);
  }

  void timer_due() override {
    settle_value();
    unref();
  }
  void timer_dropped() override {
    abandon();
    unref();
  }

  internal::cancel_answer answer_cancel(const absl::Status& why) override {
    mark_retrieved();
    if (done()) return {internal::cancel_answer::kind::refused};
    const bool armed = core().disarm(*this);
    settle_cancelled(why);
    if (armed) unref();
    return {internal::cancel_answer::kind::accepted};
  }

  std::string describe_state() const override {
    return "future from sleep_for()";
  }
  std::string_view kind_name() const override { return "sleep"; }
};

future<void> sleep_until_ns(internal::loop_core& core, int64_t deadline_ns) {
  auto* const state = new sleep_state(core);
  state->arm(deadline_ns);
  return future<void>(internal::state_ref<internal::value_state<void>>(state));
}

}  // namespace

future<void> sleep_for(absl::Duration length) {
  internal::loop_core& core = internal::loop_core::current("sleep_for()");
  core.check_thread("sleep_for()");
  return sleep_until_ns(core, internal::deadline_after(core.now_ns(), length));
}

future<void> sleep_until(absl::Time deadline) {
  internal::loop_core& core = internal::loop_core::current("sleep_until()");
  core.check_thread("sleep_until()");
  return sleep_until_ns(core, internal::deadline_at(deadline));
}

}  // namespace ratchet
