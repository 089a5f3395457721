#ifndef RATCHET_CALLBACK_HANDLE_H_
#define RATCHET_CALLBACK_HANDLE_H_

// Included by event_loop.h and future.h.

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "ratchet/internal/context.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/runnable.h"
#include "ratchet/internal/slab.h"

namespace ratchet {
namespace internal {

// The block behind a callback_handle. Two owners: the handles, and whatever
// will run the callback.
class callback_core : public runnable,
                      public slab_allocated<block_kind::plain> {
 public:
  explicit callback_core(loop_core& core) : core_(core) { core.add_state(); }

  void ref() { ++refs_; }
  void unref() {
    if (--refs_ == 0) delete this;
  }

  // Once, when it is complete: it will run in a copy of the current context
  // (rule S16).
  void capture_context() {
    if (ABSL_PREDICT_TRUE(!has_context())) return;
    has_context_ = true;
    core_.keep_context(this);
  }

  bool cancel() {
    core_.check_thread("callback_handle::cancel()");
    ref();  // The callable, which goes now, may own the last handle.
    const bool in_time = pending_ && !cancelled_ && withdraw();
    if (in_time) finish();
    cancelled_ = true;
    unref();
    return in_time;
  }
  bool cancelled() const { return cancelled_; }
  bool pending() const { return pending_; }

 protected:
  ~callback_core() override { core_.remove_state(); }

  // Makes sure that the callback does not run any more; false if it is too
  // late. May free the callable.
  virtual bool withdraw() = 0;

  loop_core& core() { return core_; }
  // The callback has run, or never will.
  void finish() {
    pending_ = false;
    if (ABSL_PREDICT_FALSE(has_context_)) drop_context();
  }
  // Its turn has come, in the context in which it was registered.
  void begin() {
    if (ABSL_PREDICT_FALSE(has_context_)) enter_context();
    finish();
  }
  // Begins, calls `f`, if it is still there, and reports what goes wrong.
  template <class F>
  void call(std::optional<F>& f, const char* who);

 private:
  void enter_context() {
    has_context_ = false;
    core_.enter_context(this);
  }
  void drop_context() {
    has_context_ = false;
    core_.drop_context(this);
  }

  loop_core& core_;
  uint32_t refs_ = 1;
  bool pending_ = true;
  bool cancelled_ = false;
  bool has_context_ = false;
};

template <class F>
void callback_core::call(std::optional<F>& f, const char* who) {
  begin();
  if (!f.has_value()) return;  // Withdrawn.
  // Moved out, so that the callable is gone when the callback has run, however
  // long a handle is kept.
  call_guarded(
      [&f]() -> decltype(auto) {
        F callable = std::move(*f);
        f.reset();
        return std::move(callable)();
      },
      [this, who](const absl::Status& status) {
        core_.report({error_report::cause::callback, status, who, ""});
      });
}

template <class F>
class soon_callback final : public callback_core {
 public:
  template <class G>
  soon_callback(loop_core& core, G&& f)
      : callback_core(core), f_(std::forward<G>(f)) {}

  void take_turn() override {
    call(f_, "call_soon()");
    unref();
  }
  void drop_turn() override {
    finish();
    f_.reset();
    unref();
  }

 private:
  // It stays in the queue, as an empty shell (rule S8).
  bool withdraw() override {
    f_.reset();
    return true;
  }

