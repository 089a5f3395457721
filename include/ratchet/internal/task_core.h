#ifndef RATCHET_INTERNAL_TASK_CORE_H_
#define RATCHET_INTERNAL_TASK_CORE_H_

// Included by task.h: what a task is, apart from the type of its result.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/internal/context.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/future_state.h"
#include "ratchet/internal/slab.h"
#include "ratchet/task_info.h"

namespace ratchet {

class observer;
template <class T>
class task;

namespace internal {

class task_core;

// The loop's view on the tasks; see loop_core::task_hooks.
extern const task_hooks kTaskHooks;

}  // namespace internal

// step: what a state returns: the transition its machine makes. Made only by
// the functions of task<T>: await, sleep_for, sleep_until, yield, done, fail.
class [[nodiscard]] step {
 private:
  friend class internal::task_core;

  enum class kind : uint8_t {
    await,  // Go on when the source of the machine is settled.
    call,   // Run the machine that is the source; go on when it has ended.
    sleep,  // Go on at the time that is in the place of the machine.
    yield,  // Go on in the next iteration.
    end,    // The machine has ended.
  };

  explicit step(kind what) : kind_(what) {}

  kind kind_;
};

namespace internal {

// Where a machine goes on: one constant object for each state and type of
// source, so that a suspended machine stores one pointer, and a resumption is
// one indirect call.
struct transition {
  // Calls the state with what the source of `self` holds, or with `thrown`, if
  // that is not null, in place of it.
  step (*resume)(task_core& self, const absl::Status* thrown);
  std::string_view class_name;
  std::string_view state_name;
};

// A deadline that a task is under: a link in a list of its task, from which it
// goes with either of the two.
class task_deadline {
 public:
  task_deadline() = default;
  task_deadline(const task_deadline&) = delete;
  task_deadline& operator=(const task_deadline&) = delete;
  ~task_deadline() { unlink(); }

  void link(task_deadline*& head) {
    next_ = head;
    link_ = &head;
    if (next_ != nullptr) next_->link_ = &next_;
    head = this;
  }
  void unlink() {
    if (!linked()) return;
    if (next_ != nullptr) next_->link_ = link_;
    *link_ = next_;
    link_ = nullptr;
  }
  bool linked() const { return link_ != nullptr; }
  const task_deadline* next() const { return next_; }

  int64_t at_ns = kNever;

 private:
  task_deadline* next_ = nullptr;
  task_deadline** link_ = nullptr;  // What points to it.
};

// What only few tasks need: in a block of its own, made when it is first asked
// for, so that it costs the others one word.
struct task_extras : slab_allocated<block_kind::plain> {
  task_extras() = default;
  task_extras(const task_extras&) = delete;
  task_extras& operator=(const task_extras&) = delete;
  ~task_extras() {
    while (deadlines != nullptr) deadlines->unlink();
    if (own_context.values != nullptr) own_context.values->unref();
  }

  // Of the scopes that the task is in.
  task_deadline* deadlines = nullptr;
  // In which its states run (rule S16); empty while one does.
  context_slot own_context;
  // The reason of the request to cancel that the task is going to see; OK for
  // one without.
  absl::Status cancel_reason;
};

// task_core: one machine. A *root* was started with create_task and is what the
// loop runs; a machine that is awaited runs inside the root, as a frame of its
// stack, without a hop (rule S44).
//
//   root (link_ -> top)      frame (link_ -> awaiting machine)
//     |                        |
//     +--> top frame -> ... -> root
//
// A root waits in one of these ways:
//
//   running          its step is running, or it has not been started
//   ready            it is in the ready queue
//   future           in the list of waiters of its top frame's source, or, when
//                    that is settled, in the ready queue
//   timer            in the wheel
//   wait_cancelled  in the ready queue, to be told that its sleep was
//   cancelled self_await       the same, that it awaits itself (S49)
class task_core : public runnable, public waiting_side {
 public:
  // -- From the loop ----------------------------------------------------------

  void take_turn() final;  // The next step.
  void drop_turn() final {
  }                        // The loop is closed: it stays as it is (rule S24).
  void timer_due() final;  // The end of a sleep: goes on one hop later (S46).

  // -- From outside -----------------------------------------------------------

