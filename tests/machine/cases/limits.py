"""Limits of single containers under cgroup v2: what runs out of memory or processes does so alone."""


def run(bench):
    with bench.check("containers have groups, users and limits of their own"):
        bench.inside("""
          spawnctl create data-container postgres-empty --name small --memory 128MiB --cpus 0.5 --pids 64 -q || fail 'create small'
          spawnctl create data-container redis-empty --name cache --memory 64MiB -q || fail 'create cache'
          group=$scope/c$(field small .id)
          expect 'memory' equal "$(cat $group/engine/memory.max)" $((128 << 20))
          expect 'processes' equal "$(cat $group/engine/pids.max)" 64
          expect 'processor' equal "$(cat $group/engine/cpu.max)" '50000 100000'
          expect 'the keeper has no limit' equal "$(cat $group/keeper/memory.max)" max
          expect 'the server is in its group' grep -qx "$(server_of small)" $group/engine/cgroup.procs
          uid() { stat -c %u "/proc/$(server_of "$1")"; }
          expect 'the user of its port' equal "$(uid small)" $((1879048192 + $(field small .port)))
          expect 'another one' equal "$(uid kept)" $((1879048192 + $(field kept .port)))
          ! setpriv --reuid "$(uid small)" --clear-groups kill -0 "$(server_of kept)" 2>/dev/null || fail "one reaches the other's processes"
          expect 'limits are enforced' equal "$(field small .confinement.limits)" enforced
        """)
    with bench.check("out of memory in one: its detail says so, it serves again, another one notices nothing"):
        bench.inside("""
          client_connects kept
          sql small "set work_mem = '2GB'; select count(*) from (select array_agg(repeat(md5(g::text), 100)) from generate_series(1, 3000000) g) x"
          named() { field small .detail | grep -q 'memory ran out: the limit of 128 MiB; the kernel killed'; }
          expect 'the detail' wait_for 30 named
          told() { spawnctl events --filter event=out-of-memory --filter "name=$1" | grep -q 'memory ran out'; }
          expect 'it is told, though the server goes on' wait_for 20 told small
          expect 'it serves again' wait_for 60 answers small
          expect 'the other answers' client_goes_on kept
          expect 'nothing of the other was killed' equal "$(field kept .usage.oomKills)" 0
        """)
    with bench.check("a server that dies of it comes back"):
        bench.inside("""
          spawnctl connect cache -- eval "for i = 1, 4000 do redis.call('set', i, string.rep('x', 100000)) end" 0
          named() { field cache .detail | grep -q 'memory ran out: the limit of 64 MiB'; }
          expect 'the detail' wait_for 30 named
          expect 'the journal' wait_for 5 bash -c "journalctl -u spawnd | grep -q 'memory ran out'"
          told() { spawnctl events --filter event=out-of-memory --filter "name=$1" | grep -q 'memory ran out'; }
          expect 'it is told' wait_for 20 told cache
          running() { [[ $(field cache .state) == running ]]; }
          expect 'it runs again' wait_for 60 running
          expect 'the other answers' client_goes_on kept
        """)
    with bench.check("a fork bomb stays within its processes, another one answers while it goes on"):
        bench.inside("""
          group=$scope/c$(field small .id)/engine
          sql small "create table o(l text); copy o from program 'b() { b | b & }; b 2>&1; sleep 60'" >/dev/null 2>&1 &
          expect 'the limit is met' wait_for 60 grep -q 'max [1-9]' $group/pids.events
          (( $(cat $group/pids.current) <= 64 )) || fail "$(cat $group/pids.current) processes"
          expect 'the other answers' client_goes_on kept
        """)
    with bench.check("what is deleted leaves no group"):
        bench.inside("""
          groups="$scope/c$(field small .id) $scope/c$(field cache .id)"
          spawnctl delete data-container small cache || fail 'delete'
          gone() { ! ls -d $groups; }
          expect 'their groups are gone' wait_for 30 gone
          systemctl stop client-kept
        """)
