#ifndef RATCHET_INTERNAL_IO_DESCRIPTOR_H_
#define RATCHET_INTERNAL_IO_DESCRIPTOR_H_

// Included by the headers of ratchet/io: a descriptor that is watched.

#include <cstdint>

#include "absl/status/status.h"
#include "ratchet/internal/io_watch.h"
#include "ratchet/internal/loop_core.h"

namespace ratchet::internal {

// io_descriptor: owns a descriptor, and knows of each direction whether it pays
// to try: true at first, and from an edge on until would_block() says that a
// call gave EAGAIN. So no call is made in vain but the one that finds out.
//
// Keeps the loop's core, and so may outlive its event_loop: it is closed then
// for good, but nothing dangles.
//
// Thread-safety: on the loop's thread only.
class io_descriptor : public io_watch {
 public:
  explicit io_descriptor(loop_core& core) : core_(core) { core_.add_state(); }

  loop_core& core() const { return core_; }
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

  // Takes `fd` over and watches it; on an error closes it. REQUIRES:
  // !is_open(); `fd` does not block.
  absl::Status open(int fd, uint32_t interest);
  // Closes it; nothing if it is not open. removal::closes if nobody else has
  // what it stands for: a child that inherited it, for one.
  void close_now(poller::removal how = poller::removal::stays_open);
  // Gives it up without closing it; -1 if it is not open.
  int release();

  bool readable() const { return readable_; }
  bool writable() const { return writable_; }
  // A read, or a write, gave EAGAIN.
  void read_would_block() { readable_ = false; }
  void write_would_block() { writable_ = false; }
  // A read of a stream of bytes gave less than there was room for: so another
  // one would give EAGAIN, and what comes then is an edge. Unless the end has
  // been told: it has no edge of its own.
  void read_was_short() { readable_ = ended_; }

  void io_ready(uint32_t events) final;
  void io_dropped(bool loop_closed) final;

 protected:
  ~io_descriptor() override;

  // After readable() or writable() have become true. May destroy nothing.
  virtual void ready_to_read() = 0;
  virtual void ready_to_write() = 0;
  // The loop is closed, or the descriptor was closed by others: it is not
  // watched any more. Ends what waits.
  virtual void dropped(bool loop_closed) = 0;

 private:
  loop_core& core_;
  int fd_ = -1;
  bool readable_ = false;
  bool writable_ = false;
  bool ended_ = false;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_IO_DESCRIPTOR_H_
