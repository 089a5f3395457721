#ifndef RATCHET_TESTS_IO_SPLITTING_CALLS_H_
#define RATCHET_TESTS_IO_SPLITTING_CALLS_H_

// System calls that do as little as they may: each reads or writes a random
// part of what it could, and is interrupted every now and then.

#include <errno.h>

#include <algorithm>
#include <cstddef>
#include <random>

#include "ratchet/internal/io_calls.h"

namespace ratchet::test {

// In force in this thread while it lives.
class splitting_calls final : public internal::io_calls {
 public:
  // No call moves more than `most` bytes.
  explicit splitting_calls(unsigned seed, size_t most = 7)
      : random_(seed), most_(most) {
    set_current(this);
  }
  ~splitting_calls() { set_current(nullptr); }

  ssize_t read(int fd, void* buffer, size_t size) override {
    if (interrupted()) return -1;
    return io_calls::read(fd, buffer, std::min(size, part()));
  }
  ssize_t receive(int fd, void* buffer, size_t size) override {
    if (interrupted()) return -1;
    return io_calls::receive(fd, buffer, std::min(size, part()));
  }
  ssize_t send(int fd, const iovec* parts, size_t /*count*/) override {
    if (interrupted()) return -1;
    const iovec first = shortened(parts[0]);
    return io_calls::send(fd, &first, 1);
  }
  ssize_t write(int fd, const iovec* parts, size_t /*count*/) override {
    if (interrupted()) return -1;
    const iovec first = shortened(parts[0]);
    return io_calls::write(fd, &first, 1);
  }
  int accept(int fd, sockaddr* address, socklen_t* size) override {
    if (interrupted()) return -1;
    return io_calls::accept(fd, address, size);
  }
  bool partial_is_exhausted() override { return false; }

  size_t calls() const { return calls_; }

 private:
  bool interrupted() {
    ++calls_;
    if (random_() % 4 != 0) return false;
    errno = EINTR;
    return true;
  }
  size_t part() { return 1 + random_() % most_; }
  iovec shortened(iovec v) {
    v.iov_len = std::min(v.iov_len, part());
    return v;
  }

  std::minstd_rand random_;
  const size_t most_;
  size_t calls_ = 0;
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_IO_SPLITTING_CALLS_H_
