#include "tests/conformance/validate.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/conformance/program.h"
#include "tests/support/status_matchers.h"

namespace ratchet::conformance {
namespace {

using ::testing::HasSubstr;
using ::testing::StrEq;

struct bad_program {
  std::string text;
  std::string sentence;
};

// Each with the list of operations of `main` in place of $.
constexpr char kMain[] = R"({"tasks": {"main": $, "other": []}})";

std::string with_main(const std::string& ops) {
  std::string text = kMain;
  return text.replace(text.find('$'), 1, ops);
}

class ValidateTest : public testing::TestWithParam<bad_program> {};

TEST_P(ValidateTest, SaysWhatIsWrong) {
  EXPECT_THAT(parse_program(GetParam().text),
              test::StatusIs(absl::StatusCode::kInvalidArgument,
                             StrEq(GetParam().sentence)));
}

INSTANTIATE_TEST_SUITE_P(
    Programs, ValidateTest,
    testing::Values(
        bad_program{"{", "the text is not JSON"},
        bad_program{"[]", "a program is an object"},
        bad_program{R"({"task": {}})", "unknown field \"task\""},
        bad_program{"{}", "tasks: missing"},
        bad_program{R"({"tasks": {}})", "tasks: missing"},
        bad_program{R"({"tasks": {"t": []}})", "no task main"},
        bad_program{R"({"tasks": {"1t": []}})", "bad task name 1t"},
        bad_program{R"({"tasks": {"main": {}}})", "main: not a list"},
        bad_program{R"({"tasks": {"main": []}, "driver": 1})",
                    "driver: not a list"},
        bad_program{R"({"tasks": {"main": []}, "driver": [
                        {"op": "sleep", "ms": 1}]})",
                    "driver[0] sleep: not allowed here"},
        bad_program{R"({"tasks": {"main": [{"op": "call", "task": "a"}],
                        "a": [{"op": "block", "body": [
                               {"op": "spawn", "task": "b", "as": "h"}]}],
                        "b": [{"op": "wait_for", "task": "a",
                               "timeout": 1}]}})",
                    "task a starts itself"}));

INSTANTIATE_TEST_SUITE_P(
    Objects, ValidateTest,
    testing::Values(
        bad_program{R"({"objects": [], "tasks": {"main": []}})",
                    "objects: not an object"},
        bad_program{R"({"objects": {"l": {}}, "tasks": {"main": []}})",
                    "l: unknown kind"},
        bad_program{R"({"objects": {"l": {"kind": "lock", "n": 1}},
                        "tasks": {"main": []}})",
                    "l: unknown field n"},
        bad_program{R"({"objects": {"c": {"kind": "condition", "lock": "l"}},
                        "tasks": {"main": []}})",
                    "c: no such lock"},
        bad_program{R"({"objects": {"q": {"kind": "queue", "maxsize": -1}},
                        "tasks": {"main": []}})",
                    "q: bad maxsize"},
        bad_program{R"({"objects": {"b": {"kind": "barrier"}},
                        "tasks": {"main": []}})",
                    "b: parties must be positive"}));

INSTANTIATE_TEST_SUITE_P(
    Operations, ValidateTest,
    testing::Values(
        bad_program{with_main(R"([{"op": "jump"}])"),
                    R"(main[0]: unknown op {"op":"jump"})"},
        bad_program{with_main("[1]"), "main[0]: unknown op 1"},
        bad_program{with_main(R"([{"op": "run", "task": "other"}])"),
                    "main[0] run: not allowed here"},
        bad_program{with_main(R"([{"op": "stop"}, {"op": "sleep"}])"),
                    "main[1] sleep: missing ms"},
        bad_program{with_main(R"([{"op": "sleep", "ms": 1.5}])"),
                    "main[0] sleep: bad ms"},
        bad_program{with_main(R"([{"op": "sleep", "ms": true}])"),
                    "main[0] sleep: bad ms"},
        bad_program{with_main(R"([{"op": "sleep", "ms": 1000000000001}])"),
                    "main[0] sleep: bad ms"},
        bad_program{with_main(R"([{"op": "sleep", "ms": 1, "s": 1}])"),
                    "main[0] sleep: unknown field s"},
        bad_program{with_main(R"([{"op": "future", "as": "@self"}])"),
                    "main[0] future: bad as"},
        bad_program{with_main(R"([{"op": "gather", "hs": ["a", 1],
                                   "as": "g"}])"),
                    "main[0] gather: bad hs"},
        bad_program{with_main(R"([{"op": "raise", "msg": "a;b"}])"),
                    "main[0] raise: bad msg"},
        bad_program{with_main(R"([{"op": "raise"}])"),
                    "main[0] raise: missing msg"},
        bad_program{with_main(R"([{"op": "raise", "kind": "odd"}])"),
                    "main[0] raise: bad kind"},
        bad_program{with_main(R"([{"op": "call", "task": "nobody"}])"),
                    "main[0] call: bad task"},
        bad_program{with_main(R"([{"op": "return", "value": {}}])"),
                    "main[0] return: bad value"},
        bad_program{with_main(R"([{"op": "log", "catch": true}])"),
                    "main[0] log: bad catch"},
        bad_program{with_main(R"([{"op": "sleep", "ms": 1, "catch": 1}])"),
                    "main[0] sleep: bad catch"},
        bad_program{with_main(R"([{"op": "timeout", "body": []}])"),
                    "main[0] timeout: ms or at"},
        bad_program{with_main(R"([{"op": "wait_for", "timeout": 1}])"),
                    "main[0] wait_for: h or task"},
        bad_program{with_main(R"([{"op": "release", "o": "l"}])"),
                    "main[0] release: bad o"}));

INSTANTIATE_TEST_SUITE_P(
    NestedLists, ValidateTest,
    testing::Values(
        bad_program{with_main(R"([{"op": "block", "body": [
                                   {"op": "sleep"}]}])"),
                    "main[0] block.body[0] sleep: missing ms"},
        bad_program{with_main(R"([{"op": "block", "body": [], "finally": [
                                   {"op": "block", "body": [
                                     {"op": "return"}]}]}])"),
                    "main[0] block.finally[0] block.body[0] return: not "
                    "allowed in finally"},
        bad_program{with_main(R"([{"op": "call_soon", "as": "c", "do": [
                                   {"op": "raise", "msg": "e"},
                                   {"op": "sleep", "ms": 1}]}])"),
                    "main[0] call_soon.do[1] sleep: not allowed here"}));

std::string nested(int depth) {
  std::string text = "[]";
  for (int i = 0; i < depth; ++i) {
    text.insert(0, R"([{"op": "block", "body": )").append("}]");
  }
  return text;
}

TEST(ValidateDepthTest, ListsNestOnlySoDeep) {
  EXPECT_THAT(parse_program(with_main(nested(100))), test::IsOk());
  EXPECT_THAT(parse_program(with_main(nested(101))),
              test::StatusIs(absl::StatusCode::kInvalidArgument,
                             HasSubstr("nested too deep")));
}

}  // namespace
}  // namespace ratchet::conformance
