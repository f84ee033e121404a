#!/usr/bin/env python3
"""Power cuts under a real PostgreSQL on a real ext4 on an exported volume.

    power_cut_test.py BUILD/tests/power            (from meson, under contain.py)

For each durability: a volume whose every file operation is written down serves a server under load. Afterwards, for
moments of that load chosen at random, the disk is built as a power cut would have left it (what a sync covered is
there; the rest is lost, kept or torn), opened under another boot id, and everything above it must come back: ext4 by
its journal, PostgreSQL by its own recovery, pg_amcheck and page checksums clean, pgbench's sums right, and of a
counter every number whose commit was acknowledged: `always` up to the cut, `everysec` up to the last commit of the
volume before it. A last case leaves out syncs and must find something wrong.

SPAWND_TEST_SEED=N chooses the same cuts of another load; SPAWND_TEST_LONG=1 makes 50 in place of 5.
"""

import os
import shutil
import subprocess
import sys
import threading
import time

from served_volume import DURABILITIES, LONG, Failed, ServedVolume, new_seed, require, run, run_cases

BIN = "/usr/lib/postgresql/15/bin"
USER = "spawnd"
SIZE_MIB = 768
CUTS = 50 if LONG else 5
LOAD_SECONDS = 30 if LONG else 8
# Small memory and small WAL: pages are evicted, and checkpoints and segment changes come, all the time.
SETTINGS = """
listen_addresses = ''
shared_buffers = 4MB
max_wal_size = 8MB
min_wal_size = 2MB
checkpoint_timeout = 30s
checkpoint_completion_target = 0.3
autovacuum_naptime = 1s
wal_writer_delay = 10ms
log_min_messages = warning
"""
CHURN = """
create table churn_{n} as select i, md5(i::text) as text from generate_series(1, 3000) i;
create index on churn_{n} (text);
delete from churn_{n} where i % 3 = 0;
vacuum churn_{n};
drop table if exists churn_{before};
checkpoint;
"""


class Server:
    """PostgreSQL with its data on a served volume; its socket and log beside it, on the host."""

    def __init__(self, folder, volume):
        self.folder, self.data = folder, f"{volume.directory}/data"
        self.log = f"{folder}/postgres.log"
        os.makedirs(f"{folder}/socket", exist_ok=True)
        shutil.chown(f"{folder}/socket", USER, USER)

    def run(self, program, *arguments):
        return run("runuser", "-u", USER, "--", f"{BIN}/{program}", *arguments, cwd="/")

    def initialise(self):
        os.mkdir(self.data, 0o700)
        shutil.chown(self.data, USER, USER)
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-k", "--wal-segsize=1",
                 "--locale=C.UTF-8", "-E", "UTF8")
        with open(f"{self.data}/postgresql.conf", "a", encoding="utf-8") as file:
            file.write(SETTINGS)
            file.flush()
            os.fsync(file.fileno())  # a server syncs what it writes, its administrator does not always

    def start(self):
        open(self.log, "a", encoding="utf-8").close()
        shutil.chown(self.log, USER, USER)
        try:
            self.run("pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", "60", "start",
                     "-o", f"-c unix_socket_directories={self.folder}/socket")
        except Failed as error:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                raise Failed(f"{error}\n{file.read()[-3000:]}") from None

    def stop(self, mode):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def arguments(self):
        return ["-h", f"{self.folder}/socket", "-U", "postgres"]

    def query(self, sql):
        return run(f"{BIN}/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *self.arguments(), "-d", "postgres",
                   "-c", sql).strip()

    def popen(self, program, *arguments, **options):
        return subprocess.Popen([f"{BIN}/{program}", *arguments], stderr=subprocess.DEVNULL, text=True, **options)


class Counter(threading.Thread):
    """Commits 1, 2, 3... and notes when each was acknowledged."""

    def __init__(self, server):
        super().__init__()
        self.acknowledged = []  # (number, CLOCK_MONOTONIC in ns)
        self.sent = 0
        self.psql = server.popen("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *server.arguments(), "-d", "postgres",
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self):
        try:
            while True:
                self.sent += 1
                self.psql.stdin.write(f"insert into counter values ({self.sent}, repeat('x', 50)) returning n;\n")
                self.psql.stdin.flush()
                if self.psql.stdout.readline().strip() != str(self.sent):
                    break
                self.acknowledged.append((self.sent, time.monotonic_ns()))
        except BrokenPipeError:
            pass
        self.psql.wait()

    def number_at(self, nanoseconds):
        """The last number that was acknowledged before that time."""
        return max((n for n, at in self.acknowledged if at < nanoseconds), default=0)


