// then, or_else, then_result and finally: on which outcome they run, what
// their callbacks may return, and when.

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::IsCancelled;
using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::IsOkAndHolds;
using ::ratchet::test::loop_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::Status not_found() { return absl::NotFoundError("source"); }

// Each contract holds whether the source is settled before or after the
// continuation is attached: the parameter.
class ThenTest : public loop_test, public ::testing::WithParamInterface<bool> {
 protected:
  // The future that `attach` makes of one with that outcome, when it is done.
  template <class T, class Attach>
  auto outcome_of(absl::StatusOr<T> source, Attach attach) {
    promise<T> p;
    return run(
        p, attach,
        [&] {
          if (is_cancelled(source.status())) return;
          EXPECT_THAT(p.set_result(std::move(source)), IsOk());
        },
        is_cancelled(source.status()));
  }
  template <class Attach>
  auto outcome_of_void(absl::Status source, Attach attach) {
    promise<void> p;
    return run(
        p, attach,
        [&] {
          if (is_cancelled(source)) return;
          EXPECT_THAT(p.set_result(source), IsOk());
        },
        is_cancelled(source));
  }

 private:
  template <class T, class Attach, class Settle>
  auto run(promise<T>& p, Attach attach, Settle settle, bool cancelled) {
    const bool ready = GetParam();
    const size_t before = seen.size();
    future<T> source = p.get_future();
    if (ready) {
      settle();
      if (cancelled) source.cancel();
    }
    auto result = attach(std::move(source));
    EXPECT_EQ(seen.size(), before)
        << "a callback ran inside the attaching call";
    if (!ready) {
      settle();
      if (cancelled) result.cancel();  // Reaches the source.
    }
    EXPECT_EQ(seen.size(), before)
        << "a callback ran inside the completing call";
    EXPECT_FALSE(result.done());
    iterate();  // One hop after the completion: S33, S34.
    EXPECT_TRUE(result.done());
    return result;
  }
};

INSTANTIATE_TEST_SUITE_P(Sources, ThenTest, ::testing::Bool(),
                         [](const auto& test) {
                           return test.param ? "Ready" : "Pending";
                         });

// -- Which callback runs on what ----------------------------------------------

TEST_P(ThenTest, ThenRunsOnAValue) {
  auto f = outcome_of<int>(20, [this](future<int> s) {
    return std::move(s).then([this](int x) {
      mark(absl::StrCat("then ", x));
      return x + 1;
    });
  });
  EXPECT_THAT(taken(), ElementsAre("then 20"));
  EXPECT_THAT(f.result(), IsOkAndHolds(21));
}

TEST_P(ThenTest, ThenPassesAnErrorOn) {
  auto f = outcome_of<int>(not_found(), [this](future<int> s) {
    return std::move(s).then([this](int x) {
      mark("then");
      return std::to_string(x);  // Another type.
    });
  });
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_EQ(f.status(), not_found());
}

TEST_P(ThenTest, ThenPassesACancellationOn) {
  auto f = outcome_of<int>(cancelled_error(), [this](future<int> s) {
    return std::move(s).then([this](int) { mark("then"); });
  });
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_TRUE(f.cancelled());
  EXPECT_THAT(f.status(), IsCancelled());
}

TEST_P(ThenTest, OrElseRunsOnAnError) {
  auto f = outcome_of<int>(not_found(), [this](future<int> s) {
    return std::move(s).or_else([this](const absl::Status& error) {
      EXPECT_EQ(error, not_found());
      mark("or_else");
      return 7;
    });
  });
  EXPECT_THAT(taken(), ElementsAre("or_else"));
  EXPECT_THAT(f.result(), IsOkAndHolds(7));
}

TEST_P(ThenTest, OrElsePassesAValueOn) {
  auto f = outcome_of<std::unique_ptr<int>>(
      std::make_unique<int>(3), [this](future<std::unique_ptr<int>> s) {
        return std::move(s).or_else([this](const absl::Status&) {
          mark("or_else");
          return std::make_unique<int>(0);
        });
      });
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_EQ(*f.value(), 3);
}

TEST_P(ThenTest, OrElsePassesACancellationOn) {
  auto f = outcome_of<int>(cancelled_error(), [this](future<int> s) {
    return std::move(s).or_else([this](const absl::Status&) {
      mark("or_else");
      return 7;
    });
  });
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_TRUE(f.cancelled());
}

