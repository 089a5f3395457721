// Random programs of variables, tasks and callbacks, compared with a model in
// which every context is a map that is copied.

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/internal/context.h"
#include "ratchet/promise.h"
#include "ratchet/task.h"
#include "ratchet/task_local.h"
#include "tests/support/loop_test.h"
#include "tests/support/machines.h"

namespace ratchet {
namespace {

using ::ratchet::test::loop_test;
using ::ratchet::test::script;

constexpr size_t kVariables = 6;

class program final {
 public:
  program(event_loop& loop, unsigned seed) : loop_(loop), random_(seed) {
    for (size_t i = 0; i < kVariables; ++i) {
      variables_.push_back(
          std::make_unique<task_local<int>>(-static_cast<int>(i) - 1));
    }
  }

  // What the values are in one context, and the tokens that were made in it.
  struct model {
    struct token {
      size_t variable;
      std::optional<int> old;
      task_local<int>::token real;
    };
    std::map<size_t, int> values;
    std::vector<token> tokens;
  };
  using model_ref = std::shared_ptr<model>;

  static model_ref copy_of(const model& m) {
    return std::make_shared<model>(model{m.values, {}});
  }

  // One turn, in the context of which `m` is the model.
  void turn(model& m) {
    ++turns_;
    check(m);
    for (unsigned n = pick(5); n > 0; --n) {
      operate(m);
      check(m);
    }
  }

  // Schedules no more, and lets everything come to run.
  void wind_up() {
    winding_up_ = true;
    promise_.set_value(1).IgnoreError();
  }

  int turns() const { return turns_; }

 private:
  unsigned pick(unsigned limit) {
    return static_cast<unsigned>(random_() % limit);
  }

  void check(const model& m) {
    for (size_t i = 0; i < kVariables; ++i) {
      const auto found = m.values.find(i);
      ASSERT_EQ(variables_[i]->get(), found == m.values.end()
                                          ? -static_cast<int>(i) - 1
                                          : found->second);
    }
  }

  void operate(model& m) {
    const bool more = !winding_up_ && turns_ + scheduled_ < 400;
    switch (pick(more ? 13 : 4)) {
      case 0:
      case 1:
      case 2: {
        const size_t i = pick(kVariables);
        const int value = static_cast<int>(pick(1000));
        const auto found = m.values.find(i);
        std::optional<int> old;
        if (found != m.values.end()) old = found->second;
        auto token = variables_[i]->set(value);
        m.values[i] = value;
        if (pick(2) == 0) m.tokens.push_back({i, old, std::move(token)});
        break;
      }
      case 3:
        reset(m);
        break;
      case 4:
        schedule(m, [this](auto f) { return loop_.call_soon(std::move(f)); });
        break;
      case 5:
        schedule(m, [this](auto f) {
          return loop_.call_later(absl::Milliseconds(pick(5)), std::move(f));
        });
        break;
      case 6:
        schedule(m, [this](auto f) {
          return future_.add_done_callback(std::move(f));
        });
        break;
      case 7: {
        ++scheduled_;
        const model_ref copy = copy_of(m);
        future<int> f = future_.then([this, copy](int x) {
          --scheduled_;
          turn(*copy);
          return x;
        });
        if (pick(4) == 0) f.cancel();
        if (pick(2) == 0) kept_.push_back(std::move(f));
        break;
      }
      case 8:
        promise_.set_value(1).IgnoreError();
        promise_ = promise<int>(loop_);
        future_ = promise_.get_future();
        break;
      case 9:
      case 10:
        (void)loop_.create_task(machine(copy_of(m)));
        break;
      case 11:
      case 12:
        (void)loop_.create_task(eager, machine(copy_of(m)));
        break;
    }
  }

  void reset(model& m) {
    if (m.tokens.empty()) return;
    const size_t at = pick(static_cast<unsigned>(m.tokens.size()));
    model::token t = std::move(m.tokens[at]);
    m.tokens.erase(m.tokens.begin() + static_cast<std::ptrdiff_t>(at));
    ASSERT_FALSE(variables_[(t.variable + 1) % kVariables]->reset(t.real).ok());
    ASSERT_TRUE(variables_[t.variable]->reset(t.real).ok());
    ASSERT_FALSE(variables_[t.variable]->reset(t.real).ok());
    if (t.old.has_value()) {
      m.values[t.variable] = *t.old;
    } else {
      m.values.erase(t.variable);
    }
  }

  template <class Scheduler>
  void schedule(const model& m, Scheduler scheduler) {
    ++scheduled_;
    const model_ref copy = copy_of(m);
    callback_handle handle = scheduler([this, copy] {
      --scheduled_;
      turn(*copy);
    });
    if (pick(4) == 0 && handle.cancel()) --scheduled_;
  }

  // Some states, which share a context, also with machines awaited in place.
  script machine(const model_ref& m, unsigned depth = 0) {
    std::vector<script::state_function> states;
    ++scheduled_;
    for (unsigned n = 1 + pick(4); n > 0; --n) {
      states.emplace_back([this, m, depth](script& s, const absl::Status&) {
        turn(*m);
        switch (pick(depth < 3 ? 4 : 3)) {
          case 0:
            return s.pause();
          case 1:
            return s.sleep(absl::Milliseconds(pick(4)));
          case 2:
            return s.on(make_ready_future());
          default:
            return s.on(machine(m, depth + 1));
        }
      });
    }
    states.emplace_back([this, m](script& s, const absl::Status&) {
      --scheduled_;
      turn(*m);
      return s.end();
    });
    return script(std::move(states));
  }

  event_loop& loop_;
  std::mt19937 random_;
  std::vector<std::unique_ptr<task_local<int>>> variables_;
  promise<int> promise_{loop_};
  shared_future<int> future_ = promise_.get_future();
  std::vector<future<int>> kept_;
  int turns_ = 0, scheduled_ = 0;
  bool winding_up_ = false;
};

class TaskLocalModelTest : public loop_test {};

TEST_F(TaskLocalModelTest, RandomProgramsSeeWhatTheModelSays) {
  int turns = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    const internal::context_scope scope(nullptr);
    program p(loop, seed);
    program::model outside;
    // Outside of a run, too; and some loops end in the middle.
    for (int i = 0; i < 5; ++i) p.turn(outside);
    if (seed % 3 == 0) {
      iterate(static_cast<int>(seed % 7));
    } else {
      run_until_idle();
    }
    p.turn(outside);
    p.wind_up();
    run_until_idle();
    ASSERT_FALSE(HasFatalFailure());
    turns += p.turns();
  }
  EXPECT_GT(turns, 4000);
}

TEST_F(TaskLocalModelTest, NothingIsLeftWhenTheLoopGoesInTheMiddle) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    const internal::context_scope scope(nullptr);
    event_loop other(clock);
    other.set_error_handler([](const error_report&) {});
    program p(other, seed);
    program::model outside;
    for (int i = 0; i < 5; ++i) p.turn(outside);
    for (unsigned i = 0; i < seed % 10; ++i) {
      other.stop();
      ASSERT_TRUE(other.run_forever().ok());
    }
    ASSERT_FALSE(HasFatalFailure());
  }
}

}  // namespace
}  // namespace ratchet
