#!/usr/bin/env bash
# Settings of a server: of an image, of a container on top of them, and where they stay: over save, reset, a restart of the
# engine and of the daemon, a graduation, an export.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

shown() { sql "$1" '' "show $2"; }

case_an_image_and_its_containers_have_them() {
  echo 'create table memory as select current_setting($$work_mem$$) as of_the_build;' >"$work/files/shop.sql"
  make_image shop 'sourceType: backup' 'backup: {file: shop.sql}' 'initialDatabaseName: shop' \
    'settings: {work_mem: 7MB, max_connections: 33, shared_preload_libraries: auto_explain}' >/dev/null
  assert_eq "$(image_field shop settings.work_mem)" 7MB
  assert_contains "$(ctl get data-image shop -o yaml)" "work_mem: 7MB"
  make_container shop plain >/dev/null
  assert_eq "$(sql plain shop 'select of_the_build from memory')" 7MB "applied before the restore"
  assert_eq "$(shown plain work_mem)" 7MB
  assert_eq "$(shown plain max_connections)" 33
  assert_eq "$(shown plain shared_preload_libraries)" auto_explain
  assert_eq "$(field plain settings.max_connections)" 33
  ctl delete data-container -q plain
}

case_those_of_a_container_stand_above_them() {
  ctl create data-container -q -i shop -n own --setting work_mem=9MB --setting max_connections=44 --setting statement_timeout=1234 >/dev/null
  assert_eq "$(shown own work_mem)" 9MB
  assert_eq "$(shown own max_connections)" 44
  assert_eq "$(shown own statement_timeout)" 1234ms
  assert_eq "$(shown own shared_preload_libraries)" auto_explain "of the image"
}

keeps() {
  wait_until 20 answers own
  assert_eq "$(shown own work_mem)" 9MB "$1"
  assert_eq "$(shown own max_connections)" 44 "$1"
  assert_eq "$(shown own shared_preload_libraries)" auto_explain "$1"
}
case_they_stay_whatever_becomes_of_it() {
  ctl save data-container -q own >/dev/null; keeps "after a save"
  ctl reset data-container -q own; keeps "after a reset"
  ctl load data-container -q own -r rev.1; keeps "after a load"
  ctl stop data-container -q own; ctl start data-container -q own; keeps "stopped and started"
  kill_daemon
  start_daemon; keeps "after a restart of the daemon"
  stop_daemon
  local pid; for pid in $(keepers); do kill -9 "$pid"; done
  start_daemon; keeps "after its keeper was killed"
}

case_a_graduated_image_has_both() {
  assert_exit 0 ctl graduate data-container -q own --name grown
  assert_eq "$(image_field grown settings.work_mem)" 9MB
  assert_eq "$(image_field grown settings.shared_preload_libraries)" auto_explain
  make_container grown child >/dev/null
  assert_eq "$(shown child max_connections)" 44
  ctl delete data-container -q child
}

case_an_export_takes_them_along() {
  ctl export data-image grown >"$work/grown.spawn" 2>/dev/null
  assert_exit 0 ctl import data-image -q --name back "$work/grown.spawn"
  assert_eq "$(image_field back settings.work_mem)" 9MB
  make_container back again >/dev/null
  assert_eq "$(shown again max_connections)" 44
  ctl delete data-container -q again
}

case_what_the_server_refuses_fails_at_once() {
  local before; before=$(ls "$state/containers" | wc -l)
  assert_exit 64 ctl create data-container -q -i shop -n broken --setting max_connections=many
  assert_contains "$err" "max_connections"
  assert_error 2 broken -- ctl get data-container broken
  nothing_more() { (( $(ls "$state/containers" | wc -l) <= before )); }
  wait_until 10 nothing_more
  assert_exit 64 ctl create data-image -q -f "$(image_yaml broken 'sourceType: empty' 'settings: {no_such_thing: 1}' 'initialDatabaseName: x')"
  assert_contains "$err" "no_such_thing"
  assert_error 2 broken -- ctl get data-image broken
}

case_what_spawnd_decides_is_refused_by_name() {
  assert_error 64 "setting 'port' cannot be given" -- ctl create data-container -i shop -n no --setting port=1
  assert_error 64 "setting 'Data-Directory' cannot be given" -- ctl create data-container -i shop -n no --setting Data-Directory=/x
  assert_error 64 "setting 'listen_addresses' cannot be given" -- ctl create data-image -f "$(image_yaml no 'sourceType: empty' "settings: {listen_addresses: '*'}")"
  assert_error 64 "setting" -- ctl create data-container -i shop -n no --setting work_mem
  assert_error 64 "given twice" -- ctl create data-container -i shop -n no --setting work_mem=1 --setting work-mem=2
}

case_of_mariadb() {
  cat >"$work/files/case.yaml" <<END
name: case
engine: mariadb
sourceType: backup
initialDatabaseName: shop
settings: {lower_case_table_names: 1}
backups: [{path: ./case.sql}]
END
  echo 'create table item (a int); create view v as select * from ITEM; insert into Item values (5);' >"$work/files/case.sql"
  assert_exit 0 ctl create data-image -q -f "$work/files/case.yaml"
  make_container case of-mariadb >/dev/null
  assert_eq "$(ctl connect of-mariadb -- -N -e 'select a from shop.ITEM' 2>/dev/null)" 5
  ctl reset data-container -q of-mariadb
  assert_eq "$(ctl connect of-mariadb -- -N -e 'select a from shop.V' 2>/dev/null)" 5
  ctl delete data-container -q of-mariadb
}

case_too_much_of_it() {
  local i flags=()
  for i in $(seq 1 101); do flags+=(--setting "a$i=1"); done
  assert_error 64 "more than 100 settings" -- ctl create data-container -i shop -n no "${flags[@]}"
}

write_config
start_daemon
run_cases "$@"
