#!/usr/bin/env bash
# Images of what backup tools keep: real repositories of pgBackRest and Barman, of a real server with an archive, restored by
# these tools through spawnctl; points in time; and folders that the tools have restored by hand. Debian has no WAL-G:
# a small stand-in with its commands shows what is asked of it.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"
# shellcheck source=sample_database.sh
source "$(dirname "$0")/sample_database.sh"

bin=/usr/lib/postgresql/15/bin
data=$own/data
backrest=$own/backrest
barman_home=$own/barman
as_nobody() { setpriv --reuid nobody --regid nogroup --groups spawn -- env HOME=/nonexistent "$@"; }
br() { as_engine_user pgbackrest --config="$own/pgbackrest.conf" --stanza=main "$@" >>"$work/pgbackrest.log" 2>&1 || { cat "$work/pgbackrest.log" >&2; fail "pgbackrest $*"; }; }
bm() { (cd "$own" && as_engine_user env HOME="$own" barman -c "$own/barman.conf" "$@") >>"$work/barman.log" 2>&1 || { cat "$work/barman.log" >&2; fail "barman $*"; }; }
row() { own_psql -d shop -c "insert into t values ('$1')"; }
# A moment between two commits, in its own second.
moment() { own_psql -d shop -c 'select pg_sleep(1.1)' >/dev/null; date -u +%FT%T.%6NZ; own_psql -d shop -c 'select pg_sleep(1.1)' >/dev/null; }
switch_log() {
  own_psql -d shop -c "select pg_logical_emit_message(true, 'x', 'x')" -c 'select pg_walfile_name(pg_current_wal_lsn())' | tail -n 1 >"$work/last_segment"
  own_psql -d shop -c 'select pg_switch_wal()' >/dev/null
}
in_archive() { [[ $(own_psql -d postgres -c "select last_archived_wal >= '$(<"$work/last_segment")' from pg_stat_archiver") == t ]]; }

