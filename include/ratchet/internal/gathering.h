#ifndef RATCHET_INTERNAL_GATHERING_H_
#define RATCHET_INTERNAL_GATHERING_H_

// Included by when_all.h: what all forms of it have in common, apart from the
// types.

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
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

  gathering(mode how, size_t slots);
  gathering(const gathering&) = delete;
  gathering& operator=(const gathering&) = delete;

  // The children in argument order, then begin(). One that comes again is one
  // child (rule S81), but is asked to be cancelled as often as it comes. Their
  // states stay alive as long as the gathering.
  void add(future_state& child);
  void add_again(future_state& child);
  void begin();

  cancel_answer answer_gathering_cancel();
  future_state* next_child(size_t& at);
  bool answer_gathering_fork(bool any_accepted, const absl::Status& why);
  std::string describe_gathering(const char* name) const;

 protected:
  ~gathering() = default;

  virtual future_state& outer() = 0;
  virtual void succeed() = 0;  // All children are done.
  virtual void fail(absl::Status error) = 0;
  // Keeps the reason of a request to cancel where the outcome will be.
  virtual void hold(absl::Status why) = 0;

 private:
  // A child that is waited for.
  class part final : public wait_node {
   public:
    void take_turn() override;
    void drop_turn() override;

    gathering* owner = nullptr;  // nullptr for one that comes again.
    future_state* state = nullptr;
  };

  void child_done(future_state& child);

  const mode how_;
  bool cancel_requested_ = false;
  size_t added_ = 0;
  size_t distinct_ = 0;
  size_t finished_ = 0;  // Of the distinct ones.
  std::unique_ptr<part[]> children_;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_GATHERING_H_
