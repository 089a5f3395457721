#!/usr/bin/env python3
"""Runs the programs of latency/ in turns, and makes the table of them.

  latency.py --program=NAME=PATH... [--version=NAME=TEXT...] --out=DIR
             [--rounds=5] [--quick]

tests/bench --latency calls it.
"""

import json
import statistics
import subprocess
import sys

from report import (commit, leave, machine, number, options_of, pairs, say, table,
                    versions_of)

LOADS = {
    "idle": "nothing else to do",
    "busy": "100 callbacks of 1 us always ready",
}


def run(name, path, samples):
  """Returns the results of both loads."""
  ran = subprocess.run([path, f"--samples={samples}"],
                       stdout=subprocess.PIPE,
                       check=True,
                       timeout=600)
  results = [json.loads(line) for line in ran.stdout.decode().splitlines()]
  if [result["load"] for result in results] != list(LOADS):
    sys.exit(f"{name} has not measured {' and '.join(LOADS)}.")
  return results


def main(arguments):
  options = options_of(__doc__, arguments)
  programs = pairs(options.program)
  rounds = options.rounds
  samples = 20 if options.quick else 1000

  results = []
  for turn in range(rounds):
    say(f"Round {turn + 1} of {rounds}: {', '.join(programs)}")
    for name, path in programs.items():
      results += run(name, path, samples)

  rows = [["load", "", "p50", "p99", "most", "early"]]
  lines = []
  for load, title in LOADS.items():
    for name in programs:
      mine = [r for r in results if r["load"] == load and r["peer"] == name]
      line = {
          "load": load,
          "peer": name,
          "p50_us": statistics.median(r["p50_ns"] for r in mine) / 1e3,
          "p99_us": statistics.median(r["p99_ns"] for r in mine) / 1e3,
          "max_us": max(r["max_ns"] for r in mine) / 1e3,
          "early": sum(r["early"] for r in mine) / sum(
              r["samples"] for r in mine),
      }
      lines.append(line)
      rows.append([title, name] + [
          number(line[key]) for key in ("p50_us", "p99_us", "max_us")
      ] + [f"{line['early']:.1%}"])
      title = ""
  about = [
      "Microseconds from when a timer was due to its callback, one timer of 0.1 to "
      f"5 ms at a time; medians of {rounds} rounds of {samples}, and the most of "
      f"all. ratchet at {commit()}, on {machine()}.",
      versions_of(programs, pairs(options.version)),
  ]
  leave(options.out, "latency", table(rows) + [""] + about,
        {"about": about, "rounds": rounds, "results": lines})
  return 0


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
