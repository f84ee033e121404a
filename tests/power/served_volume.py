"""A volume served by volume_tool and the file system on it, for the tests of this folder.

Every object here cleans up in close(); what a test that dies leaves behind, contain.py ends and reports.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

LONG = os.environ.get("SPAWND_TEST_LONG", "0") not in ("", "0")
KEEP = bool(os.environ.get("SPAWND_KEEP_WORK"))
TOOLS = sys.argv[1]
DURABILITIES = ("everysec", "always")


class Failed(Exception):
    """What is wrong, for people."""


def require(condition, text):
    if not condition:
        raise Failed(text)


def run(*command, **options):
    """Runs a command to its end; its output. Failed when it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, **options)
    require(done.returncode == 0, f"'{' '.join(command)}' ended with {done.returncode}: {done.stdout[-3000:]}")
    return done.stdout


def tool(*arguments):
    return run(f"{TOOLS}/volume_tool", *arguments)


class ServedVolume:
    """One `volume_tool serve` and, after mount(), the ext4 on it at .directory."""

    def __init__(self, folder, **settings):
        self.fuse, self.directory = f"{folder}/fuse", f"{folder}/fs"
        self.file = f"{self.fuse}/volume"
        for path in (folder, self.fuse, self.directory):
            os.makedirs(path, exist_ok=True)
        self.durability = settings["durability"]
        words = [f"{key}={value}" for key, value in settings.items()]
        self.process = subprocess.Popen([f"{TOOLS}/volume_tool", "serve", f"mount={self.fuse}", *words],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.mounted = False
        try:
            self.answer()
        except Failed:
            self.kill()
            raise

    def answer(self):
        line = self.process.stdout.readline().strip()
        require(line.split(" ")[0] == "ok", f"the volume: {line or 'its server died'}")
        return line[3:]

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer()

    def mount(self, *options):
        tool("mount", self.file, self.directory, self.durability, *options)
        self.mounted = True

    def unmount(self):
        for attempt in range(100):  # a process that was just killed may still hold a file
            try:
                tool("unmount", self.directory)
                break
            except Failed:
                if attempt == 99:
                    raise
                time.sleep(0.05)
        self.mounted = False
        self.wait_for_loop()

    def wait_for_loop(self):
        """The kernel detaches the loop device a moment after the unmount; until then the file is in use."""
        deadline = time.monotonic() + 10
        while any(self.file == backing for backing in loop_files()):
            require(time.monotonic() < deadline, f"a loop device stays on {self.file}")
            time.sleep(0.01)

    def check_file_system(self):
        """e2fsck on the unmounted volume, which writes nothing; clean or Failed."""
        tool("attach", self.file, "/usr/sbin/e2fsck", "-f", "-n")
        self.wait_for_loop()

    def stop(self):
        """A clean end: everything is durable."""
        if self.mounted:
            self.unmount()
        self.ask("stop")
        require(self.process.wait(20) == 0, "the volume's server did not end cleanly")

    def kill(self):
        """kill -9 of the server, and the end of what was on it."""
        self.process.kill()
        self.process.wait()
        if self.mounted:
            subprocess.run(["umount", self.directory], stderr=subprocess.DEVNULL, check=False)
            self.mounted = False
        subprocess.run(["umount", "-l", self.fuse], stderr=subprocess.DEVNULL, check=False)
        self.wait_for_loop()

    def close(self):
        if self.process.poll() is None:
            self.kill()


def loop_files():
    for name in os.listdir("/sys/block"):
        try:
            with open(f"/sys/block/{name}/loop/backing_file", encoding="utf-8") as file:
                yield file.read().strip()
        except OSError:
            pass


def run_cases(suite, cases):
    """Runs (name, function(folder)) pairs, each with a folder of its own; PASS and FAIL lines; the exit code."""
    if os.geteuid() != 0:
        print(f"SKIP {suite}: needs root for FUSE, loop devices and mounts")
        return 77
    work = tempfile.mkdtemp(prefix=f"spawnd-{suite}.")
    os.chmod(work, 0o711)
    failed = 0
    for number, (name, case) in enumerate(cases):
        folder = f"{work}/{number}"
        os.mkdir(folder, 0o711)
        start = time.monotonic()
        try:
            for line in case(folder) or ():
                print(f"PASS {suite}: {line}", flush=True)
            print(f"PASS {suite}: {name} ({(time.monotonic() - start) * 1000:.0f} ms)", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            print(f"FAIL {suite}: {name}")
            print("  " + (str(error) if isinstance(error, Failed) else traceback.format_exc()).replace("\n", "\n  "),
                  flush=True)
            failed += 1
        if not KEEP:
            shutil.rmtree(folder, ignore_errors=True)
    if KEEP:
        print(f"kept: {work}")
    else:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if failed else 0


def new_seed():
    """SPAWND_TEST_SEED, else a new one each time; whoever uses it prints it."""
    return int(os.environ.get("SPAWND_TEST_SEED") or random.SystemRandom().randrange(1, 1 << 31))
