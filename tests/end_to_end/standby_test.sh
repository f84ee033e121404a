#!/usr/bin/env bash
# sourceType: standby. A PostgreSQL primary of the test's own under load, a standby that follows it, images that are cut from
# that, and what may go wrong: kills, a slot that is gone, a server that was restored, refusals, the end.
source "$(dirname "$0")/harness.sh"

primary=$work/primary
primary_port=$((first_port + 90))
secret='pass:w\ord-Qz71'
extra_clean_up() { primary_stop immediate; newer_stop; }

as_primary() { runuser -u spawnd -- env PATH="${1:+$1:}$PATH" "${@:2}"; }
primary_start() {
  as_primary "${server_path:-}" pg_ctl -D "$primary/data" -w -t 60 -l "$primary/log" \
    -o "-c listen_addresses=127.0.0.1 -c port=$primary_port -k $primary -F" start >>"$work/primary.log" 2>&1 ||
    { tail -n 20 "$primary/log" >&2; fail "the primary does not start"; }
}
primary_stop() {
  [[ -f $primary/data/postmaster.pid ]] || return 0
  as_primary "${server_path:-}" pg_ctl -D "$primary/data" -w -m "${1:-fast}" stop >/dev/null 2>&1
}
primary_make() {
  mkdir "$primary"; chown spawnd: "$primary"
  as_primary "${server_path:-}" initdb -D "$primary/data" -A trust -U postgres --no-sync --locale=C.UTF-8 -E UTF8 >"$work/primary.log" 2>&1 ||
    { cat "$work/primary.log" >&2; fail "initdb"; }
  printf '%s\n' 'local all all trust' 'host all all 127.0.0.1/32 scram-sha-256' 'host replication all 127.0.0.1/32 scram-sha-256' \
    >"$primary/data/pg_hba.conf"
  # More than a standby has by itself, and what only this machine's files would explain.
  printf '%s\n' "max_connections = 120" "max_locks_per_transaction = 80" "password_encryption = 'scram-sha-256'" >>"$primary/data/postgresql.conf"
  primary_start
  primary_sql "create role replica login replication password '${secret//\'/\'\'}'"
  primary_sql "create role nobody login password '${secret//\'/\'\'}'"
}
primary_sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$primary" -p "$primary_port" -U postgres -d "${2:-postgres}" -c "$1" </dev/null; }
slots() { primary_sql "select count(*) from pg_replication_slots where slot_name like 'spawnd%'"; }

source_yaml() {
  local file=$work/files/$1.yaml; shift
  printf '%s\n' "name: $(basename "$file" .yaml)" 'sourceType: standby' 'engine: postgresql' "$@" >"$file"
  echo "$file"
}
# connection NAME USER [PORT] [LINE...]: a source of the primary.
connection() {
  source_yaml "$1" 'connection:' '  host: localhost' "  port: ${3:-$primary_port}" "  user: $2" "  passwordFile: $work/files/password" "${@:4}"
}
source_field() { ctl get data-source "$1" -o json | jq -r ".$2"; }
is_status() { [[ $(source_field "$1" status) == "$2" ]]; }
status_is() { # SECONDS NAME STATUS
  local deadline=$((SECONDS + $1))
  until is_status "$2" "$3"; do
    (( SECONDS < deadline )) || fail "data source $2 is not $3 but $(source_field "$2" status): $(source_field "$2" detail)"
    sleep 0.1
  done
}
cut() { ctl create data-image -q --source "$1" --name "$2"; }
no_traces() {
  assert_eq "$(slots)" 0 "slots on the server"
  folder_empty "$state/standbys" || fail "left: $(ls -R "$state/standbys" | head)"
  assert_eq "$(hidden_images)" 0 "hidden images of sources"
}
hidden_images() { catalog "select count(*) from images where cache_key like 'source:%'"; }
catalog() { python3 -c 'import sqlite3, sys; print(sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True).execute(sys.argv[2]).fetchone()[0])' "$state/catalog.db" "$1"; }
first_line() { printf '%s\n' "${1%%$'\n'*}"; }
standby_keeper() { first_line "$(keepers "$(source_field "$1" id) ")"; }

set_up() {
  printf '%s\n' "$secret" >"$work/files/password"; chmod 0600 "$work/files/password"
  printf '%s\n' "wrong" >"$work/files/wrong"; chmod 0600 "$work/files/wrong"
  primary_make
  primary_sql 'create database shop'
  as_primary '' pgbench -q -i -s 2 -h "$primary" -p "$primary_port" -U postgres shop >>"$work/primary.log" 2>&1
  primary_sql 'create table marker (n int primary key)' shop
}