# One server with two archives: what pgBackRest and Barman push into their own.
start_server() {
  mkdir -p "$own"/{log,lock,spool,tablespace}; mkdir -p "$own/barman.d"; chown -R spawnd: "$own"; chmod 0711 "$own"
  as_engine_user "$bin/initdb" -D "$data" -A trust -U postgres --no-sync --locale=C.UTF-8 -E UTF8 >"$work/own.log" 2>&1 || fail "initdb: $(<"$work/own.log")"
  cat >>"$data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$own'
fsync = off
archive_mode = on
archive_command = 'pgbackrest --config=$own/pgbackrest.conf --stanza=main archive-push %p && pgbackrest --config=$own/encrypted.conf --stanza=main archive-push %p && cp %p $barman_home/shop/incoming/%f'
END
  cat >"$own/pgbackrest.conf" <<END
[global]
repo1-path=$backrest
repo1-retention-full=9
log-path=$own/log
lock-path=$own/lock
spool-path=$own/spool
compress-type=gz
start-fast=y
archive-timeout=30
[main]
pg1-path=$data
pg1-socket-path=$own
pg1-user=postgres
END
  sed -e "s#^repo1-path=.*#repo1-path=$own/encrypted\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=a-passphrase-of-the-test#" -e 's/compress-type=gz/compress-type=zst/' \
    "$own/pgbackrest.conf" >"$own/encrypted.conf"
  cat >"$own/barman.conf" <<END
[barman]
barman_user = spawnd
barman_home = $barman_home
barman_lock_directory = $own/lock
log_file = $own/log/barman
configuration_files_directory = $own/barman.d
[shop]
description = shop
conninfo = host=$own user=postgres dbname=postgres
backup_method = postgres
archiver = on
path_prefix = $bin
compression = gzip
END
  chown spawnd: "$own"/*.conf; chmod 0644 "$own"/*.conf
  as_engine_user "$bin/pg_ctl" -D "$data" -w -l "$own/log/server" start >>"$work/own.log" 2>&1 || fail "pg_ctl: $(<"$own/log/server")"
}

# Rows in the order in which they are committed; what each backup and each moment has is asserted from these.
#   1 | full | 2 | $between_backups | 3 | diff | incr | 4 | $before_five | 5 | the end of the log
make_backups() {
  mkdir -p "$barman_home/shop/incoming"; chown -R spawnd: "$barman_home"
  br stanza-create
  as_engine_user pgbackrest --config="$own/encrypted.conf" --stanza=main stanza-create >>"$work/pgbackrest.log" 2>&1 || fail "$(<"$work/pgbackrest.log")"
  own_psql -d postgres -c 'create database shop' -c "create tablespace elsewhere location '$own/tablespace'"
  own_psql -d shop -c 'create table t (x text)' -c 'create table other tablespace elsewhere as select 7 as i'
  row 1
  br --type=full backup
  as_engine_user pgbackrest --config="$own/encrypted.conf" --stanza=main --type=full backup >>"$work/pgbackrest.log" 2>&1 || fail "$(<"$work/pgbackrest.log")"
  # Barman wants to have seen a segment before.
  bm switch-wal --force --archive --archive-timeout 60 shop
  bm backup --wait shop
  row 2
  moment >"$work/between_backups"
  row 3
  br --type=diff --compress-type=lz4 backup
  br --type=incr --compress-type=zst backup
  row 4
  moment >"$work/before_five"
  row 5
  switch_log
  wait_until 30 in_archive
  bm cron
  wait_until 30 barman_has_all
  chmod -R a+rX "$backrest" "$own/encrypted" "$barman_home"
}
barman_has_all() { [[ -z $(ls -A "$barman_home/shop/incoming") ]]; }
labels() { pgbackrest --config="$own/pgbackrest.conf" --stanza=main --log-level-file=off --log-path="$work" info --output=json | jq -r ".[0].backup[].label"; }

repository_yaml() { image_yaml "$1" 'sourceType: repository' "${@:2}"; }
# made NAME ROWS LINE...: an image of these has those rows, and a writable server of its own.
made() {
  local name=$1 rows=$2; shift 2
  assert_exit 0 as_caller create data-image -f "$(repository_yaml "$name" "$@")"
  has_rows "$name" "$rows"
}
has_rows() {
  as_caller create data-container -q -i "$1" -n "of-$1" >/dev/null
  assert_eq "$(sql "of-$1" shop "select string_agg(x, ' ' order by x) from t")" "$2" "rows of $1"
  assert_eq "$(sql "of-$1" shop 'select i from other')" 7 "the tablespace of $1"
  sql "of-$1" shop "insert into t values ('new')"
  assert_eq "$(sql "of-$1" postgres "select pg_is_in_recovery(), current_setting('recovery_target_time') || current_setting('recovery_target') || current_setting('restore_command')")" 'f|'
  as_caller delete data-container -q "of-$1"
  as_caller delete data-image -q "$1"
}
as_caller() { ctl "$@"; }
nothing_left() {
  assert_eq "$(ls -A "$TMPDIR")" "" "what is left in TMPDIR"
}
# refused CODE NAME WORDS... -- LINE...: with one error, and leaves nothing.
refused() {
  local code=$1 name=$2 words=(); shift 2
  while [[ $1 != -- ]]; do words+=("$1"); shift; done
  shift
  assert_error "$code" "${words[@]}" -- as_caller create data-image -f "$(repository_yaml "$name" "$@")"
  assert_error 2 "$name" -- ctl get data-image "$name"
  nothing_left
}
pgbackrest_keys=('tool: pgbackrest' 'stanza: main' "repository: $backrest")
barman_keys=('tool: barman' 'server: shop' "repository: $barman_home")

# --- pgBackRest -------------------------------------------------------------------------------------------------

case_pgbackrest_newest_backup_and_all_of_the_log() {
  made newest '1 2 3 4 5' "${pgbackrest_keys[@]}"
  nothing_left
  made config '1 2 3 4 5' 'tool: pgBackRest' "configFile: $own/pgbackrest.conf" 'jobs: 2'
  nothing_left
}

case_pgbackrest_points_in_time() {
  # The newest backup is later: the one before is taken.
  made earlier '1 2' "${pgbackrest_keys[@]}" "at: $(<"$work/between_backups")"
  made later '1 2 3 4' "${pgbackrest_keys[@]}" "at: $(<"$work/before_five")"
  # PostgreSQL's own form, in another zone.
  made form '1 2' "${pgbackrest_keys[@]}" "at: $(TZ=Asia/Tokyo date -d "$(<"$work/between_backups")" '+%F %T.%6N+09')"
  made immediate 1 "${pgbackrest_keys[@]}" "backup: $(labels | head -n 1)" 'at: immediate'
  made of_label '1 2 3 4' "${pgbackrest_keys[@]}" "backup: $(labels | head -n 1)" "at: $(<"$work/before_five")"
  nothing_left
}

case_pgbackrest_as_a_user_without_rights_beyond_reading() {
  as_caller() { as_nobody "$work/spawnctl" "$@"; }
  made nobodys '1 2 3 4 5' "${pgbackrest_keys[@]}"
  nothing_left
}

case_pgbackrest_encrypted() {
  made secret '1 2 3 4 5' 'tool: pgbackrest' 'stanza: main' "configFile: $own/encrypted.conf"
  refused 1 no-secret 'encrypted' 'configFile' -- 'tool: pgbackrest' 'stanza: main' "repository: $own/encrypted"
}

case_pgbackrest_what_is_not_there() {
  refused 2 wrong-stanza "no stanza 'mian'" 'it has main' -- 'tool: pgbackrest' 'stanza: mian' "repository: $backrest"
  refused 2 wrong-label "no backup '20200101-000000F'" "$(labels | tail -n 1)" -- "${pgbackrest_keys[@]}" 'backup: 20200101-000000F'
  refused 2 too-early 'no backup from before' "$(labels | head -n 1)" -- "${pgbackrest_keys[@]}" 'at: 2020-01-01T00:00:00Z'
  refused 64 too-late 'its log ends before that' 'can be had' -- "${pgbackrest_keys[@]}" 'at: 2099-01-01T00:00:00Z'
  # Of a backup that is named, the build finds it out.
  refused 64 label-too-early 'before the end of the backup' 'can be had' -- "${pgbackrest_keys[@]}" "backup: $(labels | tail -n 1)" "at: $(<"$work/between_backups")"
  mkdir -p "$own/nothing"
  refused 2 nothing "no stanza 'main'" 'repo1-path' -- 'tool: pgbackrest' 'stanza: main' "repository: $own/nothing"
  refused 64 unnamed 'has no stanza' -- 'tool: pgbackrest' "repository: $own/nothing"
  mkdir -p "$own/fresh"; chown spawnd: "$own/fresh"
  as_engine_user pgbackrest --config="$own/pgbackrest.conf" --repo1-path="$own/fresh" --stanza=main stanza-create >/dev/null
  chmod -R a+rX "$own/fresh"
  refused 2 fresh 'has no backup' -- 'tool: pgbackrest' 'stanza: main' "repository: $own/fresh"
  refused 64 version 'is of PostgreSQL 15' 'version: 11' -- "${pgbackrest_keys[@]}" 'version: 11'
}

case_pgbackrest_damaged_log() {
  cp -r "$backrest" "$own/damaged"
  local segment
  # The last but one behind the newest backup: what follows cannot be recovered.
  segment=$(find "$own/damaged/archive" -name '0*' -type f -printf '%f\n' | grep -E '^[0-9A-F]{24}-' | sort | tail -n 2 | head -n 1)
  truncate -s 1000 "$own"/damaged/archive/main/15-1/*/"$segment"
  refused 1 truncated 'getting the log' -- 'tool: pgbackrest' 'stanza: main' "repository: $own/damaged" "backup: $(labels | head -n 1)"
  rm "$own"/damaged/archive/main/15-1/*/"$segment"
  refused 2 gap "segment ${segment%%-*}" 'not in the archive' -- 'tool: pgbackrest' 'stanza: main' "repository: $own/damaged" "backup: $(labels | head -n 1)"
  # What comes before the gap can be had.
  made before-gap '1 2' 'tool: pgbackrest' 'stanza: main' "repository: $own/damaged" "at: $(<"$work/between_backups")"
}

case_pgbackrest_no_rights() {
  as_caller() { as_nobody "$work/spawnctl" "$@"; }
  chmod 0700 "$backrest"
  refused 1 no-rights 'cannot be read' 'permission denied' -- "${pgbackrest_keys[@]}"
  chmod 0755 "$backrest"
}

case_pgbackrest_another_major_than_is_installed() {
  stop_daemon
  sed -i 's#^engineSearchPaths:.*#engineSearchPaths: ['"$repo"'/.deps/postgresql]#' "$work/spawnd.yaml"
  start_daemon
  refused 64 major 'is of PostgreSQL 15' 'apt install postgresql-15' -- "${pgbackrest_keys[@]}"
  stop_daemon
  write_config
  start_daemon
}

case_tool_not_installed() {
  local path=$work/no-tools
  mkdir -p "$path"
  for program in /bin/sh /usr/bin/env; do ln -sf "$program" "$path/"; done
  as_caller() { env PATH="$path" "$work/spawnctl" "$@"; }
  refused 64 no-pgbackrest 'pgbackrest is not installed' 'apt install pgbackrest' -- "${pgbackrest_keys[@]}"
  refused 64 no-barman 'barman is not installed' 'apt install barman' -- "${barman_keys[@]}"
  refused 64 no-walg 'wal-g is not installed' 'github.com/wal-g' -- 'tool: wal-g' "repository: $own/nothing"
}

case_full_disk() {
  mkdir -p "$work/small"
  mount -t tmpfs -o size=8m,mode=1777 tmpfs "$work/small"
  local code=0
  (TMPDIR=$work/small; refused 5 full 'No space left' 'TMPDIR' -- "${pgbackrest_keys[@]}") || code=$?
  umount "$work/small"
  return $code
}

# --- Barman -----------------------------------------------------------------------------------------------------

case_barman() {
  made barmans '1 2 3 4 5' "${barman_keys[@]}"
  made barmans-earlier '1 2' "${barman_keys[@]}" "at: $(<"$work/between_backups")"
  made barmans-later '1 2 3 4' "${barman_keys[@]}" "at: $(<"$work/before_five")"
  made barmans-immediate 1 "${barman_keys[@]}" 'at: immediate'
  nothing_left
  as_caller() { as_nobody "$work/spawnctl" "$@"; }
  made nobodys '1 2' "${barman_keys[@]}" "at: $(<"$work/between_backups")"
  nothing_left
}

case_barman_by_its_own_configuration() {
  # It runs as the user that its configuration names, who is the one that asks then.
  as_caller() { setpriv --reuid spawnd --regid spawnd --groups spawn -- env HOME="$own" "$work/spawnctl" "$@"; }
  made own-configuration '1 2 3 4 5' 'tool: barman' 'server: shop' "configFile: $own/barman.conf"
  as_caller() { as_nobody "$work/spawnctl" "$@"; }
  refused 1 other-user 'barman' 'repository:' -- 'tool: barman' 'server: shop' "configFile: $own/barman.conf"
}

case_barman_what_is_not_there() {
  refused 2 wrong-server "server 'shpo'" 'there is shop' -- 'tool: barman' 'server: shpo' "repository: $barman_home"
  refused 2 wrong-id "no backup '20200101T000000'" -- "${barman_keys[@]}" 'backup: 20200101T000000'
  refused 2 before-all 'no backup from before' -- "${barman_keys[@]}" 'at: 2020-01-01T00:00:00Z'
  refused 64 behind-all 'its log ends before that' 'can be had' -- "${barman_keys[@]}" 'at: 2099-01-01T00:00:00Z'
  refused 64 nameless "'server' is missing" -- 'tool: barman' "repository: $barman_home"
  refused 64 no-name 'no name of one' -- 'tool: barman' 'server: "a]b"' "repository: $barman_home"
  refused 2 nowhere 'no such file' -- 'tool: barman' 'server: shop' "repository: $own/nowhere"
}

case_barman_damaged_log() {
  cp -a "$barman_home" "$own/damaged-barman"
  local segment
  segment=$(find "$own/damaged-barman/shop/wals" -type f -printf '%f\n' | grep -E '^[0-9A-F]{24}$' | sort | tail -n 2 | head -n 1)
  truncate -s 1000 "$own"/damaged-barman/shop/wals/*/"$segment"
  refused 1 cut 'its log is damaged' 'another backup' -- 'tool: barman' 'server: shop' "repository: $own/damaged-barman"
  rm "$own"/damaged-barman/shop/wals/*/"$segment"
  refused 2 gone "$segment" 'no such file' -- 'tool: barman' 'server: shop' "repository: $own/damaged-barman"
}

# --- folders that the tools restored by hand ---------------------------------------------------------------------

by_hand() {
  local name=$1 rows=$2; shift 2
  assert_exit 0 ctl create data-image -f "$(image_yaml "$name" 'sourceType: backup' "$@")"
  has_rows "$name" "$rows"
}
hand_refused() {
  local name=$1 words=(); shift
  while [[ $1 != -- ]]; do words+=("$1"); shift; done
  shift
  assert_error 64 "${words[@]}" -- ctl create data-image -f "$(image_yaml "$name" 'sourceType: backup' "$@")"
}
# Its tablespace in the folder, as the hint of a link that leads elsewhere says.
take_tablespaces_in() {
  local link place
  for link in "$1"/pg_tblspc/*; do place=$(readlink "$link"); rm "$link"; mv "$place" "$link"; done
  chmod -R a+rX "$1"
}

case_restored_by_hand() {
  local folder=$own/by-hand
  mkdir "$folder"; chown spawnd: "$folder"
  br --pg1-path="$folder" --tablespace-map-all="$own/by-hand-tablespaces" --type=time --target="$(sed 's/T/ /; s/Z/+00/' "$work/before_five")" restore
  hand_refused linked 'link' 'put what it leads to in its place' -- "backup: {folder: $folder}" "walFolder: $backrest/archive/main/15-1"
  take_tablespaces_in "$folder"
  grep -q recovery_target_time "$folder/postgresql.auto.conf"
  # Its own settings say up to where.
  by_hand own-target '1 2 3 4' "backup: {folder: $folder}" "walFolder: $backrest/archive/main/15-1"
  assert_contains "$err" 'its own settings say'
  by_hand said-target '1 2 3' "backup: {folder: $folder}" "walFolder: $backrest/archive/main/15-1" 'at: immediate'
  rm "$folder/recovery.signal"
  by_hand no-target "$(own_psql -d shop -c "select string_agg(x, ' ' order by x) from t")" "backup: {folder: $folder}" "walFolder: $backrest/archive/main/15-1"
  tar -C "$own" -cf "$work/files/by-hand.tar" by-hand
  by_hand tarred '1 2 3 4' 'backup: {file: by-hand.tar}' "walFolder: $backrest/archive/main/15-1" "at: $(<"$work/before_five")"
  folder=$own/by-barman
  bm recover --target-time "$(<"$work/between_backups")" --tablespace "elsewhere:$own/by-barman-tablespace" shop latest "$folder"
  take_tablespaces_in "$folder"
  by_hand barmans-target '1 2' "backup: {folder: $folder}"
  # More of the log than Barman thought would be needed.
  by_hand barmans-more '1 2 3 4' "backup: {folder: $folder}" "walFolder: $barman_home/shop/wals" "at: $(<"$work/before_five")"
}

case_points_in_time_of_a_folder() {
  local archive=$work/files/archive base=$work/files/base
  mkdir -p "$work/files"
  as_engine_user pg_basebackup -h "$own" -U postgres -c fast -X none -Ft -D "$own/base" 2>/dev/null
  mv "$own/base" "$base"; chmod -R a+rX "$base"
  local from to
  row 6
  to=$(moment)
  row 7
  switch_log
  wait_until 30 in_archive
  bm cron
  wait_until 30 barman_has_all
  chmod -R a+rX "$backrest" "$barman_home"
  from=$(own_psql -d shop -c "select to_char(now() - interval '1 hour', 'YYYY-MM-DD HH24:MI:SSOF')")
  archive=$barman_home/shop/wals
  by_hand folder-at '1 2 3 4 5 6' 'backup: {folder: base}' "walFolder: $archive" "at: $to"
  by_hand folder-end '1 2 3 4 5 6 7' 'backup: {folder: base}' "walFolder: $archive"
  by_hand folder-immediate '1 2 3 4 5' 'backup: {folder: base}' "walFolder: $archive" 'at: immediate'
  hand_refused early 'before the end of the backup' 'can be had' -- 'backup: {folder: base}' "walFolder: $archive" "at: '$from'"
  hand_refused late 'its log ends before that' 'can be had' -- 'backup: {folder: base}' "walFolder: $archive" 'at: 2099-01-01 00:00:00+00'
  hand_refused zoneless 'names no time zone' -- 'backup: {folder: base}' "walFolder: $archive" 'at: 2026-01-01 00:00:00'
  hand_refused no-time 'is no point in time' -- 'backup: {folder: base}' "walFolder: $archive" 'at: yesterday'
  # Gaps: an archive without one of its segments ends there for a server, which would say nothing of it.
  cp -r "$archive" "$work/files/gap"
  local segment
  segment=$(find "$work/files/gap" -type f -printf '%f\n' | grep -E '^[0-9A-F]{24}$' | sort | tail -n 2 | head -n 1)
  rm "$work"/files/gap/*/"$segment"
  hand_refused gap "segment $segment" 'missing' -- 'backup: {folder: base}' 'walFolder: gap'
  echo 'select 1;' >"$work/files/empty.sql"
  hand_refused of-dump 'no backup here is recovered by any' -- 'backup: {file: empty.sql}' 'at: immediate'
}

