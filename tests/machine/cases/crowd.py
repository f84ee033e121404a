"""Many containers and a shutdown that one of them does not want; after it they come back a few at a time."""

COUNT, COUNT_LONG = 20, 60
ANSWER_MILLISECONDS = 2000
# From the daemon's start at a boot to its first answer: 2 s are promised, and an emulated processor that all of the boot
# shares needs at least five times as long (a server's `--version` takes seconds then).
FIRST_ANSWER_MILLISECONDS = 5 * 2000
# As many as the machine has processors, those that run and are not yet known to, and the moment between two questions.
MOST_AT_A_TIME = 6

CREATE = """
  seq 1 $count | xargs -P 2 -I {} spawnctl create data-container redis-empty --name crowd-{} --memory 64MiB -q >/dev/null || fail 'create'
  sql kept 'create table if not exists last(n int); insert into last values (1)'
"""
# From the daemon's start on: for each question the milliseconds until its answer, how many run, and how many are
# being started, that is, have a keeper and do not run.
WATCH = """
  start=$(systemctl show -P ExecMainStartTimestampMonotonic spawnd)
  uptime_ms() { local up; read -r up _ </proc/uptime; echo $((${up/./} * 10)); }
  # The keeper and process 1 of a container have the same command line.
  keepers() { pgrep -af 'spawnd keeper [0-9]' | grep -o 'keeper [0-9]*' | sort -u | wc -l; }
  until spawnctl auth >/dev/null 2>&1; do sleep 0.05; done
  echo "first $(($(uptime_ms) - $(systemctl show -P ExecMainStartTimestampMonotonic spawnd) / 1000))"
  end=$((SECONDS + limit))
  while (( SECONDS < end )); do
    begin=$(uptime_ms)
    states=$(spawnctl get data-container -o json) || fail 'no answer'
    took=$(($(uptime_ms) - begin))
    running=$(jq '[.[] | select(.state == "running")] | length' <<<"$states")
    echo "at $((begin - start / 1000)) $took $running $(($(keepers) - running))"
    (( running < count )) || exit 0
    sleep 1  # asking takes a processor, too
  done
  jq -r '.[] | select(.state != "running") | "\\(.name) \\(.state) \\(.detail)"' <<<"$states"
  fail 'not all of them came back'
"""


def run(bench):
    count = COUNT_LONG if bench.long else COUNT
    with bench.check(f"{count} more containers"):
        bench.inside(CREATE, 600, count=count)
    with bench.check("power button with a stopped server: off within 30 s all the same") as notes:
        bench.inside('kill -STOP "$(server_of kept)"')
        bench.power_button(notes)
    bench.boot()
    first, seen = 0, []
    with bench.check("all come back after the reboot, a few at a time") as notes:
        lines = [line.split() for line in bench.inside(WATCH, 900, count=count + 1, limit=600).splitlines()]
        first = int(lines[0][1])
        seen = [[int(number) for number in line[1:]] for line in lines if line[0] == "at"]
        most = max(line[3] for line in seen)
        notes += [f"all after {seen[-1][0] / 1000:.1f} s", f"at most {most} at a time"]
        bench.expect(most <= MOST_AT_A_TIME, f"{most} are started at a time")
    with bench.check("meanwhile the daemon answers within 2 s") as notes:
        bench.expect(seen, "nobody asked")
        slowest = max(line[1] for line in seen)
        notes += [f"first answer {first / 1000:.1f} s after the daemon's start", f"slowest of {len(seen)} took {slowest / 1000:.1f} s"]
        bench.expect(first <= FIRST_ANSWER_MILLISECONDS, f"the first answer came {first} ms after the daemon's start")
        bench.expect(slowest <= ANSWER_MILLISECONDS, f"an answer took {slowest} ms")
    with bench.check("what the stopped server had acknowledged is there"):
        bench.inside("expect 'the row' equal \"$(sql kept 'select n from last')\" 1")
    bench.inside("spawnctl delete data-container $(seq -f 'crowd-%g' 1 $count)", count=count)
