#!/usr/bin/env bash
# Two migration tools that nobody here wrote, sqitch and dbmate, in the flow of a CI job: create, get -o json, migrate,
# a migration that the backup's data makes fail, reset, migrate again, delete.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

dbmate=$(echo "$repo"/.deps/dbmate/*/dbmate)

# --- the two tools ---------------------------------------------------------------------------------------------

# Each project has three migrations: a table of its own, a column of `item` where there is one, and one that only an
# `item` without duplicate names lets pass.
make_sqitch_project() {
  mkdir -p "$work/sqitch"; cd "$work/sqitch" || exit 1
  sqitch config --user user.name 'a test' && sqitch config --user user.email test@example.invalid
  sqitch init shop --engine pg >/dev/null
  add_sqitch_change orders 'create table orders (id int primary key, item_id int)' 'drop table orders'
  add_sqitch_change colour 'alter table if exists item add column colour text' \
    'alter table if exists item drop column colour'
  add_sqitch_change unique_names "do \$\$ begin if to_regclass('item') is not null then alter table item add constraint unique_names unique (name); end if; end \$\$" \
    'alter table if exists item drop constraint unique_names'
}
add_sqitch_change() {
  sqitch add "$1" -n "$1" >/dev/null
  printf 'begin;\n%s;\ncommit;\n' "$2" >"deploy/$1.sql"
  printf 'begin;\n%s;\ncommit;\n' "$3" >"revert/$1.sql"
  printf 'begin;\nrollback;\n' >"verify/$1.sql"
}
# with_sqitch JSON COMMAND...
with_sqitch() {
  local json=$1; shift
  (cd "$work/sqitch" && PGPASSWORD=$(jq -r .password <<<"$json") sqitch "$@" --target \
    "db:pg://$(jq -r '"\(.user)@\(.host):\(.port)/\(.database)"' <<<"$json")")
}

make_dbmate_project() {
  mkdir -p "$work/dbmate/migrations"; cd "$work/dbmate/migrations" || exit 1
  printf -- '-- migrate:up\ncreate table orders (id int primary key, item_id int);\n-- migrate:down\ndrop table orders;\n' >20250101000001_orders.sql
  printf -- '-- migrate:up\nalter table if exists item add column colour text;\n-- migrate:down\nalter table if exists item drop column colour;\n' >20250101000002_colour.sql
  printf -- "-- migrate:up\ndo \$\$ begin if to_regclass('item') is not null then alter table item add constraint unique_names unique (name); end if; end \$\$;\n-- migrate:down\nalter table if exists item drop constraint unique_names;\n" >20250101000003_unique_names.sql
}
# with_dbmate JSON COMMAND...
with_dbmate() {
  local json=$1; shift
  "$dbmate" --no-dump-schema --migrations-dir "$work/dbmate/migrations" --url "$(jq -r .url <<<"$json")?sslmode=require" "$@"
}

# --- the job ---------------------------------------------------------------------------------------------------

count() { sql "$1" '' "select count(*) from $2"; }

on_an_empty_image() {
  local tool=$1 name=empty-$1 json; shift
  ctl create data-container -q -i empty -n "$name" >/dev/null
  json=$(ctl get data-container "$name" -o json)
  "with_$tool" "$json" "$@"
  assert_eq "$(count "$name" orders)" 0 "the new table"
  ctl delete data-container -q "$name"
}

on_an_image_with_data() {
  local tool=$1 name=data-$1 json; shift
  ctl create data-container -q -i shop -n "$name" >/dev/null
  json=$(ctl get data-container "$name" -o json)
  # What developers hear of in production otherwise: the data of the backup breaks the third migration.
  if "with_$tool" "$json" "$@" >"$work/migrate.log" 2>&1; then fail "two items with one name passed"; fi
  assert_contains "$(<"$work/migrate.log")" unique_names "what the tool says"
  assert_eq "$(count "$name" orders)" 0 "the migrations before it have run"

  ctl reset data-container -q "$name"
  assert_eq "$(sql "$name" '' "select to_regclass('orders') is null")" t "reset takes the migrations back"
  assert_eq "$(ctl get data-container "$name" -o json | jq -r .url)" "$(jq -r .url <<<"$json")" "the address stays"

  sql "$name" '' "update item set name = name || id where id = 2"
  ctl save data-container -q "$name" >/dev/null
  "with_$tool" "$json" "$@"
  assert_eq "$(sql "$name" '' "select count(*) from pg_constraint where conname = 'unique_names'")" 1
  assert_eq "$(count "$name" item)" 1000
  ctl reset data-container -q "$name"
  "with_$tool" "$json" "$@"  # the tool's own records of what has run were reset as well
  ctl delete data-container -q "$name"
}

case_sqitch_on_an_empty_image() { on_an_empty_image sqitch deploy; }
# --mode change: or it takes back the migrations before the one that failed, too.
case_sqitch_on_data() { on_an_image_with_data sqitch deploy --mode change; }
case_dbmate_on_an_empty_image() { on_an_empty_image dbmate migrate; }
case_dbmate_on_data() { on_an_image_with_data dbmate migrate; }

write_config
start_daemon
export HOME=$work  # sqitch's own settings stay out of the user's
make_image empty 'sourceType: empty' 'version: 15' 'initialDatabaseName: shop' >/dev/null
make_items_image shop 'version: 15' "postScript: update item set name = 'twice' where id in (1, 2)"
(make_sqitch_project) || { echo "FAIL $suite: cannot make a sqitch project"; exit 1; }
(make_dbmate_project)
run_cases "$@"
