#!/usr/bin/env bash
# sourceType: server when it does not work: each time one message with what, where and what to do, an exit code, and nothing
# left behind.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"
# shellcheck source=servers.sh
source "$(dirname "$0")/servers.sh"

# Its dump needs a program of its own major version, and its files a server of it.
case_a_newer_server() {
  local root
  root=$(echo "$repo"/.deps/postgresql/17.*)
  [[ -d $root ]] || skip "no PostgreSQL 17 here"
  mkdir "$work/newer"; chown spawnd: "$work/newer"
  as_engine_user "$root/bin/initdb" -D "$work/newer/data" -A trust -U postgres --no-sync --locale=C -E UTF8 >"$work/initdb.log" 2>&1 || fail initdb
  as_engine_user "$root/bin/postgres" -D "$work/newer/data" -c listen_addresses=127.0.0.1 -c port="$newer_port" -c unix_socket_directories= \
    >"$work/newer/log" 2>&1 &
  disown
  wait_until 30 psql -q -h 127.0.0.1 -p "$newer_port" -U postgres -d postgres -c 'select 1' >/dev/null
  remember "$(head -n 1 "$work/newer/data/postmaster.pid")"
  assert_error 64 "dumping postgres of 127.0.0.1:$newer_port" 'version mismatch' 'apt install postgresql-client-17' -- \
    ctl create data-image -f "$(server_yaml pg-newer postgresql "connection: 'postgresql://postgres@127.0.0.1:$newer_port'")"
  assert_error 64 'incompatible server version' 'postgresql-client-17' -- \
    ctl create data-image -f "$(server_yaml pg-newer postgresql "connection: 'postgresql://postgres@127.0.0.1:$newer_port'" 'method: physical')"
  assert_error 64 'is PostgreSQL 17' '`version: 15` is asked for' 'method: dump' -- \
    ctl create data-image -f "$(server_yaml pg-newer postgresql "connection: 'postgresql://postgres@127.0.0.1:$newer_port'" 'method: physical' 'version: 15')"
  assert_error 2 pg-newer -- ctl get data-image pg-newer
  nothing_is_left
}

case_postgresql_bad_input() {
  make_pg
  refused() { local code=$1 words=(); shift; while [[ $1 != -- ]]; do words+=("$1"); shift; done; shift
    assert_error "$code" "${words[@]}" -- ctl create data-image -f "$(server_yaml pg-bad postgresql "$@")"; nothing_is_left; }
  refused 69 "asking 127.0.0.1:$nobodys_port what it is" 'connection refused' 'listen_addresses' -- "connection: {host: 127.0.0.1, port: $nobodys_port}"
  refused 69 'could not translate host name' '`host:`' -- 'connection: {host: nowhere.invalid}'
  refused 69 'no such file' 'socket' -- "connection: {host: $work/files, port: 1}"
  echo wrong >"$work/files/wrong.password"
  refused 7 'password authentication failed for user "reader"' passwordFile -- "connection: {host: 127.0.0.1, port: $pg_port, user: reader, passwordFile: wrong.password}"
  HOME=$work/files refused 7 'no password supplied' '~/.pgpass' -- "connection: {host: 127.0.0.1, port: $pg_port, user: reader}"
  refused 2 'database "nothing" does not exist' 'database:' -- "connection: {host: 127.0.0.1, port: $pg_port, user: reader, passwordFile: pg.password, database: nothing}"
  refused 2 'nothing.password' -- "connection: {host: 127.0.0.1, port: $pg_port, passwordFile: nothing.password}"
  refused 2 NO_SUCH_VARIABLE -- "connection: {host: 127.0.0.1, port: $pg_port, passwordVariable: NO_SUCH_VARIABLE}"
  refused 1 'permission denied for table' 'pg_read_all_data' -- "connection: {host: 127.0.0.1, port: $pg_port, user: poor, passwordFile: pg.password, database: shop}"
  refused 1 'no pg_hba.conf entry for replication' 'method: dump' -- "connection: {host: 127.0.0.1, port: $pg_port, user: reader, passwordFile: pg.password}" 'method: physical'
  refused 69 'does not support SSL' 'sslMode' -- "connection: {host: 127.0.0.1, port: $pg_port, user: reader, passwordFile: pg.password, sslMode: require}"
  refused 64 'mysql://' 'PostgreSQL' -- 'connection: mysql://h/d'
  # Secrets where they do not belong are refused without being repeated.
  refused 64 'more than one way' passwordFile -- "connection: {host: 127.0.0.1, password: hush, passwordFile: pg.password}"
  refused 64 'scheme' -- 'connection: hush'
  assert_lacks "$err" hush
  refused 64 "'password'" -- 'password: hush' "connection: {host: 127.0.0.1}"
  assert_lacks "$err" hush
  pg_psql -d postgres -c 'create database other' </dev/null
  refused 64 'several databases: other, shop' 'database: other' -- "connection: {host: 127.0.0.1, port: $pg_port, user: reader, passwordFile: pg.password}"
  pg_psql -d postgres -c 'drop database other' </dev/null
  assert_error 2 pg-bad -- ctl get data-image pg-bad
}

