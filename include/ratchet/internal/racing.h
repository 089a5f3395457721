#ifndef RATCHET_INTERNAL_RACING_H_
#define RATCHET_INTERNAL_RACING_H_

// Included by when_any.h: what its forms have in common, apart from the types.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ratchet/internal/future_state.h"
#include "ratchet/internal/runnable.h"

namespace ratchet::internal {

// racing: waits for the first child that counts, and then lets go of the rest.
class racing {
 public:
  enum class mode {
    first_done,  // However it ended.
    first_ok,    // With a value; the errors of all if there is none.
  };

  racing(mode how, size_t slots);
  racing(const racing&) = delete;
  racing& operator=(const racing&) = delete;

  // The children in argument order, then begin(). Their states stay alive
  // until the race is over.
  void add(future_state& child);
  void begin();

  cancel_answer answer_racing_cancel();
  future_state* next_runner(size_t& at);
  bool answer_racing_fork(const absl::Status& why);
  std::string describe_racing(const char* name) const;

 protected:
  ~racing() = default;

  virtual future_state& outer() = 0;
  virtual void win(size_t index) = 0;
  virtual void fail(absl::Status error) = 0;
  virtual void cancel_outer(const absl::Status& why) = 0;

 private:
  class runner final : public runnable {
   public:
    void take_turn() override;
    void drop_turn() override;

    racing* owner = nullptr;
    future_state* state = nullptr;  // nullptr once it is out of the race.
  };

  void finished(runner& r);
  void stop_waiting();
  void withdraw_all();

  const mode how_;
  bool over_ = false;  // It is being cancelled: nobody can win any more.
  size_t added_ = 0;
  std::unique_ptr<runner[]> runners_;
  std::vector<absl::Status> errors_;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_RACING_H_
