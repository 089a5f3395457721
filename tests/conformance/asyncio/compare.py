"""What replay prints for programs, and how it differs from the reference."""

import json
import os
import subprocess
import tempfile


def replay_all(replay, programs, timeout=120):
    """The text that replay prints for each program: {name: text}.

    One that makes it end badly has that for a text, in angle brackets.
    """
    with tempfile.TemporaryDirectory() as work:
        paths = {}
        for name, program in programs.items():
            paths[name] = os.path.join(work, name + ".json")
            with open(paths[name], "w") as f:
                json.dump(program, f)
        try:
            subprocess.run([replay, "--hops", "--batch", work,
                            *paths.values()],
                           timeout=timeout, capture_output=True)
        except subprocess.TimeoutExpired:
            pass
        texts = {}
        for name, path in paths.items():
            trace = path[:-len(".json")] + ".jsonl"
            if os.path.exists(trace):
                with open(trace) as f:
                    texts[name] = f.read()
            else:       # It, or one before it, was the last that replay ran.
                texts[name] = replay_one(replay, path)
        return texts


def replay_one(replay, path, timeout=20):
    try:
        r = subprocess.run([replay, "--hops", path], timeout=timeout,
                           capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return "<no end after %d seconds>\n" % timeout
    if r.returncode == 0:
        return r.stdout
    return "%s<exit status %d>\n%s" % (r.stdout, r.returncode,
                                       r.stderr[-2000:])


def difference(want, got):
    """The first line in which two traces differ, with three before; or ""."""
    want, got = want.splitlines(), got.splitlines()
    if want == got:
        return ""
    i = 0
    while i < min(len(want), len(got)) and want[i] == got[i]:
        i += 1
    lines = ["line %d" % (i + 1)]
    lines += ["  same      " + line for line in want[max(0, i - 3):i]]
    lines.append("  expected  " + (want[i] if i < len(want) else "<end>"))
    lines.append("  got       " + (got[i] if i < len(got) else "<end>"))
    return "\n".join(lines)
