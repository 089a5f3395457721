#include "ratchet/task_info.h"

#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace ratchet {
namespace {

TEST(TaskInfoTest, SaysWhoWhereWhatForAndSinceWhen) {
  task_info info;
  info.name = "square#3";
  info.state = "finish";
  info.awaiting = "a sleep";
  info.since = absl::FromUnixMillis(1500);
  EXPECT_EQ(to_string(info),
            "square#3 in state finish, awaiting a sleep, since "
            "1970-01-01T00:00:01.5+00:00");
  std::ostringstream out;
  out << info;
  EXPECT_EQ(out.str(), to_string(info));
}

TEST(TaskInfoTest, SaysWhichMachinesAreBetween) {
  task_info info;
  info.name = "sink#3";
  info.state = "got";
  info.stack = {"hold in state acquired", "mutex::acquire in state woken"};
  EXPECT_EQ(to_string(info),
            "sink#3 in state got, awaiting hold in state acquired, awaiting "
            "mutex::acquire in state woken");
  info.awaiting = "mutex db";
  EXPECT_EQ(to_string(info),
            "sink#3 in state got, awaiting hold in state acquired, awaiting "
            "mutex::acquire in state woken, awaiting mutex db, since "
            "1970-01-01T00:00:00+00:00");
}

TEST(TaskInfoTest, OfALongStackSaysBothEnds) {
  task_info info;
  info.name = "deep#1";
  for (int i = 0; i < 8; ++i) info.stack.push_back(absl::StrCat(i));
  const std::string begin =
      "deep#1, awaiting 0, awaiting 1, awaiting 2, awaiting 3, awaiting ";
  EXPECT_EQ(to_string(info), begin + "4, awaiting 5, awaiting 6, awaiting 7");
  info.stack.push_back("8");
  EXPECT_EQ(to_string(info),
            begin + "1 more, awaiting 5, awaiting 6, awaiting 7, awaiting 8");
}

TEST(TaskInfoTest, OfATaskThatIsDoneIsItsName) {
  task_info info;
  info.name = "square#3";
  info.id = 3;
  EXPECT_EQ(to_string(info), "square#3");
}

TEST(TaskInfoTest, ANameWithoutTheIdIsFollowedByIt) {
  task_info info;
  info.name = "stream::read_all";
  info.id = 3;
  EXPECT_EQ(to_string(info), "stream::read_all#3");
  info.name = "square#33";
  EXPECT_EQ(to_string(info), "square#33#3");
}

}  // namespace
}  // namespace ratchet
