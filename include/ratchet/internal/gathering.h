#ifndef RATCHET_INTERNAL_GATHERING_H_
#define RATCHET_INTERNAL_GATHERING_H_

// Included by when_all.h: what all forms of it have in common, apart from the
// types.

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "ratchet/internal/children.h"
#include "ratchet/internal/future_state.h"
#include "ratchet/internal/runnable.h"

namespace ratchet::internal {

// gathering: counts its children in; "gather" of the algorithms in
// docs/asyncio.md.
class gathering {
 public:
  enum class mode {
    all_or_error,  // The first error is the outcome (rule S75).
    settled,       // Errors count like results (rule S76).
  };

  // `outer` is the future of them all, of which this is a part; `slots` is how
  // many there are.
  gathering(mode how, future_state& outer, size_t slots);
  gathering(const gathering&) = delete;
  gathering& operator=(const gathering&) = delete;

  // The children in argument order, then begin(), which must be called. One
  // that comes again is one child (rule S81), but is asked to be cancelled as
  // often as it comes. Their states stay alive as long as the gathering.
  void add(future_state& child) {
    part& p = parts_.emplace(this, child);
    if (child.done() && &child.core() == &outer_.core()) {
      ++done_at_start_;
    } else {
      wait_for_child(p, child, outer_.core(), "when_all()");
    }
  }
  void add_again(future_state& child) {
    parts_.emplace(nullptr, child);
    --distinct_;
    --unfinished_;
  }
  void begin();

  cancel_answer answer_gathering_cancel();
  future_state* next_child(size_t& at);
  bool answer_gathering_fork(bool any_accepted, const absl::Status& why);
  std::string describe_gathering(const char* name) const;

 protected:
  ~gathering() = default;

  virtual void succeed() = 0;  // All children are done.
  virtual void fail(absl::Status error) = 0;
  // Keeps the reason of a request to cancel where the outcome will be.
  virtual void hold(absl::Status why) = 0;

 private:
  // A child that is waited for.
  class part final : public runnable {
   public:
    part(gathering* owner, future_state& state)
        : owner_(owner), state_(&state) {}
    void take_turn() override;
    void drop_turn() override;

    gathering* owner() const { return owner_; }
    future_state& state() const { return *state_; }

   private:
    gathering* const owner_;  // nullptr for one that comes again.
    future_state* const state_;
  };

  void child_done(future_state& child);

  const mode how_;
  bool cancel_requested_ = false;
  future_state& outer_;
  size_t distinct_;
  size_t done_at_start_ = 0;
  // Of the distinct ones, and one more until begin(). As long as there are any,
  // they have a reference to the outer future.
  size_t unfinished_;
  child_array<part> parts_;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_GATHERING_H_