class Load:
    """What a recorded volume went through: from when to when, and what its clients were told."""

    def __init__(self, folder, durability, seconds, **settings):
        self.volume = ServedVolume(folder, durability=durability, size_mib=SIZE_MIB, boot_id="first", record=1, **settings)
        try:
            self.work(folder, seconds)
        except BaseException:
            self.volume.close()
            raise

    def work(self, folder, seconds):
        self.volume.mount("format")
        server = Server(folder, self.volume)
        server.initialise()
        server.start()
        try:
            server.query("create table counter (n int primary key, text text)")
            run(f"{BIN}/pgbench", "-i", "-q", "-s", "1", *server.arguments(), "postgres")
            self.volume.ask("commit")
            self.from_ns = time.monotonic_ns()
            self.counter = Counter(server)
            self.counter.start()
            pgbench = server.popen("pgbench", "-n", "-c", "2", "-T", str(seconds + 60), *server.arguments(), "postgres",
                                   stdout=subprocess.DEVNULL)
            end, n = time.monotonic() + seconds, 0
            while time.monotonic() < end:
                n += 1
                for statement in CHURN.format(n=n, before=max(0, n - 2)).strip().splitlines():
                    server.query(statement)
            self.to_ns = time.monotonic_ns()
        finally:
            server.stop("immediate")
        pgbench.wait()
        self.counter.join()
        self.volume.unmount()


def check_server(server, least, most):
    """Everything of the recovered server; the highest number of the counter."""
    server.start()
    try:
        count, first, last = map(int, server.query("select count(*), coalesce(min(n), 1), coalesce(max(n), 0) "
                                                   "from counter").split("|"))
        require(first == 1 and count == last, f"of the numbers {first} to {last} only {count} are there")
        require(last >= least, f"commits up to {least} were acknowledged and durable, there are {last}")
        require(last <= most, f"{last} numbers are there, but only {most} were sent")
        sums = server.query("select (select sum(abalance) from pgbench_accounts), (select sum(tbalance) from "
                            "pgbench_tellers), (select sum(bbalance) from pgbench_branches), (select "
                            "coalesce(sum(delta), 0) from pgbench_history)").split("|")
        require(len(set(sums)) == 1, f"pgbench's sums differ: {sums}")
        run(f"{BIN}/pg_amcheck", "--all", "--install-missing", "--heapallindexed", *server.arguments())
    finally:
        server.stop("fast")
    return last


def judge(folder, load, durability, seed):
    """One cut: opens what is left and checks everything. A line that says what it was."""
    delta = f"{folder}/delta"
    os.makedirs(delta)
    operations, at, promised, fate = load.volume.ask(f"cut {seed} {load.from_ns} {load.to_ns} {delta}").split(" ")
    least, acknowledged = load.counter.number_at(int(promised)), load.counter.number_at(int(at))
    what = f"power cut after operation {operations}, {fate}, seed {seed}"
    try:
        volume = ServedVolume(folder, directory=delta, durability=durability, size_mib=SIZE_MIB, boot_id="second")
        try:
            volume.mount()
            volume.unmount()
            volume.check_file_system()
            volume.mount()
            last = check_server(Server(folder, volume), least, load.counter.sent)
            volume.unmount()
            volume.check_file_system()
            volume.stop()
        finally:
            volume.close()
    except Failed as error:
        raise Failed(f"{what}: {error}") from None
    back = (int(at) - int(promised)) / 1e9
    return f"{durability}: {what}: {last} commits there; {least} promised, {back:.2f} s before; {acknowledged} acknowledged"


def cuts(durability):
    def case(folder):
        load = Load(f"{folder}/load", durability, LOAD_SECONDS)
        try:
            first = new_seed() if "SPAWND_TEST_SEED" in os.environ else new_seed() // 5 * 5
            for seed in range(first, first + CUTS):  # seeds in a row: each way to lose things in turn
                yield judge(f"{folder}/{seed}", load, durability, seed)
                shutil.rmtree(f"{folder}/{seed}", ignore_errors=True)
        finally:
            load.volume.close()
    return case


def without_syncs(name):
    """The check must be able to fail: with syncs of one file that do nothing it has to find something."""
    def case(folder):
        load = Load(f"{folder}/load", "always", 2, lose_syncs=name)
        try:
            for seed in range(10):
                try:
                    judge(f"{folder}/{seed}", load, "always", seed)
                except Failed as error:
                    yield f"without the syncs of '{name}': {str(error)[:300].splitlines()[0]}"
                    return
            raise Failed(f"ten power cuts without any sync of '{name}', and nothing was wrong")
        finally:
            load.volume.close()
    return case


CASES = [(f"{durability}: {CUTS} power cuts under load", cuts(durability)) for durability in DURABILITIES]
CASES += [(f"without the syncs of '{name}' something is wrong", without_syncs(name)) for name in ("data", "journal")]
sys.exit(run_cases("power_cut", CASES))
