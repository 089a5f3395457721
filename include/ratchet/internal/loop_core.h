#ifndef RATCHET_INTERNAL_LOOP_CORE_H_
#define RATCHET_INTERNAL_LOOP_CORE_H_

// Included by event_loop.h and future.h: the part of an event loop that its
// futures and tasks know.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/inbox.h"
#include "ratchet/internal/loop_timer.h"
#include "ratchet/internal/runnable.h"
#include "ratchet/internal/slab.h"
#include "ratchet/timer_wheel.h"

namespace ratchet {

class event_loop;
class observer;
struct task_info;

namespace internal {

class future_state;
class loop_core;
class task_core;
struct context_table;

// What the loop has to know about tasks, which live a floor above it. Set when
// the first task is started.
struct task_hooks {
  std::vector<task_info> (*all_tasks)(loop_core& core);
  std::string (*blocked)(loop_core& core);  // For the message of a deadlock.
  void (*destroy_all)(loop_core& core);
};

// loop_core: ready queue, wheel, clock and inbox of one event loop.
//
// It outlives its event_loop for as long as a future or task of the loop does:
// a handle that is left over finds a closed loop, never freed memory.
//
// Thread-safety: thread-compatible; all on the loop's thread but `mailbox`.
class loop_core {
 public:
  explicit loop_core(clock& clock);
  loop_core(const loop_core&) = delete;
  loop_core& operator=(const loop_core&) = delete;

  // The loop of this thread: the one that runs, else the newest one. Fatal,
  // with `call` in the sentence, when there is none.
  static loop_core& current(std::string_view call) {
    if (ABSL_PREDICT_FALSE(tls_current_ == nullptr)) no_loop(call);
    return *tls_current_;
  }
  static loop_core* current_or_null() { return tls_current_; }
  // The loop of this thread that has this mailbox, or nullptr.
  static loop_core* of_mailbox(const inbox& mailbox) {
    loop_core* core = tls_newest_;
    while (core != nullptr && core->mailbox_.get() != &mailbox) {
      core = core->outer_;
    }
    return core;
  }
  // The loop that is running on this thread, or nullptr.
  static loop_core* running_here() { return tls_running_; }

  // -- Ready queue ----------------------------------------------------------

  // Appends `r` (rule S3). On a closed loop drops it and returns false.
  bool push(runnable& r) {
    if (ABSL_PREDICT_FALSE(closed_)) {
      r.drop_turn();
      return false;
    }
    ready_.push(r);
    return true;
  }

  // Appends all waiters (rule S33). On a closed loop drops them (rule S14).
  bool push(const waiter_list& waiters) {
    if (ABSL_PREDICT_FALSE(closed_)) {
      drop(waiters);
      return false;
    }
    ready_.append(waiters);
    return true;
  }

  // Takes `r`, which is going to be destroyed, out of the queue; false if it
  // does not stand in it. O(what is queued).
  bool withdraw(runnable& r);

  // Drops all waiters, and whatever they drop in turn, one after the other:
  // the stack stays flat.
  void drop(const waiter_list& waiters);

  // -- Time -----------------------------------------------------------------

  // Constant during an iteration: the clock is read once, when first asked.
  int64_t now_ns() {
    if (now_is_stale_) {
      read_clock();
      now_is_stale_ = !running_;
    }
    return now_ns_;
  }
  // The latest reading, for what need not be exact: costs nothing. As a number
  // of milliseconds it is cut to 32 bits: time_at() is right for the last 49
  // days.
  uint32_t recent_ms() const { return now_ms_; }
  absl::Time time_at(uint32_t ms) const {
    return absl::FromUnixMillis(now_ns_ / 1'000'000 -
                                static_cast<uint32_t>(now_ms_ - ms));
  }

  // Arms `t`; kNever never fires. On a closed loop drops it, returns false.
  bool arm(runnable& t, int64_t deadline_ns) {
    if (ABSL_PREDICT_FALSE(closed_)) {
      t.timer_dropped();
      return false;
    }
    now_ns();  // The wheel's time must not be ahead of ours, nor far behind.
    wheel_.schedule(t.wheel_hook(), deadline_ns);
    return true;
  }
  bool arm(loop_timer& t, int64_t deadline_ns) {
    if (ABSL_PREDICT_TRUE(!closed_)) t.move_to(wheel_);
    return arm(static_cast<runnable&>(t), deadline_ns);
  }
  // False if it is not in the wheel. REQUIRES: it is not in another loop's.
  bool disarm(runnable& t) { return wheel_.cancel(t.wheel_hook()); }
  bool disarm(loop_timer& t) {
    return t.is_in(wheel_) && wheel_.cancel(t.wheel_hook());
  }

