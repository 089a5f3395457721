#include "ratchet/internal/detached_thread.h"

#include <pthread.h>
#include <signal.h>

namespace ratchet::internal {

bool start_detached_thread(void* (*run)(void*), void* argument) {
  sigset_t all, before;
  sigfillset(&all);
  // A thread begins with the mask of its maker.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const bool started = pthread_create(&thread, nullptr, run, argument) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (started) pthread_detach(thread);
  return started;
}

}  // namespace ratchet::internal
