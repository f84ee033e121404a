#!/usr/bin/env bash
# PostgreSQL backups that are files, as other machines and other tools leave them: what they would do or keep back in
# silence is said in the build. And what a restore needs of the host: extensions, tools, settings.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"
# shellcheck source=sample_database.sh
source "$(dirname "$0")/sample_database.sh"

bin=/usr/lib/postgresql/15/bin
seventeen=$(find "$repo/.deps/postgresql/" -maxdepth 1 -name '17.*' | head -n 1)

# cluster NAME [INITDB-OPTION...]: a server of the test's own in $own/NAME, running; sets $at.
cluster() {
  at=$own/$1; shift
  mkdir -p "$own"; chown spawnd: "$own"
  stop_all_clusters
  as_engine_user "$bin/initdb" -D "$at" -A trust -U postgres --no-sync --locale=C -E UTF8 "$@" >"$work/initdb.log" 2>&1 ||
    fail "initdb: $(<"$work/initdb.log")"
  start_cluster
}
start_cluster() {
  as_engine_user "$bin/pg_ctl" -D "$at" -w -l "$own/log" -o "-c listen_addresses='' -k $own -F ${1:-}" start >"$work/pg_ctl.log" 2>&1 ||
    fail "pg_ctl: $(<"$own/log")"
}
stop_cluster() { as_engine_user "$bin/pg_ctl" -D "$at" -w -m "${1:-fast}" stop >/dev/null 2>&1 || fail "pg_ctl stop"; }
base_backup() {
  local folder=$1; shift
  as_engine_user pg_basebackup -h "$own" -U postgres -c fast -D "$own/backup" "$@" || fail "pg_basebackup $*"
  rm -rf "$work/files/$folder"
  mv "$own/backup" "$work/files/$folder"
  chmod -R a+rX "$work/files/$folder"
}
take_folder() { cp -r "$at" "$work/files/$1"; chmod -R a+rX "$work/files/$1"; }
# One of a case that failed would be in the way of the next.
stop_all_clusters() {
  local pid_file
  for pid_file in "$own"/*/postmaster.pid; do
    [[ -f $pid_file ]] && as_engine_user "$bin/pg_ctl" -D "${pid_file%/*}" -w -m immediate stop >/dev/null 2>&1
  done
  return 0
}
extra_clean_up() { stop_all_clusters; }
image() { ctl create data-image -f "$(image_yaml "$1" 'sourceType: backup' "${@:2}")"; }
refused() {
  local name=$1 words=(); shift
  while [[ $1 != -- ]]; do words+=("$1"); shift; done
  shift
  # The empty state that builds begin with is made once.
  [[ -e $work/warm ]] || { make_image warm 'sourceType: empty' >"$work/warm"; make_image warm 'sourceType: empty' 'version: 15' >"$work/warm"; }
  assert_error 64 "${words[@]}" -- ctl create data-image -f "$(image_yaml "$name" 'sourceType: backup' "$@")"
  assert_error 2 "$name" -- ctl get data-image "$name"
}

# --- what is there but cannot be used --------------------------------------------------------------------------

case_database_that_loads_a_missing_library() {
  cluster preloads
  own_psql -d postgres -c 'create database shop' -c "alter database shop set session_preload_libraries = 'anon'" -c 'create role app login' \
    -c "alter role app set local_preload_libraries = 'masks'"
  base_backup preloads
  stop_cluster
  refused preloads "database 'shop' cannot be opened" anon "reset session_preload_libraries" -- 'backupFolder: preloads'
  assert_exit 0 image preloads 'backupFolder: preloads' 'preScript: alter database shop reset session_preload_libraries'
  assert_contains "$err" "role 'app' cannot log in: its setting local_preload_libraries names 'masks'"
  refused preloaded "database 'postgres' cannot be opened" anon -- 'backup: {file: empty.sql}' \
    "postScript: alter database postgres set session_preload_libraries = 'anon'"
}

case_order_of_another_library() {
  local locale
  locale=$(locale -a | grep -E '^[a-z]+_[A-Z]+[.]utf8$' | head -n 1 || true)
  cluster musl
  own_psql -d postgres -c 'create database shop' -c 'create database bytes'
  own_psql -d shop -c 'create table t (n text primary key)' -c "insert into t select chr(65 + i % 58) || i from generate_series(0, 5799) i"
  own_psql -d postgres -c "update pg_database set datcollate = '${locale:-en_US.UTF-8}', datctype = '${locale:-en_US.UTF-8}', datcollversion = null where datname = 'shop'"
  own_psql -d postgres -c "create database icu template template0 locale_provider icu icu_locale 'en-US'" \
    -c "update pg_database set datcollversion = '1.2' where datname = 'icu'"
  own_psql -d bytes -c "create collation of_icu (provider = icu, locale = 'de')" -c "update pg_collation set collversion = '9' where collname = 'of_icu'" \
    -c 'create table t (n text collate of_icu)' -c 'create index on t (n)' 2>/dev/null
  stop_cluster
  take_folder musl
  if [[ -z $locale ]]; then
    # Neither is there the locale, without which nobody opens the database.
    refused musl "database 'shop' cannot be opened" locales-all -- 'backupFolder: musl'
    note "no locale of this host's to compare with"
    start_cluster
    own_psql -d postgres -c 'drop database shop' 2>/dev/null || own_psql -d postgres -c "update pg_database set datcollate = 'C', datctype = 'C' where datname = 'shop'"
    stop_cluster
    rm -rf "$work/files/musl"; take_folder musl
  fi
  assert_exit 0 image musl 'backupFolder: musl' 'initialDatabaseName: bytes'
  if [[ -n $locale ]]; then
    assert_contains "$err" "database 'shop' sorts by $locale of the C library, and no version of it is recorded"
    assert_contains "$err" 'reindex database shop'
  fi
  assert_contains "$err" "database 'icu' sorts by en-US of ICU 1.2 (here it is "
  assert_contains "$err" "indexes of database 'bytes' sort by collation 'of_icu', de of ICU 9"
  assert_lacks "$err" "database 'bytes' sorts"
  assert_lacks "$err" "database 'postgres' sorts"
  assert_contains "$(ctl logs data-image musl)" 'reindex database icu'
}

# Of the source's settings this one says what recovers.
case_prepared_transactions() {
  cluster prepared
  own_psql -d postgres -c 'alter system set max_prepared_transactions = 7' -c 'create table t (i int)'
  stop_cluster; start_cluster
  printf '%s\n' 'begin;' 'insert into t values (1);' "prepare transaction 'open';" | psql -X -q -h "$own" -U postgres -d postgres
  base_backup prepared -Fp
  stop_cluster
  rm "$work/files/prepared"/postgresql*.conf  # as where they are elsewhere
  assert_exit 0 image prepared 'backupFolder: prepared'
  make_container prepared of-prepared >/dev/null
  sql of-prepared postgres "commit prepared 'open'"
  assert_eq "$(sql of-prepared postgres 'select i from t')" 1
}

# --- files that do not stand still -----------------------------------------------------------------------------

case_data_folder_of_a_running_server() {
  cluster running
  refused running 'data folder of a server that is running' pg_basebackup -- "backupFolder: $at"
  # The same from within a container, where processes have other numbers and folders other names.
  cp "$at/postmaster.pid" "$work/postmaster.pid"
  sed -i '1s/.*/1/' "$at/postmaster.pid"
  refused running 'data folder of a server that is running' -- "backupFolder: $at"
  cat "$work/postmaster.pid" >"$at/postmaster.pid"
  # A copy of it.
  take_folder copied
  stop_cluster immediate
  assert_exit 0 image copied 'backupFolder: copied'
  assert_contains "$err" 'those of a server that ran or crashed'
  # Stopped, it is a backup.
  rm -f "$at/postmaster.pid"
  start_cluster; stop_cluster
  take_folder stopped
  assert_exit 0 image stopped 'backupFolder: stopped'
  assert_lacks "$err" 'ran or crashed'
}

