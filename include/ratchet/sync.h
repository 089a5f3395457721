#ifndef RATCHET_SYNC_H_
#define RATCHET_SYNC_H_

// Everything with which the tasks of one loop wait for each other.

#include "ratchet/sync/barrier.h"
#include "ratchet/sync/condition.h"
#include "ratchet/sync/event.h"
#include "ratchet/sync/held.h"
#include "ratchet/sync/mutex.h"
#include "ratchet/sync/queue.h"
#include "ratchet/sync/semaphore.h"

#endif  // RATCHET_SYNC_H_
