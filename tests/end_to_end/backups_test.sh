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
case_base_backup_tar_file() { restores_base tar-file 'backup: {folder: base-tar, file: base.tar}'; }
case_base_backup_tar_gz_file() { restores_base tar-gz-file 'backup: {path: base-tar-gz/base.tar.gz}'; }
case_base_backup_with_its_log_inside() { restores_base fetch 'backup: {folder: base-fetch, file: base.tar}'; }
case_base_backup_plain_folder() { restores_base plain-folder 'backupFolder: base-plain'; }

write_config
prepare_base_backups
start_daemon
run_cases "$@"
