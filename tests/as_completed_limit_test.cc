// as_completed with a limit on how many run at once, over a range that makes
// its elements on the fly.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/as_completed.h"
#include "ratchet/internal/slab.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/sleep.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using test::IsKind;
using test::IsOk;
using test::IsOkAndHolds;
using test::StatusIs;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// An input range without a size: each element exists only once the iterator is
// asked for it, and only for one pass.
template <class T>
class lazy {
 public:
  lazy(size_t count, std::function<T(size_t)> make)
      : count_(count), make_(std::move(make)) {}
  lazy(lazy&&) = default;
  lazy& operator=(lazy&&) = default;

  struct sentinel {};
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = T;

    explicit iterator(lazy* owner) : owner_(owner) {}
    T operator*() const { return owner_->make_(at_); }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    friend bool operator==(const iterator& i, sentinel) { return i.at_end(); }
    friend bool operator!=(const iterator& i, sentinel s) { return !(i == s); }

   private:
    bool at_end() const { return at_ == owner_->count_; }

    lazy* owner_;
    size_t at_ = 0;
  };

  iterator begin() { return iterator(this); }
  sentinel end() { return {}; }

 private:
  size_t count_;
  std::function<T(size_t)> make_;
};

class AsCompletedLimitTest : public test::loop_test {
 protected:
  // A machine that counts how many of its kind run, and runs for `length`.
  class counted final : public task<int> {
   public:
    counted(AsCompletedLimitTest* test, int number, absl::Duration length)
        : test_(test), number_(number), length_(length) {}
    step start() {
      ++test_->started_;
      test_->most_ = std::max(test_->most_, ++test_->running_);
      return sleep_for<&counted::end>(length_);
    }

   private:
    step end() {
      --test_->running_;
      return done(number_);
    }

    AsCompletedLimitTest* test_;
    int number_;
    absl::Duration length_;
  };

  // `count` machines; the i-th runs for lengths[i % size] seconds.
  lazy<counted> machines(size_t count, std::vector<int> lengths) {
    return lazy<counted>(count, [this, lengths](size_t i) {
      ++made_;
      return counted(this, static_cast<int>(i),
                     absl::Seconds(lengths[i % lengths.size()]));
    });
  }

  static as_completed_options limited(
      size_t limit, absl::Duration timeout = absl::InfiniteDuration()) {
    as_completed_options options;
    options.limit = limit;
    options.timeout = timeout;
    return options;
  }

  template <class F>
  auto take(completions<F>& stream) {
    return loop.run_until_complete(stream.next());
  }

  int made_ = 0;
  int started_ = 0;
  int running_ = 0;
  int most_ = 0;
};

TEST_F(AsCompletedLimitTest, NeverRunsMoreAtOnce) {
  for (const size_t limit : {1u, 2u, 3u, 7u, 100u}) {
    SCOPED_TRACE(limit);
    made_ = started_ = most_ = 0;
    auto stream = as_completed(machines(20, {3, 1, 2, 5}), limited(limit));
    std::vector<bool> seen_index(20);
    for (int taken = 0; taken < 20; ++taken) {
      EXPECT_FALSE(stream.empty());
      const auto c = take(stream);
      ASSERT_THAT(c, IsOk());
      EXPECT_THAT(c->result, IsOkAndHolds(static_cast<int>(c->index)));
      EXPECT_FALSE(seen_index[c->index]);
      seen_index[c->index] = true;
      EXPECT_LE(static_cast<size_t>(running_), limit);
    }
    EXPECT_TRUE(stream.empty());
    EXPECT_EQ(made_, 20);
    EXPECT_EQ(started_, 20);
    EXPECT_EQ(most_, std::min<int>(20, static_cast<int>(limit)));
  }
}

TEST_F(AsCompletedLimitTest, OneAtATimeGoesInOrder) {
  auto stream = as_completed(machines(4, {4, 3, 2, 1}), limited(1));
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(take(stream)->index, i);
  EXPECT_EQ(elapsed(), absl::Seconds(10));
}

