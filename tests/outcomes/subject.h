#ifndef RATCHET_TESTS_OUTCOMES_SUBJECT_H_
#define RATCHET_TESTS_OUTCOMES_SUBJECT_H_

// A subject is one awaitable of the table, with the means to make happen to it
// what can happen: the counterpart of a row.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/clock.h"
#include "ratchet/error_report.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/task.h"
#include "tests/outcomes/table.h"
#include "tests/support/machines.h"

namespace ratchet::outcomes {

// A loop in virtual time.
class stage final {
 public:
  stage();

  event_loop& loop() { return *loop_; }
  void destroy_loop() { loop_.reset(); }
  // Runs `times` iterations, which let no time pass.
  void turn(int times);
  // Runs until `length` has passed.
  void pass(absl::Duration length);
  // Runs until nothing is left that could happen; how long that took.
  absl::Duration run_until_idle();

  const std::vector<error_report>& reports() const { return reports_; }

 private:
  std::vector<error_report> reports_;
  virtual_clock clock_;
  std::optional<event_loop> loop_;
};

// Where an await writes the words for the value that it got.
using seen = std::shared_ptr<std::string>;

// The word for an outcome, as the table has it.
std::string word_of(const absl::Status& status);
// Of the value of a source: 1 is that of the first one, 2 of another, and 3 is
// what a callback returns.
std::string word_of(const absl::StatusOr<int>& outcome);
// For a value in which an outcome stands.
std::string holding(const absl::StatusOr<int>& outcome);

struct subject {
  // A machine that awaits it, and writes what it got. Can be called again, to
  // await the same once more, unless `only_once`.
  std::function<test::script(seen)> await;
  bool only_once = false;
  // Makes it, and holds it without awaiting it. Empty: nobody holds it.
  std::function<std::shared_ptr<void>()> hold;
  // In place of `await`, for what no task can await: runs it, within a time-out
  // of an hour if told so.
  std::function<std::string(bool within_time_out)> run;

  // What happens to its source. Empty: it cannot. `give` can be called again
  // where waiters stand in a line.
  std::function<void()> give;
  std::function<void()> fail;
  std::function<void()> cancel_source;
  std::function<void()> destroy_source;
  // Gives the other sources a value. Empty: there are none.
  std::function<void()> give_rest;

  // What has become of all sources, and of the others. The first one may be
  // empty, if that cannot be told.
  std::function<std::string()> fate;
  std::function<std::string()> fate_of_rest;

  bool over_in_next_iteration = false;
  // What happens does so when the system has got round to it, not at once.
  bool takes_real_time = false;
  // What is not remembered when it happens before somebody waits, or may not
  // happen then.
  std::vector<event> only_while_waiting;
};

// -- Making them --------------------------------------------------------------

namespace internal {

// Awaits what `make` gives, and writes what `words` says of its outcome.
template <class Make, class Words>
class observing final : public task<void> {
  using A = std::invoke_result_t<Make&>;
  using T = typename ratchet::internal::unwrapped<A>::type;

 public:
  observing(Make make, Words words, seen out)
      : make_(std::move(make)),
        words_(std::move(words)),
        out_(std::move(out)) {}
  step start() { return this->template await<&observing::got>(make_()); }

 private:
  step got(ratchet::internal::outcome<T> outcome) {
    *out_ = words_(outcome);
    if constexpr (std::is_void_v<T>) {
      return this->done(std::move(outcome));
    } else {
      return this->done(outcome.status());
    }
  }

  Make make_;
  Words words_;
  seen out_;
};

}  // namespace internal

// A script that awaits what `make` gives.
template <class Make, class Words>
test::script awaiting(Make make, Words words, seen out) {
  return test::script(
      {[=](test::script& me, const absl::Status&) {
         return me.on(internal::observing<Make, Words>(make, words, out));
       },
       [](test::script& me, absl::Status status) {
         return me.end(std::move(status));
       }});
}

// A subject that awaits what `make` gives: a future, or a machine.
template <class Make, class Words>
subject awaits(Make make, Words words) {
  using A = std::invoke_result_t<Make&>;
  subject s;
  s.await = [=](seen out) { return awaiting(make, words, std::move(out)); };
  s.hold = [=]() -> std::shared_ptr<void> {
    if constexpr (ratchet::internal::is_machine<A>) {
      auto f = create_task(make());
      return std::make_shared<decltype(f)>(std::move(f));
    } else {
      return std::make_shared<A>(make());
    }
  };
  return s;
}

using source = shared_future<int>;

// Promises, and their futures. The first has 1 for a value, the others 2.
class int_sources final {
 public:
  explicit int_sources(size_t n);

  std::vector<source> futures() const { return futures_; }
  void give(size_t i);
  void fail(size_t i);
  void cancel(size_t i);
  void destroy(size_t i);
  // What has become of those from `begin` on. Gives them a value, if they can
  // take one.
  std::string fates(size_t begin);

 private:
  std::string fate(size_t i);

  std::vector<std::optional<promise<int>>> promises_;
  std::vector<source> futures_;
};

// Adds what happens to `sources` to a subject.
subject with_sources(subject s, std::shared_ptr<int_sources> sources);

// A subject that awaits what `make` makes of the futures of `n` sources.
template <class Make, class Words>
subject over_sources(size_t n, Make make, Words words) {
  auto sources = std::make_shared<int_sources>(n);
  return with_sources(
      awaits([sources, make] { return make(sources->futures()); }, words),
      sources);
}

// Of the outcome of an int.
inline constexpr auto kIntWords = [](const absl::StatusOr<int>& outcome) {
  return word_of(outcome);
};
// Of what has no value.
inline constexpr auto kVoidWords = [](const absl::Status& status) {
  return word_of(status);
};

// -- All of them --------------------------------------------------------------

struct named_subject {
  std::string name;  // That of the row.
  std::function<subject(stage&)> make;
};

std::vector<named_subject> future_subjects();
std::vector<named_subject> task_subjects();
std::vector<named_subject> combinator_subjects();
std::vector<named_subject> sync_subjects();
std::vector<named_subject> thread_subjects();
std::vector<named_subject> flow_subjects();
std::vector<named_subject> process_subjects();
std::vector<named_subject> net_subjects();
std::vector<named_subject> stream_subjects();
std::vector<named_subject> http_subjects();
std::vector<named_subject> all_subjects();

}  // namespace ratchet::outcomes

#endif  // RATCHET_TESTS_OUTCOMES_SUBJECT_H_
