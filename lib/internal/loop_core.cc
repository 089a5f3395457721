#include "ratchet/internal/loop_core.h"

#include <cstdio>
#include <sstream>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/context.h"
#include "ratchet/internal/future_state.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/status.h"
#include "ratchet/task_info.h"

namespace ratchet::internal {

struct context_table {
  absl::flat_hash_map<const void*, context*> of;  // Owned.
};

loop_core::loop_core(clock& clock)
    : clock_(clock),
      wheel_(clock.now_ns()),
      mailbox_(std::make_shared<inbox>()),
      outer_(tls_newest_),
      thread_(std::this_thread::get_id()) {
  read_clock();
  tls_newest_ = this;
  if (tls_running_ == nullptr) tls_current_ = this;
}

loop_core::~loop_core() = default;

void loop_core::no_loop(std::string_view call) {
  fatal(absl::StrCat(absl::string_view(call.data(), call.size()),
                     " needs an event loop, and this thread has none: make "
                     "an event_loop first, or use run()"));
}

absl::Status loop_core::closed_error() {
  return make_error(error_kind::closed, "the event loop is closed");
}

absl::Status loop_core::check_runnable(std::string_view call) const {
  const absl::string_view name(call.data(), call.size());
  if (closed_) {
    return make_error(error_kind::closed,
                      absl::StrCat(name, ": the event loop is closed"));
  }
  if (running_) {
    return make_error(
        error_kind::running,
        absl::StrCat(name,
                     ": the event loop is already running; a task or "
                     "callback awaits, it does not run the loop"));
  }
  if (tls_running_ != nullptr) {
    return make_error(
        error_kind::running,
        absl::StrCat(name, ": another event loop is running on this thread"));
  }
  return mailbox_->status();
}

absl::Status loop_core::check_nestable(std::string_view call) const {
  if (nesting_ && running_ && !closed_ && tls_running_ == this) {
    return mailbox_->status();
  }
  return check_runnable(call);
}

// Makes the loop run, and puts aside what belongs to the code that calls: the
// context and, for a nested run, the task in whose step it is.
class loop_core::run_scope {
 public:
  explicit run_scope(loop_core& core)
      : core_(core),
        outermost_(!core.running_),
        task_(std::exchange(core.current_task_, nullptr)) {
    core.running_ = true;
    tls_current_ = tls_running_ = &core;
  }
  run_scope(const run_scope&) = delete;
  run_scope& operator=(const run_scope&) = delete;
  ~run_scope() {
    core_.current_task_ = task_;
    if (!outermost_) return;
    tls_running_ = nullptr;
    tls_current_ = tls_newest_;  // Callbacks may have made and ended loops.
    core_.running_ = false;
    core_.now_is_stale_ = true;
  }

  bool outermost() const { return outermost_; }