  // Takes the machine over as a root: its first step goes to the queue (S41),
  // or, eager, runs now, if the loop does (S166, S169).
  enum class first_step { queued, eager };
  // Inline, for it is what a program does that starts many.
  void start(loop_core& core, const transition& first, first_step when) {
    result_state().bind(core);
    core.set_task_hooks(kTaskHooks);
    id_ = core.next_task_id();
    link_ = this;
    transition_ = &first;
    if (ABSL_PREDICT_FALSE(has_context())) keep_context();
    if (ABSL_PREDICT_FALSE(when == first_step::eager) && core.running()) {
      start_eagerly();
      return;
    }
    suspend_and_push(suspension::ready, core);
  }

  // Rules S52 to S61.
  cancel_answer request_cancel(const absl::Status& why);
  uint32_t cancelling() const { return cancels_; }
  uint32_t uncancel();     // Rule S63.
  void withdraw_cancel();  // What is remembered is not delivered.
  // The request that is remembered and not delivered; OK if there is none.
  absl::Status remembered_cancel() const;

  // Ends a root here and now: it goes from where it waits, none of its states
  // runs again, its frames are destroyed, and it is cancelled with `why`. One
  // whose step is running ends so when that returns; an error that it returns
  // counts (as for S59). Nothing for one that is done.
  // Complexity: O(frames); of a task in the ready queue, O(that queue), too.
  void end_now(const absl::Status& why);

  // The loop goes away under a pending root.
  void destroy_pending();

  // The earliest of its deadlines; kNever when there is none.
  int64_t deadline_ns();

  task_info info();
  uint64_t id() const { return id_; }
  // Of a root that is not done: its step is running, somewhere on the stack.
  bool in_step() const { return wait_ == suspension::running; }
  // "class#id"; of a machine that is awaited, which has no id, "class".
  virtual std::string task_name() const;
  // That, and its id, so that no other task of the loop is called so.
  std::string unique_name() const { return name_with_id(task_name(), id_); }
  std::string_view class_name() const { return transition_->class_name; }

  // Of a root; it goes with the task.
  task_extras& extras() {
    if (extras_ == nullptr) {
      extras_ = new task_extras;
      set_flag(kHasExtras);
    }
    return *extras_;
  }
  task_extras* extras_or_null() const { return extras_; }

  // Reports what happened to it, in its context (rule S12).
  void report_here(const error_report& report);

  // The state that holds its outcome: task<T> derives from that, too, and that
  // base stands before this one. So close to everything a step does that a
  // virtual function would be a tenth of it.
  future_state& result_state() {
    // Negative, and in words: to be added by one instruction.
    return *reinterpret_cast<future_state*>(
        reinterpret_cast<unsigned char*>(this) +
        state_offset_ * ptrdiff_t{kOffsetUnit});
  }

  // -- For the transitions of a machine ---------------------------------------

  // Ends the machine with `error`.
  step fail_with(const absl::Status& error);

  // Fatal: `next` is a state of a class that this machine is not.
  [[noreturn]] void state_of_another(const transition& next) const;

  // The source of the transition that resumes: its reference goes to the
  // caller.
  future_state* take_source() { return std::exchange(source_, nullptr); }

 protected:
  // How far behind its state it stands, in bytes.
  explicit task_core(size_t state_offset)
      : state_offset_(static_cast<int16_t>(
            -static_cast<int>(state_offset / kOffsetUnit))) {}
  // A copy of a machine that has not been started has not been started, and
  // stands nowhere: so its bases are new ones.
  // NOLINTNEXTLINE(bugprone-copy-constructor-init)
  task_core(const task_core& other) : state_offset_(other.state_offset_) {}
  task_core& operator=(const task_core&) { return *this; }
  ~task_core() override {
    if (ABSL_PREDICT_FALSE(source_ != nullptr || extras_ != nullptr)) {
      release_owned();
    }
  }

