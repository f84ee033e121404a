#!/usr/bin/env bash
# sourceType: server: images of real servers that are written to meanwhile, fetched by the products' own tools, and what is
# said when it does not work. Wherever a secret could be seen, it is looked for.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

ports=$((first_port + 60))  # of the servers here; the daemon has those before them
pg_port=$ports maria_port=$((ports + 1)) mysql_port=$((ports + 2)) redis_port=$((ports + 3)) valkey_port=$((ports + 4))
newer_port=$((ports + 5)) silent_port=$((ports + 6)) older_port=$((ports + 7)) nobodys_port=$((ports + 9))
unpacked=$repo/.deps/unpacked
export TMPDIR=$work/tmp
mkdir -m 1777 "$TMPDIR"
as_engine_user() { runuser -u spawnd -- "$@"; }
remember() { echo "$1" >>"$work/server-pids"; }
server_ends() { [[ ! -f $work/$1.pid ]] || { kill -9 "$(head -n 1 "$work/$1.pid")" 2>/dev/null; rm -f "$work/$1.pid"; }; }
extra_clean_up() {
  local pid
  for pid in $(cat "$work/server-pids" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
  wait_until 10 nobody_serves
  if mountpoint -q "$work/small"; then umount "$work/small"; fi
}
nobody_serves() { local pid; for pid in $(cat "$work/server-pids" 2>/dev/null); do process_gone "$pid" || return 1; done; }

# --- what is secret: never in an argument or the environment of this test's programs ----------------------------

secret_of() { cat "$work/files/$1.password"; }
new_secret() {
  # With what is special to an option file, a .pgpass, a shell and SQL.
  printf "%s\"\\:'#%s e\n" "$2" "$(tr -dc a-z0-9 </dev/urandom | head -c 20)" >"$work/files/$1.password"
  chmod 0600 "$work/files/$1.password"
}
for name in pg maria mysql redis valkey; do new_secret "$name" "$name"; done
# As SQL writes it.
pg_quoted() { printf "'%s'" "$(secret_of pg | sed "s/'/''/g")"; }
my_quoted() { printf "'%s'" "$(secret_of "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")"; }

watch_begins() {
  cat "$work/files/"*.password >"$work/secrets"; chmod 0600 "$work/secrets"
  python3 "$(dirname "$0")/secret_watch.py" "$work/secrets" "$work/seen" "$@" &
  echo $! >"$work/watch.pid"
  wait_until 10 grep -q watching "$work/seen"
}
# watch_ends PROGRAM...: these were seen, and no secret of theirs.
watch_ends() {
  local program
  kill -TERM "$(cat "$work/watch.pid")"; wait_until 10 process_gone "$(cat "$work/watch.pid")"
  for program in "$@"; do grep -qx "saw $program" "$work/seen" || fail "never saw $program: $(<"$work/seen")"; done
  ! grep -vE '^(watching|saw )' "$work/seen" || fail "a secret was to be seen"
}

# --- servers ----------------------------------------------------------------------------------------------------

pg_psql() { PGOPTIONS='' psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$work/pg" -p "$pg_port" -U postgres "$@"; }
pg_serves() { pg_psql -d postgres -c 'select 1' </dev/null >/dev/null 2>&1; }
pg_starts() {
  as_engine_user /usr/lib/postgresql/15/bin/postgres -D "$work/pg/data" -c listen_addresses=127.0.0.1 -c port="$pg_port" \
    -c unix_socket_directories="$work/pg" -c fsync=off -c max_wal_senders=4 -c log_min_duration_statement=0 >>"$work/pg/log" 2>&1 &
  disown
  wait_until 30 pg_serves
  head -n 1 "$work/pg/data/postmaster.pid" >"$work/pg.pid"; remember "$(cat "$work/pg.pid")"
}
make_pg() {
  [[ ! -d $work/pg ]] || return 0
  mkdir "$work/pg"; chown spawnd: "$work/pg"; chmod 0755 "$work/pg"
  as_engine_user initdb -D "$work/pg/data" -A trust -U postgres --no-sync --locale=C.UTF-8 -E UTF8 >"$work/initdb.log" 2>&1 || fail initdb
  cat >"$work/pg/data/pg_hba.conf" <<'END'
local all all trust
host all reader,copier,poor 127.0.0.1/32 scram-sha-256
host replication copier 127.0.0.1/32 scram-sha-256
END
  pg_starts
  pg_psql -d postgres <<END
create role reader login password $(pg_quoted);
create role copier login replication password $(pg_quoted);
create role poor login password $(pg_quoted);
grant pg_read_all_data to reader;
create database shop;
END
  pgbench -q -i -s 2 -h "$work/pg" -p "$pg_port" -U postgres shop >/dev/null 2>&1 </dev/null
  pg_psql -d shop </dev/null -c "create table filler as select i, repeat(md5(i::text), 6) t from generate_series(1, 300000) i"
}
# Whoever is paid pays: at each moment the sums are the same.
bench_load() { pgbench -n -c 2 -T 600 -h "$work/pg" -p "$pg_port" -U postgres shop >/dev/null 2>&1 </dev/null & remember $!; echo $! >"$work/load.pid"; }
load_ends() { kill -TERM "$(cat "$work/load.pid")"; wait_until 10 process_gone "$(cat "$work/load.pid")"; }
assert_bench_state() {
  assert_eq "$(sql "$1" shop 'select (select sum(abalance) from pgbench_accounts) = (select sum(tbalance) from pgbench_tellers)
    and (select sum(bbalance) from pgbench_branches) = (select coalesce(sum(delta), 0) from pgbench_history)
    and (select sum(bbalance) from pgbench_branches) = (select sum(tbalance) from pgbench_tellers)')" t "one moment's state"
  assert_eq "$(sql "$1" shop 'select count(*) from filler')" 300000
}

# server_yaml NAME ENGINE LINE...
server_yaml() {
  local file=$work/files/$1.yaml
  printf 'name: %s\nengine: %s\nsourceType: server\n' "$1" "$2" >"$file"; shift 2
  printf '%s\n' "$@" >>"$file"
  echo "$file"
}
pg_yaml() { server_yaml "$1" postgresql "connection: {host: 127.0.0.1, port: $pg_port, user: ${pg_user:-reader}, passwordFile: pg.password${pg_more-, database: shop}}" "${@:2}"; }
nothing_is_left() {
  folder_empty "$TMPDIR" || fail "left behind: $(find "$TMPDIR")"
  ! pgrep -f "$work/tmp" >/dev/null || fail "left running: $(pgrep -af "$work/tmp")"
}

write_config "$first_port-$((first_port + 59))"
start_daemon

# --- PostgreSQL -------------------------------------------------------------------------------------------------

case_postgresql_dump_under_load() {
  make_pg; bench_load; watch_begins
  assert_exit 0 ctl create data-image --progress -f "$(pg_yaml pg-dump 'jobs: 2')"
  watch_ends psql pg_dump
  load_ends
  assert_contains "$out" "Data image 'pg-dump'"
  assert_contains "$err" "dumping shop of 127.0.0.1:$pg_port  "
  assert_matches "$err" 'dumping shop of 127.0.0.1:[0-9]+  ([0-9.]+ [KM]iB|[0-9]+ B)' "progress in bytes"
  assert_lacks "$out$err" warning
  nothing_is_left
  assert_eq "$(image_field pg-dump versionText)" 15 "the source's major version"
  make_container pg-dump of-pg-dump >/dev/null
  assert_bench_state of-pg-dump
  assert_eq "$(field of-pg-dump database)" shop
  ctl delete data-container -q of-pg-dump
}

case_postgresql_physical_under_load() {
  make_pg; bench_load; watch_begins
  local slots
  assert_exit 0 ctl create data-image --progress -f "$(pg_user=copier pg_more='' pg_yaml pg-physical 'method: physical')"
  watch_ends psql pg_basebackup
  load_ends
  assert_matches "$err" 'copying 127.0.0.1:[0-9]+  .* of .*iB \([0-9]+%\)' "progress in bytes of so many"
  nothing_is_left
  slots=$(pg_psql -d postgres -c 'select count(*) from pg_replication_slots' </dev/null)
  assert_eq "$slots" 0 "slots on the server"
  make_container pg-physical of-pg-physical >/dev/null
  assert_bench_state of-pg-physical
  ctl delete data-container -q of-pg-physical
}

# Any user may, with his own rights and his own ~/.pgpass; a password in the environment reaches no tool's.
case_postgresql_as_another_user() {
  make_pg
  local home=$work/files/home file
  mkdir -p "$home"; chown games: "$home"
  printf '127.0.0.1:%s:*:reader:%s\n' "$pg_port" "$(secret_of pg | sed 's/\\/\\\\/g; s/:/\\:/g')" >"$home/.pgpass"
  chown games: "$home/.pgpass"; chmod 0600 "$home/.pgpass"
  chmod 0777 "$socket"
  file=$(server_yaml pg-own postgresql "connection: postgresql://reader@127.0.0.1:$pg_port/shop" 'tables: [public.pgbench_tellers]')
  chmod 0644 "$file"
  assert_exit 0 setpriv --reuid=games --regid=games --clear-groups env HOME="$home" TMPDIR="$TMPDIR" SPAWNCTL_API_ENDPOINT="$SPAWNCTL_API_ENDPOINT" \
    "$work/spawnctl" create data-image -q -f "$file"
  nothing_is_left
  assert_eq "$(image_field games/pg-own owner)" games
  file=$(server_yaml pg-variable postgresql "connection: {url: 'postgresql://reader@127.0.0.1:$pg_port/shop', passwordVariable: SHOP_PASSWORD}" 'tables: [public.pgbench_tellers]')
  watch_begins spawnctl
  SHOP_PASSWORD=$(secret_of pg) assert_exit 0 ctl create data-image -q -f "$file" || true
  kill -TERM "$(cat "$work/watch.pid")"; wait_until 10 process_gone "$(cat "$work/watch.pid")"
  # The shell between that starts spawnctl has it, too.
  ! grep -E '(argv|environ) of (psql|pg_dump)' "$work/seen" || fail "a secret was to be seen"
  grep -qx 'saw pg_dump' "$work/seen" || fail "never saw pg_dump"
  nothing_is_left
}

case_a_password_in_the_yaml_is_warned_of() {
  make_pg
  local file url
  url=$(python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(open(sys.argv[1]).read().rstrip("\n"), safe=""))' "$work/files/pg.password")
  file=$(server_yaml pg-clear postgresql "connection: 'postgresql://reader:$url@127.0.0.1:$pg_port/shop'" 'schemaOnly: true')
  watch_begins
  assert_exit 0 ctl create data-image -f "$file"
  watch_ends pg_dump
  assert_contains "$err" 'warning: the password stands in the YAML'
  nothing_is_left
}

# An older server's dump goes into its own version, made by a later program.
case_an_older_server() {
  local root
  root=$(echo "$repo"/.deps/postgresql/11.*)
  [[ -d $root ]] || skip "no PostgreSQL 11 here"
  mkdir "$work/older"; chown spawnd: "$work/older"
  as_engine_user "$root/bin/initdb" -D "$work/older/data" -A trust -U postgres --no-sync --locale=C -E UTF8 >"$work/initdb.log" 2>&1 || fail initdb
  as_engine_user "$root/bin/postgres" -D "$work/older/data" -c listen_addresses=127.0.0.1 -c port="$older_port" -c unix_socket_directories= \
    >"$work/older/log" 2>&1 &
  remember $!
  disown
  wait_until 30 psql -q -h 127.0.0.1 -p "$older_port" -U postgres -d postgres -c 'create table t as select 7 as x'
  assert_exit 0 ctl create data-image -q -f "$(server_yaml pg-older postgresql "connection: 'postgresql://postgres@127.0.0.1:$older_port'")"
  assert_eq "$(image_field pg-older versionText)" 11
  make_container pg-older of-pg-older >/dev/null
  assert_eq "$(sql of-pg-older postgres 'select x from t')" 7
  ctl delete data-container -q of-pg-older
}

# Its dump needs a program of its own major version, and its files a server of it.
case_a_newer_server() {
  local root
  root=$(echo "$repo"/.deps/postgresql/17.*)
  [[ -d $root ]] || skip "no PostgreSQL 17 here"
  mkdir "$work/newer"; chown spawnd: "$work/newer"
  as_engine_user "$root/bin/initdb" -D "$work/newer/data" -A trust -U postgres --no-sync --locale=C -E UTF8 >"$work/initdb.log" 2>&1 || fail initdb
  as_engine_user "$root/bin/postgres" -D "$work/newer/data" -c listen_addresses=127.0.0.1 -c port="$newer_port" -c unix_socket_directories= \
    >"$work/newer/log" 2>&1 &
  remember $!
  disown
  wait_until 30 psql -q -h 127.0.0.1 -p "$newer_port" -U postgres -d postgres -c 'select 1' >/dev/null
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

# --- MariaDB and MySQL ------------------------------------------------------------------------------------------

maria_root() { mariadb --no-defaults -N -B -S "$work/maria/socket" -u root "$@"; }
make_maria() {
  [[ ! -d $work/maria ]] || return 0
  mkdir "$work/maria"
  mariadb-install-db --no-defaults --datadir="$work/maria/data" --auth-root-authentication-method=normal --skip-test-db --user=root >"$work/maria/log" 2>&1 || fail mariadb-install-db
  mariadbd --no-defaults --datadir="$work/maria/data" --user=root --port="$maria_port" --bind-address=127.0.0.1 --socket="$work/maria/socket" \
    --pid-file="$work/maria/pid" --innodb-flush-method=nosync --innodb-use-native-aio=0 >>"$work/maria/log" 2>&1 &
  remember $!
  disown
  wait_until 30 maria_root -e 'select 1' </dev/null >/dev/null 2>&1
  my_database maria reader@127.0.0.1 | maria_root
}
# my_database SECRET USER: two tables that always have as many rows in the same transaction.
my_database() {
  cat <<END
create user $2 identified by $(my_quoted "$1"); grant all on *.* to $2;
create database shop; use shop;
create table a (i int auto_increment primary key, t text); create table b (i int auto_increment primary key, t text);
insert into a(t) values (repeat('x', 1000)); insert into b(t) values ('y');
create procedure twice() select 2;
create trigger mark before insert on b for each row set new.t = 'by the trigger';
END
}
# my_load CLIENT...: writes to both in one transaction, again and again.
my_load() {
  (while echo "begin; insert into shop.a(t) values (repeat('z', 100)); insert into shop.b(t) values ('w'); commit;"; do sleep 0.005; done) 2>/dev/null | "$@" >/dev/null 2>&1 &
  remember $!; echo $! >"$work/load.pid"
}
my_at() { MYSQL_PWD=$(field "$1" password) "${client:-mariadb}" --no-defaults -N -B -h 127.0.0.1 -P "$(field "$1" port)" -u root -e "$2" </dev/null; }
assert_my_state() {
  assert_eq "$(my_at "$1" 'select (select count(*) from shop.a) = (select count(*) from shop.b), (select count(*) from shop.a) > 1')" $'1\t1' "one moment's state"
  assert_eq "$(my_at "$1" 'call shop.twice()')" 2 "routines"
}
maria_yaml() { server_yaml "$1" mariadb "connection: {host: 127.0.0.1, port: $maria_port, user: reader, passwordFile: maria.password}" "${@:2}"; }

case_mariadb_dump_under_load() {
  make_maria; my_load maria_root; watch_begins
  assert_exit 0 ctl create data-image --progress -f "$(maria_yaml maria-dump)"
  watch_ends mariadb mariadb-dump
  load_ends
  assert_contains "$err" "dumping shop of 127.0.0.1:$maria_port  "
  assert_lacks "$err" warning
  nothing_is_left
  make_container maria-dump of-maria-dump >/dev/null
  assert_my_state of-maria-dump
  assert_eq "$(field of-maria-dump database)" shop
  ctl delete data-container -q of-maria-dump
}

case_mariadb_physical_under_load() {
  make_maria; my_load maria_root; watch_begins
  assert_exit 0 ctl create data-image --progress -f "$(maria_yaml maria-physical 'method: physical')"
  watch_ends mariadb mariadb-backup
  load_ends
  assert_matches "$err" "copying 127.0.0.1:$maria_port  [0-9.]+ [KM]?i?B" "progress in bytes"
  nothing_is_left
  make_container maria-physical of-maria-physical >/dev/null
  assert_my_state of-maria-physical
  ctl delete data-container -q of-maria-physical
}

case_mysql_dump_under_load() {
  local root=$unpacked/mysql
  [[ -x $root/bin/mysqld ]] || skip "no MySQL here"
  mkdir "$work/mysql"
  "$root/bin/mysqld" --no-defaults --initialize-insecure --datadir="$work/mysql/data" --user=root --secure-file-priv= >"$work/mysql/log" 2>&1 || fail "mysqld --initialize"
  "$root/bin/mysqld" --no-defaults --datadir="$work/mysql/data" --user=root --port="$mysql_port" --bind-address=127.0.0.1 --socket="$work/mysql/socket" \
    --mysqlx=OFF --secure-file-priv= --innodb-use-native-aio=0 >>"$work/mysql/log" 2>&1 &
  remember $!
  disown
  wait_until 60 "$root/bin/mysql" --no-defaults -S "$work/mysql/socket" -u root -e 'select 1' >/dev/null 2>&1
  my_database mysql reader@localhost | "$root/bin/mysql" --no-defaults -S "$work/mysql/socket" -u root
  my_load "$root/bin/mysql" --no-defaults -S "$work/mysql/socket" -u root; watch_begins
  assert_exit 0 ctl create data-image --progress -f \
    "$(server_yaml mysql-dump mysql "connection: {url: 'mysql://reader@127.0.0.1:$mysql_port/shop', passwordFile: mysql.password}")"
  watch_ends mysql mysqldump
  load_ends
  assert_lacks "$err" warning
  nothing_is_left
  make_container mysql-dump of-mysql-dump >/dev/null
  client=$root/bin/mysql assert_my_state of-mysql-dump
  ctl delete data-container -q of-mysql-dump
  assert_error 64 'no physical copy' 'method: dump' -- \
    ctl create data-image -f "$(server_yaml mysql-bad mysql "connection: {host: 127.0.0.1, port: $mysql_port}" 'method: physical')"
}

case_mysql_family_bad_input() {
  make_maria
  refused() { local code=$1 words=(); shift; while [[ $1 != -- ]]; do words+=("$1"); shift; done; shift
    assert_error "$code" "${words[@]}" -- ctl create data-image -f "$(server_yaml maria-bad mariadb "$@")"; nothing_is_left; }
  refused 69 "asking 127.0.0.1:$nobodys_port what it is" '(111)' 'bind-address' -- "connection: {host: 127.0.0.1, port: $nobodys_port}"
  echo wrong >"$work/files/wrong.password"
  refused 7 "Access denied for user 'reader'" passwordFile -- "connection: {host: 127.0.0.1, port: $maria_port, user: reader, passwordFile: wrong.password}"
  refused 2 "Unknown database 'nothing'" 'database:' -- "connection: {host: 127.0.0.1, port: $maria_port, user: reader, passwordFile: maria.password, database: nothing}"
  maria_root -e 'create database other' </dev/null
  refused 64 'several databases: other, shop' -- "connection: {host: 127.0.0.1, port: $maria_port, user: reader, passwordFile: maria.password}"
  maria_root -e 'drop database other' </dev/null
}

# --- Redis and Valkey -------------------------------------------------------------------------------------------

# make_redis NAME SERVER CLIENT PORT: its configuration, with the password, comes on standard input.
make_redis() {
  [[ ! -d $work/$1 ]] || return 0
  mkdir "$work/$1"
  # Quoted as its configuration has it.
  printf 'port %s\nbind 127.0.0.1\nsave ""\ndir %s\nunixsocket %s\nrequirepass "%s"\n' "$4" "$work/$1" "$work/$1/socket" "$(secret_of "$1" | sed 's/["\\]/\\&/g')" |
    "$2" - >"$work/$1/log" 2>&1 &
  remember $!
  disown
  wait_until 20 test -S "$work/$1/socket"
  redis_root "$1" "$3" >/dev/null <<'END'
eval "for i = 1, 2000 do redis.call('set', 'k' .. i, string.rep('v', 100)) end" 0
END
}
# redis_root NAME CLIENT: commands on standard input, behind the password.
redis_root() { { cat "$work/files/$1.password"; cat; } | "$2" -s "$work/$1/socket" --askpass; }
redis_load() {
  (cat "$work/files/$1.password"; while printf 'multi\nincr left\nincr right\nexec\n'; do sleep 0.005; done) 2>/dev/null | "$2" -s "$work/$1/socket" --askpass >/dev/null 2>&1 &
  remember $!; echo $! >"$work/load.pid"
}
redis_at() { printf '%s\n' "$2" | REDISCLI_AUTH=$(field "$1" password) redis-cli -h 127.0.0.1 -p "$(field "$1" port)"; }
snapshot_under_load() {
  redis_load "$1" "$2"; watch_begins
  assert_exit 0 ctl create data-image --progress -f "$(server_yaml "$1-image" "$1" "connection: {host: 127.0.0.1, port: $3, passwordFile: $1.password}")"
  watch_ends "$(basename "$2")"
  load_ends
  assert_contains "$err" "taking a snapshot of 127.0.0.1:$3"
  nothing_is_left
  make_container "$1-image" "of-$1" >/dev/null
  assert_eq "$(redis_at "of-$1" 'get k2000' | wc -c)" 101
  assert_eq "$(redis_at "of-$1" 'get left')" "$(redis_at "of-$1" 'get right')" "one moment's state"
  ctl delete data-container -q "of-$1"
}

case_redis_snapshot_under_load() {
  make_redis redis "$repo/.deps/redis/bin/redis-server" redis-cli "$redis_port"
  snapshot_under_load redis redis-cli "$redis_port"
}

case_valkey_snapshot_under_load() {
  [[ -x $unpacked/valkey/bin/valkey-server ]] || skip "no Valkey here"
  make_redis valkey "$unpacked/valkey/bin/valkey-server" "$unpacked/valkey/bin/valkey-cli" "$valkey_port"
  snapshot_under_load valkey "$unpacked/valkey/bin/valkey-cli" "$valkey_port"
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

# --- at last ----------------------------------------------------------------------------------------------------

case_no_secret_is_kept_anywhere() {
  local name
  for name in pg maria mysql redis valkey; do
    ! grep -rFlaf "$work/files/$name.password" "$state" "$work/daemon.log" "$work/out" "$work/err" "$work/pg/log" 2>/dev/null || fail "the password of $name was kept"
  done
  ! find / -xdev -name 'core*' -newer "$work/spawnd.yaml" -type f -size +0 \( -path '*/core.[0-9]*' -o -name core \) -print 2>/dev/null | grep . || fail "a core"
}

run_cases "$@"
