"""One virtual machine under qemu: boots, runs scripts inside, has its power button pressed and its power cut.

The way in is a virtio serial port on which inside/agent.sh takes scripts and gives back what they printed; the machine has no
network. What must not be lost with its power (which rows a client was told are there) goes line by line through further ports
to files outside, `notes`. Its disks are files that outlive the process, so that a boot finds what the one before has written. The guest's
flushes stop at the host's page cache: only the machine loses its power here, not the host.
"""

import os
import json
import shutil
import socket
import subprocess
import time

# A machine that does not even boot, or an agent that is gone, ends the test.
BOOT_SECONDS = 240


class Gone(Exception):
    """The machine does not answer any more."""


class Result:
    """What a script inside printed (standard output and error), and its exit code."""

    def __init__(self, code, output):
        self.code, self.output = code, output


class Machine:
    def __init__(self, folder, kernel, initrd, disks, library, ports=()):
        """`disks` become /dev/vda, /dev/vdb and so on; `library` is put before each script that runs inside; `ports` are
        those to write notes to, /dev/virtio-ports/notes.NAME."""
        self.folder, self.kernel, self.initrd, self.disks = folder, kernel, initrd, disks
        self.library, self.ports = library, ports
        self.process = self.agent = self.monitor = None
        self.boots = 0

    def start(self):
        """Switches it on. It answers after `wait_for_boot`."""
        self.boots += 1
        self.console = os.path.join(self.folder, f"console.{self.boots}.log")
        command = ["qemu-system-x86_64", "-accel", "tcg", "-M", "pc", "-cpu", "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt", "-m", "2G", "-smp", "2",
                   "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-kernel", self.kernel, "-initrd", self.initrd,
                   "-append", "root=/dev/vda rw console=ttyS0 quiet no_timer_check panic=-1 mitigations=off cryptomgr.notests apparmor=0 selinux=0 systemd.default_timeout_start_sec=300 "
                              "systemd.show_status=error systemd.journald.forward_to_console=0",
                   "-serial", f"file:{self.console}", "-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]
        for disk in self.disks:
            command += ["-drive", f"file={disk},if=virtio,format=raw,cache=unsafe,discard=unmap"]
        command += ["-chardev", f"socket,id=agent,path={self._path('agent')},server=on,wait=on",
                    "-device", "virtserialport,chardev=agent,name=spawnd.test",
                    "-qmp", f"unix:{self._path('monitor')},server=on,wait=on"]
        for name in self.ports:
            command += ["-chardev", f"file,id=notes-{name},path={self._path('notes.' + name)},append=on",
                        "-device", f"virtserialport,chardev=notes-{name},name=notes.{name}"]
        for name in ("agent", "monitor"):
            if os.path.exists(self._path(name)):
                os.unlink(self._path(name))
        self.started = time.monotonic()
        with open(os.path.join(self.folder, "qemu.log"), "ab") as log:
            # A session of its own: ctrl-C is the driver's, which then ends qemu.
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.agent = self._connect("agent")
        self.monitor = self._connect("monitor")
        self._order("qmp_capabilities")

    def wait_for_boot(self, seconds=BOOT_SECONDS):
        """Waits until the agent says hello; gives the seconds since the power came."""
        self._read_line(time.monotonic() + seconds)
        return time.monotonic() - self.started

    def run(self, script, seconds=600, **values):
        """Runs a script of bash inside, as root, with `values` as its variables, and waits for its end."""
        settings = "".join(f"{name}={_quoted(str(value))}\n" for name, value in values.items())
        text = (self.library + settings + script + "\n").encode()
        self._send(f"{len(text)} {seconds}".ljust(19).encode() + b"\n" + text)
        deadline = time.monotonic() + seconds + 60
        code, length = self._read_line(deadline).split()
        output = b""
        while len(output) < int(length):
            output += self._receive(int(length) - len(output), deadline)
        return Result(int(code), output.decode(errors="replace"))

    def run_apart(self, script, **values):
        """Starts a script that goes on by itself, until it ends or the machine does."""
        result = self.run("systemd-run --quiet --collect --service-type=exec bash -c " + _quoted(self.library + "".join(
            f"{name}={_quoted(str(value))}\n" for name, value in values.items()) + script))
        if result.code:
            raise RuntimeError(result.output)

    def press_power_button(self):
        self._order("system_powerdown")

    def wait_for_power_off(self, seconds):
        """Waits for the machine to end by itself, switched off or for a reboot; gives whether it did."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._close()
        return True

    def cut_power(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._close()

    def notes(self, name):
        """The whole lines that were written to one of the ports, in all boots. The last may have been cut."""
        with open(self._path("notes." + name), encoding="utf-8", errors="replace") as file:
            return file.read().split("\n")[:-1]

    def console_text(self):
        with open(self.console, encoding="utf-8", errors="replace") as file:
            return file.read()

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _connect(self, name):
        deadline = time.monotonic() + 30
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(self._path(name))
                return connection
            except OSError as error:
                connection.close()
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise Gone(f"qemu does not start: {error}; {self.folder}/qemu.log says why") from error
                time.sleep(0.02)

    def _order(self, what):
        """One command to qemu itself. Events may come before the answer."""
        self.monitor.settimeout(30)
        file = self.monitor.makefile("rw")
        file.write(json.dumps({"execute": what}) + "\n")
        file.flush()
        for line in file:
            if "return" in json.loads(line):
                return
        raise Gone(f"qemu did not take {what}")

    def _send(self, data):
        try:
            self.agent.settimeout(60)
            self.agent.sendall(data)
        except OSError as error:
            raise Gone(f"the machine takes no script: {error}") from error

    def _receive(self, size, deadline):
        try:
            self.agent.settimeout(max(0.1, deadline - time.monotonic()))
            data = self.agent.recv(size)
        except OSError as error:
            raise Gone(f"the machine does not answer: {error}") from error
        if not data:
            raise Gone("the machine is off")
        return data

    def _read_line(self, deadline):
        line = b""
        while not line.endswith(b"\n"):
            line += self._receive(1, deadline)
        return line.decode().strip()

    def _close(self):
        for connection in (self.agent, self.monitor):
            if connection:
                connection.close()
        self.agent = self.monitor = None


def _quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def missing_programs():
    return [name for name in ("qemu-system-x86_64", "mmdebstrap", "mke2fs") if not shutil.which(name)]