# Before anything is fetched.
case_what_would_fail_in_the_end() {
  make_pg
  assert_error 64 '99' -- ctl create data-image -f "$(pg_yaml pg-never 'version: 99')"
  assert_lacks "$err" 'dumping'
  assert_error 64 "'tables' means nothing to sourceType server with method physical" 'method: dump' -- ctl create data-image -f "$(pg_yaml pg-never 'method: physical' 'tables: [a]')"
  assert_error 64 "'jobs'" 'one connection' -- ctl create data-image -f "$(pg_yaml pg-never 'method: physical' 'jobs: 2')"
  mkfifo "$work/files/pipe"
  assert_error 64 "password file '$work/files/pipe' is no regular file" -- \
    timeout 20 "$work/spawnctl" create data-image -f "$(server_yaml pg-never postgresql "connection: {host: 127.0.0.1, port: $pg_port, user: reader, passwordFile: pipe}")"
  nothing_is_left
}

# Something that takes connections and says nothing.
case_a_server_that_does_not_answer() {
  python3 -c 'import socket, sys, time
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(600)' "$silent_port" &
  remember $!
  disown
  wait_until 10 bash -c ": </dev/tcp/127.0.0.1/$silent_port" 2>/dev/null
  assert_error 69 'timeout expired' firewall -- ctl create data-image -f "$(server_yaml silent postgresql "connection: {host: 127.0.0.1, port: $silent_port}")"
  nothing_is_left
}

has_fetched() { (( $(du -s --block-size=1 "$TMPDIR" | cut -f 1) > $1 )); }

case_the_server_ends_half_way() {
  make_pg
  local code=0
  ctl create data-image -f "$(pg_yaml pg-lost 'jobs: 1')" >"$work/out" 2>"$work/err" </dev/null &
  local pid=$!
  wait_until 30 has_fetched 1000000
  kill -9 "$(cat "$work/pg.pid")"
  wait "$pid" || code=$?
  assert_eq "$code" 69 "exit code: $(<"$work/err")"
  assert_matches "$(<"$work/err")" 'error: dumping shop of 127.0.0.1:[0-9]+: .*(closed the connection|terminat|lost).* \(after [0-9.]+ [KM]iB\)'
  assert_contains "$(<"$work/err")" 'hint: The connection was lost'
  nothing_is_left
  assert_error 2 pg-lost -- ctl get data-image pg-lost
  wait_until 10 process_gone "$(cat "$work/pg.pid")"
  rm -f "$work/pg/data/postmaster.pid"
  pg_starts
}

case_signals_leave_nothing() {
  make_pg
  local signal code pid
  for signal in INT TERM; do
    code=0
    # A background job of a shell like this one ignores SIGINT, and so would what it starts.
    python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
      "$work/spawnctl" create data-image -f "$(pg_yaml pg-signal 'jobs: 2')" >"$work/out" 2>"$work/err" </dev/null &
    pid=$!
    wait_until 30 has_fetched 1000000
    kill -"$signal" "$pid"
    wait "$pid" || code=$?
    assert_eq "$code" $((128 + $(kill -l "$signal"))) "exit code"
    assert_eq "$(<"$work/err")" "cancelled: data image 'pg-signal' is not created"
    nothing_is_left
  done
  # Nothing can be done then but to leave no tool behind, and the folder to the next.
  "$work/spawnctl" create data-image -f "$(pg_yaml pg-signal 'jobs: 2')" >"$work/out" 2>"$work/err" </dev/null &
  pid=$!
  wait_until 30 has_fetched 1000000
  kill -9 "$pid"
  wait "$pid" || true
  wait_until 20 no_dump_runs
  [[ -n $(ls "$TMPDIR") ]] || fail "it was not killed in time"
  assert_error 69 'connection refused' -- ctl create data-image -f "$(server_yaml pg-bad postgresql "connection: {host: 127.0.0.1, port: $nobodys_port}")"
  nothing_is_left
}
no_dump_runs() { ! pgrep -f "pg_dump.*$work/tmp" >/dev/null; }

