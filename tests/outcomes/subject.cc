#include "tests/outcomes/subject.h"

#include <iterator>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "ratchet/status.h"

namespace ratchet::outcomes {

stage::stage() {
  loop_.emplace(clock_);
  loop_->set_error_handler(
      [this](const error_report& report) { reports_.push_back(report); });
}

void stage::turn(int times) {
  for (int i = 0; i < times; ++i) {
    loop_->stop();
    const absl::Status status = loop_->run_forever();
    EXPECT_TRUE(status.ok()) << status;
  }
}

void stage::pass(absl::Duration length) {
  loop_->call_later(length, [this] { loop_->stop(); });
  const absl::Status status = loop_->run_forever();
  EXPECT_TRUE(status.ok()) << status;
}

absl::Duration stage::run_until_idle() {
  const absl::Time begin = loop_->now();
  const absl::Status status = loop_->run_forever();
  EXPECT_EQ(kind_of(status), error_kind::deadlock) << status;
  return loop_->now() - begin;
}

std::string word_of(const absl::Status& status) {
  if (status.ok()) return "value";
  switch (kind_of(status)) {
    case error_kind::cancelled:
      return "Cancelled";
    case error_kind::timeout:
      return "kDeadlineExceeded";
    case error_kind::broken_promise:
      return "broken promise";
    case error_kind::group:
      return "group error";
    case error_kind::none:
      return status.code() == absl::StatusCode::kAborted
                 ? "error"
                 : absl::StatusCodeToString(status.code());
    default:
      return std::string(to_string(kind_of(status)));
  }
}

std::string word_of(const absl::StatusOr<int>& outcome) {
  if (!outcome.ok()) return word_of(outcome.status());
  constexpr std::string_view kWords[] = {"", "value", "value of another",
                                         "value of f"};
  return std::string(kWords[*outcome]);
}

std::string holding(const absl::StatusOr<int>& outcome) {
  const std::string word = word_of(outcome);
  return outcome.ok() ? word : "value holding " + word;
}

int_sources::int_sources(size_t n) {
  for (size_t i = 0; i < n; ++i) {
    promises_.emplace_back(std::in_place);
    futures_.emplace_back(promises_.back()->get_future());
  }
}

void int_sources::give(size_t i) {
  const absl::Status status = promises_[i]->set_value(i == 0 ? 1 : 2);
  EXPECT_TRUE(status.ok()) << status;
}

void int_sources::fail(size_t i) {
  const absl::Status status = promises_[i]->set_error(absl::AbortedError("x"));
  EXPECT_TRUE(status.ok()) << status;
}

void int_sources::cancel(size_t i) { EXPECT_TRUE(futures_[i].cancel()); }

void int_sources::destroy(size_t i) { promises_[i].reset(); }

std::string int_sources::fate(size_t i) {
  if (promises_[i]->cancelled()) return "cancelled";
  const absl::Status status = promises_[i]->set_value(i == 0 ? 1 : 2);
  if (status.ok()) return "go on";
  return kind_of(status) == error_kind::closed ? "are told" : status.ToString();
}

std::string int_sources::fates(size_t begin) {
  std::string all;
  std::string last;
  for (size_t i = begin; i < promises_.size(); ++i) {
    const std::string one = fate(i);
    if (one != last) absl::StrAppend(&all, all.empty() ? "" : " and ", one);
    last = one;
  }
  if (begin > 0) return "others " + all;
  if (promises_.size() > 1) return "sources " + all;
  return "source " + absl::StrReplaceAll(
                         all, {{"go on", "goes on"}, {"are told", "is told"}});
}

subject with_sources(subject s, std::shared_ptr<int_sources> sources) {
  s.give = [sources] { sources->give(0); };
  s.fail = [sources] { sources->fail(0); };
  s.cancel_source = [sources] { sources->cancel(0); };
  s.destroy_source = [sources] { sources->destroy(0); };
  s.fate = [sources] { return sources->fates(0); };
  const size_t n = sources->futures().size();
  if (n > 1) {
    s.give_rest = [sources, n] {
      for (size_t i = 1; i < n; ++i) sources->give(i);
    };
    s.fate_of_rest = [sources] { return sources->fates(1); };
  }
  return s;
}

std::vector<named_subject> all_subjects() {
  std::vector<named_subject> all;
  for (std::vector<named_subject> some :
       {future_subjects(), task_subjects(), combinator_subjects(),
        sync_subjects(), thread_subjects(), flow_subjects(), process_subjects(),
        net_subjects(), stream_subjects(), http_subjects()}) {
    all.insert(all.end(), std::make_move_iterator(some.begin()),
               std::make_move_iterator(some.end()));
  }
  return all;
}

}  // namespace ratchet::outcomes
