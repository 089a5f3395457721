#ifndef RATCHET_INTERNAL_IO_OPERATION_H_
#define RATCHET_INTERNAL_IO_OPERATION_H_

// Included by the headers of ratchet/io: what a task awaits that reads, writes
// or accepts.

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/state.h"
#include "ratchet/internal/transitions.h"
#include "ratchet/task.h"

namespace ratchet::internal {

class io_operations;

// io_operation: something that a task does with a descriptor, and that has to
// wait until the descriptor is ready. What has the descriptor has one of these
// for each thing that can be done with it, and uses it again and again: so
// waiting allocates nothing.
//
//          claim()             awaited, and the state of the task tries
//   free ----------> claimed ------------------------------> free, with a
//   result
//    ^                 |  not ready: wait()          ^
//    |                 v                             | tries again
//    |              waiting ------------------------>+
//    |                 |   wake(): the descriptor is ready
//    |                 |   fail(): what it belongs to is gone
//    +-----------------+   the task is cancelled, or destroyed
//
// The state of the task tries itself, when its turn comes: nothing has been
// read, and is lost, if the task is cancelled before.
//
// It is free when only its owner has it.
class io_operation : public value_state<void> {
 public:
  using value_state<void>::value_state;

  bool free() const { return sole_reference(); }

  // The reference for the task. REQUIRES: free().
  void claim() {
    discard();
    reopen();
    settle_value();
    ref();
  }
  // What the task does is to wait. REQUIRES: claimed, by the task that runs.
  void wait() {
    if (done()) reopen();
  }
  // The descriptor is ready: the task tries again.
  void wake() {
    if (!done()) settle_value();
  }
  // The task gets `error`, which need not be looked at.
  void fail(absl::Status error) {
    discard();
    settle_failed(std::move(error));
    mark_retrieved();
  }
  // Whether a task waits until it is woken.
  bool waiting() const { return !done() && !free(); }

  // It is awaited from now on: fails if it is one of io_operations of which
  // another one is.
  void start();

  bool cancelled_by_leaving() const override { return true; }
  cancel_answer answer_cancel(const absl::Status& /*why*/) override {
    return {cancel_answer::kind::refused};
  }

 protected:
  ~io_operation() override = default;

  // Whether what it belongs to has gone, for one that was among io_operations.
  bool is_left_over() const { return among_ == nullptr; }

 private:
  friend class io_operations;

  // The error of one that is awaited while another one is.
  virtual std::string already_awaited() const {
    return "it is awaited already";
  }

  io_operations* among_ = nullptr;
  io_operation* next_ = nullptr;  // Among these.
};

// io_operations: those of one kind that the owner of a descriptor has: one, and
// more if more were claimed at a time. Of these, one at a time is awaited.
//
// Lifetime: part of the owner, which calls leave() before it goes.
// Complexity: O(1), or O(those that were claimed at a time).
class io_operations {
 public:
  io_operations() = default;
  io_operations(const io_operations&) = delete;
  io_operations& operator=(const io_operations&) = delete;

  // A free one, claimed; nullptr if there is none: then add() one.
  io_operation* claim();
  // Takes the reference to `made`, and claims it.
  io_operation* add(io_operation* made);

  // See io_operation::start().
  void start(io_operation& operation);

  // Of the one that is awaited.
  void wake() {
    if (awaited_ != nullptr) awaited_->wake();
  }
  bool waiting() const { return awaited_ != nullptr && awaited_->waiting(); }

  // The one that is awaited gets `why`; and those that are claimed, `later`,
  // once they are awaited.
  void fail(const absl::Status& why, const absl::Status& later);
  // Nothing comes of any of them: the loop is closed.
  void abandon();
  // The owner goes: those that are claimed still, and have not failed, get
  // `why` once they are awaited.
  void leave(const absl::Status& why);

 private:
  io_operation* first_ = nullptr;    // Of all; linked.
  io_operation* awaited_ = nullptr;  // Or was, before it became free.
};

inline void io_operation::start() {
  if (among_ != nullptr) among_->start(*this);
}

// How a state of a machine goes on with what an operation comes to (see
// transition_to). Attempt has
//
//   Attempt::result_type
//   Attempt::kName         for the task that does nothing else
//   static std::optional<outcome<result_type>> Attempt::attempt(io_operation&)
//
// which gives nothing if it has to be tried again when the operation is woken.
template <class Attempt>
class from_operation : public direct_source {
 public:
  using result_type = typename Attempt::result_type;

  template <class To, class Machine>
  static step resume(Machine& self, future_state* source,
                     const absl::Status* thrown) {
    state_ref<io_operation> op(static_cast<io_operation*>(source));
    if (thrown != nullptr || op->failed()) {
      const absl::Status why = thrown != nullptr ? *thrown : op->held_error();
      op = state_ref<io_operation>();
      return To::fail(self, why);
    }
    std::optional<outcome<result_type>> result = Attempt::attempt(*op);
    if (!result.has_value()) {
      op->wait();
      return To::template wait_for<from_operation>(self, op.release());
    }
    op = state_ref<io_operation>();  // Free for the next one.
    if constexpr (std::is_void_v<result_type>) {
      if (!result->ok()) return To::fail(self, *result);
      return To::go_on(self, [] { return absl::OkStatus(); });
    } else {
      if (!result->ok()) return To::fail(self, result->status());
      return To::go_on(self,
                       [&]() -> result_type { return **std::move(result); });
    }
  }
};

template <class Attempt>
class io_task;

// io_awaitable: what a function gives that reads, writes or accepts. Awaited,
// it is no machine: the state that awaits it tries, and waits.
template <class Attempt>
class [[nodiscard]] io_awaitable : public direct_awaitable {
 public:
  using result_type = typename Attempt::result_type;
  using machine = io_task<Attempt>;
  using source = from_operation<Attempt>;

  // Claimed, or failed.
  explicit io_awaitable(state_ref<io_operation> claimed)
      : operation_(std::move(claimed)) {}

  future_state* take_source() {
    RATCHET_CHECK(static_cast<bool>(operation_),
                  "an operation was awaited twice: call the function again");
    operation_->start();
    return operation_.release();
  }

 private:
  state_ref<io_operation> operation_;
};

// The same as a task of its own.
template <class Attempt>
class io_task final : public task<typename Attempt::result_type> {
  using T = typename Attempt::result_type;

 public:
  explicit io_task(io_awaitable<Attempt> what) : what_(std::move(what)) {}
  step start() {
    return this->template await<&io_task::ended>(std::move(what_));
  }
  std::string task_name() const override { return std::string(Attempt::kName); }

 private:
  step ended(outcome<T> result) { return this->done(std::move(result)); }

  io_awaitable<Attempt> what_;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_IO_OPERATION_H_
