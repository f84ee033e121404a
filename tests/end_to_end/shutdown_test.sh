#!/usr/bin/env bash
# The end of the machine, as keepers and the daemon see it: everything ends within its bound, whatever hangs, and what
# clients were told is done is there after the reboot. Three engines; `redis_test.sh` has more of Redis.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

engines=(postgresql mariadb redis)
# docs/durability.md: the engine's patience, what comes after it, and a little for a busy machine.
bound=20
daemon_bound=12

# The topmost process of container $1's server.
server_of() {
  local pid names='postgres mariadbd redis-server' keeper
  keeper=$(keeper_pid "$(field "$1" id)")
  for pid in $(descendants "$keeper"); do
    [[ " $names " == *" $(ps -o comm= -p "$pid") "* && $(ps -o comm= -p "$(ps -o ppid= -p "$pid" | tr -d ' ')") == spawnd-init ]] &&
      { echo "$pid"; return; }
  done
  return 0
}
# All processes that a keeper has below it, and the keeper.
everything_of() { descendants "$1"; echo "$1"; }

make_images() {
  local engine
  for engine in "${engines[@]}"; do
    printf 'name: of-%s\nengine: %s\nsourceType: empty\n' "$engine" "$engine" >"$work/files/$engine.yaml"
    ctl create data-image -q -f "$work/files/$engine.yaml" >/dev/null || fail "no image of $engine"
  done
}

# load CONTAINER ENGINE: writes number after number until it cannot; $work/told-CONTAINER has those that the server
# said are done.
load() {
  local json port password
  json=$(ctl get data-container "$1" -o json); port=$(jq -r .port <<<"$json") password=$(jq -r .password <<<"$json")
  case $2 in
    postgresql)
      sql "$1" '' 'create table numbers (n int)'
      seq 1 10000000 | sed 's/.*/insert into numbers values (&) returning n;/' | PGPASSWORD=$password psql -X -q -A -t -h 127.0.0.1 -p "$port" \
        -U "$(jq -r .user <<<"$json")" -d "$(jq -r .database <<<"$json")" ;;
    mariadb)
      MYSQL_PWD=$password mariadb --no-defaults -h 127.0.0.1 -P "$port" -u root -e 'create database d; create table d.numbers (n int) engine=innodb'
      seq 1 10000000 | sed 's/.*/insert into d.numbers values (&) returning n;/' |
        MYSQL_PWD=$password mariadb --no-defaults --unbuffered -N -B -h 127.0.0.1 -P "$port" -u root ;;
    redis)
      python3 - "$port" "$password" <<'END' ;;
import socket, sys
server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
lines = server.makefile("rb")
server.sendall(b"auth %s\r\n" % sys.argv[2].encode())
lines.readline()
while True:
    server.sendall(b"incr numbers\r\n" * 16)
    for _ in range(16):
        print(int(lines.readline()[1:]), flush=True)
END
  esac >"$work/told-$1" 2>/dev/null || true
}
last_told() { grep -E '^[0-9]+$' "$work/told-$1" | tail -n 1; }
told_many() { (( $(wc -l <"$work/told-$1") > 500 )); }
# The highest number that is there.
there_is() {
  local password port; password=$(field "$1" password) port=$(field "$1" port)
  case $2 in
    postgresql) sql "$1" '' 'select max(n) from numbers' ;;
    mariadb) MYSQL_PWD=$password mariadb --no-defaults -N -B -h 127.0.0.1 -P "$port" -u root -e 'select max(n) from d.numbers' ;;
    redis) REDISCLI_AUTH=$password redis-cli -h 127.0.0.1 -p "$port" get numbers ;;
  esac
}
is_back() { [[ -n $(there_is "$1" "$2" 2>/dev/null) ]]; }

# end_under_load NAME SECONDS COMMAND: COMMAND with $keeper set ends each engine's container under load, within the
# time; there is no daemon meanwhile, as at a shutdown. Then the machine reboots, and everything told is there.
end_under_load() {
  local name=$1 most=$2 engine told there start keepers=() loads=() keeper; shift 2
  for engine in "${engines[@]}"; do
    make_container "of-$engine" "$name-$engine" >/dev/null
    load "$name-$engine" "$engine" & loads+=($!)
  done
  for engine in "${engines[@]}"; do wait_until 30 told_many "$name-$engine"; done
  for engine in "${engines[@]}"; do keepers+=("$(keeper_pid "$(field "$name-$engine" id)")"); done
  kill_daemon
  start=$(date +%s%N)
  for keeper in "${keepers[@]}"; do "$@" >/dev/null 2>&1 || true; done
  wait_until "$most" all_gone "${keepers[@]}"
  note "$name: gone after $((($(date +%s%N) - start) / 1000000)) ms"
  if declare -F "$1_over" >/dev/null; then "$1_over"; fi
  wait "${loads[@]}" || true
  start_daemon_after_reboot
  for engine in "${engines[@]}"; do
    wait_until 30 is_back "$name-$engine" "$engine"
    told=$(last_told "$name-$engine") there=$(there_is "$name-$engine" "$engine")
    (( ${there:-0} >= told )) || fail "$engine: of $told that were acknowledged ${there:-none} are there"
    ctl delete data-container -q "$name-$engine"
  done
}

case_keepers_are_told() {
  told() { kill -TERM "$keeper"; }
  end_under_load told 15 told
}

# What systemd does with the scope of all containers: a signal to every process in it, which only keepers hear.
case_the_scope_ends() {
  # shellcheck disable=SC2046
  scope() { kill -WINCH $(everything_of "$keeper"); }
  end_under_load scope 15 scope
}

