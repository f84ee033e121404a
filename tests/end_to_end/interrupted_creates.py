#!/usr/bin/env python3
"""Sends a signal to spawnctl at many moments around the end of what it creates, and compares what spawnctl says
with what the daemon has.

  interrupted_creates.py SPAWNCTL ROUNDS create IMAGE    create data-container
  interrupted_creates.py SPAWNCTL ROUNDS run IMAGE       run -- true
  interrupted_creates.py SPAWNCTL ROUNDS image YAML      create data-image

Prints how often each outcome was seen; ends with 1 at the first round where the two disagree.
"""
import json
import signal
import subprocess
import sys
import time

SPAWNCTL, ROUNDS, WHAT, SOURCE = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
KIND = "data-image" if WHAT == "image" else "data-container"
NAMED = [] if WHAT == "image" else ["-n", "interrupted"]
COMMAND = {
    "create": [SPAWNCTL, "create", "data-container", "-i", SOURCE, *NAMED],
    "run": [SPAWNCTL, "run", "-i", SOURCE, *NAMED, "--", "true"],
    "image": [SPAWNCTL, "create", "data-image", "-f", SOURCE],
}[WHAT]


def present():
    listed = subprocess.run([SPAWNCTL, "get", KIND + "s", "-o", "json"], check=True, capture_output=True, text=True)
    return [resource for resource in json.loads(listed.stdout) if WHAT != "image" or resource["name"] == "interrupted"]


def delete_all(resources):
    for resource in resources:
        subprocess.run([SPAWNCTL, "delete", KIND, "-q", str(resource["id"])], check=True)


def interrupted(delay, number):
    """(exit code, standard output, standard error) of one that gets the signal after `delay` seconds."""
    child = subprocess.Popen(COMMAND, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(delay)
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err


def disagreement(code, out, err, number, resources):
    """What is wrong with what was said; empty when nothing is."""
    signalled = 128 + number  # or by the signal itself, once all was said and done
    if WHAT == "run":
        if resources:
            return "a container is left"
        return "" if code in (0, signalled, -number) else "an exit code that neither the command nor the signal has"
    says_created, says_not = "created!" in out, "is not created" in err
    if says_created and says_not:
        return "it says both"
    if says_created:
        if len(resources) != 1 or f"({resources[0]['id']})" not in out:
            return "it says created, and it is not there"
        return "" if code in (0, signalled, -number) else "created, with the exit code of a failure"
    if resources:
        return "it does not say created, and it is there"
    if code == -number and not err:
        return ""  # before it had asked for anything
    return "" if says_not and code == signalled else "nothing is said"


def measure():
    """Seconds that it takes, the shortest of some."""
    shortest = 60.0
    for _ in range(3):
        start = time.monotonic()
        subprocess.run(COMMAND, check=True, stdout=subprocess.DEVNULL)
        shortest = min(shortest, time.monotonic() - start)
        delete_all(present())
    return shortest


def main():
    took = measure()
    seen = {}
    for turn in range(ROUNDS):
        # From well before its end to just after it, most of them close to it.
        delay = took * (0.6 + 0.6 * ((turn * 0.618) % 1))
        number = (signal.SIGINT, signal.SIGTERM)[turn % 2]
        code, out, err = interrupted(delay, number)
        resources = present()
        wrong = disagreement(code, out, err, number, resources)
        if wrong:
            print(f"round {turn}, signal {number} after {delay * 1000:.1f} of {took * 1000:.1f} ms: {wrong}")
            print(f"exit code {code}\nstdout: {out}stderr: {err}there: {[resource['name'] for resource in resources]}")
            sys.exit(1)
        outcome = "done" if code == 0 else "created all the same" if resources else "not created"
        seen[outcome] = seen.get(outcome, 0) + 1
        delete_all(resources)
    print(f"{took * 1000:.0f} ms; " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(seen.items())))


main()
