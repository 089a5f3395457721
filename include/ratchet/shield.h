#ifndef RATCHET_SHIELD_H_
#define RATCHET_SHIELD_H_

#include <string>
#include <string_view>
#include <utility>

#include "ratchet/future.h"
#include "ratchet/internal/awaitables.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/state.h"

namespace ratchet {
namespace internal {

// The outer future of a shield; "shield" of the algorithms in docs/asyncio.md.
template <class F>
class shield_state final : public plain_state<typename F::value_type> {
 public:
  explicit shield_state(F inner)
      : plain_state<typename F::value_type>(inner.state("shield()").core()),
        inner_(std::move(inner)),
        on_inner_(*this),
        on_outer_(*this) {
    this->ref();  // on_inner_'s.
    inner_state().add_waiter(on_inner_);
    this->ref();  // on_outer_'s.
    this->add_waiter(on_outer_);
  }

  std::string describe_state() const override {
    return "shield of " + inner_.state("shield()").describe_state();
  }
  std::string_view kind_name() const override { return "shield"; }

 private:
  class part : public runnable {
   public:
    explicit part(shield_state& owner) : owner_(owner) {}
    void drop_turn() override {
      const state_ref<future_state> self(&owner_);
      owner_.abandon();
    }

   protected:
    ~part() override = default;
    shield_state& owner_;
  };

  class on_inner final : public part {
   public:
    using part::part;
    void take_turn() override {
      const state_ref<future_state> self(&this->owner_);
      this->owner_.copy_outcome();
    }
  };

  class on_outer final : public part {
   public:
    using part::part;
    void take_turn() override {
      const state_ref<future_state> self(&this->owner_);
      this->owner_.detach();
    }
  };

  future_state& inner_state() { return inner_.state("shield()"); }

  void copy_outcome() {
    future_state& inner = inner_state();
    // Rule S38: the shield has looked, also when it was cancelled before. A
    // cancelled inner future has no error to look at.
    inner.mark_retrieved();
    if (this->done()) return;
    if (inner.cancelled()) {
      this->settle_cancelled(inner.held_error());
    } else if (inner.failed()) {
      this->settle_error(inner.held_error());
    } else {
      // Copying a value, or moving it, can throw.
      const absl::Status copied =
          call_guarded([this] { this->settle_outcome(outcome_of(inner_)); });
      if (!copied.ok()) this->settle_error(copied);
    }
  }

  // The outer future is done. Rule S118: the link is cut.
  void detach() {
    if (inner_state().done()) return;
    inner_state().remove_waiter(on_inner_);
    this->unref();
  }

  F inner_;
  on_inner on_inner_;
  on_outer on_outer_;
};

template <class F>
F make_shield(F inner) {
  if (inner.state("shield()").done()) return inner;  // Rule S115.
  using T = typename F::value_type;
  return F(state_ref<value_state<T>>(new shield_state<F>(std::move(inner))));
}

}  // namespace internal

// shield: a future that can be cancelled without cancelling what is behind it.
//
//   return await<&m::saved>(with_timeout(shield(save()), absl::Seconds(1)));
//
// Takes a future, a shared future, or a task, which it starts. A future that is
// done comes back as it is (S115). Otherwise the new one copies the outcome one
// hop after the inner one (S116). Cancelling it cancels it at once, and the
// inner one goes on (S117), so that with a shared future it is *cancel-safe*;
// the outcome of one that was moved in can no longer be had. An error that the
// inner one ends with later is then reported like any other that nobody looks
// at (S118).
//
// Complexity: O(1), one block.
template <class A, std::enable_if_t<internal::is_awaitable<A>, int> = 0>
internal::future_of<A> shield(A&& awaitable) {
  internal::loop_core& core = internal::loop_core::current("shield()");
  core.check_thread("shield()");
  return internal::make_shield(
      internal::to_future(core, std::forward<A>(awaitable)));
}

}  // namespace ratchet

#endif  // RATCHET_SHIELD_H_
