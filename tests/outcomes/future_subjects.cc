// Futures, and what is attached to them.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
#include "ratchet/timeout.h"
#include "tests/outcomes/subject.h"

namespace ratchet::outcomes {
namespace {

using futures = std::vector<source>;

// A future<int>, which nobody can get hold of but the task that awaits it.
subject unique_future() {
  auto p = std::make_shared<std::optional<promise<int>>>(std::in_place);
  auto f = std::make_shared<future<int>>((*p)->get_future());
  subject made = awaits([f] { return std::move(*f); }, kIntWords);
  made.only_once = true;
  made.give = [p] { (*p)->set_value(1).IgnoreError(); };
  made.fail = [p] { (*p)->set_error(absl::AbortedError("x")).IgnoreError(); };
  made.destroy_source = [p] { p->reset(); };
  made.fate = [p]() -> std::string {
    if ((*p)->cancelled()) return "source cancelled";
    return (*p)->set_value(1).ok() ? "source goes on" : "source is told";
  };
  return made;
}

// What sleeps for two hours.
template <class Make>
subject sleeping(stage& on, Make make) {
  subject made = awaits(make, kVoidWords);
  made.give = [&on] { on.pass(absl::Hours(3)); };
  made.fate = [&on]() -> std::string {
    if (on.loop().is_closed()) return "";
    return on.run_until_idle() == absl::ZeroDuration() ? "timer gone"
                                                       : "timer stays";
  };
  return made;
}

subject runs_until_complete(stage& on) {
  auto sources = std::make_shared<int_sources>(1);
  subject made;
  made.run = [sources, &on](bool within_time_out) {
    source f = sources->futures()[0];
    return word_of(within_time_out ? on.loop().run_until_complete(
                                         with_timeout(f, absl::Hours(1)))
                                   : on.loop().run_until_complete(f));
  };
  return with_sources(std::move(made), sources);
}

}  // namespace

std::vector<named_subject> future_subjects() {
  return {
      {"future", [](stage&) { return unique_future(); }},
      {"shared_future",
       [](stage&) {
         return over_sources(
             1, [](const futures& f) { return f[0]; }, kIntWords);
       }},
      {"sleep_for_future",
       [](stage& on) {
         return sleeping(on, [] { return sleep_for(absl::Hours(2)); });
       }},
      {"sleep_until_future",
       [](stage& on) {
         return sleeping(on, [at = on.loop().now() + absl::Hours(2)] {
           return sleep_until(at);
         });
       }},
      {"then",
       [](stage&) {
         return over_sources(
             1,
             [](const futures& f) { return f[0].then([](int) { return 3; }); },
             kIntWords);
       }},
      {"or_else",
       [](stage&) {
         return over_sources(
             1,
             [](const futures& f) {
               return f[0].or_else([](const absl::Status&) { return 3; });
             },
             kIntWords);
       }},
      {"then_result",
       [](stage&) {
         return over_sources(
             1,
             [](const futures& f) {
               return f[0].then_result(
                   [](const absl::StatusOr<int>&) { return 3; });
             },
             kIntWords);
       }},
      {"finally",
       [](stage&) {
         return over_sources(
             1, [](const futures& f) { return f[0].finally([] {}); },
             kIntWords);
       }},
      {"run_until_complete", [](stage& on) { return runs_until_complete(on); }},
  };
}

}  // namespace ratchet::outcomes
