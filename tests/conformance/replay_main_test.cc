// The command line of replay.

#include <stdlib.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/conformance/files.h"

namespace ratchet::conformance {
namespace {

using ::testing::HasSubstr;

struct run_result {
  int status;
  std::string out;
  std::string err;
};

std::string temporary(const std::string& name) {
  return testing::TempDir() + "/" + name;
}

// Runs replay with `arguments`, as a shell would.
run_result run(const std::string& arguments) {
  const std::string out = temporary("out");
  const std::string err = temporary("err");
  const std::string command = runfile("tests/conformance/replay") + " " +
                              arguments + " >" + out + " 2>" + err;
  const int status = std::system(command.c_str());
  return {WEXITSTATUS(status), read_file(out), read_file(err)};
}

std::string write(const std::string& name, const std::string& text) {
  std::string path = temporary(name);
  std::ofstream(path) << text;
  return path;
}

constexpr char kProgram[] = R"({"tasks": {
  "main": [{"op": "spawn", "task": "w", "as": "h"},
           {"op": "await", "h": "h"},
           {"op": "return", "last": true}],
  "w": [{"op": "sleep", "ms": 5}, {"op": "return", "value": [1, "\u00e9"]}]}})";

constexpr char kTrace[] =
    R"({"t":0,"task":"main","ev":"start"}
{"t":0,"task":"main","ev":"spawn","h":"h","ok":"w"}
{"t":0,"task":"w","ev":"start"}
{"t":5,"task":"w","ev":"sleep","ms":5,"ok":null}
{"t":5,"task":"w","ev":"return","ok":[1,"\u00e9"]}
{"t":5,"task":"w","ev":"end","ok":[1,"\u00e9"]}
{"t":5,"task":"main","ev":"await","h":"h","ok":[1,"\u00e9"]}
{"t":5,"task":"main","ev":"return","ok":[1,"\u00e9"]}
{"t":5,"task":"main","ev":"end","ok":[1,"\u00e9"]}
{"t":5,"task":"@driver","ev":"run","body":"main","ok":[1,"\u00e9"]}
{"t":5,"task":"@driver","ev":"exit","ok":[1,"\u00e9"],"pending":[]}
)";

TEST(ReplayTest, PrintsTheTrace) {
  const run_result r = run(write("p.json", kProgram));
  EXPECT_EQ(r.status, 0);
  EXPECT_EQ(r.out, kTrace);
  EXPECT_EQ(r.err, "");
}

TEST(ReplayTest, HopsNumberTheIterations) {
  const run_result r = run("--hops " + write("p.json", kProgram));
  EXPECT_EQ(r.status, 0);
  EXPECT_THAT(r.out, HasSubstr(R"({"t":5,"it":4,"task":"w","ev":"sleep")"));
}

TEST(ReplayTest, BatchWritesAFileForEach) {
  const std::string good = write("good.json", kProgram);
  const std::string other = write("other.json", kProgram);
  const run_result r =
      run("--batch " + testing::TempDir() + " " + good + " " + other);
  EXPECT_EQ(r.status, 0);
  EXPECT_EQ(r.out, "");
  EXPECT_EQ(read_file(temporary("good.jsonl")), kTrace);
  EXPECT_EQ(read_file(temporary("other.jsonl")), kTrace);
}

TEST(ReplayTest, ABadProgramIsStatus2AndTheOthersRun) {
  const std::string bad =
      write("bad.json", R"({"tasks": {"main": [{"op": "jump"}]}})");
  const run_result r = run(bad + " " + write("p.json", kProgram));
  EXPECT_EQ(r.status, 2);
  EXPECT_EQ(r.out, kTrace);
  EXPECT_EQ(r.err, bad +
                       ": bad program: main[0]: unknown op "
                       "{\"op\":\"jump\"}\n");
}

TEST(ReplayTest, AMissingFileIsStatus2) {
  const run_result r = run("/no/such/program.json");
  EXPECT_EQ(r.status, 2);
  EXPECT_EQ(r.err, "/no/such/program.json: cannot be read\n");
}

TEST(ReplayTest, NoProgramIsStatus2) {
  const run_result r = run("--hops");
  EXPECT_EQ(r.status, 2);
  EXPECT_THAT(r.err, HasSubstr("no program given"));
}

}  // namespace
}  // namespace ratchet::conformance
