#!/usr/bin/env python3
"""asyncio, with its own loop or with another one: PEER_LOOP=uvloop.

Absent:
  w2r      A handle cannot be moved to another time.
  w3, w8f  Time is real: w3r and w8fr.
"""

import asyncio
import concurrent.futures
import os
import threading

import harness


def new_loop():
  if os.environ.get("PEER_LOOP") == "uvloop":
    import uvloop  # pylint: disable=import-outside-toplevel
    return uvloop.new_event_loop()
  return asyncio.new_event_loop()


def run_until_complete(coroutine):
  loop = new_loop()
  try:
    return loop.run_until_complete(coroutine)
  finally:
    loop.close()


# -- w1 -------------------------------------------------------------------------


def repost(run, ready, each):
  loop = new_loop()
  call_soon = loop.call_soon
  runs = 0
  to_do = ready * (each - 1)
  last = ready * each

  def callback():
    nonlocal runs, to_do
    runs += 1
    if to_do > 0:
      to_do -= 1
      call_soon(callback)
    elif runs == last:
      loop.stop()

  run.start()
  for _ in range(ready):
    call_soon(callback)
  loop.run_forever()
  run.stop(last)
  run.check = runs
  loop.close()


# -- w2, w3 ---------------------------------------------------------------------


def ignore():
  pass


def w2(run, timers):
  delays = [d / 1e9 for d in harness.w2_delays(timers)]
  rearmings = [(i, d / 1e9) for i, d in harness.w2_rearmings(
      timers, run.scaled(harness.W2_OPERATIONS))]
  loop = new_loop()
  # An hour from now, for no timer is due before all of it is done.
  begin = loop.time() + 3600
  call_at = loop.call_at
  handles = [call_at(begin + d, ignore) for d in delays]
  cancelled = 0

  # A thousand at a time, for it is the loop that throws cancelled ones away.
  def some(at):
    nonlocal cancelled
    for i, delay in rearmings[at:at + 1000]:
      handles[i].cancel()
      cancelled += 1
      handles[i] = call_at(begin + delay, ignore)
    if at + 1000 < len(rearmings):
      loop.call_soon(some, at + 1000)
    else:
      loop.stop()

  run.start()
  loop.call_soon(some, 0)
  loop.run_forever()
  run.stop(len(rearmings))
  run.check = cancelled
  for handle in handles:
    handle.cancel()
  loop.close()


def w3(run):
  delays = [d / 1e9 for d in harness.w3_delays(run.scaled(harness.W3_TIMERS))]
  loop = new_loop()
  total = 0
  left = len(delays)

  def fired(number):
    nonlocal total, left
    total += number
    left -= 1
    if left == 0:
      loop.stop()

  run.start()
  now = loop.time()
  for number, delay in enumerate(delays, 1):
    loop.call_at(now + delay, fired, number)
  loop.run_forever()
  run.stop(len(delays))
  run.check = total
  loop.close()


# -- w4, w5, w6 -----------------------------------------------------------------


async def plus_one(source):
  return await source + 1


def ten_times(source):
  for _ in range(harness.W4_THENS):
    source = plus_one(source)
  return source


async def w4_pending(chains):
  loop = asyncio.get_running_loop()
  total = 0
  for _ in range(chains):
    future = loop.create_future()
    task = loop.create_task(ten_times(future))
    await asyncio.sleep(0)
    future.set_result(1)
    total += await task
  return total


async def w4_ready(chains):
  loop = asyncio.get_running_loop()
  total = 0
  for _ in range(chains):
    future = loop.create_future()
    future.set_result(1)
    total += await ten_times(future)
  return total


def w4(run, body):
  chains = run.scaled(harness.W4_CHAINS)
  run.start()
  run.check = run_until_complete(body(chains))
  run.stop(chains * harness.W4_THENS)


async def gather_rounds(rounds):
  loop = asyncio.get_running_loop()
  total = 0
  for _ in range(rounds):
    futures = [loop.create_future() for _ in range(harness.W5_CHILDREN)]
    all_of_them = asyncio.gather(*futures)
    for value, future in enumerate(futures):
      future.set_result(value)
    total += sum(await all_of_them)
  return total


def w5(run):
  rounds = run.scaled(harness.W5_ROUNDS)
  run.start()
  run.check = run_until_complete(gather_rounds(rounds))
  run.stop(rounds * harness.W5_CHILDREN)


async def consume(futures):
  total = 0
  position = 0
  for one in asyncio.as_completed(futures):
    position += 1
    total += position * await one
  return total


async def as_completed_rounds(rounds, order):
  loop = asyncio.get_running_loop()
  total = 0
  for _ in range(rounds):
    futures = [loop.create_future() for _ in order]
    # It has to have begun: what is done before, it takes in no order.
    consumer = loop.create_task(consume(futures))
    await asyncio.sleep(0)
    for child in order:
      futures[child].set_result(child)
    total += await consumer
  return total


def w6(run):
  order = harness.w6_order()
  rounds = run.scaled(harness.W6_ROUNDS)
  run.start()
  run.check = run_until_complete(as_completed_rounds(rounds, order))
  run.stop(rounds * len(order))


# -- w7, w8 ---------------------------------------------------------------------


async def yielding(x):
  await asyncio.sleep(0)
  return x


async def spawning(rounds):
  create_task = asyncio.get_running_loop().create_task
  total = 0
  for _ in range(rounds):
    tasks = [create_task(yielding(i)) for i in range(harness.W7_OUTSTANDING)]
    for task in tasks:
      total += await task
  return total


def w7(run):
  rounds = run.scaled(harness.W7_ROUNDS)
  run.start()
  run.check = run_until_complete(spawning(rounds))
  run.stop(rounds * harness.W7_OUTSTANDING)


