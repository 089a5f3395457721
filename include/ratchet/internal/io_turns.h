#ifndef RATCHET_INTERNAL_IO_TURNS_H_
#define RATCHET_INTERNAL_IO_TURNS_H_

// Included by the sources of ratchet/io: how one task does not keep the others
// from running because there is always something to be read or accepted.

#include <cstdint>

#include "ratchet/internal/io_operation.h"
#include "ratchet/internal/loop_callback.h"
#include "ratchet/internal/loop_core.h"

namespace ratchet::internal {

// io_turns: counts what is done without waiting, for one operation at a time.
// An attempt asks take() before each system call; when it says no, the attempt
// gives nothing, and the operation is woken after what is ready now has run.
// Lifetime: part of what owns the operations.
class io_turns final : public loop_callback {
 public:
  static constexpr uint32_t kInOneIteration = 32;

  bool take(io_operation& operation) {
    loop_core& core = operation.core();
    if (core.iteration() != iteration_) {
      iteration_ = core.iteration();
      left_ = kInOneIteration;
    }
    if (left_ == 0) {
      operation_ = &operation;
      queue(core);
      return false;
    }
    --left_;
    return true;
  }

  void run() override { operation_->wake(); }

 private:
  io_operation* operation_ = nullptr;  // That is woken.
  uint64_t iteration_ = 0;
  uint32_t left_ = kInOneIteration;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_IO_TURNS_H_
