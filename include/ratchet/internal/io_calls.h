#ifndef RATCHET_INTERNAL_IO_CALLS_H_
#define RATCHET_INTERNAL_IO_CALLS_H_

// Included by the sources of ratchet/io: the system calls that they make, so
// that tests can make others of them.

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>

namespace ratchet::internal {

// io_calls: each as the call of its name, with the result in errno. Interrupted
// calls (EINTR) are repeated by those who call these.
class io_calls {
 public:
  io_calls() = default;
  io_calls(const io_calls&) = delete;
  io_calls& operator=(const io_calls&) = delete;

  virtual ssize_t read(int fd, void* buffer, size_t size);
  // Of a socket: what read() does, with less around it in the kernel.
  virtual ssize_t receive(int fd, void* buffer, size_t size);
  // Of a socket: without SIGPIPE.
  virtual ssize_t send(int fd, const iovec* parts, size_t count);
  // Of anything else.
  virtual ssize_t write(int fd, const iovec* parts, size_t count);
  virtual int accept(int fd, sockaddr* address, socklen_t* size);
  virtual ssize_t receive_from(int fd, void* buffer, size_t size,
                               sockaddr* address, socklen_t* address_size);
  virtual ssize_t send_to(int fd, const void* data, size_t size,
                          const sockaddr* address, socklen_t address_size);

  // Whether a stream socket or a pipe that takes or gives less than it was
  // asked for would give EAGAIN next (epoll(7), "questions and answers").
  virtual bool partial_is_exhausted() { return true; }

  // Those of this thread: the system's, unless a test has set its own.
  static io_calls& current();
  // nullptr for the system's.
  static void set_current(io_calls* calls);

 protected:
  ~io_calls() = default;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_IO_CALLS_H_
