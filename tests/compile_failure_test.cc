// What must not compile, and what it says: the compiler is asked. Each case has
// a twin that differs in the mistake alone and must compile, so that no case
// fails for another reason.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/sanitizers.h"

namespace ratchet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPrelude[] = R"cc(
#include <memory>
#include <string>
#include "ratchet/promise.h"
#include "ratchet/task.h"
  using ratchet::future;
  using ratchet::shared_future;
  struct unrelated {};
)cc";

struct failure {
  const char* name;
  const char* sentence;  // What the compiler has to say.
  // The body of a function in which `f` is a future<int>, `v` a future<void>
  // and `s` a shared_future<int>.
  const char* wrong;
  const char* right;
};

// What the gtest parameter is printed as.
void PrintTo(const failure& f, std::ostream* out) { *out << f.name; }

constexpr failure kFailures[] = {
    {"FutureOfStatus",
     "future<absl::Status> is refused: a future already carries an error. Use "
     "future<void>.",
     "ratchet::promise<absl::Status> p;", "ratchet::promise<void> p;"},
    {"FutureOfStatusOr",
     "future<absl::StatusOr<T>> is refused: a future already carries an error. "
     "Use future<T>.",
     "ratchet::promise<absl::StatusOr<int>> p;", "ratchet::promise<int> p;"},
    {"FutureOfFuture",
     "future<future<T>> is refused: then() flattens futures. Use future<T>.",
     "ratchet::promise<future<int>> p;", "ratchet::promise<int> p;"},
    {"FutureOfReference",
     "a future of a reference is refused: use a pointer or "
     "std::reference_wrapper.",
     "ratchet::promise<int&> p;", "ratchet::promise<int*> p;"},
    {"ThenWithAnotherParameter",
     "then(f): f must be callable with the value, f(T), or, for future<void>, "
     "f()",
     "(void)std::move(f).then([](unrelated) {});",
     "(void)std::move(f).then([](int) {});"},
    {"ThenOnVoidWithAParameter",
     "then(f): f must be callable with the value, f(T), or, for future<void>, "
     "f()",
     "(void)std::move(v).then([](int) {});", "(void)std::move(v).then([] {});"},
    {"ThenOnSharedTakingItAway",
     "then(f): f must be callable with the value of a shared future, f(const "
     "T&)",
     "(void)s.then([](int&&) {});", "(void)s.then([](const int&) {});"},
    {"OrElseWithoutTheError",
     "or_else(f): f must be callable with the error, f(const absl::Status&)",
     "(void)std::move(f).or_else([] { return 1; });",
     "(void)std::move(f).or_else([](const absl::Status&) { return 1; });"},
    {"OrElseThatGivesSomethingElse",
     "or_else(f): f must return what the future carries",
     "(void)std::move(f).or_else([](const absl::Status&) {});",
     "(void)std::move(f).or_else([](const absl::Status&) { return 'x'; });"},
    {"ThenResultWithTheValue",
     "then_result(f): f must be callable with the outcome, "
     "f(absl::StatusOr<T>)",
     "(void)std::move(f).then_result([](unrelated) {});",
     "(void)std::move(f).then_result([](absl::StatusOr<int>) {});"},
    {"FinallyWithAParameter",
     "finally(f): f must be callable without arguments, f()",
     "(void)std::move(f).finally([](int) {});",
     "(void)std::move(f).finally([] {});"},
    {"FinallyThatReturnsAFuture",
     "finally(f): f must return nothing, or absl::Status",
     "(void)std::move(f).finally([] { return ratchet::make_ready_future(); });",
     "(void)std::move(f).finally([] { return absl::OkStatus(); });"},
    {"CallbackWithAParameter",
     "a callback takes no parameters: void f() or absl::Status f()",
     "ratchet::event_loop::current().call_soon([](int) {});",
     "ratchet::event_loop::current().call_soon([] {});"},
    {"SharedFutureOfAMoveOnlyTypeFromACallback",
     "a callback cannot return a shared_future of a type that cannot be copied",
     "using p = std::unique_ptr<int>; (void)std::move(v).then([] { return "
     "shared_future<p>(); });",
     "using p = std::unique_ptr<int>; (void)std::move(v).then([] { return "
     "future<p>(); });"},
    {"CreateTaskOfAnythingElse",
     "create_task(machine): the machine must derive from task<T>",
     "(void)ratchet::create_task(unrelated());",
     "struct m final : ratchet::task<void> { step start() { return done(); } "
     "}; (void)ratchet::create_task(m());"},
    {"CreateTaskOfALvalue",
     "create_task(machine) takes the machine: std::move it",
     "struct m final : ratchet::task<void> { step start() { return done(); } "
     "}; m x; (void)ratchet::create_task(x);",
     "struct m final : ratchet::task<void> { step start() { return done(); } "
     "}; m x; (void)ratchet::create_task(std::move(x));"},
    {"AMachineWithoutAStart",
     "a machine needs a public first state: step start()",
     "struct m final : ratchet::task<void> {}; "
     "(void)ratchet::create_task(m());",
     "struct m final : ratchet::task<void> { step start() { return done(); } "
     "}; (void)ratchet::create_task(m());"},
    {"AStateThatReturnsSomethingElse", "a state returns step: step next(...)",
     "struct m final : ratchet::task<void> { step start() { return "
     "yield<&m::next>(); } void next() {} }; (void)ratchet::create_task(m());",
     "struct m final : ratchet::task<void> { step start() { return "
     "yield<&m::next>(); } step next() { return done(); } }; "
     "(void)ratchet::create_task(m());"},
    {"AStateAfterASleepThatTakesAValue",
     "a state after a sleep or a yield takes nothing, or absl::Status",
     "struct m final : ratchet::task<void> { step start() { return "
     "yield<&m::next>(); } step next(int) { return done(); } }; "
     "(void)ratchet::create_task(m());",
     "struct m final : ratchet::task<void> { step start() { return "
     "yield<&m::next>(); } step next(absl::Status) { return done(); } }; "
     "(void)ratchet::create_task(m());"},
    {"AStateThatTakesAnotherValue",
     "a state after await takes the value, the outcome, or nothing",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(future<int>()); } step next(unrelated) { return done(); "
     "} }; (void)ratchet::create_task(m());",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(future<int>()); } step next(int) { return done(); } }; "
     "(void)ratchet::create_task(m());"},
    {"DoneWithAnotherValue",
     "done(...) must be given what the task's result can be made of",
     "struct m final : ratchet::task<int> { step start() { return "
     "done(unrelated()); } }; (void)ratchet::create_task(m());",
     "struct m final : ratchet::task<int> { step start() { return done(1); } "
     "}; (void)ratchet::create_task(m());"},
    {"AwaitOfAMachineByLvalue",
     "await<&next>(machine) takes the machine: std::move it",
     "struct c final : ratchet::task<void> { step start() { return done(); } "
     "}; struct m final : ratchet::task<void> { step start() { c x; return "
     "await<&m::next>(x); } step next() { return done(); } }; "
     "(void)ratchet::create_task(m());",
     "struct c final : ratchet::task<void> { step start() { return done(); } "
     "}; struct m final : ratchet::task<void> { step start() { c x; return "
     "await<&m::next>(std::move(x)); } step next() { return done(); } }; "
     "(void)ratchet::create_task(m());"},
};

