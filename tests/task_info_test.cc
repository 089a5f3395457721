#include "ratchet/task_info.h"

#include <sstream>

#include "gtest/gtest.h"

namespace ratchet {
namespace {

TEST(TaskInfoTest, SaysWhoWhereAndWhatFor) {
  task_info info;
  info.name = "square#3";
  info.state = "finish";
  info.awaiting = "a sleep";
  EXPECT_EQ(to_string(info), "square#3 in state finish, awaiting a sleep");
  std::ostringstream out;
  out << info;
  EXPECT_EQ(out.str(), to_string(info));
}

TEST(TaskInfoTest, OfATaskThatIsDoneIsItsName) {
  task_info info;
  info.name = "square#3";
  EXPECT_EQ(to_string(info), "square#3");
}

}  // namespace
}  // namespace ratchet
