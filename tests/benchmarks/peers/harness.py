"""What harness.h and inputs.h are for C++, for programs in Python: the same flags,
the same work and the same random numbers, the same JSON. See there. Nothing warms
up: an interpreter has hardly anything to warm up, and all the time it takes.

  harness.add("w4p", "10 thens", f)   f(run) is a repetition; cold=True: in a new
                                      process each time
  harness.main_of("asyncio")          the program
"""

import fnmatch
import functools
import json
import os
import statistics
import sys
import time

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
HOUR = 3600 * SECOND

W1A_RUNS = 10_000_000
W1B_CALLBACKS = 1_000
W1B_RUNS_EACH = 10_000
W2_OPERATIONS = 2_000_000
W3_TIMERS = 1_000_000
W4_CHAINS = 200_000
W4_THENS = 10
W5_ROUNDS = 1_000
W5_CHILDREN = 1_000
W6_ROUNDS = 1_000
W6_CHILDREN = 1_000
W7_ROUNDS = 1_000
W7_OUTSTANDING = 1_000
W8_TASKS = 1_000_000
W9_PASSES = 5_000_000
W10_POSTS = 5_000_000
W12_FUNCTIONS = 200_000
W12_IN_FLIGHT = 256
W12_THREADS = 2

W8M_DELAY = 10 * SECOND

_MASK = (1 << 64) - 1


def random_numbers(seed, count):
  """Returns what splitmix64 does."""
  state = seed
  numbers = []
  for _ in range(count):
    state = (state + 0x9E3779B97F4A7C15) & _MASK
    z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    numbers.append(z ^ (z >> 31))
  return numbers


def _between(x, low, high):
  return low + int((x >> 11) * 2.0**-53 * float(high - low))


def _below(x, bound):
  return ((x >> 32) * bound) >> 32


def delays_between(seed, count, low, high):
  return [_between(x, low, high) for x in random_numbers(seed, count)]


def w2_delays(timers):
  return delays_between(2, timers, MILLISECOND, HOUR)


@functools.lru_cache(1)  # For the next repetition.
def w2_rearmings(timers, count):
  """Returns the timers and the delays, pair by pair."""
  numbers = random_numbers(22, 2 * count)
  return [(_below(x, timers), _between(y, MILLISECOND, HOUR))
          for x, y in zip(numbers[::2], numbers[1::2])]


def w3_delays(timers):
  return delays_between(3, timers, 0, SECOND)


def w6_order():
  order = list(range(W6_CHILDREN))
  for i, x in zip(range(len(order), 1, -1), random_numbers(6, len(order) - 1)):
    k = _below(x, i)
    order[i - 1], order[k] = order[k], order[i - 1]
  return order


def w8f_delays(tasks):
  return delays_between(8, tasks, MICROSECOND, SECOND)


def w10_share(posts, threads, thread):
  return posts // threads + (1 if thread < posts % threads else 0)


def resident_bytes():
  with open("/proc/self/statm", encoding="ascii") as file:
    return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class Run:
  """One repetition."""

  def __init__(self, scale):
    self._scale = scale
    self.cpu = 0
    self.wall = 0
    self.operations = 0
    self.check = 0
    self.bytes_per_item = 0

  def start(self):
    self.wall -= time.perf_counter_ns()
    self.cpu -= time.process_time_ns()

  def stop(self, operations):
    self.cpu += time.process_time_ns()
    self.wall += time.perf_counter_ns()
    self.operations += operations

  def scaled(self, n):
    return max(1, int(n * self._scale + 0.5))


_workloads = {}


def add(name, param, body, cold=False):
  _workloads[name] = (param, body, cold)


def _in_new_process(repeat):
  """Returns what `repeat` returns, which is called in a process of its own."""
  ends = os.pipe()
  child = os.fork()
  if child == 0:
    status = 1
    try:
      with os.fdopen(ends[1], "w") as to:
        json.dump(repeat(), to)
      status = 0
    finally:
      sys.stderr.flush()
      os._exit(status)  # pylint: disable=protected-access
  os.close(ends[1])
  with os.fdopen(ends[0]) as pipe:
    text = pipe.read()
  _, status = os.waitpid(child, 0)
  if status != 0:
    sys.exit(f"ended with status {status} (see above).")
  return json.loads(text)


def _measure(body, scale):
  run = Run(scale)
  body(run)
  if run.operations == 0 or run.check == 0:
    sys.exit("nothing was measured, or nothing computed.")
  return [
      run.cpu / run.operations, run.wall / run.operations, run.bytes_per_item,
      run.operations, run.check
  ]


def _measure_all(body, cold, repetitions, scale):
  if cold:
    return [
        _in_new_process(lambda: _measure(body, scale))
        for _ in range(repetitions)
    ]
  every = _in_new_process(
      lambda: [_measure(body, scale) for _ in range(repetitions)])
  if any(one[3:] != every[0][3:] for one in every):
    sys.exit("a repetition did something else than the first.")
  return every


def main_of(peer):
  """Measures the workloads that were added, as those of `peer`."""
  patterns = ["*"]
  repetitions = 5
  scale = 1.0
  as_json = False
  for argument in sys.argv[1:]:
    flag, _, value = argument.partition("=")
    if flag == "--list":
      print("\n".join(_workloads))
      return
    if flag == "--workload":
      patterns = value.split(",")
    elif flag == "--repetitions":
      repetitions = int(value)
    elif flag == "--scale":
      scale = float(value)
    elif flag == "--json":
      as_json = True
    else:
      sys.exit(f"What is {argument}? There are --workload=NAME[,NAME...], "
               "--repetitions=5, --scale=1, --json and --list.")
  for name, (param, body, cold) in _workloads.items():
    if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
      continue
    results = _measure_all(body, cold, repetitions, scale)
    cpu = [one[0] for one in results]
    line = {
        "peer": peer,
        "workload": name,
        "param": param,
        "ops": results[0][3],
        "cpu_ns_per_op": statistics.median(cpu),
        "wall_ns_per_op": statistics.median(one[1] for one in results),
        "bytes_per_item": statistics.median(one[2] for one in results),
        "check": results[0][4],
        "cpu_min": min(cpu),
        "cpu_max": max(cpu),
        "repetitions": repetitions,
    }
    if as_json:
      print(json.dumps(line), flush=True)
    else:
      print(f"{name:9} {param:38} {line['ops']:10} {line['cpu_ns_per_op']:9.2f} "
            f"{line['cpu_min']:9.2f} {line['cpu_max']:9.2f} "
            f"{line['wall_ns_per_op']:9.2f}  {line['bytes_per_item']:.1f} bytes  "
            f"check {line['check']}", flush=True)
