#include "tests/task_same_name_twin.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/task.h"

namespace ratchet {
namespace {

class callee final : public task<void> {
 public:
  step start() { return done(); }
};

class namesake final : public task<std::string> {
 public:
  step start() { return sleep_for<&namesake::slept>(absl::Seconds(1)); }

 private:
  step slept() {
    trace_ += "twin slept";
    return sleep_until<&namesake::slept_until>(event_loop::current().now());
  }
  step slept_until() {
    trace_ += ", slept until";
    return yield<&namesake::yielded>();
  }
  step yielded() {
    trace_ += ", yielded";
    return await<&namesake::got>(make_ready_future(3));
  }
  step got(int x) {
    trace_ += absl::StrCat(", got ", x);
    return await<&namesake::got_shared>(make_ready_future(4).share());
  }
  step got_shared(int x) {
    trace_ += absl::StrCat(", got ", x);
    return await<&namesake::called>(callee());
  }
  step called() { return done(trace_ + ", called"); }

  std::string trace_;
};

}  // namespace

future<std::string> test::start_twin() { return create_task(namesake()); }

}  // namespace ratchet
