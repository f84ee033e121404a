#!/usr/bin/env python3
"""spawnd on a real machine: systemd, udev, udisks and cgroup v2 under qemu, from the Debian packages.

    machine_test.py --packages FOLDER [--release bookworm|trixie] [--long] [--keep FOLDER] [--results FILE] [PART...]
    machine_test.py --packages FOLDER [--release bookworm|trixie] --prepare

FOLDER of --packages has spawnd_*.deb and spawnctl_*.deb of that release. The parts (cases/) run one after the other on one
machine and its disks, each on what the one before has left; a PART that is named runs alone behind the installation. A line
PASS or FAIL for each check, with its seconds. --prepare makes the root and nothing else. --results gets what tests/support/summary.py reads. KVM is not used.
"""

import argparse
import contextlib
import glob
import json
import os
import shutil
import signal
import sys
import tempfile
import time

import root
import virtual_machine
from cases import clock, crowd, full_disk, install, limits, power, removal, service, udev, upgrade

# A run that takes longer has gone wrong; --long and its many boots have ten times that.
LIMIT_SECONDS = int(os.environ.get("SPAWND_MACHINE_LIMIT", "1500"))
HERE = os.path.dirname(os.path.abspath(__file__))
# In this order. What only --long runs looks at the flag itself.
PARTS = [install, limits, udev, service, upgrade, full_disk, clock, power, crowd, removal]


class Failed(Exception):
    """A check that does not hold."""


class Report:
    """What was checked, as lines and as numbers."""

    def __init__(self, name):
        self.name, self.begin = name, time.monotonic()
        self.lines, self.failed, self.passed = [], 0, 0

    def say(self, text):
        line = f"[{time.monotonic() - self.begin:6.1f}] {text}"
        self.lines.append(line)
        print(line, flush=True)

    def verdict(self, word, text):
        line = f"{word} {self.name}: {text}"
        self.lines.append(line)
        print(line, flush=True)

    def detail(self, text):
        self.lines.append("     " + text)
        print("     " + text, flush=True)

    @contextlib.contextmanager
    def check(self, text):
        """One check. It fails by an exception; what comes after it is tried all the same."""
        start = time.monotonic()
        notes = []
        try:
            yield notes
        except virtual_machine.Gone:
            self.failed += 1
            self.verdict("FAIL", f"{text} ({time.monotonic() - start:.1f} s)")
            raise
        except Exception as error:  # pylint: disable=broad-except
            self.failed += 1
            self.verdict("FAIL", f"{text} ({time.monotonic() - start:.1f} s)")
            for line in (str(error) or repr(error)).splitlines()[-25:]:
                self.detail(line)
        else:
            self.passed += 1
            self.verdict("PASS", f"{text} ({', '.join([f'{time.monotonic() - start:.1f} s', *notes])})")


class Bench:
    """What a part gets: the machine, the report, and the ways to ask both."""

    def __init__(self, machine, report, long):
        self.machine, self.report, self.long = machine, report, long
        self.check, self.say = report.check, report.say

    def inside(self, script, seconds=600, **values):
        """Runs a script inside and gives what it printed; one that fails is a check that does not hold."""
        result = self.machine.run(script, seconds, **values)
        if result.code == 124:
            raise Failed(f"not done in {seconds} s\n{result.output}")
        if result.code:
            raise Failed(result.output.strip() or f"exit code {result.code}")
        return result.output.strip()

    def expect(self, condition, text):
        if not condition:
            raise Failed(text)

    def power_button(self, notes, limit=30):
        """Switches the machine off as its owner does; it has `limit` seconds, and leaves clean file systems."""
        start = time.monotonic()
        self.machine.press_power_button()
        off = self.machine.wait_for_power_off(limit + 60)
        seconds = time.monotonic() - start
        console = self.machine.console_text()
        notes.append(f"off after {seconds:.1f} s")
        if not off:
            self.machine.cut_power()
        self.expect(off and seconds <= limit, f"off after {seconds:.1f} s, {limit} are allowed\n{console[-3000:]}")
        for disk in self.machine.disks[:2]:
            head = root.run("dumpe2fs", "-h", disk)
            self.expect("needs_recovery" not in head, f"{os.path.basename(disk)} was not unmounted\n{console[-3000:]}")

    def boot(self):
        self.machine.cut_power()
        self.machine.start()
        self.say(f"boot {self.machine.boots}: answers {self.machine.wait_for_boot():.1f} s after power on")


