#!/usr/bin/env python3
"""Runs a command and sees to it that nothing of it stays behind.

    contain.py NAME COMMAND...

All processes that the command's descendants orphan (daemons that were killed, keepers) become children of this one
(PR_SET_CHILD_SUBREAPER), so what is left when the command ends is known exactly, whoever else uses the machine: it
is named, killed, and makes the run fail. Loop devices and mounts that appeared meanwhile count when no living
process holds the file system they sit on.

Exit code: the command's own; 99 when it succeeded but left something behind. Prints `PASS|FAIL NAME: leaves nothing
behind` on standard output.
"""

import ctypes
import fcntl
import os
import signal
import struct
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
LOOP_GET_STATUS64 = 0x4C05
# What ends by itself after its owner died (a keeper that sees its daemon's socket close, a loop device that is
# detached when its FUSE connection is gone) gets this long.
GRACE_SECONDS = 10


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
    """{number: (device of the backing file's file system, its name)} of attached loop devices."""
    result = {}
    for name in os.listdir("/sys/block"):
        if not name.startswith("loop") or not os.path.exists(f"/sys/block/{name}/loop/backing_file"):
            continue
        try:
            with open(f"/sys/block/{name}/loop/backing_file", encoding="utf-8") as file:
                backing = file.read().strip()
            fd = os.open(f"/dev/{name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                status = fcntl.ioctl(fd, LOOP_GET_STATUS64, b"\0" * 232)
            finally:
                os.close(fd)
            device = struct.unpack_from("<Q", status)[0]
            result[name] = ((device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF00), backing)
        except OSError:
            continue  # detached while we looked
    return result


def mounts(pid):
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
            return [line.split() for line in file]
    except OSError:
        return []


def orphaned_loops(before):
    """New loop devices over a file system that no living process has mounted, or over a deleted file."""
    new = {name: loop for name, loop in loop_devices().items() if before.get(name) != loop}
    if not new:
        return []
    mounted = {fields[2] for pid in os.listdir("/proc") if pid.isdigit() for fields in mounts(pid)}
    return [f"loop device {name} over {backing}" for name, (major, minor, backing) in new.items()
            if f"{major}:{minor}" not in mounted or backing.endswith("(deleted)")]


def new_mounts(before):
    """Mounts in our own view of the file systems that were not there: a container's belong in its namespace only."""
    return [f"mount {fields[4]}" for fields in mounts("self")
            if fields[4] not in before and ("fuse" in " ".join(fields) or "/dev/loop" in " ".join(fields))]


def main():
    name, command = sys.argv[1], sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        print("contain: cannot become a subreaper", file=sys.stderr)
        return 1
    loops_before, mounts_before = loop_devices(), {fields[4] for fields in mounts("self")}
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
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0] > 0:
                pass
        except ChildProcessError:
            pass
        processes = children_of([os.getpid()])
        left = [f"process {pid}: {text[:150]}" for pid, text in processes.items()]
        left += orphaned_loops(loops_before) + new_mounts(mounts_before)
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
