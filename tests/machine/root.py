"""The disks that the machine boots from: Debian made by mmdebstrap, kept for the next time by what it is made of.

The root has the engines and all that the packages depend on, because the machine has no network, and nothing of spawnd: that
comes by apt from a disk of packages. Makes no loop device and mounts nothing of its own.
"""

import hashlib
import lzma
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
# By release: the engines; their data is made by what is tested and by nobody else.
ENGINES = {"bookworm": ["postgresql-15", "redis-tools"], "trixie": ["postgresql-17", "redis-tools"]}
# dbus and logind: a power button, scopes. udisks2: what a desktop would see.
PACKAGES = ["systemd-sysv", "udev", "dbus", "udisks2", "kmod", "procps", "iproute2", "jq", "util-linux", "e2fsprogs", "busybox-static",
            "linux-image-cloud-amd64", "apt", "apt-utils", "debconf"]
# What the initial RAM disk loads, with what they need; udev loads the rest.
MODULES = ["virtio_pci", "virtio_blk", "ext4"]
ROOT_SIZE, DATA_SIZE = "2500M", "3G"
AGENT_UNIT = """[Unit]
Description=What the machine test runs inside
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/bash /usr/local/lib/agent.sh
Restart=always
[Install]
WantedBy=sysinit.target
"""
FSTAB = """/dev/vda / ext4 rw 0 0
/dev/vdb /var/lib/spawnd ext4 rw,discard,x-systemd.device-timeout=0 0 0
/dev/vdc /media ext4 ro,x-systemd.device-timeout=0 0 0
"""
# Nothing here may take the processor by itself, and the serial console is for what the kernel and systemd say.
MASKED = ["serial-getty@ttyS0.service", "getty@tty1.service", "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer",
          "e2scrub_reap.service", "fstrim.timer", "dpkg-db-backup.timer", "postgresql.service", "systemd-update-utmp.service",
          "systemd-update-utmp-runlevel.service", "console-setup.service", "keyboard-setup.service"]


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n" + "\n".join(done.stdout.splitlines()[-30:]))
    return done.stdout


def dependencies(packages):
    """What the .deb files depend on, without each other; of alternatives the first."""
    names = set()
    for package in packages:
        for field in ("Depends", "Pre-Depends"):
            for entry in run("dpkg-deb", "-f", package, field).split(","):
                name = re.split(r"[ (|:]", entry.strip())[0]
                if name and not name.startswith("spawn"):
                    names.add(name)
    return sorted(names)


def recipe_key(release, include):
    recipe = [release, *include]
    for name in (__file__, f"{HERE}/inside/agent.sh", f"{HERE}/inside/init.sh"):
        with open(name, encoding="utf-8") as file:
            recipe.append(file.read())
    return hashlib.sha256("\0".join(recipe).encode()).hexdigest()[:16]


def prepared_root(release, packages, cache):
    """The folder with `root.ext4`, `kernel` and `initrd` for these packages; made when it is not there."""
    include = PACKAGES + ENGINES[release] + dependencies(packages)
    key = recipe_key(release, include)
    folder = os.path.join(cache, f"{release}-{key}")
    if os.path.exists(folder):
        return folder
    os.makedirs(cache, exist_ok=True)
    for other in os.listdir(cache):
        if other.startswith((release + "-", ".new-" + release)):
            shutil.rmtree(os.path.join(cache, other))
    new = os.path.join(cache, f".new-{release}")
    root = os.path.join(new, "root")
    os.makedirs(new)
    make_root(release, include, root)
    furnish(root)
    make_boot_files(root, new)
    make_disk(os.path.join(new, "root.ext4"), ROOT_SIZE, root)
    shutil.rmtree(root)
    os.rename(new, folder)
    return folder