# A server of another major version, of npm's: without the client programs.
newer=$work/newer
newer_start() {
  local bin; bin=$(echo "$repo"/.deps/postgresql/17.*/bin)
  mkdir "$newer"; chown spawnd: "$newer"
  as_primary '' "$bin/initdb" -D "$newer/data" -A trust -U postgres --no-sync >>"$work/primary.log" 2>&1 || fail "initdb of 17"
  as_primary '' "$bin/postgres" -D "$newer/data" -c listen_addresses=127.0.0.1 -c port=$((primary_port + 1)) -k "$newer" -F >"$newer.log" 2>&1 &
  echo $! >"$newer.pid"
  wait_until 30 newer_answers
}
newer_answers() { psql -XAtq -h "$newer" -p $((primary_port + 1)) -U postgres -d postgres -c 'select 1' >/dev/null 2>&1; }
newer_stop() {
  [[ -f $newer.pid ]] || return 0
  kill -INT "$(head -n 1 "$newer/data/postmaster.pid" 2>/dev/null || cat "$newer.pid")" 2>/dev/null; wait "$(cat "$newer.pid")" 2>/dev/null; rm -f "$newer.pid"
}

case_refused_servers_leave_nothing() {
  assert_error 69 'connection refused' -- ctl create data-source -f "$(connection nowhere replica $((primary_port + 2)))"
  sed -i "s#$work/files/password#$work/files/wrong#" "$(connection wrong replica)"
  assert_error 1 'password authentication failed' -- ctl create data-source -f "$work/files/wrong.yaml"
  assert_error 1 'replication' -- ctl create data-source -f "$(connection unable nobody)"
  assert_error 64 pg_basebackup -- ctl create data-source -f "$(connection bare replica "$primary_port" 'version: 17')"
  newer_start
  assert_error 64 'PostgreSQL 17' 'not 15' -- ctl create data-source -f "$(connection other postgres $((primary_port + 1)) 'version: 15')"
  assert_error 64 'the server is PostgreSQL 17' -- ctl create data-source -f "$(connection any postgres $((primary_port + 1)))"
  newer_stop
  assert_error 64 'password' -- ctl create data-source -f "$(source_yaml clear 'connection: {host: localhost, user: replica, password: abc}')"
  [[ $(ctl get data-sources -o json) == '[]' ]] || fail "sources are left"
  no_traces
}

# What means nothing to a copy of a whole server is no silent no.
case_keys_of_backups_are_refused() {
  local key
  mkdir -p "$work/files/wal"
  for key in 'tables: [a]' 'excludeTables: [a]' 'excludeData: [a]' 'schemaOnly: true' 'onError: continue' 'skipExtensions: [a]' 'locale: C' 'encoding: UTF8' \
    "at: '2026-11-28 10:40:18Z'" "walFolder: $work/files/wal" 'method: dump' 'jobs: 2'; do
    assert_error 64 "'${key%%:*}' means nothing to sourceType standby" 'line 9' -- ctl create data-source -f "$(connection keys replica "$primary_port" "$key")"
  done
  assert_error 64 'MariaDB servers cannot be followed' 'sourceType: server' -- \
    timeout 20 "$work/spawnctl" create data-source -f "$(sed -i 's/^engine: .*/engine: mariadb/' "$(connection other-product replica)"; echo "$work/files/other-product.yaml")"
  assert_error 64 'maxKeptWal' '64MiB' -- ctl create data-source -f "$(connection little replica "$primary_port" 'maxKeptWal: 63MiB')"
  [[ $(ctl get data-sources -o json) == '[]' ]] || fail "sources are left"
  no_traces
}

# It takes connections, and says nothing.
case_a_silent_server() {
  python3 -c 'import socket, sys, time
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(600)' $((primary_port + 3)) &
  local silent=$!
  wait_until 10 bash -c ": </dev/tcp/127.0.0.1/$((primary_port + 3))" 2>/dev/null
  assert_error 69 "asking localhost:$((primary_port + 3)): no answer within 30 s" firewall -- ctl create data-source -f "$(connection silent replica $((primary_port + 3)))"
  kill "$silent"; wait "$silent" 2>/dev/null || true
  [[ $(ctl get data-sources -o json) == '[]' ]] || fail "sources are left"
  no_traces
}

