#ifndef RATCHET_THREAD_H_
#define RATCHET_THREAD_H_

// Everything with which other threads work for a loop, and the other way round.
// (event_loop.h has remote: posting to a loop.)

#include "ratchet/thread/cross_thread_promise.h"
#include "ratchet/thread/submit.h"
#include "ratchet/thread/thread_pool.h"

#endif  // RATCHET_THREAD_H_
