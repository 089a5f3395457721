#ifndef RATCHET_SLEEP_H_
#define RATCHET_SLEEP_H_

#include "absl/time/time.h"
#include "ratchet/future.h"

namespace ratchet {

// A future that completes after `length`, in the current loop: its timer is
// armed now, what waits for it goes on one hop after the timer (S46, S48). Zero
// and negative lengths complete in the next iteration; infinite ones never.
// Cancelling it cancels it at once and takes the timer away; it is
// *cancel-safe*, but the next sleep begins anew. Dropping it leaves the timer
// to run out.
//
// In a task, prefer the transition sleep_for<&m::next>(), which needs no
// future.
future<void> sleep_for(absl::Duration length);

// The same for a point in time. *Cancel-safe*, too: sleeping until the same
// `deadline` again goes on with it.
future<void> sleep_until(absl::Time deadline);

}  // namespace ratchet

#endif  // RATCHET_SLEEP_H_
