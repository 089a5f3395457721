#!/usr/bin/env python3
"""Measures how the cost of an operation grows with the number of timers and tasks.

  growth.py --program=NAME=PATH... --out=DIR [--rounds=3] [--quick]

tests/bench --growth calls it, with ratchet and the coroutines. The workloads are
those of the comparison, at other scales.
"""

import json
import statistics
import subprocess
import sys

from report import commit, leave, machine, number, options_of, pairs, say, table

SIZES = [10**n for n in range(2, 8)]

# So many timers, and as many operations as is worth it: workload and scale.
REARMED = {
    10**2: ("1e3", 0.1),
    10**3: ("1e3", 1),
    10**4: ("1e5", 0.1),
    10**5: ("1e5", 1),
    10**6: ("1e6", 1),
    10**7: ("1e6", 10),
}

KINDS = {
    "w2": "cancel a timer and arm one",
    "w3": "arm a timer, and it fires",
    "w8f": "a task sleeps, to its end",
}

# What a program calls them, if not so. The wheel is ratchet's, without a loop; by
# itself it does not jump to the next deadline.
NAMES = {
    "ratchet": {"w2": "w2i", "w3": "w3i"},
}
KINDS_OF = {"wheel": ("w2",)}


def measure(path, name, kind, size):
  """Returns nanoseconds per operation."""
  workload = NAMES.get(name, {}).get(kind, kind)
  if kind == "w2":
    suffix, scale = REARMED[size]
    workload += "_" + suffix
    repetitions = 1
  else:
    scale = size / 10**6
    # A hundred of them take microseconds.
    repetitions = max(1, min(1000, 10**6 // size))
  ran = subprocess.run(
      [
          path, "--json", f"--workload={workload}", f"--scale={scale:g}",
          f"--repetitions={repetitions}"
      ],
      stdout=subprocess.PIPE,
      check=True,
      timeout=1200)
  return json.loads(ran.stdout)["cpu_ns_per_op"]


def main(arguments):
  options = options_of(__doc__, arguments, rounds=3)
  programs = pairs(options.program)
  programs = {
      "ratchet": programs["ratchet"],
      "wheel": programs["ratchet"],
      **{name: path for name, path in programs.items() if name != "ratchet"},
  }
  sizes = SIZES[:3] if options.quick else SIZES
  rounds = options.rounds

  rows = [["", ""] + [f"10^{len(str(size)) - 1}" for size in sizes]]
  lines = []
  for kind, title in KINDS.items():
    them = [name for name in programs if kind in KINDS_OF.get(name, KINDS)]
    figures = {name: [] for name in them}
    for size in sizes:
      say(f"{title}, of {size:,}: {', '.join(them)}")
      taken = {name: [] for name in them}
      for _ in range(rounds):
        for name in them:
          taken[name].append(measure(programs[name], name, kind, size))
      for name in them:
        figures[name].append(statistics.median(taken[name]))
    for name in them:
      rows.append([title, name] + [number(x) for x in figures[name]])
      lines += [{
          "workload": kind,
          "peer": name,
          "size": size,
          "cpu_ns_per_op": x
      } for size, x in zip(sizes, figures[name])]
      title = ""
  about = [
      "CPU nanoseconds per operation by the number of timers or tasks, medians of "
      f"{rounds} rounds, ratchet at {commit()}, on {machine()}. Virtual time.",
  ]
  leave(
      options.out, "growth", table(rows) + [""] + about, {
          "about": about,
          "rounds": rounds,
          "titles": KINDS,
          "peers": list(programs),
          "results": lines,
      })
  return 0


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
