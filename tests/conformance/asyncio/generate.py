#!/usr/bin/env python3
"""Random programs for reference.py.

    generate.py --seed 7 [--size 5] [--ops core|sync|all] [-o FILE]
    generate.py --seed 7 --count 100 --outdir DIR      seeds 7 .. 106

core  tasks, futures, callbacks, gather, wait, wait_for, as_completed, shield,
      timeout scopes, groups, cancellation
sync  core and locks, events, conditions, semaphores, barriers, queues, eager
      tasks
all   sync and offloading, contexts, driver programs and stop

The same arguments give the same program for ever: the generator uses its own
random numbers.  Programs are well-formed and end within bounded virtual time.
A program may still block for ever; the reference then prints a deadlock.  To
keep that rare, waits have a partner that ends them, and most programs have a
task "rescue" that releases everything after a while.

How cycles are avoided: task bodies are ordered, t0 (main) first.  A body only
starts bodies behind it and only awaits handles that stand for bodies behind it
(plain futures may be awaited by all).
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from opspec import dump  # noqa: E402

FREE = 10 ** 6       # rank of handles that do not stand for a task
DELAYS = (0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 8, 10, 15)


class Random:
    """A small generator of our own (splitmix64): stable across versions."""

    def __init__(self, seed):
        # Mixed: the numbers of one seed are not those of the next, shifted.
        self.state = self.mix(seed)

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2 ** 64
        return self.mix(self.state)

    @staticmethod
    def mix(z):
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2 ** 64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2 ** 64
        return z ^ (z >> 31)

    def below(self, n):
        return self.next() % n

    def between(self, a, b):
        return a + self.below(b - a + 1)

    def chance(self, p):
        return self.below(1000) < p * 1000

    def pick(self, seq):
        return seq[self.below(len(seq))]

    def weighted(self, table):
        n = self.below(sum(w for w, _ in table))
        for w, x in table:
            if n < w:
                return x
            n -= w

    def sample(self, seq, k):
        seq = list(seq)
        out = []
        for _ in range(min(k, len(seq))):
            out.append(seq.pop(self.below(len(seq))))
        return out


class Generator:
    def __init__(self, seed, size, ops):
        self.r = Random(seed * 3 + {"core": 0, "sync": 1, "all": 2}[ops])
        self.seed, self.size, self.ops = seed, size, ops
        self.n = self.r.between(2, 2 + max(1, size))      # bodies besides main
        self.handles = {}       # name -> (rank, kind)
        self.local = []         # handles made so far in the current list
        self.scopes, self.groups, self.timers, self.cbs = [], [], [], []
        self.registered = []    # (handle, callback) of every on_done
        self.open_scopes = []   # names of the scopes around the current list
        self.in_finally = 0
        self.counter = 0
        self.objects = {}
        self.tasks = {}

    # -- helpers ------------------------------------------------------------

    def fresh(self, prefix):
        self.counter += 1
        return "%s%d" % (prefix, self.counter)

    def delay(self):
        return self.r.pick(DELAYS)

    def value(self):
        return self.r.below(100)

    def deeper(self, rank):
        """A body behind rank, or None."""
        if rank >= self.n:
            return None
        return self.r.between(rank + 1, self.n)

    def new_handle(self, prefix, rank, kind):
        name = self.fresh(prefix)
        self.handles[name] = (rank, kind)
        self.local.append(name)
        return name

    def handle(self, ok=lambda rank, kind: True, above=None):
        """Some handle; mostly one made earlier in the same list."""
        def fits(n):
            rank, kind = self.handles[n]
            return ok(rank, kind) and (above is None or rank > above)
        near = [n for n in self.local[-8:] if fits(n)]
        if near and self.r.chance(0.88):
            return self.r.pick(near)
        if not near and self.r.chance(0.5):
            return None
        far = [n for n in self.handles if fits(n)]
        return self.r.pick(far) if far else None

    def some(self, rank, lo, hi):
        """Several awaitable handles (may repeat)."""
        k = self.r.between(lo, hi)
        out = []
        for _ in range(k):
            h = self.handle(above=rank)
            if h:
                out.append(h)
        return out

    def flags(self, op, rank):
        main = rank == 0
        if self.r.chance(0.95 if main else 0.55):
            op["catch"] = True
        if self.r.chance(0.95 if main else 0.2):
            op["catch_cancel"] = True
        return op

    def obj(self, *kinds):
        names = [n for n, o in self.objects.items() if o["kind"] in kinds]
        return self.r.pick(names) if names else None

    # -- synchronous operations ---------------------------------------------

    def sync_op(self, rank, depth=0, in_cb=False):
        """One operation that does not suspend, or None."""
        r = self.r
        kind = r.weighted([
            (10, "cancel"), (6, "set"), (5, "query"), (4, "log"),
            (3, "call_soon"), (4, "call_later"), (2, "spawn"), (2, "uncancel"),
            (2, "cancel_timer"), (3, "on_done"),
            (8 if self.ops == "all" else 2, "more"),
            (8 if self.open_scopes else 0, "scope"),
            (0 if self.ops == "core" else 14, "object")])
        if kind == "cancel":
            if not in_cb and r.chance(0.15):
                return {"op": "cancel", "h": "@self"}
            h = self.handle()
            return h and {"op": "cancel", "h": h}
        if kind == "set":
            h = self.handle(lambda rank, k: k == "future")
            if not h:
                return None
            if r.chance(0.7):
                return {"op": "set_result", "h": h, "value": self.value()}
            return {"op": "set_error", "h": h, "msg": self.fresh("e")}
        if kind == "query":
            h = self.handle()
            return h and {"op": r.pick(("done?", "cancelled?", "result?",
                                        "exception?")), "h": h}
        if kind == "log":
            return {"op": "log", "msg": self.fresh("m")}
        if kind in ("call_soon", "call_later"):
            return self.callback(rank, depth, kind)
        if kind == "spawn":
            return self.spawn(rank)
        if kind == "uncancel":
            h = self.handle(lambda rank, k: k == "task")
            if not in_cb and r.chance(0.5):
                h = "@self"
            return h and {"op": r.pick(("uncancel", "cancelling?")), "h": h}
        if kind == "cancel_timer":
            if not self.timers:
                return None
            return {"op": r.pick(("cancel_timer", "cancel_timer",
                                  "timer_cancelled?")),
                    "cb": r.pick(self.timers)}
        if kind == "on_done":
            h = self.handle()
            if not h:
                return None
            # A callback that registers an earlier one could do so for ever.
            if self.registered and r.chance(0.4):
                of, name = r.pick(self.registered)
                return {"op": "off_done", "h": of, "cb": name}
            if self.cbs and not in_cb and r.chance(0.4):
                self.registered.append((h, r.pick(self.cbs)))
                return {"op": "on_done", "h": h, "as": self.registered[-1][1]}
            name = self.fresh("d")
            self.cbs.append(name)
            self.registered.append((h, name))
            return {"op": "on_done", "h": h, "as": name,
                    "do": self.sync_list(rank, depth + 1)}
        if kind == "scope":
            s = r.pick(self.open_scopes)
            return r.pick([
                {"op": "expired?", "scope": s}, {"op": "when?", "scope": s},
                {"op": "reschedule", "scope": s, "ms": self.delay() - 1},
                {"op": "reschedule", "scope": s, "ms": self.delay()},
                {"op": "reschedule", "scope": s, "at": None}])
        if kind == "more":
            what = r.weighted([
                (2, "tasks?"), (2, "whoami"), (1, "scope"), (1, "raise"),
                (4 if self.ops == "all" else 0, "ctx"),
                (4 if self.ops == "all" else 0, "offload"),
                (3 if self.ops == "all" else 0, "odd")])
            if what in ("tasks?", "whoami"):
                return {"op": what}
            if what == "scope":
                if not self.scopes:
                    return None
                s = r.pick(self.scopes)
                return r.pick([
                    {"op": "expired?", "scope": s},
                    {"op": "reschedule", "scope": s, "ms": self.delay()}])
            if what == "raise":
                return {"op": "raise", "msg": self.fresh("e")} if in_cb \
                    else None
            if what == "odd":
                j = self.deeper(rank)
                odd = [{"op": "close_inside"},
                       {"op": "set_var", "var": "x", "value": self.value()}]
                if j is not None:
                    odd.append({"op": "run_nested", "task": "t%d" % j})
                return r.pick(odd)
            if what == "ctx":
                v = "v%d" % r.below(2)
                if r.chance(0.5):
                    return {"op": "ctx_set", "var": v, "value": self.value()}
                return {"op": "ctx_get", "var": v}
            op = {"op": "offload", "ms": self.delay(),
                  "as": self.new_handle("o", FREE, "offload")}
            if r.chance(0.7):
                op["value"] = self.value()
            else:
                op["msg"] = self.fresh("e")
            return op
        return self.object_op()

    def object_op(self):
        r = self.r
        name = r.pick(list(self.objects))
        kind = self.objects[name]["kind"]
        if kind in ("lock", "semaphore", "bounded_semaphore"):
            if r.chance(0.3):
                return {"op": "release", "o": name}
            return {"op": "locked?", "o": name}
        if kind == "event":
            return {"op": r.pick(("event_set", "event_set", "event_clear",
                                  "is_set?")), "o": name}
        if kind == "condition":
            return r.pick([{"op": "notify", "o": name, "n": r.between(0, 3)},
                           {"op": "notify_all", "o": name},
                           {"op": "add_var", "var": "x", "by": 1},
                           {"op": "locked?", "o": name}])
        if kind == "barrier":
            return {"op": "barrier?", "o": name}
        if r.chance(0.18):
            return {"op": "shutdown", "o": name, "immediate": r.chance(0.4)}
        return r.pick([{"op": "put_nowait", "o": name, "value": self.value()},
                       {"op": "put_nowait", "o": name, "value": self.value()},
                       {"op": "get_nowait", "o": name},
                       {"op": "task_done", "o": name},
                       {"op": "queue?", "o": name}])

    def sync_list(self, rank, depth):
        out = []
        for _ in range(self.r.weighted([(2, 0), (5, 1), (3, 2), (1, 3)])):
            op = self.sync_op(rank, depth, in_cb=True) if depth < 3 else None
            if op:
                out.append(op)
        return out

    def callback(self, rank, depth, kind):
        r = self.r
        name = self.fresh("c")
        self.timers.append(name)
        do = self.sync_list(rank, depth + 1)
        if kind == "call_soon":
            op = {"op": "call_soon_threadsafe" if r.chance(0.15)
                  else "call_soon", "as": name}
        elif r.chance(0.15):
            op = {"op": "call_at", "at": r.between(0, 30), "as": name}
        else:
            op = {"op": "call_later", "ms": self.delay() - r.below(2),
                  "as": name}
        if do:
            op["do"] = do
        return op

    def spawn(self, rank, group=None):
        j = self.deeper(rank)
        if j is None:
            return None
        op = {"op": "spawn", "task": "t%d" % j,
              "as": self.new_handle("h", j, "task")}
        if self.ops != "core" and self.r.chance(0.2):
            op["eager"] = True
        if group:
            op["group"] = group
        elif self.groups and self.r.chance(0.1):
            op["group"] = self.r.pick(self.groups)
        return op

    # -- suspending operations ----------------------------------------------

    def future(self):
        """A future and, nearly always, something that completes it."""
        r = self.r
        f = self.new_handle("f", FREE, "future")
        out = [{"op": "future", "as": f}]
        if r.chance(0.9):
            how = r.weighted([
                (6, {"op": "set_result", "h": f, "value": self.value()}),
                (2, {"op": "set_error", "h": f, "msg": self.fresh("e")}),
                (1, {"op": "cancel", "h": f})])
            if r.chance(0.1):
                out.append(how)
            else:
                name = self.fresh("c")
                if r.chance(0.15):
                    self.timers.append(name)
                out.append({"op": "call_later", "ms": self.delay(),
                            "as": name, "do": [how]})
        return out

    def gather(self, rank):
        hs = self.some(rank, 0 if self.r.chance(0.1) else 1, 4)
        low = min([self.handles[h][0] for h in hs], default=FREE)
        op = {"op": "gather", "hs": hs,
              "as": self.new_handle("g", low, "gather")}
        if self.r.chance(0.45):
            op["return_exceptions"] = True
        return op

    def shield(self, rank):
        h = self.handle(above=rank)
        if not h:
            return None
        return {"op": "shield", "h": h,
                "as": self.new_handle("s", self.handles[h][0], "shield")}

    def awaiting(self, rank, depth):
        """A list of operations around one that may suspend."""
        r = self.r
        F = lambda op: self.flags(op, rank)                     # noqa: E731
        kind = r.weighted([
            (14, "sleep"), (12, "await"), (7, "gather"), (8, "wait_for"),
            (6, "wait"), (6, "as_completed"), (6, "shield"), (7, "timeout"),
            (6, "group"), (4, "call"), (5, "future"), (4, "block"),
            (0 if self.ops == "core" else 30, "object")])
        if depth > 2 and kind in ("timeout", "group", "block"):
            kind = "sleep"
        if kind == "sleep":
            return [F({"op": "sleep", "ms": self.delay()})]
        if kind == "await":
            h = self.handle(above=rank)
            return [F({"op": "await", "h": h})] if h else []
        if kind == "gather":
            op = self.gather(rank)
            return [op] + ([F({"op": "await", "h": op["as"]})]
                           if r.chance(0.8) else [])
        if kind == "shield":
            op = self.shield(rank)
            if not op:
                return []
            if r.chance(0.3):
                return [op, F({"op": "wait_for", "h": op["as"],
                               "timeout": self.delay()})]
            return [op, F({"op": "await", "h": op["as"]})]
        if kind == "wait_for":
            t = self.delay() if r.chance(0.9) else None
            if r.chance(0.05):
                t = -1
            j = self.deeper(rank)
            if j is not None and r.chance(0.4):
                return [F({"op": "wait_for", "task": "t%d" % j, "timeout": t})]
            h = self.handle(above=rank)
            return [F({"op": "wait_for", "h": h, "timeout": t})] if h else []
        if kind in ("wait", "as_completed"):
            hs = self.some(rank, 1, 4)
            if not hs and r.chance(0.9):
                return []
            op = {"op": kind, "hs": hs}
            if r.chance(0.4):
                op["timeout"] = self.delay()
            if kind == "wait":
                if r.chance(0.6):
                    op["return_when"] = r.pick(("FIRST_COMPLETED",
                                                "FIRST_EXCEPTION",
                                                "ALL_COMPLETED"))
            elif r.chance(0.2):
                op["limit"] = r.between(0, 2)
            return [F(op)]
        if kind == "call":
            j = self.deeper(rank)
            return [F({"op": "call", "task": "t%d" % j})] if j else []
        if kind == "future":
            out = self.future()
            if r.chance(0.7):
                out.append(F({"op": "await", "h": out[0]["as"]}))
            return out
        if kind == "timeout":
            name = self.fresh("k")
            op = F({"op": "timeout"})
            if r.chance(0.1):
                op["at"] = r.between(0, 25)
            else:
                op["ms"] = self.delay() if r.chance(0.95) else None
            op["as"] = name
            self.scopes.append(name)
            self.open_scopes.append(name)
            op["body"] = self.ops_list(rank, depth + 1, r.between(1, 3))
            self.open_scopes.pop()
            return [op]
        if kind == "group":
            name = self.fresh("G")
            self.groups.append(name)
            body = []
            for _ in range(r.between(0, 3)):
                s = self.spawn(rank, name)
                if s:
                    body.append(s)
            body += self.ops_list(rank, depth + 1, r.between(0, 2))
            return [F({"op": "group", "as": name, "body": body})]
        if kind == "block":
            body = self.ops_list(rank, depth + 1, r.between(1, 3))
            self.in_finally += 1
            fin = self.ops_list(rank, depth + 2, r.between(0, 2))
            self.in_finally -= 1
            return [F({"op": "block", "body": body, "finally": fin})]
        return self.object_wait(rank, depth)

    def object_wait(self, rank, depth):
        r = self.r
        F = lambda op: self.flags(op, rank)                     # noqa: E731
        name = r.pick(list(self.objects))
        kind = self.objects[name]["kind"]
        if kind in ("lock", "semaphore", "bounded_semaphore"):
            if r.chance(0.15):
                return [F({"op": "acquire", "o": name})]
            body = self.ops_list(rank, min(depth + 1, 3), r.between(0, 2))
            return [{"op": "acquire", "o": name},
                    F({"op": "block", "body": body,
                       "finally": [{"op": "release", "o": name}]})]
        if kind == "event":
            return [F({"op": "event_wait", "o": name})]
        if kind == "condition":
            inner = r.weighted([
                (4, {"op": "cond_wait", "o": name}),
                (2, {"op": "cond_wait_for", "o": name, "var": "x",
                     "ge": r.between(0, 2)}),
                (3, {"op": "notify_all", "o": name}),
                (2, {"op": "notify", "o": name, "n": r.between(1, 2)})])
            if inner["op"].startswith("cond"):
                inner = F(inner)
            body = [inner]
            if r.chance(0.3):
                body.append({"op": "sleep", "ms": self.delay()})
            if r.chance(0.3):
                body.insert(0, {"op": "add_var", "var": "x", "by": 1})
            return [{"op": "acquire", "o": name},
                    F({"op": "block", "body": body,
                       "finally": [{"op": "release", "o": name}]})]
        if kind == "barrier":
            return [F({"op": r.weighted([(9, "barrier_wait"),
                                         (1, "barrier_reset"),
                                         (1, "barrier_abort")]), "o": name})]
        what = r.weighted([(6, "get"), (6, "put"), (1, "join"), (3, "both")])
        if what == "get":
            return [F({"op": "get", "o": name})]
        if what == "put":
            return [F({"op": "put", "o": name, "value": self.value()})]
        if what == "join":
            return [F({"op": "join", "o": name})]
        return [F({"op": "put", "o": name, "value": self.value()}),
                F({"op": "get", "o": name}),
                {"op": "task_done", "o": name}]

    # -- lists --------------------------------------------------------------

    def ops_list(self, rank, depth, count):
        r = self.r
        out = []
        for _ in range(count):
            what = r.weighted([(5, "sync"), (9, "await"), (4, "spawn"),
                               (1, "end")])
            if what == "sync":
                op = self.sync_op(rank)
                if op:
                    out.append(op)
            elif what == "spawn":
                op = self.spawn(rank)
                if op:
                    out.append(op)
            elif what == "await":
                out += self.awaiting(rank, depth)
            elif rank > 0 and r.chance(0.5):
                end = r.weighted([
                    (4, {"op": "raise", "msg": self.fresh("e")}),
                    (1, {"op": "raise", "kind": "cancelled"}),
                    (2, {"op": "reraise"}),
                    (1, {"op": "return", "last": True}),
                    (2, {"op": "return", "value": self.value()})])
                if end["op"] != "return" or not self.in_finally:
                    out.append(end)
        return out

    def body(self, rank):
        r = self.r
        self.local = []
        out = self.ops_list(rank, 0, r.between(2, 3 + self.size))
        out.append(r.weighted([
            (7, {"op": "return", "value": self.value()}),
            (2, {"op": "return", "last": True}),
            (2, {"op": "raise", "msg": self.fresh("e")}),
            (2, {"op": "log", "msg": self.fresh("m")})]))
        return out

    def ticker(self):
        """Makes hops visible in the order of the lines."""
        out = [{"op": "sleep", "ms": self.delay()}]
        for i in range(self.r.between(2, 8)):
            out += [{"op": "log", "msg": i}, {"op": "sleep", "ms": 0}]
        return out

    def rescue(self):
        """Releases everything, some time after the program has begun."""
        stay = {"catch_cancel": True} if self.r.chance(0.5) else {}
        out = [{"op": "sleep", "ms": 60, **stay}]
        for _ in range(2):
            for h, (_rank, kind) in self.handles.items():
                if kind == "future":
                    out.append({"op": "set_result", "h": h})
            for n, o in self.objects.items():
                k = o["kind"]
                if k in ("lock", "semaphore", "bounded_semaphore"):
                    out += [{"op": "release", "o": n}] * 2
                elif k == "event":
                    out.append({"op": "event_set", "o": n})
                elif k == "condition":
                    out += [{"op": "add_var", "var": "x", "by": 5},
                            {"op": "notify_all", "o": n},
                            {"op": "release", "o": n}]
                elif k == "barrier":
                    out += [{"op": "barrier_abort", "o": n, "catch": True,
                             **stay}]
                else:
                    out += [{"op": "put_nowait", "o": n, "value": 1},
                            {"op": "sleep", "ms": 0, **stay},
                            {"op": "get_nowait", "o": n}]
                    out += [{"op": "task_done", "o": n}] * 3
            out.append({"op": "sleep", "ms": 20, **stay})
        tasks = [h for h, (_rank, kind) in self.handles.items()
                 if kind == "task"]
        for _ in range(4):
            out += [{"op": "cancel", "h": h} for h in tasks + ["main"]]
            out.append({"op": "sleep", "ms": 7, **stay})
        return out

    def make_objects(self):
        r = self.r
        kinds = ("lock", "event", "condition", "semaphore",
                 "bounded_semaphore", "barrier", "queue", "queue",
                 "priority_queue", "lifo_queue")
        for i in range(r.between(1, 2 + self.size // 3)):
            k = r.pick(kinds)
            o = {"kind": k}
            locks = [n for n, other in self.objects.items()
                     if other["kind"] == "lock"]
            if k in ("semaphore", "bounded_semaphore"):
                o["value"] = r.between(0 if k == "semaphore" else 1, 2)
            elif k == "barrier":
                o["parties"] = r.between(1, 3)
            elif k == "condition" and locks and r.chance(0.7):
                o["lock"] = r.pick(locks)
            elif k.endswith("queue"):
                o["maxsize"] = r.between(0, 2)
            self.objects["%s%d" % ({"lock": "L", "event": "E",
                                    "condition": "C", "semaphore": "S",
                                    "bounded_semaphore": "B",
                                    "barrier": "R"}.get(k, "Q"), i)] = o

    def program(self):
        r = self.r
        if self.ops != "core":
            self.make_objects()
        # Bodies from the last to the first, so that far handles exist.
        bodies = {}
        for rank in range(self.n, 0, -1):
            bodies[rank] = self.body(rank)
        self.local = []
        main = []
        for _ in range(r.between(1, 3)):
            main.append(self.spawn(0))
        main += self.ops_list(0, 0, r.between(3, 4 + self.size))
        if r.chance(0.7):
            main.append(self.flags({"op": "sleep", "ms": 25}, 0))
        main += self.ops_list(0, 0, r.between(0, 2))
        names = {"main": main}
        for rank in range(1, self.n + 1):
            names["t%d" % rank] = bodies[rank]
        if r.chance(0.4):
            names["ticker"] = self.ticker()
            main.insert(r.below(len(main) + 1),
                        {"op": "spawn", "task": "ticker", "as": "ticker"})
        if r.chance(0.93):
            names["rescue"] = self.rescue()
            main.insert(0, {"op": "spawn", "task": "rescue", "as": "rescue"})
        main = [op for op in main if op]
        names["main"] = main
        prog = {"name": "random_%s_%d_%d" % (self.ops, self.size, self.seed),
                "tasks": names}
        if self.objects:
            prog["objects"] = self.objects
        if self.ops == "all" and r.chance(0.12):
            prog["driver"] = self.driver()
        return prog

    def driver(self):
        r = self.r
        d = []
        self.local = []
        for _ in range(r.between(0, 3)):
            op = self.sync_op(0, in_cb=True)
            if op and op["op"] not in ("raise", "close_inside", "run_nested"):
                d.append(op)
        if r.chance(0.5):
            s = self.fresh("c")
            d.append({"op": "call_later", "ms": self.delay(), "as": s,
                      "do": [{"op": "stop"}]})
        if r.chance(0.3):
            d.append({"op": "stop"})
            d.append({"op": "run_forever"})
        d.append({"op": "run_until_complete", "task": "main"})
        for _ in range(r.between(0, 2)):
            h = self.handle(lambda rank, k: k == "task")
            if h:
                d.append({"op": "run_until_complete", "h": h})
        if r.chance(0.5):
            d += [{"op": "call_soon", "as": self.fresh("c"),
                   "do": [{"op": "stop"}]}, {"op": "run_forever"}]
        if r.chance(0.2):
            d.append({"op": "run", "task": "t%d" % self.deeper(0)})
        if r.chance(0.5):
            d += [{"op": "close"}, {"op": "is_closed?"}]
        return d


def generate(seed, size=5, ops="sync"):
    return Generator(seed, size, ops).program()


def main():
    ap = argparse.ArgumentParser(description="Random programs.")
    ap.add_argument("--seed", type=int, required=True)
    ap.add_argument("--size", type=int, default=5)
    ap.add_argument("--ops", choices=("core", "sync", "all"), default="sync")
    ap.add_argument("--count", type=int, default=1)
    ap.add_argument("--outdir")
    ap.add_argument("-o", "--output")
    a = ap.parse_args()
    for seed in range(a.seed, a.seed + a.count):
        prog = generate(seed, a.size, a.ops)
        text = dump(prog)
        if a.outdir:
            path = os.path.join(a.outdir, prog["name"] + ".json")
            with open(path, "w") as f:
                f.write(text)
        elif a.output:
            with open(a.output, "w") as f:
                f.write(text)
        else:
            sys.stdout.write(text)


if __name__ == "__main__":
    main()