  step await_source(const transition& next, future_state* source) {
    choose(&next, source);
    return step(step::kind::await);
  }
  // A source that it has before it chooses its first transition.
  void hold_source(future_state* source) { source_ = source; }
  // `callee` is a machine whose first state is set.
  step call_machine(const transition& next, future_state* callee) {
    choose(&next, callee);
    return step(step::kind::call);
  }
  step sleep_until_ns(const transition& next, int64_t deadline_ns) {
    choose(&next, nullptr);
    set_free_place(deadline_ns);
    return step(step::kind::sleep);
  }
  step yield_to(const transition& next) {
    choose(&next, nullptr);
    return step(step::kind::yield);
  }
  step end() {
    choose(transition_, nullptr);
    return step(step::kind::end);
  }
  static constexpr size_t kOffsetUnit = alignof(void*);
  static constexpr size_t kMaxOffset = INT16_MAX * kOffsetUnit;
  static void set_first(task_core& machine, const transition& first) {
    machine.transition_ = &first;
  }
  // The loop in which the machine runs. Fatal outside of one.
  loop_core& running_core(std::string_view call) const;

  // Rules S57 to S59: the next suspension or resumption delivers Cancelled.
  void remember(const absl::Status& why);
  // The Cancelled to be delivered; takes its reason, if there is one.
  absl::Status take_reason();

  // Stores the error with which the machine ends.
  virtual void hold_failure(absl::Status error) = 0;

 private:
  // Its step is the last one: see end_now().
  static constexpr uint16_t kEnding = 2;
  static constexpr uint16_t kHasExtras = 4;
  // wait_cancelled or self_await.
  static constexpr uint16_t kWakesWithError = 8;

  enum class suspension : uint8_t {
    running,
    ready,
    future,
    timer,
    wait_cancelled,
    self_await,
  };

  // Settles the frame with what it holds. `cancelled`: a request was not
  // delivered, so that a value does not count (rule S59).
  virtual void settle_end(bool cancelled) = 0;

  // For people: what it awaits, while it waits for its source.
  virtual std::string describe_source() const;
  std::string describe_wait() const;

  void release_owned();
  void tell_observer(observer& observer);
  [[noreturn]] void await_of_another_loop() const;
  void hold_reason(const absl::Status& why);
  absl::Status cancelled_to_deliver();
  void enter_context();
  void leave_context();
  void finish_ending(const absl::Status& why);
  void destroy_frames(task_core* top);
  void choose(const transition* next, future_state* source) {
    RATCHET_CHECK(!chosen_, two_transitions());
    set_chosen(true);
    transition_ = next;
    if (ABSL_PREDICT_FALSE(source_ != nullptr)) source_->unref();
    source_ = source;
  }
  void set_chosen([[maybe_unused]] bool chosen) {
#ifndef NDEBUG
    chosen_ = chosen;  // Only those builds look at it.
#endif
  }
  std::string two_transitions() const;
  std::string transition_of_another() const;
  step resume(const absl::Status* thrown);
  step end_thrown();
  void keep_context();
  void start_eagerly();
  void end_after_step(loop_core& core);
  void suspend_unusually(future_state& source, loop_core& core);
  void take_step(const absl::Status* thrown);
  void take_unusual_turn();
  void cancel_source(future_state& source);
  void suspend(suspension how, loop_core& core) {
    wait_ = how;
    since_ms_ = core.recent_ms();
  }
  void suspend_and_push(suspension how, loop_core& core) {
    suspend(how, core);
    core.push(*this);
  }
  // In the ready queue, to be told an error.
  void wake_with_error(suspension how, loop_core& core) {
    set_flag(kWakesWithError);
    suspend_and_push(how, core);
  }
  void end_root(future_state& state);

  // Small ones first: they fill up the word of the last base.
  suspension wait_ = suspension::running;
  // The running state has made its transition.
  [[maybe_unused]] bool chosen_ = false;
  int16_t state_offset_;  // Of the result, from here.
  uint16_t cancels_ = 0;  // asyncio's cancelling(); no more than fit.
  uint32_t id_ = 0;
  uint32_t since_ms_ = 0;  // See loop_core::recent_ms().
  const transition* transition_ = nullptr;
  future_state* source_ = nullptr;  // Owned; what the transition waits for.
  task_core* link_ = nullptr;       // See above.
  task_extras* extras_ = nullptr;   // Owned.
};

// The roots of `core` that are not done, in creation order.
std::vector<task_core*> pending_tasks(loop_core& core);

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_INTERNAL_TASK_CORE_H_
