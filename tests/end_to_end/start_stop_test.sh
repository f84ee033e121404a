#!/usr/bin/env bash
# Stopping containers and starting them again: what stays, what a killed daemon finds, what brings a failed one back.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

address() { ctl get dc "$1" -o json | jq -c '[.id, .host, .port, .user, .password, .connectionString, .revision, [.revisions[].name]]'; }
state_is() { [[ $(field "$1" state) == "$2" ]]; }
no_keeper_of() { [[ -z $(keepers "$(field "$1" id) ") ]]; }
engine_log() { cat "$state/containers/$(field "$1" id)/engine.log"; }
in_catalog() { sqlite3 "$state/catalog.db" "$1"; }
redis() { REDISCLI_AUTH=$(field "$1" password) redis-cli -h 127.0.0.1 -p "$(field "$1" port)" "${@:2}"; }
maria() { MYSQL_PWD=$(field "$1" password) mariadb --no-defaults -N -B -h 127.0.0.1 -P "$(field "$1" port)" -u root -e "$2" </dev/null; }

case_stop_keeps_everything() {
  make_items_image base
  make_container base mine >/dev/null
  sql mine '' "insert into item values (-1, 'saved')"
  assert_eq "$(ctl save dc mine -q)" rev.1
  sql mine '' "insert into item values (-2, 'after')"
  local before; before=$(address mine)
  assert_exit 0 ctl stop data-container mine
  assert_eq "$out" "Data container 'mine' stopped!"
  assert_eq "$(field mine state)" stopped
  assert_eq "$(field mine status)" Stopped
  assert_contains "$(ctl get dc)" "Stopped"
  assert_eq "$(keepers "$(field mine id) ")" "" "keepers"
  assert_contains "$(engine_log mine)" "database system is shut down"
  ! answers mine || fail "a stopped container answers"
  assert_exit 0 ctl stop dc mine -q  # as often as one likes
  assert_eq "$out" ""
  assert_exit 0 ctl start data-container mine
  assert_eq "$out" "Data container 'mine' started!"
  # The answer is the promise: the first query works.
  assert_eq "$(sql mine '' 'select string_agg(name, $$ $$ order by id desc) from item where id < 0')" "saved after"
  assert_eq "$(address mine)" "$before"
  assert_lacks "$(engine_log mine | tail -n 20)" "was not properly shut down"
  assert_exit 0 ctl start dc mine
}

case_restart_is_another_server() {
  local keeper; keeper=$(keeper_pid "$(field mine id)")
  local before; before=$(address mine)
  assert_exit 0 ctl restart dc mine
  assert_eq "$out" "Data container 'mine' restarted!"
  assert_eq "$(sql mine '' 'select count(*) from item')" 1002
  assert_eq "$(address mine)" "$before"
  process_gone "$keeper" || fail "the old keeper is there"
  ctl stop dc -q mine
  assert_exit 0 ctl restart dc -q mine
  answers mine || fail "restart does not start a stopped one"
}

case_several_at_once() {
  make_container base other >/dev/null
  assert_exit 0 ctl stop dc mine other
  assert_eq "$out" "Data container 'mine' stopped!
Data container 'other' stopped!"
  assert_exit 2 ctl start dc mine no-such other
  assert_contains "$err" "no-such"
  answers mine || fail "mine"
  answers other || fail "other, which comes after one that is not there"
  assert_error 64 container -- ctl stop dc
}

case_what_else_is_asked_of_a_stopped_one() {
  ctl stop dc -q other
  assert_error 69 "is not running, it is stopped" "spawnctl start" -- ctl save dc other
  assert_error 69 "is stopped" "spawnctl start data-container other" -- ctl connect other
  assert_error 69 "is stopped" "spawnctl start data-container other" -- ctl proxy dc other --port 0
  assert_contains "$(ctl logs dc other)" "shut down"
  # Its revisions do not need a server.
  ctl stop dc -q mine
  assert_exit 0 ctl graduate dc mine --name of-stopped -q
  make_container of-stopped copy >/dev/null
  assert_eq "$(sql copy '' 'select count(*) from item')" 1001
  ctl delete dc -q copy
  # Going back starts it, as it does any other.
  assert_exit 0 ctl reset dc -q mine
  assert_eq "$(sql mine '' 'select count(*) from item')" 1001
  ctl delete dc -q other
}

case_a_stopped_one_stays_stopped() {
  ctl stop dc -q mine
  kill_daemon
  start_daemon
  assert_eq "$(field mine state)" stopped "after a kill of the daemon"
  stop_daemon
  start_daemon_after_reboot
  assert_eq "$(field mine state)" stopped "after a reboot"
  assert_eq "$(keepers "$(field mine id) ")" "" "keepers"
  assert_exit 0 ctl start dc -q mine
  assert_eq "$(sql mine '' 'select count(*) from item')" 1001
  stop_daemon
  start_daemon
}

