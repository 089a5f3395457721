#ifndef RATCHET_IO_READINESS_H_
#define RATCHET_IO_READINESS_H_

#include "ratchet/future.h"

namespace ratchet {

// readable, writable: for a descriptor of somebody else's making, to be read
// and written by other means (asyncio's add_reader and add_writer).
//
//   readable(pq_socket(connection)).then([connection] {
//     PQconsumeInput(connection);
//   });
//
// The future is done when the descriptor can be read (written) without
// blocking, which includes its end and its errors: they are told by the call
// that reads or writes. If that is so now, it is done in one of the next
// iterations, not at once. It says what was so at some time: who shares the
// descriptor has it not block.
//
// Any number of futures can wait for one descriptor. What the library's own
// streams and sockets have is refused (kFailedPrecondition): they have
// functions of their own.
//
// Errors: kFailedPrecondition for what can always be read, a regular file or a
// folder; kInvalidArgument for what is not open; kResourceExhausted when the
// system refuses to watch it; error_kind::closed on a closed loop. A descriptor
// must not be closed while a future waits for it; if its number has been used
// again by the time it is noticed, the future fails with kAborted
// (error_kind::destroyed).
//
// Cancelling, or dropping, the future watches the descriptor no longer; it is
// *cancel-safe*: nothing was read.
// Thread-safety: on the loop's thread only.
// Complexity: O(1); two or three system calls and two blocks. What reads the
// same descriptor again and again is better off as a stream.
future<void> readable(int descriptor);
future<void> writable(int descriptor);

}  // namespace ratchet

#endif  // RATCHET_IO_READINESS_H_
