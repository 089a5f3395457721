"""What the reports of tests/bench have in common."""

import argparse
import fnmatch
import json
import os
import platform
import subprocess
import sys


def say(*words):
  print(*words, file=sys.stderr, flush=True)


def pairs(texts):
  """Returns NAME=VALUE... as a dictionary."""
  return dict(text.split("=", 1) for text in texts)


def options_of(usage, arguments, rounds=5, rows=None):
  """Reads the flags that all have; with rows, which and to --list them. Returns
  what argparse does: rounds is one if that is to be quick, rows those chosen."""
  parser = argparse.ArgumentParser(usage=usage)
  parser.add_argument("--program", action="append", default=[])
  parser.add_argument("--version", action="append", default=[])
  parser.add_argument("--out")
  parser.add_argument("--rounds", type=int, default=rounds)
  parser.add_argument("--quick", action="store_true")
  if rows is not None:
    parser.add_argument("--client")
    parser.add_argument("--workload", default="*")
    parser.add_argument("--list", action="store_true")
  options = parser.parse_args(arguments)
  options.rounds = 1 if options.quick else max(1, options.rounds)
  if rows is None:
    return options
  if options.list:
    for row, title in rows.items():
      print(f"{row:8} {title}")
    sys.exit(0)
  patterns = options.workload.split(",")
  for pattern in patterns:
    if not fnmatch.filter(rows, pattern):
      say(f"There is no workload {pattern}; there are {', '.join(rows)}.")
      sys.exit(2)
  options.rows = [
      row for row in rows
      if any(fnmatch.fnmatchcase(row, pattern) for pattern in patterns)
  ]
  return options


def number(x):
  """Three digits or so."""
  if x >= 100:
    return f"{x:,.0f}"
  return f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def table(rows):
  """Returns lines of Markdown that can be read as they are; a title comes first."""
  widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
  rows = [rows[0], ["-" * width for width in widths]] + rows[1:]
  return [
      "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) +
      " |" for row in rows
  ]


def machine():
  """Returns what was measured on."""
  model = platform.processor()
  try:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
      for line in lines:
        if line.startswith("model name"):
          model = line.split(":", 1)[1].strip()
          break
  except OSError:
    pass
  return f"{os.cpu_count()} cores of {model}, {platform.system()}"


def commit():
  ran = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"],
                       stdout=subprocess.PIPE,
                       check=False)
  return ran.stdout.decode().strip() or "unknown"


def versions_of(names, versions):
  known = [f"{name} {versions[name]}" for name in names if name in versions]
  return "Of " + ", ".join(known) + "." if known else ""


def leave(folder, name, lines, figures):
  """Prints the lines, and writes them and the figures to NAME.txt and .json."""
  text = "\n".join(lines) + "\n"
  print(text, end="")
  os.makedirs(folder, exist_ok=True)
  with open(os.path.join(folder, name + ".txt"), "w", encoding="utf-8") as file:
    file.write(text)
  figures = {
      "kind": name,
      "commit": commit(),
      "machine": machine(),
      **figures,
  }
  with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as file:
    json.dump(figures, file, indent=1)
    file.write("\n")
