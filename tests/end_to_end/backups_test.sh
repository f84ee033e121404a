#!/usr/bin/env bash
# Every kind of PostgreSQL backup: recognised by content, restored whole, refused with one clear error when it is damaged.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"
# shellcheck source=sample_database.sh
source "$(dirname "$0")/sample_database.sh"

# A foreign cluster: another superuser name, no role postgres, no database postgres, settings that cannot work here.
prepare_base_backups() {
  local to=$work/files
  own_postgres_start
  make_sample_database
  make_dumps
  own_psql -d shop -c "create role boss superuser login password 'geheim'" -c "create role app login password 'app-secret'" \
    -c 'grant usage on schema sales to app' -c 'grant select on all tables in schema sales to app'
  own_psql -d postgres -c "alter system set shared_preload_libraries = 'no_such_library'" \
    -c "alter system set archive_command = 'cp %p /mnt/archive/%f'" -c "alter system set default_text_search_config = 'pg_catalog.german'" \
    -c "alter system set restore_command = 'false'"
  base_backup base-tar -Ft
  base_backup base-tar-gz -Ft -z
  base_backup base-plain -Fp -R
  base_backup base-fetch -Ft -X fetch
  own_psql -d shop -c "create subscription tap connection 'host=127.0.0.1 port=1 dbname=shop' publication p with (connect = false)" \
    -c 'alter subscription tap enable' 2>/dev/null
  base_backup base-tapped -Ft
  own_psql -d shop -c 'alter subscription tap disable' -c 'alter subscription tap set (slot_name = none)' -c 'drop subscription tap'
  as_engine_user mkdir "$own/space"
  own_psql -d postgres -c "create tablespace elsewhere location '$own/space'"
  own_psql -d shop -c 'create table far tablespace elsewhere as select generate_series(1, 5000) as i'
  base_backup space-tar -Ft
  # Its link leads to a copy of the tablespace, which must be there when the folder is read.
  base_backup space-plain -Fp --tablespace-mapping="$own/space=$own/space-copy"
  own_psql -d postgres -c 'create role big_owner' -c 'create database big'
  own_psql -d big -c 'set role big_owner' -c 'reset role' \
    -c "create table a as select i, repeat(md5(i::text), 30) as t from generate_series(1, 30000) i" \
    -c 'create table b as select * from a' -c 'create index on a (i)' -c 'create index on b (i)' -c 'alter table a owner to big_owner' \
    -c 'alter table b owner to big_owner' -c 'create schema extra' -c 'grant usage on schema extra to big_owner' -c 'grant select on b to big_owner'
  pg_dump -h "$own" -U postgres -Fc -Z 0 big >"$to/large.dump"
  pg_dump -h "$own" -U postgres -Fc shop | cat >"$to/piped.dump"
  gzip -k "$to/dump.tar"
  echo 'create table more as select 1;' >"$to/more.sql"
  own_postgres_stop
  cp -r "$to/base-tar" "$to/base-no-wal"
  rm "$to/base-no-wal/pg_wal.tar"
  chmod -R a+rX "$to"
}
base_backup() {
  local folder=$1; shift
  as_engine_user pg_basebackup -h "$own" -U postgres -c fast -D "$own/$folder" "$@" || fail "pg_basebackup $*"
  mv "$own/$folder" "$work/files/$folder"
}

# restores_base NAME YAML-LINE...: an image and a container with the sample, and its roles with their passwords.
restores_base() {
  local name=$1; shift
  make_image "$name" 'sourceType: backup' "$@" >/dev/null
  make_container "$name" "of-$name" >/dev/null
  assert_sample "of-$name" shop
  assert_eq "$(field "of-$name" database)" shop "the only database that the backup has"
  assert_eq "$(sql "of-$name" postgres 'show default_text_search_config')" pg_catalog.german "a setting that sessions feel"
  assert_eq "$(sql "of-$name" postgres 'show shared_preload_libraries')" '' "a setting of another machine"
  assert_eq "$(sql "of-$name" postgres 'select pg_is_in_recovery()')" f
  assert_eq "$(sql "of-$name" postgres "select count(*) from pg_roles where rolname in ('boss', 'app', 'shop_owner')")" 3 "foreign roles"
  PGPASSWORD=app-secret psql -X -q -A -t -h 127.0.0.1 -p "$(field "of-$name" port)" -U app -d shop -c 'select 1' </dev/null >/dev/null ||
    fail "a foreign user cannot log in with its own password"
  ctl save data-container -q "of-$name" >/dev/null
  ctl reset data-container -q "of-$name"
  assert_eq "$(sql "of-$name" shop "select count(*) from sales.orders")" "$sample_orders" "after a save and a reset"
  ctl delete data-container -q "of-$name"
}

