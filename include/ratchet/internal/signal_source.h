#ifndef RATCHET_INTERNAL_SIGNAL_SOURCE_H_
#define RATCHET_INTERNAL_SIGNAL_SOURCE_H_

// Included by the sources of io/signals.h: signals, as a loop is told of them.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ratchet/internal/io_watch.h"
#include "ratchet/internal/loop_core.h"

namespace ratchet::internal {

struct signal_slot;

// "SIGTERM"; "signal 35" for one without a name.
std::string signal_name(int number);

// signal_source: signals that one loop watches for.
//
// One handler serves the process. For each source it finds a slot: which
// signals are watched, which of them have come, and an eventfd that wakes the
// loop. Slots are in a list that only grows, and are used again and again, each
// with its eventfd: so the handler, which may run at any time, in any thread,
// and as late as it likes, never finds one that has been freed, nor writes to a
// descriptor that has been closed and is somebody else's now. What it leaves in
// a slot that serves other signals by then is of no account.
//
//            open()                      take_number() until it gives 0
//   closed ---------> watching <------------------------------------+
//      ^                 | a signal: signalled() -------------------+
//      +-----------------+ close(), the destructor
//      |                 | the loop closes: dropped()
//      +-----------------+
//
// Thread-safety: on the loop's thread; sources of several threads may watch the
// same signal.
class signal_source : public io_watch {
 public:
  explicit signal_source(loop_core& core) : core_(core) { core_.add_state(); }

  loop_core& core() const { return core_; }

  // kInvalidArgument for a number that cannot be watched, see signals.h.
  absl::Status open(const std::vector<int>& signals);
  bool is_open() const { return slot_ != nullptr; }
  void close();

  // The lowest number of those that have come, which is taken; 0 for none.
  int take_number();
  // "SIGINT or SIGTERM"
  std::string describe() const;

  void io_ready(uint32_t events) final;
  void io_dropped(bool loop_closed) final;

 protected:
  ~signal_source() override;

  // There may be something to take.
  virtual void signalled() = 0;
  // It is closed, for its loop is; or by somebody who closed its descriptor.
  virtual void dropped(bool loop_closed) = 0;

 private:
  loop_core& core_;
  signal_slot* slot_ = nullptr;
  uint64_t signals_ = 0;  // A bit for each, 1 for signal 1.
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_SIGNAL_SOURCE_H_
