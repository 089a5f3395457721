#include "ratchet/internal/io_operation.h"

#include <utility>

#include "ratchet/status.h"

namespace ratchet::internal {

io_operation* io_operations::claim() {
  io_operation* op = first_;
  while (op != nullptr && !op->free()) op = op->next_;
  if (op == nullptr) return nullptr;
  if (op == awaited_) awaited_ = nullptr;
  op->claim();
  return op;
}

io_operation* io_operations::add(io_operation* made) {
  made->among_ = this;
  made->next_ = std::exchange(first_, made);
  made->claim();
  return made;
}

void io_operations::start(io_operation& operation) {
  if (awaited_ != nullptr && !awaited_->free()) {
    operation.fail(
        make_error(error_kind::invalid_state, operation.already_awaited()));
  } else if (!operation.failed()) {
    awaited_ = &operation;
  }
}

void io_operations::fail(const absl::Status& why, const absl::Status& later) {
  for (io_operation* op = first_; op != nullptr; op = op->next_) {
    if (!op->free()) op->fail(op == awaited_ ? why : later);
  }
}

void io_operations::abandon() {
  for (io_operation* op = first_; op != nullptr; op = op->next_) {
    if (!op->free()) op->abandon();
  }
}

void io_operations::leave(const absl::Status& why) {
  awaited_ = nullptr;
  while (first_ != nullptr) {
    io_operation* const op = std::exchange(first_, first_->next_);
    op->among_ = nullptr;
    op->next_ = nullptr;
    if (!op->free() && !op->failed() && !op->abandoned()) op->fail(why);
    op->unref();
  }
}

}  // namespace ratchet::internal
