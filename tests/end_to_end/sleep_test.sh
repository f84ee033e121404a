#!/usr/bin/env bash
# Containers that sleep while nobody is connected, and the first connection that wakes them: nobody is cut, nothing is
# lost, and what has work of its own stays awake. `--long`: 300 of them, woken by 8 clients for ten minutes.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

state_is() { [[ $(field "$1" state) == "$2" ]]; }
gone() { ! ctl get data-container "$1" >/dev/null 2>&1; }
sleeps() { wait_until 30 state_is "$1" asleep; }
makes() { ctl create data-container -q -i "$1" -n "$2" "${@:3}" >/dev/null || fail "cannot create '$2'"; }
metric() { ctl metrics | awk -v name="$1" 'index($0, name "{") == 1 || $1 == name { sum += $NF } END { print sum + 0 }'; }
redis() { REDISCLI_AUTH=$(field "$1" password) redis-cli -h 127.0.0.1 -p "$(field "$1" port)" "${@:2}"; }
maria() { MYSQL_PWD=$(field "$1" password) mariadb --no-defaults -N -B -h 127.0.0.1 -P "$(field "$1" port)" -u root -e "$2" </dev/null; }
has_event() { ctl events --since 0 --filter "name=$1" -o json | jq -r .event | grep -qx "$2"; }

case_nobody_connected_and_it_sleeps() {
  make_items_image base
  makes base mine --sleep-after 1s
  sql mine '' "insert into item values (-1, 'kept')"
  sleeps mine
  assert_eq "$(field mine status)" Completed
  assert_eq "$(field mine sleepAfterSeconds)" 1
  wait_until 5 eval '[[ -z $(keepers "$(field mine id) ") ]]'
  assert_contains "$(cat "$state/containers/$(field mine id)/engine.log")" "database system is shut down"
  wait_until 5 has_event mine asleep
}

# The first connection gets its answer, and is not told of anything.
case_the_first_connection_wakes_it() {
  assert_eq "$(sql mine '' "select name from item where id < 0")" kept
  assert_eq "$(field mine state)" running
  wait_until 5 has_event mine awake
  has_event mine waking || fail "no event of the waking"
  [[ $(metric spawnd_container_sleeps_total) -ge 1 ]] || fail "it is not counted"
  [[ $(metric spawnd_container_wake_duration_seconds_count) -ge 1 ]] || fail "the wake is not measured"
  assert_lacks "$(tail -n 20 "$state/containers/$(field mine id)/engine.log")" "was not properly shut down"
}

case_who_is_connected_keeps_it_awake() {
  sql mine '' 'select pg_sleep(4)' &
  local client=$!
  sleep 3
  assert_eq "$(field mine state)" running
  wait "$client" || fail "the connection was cut"
  sleeps mine
}

# One client after the other, each with a connection for a moment only, and none is refused or cut.
case_short_connections_are_seen() {
  ctl update data-container mine --sleep-after 4s -q
  local i before; before=$(sleeps_of mine)
  for i in $(seq 1 16); do
    assert_eq "$(sql mine '' 'select 1')" 1
    sleep 0.5
  done
  assert_eq "$(sleeps_of mine)" "$before" "sleeps between connections of a moment each"
  ctl update data-container mine --sleep-after 1s -q
}
sleeps_of() { ctl events --since 0 --filter "name=$1" -o json | jq -r .event | grep -cx asleep || true; }

case_clients_come_at_any_moment() {
  local i
  for i in $(seq 1 10); do
    assert_eq "$(sql mine '' 'select count(*) from item')" 1001 "connection $i"
    sleep "$(printf '0.%02d' $((RANDOM % 100)))"
    (( i % 3 )) || sleep 1
  done
}

case_several_at_once_wake_one() {
  sleeps mine
  local i pids=()
  for i in 1 2 3 4 5 6; do
    (assert_eq "$(sql mine '' 'select count(*) from item')" 1001) & pids+=($!)
  done
  for i in "${pids[@]}"; do wait "$i" || fail "a client of several got no answer"; done
}

case_what_else_is_asked_of_one_that_sleeps() {
  sleeps mine
  assert_eq "$(ctl save dc mine -q)" rev.1
  sql mine '' "delete from item"
  sleeps mine
  assert_exit 0 ctl reset dc -q mine
  assert_eq "$(sql mine '' 'select count(*) from item')" 1001
  sleeps mine
  assert_exit 0 ctl graduate dc mine --name of-asleep -q
  assert_eq "$(field mine state)" asleep
  ctl delete data-image -q of-asleep
  assert_exit 0 ctl start dc -q mine
  assert_eq "$(field mine state)" running
  sleeps mine
  assert_exit 0 ctl restart dc -q mine
  sleeps mine
  # Who stops it means it.
  assert_exit 0 ctl stop dc -q mine
  assert_eq "$(field mine state)" stopped
  ! answers mine || fail "a stopped container was woken"
  ctl start dc -q mine
  assert_eq "$(ctl connect mine -- -Atc 'select count(*) from item')" 1001
}

