#!/usr/bin/env python3
"""Find CPython 3.13, whose asyncio is the norm.

    interpreter.py      print its path

Tried in this order: $PYTHON, python3.13, and python3 with PYENV_VERSION=3.13.0.
"""

import os
import subprocess
import sys

WANTED = (3, 13)


def candidates():
    """(program, additions to the environment), the best first."""
    yield os.environ.get("PYTHON"), {}
    yield "python3.13", {}
    # A Python started by pyenv has its own directory before pyenv's on PATH.
    for d in dict.fromkeys(os.environ.get("PATH", "").split(os.pathsep)):
        yield os.path.join(d, "python3"), {"PYENV_VERSION": "3.13.0"}


def find(those=None):
    """The path of a CPython 3.13, among those candidates or all; or None."""
    probe = "import sys; print(sys.version_info[:2] == %r and " \
            "sys.executable or '')" % (WANTED,)
    for name, env in those or candidates():
        if not name:
            continue
        try:
            r = subprocess.run([name, "-c", probe], capture_output=True,
                               text=True, env={**os.environ, **env})
        except OSError:
            continue
        if r.returncode == 0 and r.stdout.strip():
            return r.stdout.strip()
    return None


def require():
    """Run the script again under CPython 3.13 if this is another version."""
    if sys.version_info[:2] == WANTED:
        return
    path = find()
    if path is None or not os.path.isfile(sys.argv[0]):
        sys.exit("%s: needs CPython 3.13 ($PYTHON, python3.13, or python3 with "
                 "PYENV_VERSION=3.13.0); this is %d.%d"
                 % (os.path.basename(sys.argv[0]), *sys.version_info[:2]))
    sys.stdout.flush()
    os.execv(path, [path] + sys.argv)


if __name__ == "__main__":
    found = find()
    if found is None:
        sys.exit("interpreter.py: no CPython 3.13 found")
    print(found)
