#!/bin/bash
# Redis containers: what clients see, what a save holds, what survives a kill.
source "$(dirname "$0")/harness.sh"

write_config
start_daemon

# redis CONTAINER [ARGUMENT...]: redis-cli with the container's own address and password.
redis() {
  local json; json=$(ctl get data-container "$1" -o json); shift
  REDISCLI_AUTH=$(jq -r .password <<<"$json") redis-cli -h "$(jq -r .host <<<"$json")" -p "$(jq -r .port <<<"$json")" "$@"
}
server_of() { local pid; for pid in $(descendants "$(keeper_pid "$1")"); do [[ $(ps -o comm= -p "$pid") == redis-server ]] && echo "$pid"; done; }
redis_answers() { [[ $(redis "$1" ping 2>/dev/null) == PONG ]]; }
redis_image() {
  local file=$work/files/$1.yaml
  printf 'name: %s\nengine: redis\n' "$1" >"$file"
  printf '%s\n' "${@:2}" >>"$file"
  ctl create data-image -q -f "$file"
}
endpoint() { ctl get data-container "$1" -o json | jq -r '[.host, .port, .user, .password, .database, .url] | join(" ")'; }

case_empty() {
  assert_eq "$(redis_image empty 'sourceType: empty')" empty
  make_container empty first >/dev/null
  assert_eq "$(redis first ping)" PONG
  local json; json=$(ctl get data-container first -o json)
  local at; at="redis://:$(jq -r .password <<<"$json")@$(jq -r .host <<<"$json"):$(jq -r .port <<<"$json")/0"
  assert_eq "$(jq -r .connectionString <<<"$json")" "$at"
  assert_eq "$(jq -r .url <<<"$json")" "$at"
  assert_eq "$(jq -r .user <<<"$json")" ""
  assert_eq "$(redis-cli --no-auth-warning -u "$at" ping)" PONG
  assert_contains "$(redis-cli -p "$(jq -r .port <<<"$json")" ping 2>&1)" NOAUTH
  assert_contains "$(ctl get data-images)" Redis:
  redis-benchmark -h 127.0.0.1 -p "$(jq -r .port <<<"$json")" -a "$(jq -r .password <<<"$json")" -q -n 2000 -t set,get,lpush \
    >"$work/bench" 2>&1 || fail "redis-benchmark: $(<"$work/bench")"
  ! grep -q Error "$work/bench" || fail "redis-benchmark: $(<"$work/bench")"
}

case_containers_are_apart_and_survive_restarts() {
  make_container empty second >/dev/null
  redis first set key one >/dev/null
  # Or a killed keeper takes the last second with it.
  redis second config set appendfsync always >/dev/null
  redis second set key two >/dev/null
  redis second config set maxmemory-policy allkeys-lru >/dev/null
  redis second config rewrite >/dev/null
  local before; before=$(endpoint second)
  kill -9 "$(keeper_pid "$(field second id)")"
  wait_until 20 eval '[[ $(redis second get key 2>/dev/null) == two ]]'
  assert_eq "$(redis first get key)" one
  assert_eq "$(endpoint second)" "$before"
  assert_eq "$(redis second config get maxmemory-policy | tail -n 1)" allkeys-lru
}

case_save_under_load_holds_what_was_answered() {
  make_container empty busy >/dev/null
  local json round; json=$(ctl get data-container busy -o json)
  redis-benchmark -h 127.0.0.1 -p "$(jq -r .port <<<"$json")" -a "$(jq -r .password <<<"$json")" -q -l -P 16 -d 500 -r 10000 -t set \
    >/dev/null 2>&1 &
  local load=$!
  for round in 1 2 3 4 5 6; do
    redis busy incr counter >/dev/null
    ctl save data-container busy -q >/dev/null
  done
  kill "$load"; wait "$load" || true
  for round in 6 3 1; do
    ctl load data-container busy -q -r "rev.$round"
    assert_eq "$(redis busy get counter)" "$round" "rev.$round"
  done
  assert_eq "$(redis busy config get appendfsync | tail -n 1)" everysec
  ctl delete data-container -q busy
}

case_a_killed_server_loses_nothing_that_it_wrote() {
  local round
  for round in 1 2 3; do
    redis first set round "$round" >/dev/null
    kill -9 "$(server_of "$(field first id)")"
    wait_until 20 redis_answers first
    assert_eq "$(redis first get round)" "$round"
  done
}

# As when the machine shuts down: the keeper gets SIGTERM, and stops its server.
case_a_clean_stop_loses_nothing() {
  local keeper id; id=$(field first id) keeper=$(keeper_pid "$id")
  redis first set stopped cleanly >/dev/null
  kill -TERM "$keeper"
  wait_until 20 process_gone "$keeper"
  wait_until 20 redis_answers first
  assert_eq "$(redis first get stopped)" cleanly
  grep -q 'bye bye' "$state/containers/$id/engine.log" || fail "the server was not asked to stop"
}

# count_up CONTAINER FILE: notes each number once the server has said it, until it says no more.
count_up() {
  local json; json=$(ctl get data-container "$1" -o json)
  python3 - "$(jq -r .port <<<"$json")" "$(jq -r .password <<<"$json")" >"$2" 2>/dev/null <<'END'
import socket, sys
server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
lines = server.makefile("rb")
server.sendall(b"auth %s\r\n" % sys.argv[2].encode())
lines.readline()
while True:
    server.sendall(b"incr counter\r\n" * 16)
    for _ in range(16):
        print(int(lines.readline()[1:]), flush=True)
END
}
# end_and_reboot CONTAINER COMMAND...: COMMAND ends its server while it counts up; then the machine reboots. There is
# no daemon meanwhile, or it would start another keeper in time to commit what this one left.
end_and_reboot() {
  local name=$1 load keeper told there; shift
  keeper=$(keeper_pid "$(field "$name" id)")
  : >"$work/told"
  count_up "$name" "$work/told" & load=$!
  counts() { (( $(wc -l <"$work/told") > 5000 )); }
  wait_until 20 counts
  local port password; port=$(field "$name" port) password=$(field "$name" password)
  kill_daemon
  "$@" >/dev/null 2>&1 || true
  wait "$load" || true
  wait_until 20 process_gone "$keeper"
  told=$(tail -n 1 "$work/told")
  start_daemon_after_reboot
  wait_until 20 redis_answers "$name"
  there=$(redis "$name" get counter)
  (( ${there:-0} >= told )) || fail "of $told that were acknowledged ${there:-none} are there"
}