case_base_backup_tar_folder() { restores_base tar-folder 'backup: {folder: base-tar}'; }
case_base_backup_tar_gz_folder() { restores_base tar-gz-folder 'backup: {folder: ./base-tar-gz/}' 'version: 15.0'; }
# Its log is in a file beside it, and a file is all that is handed over.
case_base_backup_without_its_log_beside_it() {
  refused tar-file 64 base.tar "write-ahead log" "name its folder" -- 'backup: {folder: base-tar, file: base.tar}'
  refused tar-gz-file 64 base.tar.gz "name its folder" -- 'backup: {path: base-tar-gz/base.tar.gz}'
}
case_base_backup_with_its_log_inside() { restores_base fetch 'backup: {folder: base-fetch, file: base.tar}'; }
case_base_backup_plain_folder() { restores_base plain-folder 'backupFolder: base-plain'; }

case_base_backup_with_scripts_and_a_database() {
  make_image masked 'sourceType: backup' 'backup: {folder: base-tar}' 'initialDatabaseName: shop' \
    "preScript: update sales.customer set name = 'masked'" "postScript: create table sales.mask as select count(*) as n from sales.customer where name = 'masked'" >/dev/null
  make_container masked of-masked >/dev/null
  assert_eq "$(sql of-masked shop 'select n from sales.mask')" "$sample_customers"
  make_image added 'sourceType: backup' 'backup: {folder: base-plain}' 'initialDatabaseName: Another' >/dev/null
  make_container added of-added >/dev/null
  assert_eq "$(field of-added database)" Another
  assert_eq "$(sql of-added Another 'select current_database()')" Another
}

# A tablespace is a folder of the source; here it is one of the data directory.
case_base_backup_with_a_tablespace() {
  local path
  # The link leads out of the folder; with what it leads to in its place the folder is whole.
  refused space-out 64 space-plain pg_tblspc "out of the folder" -- 'backup: {folder: space-plain}'
  cp -r "$work/files/space-plain" "$work/files/space-inside"
  path=$(echo "$work/files/space-inside/pg_tblspc/"*)
  rm "$path"
  cp -r "$own/space-copy" "$path"
  chmod -R a+rX "$path"
  for path in space-tar space-inside; do
    make_image "$path" 'sourceType: backup' "backup: {folder: $path}" >/dev/null
    make_container "$path" "of-$path" >/dev/null
    assert_eq "$(sql "of-$path" shop 'select count(*) from far')" 5000 "$path"
    assert_eq "$(sql "of-$path" shop "select spcname from pg_tablespace t join pg_class c on c.reltablespace = t.oid where relname = 'far'")" elsewhere "$path"
    ctl delete data-container -q "of-$path"
  done
  refused space-file 64 tablespace missing -- 'backup: {folder: space-tar, file: base.tar}'
}

# A server that came up with it would connect to the source, take its slot along and write what comes.
case_base_backup_with_a_subscription() {
  assert_exit 0 ctl create data-image -f "$(image_yaml tapped 'sourceType: backup' 'backup: {folder: base-tapped}')"
  assert_contains "$err" "switched off, so that nothing connects to the source: subscription 'tap'"
  assert_contains "$(ctl logs data-image tapped)" "warning: 'base-tapped': switched off"
  make_container tapped of-tapped >/dev/null
  assert_eq "$(sql of-tapped shop 'select subname, subenabled, subslotname is null from pg_subscription')" 'tap|f|t'
  # Without a slot's name it goes without anybody being asked.
  sql of-tapped shop 'drop subscription tap'
  ctl delete data-container -q of-tapped
}

# 11 has its recovery settings in a file of its own.
case_base_backup_of_another_version() {
  local root
  root=$(find "$repo/.deps/postgresql/" -maxdepth 1 -name '11.*' | head -n 1)
  [[ -n $root && -x $root/bin/initdb ]] || skip "PostgreSQL 11 is not unpacked under .deps"
  foreign_cluster "$root/bin"
  make_image eleven 'sourceType: backup' 'backup: {folder: eleven}' >/dev/null
  make_container eleven of-eleven >/dev/null
  assert_matches "$(image_field eleven version)" '^11\.' "the version that the backup dictates"
  assert_eq "$(sql of-eleven old 'select count(*) from kept')" 77
  assert_eq "$(sql of-eleven old "select rolname from pg_roles where rolname = 'chief'")" chief
  assert_eq "$(sql of-eleven postgres 'select 1')" 1 "a database that the source did not have"
  refused eleven-as-15 64 "version 11" "'15" -- 'backup: {folder: eleven}' 'version: 15'
}
# A stopped server's own files: superuser chief, no role and no database postgres.
foreign_cluster() {
  local bin=$1 data=$own/eleven
  as_engine_user "$bin/initdb" -D "$data" -A trust -U chief --no-sync --locale=C -E UTF8 >"$work/eleven.log" 2>&1 || fail "initdb: $(<"$work/eleven.log")"
  as_engine_user "$bin/pg_ctl" -D "$data" -w -l "$own/eleven.log" -o "-c listen_addresses='' -k $own -p 5411 -F" start >>"$work/eleven.log" 2>&1 ||
    fail "pg_ctl: $(<"$own/eleven.log")"
  local failed=''
  psql -X -q -h "$own" -p 5411 -U chief -d template1 -c 'create database old' -c 'drop database postgres' </dev/null || failed=yes
  psql -X -q -h "$own" -p 5411 -U chief -d old -c 'create table kept as select generate_series(1, 77) as i' </dev/null || failed=yes
  as_engine_user "$bin/pg_ctl" -D "$data" -w -m fast stop >>"$work/eleven.log" 2>&1 || failed=yes
  [[ -z $failed ]] || fail "the cluster of version 11: $(<"$work/eleven.log")"
  mv "$data" "$work/files/eleven"
}

