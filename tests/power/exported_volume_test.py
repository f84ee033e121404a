#!/usr/bin/env python3
"""The exported volume as a disk: fio and an exerciser of our own on a real ext4 on a real volume, with both
durabilities, over the death of the process that serves it.

    exported_volume_test.py BUILD/tests/power      (from meson, under contain.py)

SPAWND_TEST_SEED=N repeats a run of the exerciser.
"""

import os
import sys
import time

from served_volume import DURABILITIES, LONG, ServedVolume, new_seed, require, run, run_cases, tool, TOOLS

SIZE_MIB = 512
JOB_MIB = 96
EXERCISER_RUNS = 40 if LONG else 4
EXERCISER_OPERATIONS = 4000

FIO_JOB = ["--ioengine=libaio", "--iodepth=8", "--direct=1", "--bsrange=4k-64k", "--blockalign=4k",
           "--verify=crc32c", "--verify_fatal=1", "--randrepeat=0", "--output-format=terse"]


def served(folder, durability):
    return ServedVolume(folder, directory=f"{folder}/delta", durability=durability, size_mib=SIZE_MIB)


def wait_until_small(volume, full):
    deadline = time.monotonic() + 10
    while (left := int(volume.ask("usage"))) > 16 << 20:
        require(full > JOB_MIB << 20 and time.monotonic() < deadline, f"{left} of {full} bytes are left after the trim")
        time.sleep(0.1)
        volume.ask("commit")  # a slot that was given up is free after the commit


def fio_on_the_file_system(durability):
    def case(folder):
        volume = served(folder, durability)
        try:
            volume.mount("format")
            job = ["fio", "--name=mixed", f"--directory={volume.directory}", f"--size={JOB_MIB // 2}m", "--numjobs=2",
                   "--rw=randwrite", "--overwrite=0", *FIO_JOB]
            # Each job: writes with an fsync now and then, then reads everything and compares.
            run(*job, "--fsync=16", "--end_fsync=1", "--do_verify=1")
            os.sync()
            volume.kill()  # nothing that was written may be gone, whatever the durability: the host did not die
            volume = served(folder, durability)
            volume.mount()
            run(*job, "--verify_only=1")
            yield f"{durability}: what fio wrote is there after kill -9 of the server"
            full = int(volume.ask("usage"))
            for name in os.listdir(volume.directory):
                if name.startswith("mixed"):
                    os.unlink(f"{volume.directory}/{name}")
            os.sync()  # blocks of a deleted file are free, and can be trimmed, once ext4's journal says so
            tool("trim", volume.directory)
            wait_until_small(volume, full)
            yield f"{durability}: deleting and trimming gives the space back"
            volume.unmount()
            volume.check_file_system()
            volume.stop()
        finally:
            volume.close()
    return case


def fio_on_the_device(durability):
    """Without a file system: fio's own discards, and zeros where it discarded."""
    def case(folder):
        volume = served(folder, durability)
        try:
            tool("attach", volume.file, "fio", "--name=raw", "--rw=randtrimwrite", f"--size={JOB_MIB}m", "--fsync=64",
                 "--do_verify=1", *FIO_JOB, "--filename")
            volume.wait_for_loop()
            volume.stop()
        finally:
            volume.close()
    return case


def exerciser(durability):
    def case(folder):
        volume = served(folder, durability)
        try:
            volume.mount("format")
            first = new_seed()
            for number in range(EXERCISER_RUNS):
                seed = (first + number) % (1 << 32)
                run(f"{TOOLS}/file_exerciser", f"{volume.directory}/file", str(seed), str(EXERCISER_OPERATIONS))
                yield f"{durability}: {EXERCISER_OPERATIONS} operations on a file, seed {seed}"
            volume.unmount()
            volume.check_file_system()
            volume.stop()
        finally:
            volume.close()
    return case


def attached(volume, script):
    """Runs a script with the loop device's queue folder as its first argument; what it printed."""
    lines = tool("attach", volume.file, "sh", "-c", 'q=/sys/block/$(basename "$0")/queue; echo $q; ' + script).split("\n")
    volume.wait_for_loop()
    return [line for line in lines if line]


def settings_of_others_do_not_stay(folder):
    """The kernel remembers a loop device's queue for whoever gets it next: flushes may then do nothing, and scans crawl."""
    volume = served(folder, "always")
    try:
        for _ in range(50):
            before, = attached(volume, 'echo "write through" >$q/write_cache; echo 0 >$q/read_ahead_kb')
            after, cache, ahead = attached(volume, "cat $q/write_cache $q/read_ahead_kb")
            if after == before:
                require(cache == "write back", f"{before}/write_cache says '{cache}'")
                require(ahead == "512", f"{before}/read_ahead_kb says '{ahead}'")
                yield "a loop device that somebody set to write through flushes again, and reads ahead"
                break
            with open(f"{before}/write_cache", "w", encoding="ascii") as file:  # somebody else took the device
                file.write("write back")
            with open(f"{before}/read_ahead_kb", "w", encoding="ascii") as file:
                file.write("128")
        else:
            require(False, "never the same loop device twice")
        volume.stop()
    finally:
        volume.close()


CASES = [(f"{durability}: {name}", make(durability)) for durability in DURABILITIES for name, make in (
    ("fio on the file system", fio_on_the_file_system), ("fio on the device, with discards", fio_on_the_device),
    ("random operations on a file", exerciser))] + [("settings of others", settings_of_others_do_not_stay)]
sys.exit(run_cases("exported_volume", CASES))
