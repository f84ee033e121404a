#!/usr/bin/env bash
# Images: from nothing and from every kind of dump; their names, tags, ids and listings.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"
# shellcheck source=sample_database.sh
source "$(dirname "$0")/sample_database.sh"

case_empty_image() {
  make_image earlier 'sourceType: empty' >/dev/null  # the first use of a version is said
  assert_exit 0 ctl create data-image -f "$(image_yaml blank 'sourceType: empty')"
  assert_matches "$out" "^Data image 'blank' \(1[0-9]{4}\) created!$" "stdout"
  assert_eq "$err" "" "stderr when it is no terminal"
  make_container blank of-blank
  assert_eq "$(sql of-blank postgres 'select 1')" 1
  assert_eq "$(sql of-blank '' "select count(*) from pg_class where relnamespace = 'public'::regnamespace")" 0
}

case_empty_image_with_a_database() {
  assert_eq "$(make_image named 'sourceType: Empty' 'initialDatabaseName: Customers')" named "what -q prints"
  make_container named of-named
  assert_eq "$(field of-named database)" Customers
  assert_eq "$(sql of-named Customers 'select current_database()')" Customers
}

# restores NAME DATABASE YAML-LINE...: makes image and container, and looks at the data.
restores() {
  local name=$1 database=$2; shift 2
  make_image "$name" 'sourceType: backup' "$@" >/dev/null
  make_container "$name" "of-$name" >/dev/null
  assert_sample "of-$name" "$database"
  ctl delete data-container -q "of-$name"
}

case_plain_dump() { restores plain shop 'initialDatabaseName: shop' "backup: {folder: ., file: plain.sql}"; }
case_plain_dump_gzip() { restores plain-gz shop 'initialDatabaseName: shop' "backups: [{path: plain.sql.gz}]"; }
case_dump_with_create() { restores create shop 'backupFile: create.sql'; }
case_dump_with_create_gzip() { restores create-gz shop "backupFolder: $work/files" 'backupFile: create.sql.gz'; }
case_custom_format() { restores custom shop 'initialDatabaseName: shop' "backups:" "  - folder: ./  " "    file: custom.dump  "; }
case_custom_format_gzip() { restores custom-gz shop 'initialDatabaseName: shop' "backup: {path: $work/files/custom.dump.gz}"; }
case_tar_format() { restores tar shop 'initialDatabaseName: shop' 'backup: {file: dump.tar}'; }
case_unknown_locale() { restores locale shop 'backupFile: locale.sql'; }
case_engine_by_its_alias() {
  printf 'name: alias\nengine: Postgres\nsourceType: BACKUP\ninitialDatabaseName: shop\nbackup: {file: plain.sql}\n' >"$work/files/alias.yaml"
  assert_eq "$(ctl create data-image -f "$work/files/alias.yaml" -q)" alias
}

case_pagila() {
  local dump=$repo/../shared/data/pagila.sql.gz
  [[ -r $dump ]] || skip "no pagila.sql.gz in ../shared/data"
  make_image pagila 'sourceType: backup' "backups: [{path: $(realpath "$dump")}]" 'version: 15' >/dev/null
  make_container pagila of-pagila >/dev/null
  assert_eq "$(sql of-pagila pagila 'select count(*) from film')" 1000
  assert_eq "$(sql of-pagila pagila 'select count(*) from rental')" 16044
  assert_eq "$(sql of-pagila pagila "select pg_get_userbyid(relowner) <> '' from pg_class where relname = 'film'")" t
  assert_eq "$(sql of-pagila postgres "select datcollate from pg_database where datname = 'pagila'")" C.UTF-8
}

# A relative path counts from the YAML file's folder, wherever the command runs.
case_paths_count_from_the_yaml() {
  mkdir -p "$work/files/deeper/dumps"
  cp "$work/files/plain.sql" "$work/files/deeper/dumps/here.sql"
  printf 'name: relative\nengine: postgresql\nsourceType: backup\ninitialDatabaseName: shop\nbackup: {folder: ./dumps/, file: here.sql}\n' \
    >"$work/files/deeper/image.yaml"
  (cd / && ctl create data-image -q -f "$work/files/deeper/image.yaml")
}

