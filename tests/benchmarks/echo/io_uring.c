// An echo server on io_uring, as fast as we could make one: of completions,
// with one system call for all that is to be done and to be waited for.
//
// One request accepts all connections, as descriptors of the ring alone; one
// for each connection receives whatever comes, into buffers that all share;
// each buffer is sent as it is, and given back when that has completed. A
// single receive into memory of the connection, by itself or linked to the send
// before it, took the server up to 19 % more CPU. Needs Linux 6.0.

#define _GNU_SOURCE
#include <errno.h>
#include <liburing.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/benchmarks/echo/ring.h"
#include "tests/benchmarks/echo/server.h"

enum {
  kBuffers = 1024,  // A power of two.
  kNone = kBuffers,
  kGroup = 0,
  // So many buffers may a connection hold that does not take its echo.
  kMostUnsent = 8,
};

// What a completion is of: one of these, and the number of its connection.
enum operation { kAccept, kReceive, kSend, kStop, kClose };

struct connection {
  uint16_t first;  // Of a list of the buffers to be sent; or kNone.
  uint16_t last;
  uint16_t unsent;
  uint8_t receiving;  // There is a request that receives.
  uint8_t stopping;   // It was told to end.
  uint8_t starved;    // It will be made when there are buffers again.
  uint8_t ended;      // Nothing more is to be received.
  uint8_t closing;
};

static struct connection* connections;
static uint32_t* starved;
static unsigned starved_count;

static char data[kBuffers][ECHO_BUFFER];
static uint16_t next_buffer[kBuffers];
static uint32_t size_of[kBuffers];
static struct io_uring_buf_ring* buffers;
static int given_back;  // And not told to the kernel yet.

static int listener;
static int accepting;

static void name(struct io_uring_sqe* s, enum operation what, uint32_t number) {
  io_uring_sqe_set_data64(s, (uint64_t)number << 8 | what);
}

static void accept_all(void) {
  struct io_uring_sqe* const s = next_submission();
  io_uring_prep_multishot_accept_direct(s, listener, NULL, NULL, 0);
  name(s, kAccept, 0);
  accepting = 1;
}

static void receive(uint32_t number) {
  struct io_uring_sqe* const s = next_submission();
  io_uring_prep_recv_multishot(s, (int)number, NULL, 0, 0);
  s->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  s->buf_group = kGroup;
  name(s, kReceive, number);
  connections[number].receiving = 1;
}

static void stop_receiving(uint32_t number) {
  if (!connections[number].receiving || connections[number].stopping) return;
  struct io_uring_sqe* const s = next_submission();
  io_uring_prep_cancel64(s, (uint64_t)number << 8 | kReceive, 0);
  name(s, kStop, number);
  connections[number].stopping = 1;
}

// Sends the first of the buffers, all of it.
static void send_next(uint32_t number) {
  const uint16_t b = connections[number].first;
  struct io_uring_sqe* const s = next_submission();
  io_uring_prep_send(s, (int)number, data[b], size_of[b],
                     MSG_NOSIGNAL | MSG_WAITALL);
  s->flags |= IOSQE_FIXED_FILE;
  name(s, kSend, number);
}

static void give_back(uint16_t b) {
  io_uring_buf_ring_add(buffers, data[b], ECHO_BUFFER, b,
                        io_uring_buf_ring_mask(kBuffers), given_back++);
}

// Puts a buffer behind those that are to be sent.
static void put(struct connection* c, uint16_t b) {
  next_buffer[b] = kNone;
  if (c->first == kNone) {
    c->first = b;
  } else {
    next_buffer[c->last] = b;
  }
  c->last = b;
  ++c->unsent;
}

static void give_back_first(struct connection* c) {
  const uint16_t b = c->first;
  c->first = next_buffer[b];
  --c->unsent;
  give_back(b);
}

// Receives on, or closes, when it is time to.
static void go_on(uint32_t number) {
  struct connection* const c = &connections[number];
  if (c->receiving || c->starved || c->closing) return;
  if (!c->ended) {
    if (c->unsent < kMostUnsent) receive(number);
  } else if (c->first == kNone) {
    struct io_uring_sqe* const s = next_submission();
    io_uring_prep_close_direct(s, number);
    name(s, kClose, number);
    c->closing = 1;
  }
}