# A server whose end takes some seconds: it archives its last log first.
make_slow_to_stop() {
  sql "$1" '' "alter system set archive_mode = on"
  sql "$1" '' "alter system set archive_command = 'sleep 4'"
  ctl restart dc -q "$1"
}

case_killed_while_it_stops() {
  make_slow_to_stop mine
  sql mine '' "insert into item values (-3, 'kept')"
  ctl stop dc -q mine >/dev/null 2>&1 &
  wait_until 10 state_is mine stopping
  kill_daemon
  start_daemon
  assert_eq "$(field mine state)" stopping
  wait_until 60 state_is mine stopped
  wait_until 10 no_keeper_of mine
  assert_exit 0 ctl start dc -q mine
  assert_eq "$(sql mine '' 'select name from item where id = -3')" kept
}

case_started_while_it_stops() {
  ctl stop dc mine >"$work/stop.out" 2>&1 &
  wait_until 10 state_is mine stopping
  ctl start dc mine >"$work/start.out" 2>&1 &
  wait_until 10 state_is mine restarting
  wait_until 60 state_is mine running
  assert_eq "$(sql mine '' 'select count(*) from item')" 1002
  assert_contains "$(<"$work/stop.out")" "started again meanwhile"
  sql mine '' "alter system reset archive_mode"
  ctl restart dc -q mine
}

case_deleted_while_it_stops() {
  make_container base brief >/dev/null
  local id; id=$(field brief id)
  make_slow_to_stop brief
  ctl stop dc brief >"$work/stop.out" 2>&1 &
  wait_until 10 state_is brief stopping
  assert_exit 0 ctl delete dc -q brief
  gone() { [[ -z $(keepers "$id ") && ! -e $state/containers/$id ]]; }
  wait_until 30 gone
}

case_killed_while_it_starts() {
  local port; port=$(field mine port)
  ctl stop dc -q mine
  # A stranger has its port, so the start is under way for as long as one likes. It is to be had while there is no daemon,
  # nor systemd to keep its door.
  kill_daemon
  python3 -c 'import socket,sys,time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); time.sleep(600)' "$port" &
  local stranger=$!
  taken() { ! python3 -c 'import socket,sys; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", int(sys.argv[1])))' "$port" 2>/dev/null; }
  wait_until 10 taken
  start_daemon
  assert_error 1 "does not start" "in use" -- ctl start dc mine
  assert_eq "$(field mine state)" restarting
  kill_daemon
  start_daemon
  wait_until 10 state_is mine restarting
  # It is tried until it works, at its own address.
  sleep 6
  assert_eq "$(field mine state)" restarting
  assert_contains "$(field mine detail)" "in use"
  kill "$stranger"
  wait_until 60 state_is mine running
  assert_eq "$(sql mine '' 'select count(*) from item')" 1002
}

# What failed for good, as after a failed sync: nothing starts it but its owner's word, and that loses nothing.
case_a_failed_one_comes_back() {
  local id; id=$(field mine id)
  sql mine '' "insert into item values (-4, 'there')"
  ctl stop dc -q mine
  stop_daemon
  in_catalog "update containers set stopped = 0, stays_down = 1, detail = 'volume x is poisoned' where id = $id"
  start_daemon
  assert_eq "$(field mine state)" failed
  assert_exit 0 ctl start dc mine
  assert_contains "$err" "warning: data container 'mine' was kept down: volume x is poisoned"
  assert_contains "$err" "goes on from the last commit"
  assert_eq "$(sql mine '' 'select name from item where id = -4')" there
  assert_eq "$(field mine detail)" ""
}

# Recovery that takes longer than any launch has patience for: it goes on, over a kill of the daemon too, says how far it
# is, keeps nobody else waiting, and its data is there.
slow_recovery() {
  wait_until 60 answers "$1"
  sql "$1" '' "alter system set restore_command = 'sleep ${2:-8}; false'"
  sql "$1" '' "copy (select 1) to program 'touch recovery.signal; sync'"
  kill -9 "$(server_pid "$(keeper_pid "$(field "$1" id)")")"
  wait_until 20 state_is "$1" restarting
  started() { [[ -n $(server_pid "$(keeper_pid "$(field "$1" id)")") ]]; }
  wait_until 20 started "$1"
}

said_how_far() { [[ $(field slow detail) == *"its engine is starting, for "*" s: "* ]]; }

case_recovery_that_takes_long() {
  ctl get di -q base >/dev/null 2>&1 || make_items_image base
  make_container base slow >/dev/null
  sql slow '' "insert into item values (-5, 'recovered')"
  slow_recovery slow
  local keeper; keeper=$(keeper_pid "$(field slow id)")
  wait_until 10 said_how_far
  make_container base beside >/dev/null
  ctl delete dc -q beside
  kill_daemon
  start_daemon
  wait_until 10 said_how_far
  assert_eq "$(field slow state)" restarting
  assert_eq "$(keeper_pid "$(field slow id)")" "$keeper" "the keeper that recovers"
  # Who asks for a start waits for this one.
  assert_exit 0 ctl start dc slow
  assert_eq "$(keeper_pid "$(field slow id)")" "$keeper" "the keeper that has recovered"
  assert_eq "$(sql slow '' 'select name from item where id = -5')" recovered
  assert_eq "$(field slow state)" running
  assert_eq "$(field slow detail)" ""
}

