// What must not compile, and what it says: the compiler is asked. Each case has
// a twin that differs in the mistake alone and must compile, so that no case
// fails for another reason.

#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
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
#include <optional>
#include <string>
#include <string_view>
#include <vector>
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
  const char* header = "";  // That it needs besides.
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
    {"AwaitOfAStatusOr",
     "await<&next>(x): an absl::Status or absl::StatusOr is here already",
     "struct m final : ratchet::task<void> { step start() { "
     "absl::StatusOr<int> x = 1; return await<&m::next>(std::move(x)); } step "
     "next(int) { return done(); } }; (void)ratchet::create_task(m());",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(future<int>()); } step next(int) { return done(); } }; "
     "(void)ratchet::create_task(m());"},
    {"AwaitOfAStatus",
     "await<&next>(x): an absl::Status or absl::StatusOr is here already",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(absl::OkStatus()); } step next() { return done(); } }; "
     "(void)ratchet::create_task(m());",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(future<void>()); } step next() { return done(); } }; "
     "(void)ratchet::create_task(m());"},
    {"AwaitOfAValue",
     "await<&next>(x): only a future, a shared_future, or a machine that has "
     "not been started can be awaited",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(1); } step next(int) { return done(); } }; "
     "(void)ratchet::create_task(m());",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(future<int>()); } step next(int) { return done(); } }; "
     "(void)ratchet::create_task(m());"},
    {"AwaitOfAFutureByLvalue",
     "await<&next>(future) takes the future: std::move it, or share() it to "
     "keep it",
     "struct m final : ratchet::task<void> { step start() { future<int> x; "
     "return await<&m::next>(x); } step next(int) { return done(); } }; "
     "(void)ratchet::create_task(m());",
     "struct m final : ratchet::task<void> { step start() { future<int> x; "
     "return await<&m::next>(std::move(x)); } step next(int) { return done(); "
     "} }; (void)ratchet::create_task(m());"},
    {"ThenOnALvalue",
     "then(f), its kin and share() take the future: std::move(x).then(f)",
     "(void)f.then([](int) {});", "(void)std::move(f).then([](int) {});"},
    {"FinallyOnALvalue",
     "then(f), its kin and share() take the future: std::move(x).then(f)",
     "(void)f.finally([] {});", "(void)std::move(f).finally([] {});"},
    {"ShareOfALvalue",
     "then(f), its kin and share() take the future: std::move(x).then(f)",
     "(void)f.share();", "(void)std::move(f).share();"},
    {"WhenAllOfALvalueRange",
     "a range passed as an lvalue is copied, and its elements cannot be: "
     "std::move it, or share() the futures to keep them",
     "std::vector<future<int>> all; (void)ratchet::when_all(all);",
     "std::vector<future<int>> all; (void)ratchet::when_all(std::move(all));",
     "ratchet/when_all.h"},
    {"AConstState",
     "a state is a member function that is not const and takes nothing, or one "
     "parameter",
     "struct m final : ratchet::task<void> { step start() { return "
     "yield<&m::next>(); } step next() const { return "
     "const_cast<m*>(this)->done(); } }; (void)ratchet::create_task(m());",
     "struct m final : ratchet::task<void> { step start() { return "
     "yield<&m::next>(); } step next() { return const_cast<m*>(this)->done(); "
     "} }; (void)ratchet::create_task(m());"},
    {"AStateOfTwoParameters",
     "a state is a member function that is not const and takes nothing, or one "
     "parameter",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(future<int>()); } step next(int, int) { return done(); } "
     "}; (void)ratchet::create_task(m());",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(future<int>()); } step next(int) { return done(); } }; "
     "(void)ratchet::create_task(m());"},
    {"AStateThatConvertsTheValueExplicitly",
     "a state after await takes the value, the outcome, or nothing",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(future<std::optional<std::string_view>>()); } step "
     "next(std::optional<std::string>) { return done(); } }; "
     "(void)ratchet::create_task(m());",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(future<std::optional<std::string_view>>()); } step "
     "next(std::optional<std::string_view>) { return done(); } }; "
     "(void)ratchet::create_task(m());"},
    {"AStateThatTakesAStatusForATuple",
     "the value is a std::tuple here, with std::monostate for void",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(ratchet::when_all(future<void>(), future<void>())); } "
     "step next(absl::Status) { return done(); } }; "
     "(void)ratchet::create_task(m());",
     "struct m final : ratchet::task<void> { step start() { return "
     "await<&m::next>(ratchet::when_all(future<void>(), future<void>())); } "
     "step next(absl::StatusOr<std::tuple<std::monostate, std::monostate>>) { "
     "return done(); } }; (void)ratchet::create_task(m());",
     "ratchet/when_all.h"},
};

