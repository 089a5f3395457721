#ifndef RATCHET_TESTS_BENCHMARKS_ECHO_RING_H_
#define RATCHET_TESTS_BENCHMARKS_ECHO_RING_H_

// What the servers on io_uring have in common, in C: a ring with whatever makes
// it fast that this kernel has.

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/benchmarks/echo/server.h"

enum { kSubmissions = 1024, kCompletions = 8192 };

static struct io_uring ring;

// As echo_require(), for what liburing returns.
static inline void ring_require(int result, const char* what) {
  if (result >= 0) return;
  errno = -result;
  echo_require(0, what);
}

// Has `ring` made. Completions come only where they are waited for, by this
// thread (Linux 6.1), or without interrupting it (5.19), or as ever.
static inline void make_ring(void) {
  static const unsigned kBest[] = {
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,
      IORING_SETUP_COOP_TASKRUN,
      0,
  };
  int made = -EINVAL;
  for (size_t i = 0; made == -EINVAL && i < sizeof kBest / sizeof *kBest; ++i) {
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    params.flags = IORING_SETUP_CQSIZE | kBest[i];
    params.cq_entries = kCompletions;
    made = io_uring_queue_init_params(kSubmissions, &ring, &params);
  }
  ring_require(made, "io_uring_queue_init_params()");
  io_uring_register_ring_fd(&ring);  // Faster, if it can be had (5.18).
}

// Ends the program unless the kernel has `operation`, and what came with it.
static inline void require_operation(int operation, const char* what) {
  struct io_uring_probe* const probe = io_uring_get_probe_ring(&ring);
  const int has = probe != NULL && io_uring_opcode_supported(probe, operation);
  free(probe);
  if (has) return;
  fprintf(stderr, "This kernel's io_uring has no %s.\n", what);
  exit(1);
}

// With --probe, the program ends here: it could serve.
static inline void end_if_probed(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "--probe") == 0) exit(0);
}

static inline struct io_uring_sqe* next_submission(void) {
  struct io_uring_sqe* s = io_uring_get_sqe(&ring);
  if (s == NULL) {
    ring_require(io_uring_submit(&ring), "io_uring_submit()");
    s = io_uring_get_sqe(&ring);
    echo_require(s != NULL, "io_uring_get_sqe()");
  }
  return s;
}

// Submits what is prepared, and waits until something has completed.
static inline void submit_and_wait(void) {
  const int result = io_uring_submit_and_wait(&ring, 1);
  // Interrupted, or more has completed than there is room for: here it comes.
  if (result == -EINTR || result == -EBUSY) return;
  ring_require(result, "io_uring_submit_and_wait()");
}

#endif  // RATCHET_TESTS_BENCHMARKS_ECHO_RING_H_