case_a_daemon_that_is_killed_finds_it_asleep() {
  sleeps mine
  kill_daemon; start_daemon
  assert_eq "$(field mine state)" asleep
  assert_eq "$(sql mine '' 'select count(*) from item')" 1001
  sleeps mine
  stop_daemon; start_daemon
  assert_eq "$(sql mine '' 'select count(*) from item')" 1001
}

# Killed at any moment on the way there, it comes to rest all the same.
case_a_daemon_that_is_killed_on_the_way() {
  local i
  for i in 1 2 3 4; do
    wait_until 20 eval '[[ $(field mine state) != running ]]'
    kill_daemon; start_daemon
    sleeps mine
    assert_eq "$(sql mine '' 'select count(*) from item')" 1001 "round $i"
  done
}

# After a reboot only what somebody connects to or asks for is started.
case_a_reboot() {
  makes base other
  assert_eq "$(sql mine '' 'select 1')" 1
  stop_daemon
  local pid
  for pid in $(keepers); do kill -9 "$pid" 2>/dev/null || true; done
  wait_until 10 eval '[[ -z $(keepers) ]]'
  start_daemon_after_reboot
  assert_eq "$(field mine state)" asleep
  wait_until 30 state_is other running
  assert_eq "$(sql mine '' 'select count(*) from item')" 1001
  assert_eq "$(field mine state)" running
  ctl delete data-container -q other
}

case_deleted_asleep() {
  sleeps mine
  local port; port=$(field mine port)
  ctl delete data-container -q mine
  gone mine || fail "it is there"
  wait_until 10 eval "! ss -Htln 'sport = :$port' | grep -q ."
}

case_the_image_and_the_daemon_say_when() {
  make_image dozes 'sourceType: empty' 'sleepAfter: 1s' >/dev/null
  assert_eq "$(image_field dozes sleepAfterSeconds)" 1
  makes dozes one
  makes dozes two --sleep-after 0
  sleeps one
  assert_eq "$(field two state)" running
  assert_eq "$(field two sleepAfterSeconds)" 0
  ctl update data-image dozes --sleep-after 1h -q
  assert_eq "$(field one sleepAfterSeconds)" 3600
  ctl update data-container two --sleep-after default -q
  assert_eq "$(field two sleepAfterSeconds)" 3600
  ctl update data-image dozes --sleep-after default -q
  assert_eq "$(field two sleepAfterSeconds)" 0
  assert_error 64 "sleep-after" -- ctl create data-container -i dozes --sleep-after soon
  ctl delete data-container -q one two
}

case_mariadb_wakes_and_works_for_itself() {
  command -v mariadb >/dev/null || skip "no MariaDB"
  makes mariadb-empty maria --sleep-after 1s
  maria maria 'create database shop; create table shop.t (a int); insert into shop.t values (7)'
  sleeps maria
  assert_eq "$(maria maria 'select a from shop.t')" 7
  maria maria "set global event_scheduler = on; create event shop.e on schedule every 1 second do insert into shop.t values (8)"
  wait_until 20 eval '[[ $(field maria detail) == *"event scheduler has 1 to run"* ]]'
  assert_eq "$(field maria state)" running
  has_event maria stays-awake || fail "no event of that"
  maria maria 'drop event shop.e; create table shop.m (a int) engine = memory; insert into shop.m values (1)'
  wait_until 60 eval '[[ $(field maria detail) == *"shop.m"*"in memory"* ]]'
  maria maria 'drop table shop.m'
  wait_until 60 state_is maria asleep
  ctl delete data-container -q maria
}

case_redis_wakes_and_loses_nothing() {
  command -v redis-cli >/dev/null || skip "no Redis"
  makes redis-empty red --sleep-after 1s
  redis red set a 1 >/dev/null
  sleeps red
  assert_eq "$(redis red get a)" 1
  redis red config set appendonly no >/dev/null
  wait_until 20 eval '[[ $(field red detail) == *"append-only file is off"* ]]'
  assert_eq "$(field red state)" running
  redis red config set appendonly yes >/dev/null
  wait_until 60 state_is red asleep
  ctl delete data-container -q red
}

case_postgresql_with_workers_of_its_own() {
  makes base worker --sleep-after 1s
  # A prepared transaction and an unlogged table outlive a clean stop.
  sql worker '' 'create unlogged table u as select 1 as a'
  sleeps worker
  assert_eq "$(sql worker '' 'select a from u')" 1
  sql worker '' "create subscription s connection 'host=127.0.0.1 port=1' publication p with (connect = false, slot_name = 's')" 2>/dev/null
  sql worker '' 'alter subscription s enable'
  wait_until 20 eval '[[ $(field worker detail) == *"it does not sleep: "* ]]'
  assert_eq "$(field worker state)" running
  ctl delete data-container -q worker
}