TEST_P(ThenTest, OrElseSeesAnOrdinaryCancelledError) {
  auto f = outcome_of<int>(absl::CancelledError("mine"), [](future<int> s) {
    return std::move(s).or_else([](const absl::Status&) { return 7; });
  });
  EXPECT_THAT(f.result(), IsOkAndHolds(7));
}

TEST_P(ThenTest, ThenResultRunsOnEverything) {
  const auto attach = [this](future<int> s) {
    return std::move(s).then_result([this](absl::StatusOr<int> r) {
      mark(r.ok() ? absl::StrCat("value ", *r)
                  : absl::StrCat("error ",
                                 absl::StatusCodeToString(r.status().code())));
      return 1;
    });
  };
  for (const absl::StatusOr<int>& source :
       {absl::StatusOr<int>(5), absl::StatusOr<int>(not_found()),
        absl::StatusOr<int>(cancelled_error())}) {
    // A pending source that is cancelled was cancelled through the result, but
    // the callback decides.
    EXPECT_THAT(outcome_of<int>(source, attach).result(), IsOkAndHolds(1));
  }
  EXPECT_THAT(taken(),
              ElementsAre("value 5", "error NOT_FOUND", "error CANCELLED"));
}

TEST_P(ThenTest, FinallyRunsOnEverythingAndPassesItOn) {
  const auto attach = [this](future<int> s) {
    return std::move(s).finally([this] { mark("finally"); });
  };
  EXPECT_THAT(outcome_of<int>(5, attach).result(), IsOkAndHolds(5));
  EXPECT_THAT(taken(), ElementsAre("finally"));
  EXPECT_EQ(outcome_of<int>(not_found(), attach).status(), not_found());
  EXPECT_THAT(taken(), ElementsAre("finally"));
  EXPECT_TRUE(outcome_of<int>(cancelled_error(), attach).cancelled());
  EXPECT_THAT(taken(), ElementsAre("finally"));
}

TEST_P(ThenTest, FinallyThatFailsReplacesTheOutcome) {
  const auto attach = [](future<int> s) {
    return std::move(s).finally([] { return absl::AbortedError("clean-up"); });
  };
  for (const absl::StatusOr<int>& source :
       {absl::StatusOr<int>(5), absl::StatusOr<int>(not_found())}) {
    EXPECT_EQ(outcome_of<int>(source, attach).status(),
              absl::AbortedError("clean-up"));
  }
  const auto fine = [](future<int> s) {
    return std::move(s).finally([] { return absl::OkStatus(); });
  };
  EXPECT_THAT(outcome_of<int>(5, fine).result(), IsOkAndHolds(5));
}

TEST_P(ThenTest, AllOfThemOnVoid) {
  const auto then = [](future<void> s) {
    return std::move(s).then([] { return 1; });
  };
  EXPECT_THAT(outcome_of_void(absl::OkStatus(), then).result(),
              IsOkAndHolds(1));
  EXPECT_EQ(outcome_of_void(not_found(), then).status(), not_found());
  const auto or_else = [this](future<void> s) {
    return std::move(s).or_else(
        [this](const absl::Status& e) { mark(std::string(e.message())); });
  };
  EXPECT_THAT(outcome_of_void(not_found(), or_else).status(), IsOk());
  EXPECT_THAT(taken(), ElementsAre("source"));
  const auto then_result = [](future<void> s) {
    return std::move(s).then_result([](absl::Status e) { return e.ok(); });
  };
  EXPECT_THAT(outcome_of_void(absl::OkStatus(), then_result).result(),
              IsOkAndHolds(true));
  EXPECT_THAT(outcome_of_void(not_found(), then_result).result(),
              IsOkAndHolds(false));
  const auto finally = [](future<void> s) {
    return std::move(s).finally([] {});
  };
  EXPECT_THAT(outcome_of_void(absl::OkStatus(), finally).status(), IsOk());
}

