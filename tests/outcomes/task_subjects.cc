// Tasks, their transitions, and what is around them.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/future.h"
#include "ratchet/task.h"
#include "ratchet/task_group.h"
#include "ratchet/timeout.h"
#include "tests/outcomes/subject.h"
#include "tests/support/machines.h"

namespace ratchet::outcomes {
namespace {

using futures = std::vector<source>;
using test::script;

// Ends as its source does.
class follower final : public task<int> {
 public:
  explicit follower(source f) : f_(std::move(f)) {}
  step start() { return await<&follower::got>(std::move(f_)); }

 private:
  step got(int n) { return done(n); }

  source f_;
};

// Awaits its source inside a timeout_scope.
class scoped final : public task<int> {
 public:
  explicit scoped(source f) : f_(std::move(f)) {}
  step start() {
    absl::Status entered = scope_.enter();
    if (!entered.ok()) return fail(std::move(entered));
    return await<&scoped::got>(std::move(f_));
  }

 private:
  step got(absl::StatusOr<int> n) { return done(scope_.leave(std::move(n))); }

  source f_;
  timeout_scope scope_{absl::Hours(3)};
};

// Leaves a group that has a child for each of its sources.
class grouped final : public task<void> {
 public:
  explicit grouped(futures all) : all_(std::move(all)) {}
  step start() {
    absl::Status entered = group_.enter();
    if (!entered.ok()) return fail(std::move(entered));
    for (const source& f : all_) {
      children_.push_back(group_.create_task(follower(f)));
    }
    return await<&grouped::left>(group_.leave());
  }

 private:
  step left(absl::Status status) { return done(std::move(status)); }

  futures all_;
  std::vector<future<int>> children_;
  task_group group_;
};

// A task that awaits by a transition of its own.
subject transition(std::function<script::step(script&)> f) {
  subject made;
  made.await = [f](const seen& out) {
    return script({[f](script& me, const absl::Status&) { return f(me); },
                   [out](script& me, absl::Status status) {
                     *out = word_of(status);
                     return me.end(std::move(status));
                   }});
  };
  return made;
}

subject sleep_transition(stage& on, std::function<script::step(script&)> f) {
  subject made = transition(std::move(f));
  made.give = [&on] { on.pass(absl::Hours(3)); };
  made.fate = [&on]() -> std::string {
    if (on.loop().is_closed()) return "";
    return on.run_until_idle() == absl::ZeroDuration() ? "timer gone"
                                                       : "timer stays";
  };
  return made;
}

subject yield_transition() {
  subject made = transition([](script& me) { return me.pause(); });
  made.give = [] {};
  made.over_in_next_iteration = true;
  return made;
}

subject started_task() {
  auto sources = std::make_shared<int_sources>(1);
  auto f = std::make_shared<shared_future<int>>();
  return with_sources(awaits(
                          [sources, f] {
                            if (!f->valid()) {
                              *f = create_task(follower(sources->futures()[0]));
                            }
                            return *f;
                          },
                          kIntWords),
                      sources);
}

}  // namespace

std::vector<named_subject> task_subjects() {
  return {
      {"sleep_for",
       [](stage& on) {
         return sleep_transition(
             on, [](script& me) { return me.sleep(absl::Hours(2)); });
       }},
      {"sleep_until",
       [](stage& on) {
         return sleep_transition(
             on, [at = on.loop().now() + absl::Hours(2)](script& me) {
               return me.sleep_to(at);
             });
       }},
      {"yield", [](stage&) { return yield_transition(); }},
      {"machine",
       [](stage&) {
         return over_sources(
             1, [](const futures& f) { return follower(f[0]); }, kIntWords);
       }},
      {"create_task", [](stage&) { return started_task(); }},
      {"with_timeout",
       [](stage&) {
         return over_sources(
             1,
             [](const futures& f) {
               return with_timeout(f[0], absl::Hours(3));
             },
             kIntWords);
       }},
      {"timeout_scope",
       [](stage&) {
         return over_sources(
             1, [](const futures& f) { return scoped(f[0]); }, kIntWords);
       }},
      {"task_group_leave",
       [](stage&) {
         return over_sources(
             2, [](const futures& f) { return grouped(f); }, kVoidWords);
       }},
  };
}

}  // namespace ratchet::outcomes
