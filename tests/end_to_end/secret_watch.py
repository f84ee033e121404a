"""Looks for secrets in what everybody on a machine may see of processes, for as long as it runs.

    secret_watch.py FILE OUT [EXEMPT]   FILE: a secret a line; OUT: gets a line for each place where one was seen, "core
                                        <program>" for a tool that could leave a core, and "saw <program>" once for each
                                        tool that spawnctl runs; EXEMPT: a program whose environment is not looked into

Command lines and environments of all processes are read again and again, as fast as it goes. It says `watching` once it has
begun, and ends with SIGTERM.
"""

import os
import signal
import sys


def text(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def parent(pid):
    """The name of the program that started it."""
    fields = text(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return text(f"/proc/{fields[1].decode()}/comm").strip() if len(fields) > 1 else b""


def main():
    with open(sys.argv[1], "rb") as file:
        secrets = [line for line in file.read().split(b"\n") if line]
    exempt = sys.argv[3].encode() if len(sys.argv) > 3 else None
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    seen = set()
    with open(sys.argv[2], "w") as out:

        def say(line):
            if line not in seen:
                seen.add(line)
                print(line, file=out, flush=True)

        say("watching")
        while not stopped:
            for pid in filter(str.isdigit, os.listdir("/proc")):
                arguments = text(f"/proc/{pid}/cmdline")
                program = os.path.basename(arguments.split(b"\0")[0]).decode(errors="replace")
                if not program or int(pid) == os.getpid():
                    continue
                environment = b"" if exempt and program == exempt.decode() else text(f"/proc/{pid}/environ")
                for secret in secrets:
                    if secret in arguments:
                        say(f"argv of {program}")
                    if secret in environment:
                        say(f"environ of {program}")
                if parent(pid) == b"spawnctl" and program in ("psql", "pg_dump", "pg_basebackup", "mariadb", "mariadb-dump", "mariadb-backup", "mysql", "mysqldump", "redis-cli", "valkey-cli"):
                    say(f"saw {program}")
                    for line in text(f"/proc/{pid}/limits").splitlines():
                        if line.startswith(b"Max core file size") and line.split()[4:6] != [b"0", b"0"]:
                            say(f"core {program}: {line.decode()}")


main()