TEST_P(ThenTest, AllOfThemOnASharedFuture) {
  const auto shared = [](auto attach) {
    return [attach](future<std::string> s) {
      return attach(shared_future<std::string>(std::move(s)));
    };
  };
  using text = shared_future<std::string>;
  const auto then = shared([](text s) {
    return s.then([](const std::string& x) { return x + "!"; });
  });
  EXPECT_THAT(outcome_of<std::string>("a", then).result(), IsOkAndHolds("a!"));
  EXPECT_EQ(outcome_of<std::string>(not_found(), then).status(), not_found());
  const auto or_else = shared([](text s) {
    return s.or_else([](const absl::Status&) { return "b"; });
  });
  EXPECT_THAT(outcome_of<std::string>("a", or_else).result(),
              IsOkAndHolds("a"));
  EXPECT_THAT(outcome_of<std::string>(not_found(), or_else).result(),
              IsOkAndHolds("b"));
  const auto then_result = shared([](text s) {
    return s.then_result([](absl::StatusOr<std::string> r) { return r.ok(); });
  });
  EXPECT_THAT(outcome_of<std::string>("a", then_result).result(),
              IsOkAndHolds(true));
  const auto finally = shared([](text s) { return s.finally([] {}); });
  EXPECT_THAT(outcome_of<std::string>("a", finally).result(),
              IsOkAndHolds("a"));
}

TEST_P(ThenTest, ASharedValueIsCopiedNotMovedOut) {
  shared_future<std::string> s;
  const auto attach = [&](future<std::string> source) {
    s = std::move(source);
    return s.finally([] {});
  };
  EXPECT_THAT(outcome_of<std::string>("text", attach).result(),
              IsOkAndHolds("text"));
  EXPECT_EQ(s.value(), "text");
  future<std::string> t = s.then_result(
      [](absl::StatusOr<std::string> r) { return *std::move(r); });
  iterate();
  EXPECT_THAT(t.result(), IsOkAndHolds("text"));
  EXPECT_EQ(s.value(), "text");
}

// -- What a callback may return -----------------------------------------------

TEST_P(ThenTest, ReturnsAValueNothingAStatusOrAStatusOr) {
  const auto with = [this](auto f) {
    return outcome_of<int>(1, [&](future<int> s) {
      return std::move(s).then([f](int) { return f(); });
    });
  };
  const auto half = [] { return 1.5; };
  const auto nothing = [] {};
  static_assert(std::is_same_v<decltype(with(half)), future<double>>);
  static_assert(std::is_same_v<decltype(with(nothing)), future<void>>);
  EXPECT_THAT(with([] { return 1.5; }).result(), IsOkAndHolds(1.5));
  EXPECT_THAT(with([] {}).status(), IsOk());
  EXPECT_THAT(with([] { return absl::OkStatus(); }).status(), IsOk());
  EXPECT_EQ(with([] { return not_found(); }).status(), not_found());
  EXPECT_THAT(with([] { return absl::StatusOr<int>(3); }).result(),
              IsOkAndHolds(3));
  EXPECT_EQ(with([] { return absl::StatusOr<int>(not_found()); }).status(),
            not_found());
}

TEST_P(ThenTest, ReturningTheLibrarysCancelledCancels) {  // S51
  auto f = outcome_of<int>(1, [](future<int> s) {
    return std::move(s).then([](int) { return cancelled_error(); });
  });
  EXPECT_TRUE(f.cancelled());
  auto g = outcome_of<int>(1, [](future<int> s) {
    return std::move(s).then([](int) { return absl::CancelledError("mine"); });
  });
  EXPECT_FALSE(g.cancelled());
  EXPECT_EQ(g.status(), absl::CancelledError("mine"));
}

TEST_P(ThenTest, AReadyFutureIsFlattenedWithoutAHop) {  // S39
  auto f = outcome_of<int>(1, [](future<int> s) {
    return std::move(s).then([](int x) { return make_ready_future(x + 1); });
  });
  EXPECT_THAT(f.result(), IsOkAndHolds(2));
  auto g = outcome_of<int>(1, [](future<int> s) {
    return std::move(s).then(
        [](int) { return make_error_future<int>(not_found()); });
  });
  EXPECT_EQ(g.status(), not_found());
  auto h = outcome_of<int>(1, [](future<int> s) {
    return std::move(s).then(
        [](int) { return shared_future<int>(make_ready_future(4)); });
  });
  EXPECT_THAT(h.result(), IsOkAndHolds(4));
}

// -- The callback's life ------------------------------------------------------

