// What comes from outside: signals, and the end of processes.

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/io/process.h"
#include "ratchet/io/signals.h"
#include "ratchet/task.h"
#include "tests/io/sockets.h"
#include "tests/outcomes/pool.h"
#include "tests/outcomes/subject.h"
#include "tests/outcomes/table.h"

namespace ratchet::outcomes {
namespace {

void send_signal(stage& on) {
  raise(SIGUSR1);
  on.turn(kUntilItLooks);
}

std::string word_of_signal(const absl::StatusOr<int>& number) {
  if (!number.ok()) return word_of(number.status());
  return *number == SIGUSR1 ? "value" : "another signal";
}

subject next_of_watcher(stage& on) {
  auto watchers = std::make_shared<pool<signal_watcher>>(
      [] { return signal_watcher::watch({SIGUSR1}); });
  subject made = awaits_of(
      watchers, [](signal_watcher& w) { return w.next(); }, word_of_signal);
  made.give = [&on] { send_signal(on); };
  made.fate = [watchers, &on]() -> std::string {
    if (on.loop().is_closed()) return "";
    const future<int> next = create_task(watchers->take()->next());
    on.turn(1);
    send_signal(on);
    return next.done() ? "signals come" : "signals are lost";
  };
  return made;
}

subject next_of_signals(stage& on) {
  subject made = awaits([] { return next_signal({SIGUSR1}); }, word_of_signal);
  made.only_once = true;
  made.only_while_waiting = {event::source_gives_value};
  made.give = [&on] { send_signal(on); };
  made.fate = [] {
    struct sigaction now = {};
    EXPECT_EQ(sigaction(SIGUSR1, nullptr, &now), 0);
    return std::string(now.sa_handler == SIG_DFL ? "watched no more"
                                                 : "watched");
  };
  return made;
}

// Kills `child`, and waits until the kernel can tell.
void end_process(pid_t child) {
  EXPECT_EQ(kill(child, SIGKILL), 0);
  siginfo_t info;
  EXPECT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT),
            0);
}

subject waiting_for_process(stage& on) {
  process_options options;
  options.argv = {"sleep", "1000"};
  options.kill_when_dropped = true;
  absl::StatusOr<process> started = spawn(options);
  EXPECT_TRUE(started.ok()) << started.status();
  auto p = std::make_shared<process>(*std::move(started));
  const pid_t child = p->pid();
  // For who begins to wait when the process object is gone already.
  auto wait = std::make_shared<std::vector<process::waiting>>();
  subject made = awaits(
      [p, wait] {
        if (p->valid()) return p->wait();
        process::waiting w = std::move(wait->back());
        wait->pop_back();
        return w;
      },
      [](const absl::StatusOr<exit_status>& status) {
        if (!status.ok()) return word_of(status.status());
        return std::string(status->signal() == SIGKILL ? "value"
                                                       : "another end");
      });
  made.give = [child, &on] {
    end_process(child);
    on.turn(kUntilItLooks);
  };
  made.fail = [child, &on] {
    end_process(child);
    EXPECT_EQ(waitpid(child, nullptr, 0), child);
    on.turn(kUntilItLooks);
  };
  made.destroy_source = [p, wait, child, &on] {
    wait->push_back(p->wait());
    end_process(child);
    *p = process();
    on.turn(kUntilItLooks);
  };
  made.fate = [child] {
    return std::string(kill(child, 0) == 0 ? "process goes on"
                                           : "process gone");
  };
  return made;
}

// Our children that have not ended.
std::set<std::string> children() {
  std::set<std::string> found;
  DIR* const processes = opendir("/proc");
  while (const dirent* entry = readdir(processes)) {
    std::ifstream file(std::string("/proc/") + entry->d_name + "/stat");
    std::string line;
    std::getline(file, line);
    // "number (name) state parent ..."
    const size_t name_end = line.rfind(") ");
    if (name_end == std::string::npos) continue;
    std::istringstream rest(line.substr(name_end + 2));
    char state = 0;
    pid_t parent = 0;
    rest >> state >> parent;
    if (parent == getpid() && state != 'Z') found.insert(entry->d_name);
  }
  closedir(processes);
  return found;
}

// A program that prints what is written into a named pipe, up to one byte.
subject running_a_process() {
  struct named_pipe {
    named_pipe() { EXPECT_EQ(mkfifo(path.c_str(), 0600), 0); }
    // Waits until the program has opened it, too.
    void write(std::string_view data) const {
      const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
      EXPECT_EQ(::write(fd, data.data(), data.size()),
                static_cast<ssize_t>(data.size()));
      close(fd);
    }
    test::scratch_folder folder;
    const std::string path = folder.path("pipe");
  };
  auto pipe = std::make_shared<named_pipe>();
  subject made = awaits(
      [pipe] {
        process_options options;
        options.argv = {"cat", pipe->path};
        process_limits limits;
        limits.output = 1;
        return run_process(options, "", limits);
      },
      [](const absl::StatusOr<process_result>& result) {
        if (!result.ok()) return word_of(result.status());
        return std::string(result->status.success() && result->output == "1"
                               ? "value"
                               : "another end");
      });
  made.only_once = true;
  made.takes_real_time = true;
  made.give = [pipe] { pipe->write("1"); };
  made.fail = [pipe] { pipe->write("22"); };
  made.only_while_waiting = {event::source_gives_value, event::source_fails};
  made.fate = [others = children()] {
    for (const std::string& child : children()) {
      if (others.count(child) == 0) return "process goes on";
    }
    return "process killed";
  };
  return made;
}

}  // namespace

std::vector<named_subject> process_subjects() {
  return {
      {"signal_watcher_next", next_of_watcher},
      {"next_signal", next_of_signals},
      {"process_wait", waiting_for_process},
      {"run_process", [](stage&) { return running_a_process(); }},
  };
}

}  // namespace ratchet::outcomes