TEST_F(AsCompletedLimitTest, MakesAnElementWhenItIsStarted) {
  auto stream = as_completed(machines(5, {1}), limited(2));
  EXPECT_EQ(made_, 2);
  EXPECT_EQ(started_, 0);
  EXPECT_EQ(stream.size(), 2u);
  iterate();
  EXPECT_EQ(started_, 2);
  iterate(10);
  EXPECT_EQ(made_, 2);  // None has completed.
  EXPECT_THAT(loop.run_until_complete(sleep_for(absl::Seconds(1))), IsOk());
  iterate(2);
  EXPECT_EQ(made_, 4);  // Nobody has to take one for the next to start.
  EXPECT_EQ(stream.size(), 4u);
  run_until_idle();
  EXPECT_EQ(made_, 5);
}

TEST_F(AsCompletedLimitTest, TheNextStartsInTheCallbackOfTheLast) {
  std::vector<promise<int>> promises(3);
  auto stream =
      as_completed(lazy<future<int>>(3,
                                     [&](size_t i) {
                                       mark_iteration(absl::StrCat(i));
                                       return promises[i].get_future();
                                     }),
                   limited(1));
  count_from_here();
  EXPECT_THAT(promises[0].set_value(0), IsOk());
  iterate(3);
  EXPECT_THAT(taken(), ElementsAre("0@0", "1@1"));
}

TEST_F(AsCompletedLimitTest, OfNothingIsEmptyAtOnce) {
  auto stream = as_completed(machines(0, {1}), limited(3));
  EXPECT_TRUE(stream.empty());
  EXPECT_THAT(take(stream), StatusIs(absl::StatusCode::kOutOfRange, _));
}

TEST_F(AsCompletedLimitTest, TakesFuturesThatAreDone) {
  auto stream = as_completed(
      lazy<future<int>>(
          1000,
          [](size_t i) { return make_ready_future(static_cast<int>(i)); }),
      limited(3));
  for (size_t i = 0; i < 1000; ++i) ASSERT_EQ(take(stream)->index, i);
  EXPECT_TRUE(stream.empty());
}

TEST_F(AsCompletedLimitTest, TakesAVectorAndCopiesAnLvalue) {
  const std::vector<shared_future<int>> futures = {
      make_ready_future(1).share(), make_ready_future(2).share()};
  auto stream = as_completed(futures, limited(1));
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(1));
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(2));
  EXPECT_TRUE(stream.empty());
  EXPECT_TRUE(futures[0].valid());
}

TEST_F(AsCompletedLimitTest, KeepsNothingOfWhatWasTaken) {
  auto stream = as_completed(machines(2000, {2, 1}), limited(2));
  for (int i = 0; i < 10; ++i) ASSERT_THAT(take(stream), IsOk());
  const uint64_t live = internal::slab_stats().live;
  for (int i = 0; i < 1900; ++i) ASSERT_THAT(take(stream), IsOk());
  EXPECT_LE(internal::slab_stats().live, live + 2);
  EXPECT_LE(stream.size(), 4u);
}

// -- Duplicates ---------------------------------------------------------------

TEST_F(AsCompletedLimitTest, ADuplicateTakesNoRoom) {
  promise<int> a;
  promise<int> b;
  const shared_future<int> first = a.get_future();
  const shared_future<int> second = b.get_future();
  auto stream = as_completed(
      std::vector<shared_future<int>>{first, first, first, second, first},
      limited(1));
  EXPECT_THAT(a.set_value(1), IsOk());
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(1));
  EXPECT_FALSE(stream.empty());
  EXPECT_THAT(b.set_value(2), IsOk());
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(2));
  iterate();
  EXPECT_TRUE(stream.empty());
}