  // -- Descriptors ----------------------------------------------------------
  //
  // Their watches are told when the loop has nothing else to do, and while it
  // has, before every 16th iteration, and before one that comes 50 us or more
  // after the last time. What they queue is then behind what is ready, and
  // before the timers that are due (rule S1).

  // As poller::add; error_kind::closed on a closed loop.
  absl::Status watch(int fd, uint32_t interest, io_watch& watch);
  bool change_watch(io_watch& watch, uint32_t interest) {
    return mailbox_->descriptors().change(watch, interest);
  }
  void unwatch(io_watch& watch, poller::removal how) {
    mailbox_->descriptors().remove(watch, how);
    note_watching();
  }
  io_watch* watch_of(int fd) const { return mailbox_->descriptors().find(fd); }

  // -- Running --------------------------------------------------------------

  absl::Status run_forever();
  // As rule S23 has it: until `state` is settled, which is asked after each
  // iteration. OK also when the loop was stopped before.
  absl::Status run_until(const future_state& state);
  // Why a run function cannot start now (rules S14, S22), or OK.
  absl::Status check_runnable(std::string_view call) const;
  // The same where runs can be nested (rule S23): one may be in progress.
  absl::Status check_nestable(std::string_view call) const;
  void allow_nesting(bool allow) {
    nesting_ = allow;
    if (allow) unusual_ |= kMayBeNested;
  }
  bool nesting() const { return nesting_; }
  void stop() { unusual_ |= kStopping; }
  absl::Status close();
  // The event_loop is gone: closes and destroys the tasks that are left; the
  // core goes with the last of its futures.
  void abandon();

  bool running() const { return running_; }
  bool closed() const { return closed_; }
  uint64_t iteration() const { return iteration_; }
  static absl::Status closed_error();

  // -- Contexts (rule S16) ----------------------------------------------------
  //
  // Of what is to run in a copy of the context in which it was registered, kept
  // by its address beside it: so that it costs a bit there, which tells that
  // there is one.

  void keep_context(const void* of);   // A copy of the current one.
  void enter_context(const void* of);  // It is the current one until the turn
                                       // ends, and not kept any more.
  void drop_context(const void* of);

  // -- Errors ---------------------------------------------------------------

  void set_error_handler(error_handler handler);
  void report(const error_report& report);

  // -- Watching -------------------------------------------------------------

  observer* watched_by() const { return observer_; }
  void set_observer(observer* observer) { observer_ = observer; }

  // -- Futures and tasks ----------------------------------------------------

  // Every state of this loop counts itself in and out, in two counters: one
  // that both change would be what a chain of futures waits for. The second one
  // counts down, to zero when the core may have to go: so that it takes one
  // instruction and the branch that it decides. As long as there is an
  // event_loop it begins where it does not come to zero.
  void add_state() { ++states_begun_; }
  void remove_state() {
    if (ABSL_PREDICT_FALSE(remove_state_but_stay())) count_states_anew();
  }
  // The same in two: true if count_states_anew() has to follow.
  bool remove_state_but_stay() { return --states_left_ == 0; }
  void count_states_anew();

  // Destroys `state`, whose last reference is gone, and whatever goes with it,
  // one after the other: the stack stays flat however long the chain.
  void dispose(future_state& state);

  // While it lives, dispose() is at once, also if it was called from inside of
  // another one: what is destroyed here may refer to what goes next.
  class immediate_disposal {
   public:
    explicit immediate_disposal(loop_core& core)
        : core_(core),
          dying_(std::exchange(core.dying_, nullptr)),
          disposing_(std::exchange(core.disposing_, false)) {
      core_.add_state();
    }
    immediate_disposal(const immediate_disposal&) = delete;
    immediate_disposal& operator=(const immediate_disposal&) = delete;
    ~immediate_disposal() {
      core_.dying_ = dying_;
      core_.disposing_ = disposing_;
      core_.remove_state();
    }

   private:
    loop_core& core_;
    future_state* const dying_;
    const bool disposing_;
  };

  task_core* current_task() const { return current_task_; }
  void set_current_task(task_core* task) { current_task_ = task; }
  uint32_t next_task_id() { return ++task_ids_; }
  void set_task_hooks(const task_hooks& hooks) { task_hooks_ = &hooks; }
  std::vector<task_info> all_tasks();

