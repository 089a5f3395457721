#ifndef RATCHET_INTERNAL_ARRIVAL_H_
#define RATCHET_INTERNAL_ARRIVAL_H_

// Included by the headers of ratchet/thread: a future whose outcome comes from
// another thread.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "ratchet/clock.h"
#include "ratchet/future.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/inbox.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/slab.h"
#include "ratchet/internal/state.h"

namespace ratchet::internal {

// One block of memory holds two objects that end independently:
//
//   arriving<T>   the state of the future; all of it is the loop thread's
//   courier<T>    what another thread has, until it delivers; then the inbox's
//                 and the ready queue's
//
// So that handing work to another thread costs one block, and neither end has
// to wait for the other before it goes. The memory goes with the second one.
struct joint_memory {
  std::atomic<uint32_t> owners{2};
  uint32_t alignment = 0;
  size_t size = 0;
  void* block = nullptr;

  // One of the two has been destroyed.
  void leave() {
    if (owners.load(std::memory_order_acquire) == 1 ||
        owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      deallocate(block, size, alignment, block_kind::plain);
    }
  }
};

template <class T>
class arriving;

// What does not depend on the type.
class courier_base : public posted {
 public:
  // Keeps the loop of `core` waiting, as a remote does, until it has delivered.
  courier_base(loop_core& core, joint_memory& memory)
      : memory_(memory), mailbox_(core.mailbox()) {
    mailbox_->add_remote();
  }

  // Takes the outcome to the loop: from any thread, once; then it is not the
  // caller's any more. False when the loop is closed: the outcome is dropped.
  bool deliver();

  // The consumer has cancelled; on the loop's thread. True if the courier will
  // not deliver and has become the caller's.
  virtual bool call_back() = 0;

  virtual std::string describe() const = 0;

  // Its owner is done with it.
  virtual void release() { destroy(); }

  void drop_turn() final { release(); }

 protected:
  ~courier_base() override {
    if (mailbox_ != nullptr) mailbox_->remove_remote();
  }
  void destroy() {
    joint_memory& memory = memory_;
    this->~courier_base();
    memory.leave();
  }

 private:
  joint_memory& memory_;
  std::shared_ptr<inbox> mailbox_;  // Until it has delivered.
};

template <class T>
class courier : public courier_base {
 public:
  using courier_base::courier_base;

  void take_turn() final {
    arriving<T>* const state = std::exchange(state_, nullptr);
    if (state != nullptr) state->arrive(*std::move(outcome_));
    release();
  }

  void set_state(arriving<T>* state) { state_ = state; }

 protected:
  ~courier() override = default;

  std::optional<outcome<T>>
      outcome_;  // Written by whoever delivers, before it does.

 private:
  arriving<T>* state_ = nullptr;  // The loop's; null once nobody waits.
};

// The wheel tells it when the loop closes: it is a timer that is never due.
template <class T>
class arriving final : public value_state<T>, public loop_timer {
 public:
  arriving(loop_core& core, courier<T>& courier)
      : value_state<T>(core), courier_(&courier) {
    this->ref();  // Until the courier arrives, is called back, or cannot come.
    core.arm(*this, kNever);
  }

  // What ends here may be half of a block.
  static void operator delete(void* state);

  void arrive(outcome<T>&& result) {
    const state_ref<future_state> self(this);
    courier_ = nullptr;
    this->core().disarm(*this);
    // Not as a whole: Abseil ends the process if moving a StatusOr throws.
    const absl::Status thrown = call_guarded([&]() -> void {
      if constexpr (std::is_void_v<T>) {
        this->settle_outcome(std::move(result));
      } else if (result.ok()) {
        this->settle_value(*std::move(result));
      } else {
        this->settle_failed(std::move(result).status());
      }
    });
    if (!thrown.ok()) this->settle_error(thrown);
  }

  cancel_answer answer_cancel(const absl::Status& why) override {
    this->mark_retrieved();
    if (this->done()) return {cancel_answer::kind::refused};
    courier<T>* const courier = std::exchange(courier_, nullptr);
    this->settle_cancelled(why);
    // On a closed loop the courier may be gone, and timer_dropped() is to come.
    if (courier != nullptr && !this->core().closed()) {
      this->core().disarm(*this);
      courier->set_state(nullptr);
      if (courier->call_back()) courier->release();
      this->unref();
    }
    return {cancel_answer::kind::accepted};
  }

  std::string describe_state() const override {
    if (courier_ == nullptr || this->core().closed()) return "future";
    return courier_->describe();
  }

 private:
  ~arriving() override = default;

  void timer_due() override {}
  void timer_dropped() override {
    courier_ = nullptr;
    this->abandon();
    this->unref();
  }

  courier<T>* courier_;  // Not owned; valid while it is set and the loop open.
};

template <class T>
struct arriving_part {
  alignas(arriving<T>) unsigned char state[sizeof(arriving<T>)];
  joint_memory memory;
};
template <class T, class Courier>
struct arrival_block {
  arriving_part<T> front;
  alignas(Courier) unsigned char courier[sizeof(Courier)];
};

template <class T>
void arriving<T>::operator delete(void* state) {
  static_cast<arriving_part<T>*>(state)->memory.leave();
}

template <class T, class Courier>
struct arrival {
  Courier* courier;
  future<T> consumer;
};

// Both ends, in one block. REQUIRES: `core` is open.
template <class T, class Courier, class... Args>
arrival<T, Courier> make_arrival(loop_core& core, Args&&... args) {
  using block_type = arrival_block<T, Courier>;
  struct raw_block {
    void* memory =
        allocate(sizeof(block_type), alignof(block_type), block_kind::plain);
    ~raw_block() {
      if (memory == nullptr) return;  // Else the courier could not be made.
      deallocate(memory, sizeof(block_type), alignof(block_type),
                 block_kind::plain);
    }
  } raw;
  auto* const block = static_cast<block_type*>(raw.memory);
  auto* const memory = ::new (&block->front.memory) joint_memory();
  memory->alignment = alignof(block_type);
  memory->size = sizeof(block_type);
  memory->block = block;
  auto* const courier = ::new (static_cast<void*>(block->courier))
      Courier(core, *memory, std::forward<Args>(args)...);
  raw.memory = nullptr;
  auto* const state = ::new (static_cast<void*>(block->front.state))
      arriving<T>(core, *courier);
  courier->set_state(state);
  return {courier, future<T>(state_ref<internal::value_state<T>>(state))};
}

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_ARRIVAL_H_
