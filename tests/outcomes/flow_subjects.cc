// What does the same again and again.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/interval.h"
#include "ratchet/map_concurrent.h"
#include "ratchet/retry.h"
#include "tests/outcomes/subject.h"

namespace ratchet::outcomes {
namespace {

using futures = std::vector<source>;

// Its first tick comes in two hours; the number of the tick is its value.
subject next_tick(stage& on) {
  interval_options options;
  options.immediately = false;
  auto ticks = std::make_shared<interval>(absl::Hours(2), options);
  subject made = awaits(
      [ticks] { return ticks->next(); },
      [](const absl::StatusOr<interval_tick>& tick) {
        if (!tick.ok()) return word_of(tick.status());
        return std::string(tick->number == 0 ? "value" : "value of another");
      });
  made.give = [&on] { on.pass(absl::Minutes(130)); };
  made.fate = [&on]() -> std::string {
    if (on.loop().is_closed()) return "";
    return on.run_until_idle() == absl::ZeroDuration() ? "timer gone"
                                                       : "timer stays";
  };
  return made;
}

subject mapping(stage&) {
  return over_sources(
      2,
      [](const futures& f) {
        return map_concurrent(std::vector<size_t>{0, 1}, 2,
                              [f](size_t i) { return f[i]; });
      },
      [](const absl::StatusOr<std::vector<int>>& values) -> std::string {
        if (!values.ok()) return word_of(values.status());
        return *values == std::vector<int>{1, 2} ? "value" : "other values";
      });
}

subject mapping_settled(stage&) {
  return over_sources(
      2,
      [](const futures& f) {
        return map_concurrent_settled(std::vector<size_t>{0, 1}, 2,
                                      [f](size_t i) { return f[i]; });
      },
      [](const absl::StatusOr<std::vector<absl::StatusOr<int>>>& outcomes) {
        if (!outcomes.ok()) return word_of(outcomes.status());
        return holding(outcomes->at(0));
      });
}

subject retrying(stage&) {
  return over_sources(
      1,
      [](const futures& f) {
        retry_options options;
        options.max_attempts = 1;
        return retry(options, [f] { return f[0]; });
      },
      kIntWords);
}

}  // namespace

std::vector<named_subject> flow_subjects() {
  return {
      {"interval_next", next_tick},
      {"map_concurrent", mapping},
      {"map_concurrent_settled", mapping_settled},
      {"retry", retrying},
  };
}

}  // namespace ratchet::outcomes
