#ifndef RATCHET_TESTS_CONFORMANCE_BODY_H_
#define RATCHET_TESTS_CONFORMANCE_BODY_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/as_completed.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/timeout.h"
#include "ratchet/wait.h"
#include "tests/conformance/datum.h"
#include "tests/conformance/interpreter.h"
#include "tests/conformance/program.h"

namespace ratchet::conformance {

// body: one run of a body of a program, as a state machine.
//
// It runs operations until one suspends, which is one transition, and goes on
// behind it in the state that the transition names. Nested lists are a stack of
// frames of the machine, not of the thread.
class body final : public task<datum> {
 public:
  // A task of its own, of that name; what it prints begins with "start".
  static body as_task(interpreter& in, const std::string& body_name,
                      const std::string& task_name);
  // To be awaited by the task of that name, in place.
  static body in_place(interpreter& in, const std::string& body_name,
                       const std::string& task_name);

  step start();
  std::string task_name() const override { return context_.name; }

 private:
  // How a list ended.
  struct ending {
    enum class how { at_its_end, by_return, by_error };
    how how = how::at_its_end;
    json returned;
    absl::Status error;  // Also OK for the other two.

    static ending by_return(json v);
    static ending by_error(absl::Status e);
    bool failed() const { return how == how::by_error; }
  };

  // A list that is running, and the scope whose it is.
  struct frame {
    const op_list* list;
    const operation* owner = nullptr;  // nullptr: the body itself.
    size_t next = 0;
    bool in_finally = false;  // Of a block.
    ending held;              // While a finally, or the exit of a group, runs.
    std::shared_ptr<timeout_scope> scope;
    std::shared_ptr<task_group> group;
  };

  // The transition that is made, or nothing: go on with the top frame.
  using move = std::optional<step>;

  body(interpreter& in, const std::string& body_name, std::string name,
       bool is_task);

  step go_on();
  move run_one(const operation& op);
  move run_flow(const operation& op);
  // Leaves frames until one goes on, or the body ends.
  move leave(ending how);
  step finish(ending how);

  // -- Awaiting: body_await.cc ------------------------------------------------

  move begin_await(const operation& op);
  move begin_wait(const operation& op);
  move begin_wait_for(const operation& op);
  move begin_as_completed(const operation& op);
  move begin_on_object(const operation& op);  // body_objects.cc
  // The operation that the machine is in.
  const operation& current() const;
  // The line of the current operation, and where it leads.
  move end_await(const absl::StatusOr<datum>& result);
  step resume_after(const absl::StatusOr<datum>& result);

  step ended(const absl::Status& status);
  step got(const absl::StatusOr<datum>& result);
  step granted(const absl::Status& status);
  step passed(const absl::StatusOr<size_t>& index);
  step waited(absl::StatusOr<wait_result<shared_future<datum>>> result);
  move next_completion();
  step completion(absl::StatusOr<completed<datum>> turn);

  // -- Scopes: body_scopes.cc -------------------------------------------------

  move enter_scope(const operation& op);
  move leave_group(ending how);
  step left_group(absl::Status status);
  // The line of the scope on top, which is popped. False: `how` goes on to the
  // one outside.
  bool end_scope(const ending& how);

  bool caught(const operation& op, const absl::Status& error);

  interpreter* in_;
  bool is_task_;
  context context_;
  std::vector<frame> frames_;

  // Of the operation that is suspended.
  std::vector<shared_future<datum>> waited_for_;
  completions<shared_future<datum>>* iteration_ = nullptr;
  size_t turns_left_ = 0;
  int64_t turns_taken_ = 0;
};

// Starts a body as a task, in `group` if that is not null, and enters it in the
// books; the error if the loop or the group takes no tasks.
absl::StatusOr<handle*> start_task(interpreter& in, const std::string& body,
                                   task_group* group = nullptr,
                                   bool is_eager = false);

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_BODY_H_
