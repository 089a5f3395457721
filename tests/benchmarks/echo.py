#!/usr/bin/env python3
"""Runs the echo servers of echo/ in turns, and makes the table of them.

  echo.py --client=PATH --program=NAME=PATH... [--version=NAME=TEXT...] --out=DIR
          [--workload=NAMES] [--rounds=5] [--quick]
  echo.py --list

tests/bench --echo calls it. A program is a server as echo/client.cc, which measures
it, wants one; the one called epoll is the measure of the others. Exits with 1 if a
server failed or an echo was not what was sent.
"""

import json
import os
import statistics
import subprocess
import sys
import time

from report import (commit, leave, machine, number, options_of, pairs, say, table,
                    versions_of)

ROWS = {
    "64x64": "64 connections, 64 bytes",
    "1000x1k": "1,000 connections, 1 KiB",
}
BASE = "epoll"
SECONDS = 2
MOST_REQUESTS = 1_000_000
WARM_UP = 20_000
PATIENCE = 120
# A run in which neither was this busy was disturbed by something else.
BUSY = 0.9
# What the table takes the median of.
MEASURED = ("rps", "p50_us", "p99_us", "server_cpu_ns_per_request",
            "client_cpu_ns_per_request", "server_busy", "client_busy",
            "server_rss_kb")
# And compares with the base.
RATIOS = {"rps": "rps_ratio", "server_cpu_ns_per_request": "cpu_ratio"}


class Failure(Exception):
  """A server failed, or has sent something else than it was sent."""


def siblings_of(cpu):
  """Returns the CPUs that share a core with this one."""
  path = f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
  try:
    with open(path, encoding="ascii") as file:
      text = file.read().strip()
  except OSError:
    return {cpu}
  result = {cpu}
  for part in text.split(","):
    first, _, last = part.partition("-")
    result.update(range(int(first), int(last or first) + 1))
  return result


def two_cpus():
  """Returns one for the client and one for the server, of different cores if there
  are any; None where there is only one."""
  cpus = sorted(os.sched_getaffinity(0))
  if len(cpus) < 2:
    return None
  for cpu in cpus[1:]:
    if cpu not in siblings_of(cpus[0]):
      return cpus[0], cpu
  return cpus[0], cpus[1]


def where(cpus):
  """Says where the two run."""
  if cpus is None:
    return ("There is but one CPU, which the client and the server share: no figure "
            "is what it would be with two.")
  text = f"The client is pinned to CPU {cpus[0]}, the server to CPU {cpus[1]}"
  if cpus[1] in siblings_of(cpus[0]):
    return text + ", which are two threads of one core."
  return text + "."


def measure(client, name, path, row, cpus, quick):
  """Returns what the client says of one run."""
  command = [
      client,
      f"--server={path}",
      f"--peer={name}",
      f"--row={row}",
      f"--requests={MOST_REQUESTS}",
      f"--seconds={SECONDS / 10 if quick else SECONDS}",
      f"--warm-up={WARM_UP // 10 if quick else WARM_UP}",
  ]
  if cpus is not None:
    command += [f"--client-cpu={cpus[0]}", f"--server-cpu={cpus[1]}"]
  try:
    ran = subprocess.run(
        command, stdout=subprocess.PIPE, timeout=PATIENCE, check=False)
  except (OSError, subprocess.TimeoutExpired) as error:
    raise Failure(f"{name}, {row}: {error}") from error
  if ran.returncode != 0:
    raise Failure(f"{name}, {row}: exit status {ran.returncode} of "
                  f"{' '.join(command)}")
  result = json.loads(ran.stdout)
  answered = result["warm_up"] + result["requests"]
  if result["check"] != answered * (answered + 1) // 2:
    raise Failure(f"{name}, {row}: its check is {result['check']} after "
                  f"{answered} requests")
  return result


