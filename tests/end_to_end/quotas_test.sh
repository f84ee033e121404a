#!/usr/bin/env bash
# What one user takes keeps nobody else out: connections, builds and starts that hang, containers, room on the disk. What is
# over a limit says which, and how much is used.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# Two users of the machine that need no account, in the group `spawn`.
spawn_gid=$(getent group spawn | cut -d: -f3)
as() { local uid=$1; shift; setpriv --reuid "$uid" --regid "$uid" --groups "$spawn_gid" "$@"; }
ann() { as 64101 "$work/spawnctl" "$@"; }
bob() { as 64102 "$work/spawnctl" "$@"; }

# begin USER PROGRAM ARGUMENT...: in the background, until end_all, which the end of the test is at the latest. Prints
# nothing; its process is $!, and not one of bash.
begin() {
  setpriv --reuid "$1" --regid "$1" --groups "$spawn_gid" "${@:2}" 2>>"$work/begun.err" &
  echo $! >>"$work/begun"
  disown  # or bash announces its death
}
end_all() {
  [[ -e $work/begun ]] || return 0
  local pid
  while read -r pid; do kill -9 "$pid" 2>/dev/null || true; done <"$work/begun"
  rm "$work/begun"
}
extra_clean_up() { end_all; }
ann_begins() { begin 64101 "$work/spawnctl" "$@" >/dev/null; }
# within SECONDS USER ARGUMENT...: spawnctl succeeds for that user, and in that time.
within() {
  local limit=$1 start=$EPOCHREALTIME took
  timeout "$((limit * 10))" setpriv --reuid "$2" --regid "$2" --groups "$spawn_gid" "$work/spawnctl" "${@:3}" >/dev/null ||
    fail "exit code $?: $*"
  took=$(( (${EPOCHREALTIME/./} - ${start/./}) / 1000 ))
  (( took < limit * 1000 )) || fail "it took $took ms, more than $limit s: $*"
}
# uses USER WHAT: how much of that the user has now.
uses() { as "$1" "$work/spawnctl" auth -o json | jq ".usage.$2"; }
uses_at_least() { [[ $(uses "$1" "$2") -ge $3 ]]; }
uses_none() { [[ $(uses "$1" "$2") == 0 ]]; }

# An engine whose starts hang while there is a file `hang` beside it.
mkdir -p "$work/engines/late/bin"
cat >"$work/engines/late/bin/redis-server" <<'SH'
#!/bin/sh
if [ "$1" = --version ]; then echo 'Redis server v=99.1.0 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=0'; exit; fi
if [ -e "${0%/bin/*}/hang" ]; then exec sleep 600; fi
exec "${0%/*}/real" "$@"
SH
cp "$(type -P redis-server || echo "$repo/.deps/redis/bin/redis-server")" "$work/engines/late/bin/real"
chmod -R a+rX "$work/engines"; chmod a+x "$work/engines/late/bin/redis-server"

write_quotas() {
  write_config
  sed -i "s|^engineSearchPaths: \[|&$work/engines, |" "$work/spawnd.yaml"
  printf '%s\n' "$@" >>"$work/spawnd.yaml"
}
reload() {
  local before; before=$(grep -c 'read again' "$work/daemon.log") || true
  kill -HUP "$(daemon_pid)"
  wait_until 10 eval "(( \$(grep -c 'read again' '$work/daemon.log') > $before ))"
}

# crowd USER COUNT [PATH]: that many connections, which ask for PATH or for nothing. Prints how many are let in, and stays.
crowd() {
  begin "$1" python3 -u "$work/crowd.py" "$socket" "$2" "${3:-}" >"$work/crowd"
  wait_until 20 test -s "$work/crowd"
}
cat >"$work/crowd.py" <<'PY'
import socket, sys, time
path, count, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
held, refused = [], 0
for _ in range(count):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)  # waits while the kernel holds as many as it takes
    if target: s.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    held.append(s)
