#!/usr/bin/env python3
"""Runs the programs of the comparison in turns, and makes the table of them.

  side_by_side.py --program=NAME=PATH... [--version=NAME=TEXT...] --out=DIR
                  [--workload=NAMES] [--rounds=5] [--quick]
  side_by_side.py --list

tests/bench calls it. A program takes the flags of harness.h and prints its JSON;
one called ratchet is the measure of the others. Exits with 1 if a program failed
or its check is not that of ratchet.
"""

import collections
import json
import statistics
import subprocess
import sys
import time

from report import (commit, leave, machine, number, options_of, pairs, say, table,
                    versions_of)

# In the order of the table: what one operation is.
ROWS = {
    "w1a": "a callback that posts itself",
    "w1b": "the same, 1,000 of them",
    "w2_1e3": "of 10^3 timers, cancel one and arm one",
    "w2_1e5": "of 10^5",
    "w2_1e6": "of 10^6",
    "w2r_1e3": "of 10^3 timers, re-arm one in place",
    "w2r_1e5": "of 10^5",
    "w2r_1e6": "of 10^6",
    "w3": "arm a timer of 10^6, and it fires; virtual time",
    "w3r": "the same in real time",
    "w4p": "`then` on a pending future",
    "w4r": "`then` on a ready future",
    "w5": "a child of `when_all`",
    "w6": "a child of `as_completed`",
    "w7": "a task: spawn, yield, return, await",
    "w8m": "a task falls asleep, of 10^6",
    "w8f": "a task sleeps, to its end; virtual time",
    "w8fr": "the same in real time",
    "w9e": "pass a token through an event",
    "w9q": "through a queue",
    "w9f": "through a fresh future",
    "w10_1": "post from 1 other thread",
    "w10_3": "from 3 other threads",
    "w12a": "through the thread pool and back",
    "w12b": "the same, 256 in flight",
}
BYTES = "w8m bytes"  # A row of its own, from what w8m says beside the time.

# Where ratchet has several ways, the one that does what those of the others do:
# timers that are part of their owner, in a loop. The wheel, without a loop, is
# a contender of its own.
OURS = {
    **{f"w2_{n}": f"w2i_{n}" for n in ("1e3", "1e5", "1e6")},
    **{f"w2r_{n}": f"w2ri_{n}" for n in ("1e3", "1e5", "1e6")},
    "w3": "w3i",
    "w3r": "w3ir",
}
WHEEL = [row for row in ROWS if row.startswith("w2")] + ["w3"]

CHECK_SCALE = 0.01
# Longer than this a repetition need not be, where less of the work is the same
# work: in seconds.
LONG_ENOUGH = 1.0
SCALABLE = ("w1", "w4", "w5", "w6", "w7", "w9", "w10", "w12")
# Who takes longer than this for a turn has one only: what is so slow need not be
# exact.
LONG_TURN = 20
PATIENCE = 600


class Failure(Exception):
  """A program failed, or computed something else."""

  def __init__(self, name, row, what):
    super().__init__(f"{name}, {row}: {what}")
    self.name = name


