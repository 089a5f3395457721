#include "tests/outcomes/observe.h"

#include <poll.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "ratchet/error_report.h"
#include "ratchet/future.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"

namespace ratchet::outcomes {
namespace {

// A task that awaits the subject.
struct waiting_task {
  future<void> task;
  seen words = std::make_shared<std::string>();

  std::string outcome() const {
    if (!task.done()) return "pending";
    return task.status().ok() ? *words : word_of(task.status());
  }
};

waiting_task start(const subject& s) {
  waiting_task t;
  t.task = create_task(s.await(t.words));
  return t;
}

waiting_task start_with_time_out(const subject& s) {
  waiting_task t;
  t.task = create_task(with_timeout(s.await(t.words), absl::Hours(1)));
  return t;
}

std::string with_fate(std::string outcome, const std::string& fate) {
  return fate.empty() ? outcome : absl::StrCat(outcome, "; ", fate);
}

// "value; others go on" and "value after the rest" without the rest.
std::string value_of(const std::string& cell) {
  return cell.substr(0,
                     std::min(cell.find("; "), cell.find(" after the rest")));
}

// How many iterations after its task was started it waits.
int turns_of(const subject& s) { return s.over_in_next_iteration ? 1 : 4; }

// What makes the event happen to the source; empty for other events.
const std::function<void()>* of_source(const subject& s, event what) {
  switch (what) {
    case event::source_gives_value:
      return &s.give;
    case event::source_fails:
      return &s.fail;
    case event::source_is_cancelled:
      return &s.cancel_source;
    case event::source_is_destroyed:
      return &s.destroy_source;
    default:
      return nullptr;
  }
}

bool can_happen(const subject& s, event what) {
  if (const std::function<void()>* happens = of_source(s, what)) {
    return static_cast<bool>(*happens);
  }
  if (what == event::handle_is_dropped) return static_cast<bool>(s.hold);
  if (what == event::time_out_passes) return !s.over_in_next_iteration;
  return true;
}

std::string fate_of(const std::function<std::string()>& fate) {
  return fate ? fate() : "";
}

// Runs until what has happened has had its effect on the task.
void settle(stage& on, const subject& s, const waiting_task& t) {
  on.turn(10);
  if (!s.takes_real_time) return;
  for (int ms = 0; !t.task.done() && ms < 20'000; ++ms) {
    poll(nullptr, 0, 1);
    on.turn(20);
  }
}

std::string happens_to_source(stage& on, const subject& s, event what,
                              moment when) {
  const waiting_task t = start(s);
  if (when == moment::waiting) on.turn(turns_of(s));
  if (t.task.done()) return t.outcome() + ", before anything has happened";
  (*of_source(s, what))();
  settle(on, s, t);
  if (t.outcome() != "pending" || !s.give_rest) {
    return with_fate(t.outcome(), fate_of(s.fate_of_rest));
  }
  s.give_rest();
  on.turn(10);
  return absl::StrCat(t.outcome(), " after the rest");
}

std::string happens_to_task(stage& on, const subject& s, moment when) {
  waiting_task t = start(s);
  if (when == moment::waiting) on.turn(turns_of(s));
  EXPECT_TRUE(t.task.cancel());
  settle(on, s, t);
  return with_fate(t.outcome(), fate_of(s.fate));
}

std::string time_out_passes(stage& on, const subject& s) {
  const waiting_task t = start_with_time_out(s);
  on.turn(turns_of(s));
  on.pass(absl::Minutes(90));
  settle(on, s, t);
  return with_fate(t.outcome(), fate_of(s.fate));
}

std::string handle_is_dropped(stage& on, const subject& s) {
  std::shared_ptr<void> handle = s.hold();
  on.turn(turns_of(s));
  handle.reset();
  on.turn(10);
  return with_fate("dropped", fate_of(s.fate));
}

std::string loop_is_closed(stage& on, const subject& s, moment when) {
  const waiting_task t = start(s);
  if (when == moment::waiting) on.turn(turns_of(s));
  EXPECT_TRUE(on.loop().close().ok());
  const std::string closed = with_fate(t.outcome(), fate_of(s.fate));
  on.destroy_loop();
  EXPECT_EQ(t.outcome(), closed.substr(0, closed.find("; ")))
      << "when the loop is destroyed";
  return closed;
}

// What no task can await is run.
std::string observe_run(stage& on, const subject& s, event what) {
  switch (what) {
    case event::task_is_cancelled: {
      on.loop().call_later(absl::Minutes(1), [&] { on.loop().stop(); });
      std::string outcome = s.run(false);
      return with_fate(std::move(outcome), fate_of(s.fate));
    }
    case event::time_out_passes: {
      std::string outcome = s.run(true);
      return with_fate(std::move(outcome), fate_of(s.fate));
    }
    case event::loop_is_closed: {
      EXPECT_TRUE(on.loop().close().ok());
      std::string outcome = s.run(false);
      return with_fate(std::move(outcome), fate_of(s.fate));
    }
    default:
      on.loop().call_later(absl::Minutes(1), *of_source(s, what));
      return s.run(false);
  }
}

std::string observe_on(stage& on, const subject& s, event what, moment when) {
  if (s.run) return observe_run(on, s, what);
  if (of_source(s, what) != nullptr) {
    return happens_to_source(on, s, what, when);
  }
  switch (what) {
    case event::task_is_cancelled:
      return happens_to_task(on, s, when);
    case event::time_out_passes:
      return time_out_passes(on, s);
    case event::handle_is_dropped:
      return handle_is_dropped(on, s);
    default:
      return loop_is_closed(on, s, when);
  }
}

// Whether the same can be awaited after a cancel, and gives what it would have
// given without: `uncancelled`.
bool loses_nothing(const named_subject& which, const std::string& uncancelled) {
  stage on;
  const subject s = which.make(on);
  if (s.run) {
    // stop() is to the caller what cancelling is to a task.
    on.loop().call_soon([&] { on.loop().stop(); });
    EXPECT_EQ(s.run(false), "stopped");
    on.loop().call_soon(s.give);
    return s.run(false) == uncancelled;
  }
  waiting_task t = start(s);
  on.turn(turns_of(s));
  EXPECT_TRUE(t.task.cancel());
  settle(on, s, t);
  EXPECT_NE(t.outcome(), "pending");
  if (s.only_once) return s.fate() == "source goes on";
  return happens_to_source(on, s, event::source_gives_value, moment::waiting) ==
         uncancelled;
}

// Whether one who is cancelled and awaits again is served no later than another
// who has waited all the time, and gets what it would have got: `uncancelled`.
bool keeps_its_place(const named_subject& which,
                     const std::string& uncancelled) {
  stage on;
  const subject s = which.make(on);
  if (s.run || s.over_in_next_iteration) return true;
  waiting_task first = start(s);
  const waiting_task second = start(s);
  const auto overtaken = [&] {
    return second.task.done() && !first.task.done();
  };
  on.turn(turns_of(s));
  EXPECT_TRUE(first.task.cancel());
  on.turn(10);
  first = start(s);
  on.turn(turns_of(s));
  bool keeps = !overtaken();
  s.give();
  on.turn(10);
  if (!first.task.done()) {
    keeps = keeps && !overtaken();
    s.give_rest ? s.give_rest() : s.give();
    on.turn(10);
  }
  EXPECT_TRUE(first.task.status().ok()) << first.task.status();
  EXPECT_TRUE(second.task.status().ok()) << second.task.status();
  return keeps && first.outcome() == uncancelled;
}

}  // namespace

std::string observe(const named_subject& which, event what, moment when) {
  stage on;
  std::string observed;
  {
    const subject s = which.make(on);
    if (!can_happen(s, what)) return std::string(kCannotHappen);
    const auto& late = s.only_while_waiting;
    if (std::find(late.begin(), late.end(), what) != late.end()) {
      when = moment::waiting;
    }
    observed = observe_on(on, s, what, when);
  }
  for (const error_report& report : on.reports()) {
    EXPECT_EQ(name_of(what), name_of(event::loop_is_closed)) << report;
    EXPECT_EQ(report.cause, error_report::cause::task_destroyed) << report;
  }
  return observed;
}

std::string observe_cancelling(const named_subject& which) {
  const std::string uncancelled =
      observe(which, event::source_gives_value, moment::waiting);
  if (!loses_nothing(which, uncancelled)) return std::string(kLosesData);
  return std::string(keeps_its_place(which, value_of(uncancelled))
                         ? kCancelSafe
                         : kLosesItsPlace);
}

}  // namespace ratchet::outcomes
