#!/usr/bin/env bash
# A state directory whose catalog is lost: of the manifests comes one in which everything is as it was. What lost+found has is
# shown, comes back, and goes.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

fsck() { "$spawnd" fsck --state-dir "$state" "$@"; }
lost() { "$spawnd" lost-and-found "$1" --state-dir "$state" "${@:2}"; }
id_of() { jq -r .id "$work/$1.json"; }
keeper_of() { keeper_pid "$(id_of "$1")"; }
lose_catalog() { mkdir -p "$work/lost"; mv "$state"/catalog.db* "$work/lost/"; }
manifest_says() { grep -qF "$2" "$state/containers/$(id_of "$1")/manifest"; }
image_manifest_says() { grep -qF "$2" "$state/store/images/$(image_field items id).manifest"; }

case_setup() {
  make_items_image items 'tags: [one, two]' 'teams: [public]'
  local name
  for name in runs ended; do
    make_container items "$name" >/dev/null
    sql "$name" '' "create table week as select i from generate_series(1, 700) i"
  done
  assert_exit 0 ctl save dc -q runs
  sql runs '' 'drop table week'
  assert_exit 0 ctl update dc runs --name renamed --lifetime 48h
  for name in renamed ended; do ctl get dc "$name" -o json >"$work/$name.json"; done
  ctl get di items -o json >"$work/items.json"
  wait_until 20 manifest_says renamed '"renamed"'
  wait_until 20 manifest_says renamed '"number":1'
  wait_until 20 manifest_says ended '"ended"'
  wait_until 20 image_manifest_says items '"public"'
  assert_eq "$(stat -c %a "$state/containers/$(id_of ended)/manifest")" 600
  keeper_of renamed >"$work/keeper"
}

case_no_catalog_is_no_start() {
  stop_daemon
  assert_error 1 'is there' -- fsck --rebuild-catalog
  lose_catalog
  assert_error 1 'is missing' -- "$spawnd" serve --state-dir "$state" --socket "$work/other.sock" --config "$work/spawnd.yaml"
  assert_contains "$err" 'rebuild-catalog'
  local verb
  for verb in fsck inventory 'lost-and-found list'; do
    # shellcheck disable=SC2086
    assert_error 1 'is missing' -- "$spawnd" $verb --state-dir "$state"
    assert_contains "$err" 'rebuild-catalog' "$verb"
  done
}

case_of_manifests_comes_a_catalog_with_all() {
  # Events come up to the end of the daemon: the catalog that was lost knows the last one.
  python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT max(id) FROM events").fetchone()[0])' \
    "$work/lost/catalog.db" >"$work/last-event"
  kill -9 "$(keeper_of ended)"
  assert_exit 0 fsck --rebuild-catalog
  assert_contains "$out" 'access tokens have to be made anew'
  assert_exit 0 fsck
  assert_eq "$out" clean
  start_daemon
  wait_until 30 answers renamed
  wait_until 30 answers ended
  assert_eq "$(keeper_of renamed)" "$(<"$work/keeper")" 'the keeper of what runs'
  local key name
  for name in renamed ended; do
    for key in id name image imageId port user password database owner createdAt expiresAt revision durability; do
      assert_eq "$(field $name $key)" "$(jq -r ".$key" "$work/$name.json")" "$key of $name"
    done
  done
  for key in id name tags teams owner createdAt engine version; do
    assert_eq "$(ctl get di items -o json | jq -c ".$key")" "$(jq -c ".$key" "$work/items.json")" "$key of the image"
  done
  assert_eq "$(sql ended '' 'select count(*) from week')" 700
  assert_exit 0 ctl load dc renamed -r rev.1 -q
  assert_eq "$(sql renamed '' 'select count(*) from week')" 700
  make_container items next >/dev/null
  next_written() { [[ -e $state/containers/$(field next id)/manifest ]]; }
  wait_until 20 next_written
  (( $(field next id) > $(id_of ended) )) || fail "id $(field next id)"
}

