#ifndef RATCHET_INTERNAL_WATCHING_H_
#define RATCHET_INTERNAL_WATCHING_H_

// Included by wait.h: waiting for some of several states, apart from their
// types.

#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "ratchet/future.h"
#include "ratchet/internal/future_state.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/promise.h"

namespace ratchet::internal {

// watching: completes a future when enough of some states are done, or when a
// time-out passes. Whatever it has registered goes with end().
class watching {
 public:
  enum class until { all_done, first_done, first_error };

  watching() = default;
  explicit watching(until mode) : mode_(mode) {}
  watching(watching&&) noexcept;
  watching& operator=(watching&&) noexcept;
  ~watching();

  // The states, distinct and at least one, must live until end().
  future<void> begin(const std::vector<future_state*>& states,
                     absl::Duration timeout);

  // Takes back what is still registered. Can be repeated.
  void end();

 private:
  class core;

  until mode_ = until::all_done;
  core* core_ = nullptr;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_WATCHING_H_