static void accepted(const struct io_uring_cqe* e) {
  accepting = (e->flags & IORING_CQE_F_MORE) != 0;
  // With no room for another one it goes on when one is closed.
  if (e->res != -ENFILE && !accepting) accept_all();
  if (e->res < 0) return;
  struct connection* const c = &connections[e->res];
  memset(c, 0, sizeof *c);
  c->first = kNone;
  receive((uint32_t)e->res);
}

static void received(uint32_t number, const struct io_uring_cqe* e) {
  struct connection* const c = &connections[number];
  if ((e->flags & IORING_CQE_F_MORE) == 0) c->receiving = c->stopping = 0;
  if (e->res > 0) {
    const uint16_t b = (uint16_t)(e->flags >> IORING_CQE_BUFFER_SHIFT);
    size_of[b] = (uint32_t)e->res;
    if (c->ended) {
      give_back(b);  // Its send has failed.
    } else {
      put(c, b);
      if (c->first == b) send_next(number);
      if (c->unsent >= kMostUnsent) stop_receiving(number);
    }
  } else if (e->res == -ENOBUFS) {
    c->starved = 1;
    starved[starved_count++] = number;
  } else if (e->res != -ECANCELED) {
    c->ended = 1;
  }
  go_on(number);
}

static void sent(uint32_t number, const struct io_uring_cqe* e) {
  struct connection* const c = &connections[number];
  const int failed = e->res < 0 || (uint32_t)e->res < size_of[c->first];
  do {
    give_back_first(c);
  } while (failed && c->first != kNone);
  if (failed) {
    c->ended = 1;
    stop_receiving(number);
  }
  if (c->first != kNone) send_next(number);
  go_on(number);
}

static void completed(const struct io_uring_cqe* e) {
  const uint32_t number = (uint32_t)(e->user_data >> 8);
  switch ((enum operation)(e->user_data & 255)) {
    case kAccept:
      accepted(e);
      break;
    case kReceive:
      received(number, e);
      break;
    case kSend:
      sent(number, e);
      break;
    case kStop:
      break;  // What was stopped says so itself.
    case kClose:
      if (!accepting) accept_all();
      break;
  }
}

static void make_buffers(void) {
  void* memory = NULL;
  echo_require(posix_memalign(&memory, (size_t)sysconf(_SC_PAGESIZE),
                              kBuffers * sizeof(struct io_uring_buf)) == 0,
               "posix_memalign()");
  buffers = (struct io_uring_buf_ring*)memory;
  io_uring_buf_ring_init(buffers);
  struct io_uring_buf_reg where;
  memset(&where, 0, sizeof where);
  where.ring_addr = (uintptr_t)memory;
  where.ring_entries = kBuffers;
  where.bgid = kGroup;
  ring_require(io_uring_register_buf_ring(&ring, &where, 0),
               "io_uring_register_buf_ring()");
  for (unsigned b = 0; b < kBuffers; ++b) give_back((uint16_t)b);
}

static void make_descriptors(void) {
  const long most = sysconf(_SC_OPEN_MAX);
  const unsigned count = most > 0 && most < 65536 ? (unsigned)most : 65536;
  ring_require(io_uring_register_files_sparse(&ring, count),
               "io_uring_register_files_sparse()");
  connections = (struct connection*)calloc(count, sizeof *connections);
  starved = (uint32_t*)calloc(count, sizeof *starved);
  echo_require(connections != NULL && starved != NULL, "calloc()");
}

// Tells the kernel of the buffers that it has back, and has those receive that
// had none.
static void tell_of_buffers(void) {
  if (given_back == 0) return;
  io_uring_buf_ring_advance(buffers, given_back);
  given_back = 0;
  for (unsigned i = 0; i < starved_count; ++i) {
    connections[starved[i]].starved = 0;
    go_on(starved[i]);
  }
  starved_count = 0;
}

int main(int argc, char** argv) {
  make_ring();
  // Came with receiving again and again, which cannot be asked for.
  require_operation(IORING_OP_SEND_ZC, "multishot receive");
  make_descriptors();
  make_buffers();
  end_if_probed(argc, argv);
  listener = echo_listener(0);
  echo_no_delay(listener);  // Connections inherit it.
  accept_all();
  echo_announce(listener);
  for (;;) {
    tell_of_buffers();
    submit_and_wait();
    struct io_uring_cqe* e = NULL;
    unsigned head = 0;
    unsigned count = 0;
    io_uring_for_each_cqe(&ring, head, e) {
      completed(e);
      ++count;
    }
    io_uring_cq_advance(&ring, count);
  }
}