case_a_stop_writes_what_is_due() {
  make_container items late >/dev/null
  assert_exit 0 ctl update dc late --name latest
  local folder
  folder=$state/containers/$(field latest id)
  stop_daemon
  grep -qF '"latest"' "$folder/manifest" || fail "not in the manifest: $(ls -l "$folder")"
  start_daemon
  assert_exit 0 ctl delete dc latest
  late_gone() { [[ ! -e $folder ]]; }
  wait_until 20 late_gone
}

# No id of an event is given twice, who goes on from an old one is told what is lost, and nothing comes as new.
case_events_go_on_after_those_that_are_lost() {
  local last; last=$(<"$work/last-event")
  assert_eq "$(ctl events -o json --filter event=created --filter name=renamed --filter name=ended --filter name=items)" ""
  assert_eq "$(ctl events -o json | jq -s --argjson last "$last" 'length > 0 and all(.[]; .id > $last)')" true
  assert_eq "$(ctl events -o json --since "$last" | head -n 1 | jq -c '[.event, .from]')" "[\"missed\",$((last + 1))]"
  assert_eq "$(ctl events -o json --since "$last" | jq -r 'select(.event == "missed") | .to + 1')" "$(ctl events -o json | head -n 1 | jq .id)"
}

case_a_damaged_manifest_is_found_and_written_anew() {
  local manifest
  manifest=$state/containers/$(id_of ended)/manifest
  stop_daemon
  sed -i 's/"ended"/"ENDED"/' "$manifest"
  assert_exit 1 fsck
  assert_contains "$out" "$manifest"
  assert_exit 0 fsck --repair
  assert_exit 0 fsck
  assert_eq "$out" clean
  start_daemon
}

case_what_is_lost_is_shown_and_comes_back() {
  stop_daemon
  lose_catalog
  mv "$state/containers/$(id_of ended)/manifest" "$work/manifest"
  kill -9 "$(keeper_of ended)"
  assert_exit 0 fsck --rebuild-catalog
  assert_contains "$out" "not in it: data container $(id_of ended)"
  mv "$work/manifest" "$state/containers/$(id_of ended)/manifest"
  start_daemon
  assert_exit 0 lost list -o json
  assert_eq "$(jq -c '[.[] | {kind, id, name, hoursLeft}]' <<<"$out")" \
    "[{\"kind\":\"data container\",\"id\":\"$(id_of ended)\",\"name\":\"ended\",\"hoursLeft\":336}]"
  assert_exit 0 lost list
  assert_contains "$out" '14 days left'
  assert_error 1 'another spawnd' -- lost restore "$(id_of ended)"
  stop_daemon
  assert_error 2 'has no' -- lost restore 4711
  assert_error 64 'is no number' -- lost restore ended
  assert_exit 0 lost restore "$(id_of ended)"
  assert_exit 0 fsck --repair
  assert_eq "$out" clean
  start_daemon
  wait_until 30 answers ended
  assert_eq "$(ctl events -o json --filter event=created --filter event=saved --filter event=recovered --filter name=ended | jq -r .event)" recovered
  assert_eq "$(sql ended '' 'select count(*) from week')" 700
  assert_eq "$(field ended password)" "$(jq -r .password "$work/ended.json")"
  assert_exit 0 lost list
  assert_eq "$out" 'Nothing is there.'
}

case_what_is_lost_can_be_thrown_away() {
  local id
  id=$(field next id)
  stop_daemon
  lose_catalog
  rm "$state/containers/$id/manifest"
  kill -9 "$(keeper_pid "$id")"
  assert_exit 0 fsck --rebuild-catalog
  start_daemon
  assert_exit 0 lost list -o json
  assert_eq "$(jq -r '.[0].id' <<<"$out")" "$id"
  assert_exit 2 lost delete 4711
  assert_exit 0 lost delete "$id"
  assert_exit 0 lost list
  assert_eq "$out" 'Nothing is there.'
  folder_empty "$state/lost+found" || fail "left: $(find "$state/lost+found")"
}

write_config
start_daemon
run_cases "$@"
