// Operations on the loop itself.

#include <string>

#include "ratchet/status.h"
#include "tests/conformance/driver.h"
#include "tests/conformance/sync_ops.h"

namespace ratchet::conformance {
namespace {

outcome stop(interpreter& in, context&, const operation&) {
  in.loop.stop();
  return outcome();
}

outcome run_nested(interpreter& in, context&, const operation& op) {
  return outcome::of(run_body(in, op.text("task")));
}

outcome close_inside(interpreter& in, context&, const operation&) {
  return close_loop(in);
}

}  // namespace

const sync_ops& loop_ops() {
  static const sync_ops& ops = *new sync_ops{
      {"stop", &stop},
      {"run_nested", &run_nested},
      {"close_inside", &close_inside},
  };
  return ops;
}

}  // namespace ratchet::conformance
