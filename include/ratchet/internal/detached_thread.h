#ifndef RATCHET_INTERNAL_DETACHED_THREAD_H_
#define RATCHET_INTERNAL_DETACHED_THREAD_H_

// Included by the sources of ratchet/io: a thread that waits where nothing else
// can.

namespace ratchet::internal {

// Runs `run(argument)` in a thread that nobody joins, with every signal
// blocked, so that it takes none from the threads of the program. It uses
// nothing that may be gone before it ends, which may be with the process.
// False if there can be no thread.
bool start_detached_thread(void* (*run)(void*), void* argument);

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_DETACHED_THREAD_H_
