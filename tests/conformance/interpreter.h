#ifndef RATCHET_TESTS_CONFORMANCE_INTERPRETER_H_
#define RATCHET_TESTS_CONFORMANCE_INTERPRETER_H_

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ratchet/as_completed.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/observer.h"
#include "ratchet/promise.h"
#include "ratchet/task_group.h"
#include "ratchet/task_info.h"
#include "ratchet/task_local.h"
#include "ratchet/timeout.h"
#include "tests/conformance/callback.h"
#include "tests/conformance/objects.h"
#include "tests/conformance/program.h"
#include "tests/conformance/registry.h"
#include "tests/conformance/trace.h"

namespace ratchet::conformance {

// context: the state of one run of a body or of a callback.
struct context {
  std::string name;     // Of who runs it, in the trace.
  json last;            // The value of its latest operation that went well.
  absl::Status caught;  // The error caught latest; OK when there is none.
};

// interpreter: one run of a program on a loop of its own: everything that its
// operations have in common. Scheduling is the library's alone: what stands
// here are names for what the program has made.
class interpreter {
 public:
  interpreter(const program& source, bool hops);
  interpreter(const interpreter&) = delete;
  interpreter& operator=(const interpreter&) = delete;

  // Runs the program to its end. Once.
  std::vector<std::string> run();

  const op_list& body(const std::string& name) const {
    return source_.tasks.at(name);
  }

  // What `h` stands for, "@self" included; nullptr and a `reason` if nothing.
  handle* find_handle(const std::string& h, std::string* reason) const;
  // The same for all names in "h" and "hs" of an operation: "" or the reason.
  std::string check_handles(const operation& op) const;
  // REQUIRES: check_handles(op) is "".
  shared_future<datum> future_in(const operation& op) const;
  std::vector<shared_future<datum>> futures_in(const operation& op) const;

  // The names of the tasks that are not done, in creation order.
  std::vector<std::string> pending_tasks() const;

  // -- What the operations work on --------------------------------------------

  virtual_clock clock;
  conformance::objects objects;  // Outlives the tasks that wait.
  event_loop loop{clock};
  conformance::trace trace;
  registry handles;
  timer_names timers;
  callback_names callbacks;
  std::map<std::string, std::shared_ptr<timeout_scope>> scopes;
  std::map<std::string, std::shared_ptr<task_group>> groups;
  std::map<std::string, int64_t> variables;
  std::map<std::string, task_local<json>> context_variables;
  // What an iteration of as_completed leaves early goes on beside it, like
  // Python's: its timer stays armed.
  std::list<completions<shared_future<datum>>> iterations;
  // The other ends of what was offloaded: a future of which the loop never
  // hears, because it is closed first, stays as it is.
  std::vector<std::shared_ptr<promise<datum>>> offloaded;
  std::string running_callback;  // Its name in the trace; the latest one.

 private:
  // Prints the line of a task that ends.
  class end_printer final : public observer {
   public:
    explicit end_printer(interpreter& owner) : owner_(owner) {}
    void task_ended(const task_info& task, const absl::Status& status) override;

   private:
    interpreter& owner_;
  };

  void report(const error_report& report);

  const program& source_;
  end_printer end_printer_{*this};
};

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_INTERPRETER_H_
