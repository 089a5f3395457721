// The variable and its context (rule S16): what sets it, and who sees it.

#include "ratchet/task_local.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/internal/context.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/task.h"
#include "tests/support/context_test.h"
#include "tests/support/machines.h"
#include "tests/support/status_matchers.h"

namespace ratchet {
namespace {

using ::ratchet::test::context_test;
using ::ratchet::test::depth;
using ::ratchet::test::IsKind;
using ::ratchet::test::IsOk;
using ::ratchet::test::name;
using ::ratchet::test::script;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TaskLocalTest : public context_test {};

// -- The variable (CPython: test_context.ContextTest) -------------------------

TEST_F(TaskLocalTest, WhatIsNotSetHasItsDefault) {
  EXPECT_EQ(name.get(), "nobody");
  EXPECT_EQ(depth.get(), 0);
  depth.set(3);
  EXPECT_EQ(depth.get(), 3);
  EXPECT_EQ(name.get(), "nobody");
}

TEST_F(TaskLocalTest, ATokenLeadsBackToWhatWasBefore) {
  auto first = name.set("one");
  auto second = name.set("two");
  EXPECT_EQ(name.get(), "two");
  EXPECT_THAT(name.reset(second), IsOk());
  EXPECT_EQ(name.get(), "one");
  EXPECT_THAT(name.reset(first), IsOk());
  EXPECT_EQ(name.get(), "nobody");
}

// test_context_getset_1, ..._3, with tokens used out of order.
TEST_F(TaskLocalTest, TokensMayBeUsedInAnyOrder) {
  auto first = name.set("one");
  auto second = name.set("two");
  EXPECT_THAT(name.reset(first), IsOk());
  EXPECT_EQ(name.get(), "nobody");
  EXPECT_THAT(name.reset(second), IsOk());
  EXPECT_EQ(name.get(), "one");
}

TEST_F(TaskLocalTest, ATokenIsUsedOnce) {  // test_context_getset_4.
  auto token = name.set("one");
  EXPECT_THAT(name.reset(token), IsOk());
  name.set("two");
  EXPECT_THAT(name.reset(token),
              IsKind(error_kind::invalid_state, HasSubstr("used before")));
  EXPECT_EQ(name.get(), "two");
}

TEST_F(TaskLocalTest, ATokenIsOfOneVariable) {  // test_context_getset_2.
  task_local<std::string> other{"x"};
  auto token = other.set("y");
  EXPECT_THAT(name.reset(token),
              IsKind(error_kind::invalid_state, HasSubstr("another variable")));
  EXPECT_EQ(other.get(), "y");
  EXPECT_THAT(other.reset(token), IsOk());  // It was not used.
  EXPECT_EQ(other.get(), "x");
}

TEST_F(TaskLocalTest, ATokenMoves) {
  auto token = name.set("one");
  auto moved = std::move(token);
  EXPECT_THAT(name.reset(token),  // NOLINT(bugprone-use-after-move)
              IsKind(error_kind::invalid_state, HasSubstr("moved from")));
  auto other = name.set("two");
  other = std::move(moved);
  EXPECT_THAT(name.reset(std::move(other)), IsOk());
  EXPECT_EQ(name.get(), "nobody");
}

TEST_F(TaskLocalTest, ATokenIsOfOneContext) {  // test_context_getset_5.
  auto token = name.set("outside");
  loop.call_soon([&] {
    EXPECT_EQ(name.get(), "outside");  // The same value, but a copy.
    EXPECT_THAT(name.reset(token),
                IsKind(error_kind::invalid_state, HasSubstr("another task")));
    auto own = name.set("inside");
    EXPECT_THAT(name.reset(own), IsOk());
    mark(name.get());
  });
  iterate();
  EXPECT_THAT(taken(), ElementsAre("outside"));
  EXPECT_THAT(name.reset(token), IsOk());
  EXPECT_EQ(name.get(), "nobody");
  // Nor does an empty context take the token of one that ended.
  auto last = std::make_unique<task_local<std::string>::token>(name.set("x"));
  internal::clear_context();
  EXPECT_THAT(name.reset(*last),
              IsKind(error_kind::invalid_state, HasSubstr("another task")));
}

TEST_F(TaskLocalTest, ATaskKeepsItsTokensFromStateToState) {
  std::vector<task_local<std::string>::token> tokens;
  future<void> f = create_task(script({
      [&](script& s, const absl::Status&) {
        tokens.push_back(name.set("task"));
        return s.sleep(absl::Seconds(1));
      },
      [&](script& s, const absl::Status&) {
        EXPECT_THAT(name.reset(tokens[0]), IsOk());
        tokens.push_back(name.set("again"));  // From a context without values.
        return s.pause();
      },
      [&](script& s, const absl::Status&) {
        EXPECT_THAT(name.reset(tokens[1]), IsOk());
        mark(name.get());
        return s.end();
      },
  }));
  EXPECT_THAT(loop.run_until_complete(f), IsOk());
  EXPECT_THAT(taken(), ElementsAre("nobody"));
}

TEST_F(TaskLocalTest, ANewVariableIsNotTheOneThatHadItsAddress) {
  alignas(task_local<int>) unsigned char place[sizeof(task_local<int>)];
  auto* const first = new (place) task_local<int>(1);
  first->set(10);
  first->~task_local<int>();
  auto* const second = new (place) task_local<int>(2);
  EXPECT_EQ(second->get(), 2);
  second->~task_local<int>();
}

TEST_F(TaskLocalTest, ValuesMayBeMoveOnlyAndBelongToTheLastContext) {
  const auto alive = std::make_shared<int>(7);
  task_local<std::unique_ptr<std::shared_ptr<int>>> owner;
  loop.call_soon([&] {
    owner.set(std::make_unique<std::shared_ptr<int>>(alive));
    loop.call_later(absl::Seconds(1), [&] { mark("seen"); });
  });
  iterate();
  EXPECT_EQ(alive.use_count(), 2);
  run_until_idle();
  EXPECT_THAT(taken(), ElementsAre("seen"));
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(TaskLocalTest, DestructorsOfValuesMaySetVariables) {
  struct sets {
    ~sets() { name.set("by a destructor"); }
  };
  task_local<std::shared_ptr<sets>> setter;
  setter.set(std::make_shared<sets>());
  setter.set(nullptr);
  EXPECT_EQ(name.get(), "by a destructor");
  loop.call_soon([&] { setter.set(std::make_shared<sets>()); });
  loop.call_soon([&] { mark(name.get()); });
  iterate();
  EXPECT_THAT(taken(), ElementsAre("by a destructor"));
}

TEST_F(TaskLocalTest, ManyVariables) {
  std::vector<std::unique_ptr<task_local<int>>> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(std::make_unique<task_local<int>>(-i));
  }
  for (size_t i = 0; i < 100; i += 3) many[99 - i]->set(static_cast<int>(i));
  loop.call_soon([&] {
    for (size_t i = 0; i < 100; ++i) {
      const int expected =
          (99 - i) % 3 == 0 ? 99 - static_cast<int>(i) : -static_cast<int>(i);
      EXPECT_EQ(many[i]->get(), expected) << i;
    }
    mark("done");
  });
  iterate();
  EXPECT_THAT(taken(), ElementsAre("done"));
}

// -- Tasks (CPython: test_tasks.BaseTaskTests.test_context_1, _2, _3)
// ------------

TEST_F(TaskLocalTest, ATaskGetsACopyWhenItIsCreated) {  // test_context_1.
  future<void> main = create_task(script({
      [&](script& s, const absl::Status&) {
        EXPECT_EQ(name.get(), "nobody");
        future<void> sub = create_task(script({
            [](script& t, const absl::Status&) {
              return t.sleep(absl::Milliseconds(10));
            },
            [&](script& t, const absl::Status&) {
              EXPECT_EQ(name.get(), "nobody");
              name.set("something else");
              return t.end();
            },
        }));
        name.set("yes");
        EXPECT_EQ(name.get(), "yes");
        return s.on(std::move(sub));
      },
      [&](script& s, const absl::Status&) {
        mark(name.get());
        return s.end();
      },
  }));
  EXPECT_THAT(loop.run_until_complete(main), IsOk());
  EXPECT_THAT(taken(), ElementsAre("yes"));
  EXPECT_EQ(name.get(), "nobody");
}

TEST_F(TaskLocalTest, DoneCallbacksDoNotTouchTheTask) {  // test_context_2.
  auto done = std::make_shared<promise<void>>();
  shared_future<void> f = done->get_future();
  future<void> main = create_task(script({
      [&](script& s, const absl::Status&) {
        f.add_done_callback([&] {
          EXPECT_EQ(name.get(), "nobody");
          name.set("something else");
          mark("callback");
        });
        name.set("yes");
        loop.call_soon([&] { done->set_value().IgnoreError(); });
        return s.on(f);
      },
      [&](script& s, const absl::Status&) {
        EXPECT_EQ(name.get(), "yes");
        name.set("more");
        return s.sleep(absl::Milliseconds(1));
      },
      [&](script& s, const absl::Status&) {
        mark(name.get());
        return s.end();
      },
  }));
  EXPECT_THAT(loop.run_until_complete(main), IsOk());
  EXPECT_THAT(taken(), ElementsAre("callback", "more"));
}

TEST_F(TaskLocalTest, AHundredTasksAtOnce) {  // test_context_3.
  std::vector<future<void>> all;
  int checks = 0;
  for (int start = 0; start < 100; ++start) {
    std::vector<script::state_function> states;
    for (int i = 0; i < 10; ++i) {
      states.emplace_back([&checks, start, i](script& s, const absl::Status&) {
        EXPECT_EQ(depth.get(), i == 0 ? 0 : start + i - 1);
        depth.set(start + i);
        ++checks;
        return s.sleep(absl::Milliseconds((start * 7 + i * 13) % 5));
      });
    }
    states.emplace_back([](script& s, const absl::Status&) { return s.end(); });
    all.push_back(create_task(script(std::move(states))));
  }
  run_until_idle();
  EXPECT_EQ(checks, 1000);
  EXPECT_EQ(depth.get(), 0);
}

TEST_F(TaskLocalTest, AMachineThatIsAwaitedInPlaceSharesTheContext) {
  future<void> main = create_task(script({
      [](script& s, const absl::Status&) {
        name.set("caller");
        return s.on(script({
            [](script& t, const absl::Status&) {
              EXPECT_EQ(name.get(), "caller");
              return t.pause();
            },
            [](script& t, const absl::Status&) {
              EXPECT_EQ(name.get(), "caller");
              name.set("callee");
              return t.end();
            },
        }));
      },
      [&](script& s, const absl::Status&) {
        mark(name.get());
        return s.end();
      },
  }));
  EXPECT_THAT(loop.run_until_complete(main), IsOk());
  EXPECT_THAT(taken(), ElementsAre("callee"));
}

TEST_F(TaskLocalTest, EagerTasksRunInTheirCopies) {  // S166.
  int n = 0;
  std::function<script(int)> nested = [&](int levels) {
    return script({
        [&, levels](script& s, const absl::Status&) {
          EXPECT_EQ(depth.get(), levels + 1);
          depth.set(levels);
          future<void> inner;
          if (levels > 0) {
            inner = loop.create_task(eager, nested(levels - 1));
          }
          EXPECT_EQ(depth.get(), levels);
          ++n;
          return s.pause();
        },
        [&, levels](script& s, const absl::Status&) {
          EXPECT_EQ(depth.get(), levels);
          ++n;
          return s.end();
        },
    });
  };
  loop.call_soon([&] {
    depth.set(5);
    (void)loop.create_task(eager, nested(4));
    EXPECT_EQ(n, 5);
    EXPECT_EQ(depth.get(), 5);
    // One that sets what its creator has not.
    (void)loop.create_task(eager, script({
                                      [](script& s, const absl::Status&) {
                                        name.set("eager");
                                        return s.end();
                                      },
                                  }));
    EXPECT_EQ(name.get(), "nobody");
  });
  // In an empty context, too.
  loop.call_soon([&] {
    (void)loop.create_task(eager, script({
                                      [](script& s, const absl::Status&) {
                                        name.set("eager");
                                        return s.pause();
                                      },
                                      [&](script& s, const absl::Status&) {
                                        mark(name.get());
                                        return s.end();
                                      },
                                  }));
    EXPECT_EQ(name.get(), "nobody");
    EXPECT_FALSE(internal::has_context());
  });
  iterate(3);
  EXPECT_EQ(n, 10);
  EXPECT_THAT(taken(), ElementsAre("eager"));
}

// -- Cost ---------------------------------------------------------------------

// Nothing has grown for it: the flag is in what was padding.
struct callback_core_without : internal::runnable {
  void* core;
  uint32_t refs;
  bool pending, cancelled;
};
static_assert(sizeof(internal::callback_core) == sizeof(callback_core_without));
static_assert(sizeof(internal::runnable) == 3 * sizeof(void*));

struct function {
  void* captured;
  void operator()() const {}
};
static_assert(sizeof(internal::soon_callback<function>) ==
              sizeof(callback_core_without) + sizeof(std::optional<function>));

struct continuation_without : internal::value_state<void>,
                              internal::runnable,
                              internal::waiting_side {
  function f;
  void* source;
};
static_assert(sizeof(internal::continuation<void, void, function,
                                            internal::then_call, false>) ==
              sizeof(continuation_without));

}  // namespace
}  // namespace ratchet