# --- the log ---------------------------------------------------------------------------------------------------

case_segments_of_another_size() {
  local size
  for size in 1 32 64 256; do
    cluster "segments-$size" --wal-segsize="$size"
    own_psql -d postgres -c 'create database shop'
    own_psql -d shop -c "create table t as select generate_series(1, 1000) as i"
    base_backup "segments-$size" -Fp
    stop_cluster
    rm -rf "$at"
    assert_exit 0 image "segments-$size" "backupFolder: segments-$size"
    make_container "segments-$size" "of-$size" >/dev/null
    assert_eq "$(sql "of-$size" shop 'select count(*) from t')" 1000 "segments of $size MB"
    assert_eq "$(sql "of-$size" shop 'show wal_segment_size')" "${size}MB"
    ctl delete data-container -q "of-$size"
    ctl delete data-image -q "segments-$size"
    rm -rf "$work/files/segments-$size"
  done
}

case_log_in_a_folder_of_its_own() {
  local archive=$own/archive segment
  mkdir -p "$archive"; chown -R spawnd: "$own"
  cluster archiving
  own_psql -d postgres -c "alter system set archive_mode = on" -c "alter system set archive_command = 'cp %p $archive/%f'"
  stop_cluster; start_cluster
  own_psql -d postgres -c 'create table before as select 1 as i'
  base_backup no-log -Fp -X none 2>/dev/null
  own_psql -d postgres -c 'create table after as select 2 as i' -c 'select pg_switch_wal()' >/dev/null
  stop_cluster
  echo "restore_command = 'cp $archive/%f %p'" >>"$work/files/no-log/postgresql.auto.conf"
  touch "$work/files/no-log/recovery.signal"
  refused no-log 'walFolder' 'archive-copy' 'wal-fetch' -- 'backupFolder: no-log'
  cp -r "$archive" "$work/files/archive"
  # As pgBackRest, an archive command and Barman keep it.
  mkdir -p "$work/files/packed/15-1/0000000100000000" "$work/files/none"
  for segment in "$archive"/????????????????????????; do
    gzip -c "$segment" >"$work/files/packed/15-1/0000000100000000/${segment##*/}-0123456789012345678901234567890123456789.gz"
  done
  rm "$work/files/packed/15-1/0000000100000000/000000010000000000000001"-*
  echo 'not a log' >"$work/files/packed/000000010000000000000001"
  chmod -R a+rX "$work/files"
  for segment in archive packed; do
    assert_exit 0 image "by-$segment" 'backupFolder: no-log' "walFolder: $segment"
    make_container "by-$segment" "of-$segment" >/dev/null
    assert_eq "$(sql "of-$segment" postgres 'select * from before, after')" '1|2' "$segment"
    ctl delete data-container -q "of-$segment"
  done
  # Cut short, and packed another way.
  cp -r "$work/files/packed" "$work/files/short"
  segment=$(find "$work/files/short/15-1" -type f | sort | head -n 1)
  truncate -s 1000 "$segment"
  refused by-short 'cannot be unpacked: it is damaged' -- 'backupFolder: no-log' 'walFolder: short'
  refused by-none 'no log that the backup needs' -- 'backupFolder: no-log' 'walFolder: none'
  cp -r "$work/files/packed" "$work/files/encrypted"
  segment=$(find "$work/files/encrypted/15-1" -type f | sort | head -n 1)
  head -c 1000 /dev/urandom >"$segment"; printf 'Salted__' | dd of="$segment" conv=notrunc status=none
  refused by-encrypted 'is no log of PostgreSQL, or is encrypted' -- 'backupFolder: no-log' 'walFolder: encrypted'
  mkdir -p "$work/files/repository/archive/main" "$work/files/repository/backup/main"
  refused by-repository 'repository of pgBackRest' 'tool: pgbackrest' -- 'backupFolder: repository'
  refused by-file 'is a file' -- 'backupFolder: no-log' 'walFolder: empty.sql'
  refused for-sql 'no backup here is recovered' -- 'backup: {file: empty.sql}' 'walFolder: archive'
}

# --- what is too large -----------------------------------------------------------------------------------------

# Before a byte of it is placed. The last case: the daemon has another configuration from here on.
case_larger_than_the_volume() {
  cluster large
  stop_cluster
  truncate -s 400M "$at/base/1/99999"
  take_folder large
  tar -C "$at" -cf "$work/files/large.tar" .
  chmod a+r "$work/files/large.tar"
  stop_daemon
  echo 'volumeSize: 256MiB' >>"$work/spawnd.yaml"
  start_daemon
  rm -f "$work/warm"
  refused large "'large' has" 'MiB, and the volume of an image takes 256 MiB' volumeSize -- 'backupFolder: large'
  refused large "'large.tar' has" 'MiB, and the volume of an image takes 256 MiB' volumeSize -- 'backup: {file: large.tar}'
}

prepare() { echo 'select 1;' >"$work/files/empty.sql"; chmod a+r "$work/files/empty.sql"; }

write_config
start_daemon
prepare
run_cases "$@"
