#ifndef RATCHET_SYNC_HELD_H_
#define RATCHET_SYNC_HELD_H_

#include <string>
#include <utility>

#include "ratchet/internal/holders.h"
#include "ratchet/task.h"

namespace ratchet {

// held<Lock>: a mutex, a condition's lock or a unit of a semaphore that was
// acquired, and is released when this is destroyed (asyncio's `async with`).
//
//   step start() { return await<&me::locked>(mutex_.hold()); }
//   step locked(ratchet::held<ratchet::mutex> lock) {
//     lock_ = std::move(lock);       // A member: held over several states.
//     return await<&me::stored>(store(record_));
//   }
//   step stored() {
//     lock_.release();
//     ...
//   }
//
// Because it is a value, an acquisition that nobody takes over any more (its
// future is dropped, a time-out was faster) is not lost: it is released.
//
// Lifetime: move-only; a moved-from or default-made one holds nothing, and so
// does one whose lock has been destroyed. Members of a finished task live as
// long as the handles to its result: release() in the last state, or keep no
// handle.
// Thread-safety: on the loop's thread only.
template <class Lock>
class held {
 public:
  held() = default;
  // Takes over what the caller has acquired.
  explicit held(Lock& acquired)
      : lock_(&acquired), holder_(acquired.holders_) {}
  held(held&& other) noexcept = default;
  held& operator=(held&& other) noexcept {
    if (this != &other) {
      release();
      lock_ = other.lock_;
      holder_ = std::move(other.holder_);
    }
    return *this;
  }
  ~held() { release(); }

  bool holds() const { return holder_.holds(); }
  explicit operator bool() const { return holds(); }

  // Releases it now, if it holds something.
  void release() {
    if (!holds()) return;
    holder_.leave();
    // That somebody else has released it already is told to that one.
    static_cast<void>(lock_->release());
  }

 private:
  Lock* lock_ = nullptr;
  internal::holder holder_;
};

namespace internal {

// The machine of hold(): acquire(), and the result in a held<Lock>.
template <class Lock>
class hold_task final : public task<held<Lock>> {
 public:
  explicit hold_task(Lock& lock) : lock_(lock) {}

  step start() {
    return this->template await<&hold_task::acquired>(lock_.acquire());
  }
  std::string task_name() const override { return "hold"; }

 private:
  step acquired() { return this->done(held<Lock>(lock_)); }

  Lock& lock_;
};

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_SYNC_HELD_H_
