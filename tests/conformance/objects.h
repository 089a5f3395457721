#ifndef RATCHET_TESTS_CONFORMANCE_OBJECTS_H_
#define RATCHET_TESTS_CONFORMANCE_OBJECTS_H_

#include <map>
#include <string>
#include <vector>

#include "ratchet/sync/barrier.h"
#include "ratchet/sync/condition.h"
#include "ratchet/sync/event.h"
#include "ratchet/sync/mutex.h"
#include "ratchet/sync/queue.h"
#include "ratchet/sync/semaphore.h"
#include "tests/conformance/datum.h"
#include "tests/conformance/program.h"

namespace ratchet::conformance {

// The items of a priority queue are integers.
struct smaller_integer {
  bool operator()(const datum& a, const datum& b) const;
};

// objects: the synchronization objects of a program, by kind and name.
struct objects {
  explicit objects(const std::vector<object_decl>& decls);

  std::map<std::string, mutex> locks;
  std::map<std::string, condition> conditions;  // Go before their locks.
  std::map<std::string, event> events;
  std::map<std::string, semaphore> semaphores;
  std::map<std::string, bounded_semaphore> bounded_semaphores;
  std::map<std::string, barrier> barriers;
  std::map<std::string, queue<datum>> queues;
  std::map<std::string, priority_queue<datum, smaller_integer>> priority_queues;
  std::map<std::string, lifo_queue<datum>> lifo_queues;

  // f(object) for the lock, condition or semaphore of that name.
  template <class F>
  auto with_lock(const std::string& name, F f) {
    if (const auto it = locks.find(name); it != locks.end()) {
      return f(it->second);
    }
    if (const auto it = conditions.find(name); it != conditions.end()) {
      return f(it->second);
    }
    if (const auto it = semaphores.find(name); it != semaphores.end()) {
      return f(it->second);
    }
    return f(bounded_semaphores.at(name));
  }

  // f(queue) for the queue of that name, of any kind.
  template <class F>
  auto with_queue(const std::string& name, F f) {
    if (const auto it = queues.find(name); it != queues.end()) {
      return f(it->second);
    }
    if (const auto it = priority_queues.find(name);
        it != priority_queues.end()) {
      return f(it->second);
    }
    return f(lifo_queues.at(name));
  }
};

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_OBJECTS_H_
