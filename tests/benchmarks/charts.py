#!/usr/bin/env python3
"""Draws what was measured, by gnuplot.

  charts.py FILE.json...      FILE.svg beside each that there is a chart of
"""

import json
import subprocess
import sys

# The column of the comparison that a program is, and its colour: what is ours is
# strong, the rest is apart by hue.
COLORS = {
    "ratchet": "#d62728",
    "wheel": "#ff9896",
    "coroutine": "#222222",
    "libuv": "#1f77b4",
    "libevent": "#aec7e8",
    "asio": "#2ca02c",
    "asio_await": "#98df8a",
    "kj": "#9467bd",
    "fiber": "#c5b0d5",
    "boost_future": "#8c564b",
    "tokio": "#e6ab02",
    "go": "#17becf",
    "asyncio": "#7f7f7f",
    "uvloop": "#c7c7c7",
}
OTHER_COLOR = "#bcbd22"

# The comparison in bands that belong together.
BANDS = [
    ("callbacks and timers", ("w1a", "w1b", "w2")),
    ("futures, tasks and tokens", ("w4", "w5", "w6", "w7", "w9")),
    ("sleep and threads", ("w3", "w8", "w10", "w12")),
]

# What a workload is, under its name.
IN_SHORT = {
    "w1a": "callback",
    "w1b": "1,000 of them",
    "w2_1e3": "cancel, arm: 10³",
    "w2_1e5": "10⁵",
    "w2_1e6": "10⁶ timers",
    "w2r_1e3": "re-arm: 10³",
    "w2r_1e5": "10⁵",
    "w2r_1e6": "10⁶",
    "w3": "fire 10⁶",
    "w3r": "in real time",
    "w4p": "then, pending",
    "w4r": "then, ready",
    "w5": "when_all",
    "w6": "as_completed",
    "w7": "spawn, await",
    "w8m": "fall asleep",
    "w8f": "sleep",
    "w8fr": "sleep in real time",
    "w9e": "event",
    "w9q": "queue",
    "w9f": "future",
    "w10_1": "post, 1 thread",
    "w10_3": "3 threads",
    "w12a": "pool and back",
    "w12b": "256 in flight",
}

BEGIN = """
set terminal svg size {width},{height} font "sans-serif,13" background "white"
set output "{output}"
set encoding utf8
set border 3 linecolor "#888888"
set tics nomirror textcolor "#333333"
set grid ytics linecolor "#dddddd" linetype 1 linewidth 0.5
set logscale y
set format y "%.0s %cs"
"""


def quoted(text):
  return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def draw(script):
  subprocess.run(["gnuplot"], input=script.encode(), check=True)


def data(name, rows):
  """Returns a block of data that plots can name."""
  lines = [" ".join(str(x) for x in row) for row in rows]
  return "\n".join([f"${name} << EOD"] + lines + ["EOD"])


def color(name):
  return COLORS.get(name, OTHER_COLOR)


