// One test for each cell of the table, one for each of its words about
// cancelling: Outcomes.when_all__source_fails, Outcomes.when_all__cancelling.

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/outcomes/observe.h"
#include "tests/outcomes/subject.h"
#include "tests/outcomes/table.h"

namespace ratchet::outcomes {
namespace {

class outcomes_test : public ::testing::Test {};

class cell_test final : public outcomes_test {
 public:
  cell_test(named_subject s, event what, std::string expected)
      : s_(std::move(s)), what_(what), expected_(std::move(expected)) {}

 private:
  void TestBody() override {
    const std::string seen = observe(s_, what_, moment::waiting);
    if (seen == kCannotHappen) {
      EXPECT_TRUE(absl::StartsWith(expected_, seen))
          << "the subject has no means to make it happen, but the table says: "
          << expected_;
      return;
    }
    EXPECT_EQ(seen, expected_);
    // What becomes of a source that nobody has asked yet is another matter, and
    // a task that is cancelled before it begins never does (rule S65).
    const std::string early =
        outcome_of(observe(s_, what_, moment::before_first_step));
    if (what_ == event::task_is_cancelled && early == "Cancelled") return;
    EXPECT_EQ(early, outcome_of(expected_)) << "before its first step";
  }

  static std::string outcome_of(const std::string& cell) {
    return cell.substr(0, cell.find("; "));
  }

  const named_subject s_;
  const event what_;
  const std::string expected_;
};

class cancelling_test final : public outcomes_test {
 public:
  cancelling_test(named_subject s, std::string expected)
      : s_(std::move(s)), expected_(std::move(expected)) {}

 private:
  void TestBody() override { EXPECT_EQ(observe_cancelling(s_), expected_); }

  const named_subject s_;
  const std::string expected_;
};

class failing_test final : public outcomes_test {
 public:
  explicit failing_test(std::string why) : why_(std::move(why)) {}

 private:
  void TestBody() override { FAIL() << why_; }

  const std::string why_;
};

template <class Make>
void add_test(const std::string& name, Make make) {
  ::testing::RegisterTest("Outcomes", name.c_str(), nullptr, nullptr, __FILE__,
                          __LINE__, make);
}

void add_failure(const std::string& name, const std::string& why) {
  add_test(name, [why]() -> outcomes_test* { return new failing_test(why); });
}

void add_row(const row& r, const named_subject& s) {
  for (size_t i = 0; i < kEvents; ++i) {
    const event what = static_cast<event>(i);
    const std::string name(name_of(what));
    add_test(absl::StrCat(r.name, "__", name),
             [s, what, cell = r.cell(what)]() -> outcomes_test* {
               return new cell_test(s, what, cell);
             });
  }
  add_test(absl::StrCat(r.name, "__cancelling"),
           [s, word = r.cancelling]() -> outcomes_test* {
             return new cancelling_test(s, word);
           });
}

bool add_tests() {
  const absl::StatusOr<std::vector<row>> rows = read_table();
  if (!rows.ok()) {
    add_failure("table", rows.status().ToString());
    return false;
  }
  std::map<std::string, named_subject> subjects;
  for (named_subject& s : all_subjects()) {
    const std::string name = s.name;
    if (!subjects.emplace(name, std::move(s)).second) {
      add_failure(name, "there are two subjects of this name");
    }
  }
  for (const row& r : *rows) {
    const auto s = subjects.find(r.name);
    if (s == subjects.end()) {
      add_failure(r.name, "outcomes.txt has a row, but there is no subject");
    } else {
      add_row(r, s->second);
      subjects.erase(s);
    }
  }
  for (const auto& [name, s] : subjects) {
    add_failure(name, "there is a subject, but outcomes.txt has no row");
  }
  return true;
}

const bool added = add_tests();

TEST(OutcomesTableTest, IsRead) { EXPECT_TRUE(added); }

}  // namespace
}  // namespace ratchet::outcomes