case_names_tags_and_ids() {
  local first second
  ctl create data-image -q -f "$(image_yaml tagged 'sourceType: empty' 'tags: [one, 0.2]' 'teams: [org:a, org:b]')"
  first=$(image_field tagged id)
  assert_eq "$(image_field tagged:0.2 id)" "$first" "a tag that is a number keeps its text"
  assert_eq "$(image_field tagged 'teams | join(",")')" org:a,org:b
  assert_eq "$(ctl create data-image -f "$work/files/tagged.yaml" --tag=one --tag two -q -q --lifetime 48h)" tagged
  second=$(image_field tagged:two id)
  (( second > first )) || fail "ids grow: $first, then $second"
  assert_eq "$(image_field tagged:one id)" "$second" "a tag moves to the newest image that carries it"
  assert_eq "$(image_field tagged id)" "$second" "a bare name is the newest"
  assert_eq "$(image_field "$first" name)" tagged "an id"
  assert_eq "$(image_field "$second" 'tags | sort | join(",")')" 0.2,one,two
  assert_contains "$(ctl get di tagged:two)" "days from now" "ExpiresAt"
}

case_name_from_the_command_line() {
  ctl create data-image -f "$(image_yaml from-yaml 'sourceType: empty')" --name from-flag -q >"$work/name"
  assert_eq "$(<"$work/name")" from-flag
}

case_listings() {
  ctl create data-image -q -f "$(image_yaml listed 'sourceType: empty' 'version: 15.0' 'tags: [a, b]')"
  assert_exit 0 ctl get data-images
  assert_eq "$err" "" "get writes nothing to stderr"
  assert_eq "$(head -n 1 <<<"$out" | xargs)" "ID Name Tags Engine Status CreatedAt Teams ExpiresAt"
  assert_contains "$(awk '{print $2}' <<<"$out")" listed "column 2 is the name"
  assert_matches "$(grep ' listed ' <<<"$out")" 'PostgreSQL:15\.0 +Completed' "the version as asked for"
  assert_exit 0 ctl get di listed -o json
  assert_eq "$(jq -r '[.name, .engine, .versionText, .status, (.tags|join(",")), (.id|type)] | join(" ")' <<<"$out")" "listed PostgreSQL 15.0 Completed a,b number"
  assert_matches "$(jq -r .version <<<"$out")" '^15\.[0-9]+' "the server that made it"
  assert_exit 0 ctl -o=json get data-images
  assert_eq "$(jq -r type <<<"$out")" array
  assert_exit 0 ctl get data-image listed -o yaml
  assert_contains "$out" "name: listed"
  assert_contains "$out" "createdat:" "YAML keys are lower case"
  # head leaves early: a closed pipe is no error and says nothing.
  (set -o pipefail; ctl get data-images 2>"$work/err" | head -c 1 >/dev/null)
  assert_eq "$(<"$work/err")" "" "stderr after a closed pipe"
}

case_delete() {
  make_image doomed 'sourceType: empty' >/dev/null
  make_container doomed user-of-doomed >/dev/null
  assert_error 1 doomed user-of-doomed -- ctl delete data-image doomed
  ctl delete data-container -q user-of-doomed
  gone() { ctl delete data-image -q doomed >"$work/out" 2>&1; }
  wait_until 20 gone
  assert_eq "$(<"$work/out")" "" "what delete -q prints"
  assert_error 2 doomed -- ctl get data-image doomed
}

# The empty state of a version is made once: the second image takes a fraction of initdb's time and no layer of its own.
case_empty_state_is_reused() {
  make_image again-1 'sourceType: empty' >/dev/null
  local start layers
  layers=$(find "$state/store/layers" -name '*.layer' | wc -l)
  start=$(date +%s%N)
  make_image again-2 'sourceType: empty' >/dev/null
  note "second empty image: $((($(date +%s%N) - start) / 1000000)) ms"
  (( $(find "$state/store/layers" -name '*.layer' | wc -l) <= layers + 1 )) || fail "more than one new layer"
  (( $(image_field again-2 diskBytes) < 1048576 )) || fail "an empty image takes $(image_field again-2 diskBytes) bytes of its own"
}

case_progress_on_a_terminal() {
  local yaml
  yaml=$(image_yaml progress 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: plain.sql}')
  script -qec "'$work/spawnctl' create data-image -f '$yaml'" "$work/typescript" >/dev/null </dev/null
  assert_contains "$(<"$work/typescript")" "restoring" "progress on a terminal"
  assert_contains "$(<"$work/typescript")" "Data image 'progress'" "the result"
  assert_exit 0 ctl create data-image --progress -f "$work/files/progress.yaml"
  assert_contains "$err" "restoring" "progress that was asked for"
  assert_lacks "$out" "restoring" "stdout"
}

case_nothing_temporary_stays() {
  wait_until 20 folder_empty "$state/builds"
  assert_eq "$(find "$state" -name '*.tmp')" "" "temporary files"
}

write_config
prepare_dumps
start_daemon
run_cases "$@"
