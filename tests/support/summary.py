#!/usr/bin/env python3
"""Turns the logs of meson test runs into what ./dev test says last.

    summary.py build/meson-logs/testlog.json [--again build-asan/meson-logs/testlog.json] [--failed TEXT]...

Counts real tests: Catch2 test cases, and PASS/FAIL/SKIP lines of scripts; a program without either is one test.
Runs after --again repeat tests that were counted already (sanitizers), so only their failures count. --failed adds
a failure that no program reported. Prints the logs of what failed, what took longest, the reasons of what was skipped, and as its
last line `N passed, N failed, N skipped`; exits 1 when something failed or nothing ran.
"""

import json
import re
import sys
from pathlib import Path

# Skips that a machine without this product has, and CI is one: nobody may get it from a package registry.
EXPECTED_SKIPS = [r"^conformance_mssql: .* is not installed here"]
# Servers that set-up takes from another Debian release, and notes here when the mirror does not have them.
NOT_TO_BE_HAD = Path(__file__).resolve().parents[2] / ".deps" / "missing"
if NOT_TO_BE_HAD.is_dir():
    for name in (re.escape(note.name) for note in NOT_TO_BE_HAD.iterdir()):
        EXPECTED_SKIPS += [rf"^(conformance_)?{name}\w*: .*(not installed here|there is no )", rf"^[^:]*: .*\b{name} is not installed here"]
LOG_LINES = 200  # of a failed test's output
SLOWEST = 10


def count(test):
    """(passed, failed, [reasons of skips]) of one program's run."""
    out = test.get("stdout", "")
    lines = re.findall(r"^(PASS|FAIL|SKIP)\b[: ]*(.*)$", out, re.M)
    passed = sum(kind == "PASS" for kind, _ in lines)
    failed = sum(kind == "FAIL" for kind, _ in lines)
    skipped = [text for kind, text in lines if kind == "SKIP"]
    whole = re.search(r"^All tests passed \(.* in (\d+) test cases?\)", out, re.M)
    mixed = re.search(r"^test cases: +\d+ \|(.*)$", out, re.M)
    if whole:
        passed += int(whole.group(1))
    elif mixed:
        number = lambda word: sum(int(n) for n in re.findall(rf"(\d+) {word}", mixed.group(1)))
        passed += number("passed")
        failed += number("failed")
        if number("skipped"):
            skipped += [f"{test['name']}: {number('skipped')} test cases, reasons in its log"]
    result = test["result"]
    if result in ("SKIP", "IGNORED") and not skipped:
        skipped = [f"{test['name']}: no reason given"]
    elif result == "OK" and not (passed or failed or skipped):
        passed = 1
    elif result not in ("OK", "SKIP", "IGNORED", "EXPECTEDFAIL") and not failed:
        failed = 1
    return passed, failed, skipped


def is_expected(reason):
    return any(re.match(pattern, reason, re.I) for pattern in EXPECTED_SKIPS)


def show_failure(test):
    print(f"\n--- {test['name']}: {test['result']} after {test.get('duration', 0):.1f} s")
    for stream in ("stdout", "stderr"):
        lines = test.get(stream, "").splitlines()
        if len(lines) > LOG_LINES:
            print(f"[{len(lines) - LOG_LINES} earlier lines of {stream} are in the log]")
        print("\n".join(lines[-LOG_LINES:]))


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return [json.loads(line) for line in file if line.strip()]


def main(arguments):
    logs, extra, again = [], [], False
    while arguments:
        word = arguments.pop(0)
        if word == "--again":
            again = True
        elif word == "--failed":
            extra.append(arguments.pop(0))
        else:
            logs.append((word, again))
    passed, failed, skipped, durations = 0, len(extra), [], []
    for path, repeated in logs:
        for test in read(path):
            p, f, s = count(test)
            durations.append((test.get("duration", 0), test["name"] + (", again" if repeated else "")))
            failed += f
            if not repeated:
                passed += p
                skipped += s
            if f:
                show_failure(test)
    for text in extra:
        print(f"\n--- {text}")
    for seconds, name in sorted(durations, reverse=True)[:SLOWEST]:
        print(f"slowest: {seconds:6.1f} s  {name}")
    for reason in skipped:
        print(f"skipped{' (expected)' if is_expected(reason) else ''}: {reason}")
    print(f"{passed} passed, {failed} failed, {len(skipped)} skipped")
    return 1 if failed or not passed else 0


sys.exit(main(sys.argv[1:]))
