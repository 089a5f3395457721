#include "ratchet/io/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/internal/child.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "ratchet/timeout.h"
#include "tests/io/processes.h"
#include "tests/support/allocations.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {
namespace {

using ::testing::_;
using ::testing::HasSubstr;

// With what tells of the end, a pidfd, and with what does where there is none.
class ProcessTest : public process_test,
                    public ::testing::WithParamInterface<bool> {
 protected:
  ProcessTest() { internal::allow_pidfd(GetParam()); }
  ~ProcessTest() override { internal::allow_pidfd(true); }
};

INSTANTIATE_TEST_SUITE_P(Kernels, ProcessTest, ::testing::Bool(),
                         [](const auto& test) {
                           return test.param ? "WithPidfd" : "WithoutPidfd";
                         });

TEST_P(ProcessTest, TellsTheExitCode) {
  process p = started(shell("exit 3"));
  const exit_status status = ended(p);
  EXPECT_TRUE(status.exited());
  EXPECT_EQ(status.code(), 3);
  EXPECT_FALSE(status.success());
  EXPECT_EQ(status.signal(), 0);
  EXPECT_EQ(to_string(status), "exited with 3");
  EXPECT_GT(status.max_resident_bytes(), 0);
  EXPECT_GE(status.user_time() + status.system_time(), absl::ZeroDuration());
  EXPECT_TRUE(ended(started(shell("exit 0"))).success());
}

TEST_P(ProcessTest, TellsTheSignalThatEndedIt) {
  process p = started(shell("kill -9 $$"));
  const exit_status status = ended(p);
  EXPECT_TRUE(status.signalled());
  EXPECT_EQ(status.signal(), SIGKILL);
  EXPECT_EQ(status.code(), -1);
  EXPECT_FALSE(status.core_dumped());
  EXPECT_EQ(to_string(status), "ended by SIGKILL");
}

TEST_P(ProcessTest, CanBeWaitedForByManyAndAfterItsEnd) {
  process p = started(program({"cat"}, redirect::pipe()));
  std::vector<future<exit_status>> waiting;
  for (int i = 0; i < 100; ++i) waiting.push_back(loop.create_task(p.wait()));
  iterate();
  EXPECT_TRUE(p.running());
  p.input().close();
  for (future<exit_status>& w : waiting) {
    EXPECT_TRUE(loop.run_until_complete(std::move(w))->success());
  }
  EXPECT_FALSE(p.running());
  EXPECT_TRUE(ended(p).success());
  EXPECT_TRUE(ended(p).success());
}

TEST_P(ProcessTest, IsReapedBeforeItsEndIsTold) {
  process p = started(shell("exit 0"));
  ended(p);
  EXPECT_EQ(waitpid(p.pid(), nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_P(ProcessTest, LeavesOtherChildrenAlone) {
  const pid_t theirs = fork();
  if (theirs == 0) _exit(7);
  process p = started(shell("exit 0"));
  ended(p);
  int status = 0;
  EXPECT_EQ(waitpid(theirs, &status, 0), theirs);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST_P(ProcessTest, AStatusThatOthersTookIsAnError) {
  process p = started(shell("exit 0"));
  EXPECT_EQ(waitpid(p.pid(), nullptr, 0), p.pid());
  EXPECT_THAT(loop.run_until_complete(p.wait()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("by others")));
  EXPECT_FALSE(p.running());
}

TEST_P(ProcessTest, SoItIsWhereTheProgramIgnoresSigchld) {
  signal(SIGCHLD, SIG_IGN);
  process p = started(shell("exit 0"));
  EXPECT_THAT(loop.run_until_complete(p.wait()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("by others")));
  EXPECT_THAT(spawn(program({"no-such-program"})),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no-such")));
  signal(SIGCHLD, SIG_DFL);
}

TEST_P(ProcessTest, CancellingAWaitLeavesTheProcess) {
  process p = started(program({"cat"}, redirect::pipe()));
  EXPECT_THAT(
      loop.run_until_complete(with_timeout(p.wait(), absl::Milliseconds(1))),
      IsKind(error_kind::timeout, _));
  EXPECT_TRUE(p.running());
  p.input().close();
  EXPECT_TRUE(ended(p).success());
}

TEST_P(ProcessTest, WaitingAllocatesNothing) {
  process p = started(program({"cat"}, redirect::pipe()));
  future<exit_status> waiting = loop.create_task(p.wait());
  const allocation_count made;
  iterate(3);
  EXPECT_EQ(made.blocks(), 0U);
  EXPECT_EQ(made.from_heap(), 0U);
  p.input().close();
  EXPECT_THAT(loop.run_until_complete(std::move(waiting)), IsOk());
}

TEST_P(ProcessTest, ReportsNameTheProcess) {
  process p = started(program({"cat"}, redirect::pipe()));
  const future<exit_status> waiting = loop.create_task(p.wait());
  iterate();
  EXPECT_EQ(loop.all_tasks()[0].awaiting, absl::StrCat("process ", p.pid()));
}

// -- Signals -----------------------------------------------------------------

TEST_P(ProcessTest, IsEndedBySignals) {
  process p = started(program({"cat"}, redirect::pipe()));
  EXPECT_THAT(p.terminate(), IsOk());
  EXPECT_EQ(ended(p).signal(), SIGTERM);
  EXPECT_THAT(p.kill(SIGTERM),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("has ended")));
}

TEST_P(ProcessTest, OneThatIgnoresTermIsKilled) {
  process p = started(
      shell("trap '' TERM; echo ready; while :; do read x || exit 1; done"));
  EXPECT_EQ(line_from(p.output()), "ready");
  EXPECT_THAT(p.terminate(), IsOk());
  EXPECT_THAT(
      loop.run_until_complete(with_timeout(p.wait(), absl::Milliseconds(1))),
      IsKind(error_kind::timeout, _));
  EXPECT_THAT(p.kill(SIGKILL), IsOk());
  EXPECT_EQ(ended(p).signal(), SIGKILL);
}

TEST_P(ProcessTest, ASignalThatIsNoneIsRefused) {
  process p = started(program({"cat"}, redirect::pipe()));
  EXPECT_THAT(p.kill(1000),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1000")));
  EXPECT_THAT(p.kill_group(SIGTERM),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
}

TEST_P(ProcessTest, AGroupIsEndedWithItsChildren) {
  process_options options = shell("sleep 1000 & echo $!; wait");
  options.new_process_group = true;
  process p = started(options);
  const std::string grandchild = line_from(p.output());
  EXPECT_EQ(getpgid(p.pid()), p.pid());
  EXPECT_THAT(p.kill_group(SIGKILL), IsOk());
  EXPECT_EQ(ended(p).signal(), SIGKILL);
  // The end of its output tells that the last one is gone.
  EXPECT_THAT(loop.run_until_complete(p.output().read_all(10)),
              IsOkAndHolds(""));
}

TEST_P(ProcessTest, BeginsWithEverySignalAsTheSystemHasIt) {
  signal(SIGHUP, SIG_IGN);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const std::string status = output_of(program({"cat", "/proc/self/status"}));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  signal(SIGHUP, SIG_DFL);
  EXPECT_THAT(status, HasSubstr("SigBlk:\t0000000000000000\n"));
  EXPECT_THAT(status, HasSubstr("SigCgt:\t0000000000000000\n"));
  // But for 32 and 33, which are the C library's and nobody's to set.
  const size_t ignored = status.find("SigIgn:") + 8;
  EXPECT_EQ(
      std::stoull(status.substr(ignored, 16), nullptr, 16) & ~0x180000000ULL,
      0U);
}

// -- Programs that cannot be run ---------------------------------------------

TEST_P(ProcessTest, AProgramThatIsNotThereIsNotFoundByName) {
  EXPECT_THAT(
      spawn(program({"no-such-program"})),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("no-such-program")));
  EXPECT_THAT(spawn(program({"/no/such/program"})),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such")));
}

TEST_P(ProcessTest, AProgramThatMayNotBeRunIsRefused) {
  const std::string file = absl::StrCat(::testing::TempDir(), "/plain_file");
  close(open(file.c_str(), O_CREAT | O_WRONLY, 0644));
  EXPECT_THAT(
      spawn(program({file})),
      StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("plain_file")));
  EXPECT_THAT(spawn(program({::testing::TempDir()})),
              StatusIs(absl::StatusCode::kPermissionDenied, _));
}

TEST_P(ProcessTest, ADirectoryThatIsNoneIsNamed) {
  process_options options = program({"pwd"});
  options.directory = "/no/such/directory";
  EXPECT_THAT(spawn(options),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("directory /no/such/directory")));
  options.directory = "/dev/null";
  EXPECT_THAT(spawn(options),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("/dev/null: Not a directory")));
}

TEST_P(ProcessTest, ArgumentsThatAreNoneAreRefused) {
  EXPECT_THAT(spawn(process_options()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("argv")));
  EXPECT_THAT(
      spawn(program({"echo", std::string("a\0b", 3)})),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("zero byte")));
  process_options options = program({"cat"});
  options.standard_input = redirect::to(12345);
  EXPECT_THAT(spawn(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("12345")));
  options.standard_input = redirect::to_output();
  EXPECT_THAT(spawn(options), StatusIs(absl::StatusCode::kInvalidArgument, _));
}

TEST_P(ProcessTest, WhatFailsLeavesNoDescriptor) {
  const int before = lowest_free_descriptor();
  process_options options = program({"no-such-program"}, redirect::pipe());
  options.standard_error = redirect::pipe();
  EXPECT_THAT(spawn(options), StatusIs(absl::StatusCode::kNotFound, _));
  EXPECT_EQ(lowest_free_descriptor(), before);
}

TEST_P(ProcessTest, AClosedLoopStartsNothing) {
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_THAT(spawn(program({"cat"})), IsKind(error_kind::closed, _));
}

// -- What it begins with -----------------------------------------------------

TEST_P(ProcessTest, HasTheEnvironmentThatItIsGiven) {
  setenv("RATCHET_TEST", "inherited", 1);
  EXPECT_EQ(output_of(shell("echo $RATCHET_TEST")), "inherited\n");
  process_options options = program({"env"});
  options.environment = {"A=1", "B=two words"};
  EXPECT_EQ(output_of(options), "A=1\nB=two words\n");
  options.environment->clear();
  EXPECT_EQ(output_of(options), "");
}

TEST_P(ProcessTest, BeginsInItsDirectory) {
  process_options options = program({"pwd"});
  options.directory = "/";
  EXPECT_EQ(output_of(options), "/\n");
}

TEST_P(ProcessTest, HasNoDescriptorsBeyondTheThree) {
  const int leaky = open("/dev/null", O_RDONLY);  // Without O_CLOEXEC.
  const process other = started(program({"cat"}, redirect::pipe()));
  // The fourth is that with which ls reads the folder.
  EXPECT_EQ(output_of(program({"ls", "/proc/self/fd"})), "0\n1\n2\n3\n");
  close(leaky);
}

TEST_P(ProcessTest, RedirectsEachDescriptor) {
  const std::string file = absl::StrCat(::testing::TempDir(), "/redirected");
  const int fd = open(file.c_str(), O_CREAT | O_TRUNC | O_RDWR, 0644);
  process_options options = shell("cat; echo out; echo err >&2");
  options.standard_input = redirect::null();
  options.standard_output = redirect::to(fd);
  options.standard_error = redirect::to_output();
  EXPECT_TRUE(ended(started(options)).success());
  EXPECT_GE(fcntl(fd, F_GETFD), 0);  // Still ours.
  options.argv = {"cat"};
  lseek(fd, 0, SEEK_SET);
  options.standard_input = redirect::to(fd);
  options.standard_output = redirect::pipe();
  EXPECT_EQ(output_of(options), "out\nerr\n");
  close(fd);
}

TEST_P(ProcessTest, StandardDescriptorsCanBeSwapped) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const int saved = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO);  // Its 1 is our 2, and the other way round.
  process_options options = shell("echo out; echo err >&2");
  options.standard_output = redirect::to(STDERR_FILENO);
  options.standard_error = redirect::to(STDOUT_FILENO);
  const bool ok = ended(started(options)).success();
  dup2(saved, STDERR_FILENO);
  close(saved);
  EXPECT_TRUE(ok);
  char read_back[16];
  EXPECT_EQ(read(ends[0], read_back, sizeof read_back), 4);
  EXPECT_EQ(std::string(read_back, 4), "out\n");
  close(ends[0]);
  close(ends[1]);
}

// -- Dropping ----------------------------------------------------------------

TEST_P(ProcessTest, OneThatIsDroppedGoesOnAndIsReapedByTheLoop) {
  std::optional<process> p = started(program({"cat"}, redirect::pipe()));
  const pid_t child = p->pid();
  stream input = std::move(p->input());
  p.reset();
  EXPECT_EQ(kill(child, 0), 0);
  input.close();
  run_until_reaped(child);
}

TEST_P(ProcessTest, OneThatIsDroppedWithKillEnds) {
  process_options options = shell("trap '' TERM; sleep 1000");
  options.kill_when_dropped = true;
  options.new_process_group = true;
  std::optional<process> p = started(options);
  const pid_t child = p->pid();
  p.reset();
  run_until_reaped(child);
}

TEST_P(ProcessTest, WhoWaitsForADroppedOneGetsItsStatus) {
  std::optional<process> p = started(program({"cat"}, redirect::pipe()));
  future<exit_status> waiting = loop.create_task(p->wait());
  iterate();
  p.reset();
  EXPECT_TRUE(loop.run_until_complete(std::move(waiting))->success());
}

TEST_P(ProcessTest, OneWhoseLoopIsDestroyedIsReapedByAThread) {
  pid_t dropped_before, dropped_with, dropped_after;
  process outlives;
  {
    event_loop short_lived(clock);
    catch_reports(short_lived);
    process before = started(program({"cat"}, redirect::pipe()));
    process with = started(program({"cat"}, redirect::pipe()));
    outlives = started(program({"cat"}, redirect::pipe()));
    dropped_before = before.pid();
    dropped_with = with.pid();
    dropped_after = outlives.pid();
    before = process();
    (void)short_lived.create_task(with.wait());
    iterate_in(short_lived);
  }
  EXPECT_TRUE(outlives.running());
  outlives = process();
  for (const pid_t child : {dropped_before, dropped_with, dropped_after}) {
    wait_until_reaped(child);
  }
}

TEST_P(ProcessTest, MovedIsTheSame) {
  process p = started(program({"cat"}, redirect::pipe()));
  future<exit_status> waiting = loop.create_task(p.wait());
  process moved = std::move(p);
  EXPECT_FALSE(p.valid());
  moved.input().close();
  EXPECT_TRUE(loop.run_until_complete(std::move(waiting))->success());
  EXPECT_FALSE(moved.running());
}

TEST_P(ProcessTest, AClosedLoopTellsNobody) {
  process p = started(program({"cat"}, redirect::pipe()));
  const future<exit_status> waiting = loop.create_task(p.wait());
  iterate();
  EXPECT_THAT(loop.close(), IsOk());
  EXPECT_FALSE(waiting.done());
  EXPECT_THAT(p.kill(SIGKILL), IsOk());
}

}  // namespace
}  // namespace ratchet::test
