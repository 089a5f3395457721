#ifndef RATCHET_INTERNAL_POLLER_H_
#define RATCHET_INTERNAL_POLLER_H_

// Included by inbox.h: how a loop sleeps, and how it is woken.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "ratchet/internal/io_watch.h"

struct epoll_event;

namespace ratchet::internal {

// poller: an epoll instance with an eventfd in it, and the descriptors that
// are watched.
//
// A descriptor is added once for all it will be asked for, edge-triggered
// (unless its watch wants kIoLevel), and so takes one epoll_ctl in its life:
// closing it takes it out. What the kernel reports carries the number of the
// descriptor and of its watch, so that what it reports late, of one that has
// been replaced, is recognised.
//
// Units: nanoseconds. Time-outs are exact where the kernel has epoll_pwait2
// (5.11 and later), else rounded up to the next millisecond: never early.
// Complexity: add(), remove() and each event O(1); 16 bytes for each descriptor
// up to the highest.
// Thread-safety: wake() is thread-safe, the rest is for one thread.
class poller {
 public:
  poller();
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;
  ~poller();

  // Not OK when the descriptors could not be made: kResourceExhausted or
  // kInternal, with the system's words.
  const absl::Status& status() const { return status_; }

  // -- Descriptors ------------------------------------------------------------

  // Tells `watch` from now on when `interest` (io_events) can be done with
  // `fd`, beginning with what can be done now. A watch that is there for the
  // same number is dropped: who had it closed the descriptor.
  // Errors: kFailedPrecondition for what cannot be polled, since it is always
  // ready (a regular file, EPERM); kInvalidArgument for what is no descriptor;
  // kResourceExhausted.
  absl::Status add(int fd, uint32_t interest, io_watch& watch);

  // Watches for `interest` in place of what it was, beginning with what can be
  // done now. False, and nothing, if its descriptor has been closed meanwhile.
  // REQUIRES: added.
  bool change(io_watch& watch, uint32_t interest);

  // `watch` is told nothing any more. `closes`: the descriptor is closed next,
  // and no other process or descriptor shares what it stands for, so that the
  // kernel need not be told.
  enum class removal { stays_open, closes };
  void remove(io_watch& watch, removal how);

  // The watch of `fd`, or nullptr.
  io_watch* find(int fd) const;

  // How many descriptors are watched.
  size_t watching() const { return watching_; }
  // Whether somebody waits for one of them. O(1) if the same one as last time
  // does, else O(descriptors).
  bool awaited();

  // Drops every watch: the loop is closed.
  void drop_all();

  // -- Sleeping ---------------------------------------------------------------

  // Returns when woken, when a descriptor was ready and its watch has been
  // told, when `timeout_ns` have passed (negative: no limit), or when a signal
  // came. Several wakes before a wait count as one.
  absl::Status wait(int64_t timeout_ns);

  // Makes the current or the next wait() return.
  void wake();

 private:
  struct slot {
    io_watch* watch = nullptr;
    uint32_t generation = 0;  // Of the watches of this number.
  };

  void tell(const epoll_event& event);

  int epoll_ = -1;
  int event_ = -1;
  absl::Status status_;
  std::vector<slot> slots_;  // By descriptor.
  size_t watching_ = 0;
  size_t awaited_last_ = 0;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_POLLER_H_
