#ifndef RATCHET_TESTS_BENCHMARKS_ECHO_CONNECTION_H_
#define RATCHET_TESTS_BENCHMARKS_ECHO_CONNECTION_H_

// A connection of the servers of system calls, in C: those that are told when
// it can be read or written, edge-triggered. What has come is read until a read
// is short, and sent at once. Where a send is short, the rest waits in memory
// of the connection, and nothing more is read before it has gone.
//
// Includers define _GNU_SOURCE first.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/benchmarks/echo/server.h"

// What a connection is watched for, and what is its end.
enum {
  kWatched = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
  kEnding = EPOLLRDHUP | EPOLLHUP | EPOLLERR,
};

struct connection {
  int fd;
  int ended;     // For the server: it has yet to be closed.
  size_t begin;  // Of what has not gone yet.
  size_t end;
  char* rest;  // Null until a send was short.
};

static char buffer[ECHO_BUFFER];

static inline struct connection* connection_of(int fd) {
  struct connection* const c = (struct connection*)calloc(1, sizeof *c);
  echo_require(c != NULL, "calloc()");
  c->fd = fd;
  return c;
}

static inline void end(struct connection* c) {
  close(c->fd);
  free(c->rest);
  free(c);
}

// Sends as much as can be: how much, or -1 if the connection has failed.
static inline ssize_t send_some(int fd, const char* data, size_t size) {
  const ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
  return n < 0 && errno == EAGAIN ? 0 : n;
}

// Goes on until there is nothing to read or no room to send. False when the
// connection is at its end; `ending` says that nothing will tell of that again.
static inline int go_on(struct connection* c, int ending) {
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

#endif  // RATCHET_TESTS_BENCHMARKS_ECHO_CONNECTION_H_
