#ifndef RATCHET_THREAD_CROSS_THREAD_PROMISE_H_
#define RATCHET_THREAD_CROSS_THREAD_PROMISE_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/internal/arrival.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/state.h"
#include "ratchet/promise.h"

namespace ratchet {
namespace internal {

// The end of a cross_thread_promise that other threads have.
template <class T>
class promise_courier final : public courier<T> {
 public:
  using courier<T>::courier;

  // True for the one that may deliver.
  bool claim() { return !claimed_.exchange(true, std::memory_order_acq_rel); }
  bool claimed() const { return claimed_.load(std::memory_order_acquire); }
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

  // REQUIRES: claim().
  bool send(outcome<T>&& result) {
    const absl::Status thrown = call_guarded([&]() -> void {
      if constexpr (std::is_void_v<T>) {
        this->outcome_.emplace(std::move(result));
      } else if (result.ok()) {
        this->outcome_.emplace(*std::move(result));
      } else {
        this->outcome_.emplace(std::move(result).status());
      }
    });
    if (!thrown.ok()) this->outcome_.emplace(thrown);
    return this->deliver();
  }

  // The consumer has cancelled: what comes all the same is dropped.
  bool call_back() override {
    cancelled_.store(true, std::memory_order_release);
    return false;
  }

  // Two owners: the promise, and whoever delivers and where that goes.
  void release() override {  // The second one.
    this->outcome_.reset();
    leave();
  }
  void leave() {  // The first.
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) this->destroy();
  }

  std::string describe() const override { return "cross_thread_promise"; }

 private:
  std::atomic<uint32_t> refs_{2};
  std::atomic<bool> claimed_{false};
  std::atomic<bool> cancelled_{false};
};

}  // namespace internal

// cross_thread_promise<T>: a promise that any thread can fulfil.
//
//   ratchet::cross_thread_promise<int> promise;   // In the loop's thread.
//   ratchet::future<int> answer = promise.get_future();
//   driver.on_answer([p = std::move(promise)](int n) mutable {
//     p.set_value(n).IgnoreError();               // In a thread of the driver.
//   });
//
// Made in the thread of its loop, to which the future belongs. What is set is
// posted there: the future is settled behind what is ready then, and who awaits
// it goes on one hop later, as with remote::post.
//
// Move-only. Until it is fulfilled or destroyed it keeps a loop that has
// nothing to do waiting. Destroyed unfulfilled, it fails its future with
// kAborted (error_kind::broken_promise). It may outlive its loop.
//
// Errors of set_value, set_error and set_result: kFailedPrecondition, and
// nothing changes, if it is fulfilled already, or the consumer has cancelled
// (error_kind::invalid_state); kFailedPrecondition if the loop is closed or
// gone (error_kind::closed): the value is destroyed in the calling thread. OK
// says that it is on its way: the consumer may still cancel before it arrives.
//
// Cancelling the future cancels it at once, and *loses data*: what is set later
// is dropped.
//
// Thread-safety: the set_ functions, done() and cancelled() are thread-safe: of
// several calls one wins. Making it and get_future() are for the loop's thread;
// moving and destroying it must not meet another use of it.
// Complexity: O(1); one block from the slab, with the future.
template <class T>
class cross_thread_promise {
 public:
  // Of the current loop, or of `loop`.
  cross_thread_promise()
      : cross_thread_promise(
            internal::loop_core::current("cross_thread_promise")) {}
  explicit cross_thread_promise(event_loop& loop)
      : cross_thread_promise(internal::core_of(loop)) {}
  cross_thread_promise(cross_thread_promise&& other) noexcept
      : courier_(std::exchange(other.courier_, nullptr)),
        future_(std::move(other.future_)),
        closed_(other.closed_) {}
  cross_thread_promise& operator=(cross_thread_promise&& other) noexcept {
    const cross_thread_promise old(std::move(*this));
    courier_ = std::exchange(other.courier_, nullptr);
    future_ = std::move(other.future_);
    closed_ = other.closed_;
    return *this;
  }
  ~cross_thread_promise() {
    RATCHET_CHECK(!future_.valid() ||
                      future_.state("get_future()").core().on_own_thread(),
                  "a cross_thread_promise ended in another thread with its "
                  "future inside: call get_future() in the loop's thread");
    if (courier_ == nullptr) return;
    if (courier_->claim()) courier_->send(internal::broken_promise());
    courier_->leave();
  }

  bool valid() const { return courier_ != nullptr || closed_; }

  // The consumer's end, on the loop's thread. REQUIRES: called once, before the
  // promise leaves that thread (fatal in debug builds).
  future<T> get_future() {
    RATCHET_CHECK(future_.valid(),
                  "cross_thread_promise::get_future() was called twice, or on "
                  "a moved-from promise: share() the future it gave");
    return std::move(future_);
  }

  // Fulfilled, by whatever call.
  bool done() const { return closed_ || courier("done()").claimed(); }

  // Whether the consumer has cancelled the future, so that the producer may
  // stop. False for a future that was only dropped.
  bool cancelled() const {
    return !closed_ && courier("cancelled()").cancelled();
  }

  template <class... Args>
  absl::Status set_value(Args&&... args) {
    if constexpr (std::is_void_v<T>) {
      static_assert(
          sizeof...(Args) == 0,
          "set_value() of a cross_thread_promise<void> takes nothing");
      return send("set_value()", absl::OkStatus());
    } else {
      return send("set_value()",
                  internal::outcome<T>(T(std::forward<Args>(args)...)));
    }
  }

  // REQUIRES: !error.ok() (fatal in debug builds).
  absl::Status set_error(absl::Status error) {
    RATCHET_CHECK(!error.ok(), "set_error() was given an OK status");
    return send("set_error()", std::move(error));
  }

  absl::Status set_result(internal::outcome<T> result) {
    return send("set_result()", std::move(result));
  }

 private:
  using courier_type = internal::promise_courier<T>;

  explicit cross_thread_promise(internal::loop_core& core) {
    core.check_thread("cross_thread_promise");
    if (core.closed()) {
      closed_ = true;
      future_ = future<T>(internal::state_ref<internal::value_state<T>>(
          new internal::promise_state<T>(core)));
      return;
    }
    auto made = internal::make_arrival<T, courier_type>(core);
    courier_ = made.courier;
    future_ = std::move(made.consumer);
  }

  courier_type& courier(std::string_view call) const {
    if (courier_ == nullptr) internal::use_of_empty_promise(call);
    return *courier_;
  }

  absl::Status send(std::string_view call, internal::outcome<T>&& result) {
    if (closed_) return internal::loop_core::closed_error();
    courier_type& c = courier(call);
    if (c.cancelled() || !c.claim())
      return internal::promise_already_done(call);
    return c.send(std::move(result)) ? absl::OkStatus()
                                     : internal::loop_core::closed_error();
  }

  courier_type* courier_ = nullptr;
  future<T> future_;     // Until it is taken.
  bool closed_ = false;  // Its loop was, when it was made.
};

}  // namespace ratchet

#endif  // RATCHET_THREAD_CROSS_THREAD_PROMISE_H_
