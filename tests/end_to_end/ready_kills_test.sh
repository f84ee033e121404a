#!/usr/bin/env bash
# kill -9 of daemon, keeper and server at random moments of what is ready before it is asked for: resets that take a spare,
# wakes, and the filling of pools. Afterwards all is there once: processes, ports, files, rows; contain.py looks for
# mounts and loop devices. SPAWND_POOL_KILLS: how many rounds, 9 at first (each victim of each once); `--long`: 100.
# SPAWND_TEST_SEED=N repeats the choices of a run.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

rounds=${SPAWND_POOL_KILLS:-9}
if (( ${SPAWND_TEST_LONG:-0} )); then rounds=${SPAWND_POOL_KILLS:-100}; fi
if [[ ${1:-} == --long ]]; then rounds=${SPAWND_POOL_KILLS:-100}; shift; fi
seed=${SPAWND_TEST_SEED:-$((RANDOM * 32768 + RANDOM))}

state_is() { [[ $(field "$1" state) == "$2" ]]; }
has_spare() { [[ $(field back 'spare // ""') == ready ]]; }
pooled_ids() { ctl get pool -o json | jq -r '.[].id' | sort; }
pool_is_full() { [[ $(ctl get pool -o json | jq '[.[] | select(.state == "running")] | length') == 2 ]]; }
rows_of() { sql "$1" shop 'select count(*) from item'; }
random_moment() { sleep "$(awk -v r="$RANDOM" -v most="$1" 'BEGIN { printf "%.3f", r / 32768 * most }')"; }

# Keepers of container $1, the spare's, too, each once; without $1 all there are.
topmost_keepers() {
  local pid all; all=$(keepers ${1:+"$1 "})
  for pid in $all; do grep -qx "$(ps -o ppid= -p "$pid" | tr -d ' ')" <<<"$all" || echo "$pid"; done
}
# kill_one KIND ID: the daemon, or one of the keepers or servers of that container.
kill_one() {
  local keeper pid
  if [[ $1 == daemon ]]; then kill_daemon; return; fi
  keeper=$(topmost_keepers "$2" | shuf -n 1)
  [[ -n $keeper ]] || { note "  no keeper yet"; return; }
  pid=$keeper
  if [[ $1 == engine ]]; then pid=$(server_pid "$keeper"); fi
  [[ -n $pid ]] || { note "  no server yet"; return; }
  kill -9 "$pid" 2>/dev/null || note "  gone before"
}
revive() {
  daemon_answers || start_daemon
}

# Each of the three begins, something dies in the middle, and what was promised is kept.
a_reset() {
  local before now client
  wait_until 90 has_spare
  before=$(rows_of back)
  sql back shop 'delete from item where id <= 10'
  ctl reset data-container back -q >/dev/null 2>&1 & client=$!
  random_moment 0.15
  kill_one "$1" "$(cat "$work/id-back")"
  wait "$client" || note "  the reset has failed"
  revive
  wait_until 90 state_is back running
  wait_until 30 answers back
  now=$(rows_of back)
  [[ $now == "$before" || $now == $((before - 10)) ]] || fail "neither before nor after: $now rows of $before"
  [[ $now == "$before" ]] || ctl reset data-container back -q
  assert_eq "$(rows_of back)" "$before" "after the next reset"
}
a_wake() {
  local client
  wait_until 60 state_is dozy asleep
  # Its words are nobody's: who is just being let in when a server dies is cut.
  rows_of dozy >/dev/null 2>&1 & client=$!
  random_moment 0.8
  kill_one "$1" "$(cat "$work/id-dozy")"
  wait "$client" || note "  the one who woke it was cut"
  revive
  wait_until 60 answers dozy
  assert_eq "$(rows_of dozy)" 1000
}
a_fill() {
  local id
  wait_until 90 pool_is_full
  ctl create data-container -q -i shop -n given >/dev/null
  # The other one, or the one that is being made for it.
  random_moment 1.0
  id=$(pooled_ids | shuf -n 1)
  kill_one "$1" "${id:-0}"
  revive
  assert_eq "$(rows_of given)" 1000
  ctl delete data-container -q given
  wait_until 90 pool_is_full
}

case_setup() {
  make_items_image shop 'warm: 2'
  ctl create data-container -q -i shop -n back --spare --pids 500 >/dev/null
  ctl create data-container -q -i shop -n dozy --sleep-after 1s --pids 500 >/dev/null
  field back id >"$work/id-back"
  field dozy id >"$work/id-dozy"
}

case_rounds_of_kills() {
  local round what victim all=(a_reset a_wake a_fill) victims=(daemon keeper engine)
  note "seed $seed"
  RANDOM=$seed
  for (( round = 0; round < rounds; ++round )); do
    what=${all[round % 3]} victim=${victims[round / 3 % 3]}
    note "round $round: $victim in $what"
    "$what" "$victim"
  done
}

# In the table of listening sockets a port stands twice: its door, and its server.
listening_ports() {
  ss -ltnH "sport >= :$first_port and sport <= :$((first_port + 99))" | awk '{ sub(/.*:/, "", $4); print $4 }' | sort -u
}
rows() {
  python3 -c 'import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*row, sep=" ")' "$state/catalog.db" "$1"
}
processes_are() { (( $(topmost_keepers | wc -l) == $1 )); }
servers_are() {
  local keeper count=0
  for keeper in $(topmost_keepers); do [[ -z $(server_pid "$keeper") ]] || (( ++count )); done
  (( count == $1 ))
}
volumes_of_back() { find "$state/containers/$(<"$work/id-back")" -mindepth 1 -maxdepth 1 -name 'v*' | wc -l; }
case_all_is_there_once() {
  local id
  wait_until 90 has_spare
  wait_until 90 pool_is_full
  wait_until 60 state_is dozy asleep
  # back, its spare, and two in the pool; one sleeps.
  wait_until 30 processes_are 4
  servers_are 4 || fail "servers: $(ps -e -o pid,ppid,args | grep '[p]ostgres -D')"
  no_zombies || fail "zombies of the daemon"
  assert_eq "$(rows "select case when asleep then 'asleep' else state end from containers order by 1" | uniq -c | xargs)" "1 asleep 3 running"
  assert_eq "$(rows "select count(*) from containers where pooled")" 2
  assert_eq "$(listening_ports | xargs)" "$(rows 'select port from containers' | sort | xargs)" "ports"
  folders() { [[ $(ls "$state/containers" | sort | xargs) == "$(rows 'select id from containers' | sort | xargs)" ]]; }
  wait_until 20 folders
  # What it is in and its spare's.
  two_volumes() { (( $(volumes_of_back) == 2 )); }
  wait_until 30 two_volumes
  for id in $(pooled_ids) "$(<"$work/id-dozy")"; do
    [[ -z $(find "$state/containers/$id" -name 'v*' -type d) ]] || fail "volumes of $id: $(ls "$state/containers/$id")"
  done
}

case_fsck_and_nothing_is_left() {
  stop_daemon
  assert_contains "$("$spawnd" fsck --state-dir "$state")" clean
  start_daemon
  ctl delete data-container -q back dozy
  ctl delete data-image -q shop
  wait_until 30 no_containers_left
  wait_until 10 eval '[[ -z $(listening_ports) ]]'
  assert_eq "$(rows 'select count(*) from containers')" 0
}

write_config
start_daemon
run_cases "$@"