std::string function_of(std::string_view name, const char* body) {
  return absl::StrCat(
      "void ", std::string(name),
      "([[maybe_unused]] future<int> f, [[maybe_unused]] future<void> v, "
      "[[maybe_unused]] shared_future<int> s) {\n",
      body, "\n}\n");
}

struct outcome {
  bool compiles;
  std::string said;
};

// Asks the compiler that this test was built with, or $CC.
outcome compile(const std::string& code) {
  const std::string stem =
      absl::StrCat(::testing::TempDir(), "/compile_failure_",
                   ::testing::UnitTest::GetInstance()->random_seed(), "_",
                   static_cast<int>(::getpid()));
  const std::string source = stem + ".cc", log = stem + ".log";
  std::ofstream(source) << kPrelude << code;
#ifdef __clang__
  const char* compiler = "clang++";
#else
  const char* compiler = "g++";
#endif
  if (const char* const cc = std::getenv("CC")) compiler = cc;
  const std::string command =
      absl::StrCat(compiler, " -x c++ -std=c++17 -fsyntax-only -Iinclude ",
                   source, " >", log, " 2>&1");
  const int status = std::system(command.c_str());
  std::ostringstream said;
  said << std::ifstream(log).rdbuf();
  std::remove(source.c_str());
  std::remove(log.c_str());
  return {status == 0, said.str()};
}

// Whether a compiler and Abseil's headers can be found from here. Not where
// Abseil was built from an archive.
bool can_compile() {
  // It says the same where there is a sanitizer.
  static const bool can = !test::kSanitized && compile("").compiles;
  return can;
}

class CompileFailureTest : public ::testing::TestWithParam<failure> {
 protected:
  void SetUp() override {
    if (!can_compile()) GTEST_SKIP() << "the compiler is not at hand";
  }
};

INSTANTIATE_TEST_SUITE_P(Snippets, CompileFailureTest,
                         ::testing::ValuesIn(kFailures),
                         [](const auto& test) { return test.param.name; });

TEST_P(CompileFailureTest, IsRefusedWithASentence) {
  const outcome wrong = compile(function_of("wrong", GetParam().wrong));
  EXPECT_FALSE(wrong.compiles);
  // The first error is the sentence, and shows nothing of the inside.
  std::string first;
  for (const auto line : absl::StrSplit(wrong.said, '\n')) {
    if (line.find("error:") == line.npos) continue;
    first = std::string(line);
    break;
  }
  EXPECT_THAT(first, HasSubstr(GetParam().sentence)) << wrong.said;
  EXPECT_THAT(first, Not(HasSubstr("internal::"))) << wrong.said;
}

TEST(CompileFailureTwinsTest, AllCompile) {
  if (!can_compile()) GTEST_SKIP() << "the compiler is not at hand";
  std::string code;
  for (const failure& f : kFailures) code += function_of(f.name, f.right);
  const outcome right = compile(code);
  EXPECT_TRUE(right.compiles) << right.said;
}

}  // namespace
}  // namespace ratchet