time.sleep(1)
for s in held:
    s.settimeout(0.01)
    try:
        answer = s.recv(4096)
        if not answer or b" 429 " in answer.split(b"\r\n")[0]: refused += 1
    except TimeoutError:
        pass
    except ConnectionResetError:
        refused += 1
print(count - refused)
time.sleep(600)
PY
chmod a+r "$work/crowd.py"

case_three_hundred_connections_of_one_user() {
  local path
  ann create data-container -q -i base -n anns >/dev/null
  for path in "" "/v1/data-containers/anns/log?follow=true"; do
    crowd 64101 300 "$path"
    assert_eq "$(<"$work/crowd")" 64 "connections that are let in"
    within 2 0 get data-containers
    within 2 64102 get data-images
    assert_error 75 "you have 64 of 64 connections" "quotas.connections" -- ann get data-containers
    assert_eq "$(curl -s -o "$work/refused" -w '%{http_code}' --unix-socket "$socket" http://x/v1/version)" 200 "root"
    end_all
    wait_until 10 ann get data-containers
    rm "$work/crowd"
  done
  ann delete data-container -q anns
}

case_all_places_taken_leave_some_for_root() {
  local uid
  for uid in 64111 64112 64113 64114; do crowd "$uid" 64; rm "$work/crowd"; done
  assert_error 75 "the daemon has" "takes no more" -- bob get data-images
  within 2 0 get data-containers
  end_all
  wait_until 10 bob get data-images
}

hanging_image() { image_yaml "$1" 'sourceType: empty' 'version: 15' 'preScript: select pg_sleep(600)'; }

case_eight_builds_that_hang() {
  local i file queued code=0
  for i in 1 2 3 4 5 6 7 8; do ann_begins create data-image -q -f "$(hanging_image "stuck$i")"; done
  wait_until 30 uses_at_least 64101 builds 2
  within 60 64102 create data-image -q -f "$(image_yaml bobs 'sourceType: empty' 'version: 15' 'preScript: select 1')"
  within 60 64102 create data-container -q -i postgres-empty -n bobs-empty
  within 60 0 create data-image -q -f "$(image_yaml roots 'sourceType: empty' 'version: 15' 'preScript: select 1')"
  assert_eq "$(uses 64101 builds)" 2
  # What waits says for what, and its place is free as soon as nobody waits for it.
  file=$(hanging_image stuck9)
  setpriv --reuid 64101 --regid 64101 --groups "$spawn_gid" "$work/spawnctl" create data-image --progress -f "$file" \
    >/dev/null 2>"$work/queued.err" & queued=$!
  wait_until 10 grep -q "waiting: 2 builds of yours are running" "$work/queued.err"
  kill -TERM "$queued"
  wait "$queued" || code=$?
  assert_eq "$code" 143
  assert_contains "$(<"$work/queued.err")" "data image 'stuck9' is not created"
  end_all
  wait_until 30 uses_none 64101 builds
  bob delete data-container -q bobs-empty
  bob delete data-image -q bobs
  ctl delete data-image -q roots
}

case_forty_starts_that_hang() {
  local i
  printf 'name: late\nengine: redis\nversion: 99.1\nsourceType: empty\nteams: [public]\n' >"$work/files/late.yaml"
  ctl create data-image -q -f "$work/files/late.yaml" >/dev/null
  touch "$work/engines/late/hang"
  for i in $(seq 40); do ann_begins create data-container -q -i late -n "stuck$i"; done
  wait_until 30 uses_at_least 64101 containers 40
  assert_eq "$(uses 64101 launches)" 8 "starts that run"
  within 20 64102 create data-container -q -i base -n bobs
  within 20 64102 save data-container -q bobs
  within 20 64102 reset data-container -q bobs
  within 20 0 create data-container -q -i base -n roots
  within 2 0 get data-containers
  end_all
  rm "$work/engines/late/hang"
  wait_until 60 uses_none 64101 containers
  bob delete data-container -q bobs
  ctl delete data-container -q roots
}

