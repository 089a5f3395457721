#ifndef RATCHET_TESTS_BENCHMARKS_ECHO_SERVER_H_
#define RATCHET_TESTS_BENCHMARKS_ECHO_SERVER_H_

// What a server has to do besides echoing, for C and C++: listen on a free port
// of 127.0.0.1, print that port and a newline as soon as connections are taken,
// send without delay (TCP_NODELAY), run on one thread, and go on until it is
// killed. client.cc starts it and knows the rest.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// How many connections may wait to be taken.
#define ECHO_BACKLOG 1024

// How much is read at once, at most: more than any message.
#define ECHO_BUFFER 4096

// A free port of this machine alone.
static inline struct sockaddr_in echo_address(void) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Says why there is no server, and ends the program.
static inline void echo_require(int holds, const char* what) {
  if (holds) return;
  perror(what);
  exit(1);
}

// Prints the port that `listener` is bound to.
static inline void echo_announce(int listener) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  echo_require(
      getsockname(listener, (struct sockaddr*)(void*)&address, &size) == 0,
      "getsockname()");
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
}

// A socket that listens where the client finds it; `flags` are its own.
static inline int echo_listener(int flags) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  echo_require(listener >= 0, "socket()");
  const struct sockaddr_in address = echo_address();
  echo_require(bind(listener, (const struct sockaddr*)(const void*)&address,
                    sizeof address) == 0,
               "bind()");
  echo_require(listen(listener, ECHO_BACKLOG) == 0, "listen()");
  return listener;
}

static inline void echo_no_delay(int connection) {
  const int yes = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

#endif  // RATCHET_TESTS_BENCHMARKS_ECHO_SERVER_H_
