#ifndef RATCHET_TESTS_BENCHMARKS_ECHO_SERVER_PROCESS_H_
#define RATCHET_TESTS_BENCHMARKS_ECHO_SERVER_PROCESS_H_

// The program of a server, while it is measured: a child that prints the port
// it listens on, and that ends when this object does, or this process.
//
//   echo::server_process server("/path/of/server", 1);   // On CPU 1.
//   connect to server.port() ...
//   server.cpu_ns()              // What it has used until now.
//   server.stop()                // SIGTERM, and waits for its end.
//
// Whatever goes wrong ends this program with a sentence and status 1.

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "tests/benchmarks/harness.h"

namespace echo {

constexpr int kAnyCpu = -1;
constexpr int kPatienceMs = 20'000;  // For a port, an echo, an end.

// This process, and those it starts from now on.
inline void run_on(int cpu) {
  if (cpu == kAnyCpu) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) {
    bench::fail("CPU %d cannot be had: %s.", cpu, strerror(errno));
  }
}

class server_process {
 public:
  server_process(const std::string& path, int cpu) : path_(path) {
    int ends[2];
    if (pipe(ends) != 0) bench::fail("pipe(): %s.", strerror(errno));
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) bench::fail("fork(): %s.", strerror(errno));
    if (pid_ == 0) {
      // Not longer than its parent, however that ends.
      if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(1);
      run_on(cpu);
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      execl(path.c_str(), path.c_str(), nullptr);
      bench::fail("%s cannot be run: %s.", path.c_str(), strerror(errno));
    }
    close(ends[1]);
    output_ = ends[0];
    if (clock_getcpuclockid(pid_, &clock_) != 0) {
      bench::fail("The CPU time of %s cannot be read.", path.c_str());
    }
    port_ = read_port();
  }
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;
  ~server_process() {
    if (pid_ > 0) stop();
  }

  uint16_t port() const { return port_; }

  // Of all its threads, user and system, since it was started.
  int64_t cpu_ns() const { return bench::clock_ns(clock_); }

  // Returns what it has used altogether.
  rusage stop() {
    kill(pid_, SIGTERM);
    // Its end closes the pipe.
    char ignored[256];
    while (wait_for_output() && read(output_, ignored, sizeof ignored) > 0) {
    }
    kill(pid_, SIGKILL);  // Unless it has ended: nobody has waited for it yet.
    int status = 0;
    rusage used;
    while (wait4(pid_, &status, 0, &used) < 0) {
      if (errno != EINTR) bench::fail("wait4(): %s.", strerror(errno));
    }
    pid_ = -1;
    close(output_);
    const bool as_told =
        WIFSIGNALED(status) ? WTERMSIG(status) == SIGTERM : status == 0;
    if (!as_told) {
      bench::fail("%s has not ended as it was told: wait status %d.",
                  path_.c_str(), status);
    }
    return used;
  }

 private:
  // False when there is none for a long time.
  bool wait_for_output() const {
    pollfd one{output_, POLLIN, 0};
    return poll(&one, 1, kPatienceMs) > 0;
  }

  uint16_t read_port() const {
    std::string line;
    for (char c = 0; wait_for_output() && read(output_, &c, 1) == 1;) {
      if (c != '\n') {
        line += c;
        continue;
      }
      const int port = atoi(line.c_str());
      if (port < 1 || port > 65'535) break;
      return static_cast<uint16_t>(port);
    }
    bench::fail("%s has printed no port but '%s'.", path_.c_str(),
                line.c_str());
  }

  std::string path_;
  pid_t pid_ = -1;
  int output_ = -1;
  clockid_t clock_ = 0;
  uint16_t port_ = 0;
};

}  // namespace echo

#endif  // RATCHET_TESTS_BENCHMARKS_ECHO_SERVER_PROCESS_H_