// Each gives a machine, which does nothing until it is awaited: an error when
// that is forgotten, and not when it is dropped by a cast.
constexpr const char* kIgnored[] = {
    "ratchet::with_timeout(std::move(f), absl::Seconds(1))",
    "ratchet::retry({}, [] { return 1; })",
    "ratchet::map_concurrent(std::vector<int>(), 1, [](int i) { return i; })",
    "ratchet::map_concurrent_settled(std::vector<int>(), 1, "
    "[](int i) { return i; })",
    "ratchet::wait(std::vector<future<int>>())",
    "ratchet::as_completed(std::vector<future<int>>()).for_each("
    "[](ratchet::completed<int>) {})",
    "ratchet::connect(address)",
    "ratchet::connect(std::vector<ratchet::socket_address>())",
    "ratchet::connect(pool, \"localhost\", 80)",
    "ratchet::serve(listener, [](ratchet::accepted) { return future<void>(); "
    "})",
    "ratchet::run_process({})",
    "process.wait()",
    "ratchet::when_all(std::move(f), std::move(v))",
    "ratchet::sleep_for(absl::Seconds(1))",
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

std::string include(std::string_view header) {
  if (header.empty()) return "";
  return absl::StrCat("#include \"", std::string(header), "\"\n");
}

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
  const std::string command = absl::StrCat(compiler,
                                           " -x c++ -std=c++17 -fsyntax-only "
                                           "-Werror=unused-result -Iinclude ",
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
  const outcome wrong = compile(include(GetParam().header) +
                                function_of("wrong", GetParam().wrong));
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
  for (const failure& f : kFailures) {
    code += include(f.header) + function_of(f.name, f.right);
  }
  const outcome right = compile(code);
  EXPECT_TRUE(right.compiles) << right.said;
}

// A line for each of kIgnored, with `drop` in front.
std::string ignoring(std::string_view drop) {
  std::string code;
  for (const char* const header :
       {"ratchet/as_completed.h", "ratchet/io/connect.h",
        "ratchet/io/process.h", "ratchet/io/serve.h",
        "ratchet/map_concurrent.h", "ratchet/retry.h", "ratchet/sleep.h",
        "ratchet/timeout.h", "ratchet/wait.h", "ratchet/when_all.h"}) {
    code += include(header);
  }
  code +=
      "void ignoring(future<int> f, future<void> v, ratchet::thread_pool& pool,"
      " ratchet::listener& listener, ratchet::process& process,"
      " const ratchet::socket_address& address) {\n";
  for (const char* const call : kIgnored) {
    absl::StrAppend(&code, std::string(drop), call, ";\n");
  }
  return code + "}\n";
}

TEST(CompileFailureIgnoredTest, AMachineThatIsNotAwaited) {
  if (!can_compile()) GTEST_SKIP() << "the compiler is not at hand";
  const outcome wrong = compile(ignoring(""));
  size_t refused = 0;
  for (const auto line : absl::StrSplit(wrong.said, '\n')) {
    if (line.find("error:") == line.npos) continue;
    EXPECT_THAT(std::string(line), HasSubstr("ignoring return"));
    ++refused;
  }
  EXPECT_EQ(refused, std::size(kIgnored)) << wrong.said;
  const outcome right = compile(ignoring("(void)"));
  EXPECT_TRUE(right.compiles) << right.said;
}

}  // namespace
}  // namespace ratchet