case_containers() {
  write_quotas 'quotas: {containers: 2}'
  reload
  ann create data-container -q -i base -n first >/dev/null
  ann create data-container -q -i base -n second >/dev/null
  assert_error 75 "you have 2 of 2 data containers" "spawnctl get data-containers" -- ann create data-container -i base
  assert_error 75 "you have 2 of 2 data containers" -- ann create data-container -i postgres-empty
  assert_contains "$(ann auth)" "You have 2 of 2 data containers"
  assert_lacks "$(ctl auth)" "data containers"
  bob create data-container -q -i base -n bobs >/dev/null
  ctl create data-container -q -i base -n roots >/dev/null
  ann delete data-container -q first
  ann create data-container -q -i base -n third >/dev/null
  ann delete data-container -q second third
  bob delete data-container -q bobs
  ctl delete data-container -q roots
}

case_room_on_the_disk() {
  write_quotas 'quotas: {disk: 24MiB, users: {daemon: {disk: 0}}}'
  reload
  ann create data-container -q -i base -n big >/dev/null
  sql big '' "create table t as select md5(g::text) from generate_series(1, 500000) g"
  sql big '' checkpoint
  wait_until 20 uses_at_least 64101 diskBytes $((24 << 20))
  local verb
  for verb in "create data-container -i base" "create data-image -f $(image_yaml more 'sourceType: empty' 'version: 15')" \
    "save data-container big" "graduate data-container big"; do
    # shellcheck disable=SC2086
    assert_error 5 "your data containers and data images take" "of the 24.0 MiB" "delete data-container big" -- ann $verb
  done
  bob create data-container -q -i base -n bobs >/dev/null
  # 'daemon' has none of these limits.
  as 1 "$work/spawnctl" create data-container -q -i base -n daemons >/dev/null
  assert_eq "$(as 1 "$work/spawnctl" auth -o json | jq -c .quotas)" \
    '{"connections":64,"builds":2,"launches":8,"containers":200,"diskBytes":0}'
  ann delete data-container -q big
  wait_until 20 ann create data-container -q -i base -n small
  ann delete data-container -q small
  bob delete data-container -q bobs
  ctl delete data-container -q daemons
}

case_the_log_says_who() {
  local id token
  ann create data-container -q -i base -n whose >/dev/null
  id=$(ann get data-container whose -o json | jq .id)
  ann save data-container -q whose >/dev/null
  token=$(ann create access-token --purpose 'by token' | sed 's/.*: //')
  SPAWNCTL_ACCESS_TOKEN=$token ann delete data-container -q whose
  local line
  for line in "verb=create resource=data-container id=$id name=\"whose\" uid=64101 " \
    "verb=save resource=data-container id=$id name=\"whose\" uid=64101 " \
    "verb=delete resource=data-container id=$id name=\"whose\" uid=64101 pid=[0-9]* token=[0-9]"; do
    grep -q "$line" "$work/daemon.log" || fail "the log lacks '$line'"
  done
}

# Else it would be started again for ever: the disk is not full, however often an engine says so. How often is enough for a
# failure of its own is tried in tests/unit/daemon/containers/.
knows_better() { [[ $(field "$1" detail) == *"there is room on the disk"* ]]; }
case_an_engine_cannot_say_that_the_disk_is_full() {
  local i
  make_container base liar >/dev/null
  for i in 1 2 3 4; do
    # It ends by itself, and its log says why. The server may be gone before it has answered, and is away for longer each time.
    until psql_at liar '' -c "do \$\$ begin raise log E'x\\nPANIC:  could not write to file: No space left on device'; end \$\$" \
      -c "copy (select 1) to program 'kill -INT \$(head -n 1 postmaster.pid)'" >/dev/null 2>"$work/liar.err" ||
      grep -q "terminating connection" "$work/liar.err"; do sleep 0.1; done
  done
  wait_until 10 knows_better liar
  ctl delete data-container -q liar
}

write_quotas
start_daemon
make_image base 'sourceType: empty' 'version: 15' 'teams: [public]' >/dev/null
run_cases "$@"
