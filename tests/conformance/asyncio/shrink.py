#!/usr/bin/env python3
"""Make a program that shows a difference smaller.

    shrink.py PROGRAM.json --replay PATH [-o SMALLER.json]

Removes operations, tasks and objects, and makes numbers smaller, as long as
replay and the reference still give different traces.
"""

import argparse
import copy
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import interpreter  # noqa: E402

interpreter.require()
import reference  # noqa: E402
from compare import difference, replay_one  # noqa: E402
from opspec import dump, nested_lists, walk  # noqa: E402


def lists_of(prog):
    """Every operation list of a program, outermost first."""
    todo = list(prog["tasks"].values())
    if "driver" in prog:
        todo.append(prog["driver"])
    while todo:
        ops = todo.pop(0)
        yield ops
        for op in ops:
            todo += [sub for _, sub in nested_lists(op)]


def tidy(prog):
    """Drop tasks and objects that nothing names any more."""
    prog = copy.deepcopy(prog)
    keep = set()
    todo = ["main"] if "driver" not in prog else \
        [op["task"] for op in walk(prog["driver"]) if "task" in op]
    while todo:
        t = todo.pop()
        if t in prog["tasks"] and t not in keep:
            keep.add(t)
            todo += [op["task"] for op in walk(prog["tasks"][t])
                     if "task" in op]
    prog["tasks"] = {t: o for t, o in prog["tasks"].items() if t in keep}
    if "objects" in prog:
        used = {op["o"] for ops in lists_of(prog) for op in ops if "o" in op}
        used |= {o["lock"] for n, o in prog["objects"].items()
                 if n in used and "lock" in o}
        prog["objects"] = {n: o for n, o in prog["objects"].items()
                           if n in used}
        if not prog["objects"]:
            del prog["objects"]
    return prog


def variants(prog):
    """Smaller programs, the boldest first."""
    count = len(list(lists_of(prog)))
    for i in range(count):
        n = len(list(lists_of(prog))[i])
        size = n
        while size >= 1:
            for start in range(0, n, size):
                p = copy.deepcopy(prog)
                del list(lists_of(p))[i][start:start + size]
                yield p
            size //= 2
    for i in range(count):
        for j, op in enumerate(list(lists_of(prog))[i]):
            for f, sub in nested_lists(op):     # replace a scope by its body
                p = copy.deepcopy(prog)
                list(lists_of(p))[i][j:j + 1] = copy.deepcopy(sub)
                yield p
            for k in ("catch", "catch_cancel", "timeout", "return_when",
                      "return_exceptions", "group", "eager", "immediate",
                      "limit", "finally", "do"):
                if k in op:
                    p = copy.deepcopy(prog)
                    del list(lists_of(p))[i][j][k]
                    yield p
            for k in ("ms", "at", "timeout", "value"):
                v = op.get(k)
                if isinstance(v, int) and not isinstance(v, bool) and v > 1:
                    for w in {0, 1, v // 2, v - 1}:
                        p = copy.deepcopy(prog)
                        list(lists_of(p))[i][j][k] = w
                        yield p


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("program")
    ap.add_argument("--replay", required=True)
    ap.add_argument("--timeout", type=float, default=10)
    ap.add_argument("-o", "--output")
    a = ap.parse_args()
    a.replay = os.path.abspath(a.replay)
    tmp = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
    tries = 0

    def differs(prog):
        nonlocal tries
        try:
            want = reference.run_program(prog, hops=True)
        except reference.BadProgram:
            return False
        if any("internal:" in line for line in want):
            return False
        tries += 1
        with open(tmp.name, "w") as f:
            f.write(dump(prog))
        return difference("\n".join(want),
                          replay_one(a.replay, tmp.name, a.timeout)) != ""

    with open(a.program) as f:
        best = json.load(f)
    if not differs(best):
        sys.exit("the traces do not differ")
    progress = True
    while progress:
        progress = False
        for p in variants(best):
            p = tidy(p)
            if p != best and differs(p):
                best, progress = p, True
                break
    os.unlink(tmp.name)
    text = dump(best)
    if a.output:
        with open(a.output, "w") as f:
            f.write(text)
    else:
        sys.stdout.write(text)
    print("%d operations left after %d tries" % (
        sum(len(ops) for ops in lists_of(best)), tries), file=sys.stderr)


if __name__ == "__main__":
    main()