def comparison(figures, output):
  """Bars in groups, a group for each workload."""
  cells = {(line["workload"], line["peer"]): line["cpu_ns_per_op"]
           for line in figures["results"]}
  rows = list(dict.fromkeys(line["workload"] for line in figures["results"]))
  bands = [(title, [row for row in rows if row.startswith(prefixes)])
           for title, prefixes in BANDS]
  bands = [band for band in bands if band[1]]
  script = [
      BEGIN.format(width=1400, height=310 * len(bands) + 60, output=output),
      f"set multiplot layout {len(bands)},1 margins 0.065,0.99,"
      f"{0.17 / len(bands):.3f},{1 - 0.33 / len(bands):.3f} spacing 0.02,"
      f"{0.3 / len(bands):.3f}",
      "set style fill solid noborder",
      'set ylabel "CPU time of an operation" offset 0.5,0 '
      'textcolor "#333333"',
  ]
  for number, (title, band) in enumerate(bands):
    # A bar wherever there is a figure: no gaps for peers that have none.
    bars = []
    tics = []
    levels = []  # Of ratchet, through its group.
    at = 0
    for row in band:
      there = [peer for peer in figures["peers"] if (row, peer) in cells]
      tics.append((row, at + (len(there) - 1) / 2))
      if "ratchet" in there:
        level = cells[row, "ratchet"] * 1e-9
        levels.append(
            f"set arrow from {at - 0.5},{level} to {at + len(there) - 0.5},"
            f"{level} nohead front dashtype 3 linecolor rgb "
            f"{quoted(color('ratchet'))}")
      for peer in there:
        bars.append((at, cells[row, peer] * 1e-9, peer))
        at += 1
      at += 2
    names = [peer for peer in figures["peers"]
             if any(bar[2] == peer for bar in bars)]
    for i, peer in enumerate(figures["peers"]):
      script.append(
          data(f"b{number}_{i}", [bar[:2] for bar in bars if bar[2] == peer]))
    script += [
        f"set title {quoted(title)} offset 0,-0.8 font ',15' "
        "textcolor '#333333'",
        f"set xrange [-1:{at - 1}]",
        "set xtics scale 0 (" + ", ".join(
            '"{}\\n{}" {}'.format(row, IN_SHORT.get(row, ""), place)
            for row, place in tics) + ") noenhanced",
        "unset arrow",
        f"set yrange [1e-9:{max(bar[1] for bar in bars) * 2}]",
        "set boxwidth 0.85",
        *levels,
    ]
    if number == 0:
      script.append("set key outside above horizontal noenhanced samplen 1.5 "
                    "textcolor '#333333' width 2")
      plots = [f"keyentry with boxes linecolor rgb {quoted(color(peer))} "
               f"title {quoted(peer)}" for peer in figures["peers"]]
    else:
      script.append("unset key")
      plots = []
    plots += [
        f"$b{number}_{i} using 1:2 with boxes linecolor rgb "
        f"{quoted(color(peer))} notitle"
        for i, peer in enumerate(figures["peers"]) if peer in names
    ]
    script.append("plot " + ", ".join(plots))
  script.append("unset multiplot")
  draw("\n".join(script) + "\n")


def growth(figures, output):
  """Lines by the number of timers or tasks."""
  script = [
      BEGIN.format(width=1400, height=420, output=output),
      f"set multiplot layout 1,{len(figures['titles'])} margins 0.05,0.985,"
      "0.15,0.9 spacing 0.04,0.1",
      "set logscale x",
      'set format x "10^{%L}"',
      "set key top left reverse Left noenhanced samplen 2",
      "set style data linespoints",
  ]
  for kind, title in figures["titles"].items():
    them = [peer for peer in figures["peers"]
            if any(line["workload"] == kind and line["peer"] == peer
                   for line in figures["results"])]
    for i, peer in enumerate(them):
      script.append(
          data(f"{kind}_{i}", [(line["size"], line["cpu_ns_per_op"] * 1e-9)
                               for line in figures["results"]
                               if line["workload"] == kind and
                               line["peer"] == peer]))
    script += [
        f"set title {quoted(title)} font ',15' textcolor '#333333'",
        "set yrange [1e-9:4e-6]",
        "plot " + ", ".join(
            f"${kind}_{i} using 1:2 linecolor rgb {quoted(color(peer))} "
            f"linewidth 2 pointtype 7 pointsize 0.7 title {quoted(peer)}"
            for i, peer in enumerate(them)),
    ]
  script.append("unset multiplot")
  draw("\n".join(script) + "\n")


KINDS = {"comparison": comparison, "growth": growth}


def main(paths):
  for path in paths:
    with open(path, encoding="utf-8") as file:
      figures = json.load(file)
    output = path[:-len(".json")] + ".svg"
    if figures["kind"] in KINDS:
      KINDS[figures["kind"]](figures, output)


if __name__ == "__main__":
  main(sys.argv[1:])
