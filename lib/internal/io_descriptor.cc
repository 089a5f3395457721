#include "ratchet/internal/io_descriptor.h"

#include <unistd.h>

#include <utility>

namespace ratchet::internal {

io_descriptor::~io_descriptor() {
  close_now();
  core_.remove_state();
}

absl::Status io_descriptor::open(int fd, uint32_t interest) {
  fd_ = fd;
  absl::Status status = core_.watch(fd, interest, *this);
  if (!status.ok()) {
    close_now();
    return status;
  }
  readable_ = (interest & kIoReadable) != 0;
  writable_ = (interest & kIoWritable) != 0;
  return status;
}

void io_descriptor::close_now(poller::removal how) {
  if (fd_ < 0) return;
  core_.unwatch(*this, how);
  ::close(std::exchange(fd_, -1));
}

int io_descriptor::release() {
  if (fd_ >= 0) core_.unwatch(*this, poller::removal::stays_open);
  return std::exchange(fd_, -1);
}

void io_descriptor::io_ready(uint32_t events) {
  ended_ |= (events & kIoEnded) != 0;
  if ((events & kIoReadable) != 0) {
    readable_ = true;
    ready_to_read();
  }
  if ((events & kIoWritable) != 0) {
    writable_ = true;
    ready_to_write();
  }
}

void io_descriptor::io_dropped(bool loop_closed) { dropped(loop_closed); }

}  // namespace ratchet::internal