case_a_standby_follows_and_is_in_no_list() {
  ctl create data-source -q -f "$(connection shop replica)" >/dev/null
  status_is 120 shop Following
  assert_eq "$(slots)" 1 "slots"
  assert_eq "$(primary_sql "select active from pg_replication_slots where slot_name = '$(source_field shop slot)'")" t "the slot is used"
  assert_contains "$(ctl get data-sources)" shop
  assert_eq "$(ctl get data-containers -o json)" '[]' "containers"
  assert_eq "$(ctl get data-images -o json)" '[]' "images"
  [[ $(source_field shop copiedBytes) -gt 20000000 ]] || fail "copied: $(source_field shop copiedBytes)"
}

case_images_are_cut_under_load() {
  as_primary '' pgbench -n -c 2 -T 600 -R 100 -h "$primary" -p "$primary_port" -U postgres shop >"$work/pgbench.log" 2>&1 &
  local load=$! round
  for round in 1 2 3; do
    primary_sql "insert into marker select i from generate_series(1 + ($round - 1) * 100, $round * 100) i" shop
    cut shop "shop-$round" >/dev/null
    make_container "shop-$round" "shop-$round" >/dev/null
    assert_eq "$(sql "shop-$round" shop 'select count(*), max(n) from marker')" "$((round * 100))|$((round * 100))" "rows of round $round"
    assert_eq "$(sql "shop-$round" shop 'select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history)')" t "one moment's state"
    amcheck "shop-$round" || fail "pg_amcheck finds errors in image $round: $(cat "$work/amcheck")"
    assert_eq "$(sql "shop-$round" shop 'select pg_is_in_recovery()')" f "it takes changes"
    sql "shop-$round" shop 'insert into marker values (-1)'
  done
  pkill -P "$load" 2>/dev/null; kill "$load" 2>/dev/null; wait "$load" 2>/dev/null || true
  status_is 30 shop Following
  # What only its owner may have is behind no number either.
  local hidden; hidden=$(catalog "select id from images where cache_key like 'source:%'")
  assert_error 2 "$hidden" -- ctl create data-container -i "$hidden"
  assert_error 2 "$hidden" -- ctl delete data-image "$hidden"
  assert_eq "$(hidden_images)" 1 "hidden images"
  printf 'source: shop\nname: part\ntables: [marker]\n' >"$work/files/part.yaml"
  assert_error 64 "'tables' means nothing to sourceType standby" -- ctl create data-image -f "$work/files/part.yaml"
  no_containers
}
# A standby's keeper stays: clean_slate would wait for it.
no_containers() { delete_all_containers; wait_until 20 folder_empty "$state/containers"; }
amcheck() {
  local json; json=$(ctl get data-container "$1" -o json)
  sql "$1" shop 'create extension if not exists amcheck' && sql "$1" postgres 'create extension if not exists amcheck'
  PGPASSWORD=$(jq -r .password <<<"$json") pg_amcheck -h 127.0.0.1 -p "$(jq -r .port <<<"$json")" -U "$(jq -r .user <<<"$json")" \
    -d shop --heapallindexed >"$work/amcheck" 2>&1
}

case_what_has_changed_is_what_it_costs() {
  local data before added
  cut shop cheap-1 >/dev/null
  data=$(image_field cheap-1 dataBytes)
  primary_sql 'update pgbench_accounts set abalance = abalance where aid <= 2000' shop
  before=$(stored)
  cut shop cheap-2 >/dev/null
  added=$(($(stored) - before))
  note "data $data B, an image of a hundredth of the rows adds $added B"
  (( added * 8 < data )) || fail "an image of a hundredth of the rows adds $added B to $data B"
  ctl delete data-image -q cheap-1 cheap-2
}
stored() { find "$state/store" -type f ! -name '*.manifest*' -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }'; }

case_the_password_is_nowhere() {
  local pid file
  for pid in $(descendants "$contained_by"); do
    for file in cmdline environ; do
      ! grep -aqF 'Qz71' "/proc/$pid/$file" 2>/dev/null || [[ $pid == "$$" ]] || fail "in $file of process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
    done
  done
  ! grep -rqaF 'Qz71' "$work/daemon.log" "$state/catalog.db" "$state/catalog.db-wal" "$state/logs" "$state/standbys" || fail "in a file of spawnd's"
}