 private:
  loop_core& core_;
  const bool outermost_;
  task_core* const task_;
  const context_scope nothing_set_{nullptr};
};

absl::Status loop_core::run_forever() {
  const run_scope scope(*this);
  absl::Status status = (unusual_ & kMayBeNested) != 0
                            ? run_iterations<true>(nullptr)
                            : run_iterations<false>(nullptr);
  unusual_ &= static_cast<uint8_t>(~kStopping);
  return status;
}

absl::Status loop_core::run_until(const future_state& state) {
  const run_scope scope(*this);
  absl::Status status = run_iterations<true>(&state);
  // Else it ends the runs below, too.
  if (scope.outermost()) unusual_ &= static_cast<uint8_t>(~kStopping);
  return status;
}

// Runs `first`, which may be null, and what is left of the batch.
template <bool kHasTimers>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void loop_core::run(runnable* first) {
  runnable* r = first != nullptr ? first : batch_.pop();
  for (;;) {
    for (; r != nullptr; r = batch_.pop()) {
      r->take_turn();
      if (ABSL_PREDICT_FALSE(has_context())) clear_context();
    }
    if (!kHasTimers) return;
    timer_hook* const due = wheel_.pop_due_hook();
    if (due == nullptr) return;
    runnable::owner_of(*due).timer_due();
    if (ABSL_PREDICT_FALSE(has_context())) clear_context();
    r = batch_.pop();
  }
}

template <bool kHasTimers>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void loop_core::run_guarded(
    iteration_frame& frame, runnable* first) {
  bool done = false;
  while (!done) {
    // The library catches what callables throw where it calls them; this is for
    // the timers and callbacks that users derive. The batch goes on behind the
    // culprit.
    call_guarded(
        [&] {
          run<kHasTimers>(std::exchange(first, nullptr));
          // Also when it was first allowed in this batch.
          if (ABSL_PREDICT_FALSE(unusual_ != 0) && frame.interrupted) {
            go_on(frame);
          }
          done = true;
        },
        [this](const absl::Status& thrown) {
          report({error_report::cause::callback, thrown,
                  "event_loop::timer or callback", ""});
          if (has_context()) clear_context();
        });
  }
}

// One iteration, in the order of rule S1. The batch is what is in the queue
// now, then the timers that are due now: rule S4 puts them behind everything
// queued before. What all that schedules is for the next iteration (rule S2).
// False if it failed.
//
// Inline, and without a status unless it fails: a program that is one chain of
// callbacks pays for an iteration with each of them.
template <bool kMayNest>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool loop_core::iterate(
    iteration_frame& frame, const inbox& mailbox, absl::Status& failure) {
  ++iteration_;
  now_is_stale_ = true;
  if (ABSL_PREDICT_FALSE(!mailbox.empty())) take_posted();
  if (ABSL_PREDICT_FALSE(ready_.empty()) && !stopping() &&
      (!kMayNest || frame.outer == nullptr || count_batch() == 0)) {
    failure = wait();
    if (!failure.ok()) return false;
  }
  if (kMayNest && frame.outer != nullptr) interrupt(*frame.outer);
  // No timer can be due if there is none, or it comes later: two loops.
  const bool has_timers = !wheel_.empty();
  if (ABSL_PREDICT_FALSE(has_timers)) wheel_.advance(now_ns());
  runnable* first;
  if (ABSL_PREDICT_FALSE(kMayNest || ready_.empty())) {
    batch_.take(ready_);
    first = batch_.pop();
  } else {
    first = batch_.take_and_pop(ready_);
  }
  if (ABSL_PREDICT_FALSE(has_timers)) {
    run_guarded<true>(frame, first);
  } else {
    run_guarded<false>(frame, first);
  }
  return true;
}

// Until `state`, if there is one, is settled, or stop(). kMayNest: runs may be
// nested, or become so.
template <bool kMayNest>
absl::Status loop_core::run_iterations(const future_state* state) {
  const inbox& mailbox = *mailbox_;
  iteration_frame frame{frame_};
  frame_ = &frame;
  absl::Status status;
  while (!kMayNest || state == nullptr || !state->done()) {
    if (ABSL_PREDICT_FALSE(!iterate<kMayNest>(frame, mailbox, status))) break;
    if (ABSL_PREDICT_TRUE(unusual_ == 0)) continue;
    // For the next iteration, which looks itself if it has to wait.
    if (watching() && (stopping() || !ready_.empty())) {
      take_posted();  // Posted before, it stands before.
      status = look_at_descriptors(/*anyway=*/false);
      if (!status.ok()) break;
    }
    if (stopping()) break;
    // A callback may have allowed it.
    if (!kMayNest && (unusual_ & kMayBeNested) != 0) {
      frame_ = frame.outer;
      return run_iterations<true>(state);
    }
  }
  frame_ = frame.outer;
  return status;
}

// Nothing is ready: until something is, or a timer is due.
absl::Status loop_core::wait() {
  while (ready_.empty() && !stopping()) {
    const std::optional<int64_t> next = wheel_.next_deadline();
    int64_t timeout_ns = -1;
    bool awaited = false;
    if (next.has_value() && *next != kNever) {
      // Read anew: the last reading may be from before a sleep.
      const int64_t now = clock_.now_ns();
      if (*next <= now) {
        // Timers alone must not keep others from their turn.
        if (watching()) return look_at_descriptors(/*anyway=*/false);
        break;
      }
      if (watching() && clock_.jumps()) {
        // What is there already comes before time that passes.
        absl::Status status = look_at_descriptors(/*anyway=*/true);
        if (!status.ok()) return status;
        if (!ready_.empty()) break;
      }
      if (clock_.jump_to(*next)) break;
      timeout_ns = *next - now;
    } else if (!mailbox_->has_remotes() && mailbox_->empty()) {
      awaited = watching() && mailbox_->descriptors().awaited();
      if (!awaited) return deadlock();
    }
    returns_.flush();
    absl::Status status = mailbox_->wait(timeout_ns, awaited);
    if (!status.ok()) return status;
    read_clock();  // For recent_ms(): it may have slept long.
    looked_in_ = iteration_;
    looked_at_ns_ = now_ns_;
    take_posted();
  }
  now_is_stale_ = true;
  return absl::OkStatus();
}

absl::Status loop_core::look_at_descriptors(bool anyway) {
  constexpr uint64_t kMostIterations = 16;
  constexpr int64_t kMostNs = 50'000;
  if (!anyway && iteration_ - looked_in_ < kMostIterations &&
      now_ns() - looked_at_ns_ < kMostNs) {
    return absl::OkStatus();
  }
  looked_in_ = iteration_;
  looked_at_ns_ = now_ns();
  return mailbox_->descriptors().wait(0);
}

absl::Status loop_core::watch(int fd, uint32_t interest, io_watch& watch) {
  if (closed_) return closed_error();
  absl::Status status = mailbox_->descriptors().add(fd, interest, watch);
  note_watching();
  return status;
}

absl::Status loop_core::deadlock() {
  std::string message =
      "deadlock: nothing is ready, no timer is armed, nobody waits for a "
      "descriptor and no other thread holds a remote";
  const std::string blocked =
      task_hooks_ == nullptr ? "" : task_hooks_->blocked(*this);
  absl::StrAppend(
      &message,
      frame_->outer == nullptr
          ? ""
          : "; this run is nested, and what is in the middle of its step below "
            "it on the stack goes on only when it returns",
      blocked.empty() ? "; no task is pending" : "; pending:", blocked);
  return make_error(error_kind::deadlock, message);
}

void loop_core::take_posted() { mailbox_->take(ready_); }

absl::Status loop_core::close() {
  if (running_) {
    return make_error(error_kind::running,
                      "close(): the event loop is running; stop() it first");
  }
  if (closed_) return absl::OkStatus();
  closed_ = true;
  run_queue posted;
  mailbox_->close(posted);
  // The first drops may settle futures and so drop more: a closed loop queues
  // nothing, so this ends.
  while (runnable* const r = ready_.pop()) r->drop_turn();
  wheel_.advance(kNever);
  while (timer_hook* const t = wheel_.pop_due_hook()) {
    runnable::owner_of(*t).timer_dropped();
  }
  while (runnable* const r = posted.pop()) r->drop_turn();
  mailbox_->descriptors().drop_all();
  note_watching();
  return absl::OkStatus();
}

void loop_core::abandon() {
  if (running_) {
    fatal(
        "an event_loop was destroyed while it runs: stop() it and return "
        "from run_forever() first");
  }
  add_state();  // Keeps the core until the end of this function.
  (void)close();
  if (task_hooks_ != nullptr) task_hooks_->destroy_all(*this);
  // What its handler refers to may go with the loop; what is reported later, by
  // handles that are left over, is printed.
  error_handler_ = nullptr;
  owner_ = nullptr;
  // Loops need not go in the reverse order in which they came.
  loop_core** link = &tls_newest_;
  while (*link != nullptr && *link != this) link = &(*link)->outer_;
  if (*link != nullptr) *link = outer_;
  if (tls_running_ == nullptr) tls_current_ = tls_newest_;
  abandoned_ = true;
  --states_left_;
  count_states_anew();
}

// The core goes with its last state, once there is no event_loop.
void loop_core::count_states_anew() {
  const uint64_t states = states_begun_ + states_left_;
  if (abandoned_ && states == 0 && !disposing_) {
    delete this;
    return;
  }
  // Of those that there are now, the last one to go, if nothing else keeps the
  // core until then.
  states_left_ = abandoned_ && states != 0 ? states : kFarFromZero;
  states_begun_ = states - states_left_;
}

void loop_core::keep_context(const void* of) {
  if (contexts_ == nullptr) contexts_ = std::make_unique<context_table>();
  contexts_->of.emplace(of, share_context());
}

void loop_core::enter_context(const void* of) {
  const auto found = contexts_->of.find(of);
  tls_context.values = found->second;
  contexts_->of.erase(found);
}

void loop_core::drop_context(const void* of) {
  const auto found = contexts_->of.find(of);
  context* const values = found->second;
  contexts_->of.erase(found);
  values->unref();  // Last: destructors of values may schedule.
}

void loop_core::set_error_handler(error_handler handler) {
  error_handler_ =
      handler ? std::make_shared<error_handler>(std::move(handler)) : nullptr;
}

void loop_core::report(const error_report& report) {
  const auto print = [](const error_report& r) {
    std::fprintf(stderr, "ratchet: %s\n", to_string(r).c_str());
  };
  // Kept, for it may replace itself.
  const std::shared_ptr<error_handler> handler = error_handler_;
  if (handler == nullptr) {
    print(report);
    return;
  }
  const absl::Status failed = call_guarded([&] { (*handler)(report); });
  if (!failed.ok()) {  // Rule S12.
    print(report);
    print({error_report::cause::error_handler, failed, "", ""});
  }
}

void loop_core::drop(const waiter_list& waiters) {
  dropping_.append(waiters);
  if (dropping_now_) return;
  dropping_now_ = true;
  add_state();  // Keeps the core until the end of this function.
  while (runnable* const r = dropping_.pop()) r->drop_turn();
  dropping_now_ = false;
  remove_state();
}

std::vector<task_info> loop_core::all_tasks() {
  if (task_hooks_ == nullptr) return {};
  return task_hooks_->all_tasks(*this);
}

void loop_core::wrong_thread(std::string_view call) const {
  std::ostringstream sentence;
  sentence << call << " was called on thread " << std::this_thread::get_id()
           << " for the event loop at " << static_cast<const void*>(this)
           << ", which belongs to thread " << thread_
           << ": only post() may be called from other threads";
  fatal(sentence.str());
}

}  // namespace ratchet::internal
