#!/usr/bin/env bash
# PostgreSQL 11, 15, 17 and 18 side by side: Debian's own, and npm packages found on the configured search path.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# serves MAJOR TEXT-OF-VERSION
serves() {
  make_image "v$1" 'sourceType: backup' "version: $2" 'initialDatabaseName: shop' 'backup: {file: items.sql}' >/dev/null
  make_container "v$1" "of-v$1" >/dev/null
  assert_matches "$(sql "of-v$1" '' 'show server_version')" "^$1\." "server version"
  assert_eq "$(sql "of-v$1" '' 'select count(*) from item')" 1000
  assert_eq "$(sslmode=require sql "of-v$1" '' 'select ssl from pg_stat_ssl where pid = pg_backend_pid()')" t "TLS"
  assert_eq "$(field "of-v$1" versionText)" "$2" "the version as asked for"
  assert_matches "$(field "of-v$1" version)" "^$1\."
}

case_version_11() { serves 11 11.0; }
case_version_15() { serves 15 15; }
case_version_17() { serves 17 17.0; }
case_version_18() { serves 18 18; }

case_newest_without_a_version() {
  make_image newest 'sourceType: empty' >/dev/null
  make_container newest of-newest >/dev/null
  assert_matches "$(sql of-newest postgres 'show server_version')" '^18\.'
}

case_unknown_version_names_the_installed() {
  assert_error 64 9.6 11. 15. 17. 18. -- ctl create data-image -f "$(image_yaml old 'sourceType: empty' 'version: 9.6')"
}

case_unknown_engine_names_the_known() {
  printf 'name: x\nengine: dbase\nsourceType: empty\n' >"$work/files/dbase.yaml"
  assert_error 64 dbase postgresql -- ctl create data-image -f "$work/files/dbase.yaml"
}

write_config
start_daemon
make_items_image base
run_cases "$@"