case_killed_it_comes_back() {
  local keeper; keeper=$(standby_keeper shop)
  [[ -n $keeper ]] || fail "there is no keeper"
  kill -9 "$keeper"
  wait_until 20 process_gone "$keeper"
  primary_sql 'insert into marker values (1001)' shop
  wait_until 60 has_other_keeper "$keeper"
  status_is 60 shop Following
  kill_daemon
  keeper=$(standby_keeper_of_id)
  start_daemon
  status_is 60 shop Following
  assert_eq "$(standby_keeper shop)" "$keeper" "the standby went on while there was no daemon"
  cut shop after-kills >/dev/null
  make_container after-kills after-kills >/dev/null
  assert_eq "$(sql after-kills shop 'select count(*) from marker where n = 1001')" 1 "the row of while it was down"
  no_containers
}
has_other_keeper() { local now; now=$(standby_keeper shop); [[ -n $now && $now != "$1" ]]; }
standby_keeper_of_id() { first_line "$(keepers "$(catalog "select id from sources where name = 'shop'") ")"; }

case_a_server_that_is_down_for_a_while() {
  primary_stop
  status_is 40 shop Lagging
  assert_contains "$(source_field shop detail)" refused "words"
  assert_error 69 'connection refused' -- ctl create data-image --source shop --name never
  primary_start
  status_is 60 shop Following
}

case_deleted_it_leaves_nothing_but_its_images() {
  ctl delete data-source -q shop
  wait_until 60 source_gone shop
  no_traces
  make_container shop-3 kept >/dev/null
  assert_eq "$(sql kept shop 'select count(*) from marker where n between 1 and 300')" 300 "rows of an image whose source is gone"
  no_containers
  wait_until 20 no_standby_keepers
}
source_gone() { ! ctl get data-source "$1" >/dev/null 2>&1; }
no_standby_keepers() { [[ -z $(keepers) ]]; }

case_a_slot_that_is_gone() {
  ctl create data-source -q -f "$(connection lost replica)" >/dev/null
  status_is 120 lost Following
  local slot; slot=$(source_field lost slot)
  wait_until 20 drop_slot "$slot"
  status_is 60 lost Failed
  assert_contains "$(source_field lost detail)" "$slot" "words"
  assert_eq "$(catalog "select count(*) from events where resource = 'source' and name = 'lost' and event = 'failed'")" 1 "an event"
  assert_error 64 'slot' -- ctl create data-image --source lost --name never
  ctl delete data-source -q lost
  wait_until 60 source_gone lost
  no_traces
}
drop_slot() {
  primary_sql "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '$1' and active" >/dev/null
  primary_sql "select pg_drop_replication_slot('$1')" >/dev/null 2>&1
}

case_a_server_that_was_restored() {
  ctl create data-source -q -f "$(connection restored replica)" >/dev/null
  status_is 120 restored Following
  primary_stop
  cp -a "$primary/data" "$primary/older"
  primary_start
  primary_sql 'create table later as select generate_series(1, 100000)' shop
  wait_until 60 caught_up restored
  primary_stop
  rm -rf "$primary/data"; mv "$primary/older" "$primary/data"
  primary_start
  status_is 90 restored Failed
  assert_contains "$(source_field restored detail)" restored "words"
  ctl delete data-source -q restored
  wait_until 60 source_gone restored
  no_traces
}
caught_up() { [[ $(primary_sql "select pg_current_wal_flush_lsn() <= max(flush_lsn) from pg_stat_replication") == t ]]; }

# What is stopped receives nothing; the server keeps it for it.
case_more_than_the_server_may_keep() {
  ctl create data-source -q -f "$(connection kept replica "$primary_port" 'maxKeptWal: 64MiB')" >/dev/null
  status_is 120 kept Following
  local walreceiver; walreceiver=$(pgrep -f 'postgres: walreceiver' | first_of "$(descendants "$contained_by")")
  [[ -n $walreceiver ]] || fail "nobody receives"
  kill -STOP "$walreceiver"
  primary_sql 'create table big as select repeat(md5(i::text), 20) as t from generate_series(1, 200000) i' shop
  status_is 90 kept Failed
  assert_contains "$(source_field kept detail)" maxKeptWal "words"
  assert_eq "$(slots)" 0 "the server is relieved"
  ctl delete data-source -q kept
  wait_until 60 source_gone kept
  no_traces
}
# The first of the lines that is among the words.
first_of() { local line; while read -r line; do if grep -qx "$line" <<<"$1"; then echo "$line"; cat >/dev/null; return; fi; done; }

case_ended_while_it_is_copied() {
  ctl create data-source -q -f "$(connection early replica)" >/dev/null
  ctl delete data-source -q early
  wait_until 60 source_gone early
  no_traces
}

write_config "$first_port-$((first_port + 79))"
start_daemon
(set -e; set_up) || exit 1
run_cases "$@"