def w8m(run):
  tasks = run.scaled(harness.W8_TASKS)
  asleep = 0

  async def fall_asleep():
    nonlocal asleep
    asleep += 1
    await asyncio.sleep(harness.W8M_DELAY / 1e9)

  loop = new_loop()
  before = harness.resident_bytes()
  run.start()
  for _ in range(tasks):
    loop.create_task(fall_asleep())
  loop.call_soon(loop.stop)
  loop.run_forever()
  run.stop(tasks)
  run.bytes_per_item = (harness.resident_bytes() - before) / tasks
  run.check = asleep


def w8f(run):
  delays = [d / 1e9 for d in harness.w8f_delays(run.scaled(harness.W8_TASKS))]
  loop = new_loop()
  total = 0
  left = len(delays)

  async def sleep_once(number, delay):
    nonlocal total, left
    await asyncio.sleep(delay)
    total += number
    left -= 1
    if left == 0:
      loop.stop()

  run.start()
  for number, delay in enumerate(delays, 1):
    loop.create_task(sleep_once(number, delay))
  loop.run_forever()
  run.stop(len(delays))
  run.check = total
  loop.close()


# -- w9 -------------------------------------------------------------------------


async def pass_through_events(passes):
  events = [asyncio.Event(), asyncio.Event()]
  token = 0

  async def play(mine, other):
    nonlocal token
    while True:
      await mine.wait()
      mine.clear()
      over = token == passes
      if not over:
        token += 1
      other.set()
      if over:
        break

  events[0].set()
  await asyncio.gather(play(*events), play(*events[::-1]))
  return token


async def pass_through_queues(passes):
  queues = [asyncio.Queue(), asyncio.Queue()]

  async def play(mine, other):
    while True:
      token = await mine.get()
      other.put_nowait(token + 1)
      if token >= passes:
        return token

  queues[0].put_nowait(0)
  return min(await asyncio.gather(play(*queues), play(*queues[::-1])))


async def pass_through_futures(passes):
  loop = asyncio.get_running_loop()
  of = [loop.create_future(), loop.create_future()]

  async def play(me):
    while True:
      token = await of[me]
      if token >= passes:
        if not of[1 - me].done():
          of[1 - me].set_result(token)
        return token
      of[me] = loop.create_future()
      of[1 - me].set_result(token + 1)

  of[0].set_result(0)
  return (await asyncio.gather(play(0), play(1)))[0]


def w9(run, body):
  passes = run.scaled(harness.W9_PASSES)
  run.start()
  run.check = run_until_complete(body(passes))
  run.stop(passes)


# -- w10, w12 -------------------------------------------------------------------


def w10(run, producers):
  loop = new_loop()
  posts = run.scaled(harness.W10_POSTS)
  total = 0
  left = posts

  def arrive(number):
    nonlocal total, left
    total += number
    left -= 1
    if left == 0:
      loop.stop()

  def produce(count):
    post = loop.call_soon_threadsafe
    for i in range(count):
      post(arrive, i)

  threads = [
      threading.Thread(
          target=produce, args=(harness.w10_share(posts, producers, p),))
      for p in range(producers)
  ]
  run.start()
  for thread in threads:
    thread.start()
  loop.run_forever()
  for thread in threads:
    thread.join()
  run.stop(posts)
  run.check = total
  loop.close()


def add_one(x):
  return x + 1


async def through_the_pool(pool, functions, in_flight):
  loop = asyncio.get_running_loop()
  numbers = iter(range(functions))

  async def chain():
    total = 0
    for i in numbers:
      total += await loop.run_in_executor(pool, add_one, i)
    return total

  return sum(await asyncio.gather(*(chain() for _ in range(in_flight))))


def w12(run, in_flight):
  functions = run.scaled(harness.W12_FUNCTIONS)
  with concurrent.futures.ThreadPoolExecutor(harness.W12_THREADS) as pool:
    run.start()
    run.check = run_until_complete(through_the_pool(pool, functions, in_flight))
    run.stop(functions)


def main():
  add = harness.add
  add("w1a", "call_soon()", lambda r: repost(r, 1, r.scaled(harness.W1A_RUNS)))
  add("w1b", "call_soon()", lambda r: repost(
      r, harness.W1B_CALLBACKS, r.scaled(harness.W1B_RUNS_EACH)))
  for suffix, timers in (("1e3", 1_000), ("1e5", 100_000), ("1e6", 1_000_000)):
    add(f"w2_{suffix}", "cancel(), call_at()",
        lambda r, timers=timers: w2(r, r.scaled(timers)))
  add("w3r", "call_at()", w3)
  add("w4p", "10 coroutines", lambda r: w4(r, w4_pending))
  add("w4r", "10 coroutines", lambda r: w4(r, w4_ready))
  add("w5", "gather()", w5)
  add("w6", "as_completed()", w6)
  add("w7", "create_task()", w7)
  add("w8m", "sleep(), 10 s", w8m, cold=True)
  add("w8fr", "sleep()", w8f)
  add("w9e", "Event", lambda r: w9(r, pass_through_events))
  add("w9q", "Queue", lambda r: w9(r, pass_through_queues))
  add("w9f", "a fresh future each time", lambda r: w9(r, pass_through_futures))
  add("w10_1", "call_soon_threadsafe()", lambda r: w10(r, 1))
  add("w10_3", "call_soon_threadsafe()", lambda r: w10(r, 3))
  add("w12a", "run_in_executor()", lambda r: w12(r, 1))
  add("w12b", "run_in_executor()", lambda r: w12(r, harness.W12_IN_FLIGHT))
  harness.main_of(os.environ.get("PEER_LOOP", "asyncio"))


if __name__ == "__main__":
  main()
