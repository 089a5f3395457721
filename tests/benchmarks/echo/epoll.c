// The measure of the others: an echo server of system calls alone.
// Edge-triggered, so that a connection is registered once.

#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/benchmarks/echo/connection.h"
#include "tests/benchmarks/echo/server.h"

enum { kEvents = 1024 };

static void take_all(int epoll, int listener) {
  for (;;) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    echo_no_delay(fd);
    struct epoll_event event;
    event.events = kWatched;
    event.data.ptr = connection_of(fd);
    echo_require(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0,
                 "epoll_ctl()");
  }
}

int main(void) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  echo_require(epoll >= 0, "epoll_create1()");
  const int listener = echo_listener(SOCK_NONBLOCK);
  struct epoll_event event;
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = NULL;
  echo_require(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0,
               "epoll_ctl()");
  echo_announce(listener);

  static struct epoll_event events[kEvents];
  for (;;) {
    const int n = epoll_wait(epoll, events, kEvents, -1);
    echo_require(n >= 0 || errno == EINTR, "epoll_wait()");
    for (int i = 0; i < n; ++i) {
      struct connection* const c = (struct connection*)events[i].data.ptr;
      if (c == NULL) {
        take_all(epoll, listener);
      } else if (!go_on(c, (events[i].events & kEnding) != 0)) {
        end(c);
      }
    }
  }
}