TEST_P(ThenTest, TheCallbackIsDestroyedWhenItHasRun) {
  const auto alive = std::make_shared<int>(0);
  auto f = outcome_of<int>(1, [&](future<int> s) {
    return std::move(s).then([alive](int) { EXPECT_EQ(alive.use_count(), 2); });
  });
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_P(ThenTest, TheCallbackIsDestroyedWhenItsTurnPassesBy) {
  const auto alive = std::make_shared<int>(0);
  auto f = outcome_of<int>(not_found(), [&](future<int> s) {
    return std::move(s).then([alive](int) {});
  });
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_EQ(f.status(), not_found());
}

TEST_P(ThenTest, TheCallbackMayBeMoveOnlyAndIsCalledAsAnRvalue) {
  struct once {
    std::unique_ptr<int> n;
    int operator()(int x) && { return x + *n; }
  };
  auto f = outcome_of<int>(1, [](future<int> s) {
    return std::move(s).then(once{std::make_unique<int>(4)});
  });
  EXPECT_THAT(f.result(), IsOkAndHolds(5));
}

TEST_P(ThenTest, TheCallbackMayTakeTheValueInAnyWay) {
  const auto with = [this](auto f) {
    return outcome_of<std::string>(
               "x", [&](future<std::string> s) { return std::move(s).then(f); })
        .status();
  };
  EXPECT_THAT(with([](std::string) {}), IsOk());
  EXPECT_THAT(with([](std::string&&) {}), IsOk());
  EXPECT_THAT(with([](const std::string&) {}), IsOk());
  EXPECT_THAT(with([](std::string_view) {}), IsOk());
  EXPECT_THAT(with([](auto&&) {}), IsOk());
}

TEST_P(ThenTest, TheSourceMayBeDroppedAtOnce) {
  promise<int> p;
  (void)p.get_future().then([this](int x) { mark(absl::StrCat(x)); });
  ASSERT_THAT(p.set_value(3), IsOk());
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("3"));
}

// -- Exceptions ---------------------------------------------------------------

#ifdef ABSL_HAVE_EXCEPTIONS
TEST_P(ThenTest, AnExceptionBecomesUnknownWithItsTypeAndText) {
  const auto thrown =
      IsKind(error_kind::thrown, "std::runtime_error: from the callback");
  const auto raise = [] { throw std::runtime_error("from the callback"); };
  EXPECT_THAT(outcome_of<int>(1,
                              [&](future<int> s) {
                                return std::move(s).then([&](int) { raise(); });
                              })
                  .status(),
              thrown);
  EXPECT_THAT(
      outcome_of<int>(not_found(),
                      [&](future<int> s) {
                        return std::move(s).or_else([&](const absl::Status&) {
                          raise();
                          return 1;
                        });
                      })
          .status(),
      thrown);
  EXPECT_THAT(outcome_of<int>(1,
                              [&](future<int> s) {
                                return std::move(s).then_result(
                                    [&](absl::StatusOr<int>) { raise(); });
                              })
                  .status(),
              thrown);
  EXPECT_THAT(outcome_of<int>(1,
                              [&](future<int> s) {
                                return std::move(s).finally([&] { raise(); });
                              })
                  .status(),
              thrown);
  loop.call_soon(marks("the loop goes on"));
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("the loop goes on"));
}

// Throws when it is moved, or copied, once too often.
class throws_when_moved {
 public:
  explicit throws_when_moved(int moves) : moves_(moves) {}
  throws_when_moved(const throws_when_moved& other) : moves_(other.moves_) {
    if (moves_-- == 0) throw std::runtime_error("moved");
  }

 private:
  int moves_;
};

TEST_P(ThenTest, AValueThatThrowsOnItsWayNeverCrossesTheLoop) {
  int failed = 0, fine = 0;
  for (int moves = 0; moves < 12; ++moves) {
    promise<throws_when_moved> p;
    future<throws_when_moved> f = p.get_future();
    if (GetParam()) {
      ASSERT_THAT(p.set_value(moves), IsOk());
    }
    shared_future<throws_when_moved> s = std::move(f).finally([] {}).or_else(
        [](const absl::Status& e) -> absl::StatusOr<throws_when_moved> {
          return e;
        });
    future<throws_when_moved> g = s.finally([] {}).then(
        [](throws_when_moved t) { return make_ready_future(t); });
    if (!GetParam()) {
      ASSERT_THAT(p.set_value(moves), IsOk());
    }
    run_until_idle();
    ASSERT_TRUE(g.done());
    if (g.status().ok()) {
      ++fine;
    } else {
      EXPECT_THAT(g.status(), IsKind(error_kind::thrown, HasSubstr("moved")));
      ++failed;
    }
  }
  EXPECT_GT(failed, 2);
  EXPECT_GT(fine, 0);
}
#endif

}  // namespace
}  // namespace ratchet
