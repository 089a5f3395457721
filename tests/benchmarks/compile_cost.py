#!/usr/bin/env python3
"""Measures what the headers cost those who include them.

  compile_cost.py [--peer=NAME]... [--version=NAME=TEXT...] --out=DIR
                  [--rounds=5] [--quick]

tests/bench --compile calls it. Compiles compile/NAME.cc, ten thens and one task
(or what is nearest to it), and files with one and with more types of tasks.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile

from report import commit, leave, machine, number, pairs, say, table, versions_of

HERE = "tests/benchmarks/compile"
STANDARDS = {"asio_await": 20, "coroutine": 20}
FURTHER = 20

# A file's beginning, and one type of task: sleep, yield, return.
TASKS = {
    "ratchet": ("""
#include "absl/time/time.h"
#include "ratchet/future.h"
#include "ratchet/task.h"
""", """
class task_@ final : public ratchet::task<int> {
 public:
  explicit task_@(int x) : x_(x) {}
  step start() { return sleep_for<&task_@::woken>(absl::Seconds(@)); }
 private:
  step woken() { return yield<&task_@::end>(); }
  step end() { return done(x_ + @); }
  int x_;
};
ratchet::future<int> start_@(int x) { return create_task(task_@(x)); }
"""),
    "coroutine": ("""
#include "tests/benchmarks/peers/coroutine.h"
""", """
coro::task<int> start_@(int x) {
  co_await coro::sleep_for(@'000'000'000);
  co_await coro::yield();
  co_return x + @;
}
"""),
    "kj": ("""
#include <kj/async.h>
#include <kj/timer.h>
""", """
kj::Promise<int> start_@(kj::Timer& timer, int x) {
  return timer.afterDelay(@ * kj::SECONDS).then([x]() {
    return kj::evalLater([x]() { return x + @; });
  });
}
"""),
    "asio_await": ("""
#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
""", """
asio::awaitable<int> start_@(asio::io_context& context, int x) {
  asio::steady_timer timer(context, std::chrono::seconds(@));
  co_await timer.async_wait(asio::use_awaitable);
  co_await asio::post(context, asio::use_awaitable);
  co_return x + @;
}
"""),
}


def command_of(peer):
  return [
      "g++", f"-std=c++{STANDARDS.get(peer, 17)}", "-O2", "-DNDEBUG", "-Iinclude",
      "-I."
  ]


def compile_file(peer, source, output):
  """Returns the CPU seconds that it takes."""
  before = resource.getrusage(resource.RUSAGE_CHILDREN)
  subprocess.run(command_of(peer) + ["-c", source, "-o", output], check=True)
  after = resource.getrusage(resource.RUSAGE_CHILDREN)
  return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def preprocessed_lines(peer, source):
  ran = subprocess.run(
      command_of(peer) + ["-E", "-P", source],
      stdout=subprocess.PIPE,
      check=True)
  return sum(1 for line in ran.stdout.splitlines() if line.strip())


def bytes_of(path):
  """Returns what of an object file ends up in programs: code and data."""
  ran = subprocess.run(["size", path], stdout=subprocess.PIPE, check=True)
  text, initialized = ran.stdout.decode().splitlines()[1].split()[:2]
  return int(text) + int(initialized)


def tasks_file(peer, count, folder):
  beginning, task = TASKS[peer]
  path = os.path.join(folder, f"{peer}_{count}.cc")
  with open(path, "w", encoding="utf-8") as file:
    file.write(beginning)
    for i in range(1, count + 1):
      file.write(task.replace("@", str(i)))
  return path


def main(arguments):
  parser = argparse.ArgumentParser(usage=__doc__)
  parser.add_argument("--peer", action="append", default=[])
  parser.add_argument("--version", action="append", default=[])
  parser.add_argument("--out")
  parser.add_argument("--rounds", type=int, default=5)
  parser.add_argument("--quick", action="store_true")
  options = parser.parse_args(arguments)
  rounds = 1 if options.quick else options.rounds
  peers = ["ratchet"] + [
      peer for peer in options.peer if os.path.exists(f"{HERE}/{peer}.cc")
  ]

  with tempfile.TemporaryDirectory() as folder:
    files = {(peer, "ten thens"): f"{HERE}/{peer}.cc" for peer in peers}
    for peer in peers:
      if peer in TASKS:
        for count in (1, 1 + FURTHER):
          files[peer, count] = tasks_file(peer, count, folder)
    seconds = {}
    for turn in range(rounds):
      say(f"Round {turn + 1} of {rounds}: {', '.join(peers)}")
      for key, source in files.items():
        output = os.path.join(folder, "-".join(map(str, key)) + ".o")
        taken = compile_file(key[0], source, output)
        # The least: what else the machine does only adds.
        seconds[key] = min(taken, seconds.get(key, taken))
    sizes = {
        key: bytes_of(os.path.join(folder, "-".join(map(str, key)) + ".o"))
        for key in files
    }

  rows = [[
      "", "ten thens and one task: seconds", "lines", "bytes",
      "a further type of task: ms", "bytes"
  ]]
  lines = []
  for peer in peers:
    line = {
        "peer": peer,
        "seconds": seconds[peer, "ten thens"],
        "lines": preprocessed_lines(peer, files[peer, "ten thens"]),
        "bytes": sizes[peer, "ten thens"],
    }
    row = [
        peer,
        number(line["seconds"]), f"{line['lines']:,}", f"{line['bytes']:,}"
    ]
    if peer in TASKS:
      line["seconds_per_type"] = (
          seconds[peer, 1 + FURTHER] - seconds[peer, 1]) / FURTHER
      line["bytes_per_type"] = (
          sizes[peer, 1 + FURTHER] - sizes[peer, 1]) / FURTHER
      row += [
          number(line["seconds_per_type"] * 1e3), f"{line['bytes_per_type']:,.0f}"
      ]
    else:
      row += ["-", "-"]
    lines.append(line)
    rows.append(row)
  about = [
      "g++ -O2 -DNDEBUG -c: CPU seconds, the least of "
      f"{rounds} rounds; lines that the preprocessor leaves; bytes of code and data "
      f"in the object file. ratchet at {commit()}, on {machine()}.",
      versions_of(peers, pairs(options.version)),
  ]
  leave(options.out, "compile", table(rows) + [""] + about,
        {"about": about, "rounds": rounds, "results": lines})
  return 0


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