# What systemd-shutdown and others do in the end: SIGTERM to everybody, in no order.
case_everybody_is_told() {
  # shellcheck disable=SC2046
  everybody() { kill -TERM $(everything_of "$keeper"); }
  end_under_load everybody 15 everybody
}

# Engines that have gone before their keepers are told anything.
case_servers_go_first() {
  # shellcheck disable=SC2046
  servers() { kill -TERM $(pgrep -P "$(pgrep -P "$keeper")"); }
  end_under_load servers 40 servers_and_keeper
}
servers_and_keeper() { servers; sleep 0.3; kill -TERM "$keeper"; }

# A postmaster that somebody has stopped held its keeper for two minutes.
case_a_stopped_server_hears_it_all_the_same() {
  # shellcheck disable=SC2046
  stopped() { kill -STOP $(descendants "$(pgrep -P "$keeper")"); kill -TERM "$keeper"; }
  end_under_load stopped 15 stopped
}

case_a_server_that_somebody_stops_for_ever_is_killed() {
  # One loop for each keeper: what it continues is stopped again at once.
  for_ever() {
    (while ! process_gone "$keeper"; do
       for pid in $(descendants "$(pgrep -P "$keeper")"); do kill -STOP "$pid"; done
     done) >/dev/null 2>&1 &
    kill -TERM "$keeper"
  }
  end_under_load for-ever "$bound" for_ever
}

# The keeper's main thread waits for a server that does not answer, and hears nothing.
case_a_keeper_that_saves_meanwhile() {
  local saves=()
  saving() {
    # shellcheck disable=SC2046
    kill -STOP $(descendants "$(pgrep -P "$keeper")")
    ask_to_save "$(tr '\0' ' ' <"/proc/$keeper/cmdline" | awk '{print $3}')" & saves+=($!)
    sleep 0.5; kill -TERM "$keeper"
  }
  saving_over() { kill "${saves[@]}" 2>/dev/null || true; wait "${saves[@]}" 2>/dev/null || true; }
  end_under_load saving "$bound" saving
}
# As the daemon does it, which is not there.
ask_to_save() {
  exec python3 - "$state/containers/$1/control.sock" <<'END'
import socket, sys, time
keeper = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
keeper.connect(sys.argv[1])
keeper.send(b'{"op":"save"}')
time.sleep(60)
END
}

case_a_server_that_only_starts() {
  make_container of-postgresql starts >/dev/null
  local id keeper server; id=$(field starts id)
  kill -9 "$(keeper_pid "$id")"
  started() { keeper=$(keeper_pid "$id") server=$(server_of starts); [[ -n $keeper && -n $server ]] && kill -STOP "$server"; }
  until started 2>/dev/null; do :; done
  kill_daemon
  kill -TERM "$keeper"
  wait_until 10 process_gone "$keeper"
  start_daemon
  wait_until 20 answers starts
  ctl delete data-container -q starts
}

case_a_build_is_dropped_at_once() {
  hanging_builds 1
  local keeper; keeper=$(build_keepers)
  kill_daemon
  kill -TERM "$keeper"
  wait_until 8 process_gone "$keeper"
  start_daemon
}

# hanging_builds N: as many images whose preScript does not end.
hanging_builds() {
  local i
  for ((i = 1; i <= $1; i++)); do
    (exec "$work/spawnctl" create data-image -q -f "$(image_yaml "hangs-$i" 'sourceType: empty' 'preScript: select pg_sleep(86400)')") \
      >/dev/null 2>&1 &
  done
  all_run() { (( $(build_keepers | wc -l) == $1 )); }
  wait_until 60 all_run "$1"
}
build_keepers() { local id; for id in $(ls "$state/builds"); do keeper_pid "$id"; done; }

case_builds_that_hang_hold_up_no_start() {
  hanging_builds 8
  local keepers start; mapfile -t keepers < <(build_keepers)
  kill_daemon
  kill -STOP "${keepers[@]}"
  start=$SECONDS
  start_daemon
  (( SECONDS - start <= 12 )) || fail "8 of them held up the start for $((SECONDS - start)) s"
  note "ready after $((SECONDS - start)) s"
  all_gone "${keepers[@]}" || fail "a keeper of a build is still there"
  assert_eq "$(ls "$state/builds")" ""
}

case_a_stop_while_a_save_hangs() {
  make_container of-postgresql saves >/dev/null
  local keeper start; keeper=$(keeper_pid "$(field saves id)")
  # shellcheck disable=SC2046
  kill -STOP $(descendants "$(pgrep -P "$keeper")")
  (exec "$work/spawnctl" save data-container saves) >"$work/save.out" 2>&1 & local save=$!
  sleep 1
  start=$SECONDS
  kill -TERM "$(daemon_pid)"
  wait_until "$daemon_bound" process_gone "$(daemon_pid)"
  note "stopped after $((SECONDS - start)) s"
  wait "$save" || true
  assert_contains "$(<"$work/save.out")" "the daemon is stopping"
  # shellcheck disable=SC2046
  kill -CONT $(descendants "$(pgrep -P "$keeper")")
  start_daemon
  wait_until 20 answers saves
  ctl delete data-container -q saves
}

case_many_at_once() {
  local i keepers start
  for ((i = 1; i <= 12; i++)); do make_container "of-${engines[i % 3]}" "many-$i" >/dev/null; done
  mapfile -t keepers < <(for ((i = 1; i <= 12; i++)); do keeper_pid "$(field "many-$i" id)"; done)
  kill_daemon
  start=$(date +%s%N)
  kill -TERM "${keepers[@]}"
  wait_until "$bound" all_gone "${keepers[@]}"
  note "12 of them: $((($(date +%s%N) - start) / 1000000)) ms"
  start_daemon
}

write_config
start_daemon
make_images
run_cases "$@"
