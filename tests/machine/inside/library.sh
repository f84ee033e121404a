# What every step inside the machine begins with.
set -uo pipefail
export LC_ALL=C.UTF-8 SYSTEMD_PAGER= PGCONNECT_TIMEOUT=60 HOME=/root
scope=/sys/fs/cgroup/system.slice/spawnd-containers.scope

fail() { printf '%s\n' "$*"; exit 1; }

# Everything that a step expects is a line of its own; the first that does not hold ends it.
expect() { "${@:2}" || fail "expected: $1 (${*:2})"; }
equal() { [[ "$1" == "$2" ]] || { printf "'%s' is not '%s'\n" "$1" "$2"; return 1; }; }

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do (( SECONDS < end )) || { printf 'not in time: %s\n' "$*"; return 1; }; sleep 0.2; done
}

field() { spawnctl get data-container "$1" -o json | jq -r "$2"; }
sql() { timeout 120 psql -X -q -v ON_ERROR_STOP=1 "$(spawnctl get data-container "$1" -o url)" -Atc "$2"; }
answers() { [[ $(sql "$1" 'select 1') == 1 ]]; }
keeper_of() { cat "$scope/c$(field "$1" .id)/keeper/cgroup.procs"; }
# The server's first process: the oldest with its port on the command line.
server_of() { pgrep -o -f "port=$(field "$1" .port)"; }
daemon() { systemctl show -P MainPID spawnd.service; }

# A client that stays connected: a psql in a unit of its own, asked by lines of a pipe.
client_connects() {
  local folder=/run/client.$1
  rm -rf "$folder"; mkdir "$folder"; mkfifo "$folder/in"
  systemd-run --quiet --collect --unit "client-$1" bash -c "exec 4<>$folder/in; exec psql -X -q -At '$(spawnctl get data-container "$1" -o url)' <&4 >$folder/out 2>&1"
  client_asks "$1" 'select pg_backend_pid()' >"$folder/backend"
}
client_asks() {
  local folder=/run/client.$1 mark=mark.$RANDOM
  # Nobody reads the pipe when psql has ended.
  printf "%s;\nselect '%s';\n" "$2" "$mark" | timeout 10 dd status=none of="$folder/in" || { cat "$folder/out"; return 1; }
  wait_for 60 grep -q "^$mark\$" "$folder/out" || { cat "$folder/out"; return 1; }
  grep -B 1 "^$mark\$" "$folder/out" | head -n 1
}
# The same server process answers it as at the beginning.
client_goes_on() { equal "$(client_asks "$1" 'select pg_backend_pid()')" "$(cat "/run/client.$1/backend")"; }
