"""A clean reboot, power cuts, and what the clients of three containers were told before: all of it, or all but a second."""

import time

# Each writes as fast as it can and notes outside what it was told: `kept` commits once a second, `always` at each flush,
# `cache` is a Redis.
WRITERS = ("kept", "always", "cache")
# What "about a second" may be on an emulated machine whose processors others use, too.
EVERYSEC_SECONDS = 3.0

PREPARE = """
  spawnctl create data-container postgres-empty --name always --durability always -q || fail 'create always'
  spawnctl create data-container redis-empty --name cache -q || fail 'create cache'
  for name in kept always; do
    sql $name 'create table w(i bigint primary key, at timestamptz); create table n(c bigint); insert into n values (0)' || fail "tables of $name"
  done
"""
# A row and the count of rows, in one transaction each.
WRITE = """
  for name in kept always; do
    next=$(sql $name 'select coalesce(max(i), 0) + 1 from w')
    url=$(spawnctl get data-container $name -o url)
    systemd-run --quiet --collect --unit writer-$name bash -c "seq $next 100000000 |
      sed -u 's/.*/with r as (insert into w values (&, clock_timestamp()) returning i, at), c as (update n set c = c + 1) select i, extract(epoch from at) from r;/' |
      psql -X -q -At '$url' >/dev/virtio-ports/notes.$name"
  done
  systemd-run --quiet --collect --unit writer-cache bash -c "yes 'incr n' | stdbuf -oL redis-cli -u '$(spawnctl get data-container cache -o url)' >/dev/virtio-ports/notes.cache"
"""
# What is there now: last row, its time, rows, count of rows.
COUNT = """
  wait_for 120 answers NAME
  sql NAME 'select max(i), extract(epoch from max(at)), count(*), (select c from n) from w'
"""


def told(bench, name):
    """The last row that the writer was told is there, and its time by the machine's clock."""
    lines = [line.split("|") for line in bench.machine.notes(name) if line.count("|") == 1]
    bench.expect(lines, f"the writer of {name} was told nothing")
    return int(lines[-1][0]), float(lines[-1][1])


def writes(bench, seconds):
    """Has the writers begun and at work."""
    bench.inside(WRITE)
    before = {name: len(bench.machine.notes(name)) for name in WRITERS}
    end = time.monotonic() + 60
    while any(len(bench.machine.notes(name)) < before[name] + 5 for name in WRITERS):
        bench.expect(time.monotonic() < end, "the writers do not write")
        time.sleep(0.2)
    time.sleep(seconds)


def look(bench, name):
    last, at, rows, count = bench.inside(COUNT.replace("NAME", name)).split("|")
    bench.expect(last == rows == count, f"a mixture: last row {last}, {rows} rows, counted {count}")
    return int(last), float(at)


def whole(bench, name, notes):
    """Nothing that the writer was told is missing."""
    acknowledged, _ = told(bench, name)
    last, _ = look(bench, name)
    notes.append(f"{name}: told {acknowledged}, there {last}")
    bench.expect(last >= acknowledged, f"{name}: the client was told of row {acknowledged}, the last is {last}")


def clean_reboot(bench):
    with bench.check("power button with running, writing containers: off within 30 s, file systems clean") as notes:
        writes(bench, 5)
        bench.power_button(notes)
    bench.boot()
    with bench.check("every container is back, and the last second before is there") as notes:
        whole(bench, "kept", notes)
        whole(bench, "always", notes)
        last = int(bench.machine.notes("cache")[-1])
        there = bench.inside("running() { spawnctl connect cache -- get n | grep -q '[0-9]'; }\nwait_for 60 running\nspawnctl connect cache -- get n")
        notes.append(f"cache: told {last}, there {there}")
        bench.expect(int(there.strip('"')) >= last, f"cache: the client was told {last}, and {there} is there")
    with bench.check("the servers were shut down in order, nothing was killed"):
        bench.inside("""
          for name in kept always; do
            state=$(spawnctl logs data-container $name | grep -o 'database system was [a-z ]*' | tail -n 1)
            expect "$name" equal "$state" 'database system was shut down at '
          done
          killed=$(journalctl -b -1 -o cat | grep -iE 'spawnd.*(SIGKILL|timed out)|Failed unmounting.*spawnd' | grep -v 'on client request')
          expect 'nothing killed' equal "$killed" ''
        """)


def power_cut(bench):
    with bench.check("a power cut while three containers write"):
        writes(bench, 6)
        bench.machine.cut_power()
    bench.boot()
    with bench.check("durability always: nothing that was acknowledged is lost") as notes:
        whole(bench, "always", notes)
    with bench.check("durability everysec: about a second at most, and no mixture") as notes:
        acknowledged, at = told(bench, "kept")
        last, until = look(bench, "kept")
        notes.append(f"told {acknowledged}, there {last}, lost {max(0.0, at - until):.2f} s")
        bench.expect(at - until <= EVERYSEC_SECONDS, f"{at - until:.2f} s are lost")
    with bench.check("the daemon knows all of them, and the rest is as it was"):
        bench.inside("""
          running() { [[ $(spawnctl get data-container -o json | jq '[.[] | select(.state != "running")] | length') == 0 ]]; }
          expect 'all run' wait_for 120 running
          expect 'the rows of before' equal "$(sql kept 'select count(*) from t')" 1000
          systemctl stop spawnd
          spawnd fsck || fail 'the store is damaged'
          systemctl start spawnd
        """)


def run(bench):
    with bench.check("containers of both durabilities, and a Redis"):
        bench.inside(PREPARE)
    clean_reboot(bench)
    for _ in range(4 if bench.long else 1):
        power_cut(bench)
    bench.inside("spawnctl delete data-container always cache")
