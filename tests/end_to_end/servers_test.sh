#!/usr/bin/env bash
# sourceType: server: images of real servers that are written to meanwhile, fetched by the products' own
# tools. Wherever a secret could be seen, it is looked for.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"
# shellcheck source=servers.sh
source "$(dirname "$0")/servers.sh"


# --- PostgreSQL -------------------------------------------------------------------------------------------------

case_postgresql_dump_under_load() {
  make_pg; bench_load; watch_begins
  # What else the caller has in his environment does not count.
  PGPASSWORD=other PGHOSTADDR=192.0.2.1 assert_exit 0 ctl create data-image --progress -f "$(pg_yaml pg-dump 'jobs: 2')"
  watch_ends pg_dump
  load_ends
  assert_contains "$out" "Data image 'pg-dump'"
  assert_contains "$err" "dumping shop of 127.0.0.1:$pg_port  "
  assert_matches "$err" "fetched shop of 127.0.0.1:$pg_port  [0-9.]+ [KM]iB" "progress in bytes"
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
  watch_ends pg_basebackup
  load_ends
  assert_matches "$err" "copying 127.0.0.1:$pg_port  .*of [0-9.]+ MiB \([0-9]+%\)" "progress in bytes of so many"
  assert_matches "$err" "fetched base backup of 127.0.0.1:$pg_port  [0-9.]+ MiB"
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
  mkdir -p "$home"; chown 64101 "$home"
  printf '127.0.0.1:%s:*:reader:%s\n' "$pg_port" "$(secret_of pg | sed 's/\\/\\\\/g; s/:/\\:/g')" >"$home/.pgpass"
  chown 64101 "$home/.pgpass"; chmod 0600 "$home/.pgpass"
  file=$(server_yaml pg-own postgresql "connection: postgresql://reader@127.0.0.1:$pg_port/shop" 'tables: [public.pgbench_tellers]')
  chmod 0644 "$file"
  assert_exit 0 setpriv --reuid 64101 --regid 64101 --groups "$(getent group spawn | cut -d : -f 3)" -- env HOME="$home" TMPDIR="$TMPDIR" SPAWNCTL_API_ENDPOINT="$SPAWNCTL_API_ENDPOINT" \
    "$work/spawnctl" create data-image -q -f "$file"
  nothing_is_left
  assert_eq "$(ctl get data-images -o json | jq -r '.[] | select(.name == "pg-own").owner')" 64101
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
  disown
  wait_until 30 psql -q -h 127.0.0.1 -p "$older_port" -U postgres -d postgres -c 'create table t as select 7 as x'
  remember "$(head -n 1 "$work/older/data/postmaster.pid")"
  assert_exit 0 ctl create data-image -q -f "$(server_yaml pg-older postgresql "connection: 'postgresql://postgres@127.0.0.1:$older_port'")"
  assert_eq "$(image_field pg-older versionText)" 11
  make_container pg-older of-pg-older >/dev/null
  assert_eq "$(sql of-pg-older postgres 'select x from t')" 7
  ctl delete data-container -q of-pg-older
}

# --- MariaDB and MySQL ------------------------------------------------------------------------------------------

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

case_mariadb_dump_under_load() {
  make_maria; my_load maria_root; watch_begins
  assert_exit 0 ctl create data-image --progress -f "$(maria_yaml maria-dump)"
  watch_ends mariadb-dump
  load_ends
  assert_contains "$err" "dumping shop of 127.0.0.1:$maria_port  "
  assert_lacks "${err%%fetched*}" warning
  nothing_is_left
  make_container maria-dump of-maria-dump >/dev/null
  assert_my_state of-maria-dump
  assert_eq "$(field of-maria-dump database)" shop
  ctl delete data-container -q of-maria-dump
}

# What a user may not see, the dump program passes over without a word.
case_mariadb_routines_and_history() {
  make_maria
  maria_root </dev/null -e "create database small; create procedure small.seen() select 3; create table small.kept (i int) with system versioning;
    insert into small.kept values (1); update small.kept set i = 2; create user poor@127.0.0.1 identified by $(my_quoted maria);
    grant select, show view, trigger, event, lock tables on small.* to poor@127.0.0.1"
  local file; file=$(server_yaml maria-poor mariadb "connection: {host: 127.0.0.1, port: $maria_port, user: poor, passwordFile: maria.password, database: small}")
  assert_exit 0 ctl create data-image -f "$file"
  assert_contains "$err" 'may not see the server'"'"'s stored procedures' 'the user is warned'
  assert_contains "$err" 'SELECT on mysql.proc' 'the right'
  maria_root </dev/null -e 'grant select on mysql.proc to poor@127.0.0.1'
  assert_exit 0 ctl create data-image --name maria-seen -f "$file"
  assert_lacks "$err" 'may not see'; assert_lacks "$err" history
  make_container maria-seen of-maria-seen >/dev/null
  assert_eq "$(my_at of-maria-seen 'call small.seen()')" 3
  assert_eq "$(my_at of-maria-seen 'select group_concat(i order by i) from small.kept for system_time all')" '1,2' "what rows were"
  ctl delete data-container -q of-maria-seen
  maria_root </dev/null -e 'drop database small'
  nothing_is_left
}

case_mariadb_physical_under_load() {
  make_maria; my_load maria_root; watch_begins
  assert_exit 0 ctl create data-image --progress -f "$(maria_yaml maria-physical 'method: physical')"
  watch_ends mariadb-backup
  load_ends
  assert_matches "$err" "fetched copy of 127.0.0.1:$maria_port  [0-9.]+ [KM]iB" "progress in bytes"
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
  watch_ends mysqldump
  load_ends
  assert_lacks "${err%%fetched*}" warning
  nothing_is_left
  make_container mysql-dump of-mysql-dump >/dev/null
  client=$root/bin/mysql assert_my_state of-mysql-dump
  ctl delete data-container -q of-mysql-dump
  assert_error 64 'no physical copy' 'method: dump' -- \
    ctl create data-image -f "$(server_yaml mysql-bad mysql "connection: {host: 127.0.0.1, port: $mysql_port}" 'method: physical')"
}

# --- Redis and Valkey -------------------------------------------------------------------------------------------

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
  assert_contains "$(redis_at "of-$1" 'get k2000')" vvv2000
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

# --- at last ----------------------------------------------------------------------------------------------------

case_no_secret_is_kept_anywhere() {
  local name
  for name in pg maria mysql redis valkey; do
    ! grep -rFlaf "$work/files/$name.password" "$state" "$work/daemon.log" "$work/out" "$work/err" "$work/pg/log" 2>/dev/null || fail "the password of $name was kept"
  done
  ! find "$work" /tmp /var/tmp /var/crash /var/lib/systemd/coredump -maxdepth 3 \( -name core -o -name 'core.*' \) -type f -newer "$work/spawnd.yaml" \
    2>/dev/null | grep . || fail "a core"
}

run_cases "$@"