def measure_all(options, programs, rows, rounds, cpus):
  """Returns the results by row and name, and what failed."""
  results = {(row, name): [] for row in rows for name in programs}
  failures = []
  for turn in range(rounds):
    say(f"Round {turn + 1} of {rounds}: {', '.join(programs)}")
    names = list(programs)
    first = turn % len(names)
    for row in rows:
      for name in names[first:] + names[:first]:
        if (row, name) not in results:
          continue
        try:
          results[row, name].append(
              measure(options.client, name, programs[name], row, cpus,
                      options.quick))
        except Failure as failure:
          # The others go on without it.
          say(f"FAILED: {failure}")
          failures.append(str(failure))
          del results[row, name]
  return results, failures


def summary_of(row, name, results, base):
  """Returns one line of the JSON: medians, and how far they are from `base`."""
  line = {"row": row, "peer": name}
  for key in MEASURED:
    line[key] = statistics.median(result[key] for result in results)
  line["max_us"] = max(result["max_us"] for result in results)
  line["requests"] = sum(result["requests"] for result in results)
  line["rounds"] = results
  if base is not None:
    for key, ratio in RATIOS.items():
      line[ratio] = line[key] / base[key]
  return line


def with_ratio(line, key):
  text = number(line[key])
  if RATIOS[key] not in line:
    return text
  return f"{text} ({line[RATIOS[key]]:.2f})"


def table_of(lines):
  """Returns the table as lines of Markdown that can be read as they are."""
  rows = [[
      "", "", "requests/s", "p50 us", "p99 us", "most us", "server: CPU ns",
      "server busy", "client busy", "MiB"
  ]]
  last = None
  for line in lines:
    title = ROWS[line["row"]] if line["row"] != last else ""
    last = line["row"]
    rows.append([
        title,
        line["peer"],
        with_ratio(line, "rps"),
        number(line["p50_us"]),
        number(line["p99_us"]),
        number(line["max_us"]),
        with_ratio(line, "server_cpu_ns_per_request"),
        f"{line['server_busy']:.0%}",
        f"{line['client_busy']:.0%}",
        number(line["server_rss_kb"] / 1024),
    ])
  return table(rows)


def disturbances_of(lines):
  """Says in how many runs the CPUs were not for us alone."""
  runs = [run for line in lines for run in line["rounds"]]
  idle = [
      run for run in runs
      if max(run["server_busy"], run["client_busy"]) < BUSY
  ]
  if not idle:
    return ""
  return (f"DISTURBED: in {len(idle)} of {len(runs)} runs neither the server nor "
          f"the client had {BUSY:.0%} of its CPU. CPU times hold even so, more or "
          "less; requests per second and latencies do not.")


def main(arguments):
  options = options_of(__doc__, arguments, rows=ROWS)
  rows = options.rows
  programs = pairs(options.program)
  rounds = options.rounds
  cpus = two_cpus()

  begin = time.monotonic()
  results, failures = measure_all(options, programs, rows, rounds, cpus)
  lines = []
  for row in rows:
    base = None
    if (row, BASE) in results:
      base = summary_of(row, BASE, results[row, BASE], None)
    lines += [
        summary_of(row, name, results[row, name],
                   base if name != BASE else None)
        for name in programs if (row, name) in results
    ]

  about = [
      "Echo servers: requests per second (ratio to those of epoll, system calls in "
      "C); microseconds from sending a message to its echo; CPU nanoseconds of the "
      f"server per request (ratio). Medians of {rounds} rounds, and the most of "
      f"all. ratchet at {commit()}, on {machine()}.",
      "Each connection sends its next message when it has the echo of the last, so "
      "that latencies are those of a server with as many requests waiting as "
      "connections. Where the client is the busier one, its speed is what is seen: "
      "compare the CPU time.",
      where(cpus),
      versions_of(programs, pairs(options.version)),
      disturbances_of(lines),
  ]
  if options.quick:
    about.insert(0, "QUICK: a tenth of the time; no figure means anything.")
  about += [f"FAILED: {failure}" for failure in failures]
  about = [text for text in about if text]
  leave(
      options.out, "echo", table_of(lines) + [""] + about, {
          "about": about,
          "versions": pairs(options.version),
          "rounds": rounds,
          "quick": options.quick,
          "peers": list(programs),
          "cpus": cpus,
          "results": lines,
          "failures": failures,
      })
  say(f"{len(lines)} results in {time.monotonic() - begin:.0f} seconds; "
      f"they are in {options.out}")
  return 1 if failures else 0


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