def make_root(release, include, root):
    # Debian makes and starts a cluster of its own otherwise.
    no_cluster = 'mkdir -p "$1/etc/postgresql-common/createcluster.d"; echo create_main_cluster = false >"$1/etc/postgresql-common/createcluster.d/machine.conf"'
    # INITRD=No: the kernel's package makes no initial RAM disk, ours is another.
    run("mmdebstrap", "--quiet", "--variant=minbase", "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=path-exclude=/usr/share/info/*", '--dpkgopt=force-unsafe-io', '--aptopt=APT::Install-Recommends "false"',
        "--setup-hook=" + no_cluster, "--include=" + ",".join(include), release, root,
        env={**os.environ, "INITRD": "No", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def furnish(root):
    write(f"{root}/etc/hostname", "machine\n")
    write(f"{root}/etc/hosts", "127.0.0.1 localhost machine\n::1 localhost\n")
    write(f"{root}/etc/fstab", FSTAB)
    # Without one it is the first boot, which presets all units.
    write(f"{root}/etc/machine-id", "6d616368696e6520746573742121210a\n", 0o444)
    # Or the first boot makes again what the packages have just made, the hardware database for one.
    for name in ("etc", "var"):
        write(f"{root}/{name}/.updated", "")
    os.makedirs(f"{root}/var/lib/spawnd", mode=0o711, exist_ok=True)
    os.makedirs(f"{root}/var/log/journal", exist_ok=True)
    shutil.copy(f"{HERE}/inside/agent.sh", f"{root}/usr/local/lib/agent.sh")
    write(f"{root}/etc/systemd/system/machine-test-agent.service", AGENT_UNIT)
    # As packaging/setup does it: the server of Debian's Redis by its own name, without the package that is a service.
    os.makedirs(f"{root}/opt/redis/bin")
    shutil.copy(f"{root}/usr/bin/redis-check-rdb", f"{root}/opt/redis/bin/redis-server")
    run("systemctl", f"--root={root}", "enable", "machine-test-agent.service")
    run("systemctl", f"--root={root}", "mask", *MASKED)
    run("systemctl", f"--root={root}", "set-default", "multi-user.target")


def with_needs(names, folder):
    """Files of kernel modules in the order of loading; what is built in has none."""
    needs = {}
    with open(f"{folder}/modules.dep", encoding="utf-8") as file:
        for line in file:
            path, _, rest = line.strip().partition(":")
            needs[path] = rest.split()
    by_name = {re.sub(r"\.ko.*", "", os.path.basename(path)).replace("-", "_"): path for path in needs}
    order = []

    def add(path):
        for other in needs[path]:
            add(other)
        if path not in order:
            order.append(path)

    # crc32c is asked for by name when ext4 mounts, and nothing here would load it then.
    for name in [*names, "crc32c_generic"]:
        if name in by_name:
            add(by_name[name])
    return [os.path.join(folder, path) for path in order]


def make_boot_files(root, folder):
    version = sorted(os.listdir(f"{root}/lib/modules"))[-1]
    shutil.copy(f"{root}/boot/vmlinuz-{version}", f"{folder}/kernel")
    entries = [("dev", 0o40755, b""), ("bin", 0o40755, b""), ("modules", 0o40755, b"")]
    with open(f"{HERE}/inside/init.sh", "rb") as file:
        entries.append(("init", 0o100755, file.read()))
    with open(f"{root}/bin/busybox", "rb") as file:
        entries.append(("bin/busybox", 0o100755, file.read()))
    names = []
    for path in with_needs(MODULES, f"{root}/lib/modules/{version}"):
        name = re.sub(r"\.xz$", "", os.path.basename(path))
        with (lzma.open if path.endswith(".xz") else open)(path, "rb") as file:
            entries.append((f"modules/{name}", 0o100644, file.read()))
        names.append(name)
    entries.append(("modules/order", 0o100644, "".join(name + "\n" for name in names).encode()))
    with open(f"{folder}/initrd", "wb") as file:
        for name, mode, data in entries + [("TRAILER!!!", 0, b"")]:
            write_entry(file, name, mode, data)


def write_entry(file, name, mode, data):
    """One file of a cpio archive as the kernel reads them ("newc")."""
    numbers = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + name.encode() + b"\0"
    for part in (head, data):
        file.write(part + b"\0" * (-len(part) % 4))


def make_disk(path, size, source=None):
    # Without lazy initialisation, which would go on inside.
    run("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=0,lazy_journal_init=0", *(["-d", source] if source else []), path, size)


def make_disks(prepared, packages, folder):
    """A machine's disks: its root, an empty one for the state directory, and one with the packages."""
    disks = [os.path.join(folder, name) for name in ("root.ext4", "data.ext4", "packages.ext4")]
    run("cp", "--sparse=always", "--reflink=auto", os.path.join(prepared, "root.ext4"), disks[0])
    make_disk(disks[1], DATA_SIZE)
    source = os.path.join(folder, "packages")
    for name, files in packages.items():
        os.makedirs(os.path.join(source, name))
        for file in files:
            shutil.copy(file, os.path.join(source, name))
    make_disk(disks[2], "300M", source)
    return disks
