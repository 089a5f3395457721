#ifndef RATCHET_REMOTE_H_
#define RATCHET_REMOTE_H_

// Included by event_loop.h.

#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "ratchet/callback_handle.h"
#include "ratchet/error_report.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/inbox.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/slab.h"

namespace ratchet {
namespace internal {

template <class F>
class posted_callback final : public posted,
                              public slab_allocated<block_kind::plain> {
 public:
  template <class G>
  posted_callback(std::in_place_t, G&& f) : f_(std::forward<G>(f)) {}
  void take_turn() override {
    loop_core& core = *loop_core::running_here();
    call_guarded(
        [this, &core]() -> decltype(auto) {
          F f = take(core);
          return std::move(f)();
        },
        [&core](const absl::Status& status) {
          core.report({error_report::cause::callback, status, "post()", ""});
        });
  }
  void drop_turn() override { delete this; }

 private:
  friend std::default_delete<posted_callback>;
  ~posted_callback() override = default;

  // Its block goes back to the thread that it came from.
  F take(loop_core& core) {
    const struct last_use {
      posted_callback* it;
      slab_returns& returns;
      ~last_use() {
        it->~posted_callback();
        returns.add(it, sizeof(posted_callback),
                    kSlabAlignment<posted_callback>);
      }
    } self{this, core.returns()};
    return std::move(f_);
  }

  F f_;
};

// On the loop's own thread the order is that of call_soon (rule S13).
template <class F>
absl::Status post_here(loop_core& core, F&& f) {
  if (ABSL_PREDICT_TRUE(schedule_loosely(core, std::forward<F>(f)))) {
    return absl::OkStatus();
  }
  return loop_core::closed_error();
}

// The loop may be gone when this returns, and `mailbox` with it.
template <class F>
absl::Status post(const std::shared_ptr<inbox>& mailbox, F&& f) {
  check_callback<F>();
  loop_core* const here = loop_core::of_mailbox(*mailbox);
  if (here != nullptr) return post_here(*here, std::forward<F>(f));
  auto p = std::make_unique<posted_callback<callable_of<F>>>(
      std::in_place, std::forward<F>(f));
  if (!inbox::push(mailbox, p.get())) return loop_core::closed_error();
  static_cast<void>(p.release());  // The mailbox's now.
  return absl::OkStatus();
}

}  // namespace internal

// remote: how other threads reach a loop. Copyable; may outlive the loop.
//
//   std::thread worker([remote = loop.make_remote()] {
//     int n = compute();
//     remote.post([n] { std::cout << n << '\n'; }).IgnoreError();
//   });
//
// While one exists, a loop that has nothing to do waits for it.
// Thread-safety: thread-safe.
class remote {
 public:
  explicit remote(std::shared_ptr<internal::inbox> mailbox)
      : mailbox_(std::move(mailbox)) {
    mailbox_->add_remote();
  }
  remote(const remote& other) : remote(other.mailbox_) {}
  remote(remote&& other) noexcept = default;  // Leaves `other` unusable.
  remote& operator=(remote other) noexcept {
    std::swap(mailbox_, other.mailbox_);
    return *this;
  }
  ~remote() {
    if (mailbox_ != nullptr) mailbox_->remove_remote();
  }

  // Runs `f`, which takes nothing and returns nothing or absl::Status, on the
  // loop's thread, after all that this thread posted before. Lock-free; the
  // kernel is called only to wake a loop that sleeps. Fails with
  // kFailedPrecondition (error_kind::closed) when the loop is closed or gone;
  // `f` is then destroyed in this thread.
  template <class F>
  absl::Status post(F&& f) const {
    return internal::post(mailbox_, std::forward<F>(f));
  }

  // For the library.
  const std::shared_ptr<internal::inbox>& mailbox() const { return mailbox_; }

 private:
  std::shared_ptr<internal::inbox> mailbox_;
};

}  // namespace ratchet

#endif  // RATCHET_REMOTE_H_
