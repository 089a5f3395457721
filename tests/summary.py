#!/usr/bin/env python3
"""Prints what became of the tests of one `bazel test`: N passed, N failed.

  summary.py EVENTS STATUS CONSUMER

EVENTS is the file that --build_event_json_file wrote, STATUS what Bazel exited
with, CONSUMER what became of tests/consumer (passed, failed or skipped). The
names of the failed go to standard error. Exits with 1 if any failed or none ran.
"""

import collections
import json
import sys
import urllib.parse
import xml.etree.ElementTree


def read_cases(path):
  """Yields (name, outcome) for each case in the test.xml at `path`."""
  for case in xml.etree.ElementTree.parse(path).iter("testcase"):
    name = ".".join(filter(None, [case.get("classname"), case.get("name")]))
    if case.find("failure") is not None or case.find("error") is not None:
      yield name, "failed"
    elif case.get("status") == "notrun" or case.get("result") == "skipped":
      yield name, "skipped"
    else:
      yield name, "passed"


def read_run(result):
  """Returns the cases of one run of a test: what its test.xml says, or itself."""
  cases = []
  for output in result.get("testActionOutput", []):
    if output["name"] == "test.xml":
      try:
        uri = urllib.parse.urlparse(output["uri"])
        cases = list(read_cases(urllib.parse.unquote(uri.path)))
      except (OSError, xml.etree.ElementTree.ParseError):
        pass
  passed = result["status"] in ("PASSED", "FLAKY")
  if passed != all(outcome != "failed" for _, outcome in cases) or not cases:
    cases.append(("", "passed" if passed else "failed"))
  return cases


def read_events(path):
  """Returns the last attempt of each run of a test, and what was not built."""
  runs = {}
  unbuilt = []
  try:
    with open(path, encoding="utf-8") as lines:
      events = [json.loads(line) for line in lines]
  except OSError:  # Bazel never got as far as that.
    events = []
  for event in events:
    if "testResult" in event:
      id = event["id"]["testResult"]
      runs[id["label"], id["run"], id["shard"]] = event["testResult"]
    elif "targetCompleted" in event["id"]:
      if not event.get("completed", {}).get("success"):
        unbuilt.append(event["id"]["targetCompleted"]["label"])
  return runs, unbuilt


def main(path, status, consumer):
  runs, unbuilt = read_events(path)
  count = collections.Counter()
  failed = []
  for (label, _, _), result in sorted(runs.items(), key=lambda run: run[0]):
    for name, outcome in read_run(result):
      count[outcome] += 1
      if outcome == "failed":
        failed.append(f"{label} {name}")
  failed += [f"{label} was not built" for label in unbuilt]
  if consumer == "passed":
    count["passed"] += 1
  elif consumer == "failed":
    failed.append("tests/consumer")
  if status != 0 and not failed:
    failed.append(f"the build (Bazel's exit status was {status})")

  for name in failed:
    print("FAILED:", name, file=sys.stderr)
  sys.stderr.flush()
  skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
  print(f"{count['passed']} passed, {len(failed)} failed{skipped}")
  return 1 if failed or not count["passed"] else 0


if __name__ == "__main__":
  sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