  event_loop* owner() const { return owner_; }
  void set_owner(event_loop* owner) { owner_ = owner; }

  const std::shared_ptr<inbox>& mailbox() const { return mailbox_; }
  // Blocks of what has been posted, until the loop sleeps.
  slab_returns& returns() { return returns_; }
  bool on_own_thread() const { return thread_ == std::this_thread::get_id(); }

  // Ends a debug build if called on another thread than the loop's.
  void check_thread([[maybe_unused]] std::string_view call) const {
#ifndef NDEBUG
    if (!on_own_thread()) wrong_thread(call);
#endif
  }

 private:
  ~loop_core();

  class run_scope;
  class postponed;

  void read_clock() {
    now_ns_ = clock_.now_ns();
    now_ms_ = static_cast<uint32_t>(now_ns_ / 1'000'000);
  }

  // A run that is in progress. More than one is, when runs are nested.
  struct iteration_frame {
    iteration_frame* outer;
    // Another one has taken over what was left of the batch of its iteration,
    // `left` in number: it goes on with as many of what it finds then (rule
    // S23).
    size_t left = 0;
    bool interrupted = false;
  };

  template <bool kMayNest>
  absl::Status run_iterations(const future_state* state);
  template <bool kMayNest>
  bool iterate(iteration_frame& frame, const inbox& mailbox,
               absl::Status& failure);
  template <bool kHasTimers>
  void run_guarded(iteration_frame& frame, runnable* first);
  template <bool kHasTimers>
  void run(runnable* first);
  void interrupt(iteration_frame& outer);
  void go_on(iteration_frame& frame);
  size_t count_batch() const;
  absl::Status wait();
  absl::Status look_at_descriptors(bool anyway);
  void take_posted();
  absl::Status deadlock();
  bool stopping() const { return (unusual_ & kStopping) != 0; }
  bool watching() const { return (unusual_ & kWatching) != 0; }
  void note_watching() {
    unusual_ &= static_cast<uint8_t>(~kWatching);
    if (mailbox_->descriptors().watching() != 0) unusual_ |= kWatching;
  }
  [[noreturn]] static void no_loop(std::string_view call);
  [[noreturn]] void wrong_thread(std::string_view call) const;

  // The one that runs, else the newest one.
  static inline thread_local loop_core* tls_current_ = nullptr;
  static inline thread_local loop_core* tls_newest_ = nullptr;
  static inline thread_local loop_core* tls_running_ = nullptr;

  run_queue ready_;
  bool closed_ = false;
  // Why the loop may not simply go on with the next iteration.
  static constexpr uint8_t kStopping = 1;
  static constexpr uint8_t kMayBeNested = 2;  // It was allowed once.
  static constexpr uint8_t kWatching = 4;     // Descriptors.
  uint8_t unusual_ = 0;
  bool running_ = false;
  bool abandoned_ = false;
  bool now_is_stale_ = true;
  bool dropping_now_ = false;
  bool disposing_ = false;
  bool nesting_ = false;
  uint32_t task_ids_ = 0;
  uint32_t now_ms_;
  int64_t now_ns_;
  task_core* current_task_ = nullptr;
  // How many states there are is the sum of the two, modulo 2^64.
  static constexpr uint64_t kFarFromZero = uint64_t{1} << 63;
  uint64_t states_begun_ = kFarFromZero;
  uint64_t states_left_ = kFarFromZero;
  uint64_t iteration_ = 0;
  uint64_t looked_in_ = 0;    // The iteration, and
  int64_t looked_at_ns_ = 0;  // the time, of the last look at descriptors.
  run_batch batch_;
  iteration_frame* frame_ = nullptr;  // The innermost one.
  std::vector<postponed*> postponed_;
  run_queue dropping_;
  clock& clock_;
  timer_wheel wheel_;
  std::shared_ptr<inbox> mailbox_;
  slab_returns returns_;
  future_state* dying_ = nullptr;
  const task_hooks* task_hooks_ = nullptr;
  std::shared_ptr<error_handler> error_handler_;  // Null: the default one.
  std::unique_ptr<context_table> contexts_;       // Made when first needed.
  observer* observer_ = nullptr;
  event_loop* owner_ = nullptr;
  loop_core* outer_;  // The newest loop of this thread before this one.
  std::thread::id thread_;
};

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_INTERNAL_LOOP_CORE_H_
