// The states of a machine: what they may take, and how they end it.

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/promise.h"
#include "ratchet/task.h"
#include "tests/support/loop_test.h"
#include "tests/support/values.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TaskStateTest : public loop_test {};

absl::Status not_found() { return absl::NotFoundError("x"); }

// -- What a state may take ----------------------------------------------------

// Awaits each kind of source with each kind of state.
class takes final : public task<std::string> {
 public:
  using text = std::unique_ptr<std::string>;
  static text make(const char* s) { return std::make_unique<std::string>(s); }

  step start() { return await<&takes::by_value>(make_ready_future(make("a"))); }

 private:
  step by_value(text s) {
    all_ += *s;
    return await<&takes::by_rvalue>(make_ready_future(make("b")));
  }
  step by_rvalue(text&& s) {
    all_ += *s;
    return await<&takes::by_reference>(make_ready_future(make("c")));
  }
  step by_reference(const text& s) {
    all_ += *s;
    return await<&takes::by_outcome>(make_ready_future(make("d")));
  }
  step by_outcome(absl::StatusOr<text> s) {
    all_ += **s;
    return await<&takes::by_nothing>(make_ready_future(make("e")));
  }
  step by_nothing() {
    return await<&takes::shared>(
        shared_future<text>(make_ready_future(make("f"))));
  }
  step shared(const text& s) noexcept {
    all_ += *s;
    return await<&takes::converted>(make_ready_future(7));
  }
  step converted(double x) {
    all_ += absl::StrCat(x);
    return await<&takes::of_void>(make_ready_future());
  }
  step of_void() { return await<&takes::status>(make_ready_future()); }
  step status(absl::Status s) {
    all_ += s.ok() ? "g" : "?";
    return await<&takes::status_reference>(
        make_error_future<void>(not_found()));
  }
  step status_reference(const absl::Status& s) {
    all_ += s.ok() ? "?" : "h";
    return yield<&takes::after_yield>();
  }
  step after_yield(absl::Status s) {
    all_ += s.ok() ? "i" : "?";
    return done(all_);
  }
  std::string all_;
};

TEST_F(TaskStateTest, AStateTakesTheValueTheOutcomeOrNothing) {
  future<std::string> f = create_task(takes());
  run_until_idle();
  EXPECT_THAT(f.result(), IsOkAndHolds("abcdf7ghi"));
}

// -- How a machine ends -------------------------------------------------------

class result_of final : public task<std::string> {
 public:
  explicit result_of(int how) : how_(how) {}
  step start() {
    switch (how_) {
      case 0:
        return done("text");
      case 1:
        return done(3u, 'x');  // In place.
      case 2:
        return done(absl::StatusOr<std::string>("either"));
      case 3:
        return done(absl::StatusOr<std::string>(not_found()));
      case 4:
        return done(absl::StatusOr<std::string>(cancelled_error()));
      default:
        return fail(absl::CancelledError("mine"));
    }
  }

 private:
  int how_;
};

TEST_F(TaskStateTest, DoneTakesWhatMakesTheResultOrItsStatusOr) {
  future<std::string> f[6];
  for (int how = 0; how < 6; ++how) f[how] = create_task(result_of(how));
  run_until_idle();
  EXPECT_THAT(f[0].result(), IsOkAndHolds("text"));
  EXPECT_THAT(f[1].result(), IsOkAndHolds("xxx"));
  EXPECT_THAT(f[2].result(), IsOkAndHolds("either"));
  EXPECT_EQ(f[3].status(), not_found());
  EXPECT_TRUE(f[4].cancelled());
  EXPECT_FALSE(f[5].cancelled());  // An error like any other.
  EXPECT_EQ(f[5].status(), absl::CancelledError("mine"));
}

class void_result final : public task<void> {
 public:
  explicit void_result(absl::Status s) : s_(std::move(s)) {}
  step start() { return done(s_); }

 private:
  absl::Status s_;
};

TEST_F(TaskStateTest, OfVoidDoneTakesAStatus) {
  future<void> ok = create_task(void_result(absl::OkStatus()));
  future<void> error = create_task(void_result(not_found()));
  run_until_idle();
  EXPECT_THAT(ok.status(), IsOk());
  EXPECT_EQ(error.status(), not_found());
}

template <class T>
class makes final : public task<T> {
 public:
  using typename task<T>::step;
  step start() { return this->template await<&makes::finish>(inner()); }

 private:
  static future<T> inner() { return make_ready_future(T(5)); }
  step finish(T t) { return this->done(std::move(t)); }
};

TEST_F(TaskStateTest, ItsResultMayBeAnyMovableType) {
  const auto number_of = [this](auto machine) {
    auto f = create_task(std::move(machine));
    run_until_idle();
    return f.value().number();
  };
  EXPECT_EQ(number_of(makes<test::plain>()), 5);
  EXPECT_EQ(number_of(makes<test::move_only>()), 5);
  EXPECT_EQ(number_of(makes<test::over_aligned_64>()), 5);
  EXPECT_EQ(number_of(makes<test::over_aligned_256>()), 5);
  EXPECT_EQ(number_of(makes<test::large>()), 5);
  EXPECT_EQ(test::counted::alive, 0);
}

#ifdef ABSL_HAVE_EXCEPTIONS
// Throws in the middle of a transition, of each kind.
class throws_late final : public task<test::counted> {
 public:
  throws_late(shared_future<int> f, int when) : f_(std::move(f)), when_(when) {}
  step start() {
    const step never = transition();
    (void)never;
    throw std::runtime_error("late");
  }

 private:
  step transition() {
    switch (when_) {
      case 0:
        return await<&throws_late::next>(f_);
      case 1:
        return await<&throws_late::next>(void_result(absl::OkStatus()));
      case 2:
        return sleep_for<&throws_late::next>(absl::Seconds(1));
      case 3:
        return yield<&throws_late::next>();
      case 4:
        return done(1);
      default:
        return fail(not_found());
    }
  }
  step next() { return done(0); }
  shared_future<int> f_;
  int when_;
};

TEST_F(TaskStateTest, AnExceptionAfterTheTransitionIsWhatCounts) {
  promise<int> p;
  const shared_future<int> f = p.get_future();
  for (int when = 0; when < 6; ++when) {
    SCOPED_TRACE(when);
    future<test::counted> t = create_task(throws_late(f, when));
    run_until_idle();
    EXPECT_THAT(t.status(), IsKind(error_kind::thrown, HasSubstr("late")));
    EXPECT_EQ(test::counted::alive, 0);
  }
  EXPECT_EQ(elapsed(), absl::ZeroDuration());
  loop.call_soon(marks("the loop goes on"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("the loop goes on"));
}
#endif

}  // namespace
}  // namespace ratchet
