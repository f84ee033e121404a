#!/usr/bin/env bash
# Runs inside the machine that boot.sh boots: limits, their ends, and what outlives the daemon. A line each.
failed=0
check() { if eval "$2" >/tmp/out 2>&1; then echo "PASS $1"; else echo "FAIL $1"; sed 's/^/     /' /tmp/out | tail -n 5; failed=1; fi; }
get() { spawnctl get data-container "$1" -o json | jq -r "$2"; }
sql() { local name=$1; shift; timeout 300 psql -X "$(spawnctl get data-container "$name" -o url)" -Atc "$@"; }
scope=/sys/fs/cgroup/system.slice/spawnd-containers.scope

spawnctl create data-container postgres-empty --name small --memory 128MiB --cpus 0.5 --pids 64 -q
spawnctl create data-container postgres-empty --name other -q
spawnctl create data-container redis-empty --name cache --memory 64MiB -q
id=$(get small .id) other=$(get other .id) cache=$(get cache .id)

echo "--- what was set"
for file in memory.max memory.high memory.swap.max memory.oom.group pids.max cpu.max; do
  echo "$file: $(cat $scope/c$id/engine/$file)"
done
for file in cpu.weight io.weight io.bfq.weight; do echo "$file: $(cat $scope/c$id/$file 2>&1)"; done
echo "builtin memory.max: $(cat $scope/c$other/engine/memory.max) pids.max: $(cat $scope/c$other/engine/pids.max)"
systemd-cgls --no-pager -l -u spawnd-containers.scope | cut -c 1-100
get small '{limits, usage, confinement}'
get small '.timings' -c
journalctl -u spawnd -o cat --no-pager | grep -iE 'limit|user|oom|flusher'

check "the engine is in its group" 'grep -q "^$(pgrep -n -f "port=$(get small .port)")$" $scope/c$id/engine/cgroup.procs'
check "the keeper is in its own, without a limit" '[[ -n $(cat $scope/c$id/keeper/cgroup.procs) && $(cat $scope/c$id/keeper/memory.max) == max ]]'
uid() { stat -c %u /proc/$(pgrep -f "port=$(get $1 .port)" | head -n 1); }
check "two engines run as two users" '[[ $(uid small) != $(uid other) && $(uid small) == $((1879048192 + $(get small .port))) ]]'
check "each is out of the other's reach" '! setpriv --reuid $(uid small) --clear-groups kill -0 $(pgrep -f "port=$(get other .port)" | head -n 1)'

echo "--- more rows than memory: written back, nobody killed"
check "rows of twice the limit" 'sql small "create table t as select g, repeat(md5(g::text), 8) x from generate_series(1, 1000000) g" && [[ $(get small .usage.oomKills) == 0 ]]'
get small -c .usage

echo "--- memory runs out in one of them"
sql small "set work_mem = '2GB'; select count(*) from (select array_agg(repeat(md5(g::text), 100)) from generate_series(1, 3000000) g) x" 2>&1 | tail -n 2
sleep 3
get small '{state, detail, usage}'
check "it is named in the detail" 'get small .detail | grep -q "memory ran out: the limit of 128 MiB; the kernel killed"'
check "and nothing happened to the other" '[[ $(get other .usage.oomKills) == 0 && -z $(get other .detail) && $(sql other "select 1") == 1 ]]'
check "it serves again" 'for i in $(seq 30); do [[ $(sql small "select 1") == 1 ]] && exit; sleep 1; done; false'

echo "--- an engine that dies of it"
spawnctl connect data-container cache -- eval "local t={} for i=1,4000 do redis.call('set', i, string.rep('x', 100000)) end" 0 2>&1 | tail -n 1
sleep 5
get cache '{state, detail, usage}'
journalctl -u spawnd -o cat --no-pager | grep 'memory ran out'
check "it is named, too" 'get cache .detail | grep -q "memory ran out: the limit of 64 MiB" && journalctl -u spawnd | grep -q "memory ran out"'

echo "--- a fork bomb"
sql small "create table o(l text); copy o from program 'b() { b | b & }; b 2>&1; sleep 3; cat /proc/loadavg'" 2>&1 | tail -n 2
echo "pids now $(cat $scope/c$id/engine/pids.current) of $(cat $scope/c$id/engine/pids.max); $(tr '\n' ' ' <$scope/c$id/engine/pids.events)"
check "it stays within its pids" '(( $(cat $scope/c$id/engine/pids.current) <= 64 )) && grep -q "max [1-9]" $scope/c$id/engine/pids.events'
check "the other does not notice" '[[ $(sql other "select 2") == 2 ]]'

echo "--- the daemon is restarted"
keeper=$(cat $scope/c$other/keeper/cgroup.procs)
check "systemctl restart" 'systemctl restart spawnd && spawnctl version'
systemctl status spawnd --no-pager -l | head -n 4
check "containers are the same, with their limits" '[[ $(sql other "select 3") == 3 && $(cat $scope/c$other/keeper/cgroup.procs) == "$keeper" && $(get other .confinement.limits) == enforced ]]'
check "and counted as before" '(( $(get cache .usage.oomKills) > 0 ))'
systemctl kill -s KILL spawnd; sleep 3
check "killed, it comes back" '[[ $(sql other "select 4") == 4 && $(get other .confinement.limits) == enforced ]]'

echo "--- what is deleted leaves nothing"
check "delete" 'spawnctl delete data-container small other cache && for i in $(seq 60); do ls -d $scope/c[0-9]* || exit 0; sleep 0.5; done; false'
check "a container after that" 'spawnctl create data-container postgres-empty --name last -q && [[ $(sql last "select 5") == 5 ]]'
systemctl stop spawnd
check "stopped, the container stays" '[[ $(pgrep -fc "postgres.*-D /run/spawnd/volume/data") -ge 1 ]]'
systemctl start spawnd
check "found again" '[[ $(sql last "select 6") == 6 ]] && spawnctl delete data-container last'
sleep 3
systemctl stop spawnd.socket spawnd
sleep 2
check "without containers the scope is gone" '[[ ! -e $scope ]]'
systemctl start spawnd.socket spawnd
check "and comes again" 'spawnctl create data-container postgres-empty --name again -q && [[ -e $scope/c$(get again .id)/engine ]]'

echo "--- a kernel without user namespaces: one user for all, and it is said"
sysctl -qw user.max_user_namespaces=0
check "a container is created all the same" 'spawnctl create data-container postgres-empty --name plain -q && [[ $(sql plain "select 7") == 7 ]]'
check "as the one user" '[[ $(get plain .confinement.user) == shared && $(get plain .confinement.userId) == $(id -u spawnd) ]]'
check "the log says so once" '[[ $(journalctl -u spawnd | grep -c "all containers run as one user") == 1 ]]'
echo "RESULT $((failed))"
