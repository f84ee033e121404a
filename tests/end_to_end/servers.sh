# Sourced by tests of sourceType: server, behind harness.sh: real servers of the test's own on the loopback, with passwords that
# are in no argument and no environment of the test's own programs either. Sets up and starts the daemon, too.
# shellcheck shell=bash disable=SC2154  # harness.sh sets these

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
  printf "%s\"\\:'#%s e\n" "$2" "$(head -c 400 /dev/urandom | base64 -w 0 | tr -dc a-z0-9 | cut -c 1-20)" >"$work/files/$1.password"
  chmod 0600 "$work/files/$1.password"
}
for name in pg maria mysql redis valkey; do new_secret "$name" "$name"; done
# As SQL writes it.
pg_quoted() { printf "'%s'" "$(secret_of pg | sed "s/'/''/g")"; }
my_quoted() { printf "'%s'" "$(secret_of "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")"; }

watch_begins() {
  cat "$work/files/"*.password >"$work/secrets"; chmod 0600 "$work/secrets"
  python3 "$(dirname "$0")/secret_watch.py" "$work/secrets" "$work/seen" "$@" &
  remember $!; echo $! >"$work/watch.pid"
  wait_until 10 grep -sq watching "$work/seen"
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


# --- MariaDB, and what MySQL has in common with it -----------------------------------------------------------------

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
$(for _ in {1..14}; do echo 'insert into a(t) select t from a; insert into b(t) select t from b;'; done)
create procedure twice() select 2;
create trigger mark before insert on b for each row set new.t = 'by the trigger';
END
}
maria_yaml() { server_yaml "$1" mariadb "connection: {host: 127.0.0.1, port: $maria_port, user: reader, passwordFile: maria.password}" "${@:2}"; }

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
eval "for i = 1, 50000 do redis.call('set', 'k' .. i, string.rep('v', 100) .. i) end" 0
END
}
# redis_root NAME CLIENT: commands on standard input, behind the password.
redis_root() { { cat "$work/files/$1.password"; cat; } | "$2" -s "$work/$1/socket" --askpass; }

write_config "$first_port-$((first_port + 59))"
start_daemon
