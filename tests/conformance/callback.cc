#include "tests/conformance/callback.h"

#include "tests/conformance/interpreter.h"
#include "tests/conformance/sync_ops.h"

namespace ratchet::conformance {

absl::Status callback::run(const handle* of) {
  context ctx;
  ctx.name = name_;
  owner_.running_callback = name_;
  json fields = json::object();
  if (of != nullptr) fields["of"] = of->name;
  owner_.trace.add(ctx.name, "cb", fields);
  for (const operation& op : ops_) {
    if (op.name() == "raise") return run_raise(owner_, ctx, op);
    run_sync(owner_, ctx, op);
  }
  return absl::OkStatus();
}

void timer::cancel() {
  if (posted_cancelled_ != nullptr) {
    *posted_cancelled_ = true;
  } else {
    handle_.cancel();
  }
}

bool timer::cancelled() const {
  return posted_cancelled_ != nullptr ? *posted_cancelled_
                                      : handle_.cancelled();
}

}  // namespace ratchet::conformance