case_a_full_disk() {
  make_pg
  mkdir "$work/small"; mount -t tmpfs -o size=3m none "$work/small"
  TMPDIR=$work/small assert_error 5 'dumping shop' 'No space left' "$work/small" 'TMPDIR' -- ctl create data-image -f "$(pg_yaml pg-full)"
  folder_empty "$work/small" || fail "left behind: $(find "$work/small")"
  TMPDIR=$work/small assert_error 5 'copying' 'No space left' 'TMPDIR' -- ctl create data-image -f "$(pg_user=copier pg_yaml pg-full 'method: physical')"
  folder_empty "$work/small" || fail "left behind: $(find "$work/small")"
  umount "$work/small"
  TMPDIR=/nowhere/here assert_error 2 '/nowhere/here' TMPDIR -- ctl create data-image -f "$(pg_yaml pg-full)"
}

case_mysql_family_bad_input() {
  make_maria
  refused() { local code=$1 words=(); shift; while [[ $1 != -- ]]; do words+=("$1"); shift; done; shift
    assert_error "$code" "${words[@]}" -- ctl create data-image -f "$(server_yaml maria-bad mariadb "$@")"; nothing_is_left; }
  refused 69 "asking 127.0.0.1:$nobodys_port what it is" 'connect to server' 'bind-address' -- "connection: {host: 127.0.0.1, port: $nobodys_port}"
  echo wrong >"$work/files/wrong.password"
  refused 7 "Access denied for user 'reader'" passwordFile -- "connection: {host: 127.0.0.1, port: $maria_port, user: reader, passwordFile: wrong.password}"
  refused 2 "Unknown database 'nothing'" 'database:' -- "connection: {host: 127.0.0.1, port: $maria_port, user: reader, passwordFile: maria.password, database: nothing}"
  maria_root -e 'create database other' </dev/null
  refused 64 'several databases: other, shop' -- "connection: {host: 127.0.0.1, port: $maria_port, user: reader, passwordFile: maria.password}"
  maria_root -e 'drop database other' </dev/null
}

case_redis_bad_input() {
  make_redis redis "$repo/.deps/redis/bin/redis-server" redis-cli "$redis_port"
  refused() { local code=$1 words=(); shift; while [[ $1 != -- ]]; do words+=("$1"); shift; done; shift
    assert_error "$code" "${words[@]}" -- ctl create data-image -f "$(server_yaml redis-bad redis "$@")"; nothing_is_left; }
  refused 69 'connection refused' bind -- "connection: {host: 127.0.0.1, port: $nobodys_port}"
  echo wrong >"$work/files/wrong.password"
  refused 7 NOAUTH passwordFile -- "connection: {host: 127.0.0.1, port: $redis_port, passwordFile: wrong.password}"
  refused 7 NOAUTH passwordFile -- "connection: {host: 127.0.0.1, port: $redis_port}"
  refused 64 'in one way' 'method:' -- "connection: {host: 127.0.0.1, port: $redis_port}" 'method: physical'
}

case_a_tool_that_is_not_installed() {
  local file
  file=$(server_yaml no-tool redis "connection: {host: 127.0.0.1, port: $nobodys_port}")
  assert_error 64 'is not installed' 'apt install redis-tools' -- \
    unshare --mount --propagation private sh -c 'mount --bind /dev/null /usr/bin/redis-cli; PATH=/usr/bin exec "$@"' sh "$work/spawnctl" create data-image -f "$file"
  nothing_is_left
}

case_what_cannot_be_fetched_from() {
  assert_error 64 'SQL Server' 'sourceType: backup' -- ctl create data-image -f "$(server_yaml sql-server mssql 'connection: {host: 127.0.0.1}')"
}

run_cases "$@"
