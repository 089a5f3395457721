#ifndef RATCHET_TESTS_CONFORMANCE_REGISTRY_H_
#define RATCHET_TESTS_CONFORMANCE_REGISTRY_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "tests/conformance/datum.h"

namespace ratchet::conformance {

// A future or a task that a program has made; kept until the program has ended.
struct handle {
  std::string name;  // In the trace.
  shared_future<datum> future;
  std::optional<promise<datum>> producer;  // Of the operation `future`.
};

// registry: which handle the names of a program stand for, and what the trace
// calls them.
class registry {
 public:
  // "w", "w#2", "w#3", ...: the tasks of body `w` in the order of creation.
  std::string next_task_name(const std::string& body);
  // The task of that name was not created after all.
  void take_back_task_name(const std::string& body);

  // A task, if it is not there yet; `name` is from next_task_name(). Binds
  // nothing.
  handle& add_task(const std::string& name, shared_future<datum> future);
  // A future that is no task, bound to `as` and called after it. One that has a
  // handle already keeps it.
  void bind_future(const std::string& as, shared_future<datum> future,
                   std::optional<promise<datum>> producer = std::nullopt);
  void bind(const std::string& as, handle& h) { bound_[as] = &h; }

  // nullptr when nothing is bound to the name, or no task has it.
  handle* find(const std::string& name) const;
  handle* find_task(const std::string& task_name) const;

  // The names of the futures with an error that nobody has looked at, in
  // creation order.
  std::vector<std::string> unretrieved() const;

 private:
  handle& add(std::string name, shared_future<datum> future);
  handle* find(const shared_future<datum>& future) const;

  std::vector<std::unique_ptr<handle>> handles_;  // In creation order.
  std::map<std::string, handle*> bound_;
  std::map<std::string, handle*> tasks_;
  std::map<std::string, int> tasks_of_body_;
  std::map<std::string, int> futures_of_name_;
};

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_REGISTRY_H_
