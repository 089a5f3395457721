#!/usr/bin/env python3
"""Run random programs on asyncio and on ratchet, and compare the traces.

Every line must be the same, with the number of its iteration and what is said
of errors that nobody retrieved.  The programs of tests/conformance/programs come
first; there, what asyncio prints must also be what is stored beside them.

The same options give the same programs.  The last line on standard output is
"N passed, N failed"; the exit status is 0 if none failed.
"""

import argparse
import glob
import gzip
import itertools
import json
import multiprocessing
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import interpreter  # noqa: E402

CHUNK = 50      # Programs that a process compares at a time.


def say(text):
    print(text, file=sys.stderr, flush=True)


def fail(text):
    say("soak: " + text)
    sys.exit(2)


def numbers(text):
    return [int(n) for n in text.split(",")]


def arguments():
    ap = argparse.ArgumentParser(
        prog="soak", description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter)
    ap.add_argument("--count", type=int, default=20000,
                    help="how many random programs (%(default)s)")
    ap.add_argument("--seed", type=int, default=1,
                    help="of the first; the next ones have the next numbers")
    ap.add_argument("--ops", default="all",
                    help="core, sync or all, see generate.py; several take\n"
                    "turns: core,sync,all (%(default)s)")
    ap.add_argument("--sizes", type=numbers, default=[1, 3, 5, 8, 12],
                    help="take turns, too (1,3,5,8,12)")
    ap.add_argument("--jobs", type=int, default=os.cpu_count(),
                    help="processes (%(default)s)")
    ap.add_argument("--keep", default="soak_failures", metavar="DIR",
                    help="where programs that fail are kept, with both traces\n"
                    "(%(default)s)")
    ap.add_argument("--corpus", metavar="FILE.gz",
                    help="writes the random programs and their traces there,\n"
                    "in the format of generated.jsonl.gz")
    ap.add_argument("--python", metavar="PATH",
                    help="a CPython 3.13, if it is not found by itself")
    ap.add_argument("--replay", metavar="PATH",
                    help="the program that replays, if it is not Bazel's")
    a = ap.parse_args()
    a.ops = a.ops.split(",")
    if not set(a.ops) <= {"core", "sync", "all"}:
        ap.error("--ops: only core, sync, all")
    # Relative paths are those of who called `bazel run`.
    cwd = os.environ.get("BUILD_WORKING_DIRECTORY", os.getcwd())
    for option in ("keep", "corpus", "python", "replay"):
        if getattr(a, option):
            setattr(a, option, os.path.join(cwd, getattr(a, option)))
    if a.replay is None:
        a.replay = os.path.join(os.path.dirname(HERE), "replay")
    if not os.access(a.replay, os.X_OK):
        fail("no replay at %s: start me with `bazel run "
             "//tests/conformance:soak`, or give --replay" % a.replay)
    return a


# -- In each process ----------------------------------------------------------

def random_program(spec):
    from generate import generate
    seed, size, ops = spec
    return generate(seed, size, ops)


def stored_program(path):
    with open(path) as f:
        return json.load(f)


def compare(replay, make, specs):
    """[(name, program, what asyncio prints, what ratchet prints)]"""
    from compare import replay_all
    from reference import run_program
    programs = {}
    for spec in specs:
        program = make(spec)
        programs[program["name"]] = program
    want = {name: "\n".join(run_program(program, hops=True)) + "\n"
            for name, program in programs.items()}
    got = replay_all(replay, programs)
    return [(name, program, want[name], got[name])
            for name, program in programs.items()]


def compare_chunk(task):
    return compare(*task)


# -- The parent ---------------------------------------------------------------

class Soak:
    def __init__(self, options):
        self.options = options
        self.passed = self.failed = 0
        self.reported = time.monotonic()

    def check(self, name, program, want, got, stored=None):
        from compare import difference
        differences = {}
        if stored is not None:
            differences["the stored trace is not what asyncio prints"] = \
                difference(want, stored)
        differences["ratchet differs from asyncio"] = difference(want, got)
        differences = {k: v for k, v in differences.items() if v}
        if not differences:
            self.passed += 1
            return
        self.failed += 1
        keep = os.path.join(self.options.keep, name)
        os.makedirs(self.options.keep, exist_ok=True)
        from opspec import dump
        for end, text in ((".json", dump(program)), (".expected.jsonl", want),
                          (".got.jsonl", got)):
            with open(keep + end, "w") as f:
                f.write(text)
        if self.failed <= 20:
            for what, where in differences.items():
                print("FAILED %s: %s, %s" % (name, what, where))
            print("  see %s.json; smaller: %s/shrink.py %s.json --replay %s"
                  % (keep, HERE, keep, self.options.replay), flush=True)

    def report(self, total):
        if time.monotonic() - self.reported > 15:
            self.reported = time.monotonic()
            say("%d of %d, %d failed" % (self.passed + self.failed, total,
                                         self.failed))

    def run(self):
        o = self.options
        stored = sorted(glob.glob(os.path.join(
            os.path.dirname(HERE), "programs", "*.json")))
        for name, program, want, got in compare(o.replay, stored_program,
                                                stored):
            with open(os.path.join(os.path.dirname(HERE), "programs",
                                   name + ".jsonl")) as f:
                self.check(name, program, want, got, f.read())
        say("%d programs written by hand, %d failed"
            % (len(stored), self.failed))

        specs = [(o.seed + i, size, ops) for i, (ops, size) in zip(
            range(o.count), itertools.cycle(
                (ops, size) for size in o.sizes for ops in o.ops))]
        tasks = [(o.replay, random_program, specs[i:i + CHUNK])
                 for i in range(0, len(specs), CHUNK)]
        corpus = gzip.GzipFile(o.corpus, "wb", mtime=0) if o.corpus else None
        with multiprocessing.Pool(o.jobs, maxtasksperchild=40) as pool:
            for chunk in pool.imap(compare_chunk, tasks):
                for name, program, want, got in chunk:
                    self.check(name, program, want, got)
                    if corpus:
                        corpus.write(corpus_line(program, want))
                self.report(len(stored) + o.count)
        if corpus:
            corpus.close()


def corpus_line(program, trace):
    lines = ",".join(trace.splitlines())
    return ('{"program":%s,"trace":[%s]}\n' % (
        json.dumps(program, separators=(",", ":")), lines)).encode()


def main():
    options = arguments()
    if options.python:
        if interpreter.find([(options.python, {})]) is None:
            fail("--python: %s is no CPython 3.13" % options.python)
        os.environ["PYTHON"] = options.python
    interpreter.require()
    soak = Soak(options)
    soak.run()
    print("%d passed, %d failed" % (soak.passed, soak.failed))
    return 1 if soak.failed else 0


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    sys.exit(main())
