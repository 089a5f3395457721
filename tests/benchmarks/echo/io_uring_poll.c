// The server of epoll.c with io_uring in the place of epoll: of readiness,
// which is what the poller of an event loop is about. One request polls each
// connection as long as it lives; what can be done then is system calls. Needs
// Linux 5.13.

#define _GNU_SOURCE
#include <liburing.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/benchmarks/echo/connection.h"
#include "tests/benchmarks/echo/ring.h"
#include "tests/benchmarks/echo/server.h"

// Completions of other requests have these in the place of a connection.
static char the_listener;
static char a_cancellation;

static void poll_for(int fd, unsigned events, void* name) {
  struct io_uring_sqe* const s = next_submission();
  io_uring_prep_poll_multishot(s, fd, events);
  io_uring_sqe_set_data(s, name);
}

static void take_all(int listener) {
  for (;;) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    echo_no_delay(fd);
    poll_for(fd, kWatched, connection_of(fd));
  }
}

// The request that polls keeps the socket open, so it has to end first. (To
// remove it, IORING_OP_POLL_REMOVE, fails where it is about to complete again.)
static void begin_to_end(struct connection* c) {
  c->ended = 1;
  struct io_uring_sqe* const s = next_submission();
  io_uring_prep_cancel64(s, (uint64_t)(uintptr_t)c, 0);
  io_uring_sqe_set_data(s, &a_cancellation);
}

static void told(struct connection* c, const struct io_uring_cqe* e) {
  const int more = (e->flags & IORING_CQE_F_MORE) != 0;
  if (!c->ended) {
    if (e->res < 0 || !go_on(c, ((unsigned)e->res & kEnding) != 0)) {
      if (more) {
        begin_to_end(c);
      } else {
        end(c);
      }
    } else if (!more) {
      poll_for(c->fd, kWatched, c);  // It has ended by itself.
    }
  } else if (!more) {
    end(c);
  }
}

int main(int argc, char** argv) {
  make_ring();
  end_if_probed(argc, argv);
  const int listener = echo_listener(SOCK_NONBLOCK);
  poll_for(listener, EPOLLIN, &the_listener);
  echo_announce(listener);
  for (;;) {
    submit_and_wait();
    struct io_uring_cqe* e = NULL;
    unsigned head = 0;
    unsigned count = 0;
    io_uring_for_each_cqe(&ring, head, e) {
      ++count;
      void* const name = io_uring_cqe_get_data(e);
      if (name == &the_listener) {
        take_all(listener);
        if ((e->flags & IORING_CQE_F_MORE) == 0) {
          poll_for(listener, EPOLLIN, &the_listener);
        }
      } else if (name != &a_cancellation) {
        told((struct connection*)name, e);
      }
    }
    io_uring_cq_advance(&ring, count);
  }
}