# --- WAL-G ------------------------------------------------------------------------------------------------------

# Its commands, as far as they are asked for, over a folder: not the tool itself, which no package here has.
stand_in_for_walg() {
  mkdir -p "$work/walg-bin"
  cat >"$work/walg-bin/wal-g" <<'END'
#!/bin/sh
if [ "$1" = --config ]; then WALG_FILE_PREFIX=$(sed -n 's/.*"WALG_FILE_PREFIX": *"\([^"]*\)".*/\1/p' "$2"); shift 2; fi
die() { echo "ERROR: 2026/11/28 10:00:00.000000 $1" >&2; exit 1; }
[ "$1" = --version ] || [ -d "$WALG_FILE_PREFIX" ] || die 'Folder be must set'
case "$1 $2" in
  --version*) echo 'wal-g version v2.0.1' ;;
  'backup-list --detail') cat "$WALG_FILE_PREFIX/list.json" ;;
  'st ls') ls "$WALG_FILE_PREFIX/wal_005" | sed 's/^/obj  1024 2026-11-28 10:00:00 +0000 UTC /' ;;
  backup-fetch*)
    [ -d "$WALG_FILE_PREFIX/basebackups_005/$3" ] || die "Backup '$3' does not exist."
    mkdir -p "$2" && tar -C "$2" -xf "$WALG_FILE_PREFIX/basebackups_005/$3/base.tar" || exit 1
    for tar in "$WALG_FILE_PREFIX/basebackups_005/$3"/[0-9]*.tar; do
      oid=$(basename "$tar" .tar); mkdir -p "$2/pg_tblspc/$oid"; tar -C "$2/pg_tblspc/$oid" -xf "$tar"
    done ;;
  wal-fetch*)
    [ -e "$WALG_FILE_PREFIX/wal_005/$2.gz" ] || die "Archive '$2' does not exist."
    gzip -dc "$WALG_FILE_PREFIX/wal_005/$2.gz" >"$3" 2>/dev/null || die "failed to decompress '$2': unexpected EOF" ;;
  *) die "unknown command $1" ;;