case_recovery_is_stopped_by_its_owner() {
  slow_recovery slow 600
  wait_until 60 said_how_far
  assert_exit 0 ctl stop dc -q slow
  assert_eq "$(field slow state)" stopped
  wait_until 10 no_keeper_of slow
  ctl delete dc -q slow
}

# A login trigger of its owner's lets nobody in. It is not what keeps the container from coming back, nor from ending.
case_a_login_trigger_that_hangs() {
  local seventeen; seventeen=$(ctl get engines -o json | jq -r '[.[] | select(.engine == "postgresql" and .usable and (.version | startswith("17")))] | length')
  (( seventeen > 0 )) || skip "PostgreSQL 17 is not installed"
  printf 'name: seventeen\nengine: postgresql\nversion: 17\nsourceType: empty\n' >"$work/files/seventeen.yaml"
  ctl create di -q -f "$work/files/seventeen.yaml" >/dev/null
  make_container seventeen hangs >/dev/null
  sql hangs '' "create function hang() returns event_trigger language plpgsql as 'begin perform pg_sleep(600); end'"
  sql hangs '' "create event trigger hang on login execute function hang()"
  kill -9 "$(server_pid "$(keeper_pid "$(field hangs id)")")"
  wait_until 20 state_is hangs restarting
  wait_until 60 state_is hangs running
  ! PGCONNECT_TIMEOUT=2 timeout 2 psql "$(field hangs url)" -c 'select 1' >/dev/null 2>&1 || fail "the trigger is gone"
  assert_exit 0 ctl restart dc -q hangs
  assert_exit 0 ctl stop dc -q hangs
  ctl delete dc -q hangs
}

# A server that is told to stop while it recovers from the end of one of its processes may wait for ever for another one.
case_a_stop_beside_a_crash_within_the_server() {
  make_container base crashes >/dev/null
  sql crashes '' 'create table kept as select i from generate_series(1, 1000) i'
  local server pid before
  server=$(server_pid "$(keeper_pid "$(field crashes id)")")
  for pid in $(descendants "$server"); do
    tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q 'background writer' && break
  done
  before=$SECONDS
  kill -9 "$pid"
  assert_exit 0 timeout 100 "$work/spawnctl" stop dc -q crashes
  (( SECONDS - before < 90 )) || fail "it took $((SECONDS - before)) s"
  assert_exit 0 ctl start dc -q crashes
  assert_eq "$(sql crashes '' 'select count(*) from kept')" 1000
  ctl delete dc -q crashes
}

# The daemon's start waits for no keeper that somebody holds.
case_keepers_that_are_held() {
  make_container base held >/dev/null
  local keeper; keeper=$(keeper_pid "$(field held id)")
  kill_daemon
  kill -STOP "$keeper"
  local before=$SECONDS
  start_daemon
  make_container base beside >/dev/null
  (( SECONDS - before < 15 )) || fail "a create beside a keeper that is held took $((SECONDS - before)) s"
  ctl delete dc -q beside
  kill -CONT "$keeper"
  wait_until 20 answers held
  ctl delete dc -q held
}

case_mariadb() {
  [[ -x /usr/sbin/mariadbd ]] || skip "mariadb is not installed"
  printf 'name: maria\nengine: mariadb\nsourceType: empty\n' >"$work/files/maria.yaml"
  ctl create data-image -q -f "$work/files/maria.yaml" >/dev/null
  make_container maria m >/dev/null
  maria m 'create database shop; create table shop.t (a int); insert into shop.t values (1), (2)'
  local before; before=$(address m)
  assert_exit 0 ctl stop dc -q m
  assert_exit 0 ctl start dc -q m
  assert_eq "$(maria m 'select count(*) from shop.t')" 2
  assert_eq "$(address m)" "$before"
  assert_exit 0 ctl restart dc -q m
  assert_eq "$(maria m 'select count(*) from shop.t')" 2
  ctl delete dc -q m
}

case_redis() {
  printf 'name: red\nengine: redis\nsourceType: empty\n' >"$work/files/red.yaml"
  ctl create data-image -q -f "$work/files/red.yaml" >/dev/null
  make_container red r >/dev/null
  redis r set key one >/dev/null
  local before; before=$(address r)
  assert_exit 0 ctl stop dc -q r
  assert_exit 0 ctl start dc -q r
  assert_eq "$(redis r get key)" one
  assert_eq "$(address r)" "$before"
  ctl delete dc -q r
}

write_config
start_daemon
run_cases "$@"