TEST_F(AsCompletedLimitTest, OneWhoseAddressWasUsedBeforeIsNoDuplicate) {
  // A future that has been taken is gone, and its memory is free for the next.
  int sum = 0;
  auto stream =
      as_completed(lazy<shared_future<int>>(
                       100,
                       [](size_t i) {
                         return make_ready_future(static_cast<int>(i)).share();
                       }),
                   limited(1));
  while (!stream.empty()) {
    const auto c = take(stream);
    ASSERT_THAT(c, IsOk());
    sum += *c->result;
    iterate();
  }
  EXPECT_EQ(sum, 4950);
}

// -- Time-outs, leaving -------------------------------------------------------

TEST_F(AsCompletedLimitTest, ATimeoutEndsThoseThatRunAndStartsNoMore) {
  auto stream = as_completed(machines(9, {10}), limited(2, absl::Seconds(15)));
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(0));
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(1));
  EXPECT_THAT(take(stream), IsKind(error_kind::timeout, _));
  EXPECT_EQ(elapsed(), absl::Seconds(15));
  EXPECT_THAT(take(stream), IsKind(error_kind::timeout, _));
  EXPECT_TRUE(stream.empty());
  run_until_idle();
  EXPECT_EQ(made_, 4);
  EXPECT_EQ(running_, 0);
}

TEST_F(AsCompletedLimitTest, LeavingEarlyStartsNoMore) {
  {
    auto stream = as_completed(machines(9, {1, 2}), limited(2));
    EXPECT_EQ(take(stream)->index, 0u);
  }
  const int made = made_;
  run_until_idle();
  EXPECT_EQ(made_, made);
  EXPECT_EQ(running_, 0);  // What ran has gone on to its end.
}

TEST_F(AsCompletedLimitTest, TheRangeGoesWithTheStream) {
  auto watched = std::make_shared<int>(0);
  {
    auto stream = as_completed(
        lazy<future<void>>(
            9, [watched](size_t) { return sleep_for(absl::Seconds(1)); }),
        limited(2));
    EXPECT_GT(watched.use_count(), 1);
  }
  EXPECT_EQ(watched.use_count(), 1);
  run_until_idle();
}

TEST_F(AsCompletedLimitTest, TheRangeGoesWhenItIsAtItsEnd) {
  auto watched = std::make_shared<int>(0);
  auto stream = as_completed(
      lazy<future<int>>(1, [watched](size_t) { return make_ready_future(1); }),
      limited(2));
  EXPECT_EQ(watched.use_count(), 1);
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(1));
}

TEST_F(AsCompletedLimitTest, TheRangeMayDropTheStream) {
  std::optional<completions<future<void>>> stream;
  stream = as_completed(lazy<future<void>>(9,
                                           [&](size_t i) {
                                             if (i == 3) stream.reset();
                                             ++made_;
                                             return sleep_for(absl::Seconds(1));
                                           }),
                        limited(2));
  run_until_idle();
  EXPECT_FALSE(stream.has_value());
  EXPECT_EQ(made_, 4);
}

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_F(AsCompletedLimitTest, AnExceptionOfTheRangeIsTheErrorOfOneTurn) {
  auto stream = as_completed(
      lazy<future<int>>(9,
                        [](size_t i) {
                          if (i == 2) {
                            throw std::runtime_error("no more");
                          }
                          return make_ready_future(static_cast<int>(i));
                        }),
      limited(1));
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(0));
  EXPECT_THAT(take(stream)->result, IsOkAndHolds(1));
  EXPECT_THAT(take(stream),
              IsKind(error_kind::thrown, HasSubstr("runtime_error: no more")));
  EXPECT_TRUE(stream.empty());
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(AsCompletedLimitTest, AnExceptionAtTheCallIsTheCallers) {
  auto range = lazy<future<void>>(9, [this](size_t i) {
    if (i == 2) throw std::runtime_error("no more");
    ++made_;
    return sleep_for(absl::Seconds(1));
  });
  EXPECT_THROW((void)as_completed(std::move(range), limited(5)),
               std::runtime_error);
  run_until_idle();
  EXPECT_EQ(made_, 2);  // Nothing was started afterwards.
}
#endif  // ABSL_HAVE_EXCEPTIONS

}  // namespace
}  // namespace ratchet
