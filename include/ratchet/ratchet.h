#ifndef RATCHET_RATCHET_H_
#define RATCHET_RATCHET_H_

// The core of ratchet. Further parts have headers of their own.

#include "ratchet/as_completed.h"
#include "ratchet/bound_group.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/interval.h"
#include "ratchet/map_concurrent.h"
#include "ratchet/promise.h"
#include "ratchet/retry.h"
#include "ratchet/run.h"
#include "ratchet/shield.h"
#include "ratchet/sleep.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/task_info.h"
#include "ratchet/task_local.h"
#include "ratchet/timeout.h"
#include "ratchet/wait.h"
#include "ratchet/when_all.h"
#include "ratchet/when_any.h"

#endif  // RATCHET_RATCHET_H_