# That a keeper ends is no power cut: whatever ends its server, what clients were told outlives a reboot.
case_a_server_that_ends_itself_before_a_reboot() {
  make_container empty ends >/dev/null
  by_itself() { REDISCLI_AUTH=$password redis-cli -h 127.0.0.1 -p "$port" shutdown nosave; }
  end_and_reboot ends by_itself
}
case_a_server_that_is_killed_before_a_reboot() {
  killed() { kill -9 "$(pgrep -P "$(pgrep -P "$keeper")" redis-server)"; }
  end_and_reboot ends killed
}
case_a_keeper_that_is_stopped_before_a_reboot() {
  stopped() { kill -TERM "$keeper"; }
  end_and_reboot ends stopped
  ctl delete data-container -q ends
}

case_graduate() {
  ctl save data-container second -q >/dev/null
  ctl graduate data-container second -q --name next >/dev/null
  make_container next third >/dev/null
  assert_eq "$(redis third get key)" two
  assert_eq "$(redis third config get maxmemory-policy | tail -n 1)" allkeys-lru
  [[ $(field third password) != $(field second password) ]] || fail "the same password"
  local port; port=$(field third port)
  assert_contains "$(REDISCLI_AUTH=$(field second password) redis-cli -p "$port" ping 2>&1)" NOAUTH
  redis third set key three >/dev/null
  ctl reset data-container third -q
  assert_eq "$(redis third get key)" two
}

case_durability_always_loses_nothing_to_a_killed_keeper() {
  redis_image careful 'sourceType: empty' 'durability: always' >/dev/null
  make_container careful careful >/dev/null
  assert_eq "$(redis careful config get appendfsync | tail -n 1)" always
  local round
  for round in 1 2 3; do
    redis careful set round "$round" >/dev/null
    kill -9 "$(keeper_pid "$(field careful id)")"
    wait_until 20 redis_answers careful
    assert_eq "$(redis careful get round)" "$round"
  done
}

case_snapshot_with_scripts_around_it() {
  redis third set script before >/dev/null
  redis third expire script 100000 >/dev/null
  REDISCLI_AUTH=$(field third password) redis-cli -p "$(field third port)" --rdb "$work/files/shop.rdb" >/dev/null 2>&1
  gzip -k "$work/files/shop.rdb"
  local file
  for file in shop.rdb shop.rdb.gz; do
    redis_image "from-$file" 'sourceType: backup' "backup: {file: $file}" 'preScript: |' '  append script ,pre' \
      'postScript: |' '  append script ,post' '  select 3' '  set other database' >/dev/null
    make_container "from-$file" "c-$file" >/dev/null
    assert_eq "$(redis "c-$file" get key)" two
    assert_eq "$(redis "c-$file" get script)" before,pre,post
    (( $(redis "c-$file" ttl script) > 90000 )) || fail "the key does not expire any more"
    assert_eq "$(redis "c-$file" -n 3 get other)" database
  done
  redis_image numbered 'sourceType: backup' 'backup: {file: shop.rdb}' 'initialDatabaseName: 3' >/dev/null
  make_container numbered numbered >/dev/null
  [[ $(field numbered url) == */3 ]] || fail "not database 3: $(field numbered url)"
}

case_what_cannot_be_restored_is_refused() {
  local yaml
  refused() {  # refused CODE WORDS LINE...
    yaml=$work/files/refused.yaml
    printf 'name: refused\nengine: redis\n' >"$yaml"
    printf '%s\n' "${@:3}" >>"$yaml"
    assert_error "$1" "$2" -- ctl create data-image -f "$yaml"
  }
  head -c 60 "$work/files/shop.rdb" >"$work/files/cut.rdb"
  refused 64 truncated 'sourceType: backup' 'backup: {file: cut.rdb}'
  python3 - "$work/files" <<'END'
import sys
data = bytearray(open(sys.argv[1] + '/shop.rdb', 'rb').read())
data[-4] ^= 1
open(sys.argv[1] + '/flipped.rdb', 'wb').write(data)
data[5:9] = b'0099'
open(sys.argv[1] + '/newer.rdb', 'wb').write(data)
END
  refused 64 'cannot be read' 'sourceType: backup' 'backup: {file: flipped.rdb}'
  refused 64 'rdb format 99' 'sourceType: backup' 'backup: {file: newer.rdb}'
  refused 64 'files of a whole server' 'sourceType: backup' 'backups: [{path: ./shop.rdb}, {path: ./shop.rdb.gz}]'
  refused 64 'no database' 'sourceType: empty' 'initialDatabaseName: shop'
  refused 64 'line 2 of postscript' 'sourceType: empty' 'postScript: |' '  set a 1' '  lpush a 2'
  refused 64 'would never end' 'sourceType: empty' 'preScript: |' '  monitor'
  [[ -z $(ls -A "$state/builds" 2>/dev/null) ]] || fail "left in builds: $(ls "$state/builds")"
}

run_cases "$@"
