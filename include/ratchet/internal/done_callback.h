#ifndef RATCHET_INTERNAL_DONE_CALLBACK_H_
#define RATCHET_INTERNAL_DONE_CALLBACK_H_

// Included by future.h: what add_done_callback attaches.

#include <optional>
#include <utility>

#include "ratchet/callback_handle.h"
#include "ratchet/internal/future_state.h"

namespace ratchet::internal {

// A callback registered with add_done_callback.
template <class F>
class done_callback final : public callback_core {
 public:
  template <class G>
  done_callback(future_state& source, G&& f)
      : callback_core(source.core()),
        source_(share(source)),
        f_(std::forward<G>(f)) {}

  void take_turn() override {
    begin();
    source_ = state_ref<future_state>();
    call(f_, "add_done_callback()");
    unref();
  }
  void drop_turn() override {
    finish();
    source_ = state_ref<future_state>();
    f_.reset();
    unref();
  }

 private:
  // Rule S35: after the completion it is too late, what is queued will run. On
  // a closed loop it may be among those that are being dropped.
  bool withdraw() override {
    if (source_->done() || source_->abandoned()) return false;
    source_->remove_waiter(*this);
    drop_turn();
    return true;
  }

  state_ref<future_state> source_;  // Until the callback has run.
  std::optional<F> f_;
};

template <class F>
callback_handle attach_done_callback(future_state& source, F&& f) {
  check_callback<F>();
  source.core().check_thread("add_done_callback()");
  auto* const callback =
      new done_callback<callable_of<F>>(source, std::forward<F>(f));
  callback->capture_context();
  callback->ref();
  callback_handle handle(callback);
  // A closed loop takes no callback of a settled future (rule S14).
  return source.add_waiter(*callback) ? handle : callback_handle();
}

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_DONE_CALLBACK_H_