case_nobody_connected_and_it_goes() {
  makes base idle --idle-delete 2s
  makes base busy --idle-delete 2s
  assert_eq "$(field idle idleDeleteSeconds)" 2
  sql busy '' 'select pg_sleep(6)' &
  local client=$!
  wait_until 20 gone idle
  has_event idle expired || fail "no event of that"
  assert_eq "$(field busy state)" running
  wait "$client" || fail "the connection was cut"
  wait_until 20 gone busy
  # Asleep, too; and not when that was taken back.
  makes base idle --sleep-after 1s --idle-delete 4s
  makes base kept --idle-delete 2s
  ctl update data-container kept --idle-delete 0 -q
  sleeps idle
  wait_until 20 gone idle
  assert_eq "$(field kept state)" running
  ctl delete data-container -q kept
}

# bound NAME: `create --bound` in the background, until it has said what it made; its pid is in $bound.
bound() {
  "$work/spawnctl" create data-container --bound -q -i base -n "$1" >"$work/$1.out" 2>"$work/$1.err" </dev/null &
  bound=$!
  wait_until 30 grep -qx "$1" "$work/$1.out"
}

case_bound_to_whoever_made_it() {
  local bound
  bound killed
  answers killed || fail "it does not answer"
  kill -9 "$bound"; wait "$bound" 2>/dev/null || true
  wait_until 5 gone killed
  bound ended
  kill_daemon; start_daemon
  kill -TERM "$bound"
  wait "$bound" || fail "a signal is how it ends: exit code $?"
  wait_until 5 gone ended
  bound deleted
  ctl delete data-container -q deleted
  wait_until 10 process_gone "$bound"
  wait "$bound" || fail "exit code $?"
  assert_error 64 "if-not-exists" -- ctl create data-container --bound --if-not-exists -i base -n x
}

case_the_memory_of_those_that_could_sleep_is_bounded() {
  local i
  write_config; echo 'readyMemory: 64MiB' >>"$work/spawnd.yaml"; echo 'sleepAfter: 1h' >>"$work/spawnd.yaml"
  stop_daemon; start_daemon
  for i in 1 2 3 4 5 6 7 8; do makes base "m$i"; done
  wait_until 60 eval '(( $(ctl get dc -o json | jq "[.[] | select(.state == \"asleep\")] | length") >= 3 ))'
  # The last that was used is the last to sleep.
  for i in 1 2 3 4 5 6 7 8; do assert_eq "$(sql "m$i" '' 'select count(*) from item')" 1000 "m$i"; done
  write_config; stop_daemon; start_daemon
  delete_all_containers
}

# --- many sleepers --------------------------------------------------------------------------------------------------

# wakes SECONDS NAME...: one client that connects to one after the other at random until the time is up.
wakes() {
  local until=$((SECONDS + $1)) names=("${@:2}") name count=0
  while (( SECONDS < until )); do
    name=${names[RANDOM % ${#names[@]}]}
    # shellcheck disable=SC1090 # written by many_sleepers
    [[ $(set -a; source "$work/$name.env"; psql -X -q -A -t -c 'select count(*) from item' </dev/null 2>>"$work/wakes.err") == 1000 ]] ||
      { echo "$name" >>"$work/wakes.failed"; }
    count=$((count + 1))
  done
  echo "$count" >>"$work/wakes.count"
}

resident() { awk '/VmRSS/ { print $2 }' "/proc/$(daemon_pid)/status"; }

many_sleepers() {
  local count=$1 clients=$2 seconds=$3 i names=() pids=() before
  rm -f "$work"/wakes.*
  before=$(resident)
  for i in $(seq 1 "$count"); do
    makes base "s$i" --sleep-after 1s
    ctl get data-container "s$i" -o env >"$work/s$i.env"
    names+=("s$i")
  done
  wait_until 120 eval '[[ -z $(ctl get dc -o json | jq -r ".[] | select(.state != \"asleep\") | .name") ]]'
  note "the daemon: $(resident) KiB with $count asleep, $before KiB without"
  (( count < 100 || ($(resident) - before) / count <= 64 )) || fail "too much memory for containers that sleep"
  for i in $(seq 1 "$clients"); do wakes "$seconds" "${names[@]}" & pids+=($!); done
  for i in "${pids[@]}"; do wait "$i"; done
  [[ ! -e $work/wakes.failed ]] || fail "clients that got no answer: $(sort "$work/wakes.failed" | uniq -c), $(tail -n 5 "$work/wakes.err")"
  note "$(awk '{ sum += $1 } END { print sum }' "$work/wakes.count") connections"
  wait_until 120 eval '[[ -z $(ctl get dc -o json | jq -r ".[] | select(.state != \"asleep\") | .name") ]]'
  delete_all_containers
}

case_many_sleepers_and_a_few_clients() { many_sleepers 12 4 10; }
case_long_300_sleepers_for_ten_minutes() {
  [[ -n ${SPAWND_TEST_LONG:-} ]] || skip "only with --long"
  # More ports than a test has otherwise.
  delete_all_containers
  stop_daemon; write_config "$first_port-$((first_port + 400))"; start_daemon
  many_sleepers 300 8 600
}

write_config
start_daemon
run_cases "$@"
