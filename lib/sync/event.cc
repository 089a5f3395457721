#include "ratchet/sync/event.h"

#include <utility>

namespace ratchet {

event::~event() = default;

void event::set() {
  if (set_) return;
  set_ = true;
  line_.wake_all();
}

step event::wait_task::start() {
  if (event_.set_) return done();
  return await<&wait_task::woken>(
      place_.enter(event_.line_, running_core("event::wait()")));
}

step event::wait_task::woken(absl::Status outcome) {
  place_.leave(outcome);
  return done(std::move(outcome));
}

}  // namespace ratchet