# restores NAME YAML-LINE...
restores() {
  local name=$1; shift
  make_image "$name" 'sourceType: backup' "$@" >/dev/null
  make_container "$name" "of-$name" >/dev/null
  assert_sample "of-$name" shop
  ctl delete data-container -q "of-$name"
}

case_directory_format() { restores directory 'backup: {folder: directory.d}'; }
case_directory_format_into_a_database() { restores directory-into 'initialDatabaseName: shop' 'backup: {path: ./directory.d, format: directory}'; }
case_plain_gzip_with_create() { restores plain-create-gz 'backup: {file: create.sql.gz}'; }
case_tar_gzip() { restores tar-gz 'initialDatabaseName: shop' 'backup: {file: dump.tar.gz}'; }
case_custom_from_a_pipe() { restores piped 'initialDatabaseName: shop' 'backup: {file: piped.dump}'; }
case_two_backups() { restores both 'initialDatabaseName: shop' 'backups:' '- file: custom.dump' '- file: more.sql'; }

# Large enough for several connections, with an owner who is not here: each passes that over.
case_large_custom_format_in_parallel() {
  make_image large 'sourceType: backup' 'initialDatabaseName: big' 'backup: {file: large.dump}' 'postScript: create table done ()' >/dev/null
  make_container large of-large >/dev/null
  assert_eq "$(sql of-large big 'select count(*), min(length(t)) from a')" "30000|960"
  assert_eq "$(sql of-large big 'select count(*), min(length(t)) from b')" "30000|960"
  assert_eq "$(sql of-large big "select string_agg(indexname, ' ' order by indexname) from pg_indexes where tablename in ('a', 'b')")" "a_i_idx b_i_idx"
}

# refused NAME EXIT-CODE WORDS... -- YAML-LINE...: one clear error, and nothing is left.
refused() {
  local name=$1 code=$2 words=(); shift 2
  while [[ $1 != -- ]]; do words+=("$1"); shift; done
  shift
  # The empty state that builds begin with is made once for each version, and stays.
  if [[ ! -e $work/warm ]]; then
    make_image warm 'sourceType: empty' >"$work/warm"
    make_image warm 'sourceType: empty' 'version: 15' >"$work/warm"
  fi
  assert_error "$code" "${words[@]}" -- ctl create data-image -f "$(image_yaml "$name" 'sourceType: backup' "$@")"
  assert_error 2 "$name" -- ctl get data-image "$name"
  assert_eq "$(find "$state/builds" "$state/logs" -type f -newer "$work/files/$name.yaml" 2>/dev/null)" "" "left behind"
  assert_eq "$(find "$state/store" -type f ! -name '*.manifest*' -newer "$work/files/$name.yaml" 2>/dev/null)" "" "left behind in the store"
}
cut() { head -c "$(($(stat -c %s "$work/files/$1") * $2 / 100))" "$work/files/$1" >"$work/files/$3"; }

case_cut_short() {
  cut base-tar/base.tar 60 cut-base.tar
  refused cut-base 64 cut-base.tar -- 'backup: {file: cut-base.tar}'
  cut base-tar-gz/base.tar.gz 60 cut-base.tar.gz
  refused cut-base-gz 64 cut-base.tar.gz truncated -- 'backup: {file: cut-base.tar.gz}'
  mkdir "$work/files/cut-folder"
  cut base-tar-gz/base.tar.gz 60 cut-folder/base.tar.gz
  refused cut-folder 64 cut-folder/base.tar.gz truncated -- 'backup: {folder: cut-folder}'
  cut dump.tar 60 cut-dump.tar
  refused cut-dump 64 cut-dump.tar truncated -- 'backup: {file: cut-dump.tar}'
  cut large.dump 60 cut-large.dump
  refused cut-large 64 cut-large.dump -- 'initialDatabaseName: big' 'backup: {file: cut-large.dump}'
}

