// A timer_wheel against a std::multimap, over random operations.

#include "tests/timer_wheel_model.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>

#include "gtest/gtest.h"
#include "ratchet/timer_wheel.h"
#include "tests/support/sanitizers.h"

namespace ratchet {
namespace {

using tick = timer_wheel::tick;

constexpr tick kFirst = std::numeric_limits<tick>::min();
constexpr tick kLast = std::numeric_limits<tick>::max();

// Sanitizers make everything some ten times slower.
constexpr size_t kModelOperations =
    ratchet::test::kSanitized ? 1'000'000 : 10'000'000;

struct model_config {
  const char* name;
  size_t timers;
  size_t operations;  // Of kModelOperations, in thousandths.
  tick start;
};

class random_operations {
 public:
  random_operations(uint64_t seed, timer_wheel_model& model)
      : random_(seed), model_(model) {}

  void run(size_t operations) {
    for (size_t i = 0; i < operations && model_.error().empty(); ++i) {
      step();
      if (i % 1024 == 0) model_.check_bounds();
      if (i % (16 * model_.timers() + 4096) == 0) model_.check_invariants();
    }
    model_.check_invariants();
  }

 private:
  void step() {
    const size_t i = random_() % model_.timers();
    switch (random_() % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return model_.schedule(i, deadline());
      case 5:
        return model_.schedule(i, model_.after(random_() % 50));
      case 6:
      case 7:
      case 8:
        return model_.cancel(i);
      case 9:
        return model_.destroy(i);
      case 10:
      case 11:
        return model_.advance(later());
      case 12:
        for (uint64_t n = random_() % 32; n > 0 && model_.pop(); --n) {
        }
        return;
      case 13:
        model_.pop();
        return;
      default:
        model_.next();
    }
  }

  tick deadline() {
    switch (random_() % 12) {
      case 0:
        return model_.now();
      case 1:
        return model_.before(random_() % 100);
      case 2:
        return model_.before(random_());
      case 3:  // Many equal ones.
        return model_.after(1000 - static_cast<uint64_t>(model_.now()) % 1000);
      case 4:
        return model_.after(random_() % 10);
      case 5:
        return model_.after(random_() % 1000);
      case 6:
        return model_.after(random_() % 1'000'000);
      case 7:
        return model_.after(random_() % 3'600'000'000'000);
      case 8:  // All magnitudes.
      case 9:
        return model_.after(random_() >> random_() % 64);
      case 10:
        return random_() % 64 == 0 ? kLast : model_.after(30'000'000'000);
      default:
        return random_() % 64 == 0 ? kFirst : model_.after(1'000'000);
    }
  }

  tick later() {
    switch (random_() % 8) {
      case 0:
        return model_.before(random_() % 100);
      case 1:
      case 2: {  // As a virtual clock does.
        const std::optional<tick> next = model_.next();
        return next.has_value() && *next < model_.after(uint64_t{1} << 40)
                   ? *next
                   : model_.now();
      }
      case 3:
        return model_.after(random_() % 100'000);
      case 4:
        if (random_() % 256 != 0) return model_.now();
        return model_.after(random_() >> (8 + random_() % 56));
      default:
        return model_.after(random_() % 1000);
    }
  }

  std::mt19937_64 random_;
  timer_wheel_model& model_;
};

class TimerWheelModelTest : public testing::TestWithParam<model_config> {};

TEST_P(TimerWheelModelTest, FiresLikeASortedMap) {
  const uint64_t seed = 20'240'229 + GetParam().timers;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  timer_wheel_model model(GetParam().timers, GetParam().start);
  random_operations(seed, model)
      .run(kModelOperations / 1000 * GetParam().operations);
  EXPECT_EQ(model.error(), "");
}

INSTANTIATE_TEST_SUITE_P(
    , TimerWheelModelTest,
    testing::Values(
        model_config{"Few", 3, 100, 0},
        model_config{"Some", 40, 200, -1'000'000},
        model_config{"ManyFromTheFirstTick", 1'000, 300, kFirst},
        model_config{"ManyNow", 5'000, 300, 1'700'000'000'000'000'000},
        model_config{"ToTheLastTick", 100, 100, kLast - 100'000'000}),
    [](const testing::TestParamInfo<model_config>& param) {
      return param.param.name;
    });

}  // namespace
}  // namespace ratchet