def newer(package, folder):
    """The same package with a higher version."""
    tree = os.path.join(folder, "repacked")
    shutil.rmtree(tree, ignore_errors=True)
    root.run("dpkg-deb", "-R", package, tree)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    version = root.run("dpkg-deb", "-f", package, "Version").strip()
    # A dependency on exactly the other one's version goes along.
    text = text.replace(f"Version: {version}\n", f"Version: {version}+machine1\n").replace(f"(= {version})", f"(= {version}+machine1)")
    with open(control, "w", encoding="utf-8") as file:
        file.write(text)
    root.run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", tree, folder)
    shutil.rmtree(tree)
    name = os.path.basename(package).split("_")
    return os.path.join(folder, f"{name[0]}_{version.split(':')[-1]}+machine1_{name[2]}")


def find_packages(folder):
    found = []
    for name in ("spawnd", "spawnctl"):
        files = [file for file in glob.glob(os.path.join(folder, f"{name}_*.deb"))]
        if not files:
            sys.exit(f"machine-test: no {name}_*.deb in {folder}\n  hint: ./dev deb makes them")
        found.append(max(files, key=os.path.getmtime))
    return found


def run_parts(arguments, report, folder):
    packages = find_packages(arguments.packages)
    start = time.monotonic()
    prepared = root.prepared_root(arguments.release, packages, arguments.cache)
    report.say(f"root of Debian {arguments.release}: {time.monotonic() - start:.1f} s ({prepared})")
    start = time.monotonic()
    disks = root.make_disks(prepared, {"now": packages, "newer": [newer(package, folder) for package in packages]}, folder)
    report.say(f"disks and packages of a higher version: {time.monotonic() - start:.1f} s")
    with open(f"{HERE}/inside/library.sh", encoding="utf-8") as file:
        machine = virtual_machine.Machine(folder, f"{prepared}/kernel", f"{prepared}/initrd", disks, file.read(), power.WRITERS)
    bench = Bench(machine, report, arguments.long)
    names = {part.__name__.rsplit(".", 1)[-1]: part for part in PARTS}
    for name in arguments.parts:
        if name not in names:
            sys.exit(f"machine-test: no part '{name}'\n  hint: there are: {' '.join(names)}")
    try:
        bench.boot()
        for name, part in names.items():
            if not arguments.parts or name in arguments.parts or part is install:
                before = time.monotonic()
                part.run(bench)
                report.say(f"{name}: {time.monotonic() - before:.1f} s")
            if part is install and machine.run("command -v spawnctl").code:
                raise virtual_machine.Gone("spawnd is not installed")
    except virtual_machine.Gone as error:
        report.verdict("FAIL", f"{error}; nothing after it was tried")
        report.failed += 1
        for line in machine.console_text().splitlines()[-25:]:
            report.detail(line)
    finally:
        machine.cut_power()


def took_too_long(_number, _frame):
    raise virtual_machine.Gone("the test takes too long")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", required=True)
    parser.add_argument("--release", default="bookworm", choices=sorted(root.ENGINES))
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--cache", default="/var/tmp/spawnd-machine")
    parser.add_argument("--keep", metavar="FOLDER", help="leave disks and consoles here")
    parser.add_argument("--results")
    parser.add_argument("parts", nargs="*")
    arguments = parser.parse_args()
    missing = virtual_machine.missing_programs()
    if missing:
        sys.exit(f"machine-test: not installed: {', '.join(missing)}\n  hint: sudo ./dev setup")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    if arguments.prepare:
        root.prepared_root(arguments.release, find_packages(arguments.packages), arguments.cache)
        return 0
    signal.signal(signal.SIGALRM, took_too_long)
    signal.alarm(LIMIT_SECONDS * (10 if arguments.long else 1))
    report = Report(f"machine_{arguments.release}")
    folder = arguments.keep or tempfile.mkdtemp(prefix="spawnd-machine-", dir="/var/tmp")
    if os.path.exists(os.path.join(folder, "root.ext4")):
        sys.exit(f"machine-test: {folder} has a machine already")
    os.makedirs(folder, exist_ok=True)
    try:
        run_parts(arguments, report, folder)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder)
    seconds = time.monotonic() - report.begin
    print(f"{report.name}: {report.passed} passed, {report.failed} failed in {seconds:.0f} s")
    if arguments.results:
        with open(arguments.results, "w", encoding="utf-8") as file:
            json.dump({"name": report.name, "result": "FAIL" if report.failed else "OK", "duration": seconds,
                       "stdout": "\n".join(report.lines), "stderr": ""}, file)
            file.write("\n")
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
