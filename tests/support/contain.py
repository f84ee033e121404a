#!/usr/bin/env python3
"""Runs a command and sees to it that nothing of it stays behind.

    contain.py NAME COMMAND...

All processes that the command's descendants orphan (daemons that were killed, keepers) become children of this one
(PR_SET_CHILD_SUBREAPER), so what is left when the command ends is known exactly, whoever else uses the machine: it
is named, killed, and makes the run fail. The command has a mount namespace of its own, in which all mounts are
shared as under systemd: a mount that a keeper should have kept to itself shows up here, and what others on this machine
mount does not. Loop devices belong to the whole machine; one that appeared meanwhile counts when it is dead, that is
when its backing file is deleted or its FUSE server no longer answers.

Exit code: the command's own; 99 when it succeeded but left something behind. Prints `PASS|FAIL NAME: leaves nothing
behind` on standard output.

The command gets a hundred ports of the machine to itself, whatever else runs under this: SPAWND_TEST_PORTS is the first.
"""

import ctypes
import fcntl
import mmap
import os
import random
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE, MS_SHARED = 0x4000, 1 << 18, 1 << 20
# What ends by itself after its owner died (a keeper that sees its daemon's socket close, a loop device that is
# detached when its FUSE connection is gone) gets this long.
GRACE_SECONDS = 10
PORT_LOCKS = "/tmp/spawnd-test-ports"  # a file for each hundred, locked while it is in use


def children_of(pids):
    """Living descendants of the given processes, each with its command line."""
    parents, names = {}, {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                comm, rest = file.read().rsplit(")", 1)
            with open(f"/proc/{entry}/cmdline", encoding="utf-8", errors="replace") as file:
                command = file.read().replace("\0", " ").strip()
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if state not in "ZX":
            parents[int(entry)] = int(parent)
            names[int(entry)] = command or comm.split("(", 1)[1]
    found, seen = set(pids), set()
    while found - seen:
        seen |= found
        found |= {pid for pid, parent in parents.items() if parent in seen}
    return {pid: names[pid] for pid in found - set(pids) if pid in names}


def loop_devices():
    """{name: backing file} of attached loop devices."""
    result = {}
    for name in os.listdir("/sys/block"):
        try:
            with open(f"/sys/block/{name}/loop/backing_file", encoding="utf-8") as file:
                result[name] = file.read().strip()
        except OSError:
            continue  # no loop device, or detached while we looked
    return result


def reads(name):
    """Whether a loop device gives its first block, past the page cache, within two seconds."""
    child = os.fork()
    if child == 0:
        try:
            fd = os.open(f"/dev/{name}", os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
            os._exit(0 if os.preadv(fd, [mmap.mmap(-1, 4096)], 0) == 4096 else 1)
        except OSError:
            os._exit(1)
    for _ in range(200):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    return False


def dead_loops(before):
    """New loop devices that nobody serves any more. Others' on this machine come and go, and answer."""
    new = {name: backing for name, backing in loop_devices().items() if before.get(name) != backing}
    dead = [name for name, backing in new.items() if backing.endswith("(deleted)") or not reads(name)]
    return [f"loop device {name} over {new[name]}" for name in dead if loop_devices().get(name) == new[name]]


def mount_points():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return [line.split()[4] for line in file]


def private_mounts(libc):
    """Mounts of the command neither reach the machine nor come from it; among themselves they are shared."""
    for step in (lambda: libc.unshare(CLONE_NEWNS), lambda: libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None),
                 lambda: libc.mount(b"none", b"/", None, MS_REC | MS_SHARED, None)):
        if step() != 0:
            raise OSError(ctypes.get_errno(), "cannot make a mount namespace")


def take_ports():
    """The first of a hundred ports, ours until the returned file is closed."""
    os.makedirs(PORT_LOCKS, mode=0o1777, exist_ok=True)
    for first in random.sample(range(20000, 29900, 100), 99):
        lock = os.open(f"{PORT_LOCKS}/{first}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return first, lock
        except BlockingIOError:
            os.close(lock)
    raise OSError("all test ports are in use")


def main():
    name, command = sys.argv[1], sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        print("contain: cannot become a subreaper", file=sys.stderr)
        return 1
    if os.geteuid() == 0:
        private_mounts(libc)
    os.environ["SPAWND_TEST_PORTS"] = str(take_ports()[0])
    loops_before, mounts_before = loop_devices(), mount_points()
    child = os.fork()
    if child == 0:
        try:
            os.execvp(command[0], command)
        except OSError as error:
            print(f"contain: cannot run {command[0]}: {error}", file=sys.stderr)
            os._exit(127)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda n, _: os.kill(child, n))

    code = None
    while code is None:
        pid, status = os.wait()  # reaps orphans as they end, too
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            code = code if code >= 0 else 128 - code

    deadline = time.monotonic() + GRACE_SECONDS
    ours = None  # a loop device of somebody else's test is dead for a moment, one of ours stays dead
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0] > 0:
                pass
        except ChildProcessError:
            pass
        processes = children_of([os.getpid()])
        left = [f"process {pid}: {text[:150]}" for pid, text in processes.items()]
        ours = [loop for loop in dead_loops(loops_before) if ours is None or loop in ours]
        left += ours
        left += [f"mount {point}" for point in mount_points() if point not in mounts_before]
        if not left or time.monotonic() > deadline:
            break
        time.sleep(0.02)

    if left:
        print(f"FAIL {name}: leaves nothing behind")
        print("\n".join(f"  left: {what}" for what in left), flush=True)
        for pid in sorted(processes):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return code or 99
    print(f"PASS {name}: leaves nothing behind", flush=True)
    return code


sys.exit(main())