class Contender:
  """A column: a program, and what it calls the rows."""

  def __init__(self, name, path, rows):
    self.name = name
    self.path = path
    self.rows = rows
    self.scales = {}

  def measure(self, row, scale):
    """Returns what the program says of one repetition."""
    command = [
        self.path,
        "--json",
        f"--workload={self.rows[row]}",
        "--repetitions=1",
        f"--scale={scale:g}",
    ]
    try:
      ran = subprocess.run(
          command, stdout=subprocess.PIPE, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
      raise Failure(self.name, row, error) from error
    lines = ran.stdout.decode().splitlines()
    if ran.returncode != 0 or len(lines) != 1:
      raise Failure(
          self.name, row, f"exit status {ran.returncode} and {len(lines)} results "
          f"of {' '.join(command)}")
    return json.loads(lines[0])


def contenders_of(programs):
  """Returns the contenders, ratchet first, that the programs are."""
  result = []
  for name, path in programs.items():
    listed = subprocess.run([path, "--list"],
                            stdout=subprocess.PIPE,
                            check=True)
    there = set(listed.stdout.decode().split())
    rows = {row: row for row in ROWS}
    if name == "ratchet":
      rows.update(OURS)
    result.append(
        Contender(name, path,
                  {row: its for row, its in rows.items() if its in there}))
    if name == "ratchet":
      result.append(Contender("wheel", path, {row: row for row in WHEEL}))
  return result


def same_work(row, them):
  """Raises Failure unless all compute the same; says how much each is to do."""
  expected = None
  for contender in them:
    result = contender.measure(row, CHECK_SCALE)
    if expected is None:
      expected = result["check"]
    if result["check"] != expected:
      raise Failure(
          contender.name, row, f"its check is {result['check']}, that of "
          f"{them[0].name} is {expected}")
    contender.scales[row] = 1.0
    if row.startswith(SCALABLE):
      seconds = result["wall_ns_per_op"] * result["ops"] / CHECK_SCALE / 1e9
      contender.scales[row] = min(1.0, max(CHECK_SCALE, LONG_ENOUGH / seconds))


def run_row(row, them, rounds, quick):
  """Returns the results of `row`: a list for each contender."""
  say(f"{row}: {', '.join(c.name for c in them)}")
  same_work(row, them)
  results = collections.defaultdict(list)
  slow = set()
  for turn in range(rounds):
    first = turn % len(them)
    for contender in them[first:] + them[:first]:
      if contender.name in slow:
        continue
      scale = CHECK_SCALE if quick else contender.scales[row]
      begin = time.monotonic()
      results[contender.name].append(contender.measure(row, scale))
      if time.monotonic() - begin > LONG_TURN:
        slow.add(contender.name)
  for contender in them:
    mine = results[contender.name]
    base = results[them[0].name]
    if contender.scales[row] != them[0].scales[row]:
      base = mine
    if any(result["check"] != base[0]["check"] for result in mine):
      raise Failure(contender.name, row,
                    f"its check is not always {base[0]['check']}")
  return results


def summary_of(row, name, results, base):
  """Returns one line of the JSON: medians, and how far they are from `base`."""
  cpu = [result["cpu_ns_per_op"] for result in results]
  line = {
      "workload": row,
      "peer": name,
      "param": results[0]["param"],
      "ops": results[0]["ops"],
      "cpu_ns_per_op": statistics.median(cpu),
      "cpu_min": min(cpu),
      "cpu_max": max(cpu),
      "wall_ns_per_op": statistics.median(r["wall_ns_per_op"] for r in results),
      "bytes_per_item": statistics.median(r["bytes_per_item"] for r in results),
      "check": results[0]["check"],
      "rounds": cpu,
  }
  if base is not None:
    line["ratio"] = line["cpu_ns_per_op"] / base["cpu_ns_per_op"]
    if base["bytes_per_item"] > 0 and line["bytes_per_item"] > 0:
      line["bytes_ratio"] = line["bytes_per_item"] / base["bytes_per_item"]
  return line


def cell(value, ratio):
  if value is None:
    return "-"
  if ratio is None:
    return number(value)
  text = f"{number(value)} ({number(ratio)})"
  return f"**{text}**" if ratio < 1 else text


def table_of(lines, names):
  """Returns the table as lines of Markdown that can be read as they are."""
  cells = {(line["workload"], line["peer"]): line for line in lines}
  measured = {line["workload"] for line in lines}
  rows = [["", "CPU ns of"] + names]
  for row, title in ROWS.items():
    if row not in measured:
      continue
    of = [cells.get((row, name)) for name in names]
    rows.append([row, title] + [
        cell(line and line["cpu_ns_per_op"], line and line.get("ratio"))
        for line in of
    ])
    if any(line and line["bytes_per_item"] > 0 and row == "w8m" for line in of):
      rows.append([BYTES, "resident bytes of it"] + [
          cell(line and line["bytes_per_item"], line and line.get("bytes_ratio"))
          for line in of
      ])
  return table(rows)


def spread_of(lines):
  """Says how far the rounds of a cell lie from each other."""
  spreads = sorted(
      ((line["cpu_max"] - line["cpu_min"]) / line["cpu_ns_per_op"], line["peer"],
       line["workload"]) for line in lines)
  if not spreads:
    return "Nothing was measured."
  middle = spreads[len(spreads) // 2]
  worst, peer, row = spreads[-1]
  return (f"From the least to the most of the rounds of a cell: {middle[0]:.0%} "
          f"in the median, at worst {worst:.0%} ({peer}, {row}).")


def main(arguments):
  options = options_of(__doc__, arguments, rows=ROWS)
  rounds = options.rounds
  contenders = contenders_of(pairs(options.program))
  versions = pairs(options.version)

  begin = time.monotonic()
  lines = []
  failures = []
  for row in options.rows:
    them = [c for c in contenders if row in c.rows]
    while them:
      try:
        results = run_row(row, them, rounds, options.quick)
      except Failure as failure:
        # The others go on without it.
        say(f"FAILED: {failure}")
        failures.append(str(failure))
        them = [c for c in them if c.name != failure.name]
        continue
      base = None
      for contender in them:
        line = summary_of(row, contender.name, results[contender.name], base)
        if contender.name == "ratchet":
          base = line
        lines.append(line)
      break

  names = [c.name for c in contenders
           if any(line["peer"] == c.name for line in lines)]
  about = [
      f"CPU nanoseconds per operation (ratio to ratchet), medians of {rounds} "
      f"rounds, ratchet at {commit()}, on {machine()}. **Bold** is faster than "
      "ratchet, - is what a peer has not got (its source says why).",
      versions_of(names, versions),
      spread_of(lines),
  ]
  if options.quick:
    about.insert(0, "QUICK: a hundredth of the work; no figure means anything.")
  about += [f"FAILED: {failure}" for failure in failures]
  leave(
      options.out, "comparison", table_of(lines, names) + [""] + about, {
          "about": about,
          "versions": versions,
          "rounds": rounds,
          "quick": options.quick,
          "peers": names,
          "results": lines,
          "failures": failures,
      })
  say(f"{len(lines)} results in {time.monotonic() - begin:.0f} seconds; "
      f"they are in {options.out}")
  return 1 if failures else 0


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
