#include "ratchet/internal/arrival.h"

namespace ratchet::internal {

bool courier_base::deliver() {
  // Out of this object, which the loop may take, run and destroy while push()
  // still wakes it.
  const std::shared_ptr<inbox> mailbox = std::move(mailbox_);
  bool taken;
  loop_core* const here = loop_core::of_mailbox(*mailbox);
  if (here != nullptr) {  // The order is that of call_soon (rule S13).
    taken = here->push(*this);
  } else {
    taken = mailbox->push(this);
    if (!taken) release();
  }
  // Not before: without a remote and without this, the loop would give up.
  mailbox->remove_remote();
  return taken;
}

}  // namespace ratchet::internal
