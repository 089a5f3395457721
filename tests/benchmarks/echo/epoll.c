// The measure of the others: an echo server of system calls alone.
// Edge-triggered, so that a connection is registered once; what has come is
// read until a read is short, and sent at once. Where a send is short, the rest
// waits in memory of the connection, and nothing more is read before it has
// gone.

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/benchmarks/echo/server.h"

enum { kEvents = 1024, kEnding = EPOLLRDHUP | EPOLLHUP | EPOLLERR };

struct connection {
  int fd;
  size_t begin;  // Of what has not gone yet.
  size_t end;
  char* rest;  // Null until a send was short.
};

static char buffer[ECHO_BUFFER];

static void end(struct connection* c) {
  close(c->fd);
  free(c->rest);
  free(c);
}

// Sends as much as can be: how much, or -1 if the connection has failed.
static ssize_t send_some(int fd, const char* data, size_t size) {
  const ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
  return n < 0 && errno == EAGAIN ? 0 : n;
}

// Goes on until there is nothing to read or no room to send. False when the
// connection is at its end; `ending` says that nothing will tell of that again.
static int go_on(struct connection* c, int ending) {
  for (;;) {
    if (c->begin < c->end) {
      const ssize_t sent =
          send_some(c->fd, c->rest + c->begin, c->end - c->begin);
      if (sent < 0) return 0;
      c->begin += (size_t)sent;
      if (c->begin < c->end) return 1;
    }
    const ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
    if (n == 0) return 0;
    if (n < 0) return errno == EAGAIN;
    const ssize_t sent = send_some(c->fd, buffer, (size_t)n);
    if (sent < 0) return 0;
    if (sent < n) {
      if (c->rest == NULL) c->rest = (char*)malloc(sizeof buffer);
      echo_require(c->rest != NULL, "malloc()");
      c->begin = 0;
      c->end = (size_t)(n - sent);
      memcpy(c->rest, buffer + sent, c->end);
    } else if ((size_t)n < sizeof buffer && !ending) {
      return 1;
    }
  }
}

static void take_all(int epoll, int listener) {
  for (;;) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    echo_no_delay(fd);
    struct connection* const c = (struct connection*)calloc(1, sizeof *c);
    echo_require(c != NULL, "calloc()");
    c->fd = fd;
    struct epoll_event event;
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = c;
    echo_require(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0,
                 "epoll_ctl()");
  }
}

int main(void) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  echo_require(epoll >= 0, "epoll_create1()");
  const int listener =
      socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  echo_require(listener >= 0, "socket()");
  const struct sockaddr_in address = echo_address();
  echo_require(bind(listener, (const struct sockaddr*)(const void*)&address,
                    sizeof address) == 0,
               "bind()");
  echo_require(listen(listener, ECHO_BACKLOG) == 0, "listen()");
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