case_damaged_folders() {
  cp -r "$work/files/directory.d" "$work/files/lacking.d"
  rm "$(find "$work/files/lacking.d" -name '*.dat.gz' | head -n 1)"
  refused lacking 64 lacking.d "could not open" -- 'backup: {folder: lacking.d}' 'initialDatabaseName: shop'
  cp -r "$work/files/base-plain" "$work/files/lacking-control"
  rm "$work/files/lacking-control/global/pg_control"
  refused lacking-control 64 lacking-control pg_control -- 'backup: {folder: lacking-control}'
  refused no-wal 64 base-no-wal "write-ahead log" -- 'backup: {folder: base-no-wal}'
  mkdir "$work/files/just-a-folder"; cp "$work/files/plain.sql" "$work/files/create.sql" "$work/files/just-a-folder"
  refused just-a-folder 64 folder plain.sql -- 'backup: {folder: just-a-folder}'
  refused toc-alone 64 "table of contents" folder -- 'backup: {folder: directory.d, file: toc.dat}'
  refused two-servers 64 base-tar base-plain "whole server" -- 'backups: [{folder: base-tar}, {folder: base-plain}]'
  cp -r "$work/files/base-plain" "$work/files/future"
  echo 99 >"$work/files/future/PG_VERSION"
  refused future 64 99 installed -- 'backup: {folder: future}'
}

# What the caller may not read, nobody reads for them: the folder's own files neither.
case_with_the_callers_rights() {
  local as_nobody=(setpriv --reuid nobody --regid nogroup --groups spawn -- "$work/spawnctl")
  cp -r "$work/files/base-plain" "$work/files/partly"
  chmod 0600 "$work/files/partly/global/pg_control"
  image_yaml partly 'sourceType: backup' 'backup: {folder: partly}' >/dev/null; chmod a+r "$work/files/partly.yaml"
  assert_error 64 partly "permission denied" -- "${as_nobody[@]}" create data-image -f "$work/files/partly.yaml"
  image_yaml whole 'sourceType: backup' 'backup: {folder: base-plain}' >/dev/null; chmod a+r "$work/files/whole.yaml"
  assert_eq "$("${as_nobody[@]}" create data-image -q -f "$work/files/whole.yaml")" whole
}

# The daemon is killed while files are placed: at its next start nothing of it is left.
case_killed_while_placing() {
  slow_backup
  (ctl create data-image -q -f "$(image_yaml slow 'sourceType: backup' 'backup: {folder: slow}')" >/dev/null 2>&1 || true) &
  wait_until 20 tar_runs
  kill_daemon
  wait_until 20 no_tar_runs
  start_daemon
  assert_error 2 slow -- ctl get data-image slow
  wait_until 20 folder_empty "$state/builds"
}
# While 8 GiB of nothing pass by, there is time to see it.
slow_backup() {
  [[ -d $work/files/slow ]] || cp -r "$work/files/base-plain" "$work/files/slow"
  truncate -s 8G "$work/files/slow/base/big"
}
tar_runs() { [[ -n $(tars) ]]; }
no_tar_runs() { [[ -z $(tars) ]]; }
tars() { local pid; for pid in $(descendants "$contained_by"); do [[ $(ps -o comm= -p "$pid") != tar ]] || echo "$pid"; done; }

# The keeper is killed: the build fails with one error, source and sink are gone.
case_keeper_killed_while_placing() {
  local client code=0 pid
  slow_backup
  "$work/spawnctl" create data-image -q -f "$(image_yaml slow3 'sourceType: backup' 'backup: {folder: slow}')" >/dev/null 2>"$work/slow.err" &
  client=$!
  wait_until 20 tar_runs
  for pid in $(keepers); do kill -9 "$pid" 2>/dev/null || true; done
  wait "$client" || code=$?
  (( code != 0 )) || fail "the build succeeded without its keeper"
  (( $(grep -c '^error: ' "$work/slow.err") == 1 )) || fail "no single error: $(<"$work/slow.err")"
  wait_until 20 no_tar_runs
  wait_until 20 folder_empty "$state/builds"
  assert_error 2 slow3 -- ctl get data-image slow3
}

case_given_up_while_placing() {
  local client
  slow_backup
  "$work/spawnctl" create data-image -q -f "$(image_yaml slow2 'sourceType: backup' 'backup: {folder: slow}')" >/dev/null 2>&1 &
  client=$!
  wait_until 20 tar_runs
  kill -TERM "$client"
  wait_until 20 no_tar_runs
  wait_until 20 folder_empty "$state/builds"
  assert_error 2 slow2 -- ctl get data-image slow2
}

write_config
prepare_base_backups
start_daemon
run_cases "$@"
