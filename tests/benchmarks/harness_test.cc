#include "tests/benchmarks/harness.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/benchmarks/inputs.h"
#include "tests/benchmarks/workload.h"

namespace bench {
namespace {

using ::testing::EndsWith;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HarnessTest : public testing::Test {
 protected:
  ~HarnessTest() override {
    workloads().clear();
    counters().clear();
  }

  // Calls main_of() and keeps what it prints.
  int run_main(std::vector<std::string> flags) {
    flags.insert(flags.begin(), "program");
    std::vector<char*> arguments;
    for (std::string& flag : flags) arguments.push_back(flag.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int status = main_of("someone", static_cast<int>(arguments.size()),
                               arguments.data());
    output = testing::internal::GetCapturedStdout();
    errors = testing::internal::GetCapturedStderr();
    return status;
  }

  std::vector<nlohmann::json> lines() const {
    std::vector<nlohmann::json> all;
    std::istringstream in(output);
    for (std::string line; std::getline(in, line);) {
      all.push_back(nlohmann::json::parse(line, nullptr, false));
      EXPECT_TRUE(all.back().is_object()) << line;
    }
    return all;
  }

  std::string output;
  std::string errors;
};

// Counts to `to`.
uint64_t counted(uint64_t to) {
  uint64_t n = 0;
  while (n < to) use(++n);
  return n;
}

void add_counting(const char* name) {
  add(name, "a \"loop\"", [](run& r) {
    const uint64_t n = r.scaled(100'000);
    r.start();
    r.check = counted(n);
    r.stop(n);
    r.bytes_per_item = 12.5;
    r.field("worst", 7);
  });
}

TEST_F(HarnessTest, PrintsALineOfJsonForEachWorkload) {
  add_counting("a");
  add_counting("b");
  ASSERT_EQ(run_main({"--json", "--repetitions=3"}), 0) << errors;
  const std::vector<nlohmann::json> all = lines();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1]["workload"], "b");
  const nlohmann::json& a = all[0];
  EXPECT_EQ(a["peer"], "someone");
  EXPECT_EQ(a["workload"], "a");
  EXPECT_EQ(a["param"], "a \"loop\"");
  EXPECT_EQ(a["ops"], 100'000);
  EXPECT_EQ(a["check"], 100'000);
  EXPECT_EQ(a["bytes_per_item"], 12.5);
  EXPECT_EQ(a["worst"], 7);
  EXPECT_EQ(a["repetitions"], 3);
  EXPECT_GT(a["wall_ns_per_op"], 0.0);
  EXPECT_GT(a["cpu_min"], 0.0);
  EXPECT_LE(a["cpu_min"], a["cpu_ns_per_op"]);
  EXPECT_LE(a["cpu_ns_per_op"], a["cpu_max"]);
}

TEST_F(HarnessTest, PrintsATable) {
  add_counting("a");
  ASSERT_EQ(run_main({"--repetitions=1"}), 0) << errors;
  EXPECT_THAT(output, HasSubstr("someone: nanoseconds per operation"));
  EXPECT_THAT(output, HasSubstr("12.5 bytes"));
  EXPECT_THAT(output, EndsWith("check 100000\n"));
}

TEST_F(HarnessTest, DoesAFractionOfTheWork) {
  add_counting("a");
  ASSERT_EQ(run_main({"--json", "--scale=0.01"}), 0) << errors;
  EXPECT_EQ(lines()[0]["ops"], 1000);
  EXPECT_EQ(lines()[0]["check"], 1000);
}

TEST_F(HarnessTest, AddsUpSeveralSections) {
  add("a", "", [](run& r) {
    for (int i = 0; i < 3; ++i) {
      r.start();
      r.check += counted(1000);
      r.stop(1000);
    }
  });
  ASSERT_EQ(run_main({"--json"}), 0) << errors;
  EXPECT_EQ(lines()[0]["ops"], 3000);
}

TEST_F(HarnessTest, CountsPerOperationInsideTheSections) {
  static uint64_t things = 0;
  count("things_per_op", [] { return things; });
  add("a", "", [](run& r) {
    things += 1000;
    r.start();
    things += 20;
    r.stop(10);
    things += 1000;
    r.check = 1;
  });
  ASSERT_EQ(run_main({"--json"}), 0) << errors;
  EXPECT_EQ(lines()[0]["things_per_op"], 2);
}

TEST_F(HarnessTest, PicksWorkloads) {
  for (const char* name : {"a1", "a2", "a21", "b"}) add_counting(name);
  const auto picked = [this](const char* flag) {
    EXPECT_EQ(run_main({"--list", flag}), 0);
    return output;
  };
  EXPECT_EQ(picked("--workload=a2"), "a2\n");
  EXPECT_EQ(picked("--workload=a2*"), "a2\na21\n");
  EXPECT_EQ(picked("--workload=b,a1"), "a1\nb\n");
  EXPECT_EQ(picked("--repetitions=2"), "a1\na2\na21\nb\n");
}

TEST_F(HarnessTest, RefusesWhatItDoesNotKnow) {
  add_counting("a");
  const auto refuses = [](std::string flag, const char* why) {
    std::string program = "program";
    char* arguments[] = {program.data(), flag.data()};
    EXPECT_EXIT(main_of("someone", 2, arguments), ExitedWithCode(2), why);
  };
  refuses("--workload=c", "there is no workload 'c'");
  refuses("--workload=a,", "there is no workload ''");
  refuses("--fast", "what is --fast");
  refuses("--scale=x", "a number above 0 is wanted");
  refuses("--scale=0", "a number above 0 is wanted");
  refuses("--repetitions=0.5", "at least 1");
}

TEST_F(HarnessTest, FailsIfARepetitionComesToSomethingElse) {
  static uint64_t repetitions = 0;
  add("a", "", [](run& r) {
    r.start();
    r.stop(1);
    r.check = 100 + ++repetitions / 3;
  });
  EXPECT_EQ(run_main({"--json"}), 1);
  EXPECT_THAT(output, IsEmpty());
  EXPECT_THAT(errors, HasSubstr("check 101, not 100"));
}

TEST_F(HarnessTest, FailsIfNothingWasDone) {
  add("unmeasured", "", [](run& r) { r.check = 1; });
  add("unchecked", "", [](run& r) {
    r.start();
    r.stop(1);
  });
  EXPECT_EQ(run_main({"--json"}), 1);
  EXPECT_THAT(errors, HasSubstr("unmeasured has measured nothing"));
  EXPECT_THAT(errors, HasSubstr("unchecked has computed nothing"));
}

TEST_F(HarnessTest, GoesOnAfterAWorkloadThatDies) {
  add("dies", "", [](run&) { _exit(3); });
  add("killed", "", [](run&) { kill(getpid(), SIGKILL); });
  add_counting("a");
  EXPECT_EQ(run_main({"--json"}), 1);
  EXPECT_THAT(errors, HasSubstr("dies: ended with status 3"));
  EXPECT_THAT(errors, HasSubstr("killed: ended by signal 9"));
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_EQ(lines()[0]["workload"], "a");
}

TEST_F(HarnessTest, WarmWorkloadsRunInOneProcessColdOnesInMany) {
  static int runs = 0;
  const auto body = [](run& r) {
    r.start();
    r.stop(1);
    r.check = 1;
    r.field("runs", ++runs);
  };
  add("warm", "", body);
  add("cold", "", body, cold);
  ASSERT_EQ(run_main({"--json", "--repetitions=3"}), 0) << errors;
  EXPECT_EQ(lines()[0]["runs"], 3);  // The median of 2, 3, 4.
  EXPECT_EQ(lines()[1]["runs"], 1);
}

TEST_F(HarnessTest, ARequirementThatDoesNotHoldIsAFailure) {
  add("a", "", [](run&) { require(1 + 1 == 3, "arithmetic"); });
  EXPECT_EQ(run_main({"--json"}), 1);
  EXPECT_THAT(errors, HasSubstr("arithmetic does not hold"));
}

// -- The inputs: what every library works on is what it says, and stays.

TEST(InputsTest, AreTheSameEverywhere) {
  EXPECT_EQ(random_numbers(1).next(), 0x910a2dec89025cc1u);
  const rearming third = w2_rearmings(1000, 3)[2];
  EXPECT_EQ(third.timer, 832u);
  EXPECT_EQ(third.delay, 2'834'406'477'530);
  EXPECT_EQ(w2_delays(2)[1], 2'696'939'112'796);
  EXPECT_EQ(w3_delays(2)[1], 700'293'513);
  EXPECT_EQ(w8f_delays(2)[1], 611'948'484);
  const std::vector<int> order = w6_order();
  EXPECT_EQ(order[0], 465);
  EXPECT_EQ(order[1], 999);
}

TEST(InputsTest, OfFewerAreTheFirstOfMore) {
  EXPECT_EQ(w2_rearmings(1000, 5)[4].timer, w2_rearmings(1000, 9)[4].timer);
  EXPECT_EQ(w3_delays(3)[2], w3_delays(9)[2]);
}

TEST(InputsTest, CoverTheirRange) {
  int64_t least = kHour;
  int64_t most = 0;
  for (int64_t d : w2_delays(100'000)) {
    least = std::min(least, d);
    most = std::max(most, d);
  }
  EXPECT_GE(least, kMillisecond);
  EXPECT_LT(least, kHour / 1000);
  EXPECT_LT(most, kHour);
  EXPECT_GT(most, kHour / 1000 * 999);

  std::set<uint32_t> indexes;
  for (const rearming& r : w2_rearmings(100, 10'000)) indexes.insert(r.timer);
  EXPECT_EQ(indexes.size(), 100u);
  EXPECT_EQ(*indexes.rbegin(), 99u);
}

TEST(InputsTest, TheOrderIsAPermutation) {
  const std::vector<int> order = w6_order();
  const std::set<int> children(order.begin(), order.end());
  EXPECT_EQ(children.size(), static_cast<size_t>(kW6Children));
  EXPECT_EQ(*children.begin(), 0);
  EXPECT_EQ(*children.rbegin(), kW6Children - 1);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
}

TEST(InputsTest, SharesAddUp) {
  EXPECT_EQ(w10_share(10, 3, 0) + w10_share(10, 3, 1) + w10_share(10, 3, 2),
            10u);
  EXPECT_EQ(w10_share(10, 3, 0), 4u);
  EXPECT_EQ(w10_share(10, 3, 2), 3u);
}

}  // namespace
}  // namespace bench