  std::optional<F> f_;
};

// A callback of call_soon() on which nobody has a handle.
template <class F>
class loose_callback final : public runnable,
                             public slab_allocated<block_kind::plain> {
 public:
  template <class G>
  loose_callback(std::in_place_t, loop_core& core, G&& f)
      : core_(core), f_(std::forward<G>(f)) {
    if (ABSL_PREDICT_FALSE(has_context())) {  // Rule S16.
      has_context_ = true;
      core.keep_context(this);
    }
  }

  void take_turn() override {
    loop_core& core = core_;
    if (ABSL_PREDICT_FALSE(has_context_)) core.enter_context(this);
    call_guarded(
        [this]() -> decltype(auto) {
          // The block first: what `f` schedules finds it in the cache.
          F f = take();
          return std::move(f)();
        },
        [&core](const absl::Status& status) {
          core.report({error_report::cause::callback, status, "post()", ""});
        });
  }
  void drop_turn() override {
    if (has_context_) core_.drop_context(this);
    delete this;
  }

 private:
  ~loose_callback() override = default;

  F take() {
    const struct last_use {
      loose_callback* it;
      ~last_use() { delete it; }
    } self{this};
    return std::move(f_);
  }

  loop_core& core_;
  bool has_context_ = false;
  F f_;
};

template <class F>
class timed_callback final : public callback_core {
 public:
  template <class G>
  timed_callback(loop_core& core, G&& f)
      : callback_core(core), f_(std::forward<G>(f)) {
    begin_as_timer();
  }

  void timer_due() override {
    call(f_, "call_later()");
    unref();
  }
  void timer_dropped() override {
    finish();
    f_.reset();
    unref();
  }

 private:
  void take_turn() override {}  // Never in the queue.
  void drop_turn() override {}
  bool withdraw() override {
    core().disarm(*this);
    timer_dropped();
    return true;
  }

  std::optional<F> f_;
};

}  // namespace internal

// callback_handle: a scheduled callback (asyncio's Handle). Copyable; dropping
// it changes nothing.
// Thread-safety: on the loop's thread only.
class callback_handle {
 public:
  callback_handle() = default;  // Stands for no callback.
  explicit callback_handle(internal::callback_core* core) : core_(core) {}
  callback_handle(const callback_handle& other) : core_(other.core_) {
    if (core_ != nullptr) core_->ref();
  }
  callback_handle(callback_handle&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)) {}
  callback_handle& operator=(callback_handle other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~callback_handle() {
    if (core_ != nullptr) core_->unref();
  }

  // True if the callback now never runs; false when it has run, is running, or
  // was cancelled before. Holds also for a timer that is due, and for a
  // callback of the batch that is running (rule S8).
  bool cancel() { return core_ != nullptr && core_->cancel(); }

  // Whether cancel() was called, in time or not.
  bool cancelled() const { return core_ != nullptr && core_->cancelled(); }

  // Whether the callback is still to run.
  bool pending() const { return core_ != nullptr && core_->pending(); }

  // OK, or why nothing was scheduled: kFailedPrecondition on a closed loop.
  [[nodiscard]] absl::Status status() const {
    return core_ != nullptr ? absl::OkStatus()
                            : internal::loop_core::closed_error();
  }

 private:
  internal::callback_core* core_ = nullptr;
};

namespace internal {

template <class F>
using callable_of = std::decay_t<F>;

template <class F>
constexpr void check_callback() {
  static_assert(std::is_invocable_v<callable_of<F>&&>,
                "a callback takes no parameters: void f() or absl::Status f()");
}

template <class F>
callback_handle schedule_soon(loop_core& core, F&& f) {
  check_callback<F>();
  if (core.closed()) return callback_handle();
  auto* const callback =
      new soon_callback<callable_of<F>>(core, std::forward<F>(f));
  callback->capture_context();
  callback->ref();
  core.push(*callback);
  return callback_handle(callback);
}

// The same without a handle; false on a closed loop.
template <class F>
bool schedule_loosely(loop_core& core, F&& f) {
  check_callback<F>();
  if (ABSL_PREDICT_FALSE(core.closed())) return false;
  core.push(*new loose_callback<callable_of<F>>(std::in_place, core,
                                                std::forward<F>(f)));
  return true;
}

template <class F>
callback_handle schedule_at(loop_core& core, int64_t deadline_ns, F&& f) {
  check_callback<F>();
  if (core.closed()) return callback_handle();
  auto* const callback =
      new timed_callback<callable_of<F>>(core, std::forward<F>(f));
  callback->capture_context();
  callback->ref();
  core.arm(*callback, deadline_ns);
  return callback_handle(callback);
}

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_CALLBACK_HANDLE_H_
