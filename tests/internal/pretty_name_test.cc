#include "ratchet/internal/pretty_name.h"

#include <string_view>

#include "gtest/gtest.h"

namespace pretty_name_test {

struct square {
  int finish(int x) { return x; }
  void start() noexcept {}
  template <class T>
  void generic() {}
};

namespace inner {
template <class T>
struct box {
  void open() {}
};
}  // namespace inner

namespace {
struct hidden {
  void state() {}
};
}  // namespace
}  // namespace pretty_name_test

namespace ratchet::internal {
namespace {

using pretty_name_test::hidden;
using pretty_name_test::square;
using pretty_name_test::inner::box;

TEST(LastComponentTest, CutsOffTheScopes) {
  EXPECT_EQ(last_component("square"), "square");
  EXPECT_EQ(last_component("demo::square"), "square");
  EXPECT_EQ(last_component("demo::{anonymous}::square"), "square");
  EXPECT_EQ(last_component("(anonymous namespace)::square"), "square");
  EXPECT_EQ(last_component("a::b<c::d>::e"), "e");
  EXPECT_EQ(last_component(""), "");
}

TEST(LastComponentTest, KeepsTheTemplateArgumentsOfTheNameItself) {
  EXPECT_EQ(last_component("ns::map<a::b>"), "map<a::b>");
  EXPECT_EQ(last_component("map<a::b<c::d>, e::f>"), "map<a::b<c::d>, e::f>");
}

TEST(ArgumentInTest, ReadsWhatGccAndClangWrite) {
  EXPECT_EQ(argument_in("f() [with auto What = &demo::square::finish]"),
            "&demo::square::finish");
  EXPECT_EQ(argument_in("f() [What = &demo::square::finish]"),
            "&demo::square::finish");
  EXPECT_EQ(argument_in("constexpr std::string_view f() [with What = x; "
                        "std::string_view = std::basic_string_view<char>]"),
            "x");
  EXPECT_EQ(argument_in("f() [with What = a<int [3]>; y = z]"), "a<int [3]>");
}

TEST(NameTest, OfAMemberFunctionIsItsName) {
  EXPECT_EQ(name_of_value<&square::finish>(), "finish");
  EXPECT_EQ(name_of_value<&square::start>(), "start");
  EXPECT_EQ(name_of_value<&hidden::state>(), "state");
  EXPECT_EQ(name_of_value<&box<square>::open>(), "open");
}

TEST(NameTest, OfAClassIsUnqualified) {
  EXPECT_EQ(name_of_type<square>(), "square");
  EXPECT_EQ(name_of_type<hidden>(), "hidden");
  EXPECT_EQ(name_of_type<int>(), "int");
}

TEST(NameTest, OfAClassTemplateHasItsArguments) {
  EXPECT_EQ(name_of_type<box<int>>(), "box<int>");
  EXPECT_EQ(name_of_type<box<square>>(), "box<pretty_name_test::square>");
}

TEST(NameTest, OfALocalClass) {
  struct local {
    void go() {}
  };
  EXPECT_EQ(name_of_type<local>(), "local");
  EXPECT_EQ(name_of_value<&local::go>(), "go");
}

TEST(NameTest, IsAConstant) {
  static_assert(name_of_value<&square::finish>() == "finish");
  static_assert(name_of_type<square>() == "square");
}

}  // namespace
}  // namespace ratchet::internal
