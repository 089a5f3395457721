#ifndef RATCHET_INTERNAL_IO_WATCH_H_
#define RATCHET_INTERNAL_IO_WATCH_H_

// Included by poller.h: who is told that something can be done with a
// descriptor.

#include <cstdint>

namespace ratchet::internal {

class readiness_watch;

// What can be done, as a set of bits.
enum io_events : uint32_t {
  kIoReadable = 1,  // Or at its end, or broken: a read says which.
  kIoWritable = 2,  // Or broken.
  kIoEnded = 4,     // Only told: nothing more will come, for ever.
  // With an interest: tells as long as it can be done, not once for each time
  // that it becomes so. For libraries that read no further than they like.
  kIoLevel = 8,
};

// io_watch: what watches one descriptor, in the poller of one loop.
//
//            poller::add               io_ready(events)
//   idle ----------------> watching -----------------> watching
//                             |  poller::remove, the destructor
//                             +-------------------------> idle
//                             |  the loop closes, or another watch is added for
//                             |  the same number, so that it was closed
//                             +-- io_dropped() ---------> idle
//
// Both are called on the loop's thread, between two callbacks. They queue what
// waits, and run nobody's code but the library's.
class io_watch {
 public:
  io_watch() = default;
  io_watch(const io_watch&) = delete;
  io_watch& operator=(const io_watch&) = delete;

  // Told once for each time that the descriptor becomes ready (edges): who has
  // not read until EAGAIN may not be told again. Unless it asked for kIoLevel.
  virtual void io_ready(uint32_t events) = 0;
  // It will never be told again. `closed`: the loop is; else the descriptor was
  // closed behind its back.
  virtual void io_dropped(bool loop_closed) = 0;
  // Whether somebody waits for what it tells: then a loop with nothing to do
  // waits for it, too.
  virtual bool io_awaited() const = 0;

  // The watch behind readable() and writable(), if it is one.
  virtual readiness_watch* as_readiness() { return nullptr; }

  // The descriptor; -1 when it is idle.
  int watched() const { return watched_; }

 protected:
  virtual ~io_watch() = default;  // REQUIRES: idle.

 private:
  friend class poller;
  int watched_ = -1;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_IO_WATCH_H_
