#ifndef RATCHET_TESTS_OUTCOMES_POOL_H_
#define RATCHET_TESTS_OUTCOMES_POOL_H_

// Subjects that await something of an object which one task at a time can use.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "ratchet/task.h"
#include "tests/outcomes/subject.h"
#include "tests/outcomes/table.h"
#include "tests/support/status_matchers.h"

namespace ratchet::outcomes {

// A loop that is busy looks at descriptors before every 16th iteration.
inline constexpr int kUntilItLooks = 20;

// Things that one task at a time can use, one for each.
template <class T>
class pool final {
 public:
  explicit pool(std::function<absl::StatusOr<T>()> make)
      : make_(std::move(make)) {
    give_back(made());
  }

  using item = std::shared_ptr<T>;

  item take() {
    if (free_.empty()) return made();
    item one = std::move(free_.back());
    free_.pop_back();
    return one;
  }
  void give_back(item one) {
    if (!destroyed_) free_.push_back(std::move(one));
  }
  void destroy() {
    destroyed_ = true;
    free_.clear();
    for (const item& one : all_) *one = T();
  }
  const std::vector<item>& all() const { return all_; }

 private:
  item made() {
    absl::StatusOr<T> one = make_();
    EXPECT_TRUE(one.ok()) << one.status();
    all_.push_back(std::make_shared<T>(*std::move(one)));
    return all_.back();
  }

  const std::function<absl::StatusOr<T>()> make_;
  std::vector<item> all_;
  std::vector<item> free_;
  bool destroyed_ = false;
};

// The words for an outcome of any type.
inline constexpr auto kStatusWords = [](const auto& outcome) {
  return word_of(test::status_of(outcome));
};

// Awaits what `begin` makes of an item.
template <class T, class Begin, class Words>
subject awaits_of(std::shared_ptr<pool<T>> items, Begin begin, Words words) {
  subject made;
  made.await = [items, begin, words](seen out) {
    auto used = std::make_shared<typename pool<T>::item>();
    return awaiting(
        [items, begin, used] {
          *used = items->take();
          return begin(**used);
        },
        [items, words, used](const auto& outcome) {
          items->give_back(*used);
          return words(outcome);
        },
        std::move(out));
  };
  made.hold = [items, begin]() -> std::shared_ptr<void> {
    auto f = create_task(begin(*items->take()));
    return std::make_shared<decltype(f)>(std::move(f));
  };
  made.destroy_source = [items] { items->destroy(); };
  // There would be nothing to begin with.
  made.only_while_waiting.push_back(event::source_is_destroyed);
  return made;
}

}  // namespace ratchet::outcomes

#endif  // RATCHET_TESTS_OUTCOMES_POOL_H_