esac
END
  chmod 0755 "$work/walg-bin/wal-g"
}

case_walg() {
  stand_in_for_walg
  local prefix=$own/walg segment first name at
  mkdir -p "$prefix"/{basebackups_005,wal_005}
  as_engine_user pg_basebackup -h "$own" -U postgres -c fast -X none -Ft -D "$own/walg-base" 2>/dev/null
  first=$(tar -xOf "$own/walg-base/base.tar" backup_label | sed -n '1s/.*(file \(.*\)).*/\1/p')
  name=base_$first
  mv "$own/walg-base" "$prefix/basebackups_005/$name"
  printf '[{"backup_name":"%s","time":"2026-11-28T09:00:00Z","wal_file_name":"%s","start_time":"%s","finish_time":"%s","pg_version":150018,"is_permanent":false}]\n' \
    "$name" "$first" "$(date -u +%FT%T.%6NZ)" "$(date -u +%FT%T.%6NZ)" >"$prefix/list.json"
  row w1
  at=$(moment)
  row w2
  switch_log
  wait_until 30 in_archive
  bm cron
  wait_until 30 barman_has_all
  for segment in "$barman_home"/shop/wals/*/????????????????????????; do
    gzip -t "$segment" 2>/dev/null && cp "$segment" "$prefix/wal_005/$(basename "$segment").gz" || gzip -c "$segment" >"$prefix/wal_005/$(basename "$segment").gz"
  done
  chmod -R a+rX "$prefix"
  as_caller() { env PATH="$work/walg-bin:$PATH" "$work/spawnctl" "$@"; }
  local rows
  rows=$(own_psql -d shop -c "select string_agg(x, ' ' order by x) from t where x <> 'w2'")
  made walg "$rows w2" 'tool: wal-g' "repository: $prefix"
  echo "{\"WALG_FILE_PREFIX\": \"$prefix\"}" >"$own/walg.json"
  made walg-at "$rows" 'tool: WAL-G' "configFile: $own/walg.json" "at: $at"
  refused 2 walg-name "no backup 'base_1'" "$name" -- 'tool: wal-g' "repository: $prefix" 'backup: base_1'
  segment=$(ls "$prefix/wal_005" | sort | tail -n 2 | head -n 1)
  truncate -s 1000 "$prefix/wal_005/$segment"
  refused 1 walg-cut 'failed to decompress' -- 'tool: wal-g' "repository: $prefix"
  rm "$prefix/wal_005/$segment"
  refused 2 walg-gap "segment ${segment%.gz}" 'not in the archive' -- 'tool: wal-g' "repository: $prefix"
}

# --- what the keys say together -----------------------------------------------------------------------------------

case_keys() {
  refused 64 no-tool 'no tool is given' 'pgbackrest, barman, wal-g' -- "repository: $backrest"
  refused 64 unknown-tool "unknown tool 'tar'" -- 'tool: tar' "repository: $backrest"
  refused 64 two-words 'two words for one thing' -- 'tool: barman' 'server: a' 'stanza: b'
  refused 64 a-url 'is a URL' 'configFile' -- 'tool: wal-g' 'repository: s3://bucket/x'
  refused 64 a-map "'backup' has keys below it" -- "${pgbackrest_keys[@]}" 'backup: {folder: x}'
  refused 64 a-method "'method' is given" 'sourceType is repository' -- "${pgbackrest_keys[@]}" 'method: dump'
  refused 64 a-wal-folder "'walFolder' is given" -- "${pgbackrest_keys[@]}" "walFolder: $backrest"
  sed -e 's/sourceType: .*/sourceType: backup/' "$(repository_yaml a-backup "${pgbackrest_keys[@]}" "backup: $own")" >"$work/files/other.yaml"
  assert_error 64 "'tool' is given, but sourceType is not repository" -- ctl create data-image -f "$work/files/other.yaml"
  sed -i 's/^engine: .*/engine: mariadb/' "$(repository_yaml maria "${pgbackrest_keys[@]}")"
  assert_error 64 'no repository of pgbackrest for MariaDB' -- ctl create data-image -f "$work/files/maria.yaml"
}

write_config
export TMPDIR=$work/tmp
mkdir -m 1777 "$TMPDIR"
command -v pgbackrest >/dev/null && command -v barman >/dev/null || { echo "SKIP $suite: pgbackrest or barman is not installed"; exit 77; }
start_daemon
(set -e; start_server; make_backups) >"$work/prepare.log" 2>&1 || { echo "FAIL $suite: prepare"; cat "$work/prepare.log"; exit 1; }
# The empty state that builds begin with is made once.
make_image warm 'sourceType: empty' 'version: 15' >/dev/null
run_cases "$@"
