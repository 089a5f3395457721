// What makes one future, or a stream, of several.

#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/as_completed.h"
#include "ratchet/shield.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "ratchet/wait.h"
#include "ratchet/when_all.h"
#include "ratchet/when_any.h"
#include "tests/outcomes/subject.h"

namespace ratchet::outcomes {
namespace {

using futures = std::vector<source>;

template <class T>
auto or_status(std::string (*words)(const T&)) {
  return [words](const absl::StatusOr<T>& outcome) {
    return outcome.ok() ? words(*outcome) : word_of(outcome.status());
  };
}

std::string all_words(const std::vector<int>& values) {
  return values == std::vector<int>{1, 2} ? "value" : "other values";
}
std::string tuple_words(const std::tuple<int, int>& values) {
  return values == std::tuple(1, 2) ? "value" : "other values";
}
std::string settled_words(const std::vector<absl::StatusOr<int>>& outcomes) {
  return holding(outcomes.at(0));
}
std::string any_words(const any_result<source>& first) {
  return holding(first.result);
}
std::string any_ok_words(const any_ok_result<source>& first) {
  return word_of(absl::StatusOr<int>(first.value));
}
std::string wait_words(const wait_result<source>& result) {
  return holding(result.done.at(0).result());
}
std::string next_words(const completed<int>& one) {
  return holding(one.result);
}

subject waiting(wait_mode mode) {
  return over_sources(
      2, [mode](const futures& f) { return wait(f, mode); },
      or_status(wait_words));
}

subject next_of_stream() {
  auto sources = std::make_shared<int_sources>(2);
  auto stream =
      std::make_shared<completions<source>>(as_completed(sources->futures()));
  subject made =
      awaits([stream] { return stream->next(); }, or_status(next_words));
  return with_sources(std::move(made), sources);
}

// What f is called with for the first source.
class taking_each final : public task<std::string> {
 public:
  explicit taking_each(std::shared_ptr<completions<source>> stream)
      : stream_(std::move(stream)) {}
  step start() {
    return await<&taking_each::all>(
        stream_->for_each([this](const completed<int>& one) {
          if (one.index == 0) first_ = holding(one.result);
        }));
  }

 private:
  step all() { return done(first_); }

  std::shared_ptr<completions<source>> stream_;
  std::string first_ = "nothing";
};
std::string same_words(const std::string& words) { return words; }

subject each_of_stream() {
  auto sources = std::make_shared<int_sources>(2);
  auto stream =
      std::make_shared<completions<source>>(as_completed(sources->futures()));
  subject made =
      awaits([stream] { return taking_each(stream); }, or_status(same_words));
  return with_sources(std::move(made), sources);
}

}  // namespace

std::vector<named_subject> combinator_subjects() {
  return {
      {"when_all",
       [](stage&) {
         return over_sources(
             2, [](const futures& f) { return when_all(f); },
             or_status(all_words));
       }},
      {"when_all_of_arguments",
       [](stage&) {
         return over_sources(
             2, [](const futures& f) { return when_all(f[0], f[1]); },
             or_status(tuple_words));
       }},
      {"when_all_settled",
       [](stage&) {
         return over_sources(
             2, [](const futures& f) { return when_all_settled(f); },
             or_status(settled_words));
       }},
      {"when_any",
       [](stage&) {
         return over_sources(
             2, [](const futures& f) { return when_any(f); },
             or_status(any_words));
       }},
      {"when_any_ok",
       [](stage&) {
         return over_sources(
             2, [](const futures& f) { return when_any_ok(f); },
             or_status(any_ok_words));
       }},
      {"as_completed_next", [](stage&) { return next_of_stream(); }},
      {"as_completed_for_each", [](stage&) { return each_of_stream(); }},
      {"wait_all_completed",
       [](stage&) { return waiting(wait_mode::all_completed); }},
      {"wait_first_completed",
       [](stage&) { return waiting(wait_mode::first_completed); }},
      {"wait_first_error",
       [](stage&) { return waiting(wait_mode::first_error); }},
      {"shield",
       [](stage&) {
         return over_sources(
             1, [](const futures& f) { return shield(f[0]); }, kIntWords);
       }},
      {"shield_in_when_any_in_with_timeout",
       [](stage&) {
         return over_sources(
             1,
             [](const futures& f) {
               return with_timeout(when_any(shield(f[0])), absl::Hours(3));
             },
             or_status(any_words));
       }},
  };
}

}  // namespace ratchet::outcomes
