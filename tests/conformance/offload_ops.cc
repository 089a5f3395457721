// Calls that a worker thread runs.
//
// A thread cannot wait for a virtual clock, so a timer stands for it. What
// follows is the way of run_in(): the outcome is posted to the loop, the future
// completes there, and who awaits it goes on one hop later (S161); it can be
// cancelled at any time, and the outcome is dropped then (S162).

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/callback_handle.h"
#include "ratchet/promise.h"
#include "tests/conformance/sync_ops.h"

namespace ratchet::conformance {
namespace {

absl::StatusOr<datum> outcome_of(const operation& op) {
  if (op.has("msg")) return user_error(op.text("msg"));
  return datum::of(op.value_or_null("value"));
}

outcome offload(interpreter& in, context&, const operation& op) {
  auto producer = std::make_shared<promise<datum>>(in.loop);
  shared_future<datum> call = producer->get_future().share();
  const callback_handle finished =
      in.loop.call_later(op.milliseconds("ms"), [&in, &op, producer] {
        json fields = json::object();
        fields["of"] = op.text("as");
        in.trace.add("@worker", "finish", fields);
        return in.loop.post([&op, producer] {
          return producer->cancelled() ? absl::OkStatus()
                                       : producer->set_result(outcome_of(op));
        });
      });
  if (!finished.status().ok()) return outcome::of(finished.status());
  // asyncio looks here whether the call is to be taken out of the executor's
  // queue. It was not in it any more; but the iteration that this takes counts.
  call.add_done_callback([] {});
  in.offloaded.push_back(std::move(producer));
  in.handles.bind_future(op.text("as"), std::move(call));
  return outcome();
}

}  // namespace

const sync_ops& offload_ops() {
  static const sync_ops& ops = *new sync_ops{{"offload", &offload}};
  return ops;
}

}  // namespace ratchet::conformance
