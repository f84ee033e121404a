#!/usr/bin/env bash
# Data sources: images that are made again and again of one YAML, by a schedule, at a request, by a person; whose runs
# they are, what becomes of them, and what stays when the daemon, the folder, the owner or the source goes.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

spawn_gid=$(getent group spawn | cut -d: -f3)
# A user with an account and a home, who is in the group `spawn`.
ann_uid=64310
# The daemon sees an account of hers; on the machine there is none.
cp /etc/passwd "$work/passwd"
echo "ann-of-sources:x:$ann_uid:$spawn_gid::$work/home:/bin/bash" >>"$work/passwd"
printf '#!/bin/sh\nmount --bind %q /etc/passwd && exec %q "$@"\n' "$work/passwd" "$spawnd" >"$work/with-account"
printf '#!/bin/sh\nexec unshare --mount --propagation private %q "$@"\n' "$work/with-account" >"$work/with-accounts"
chmod 0755 "$work/with-account" "$work/with-accounts"
spawnd=$work/with-accounts
write_config
start_daemon

ann() { setpriv --reuid "$ann_uid" --regid "$spawn_gid" --groups "$spawn_gid" -- env -C "$work/home" HOME="$work/home" "$work/spawnctl" "$@"; }

source_field() { ctl get data-source "$1" -o json | jq -r ".$2"; }
ann_field() { ann get data-source "$1" -o json | jq -r ".$2"; }
source_is() { [[ $(source_field "$1" "$2") == "$3" ]]; }
run_over() { [[ $(source_field "$1" lastOutcome) != running ]]; }
gone() { ! ctl get data-source "$1" >/dev/null 2>&1; }
images_of() { ctl get data-images -o json | jq --argjson source "$(source_field "$1" id)" '[.[] | select(.sourceId == $source)] | length'; }
metric() { ctl metrics | awk -v name="$1" 'index($0, name) == 1 { print $NF; found = 1 } END { if (!found) print 0 }'; }
events_of() { ctl events --since 0 --filter "type=source" --filter "name=$1" -o json | jq -r .event; }
has_event() { events_of "$1" | grep -qx "$2"; }
runs_left() { find "$state/runs" -mindepth 1 2>/dev/null | grep -q .; }
no_runs_left() { ! runs_left; }

# source_yaml NAME LINE...: writes $work/files/NAME.yaml.
source_yaml() { image_yaml "$@"; }
items_backup() {
  cat >"$work/files/items.sql" <<'END'
create table item (id int primary key, name text);
insert into item select i, md5(i::text) from generate_series(1, 1000) i;
END
}
# A dump that takes a while, until somebody says that it may end: the server waits for a lock that nobody gives.
slow_backup() { printf 'select pg_sleep(%s);\n' "$1" >"$work/files/slow.sql"; }

run_now() {
  ctl update data-source "$1" --run-now -q || fail "no run of '$1' begins"
  wait_until 150 run_over "$1"
}

case_a_run_makes_an_image_as_its_owner() {
  items_backup
  ctl create data-source -f "$(source_yaml shop 'sourceType: backup' 'backup: {file: items.sql}' 'initialDatabaseName: shop' 'tags: [latest]')" >"$work/said"
  assert_contains "$(<"$work/said")" "Data source 'shop' ("
  assert_eq "$(source_field shop status)" Ready
  assert_eq "$(source_field shop lastOutcome)" ''
  run_now shop
  assert_eq "$(source_field shop lastOutcome)" succeeded "$(source_field shop lastRunDetail)"
  assert_eq "$(source_field shop lastRunCause)" request
  assert_eq "$(source_field shop lastImage)" shop
  assert_eq "$(image_field shop:latest sourceId)" "$(source_field shop id)"
  make_container shop:latest mine >/dev/null
  assert_eq "$(sql mine shop 'select count(*) from item')" 1000
  assert_contains "$(ctl logs data-source shop)" "Data image 'shop'"
  has_event shop created && has_event shop run-started && has_event shop run-succeeded || fail "events: $(events_of shop)"
  [[ $(metric 'spawnd_data_source_runs_total{outcome="succeeded"}') -ge 1 ]] || fail "the run is not counted"
  wait_until 10 no_runs_left
}

case_the_table_has_what_one_wants_to_know() {
  local table; table=$(ctl get data-sources)
  assert_matches "$table" '^ID +Name +Type +Status +Schedule +NextRun +LastRun +LastImage +Lag'
  assert_eq "$(awk 'NR == 2 { print $2, $3, $4 }' <<<"$table")" "shop backup Ready"
  assert_contains "$(ctl get data-sources -o wide)" Failures
  assert_eq "$(ctl get data-sources -o name)" shop
  assert_eq "$(ctl get data-sources -o json | jq -r '.[0].name')" shop
  assert_contains "$(ctl get data-source shop -o yaml)" 'sourcetype: backup'
}

# In his own session, under another name; not counted as a run.
case_a_person_makes_one_of_it() {
  local runs; runs=$(source_field shop runs)
  assert_eq "$(ctl create data-image --source shop --name mine-now --tag x -q)" mine-now
  assert_eq "$(image_field mine-now:x sourceId)" "$(source_field shop id)"
  assert_eq "$(source_field shop runs)" "$runs"
  # A YAML that says what is different.
  printf 'source: shop\nname: changed\npostScript: |\n  delete from item where id > 10;\n' >"$work/files/changed.yaml"
  ctl create data-image -f "$work/files/changed.yaml" -q >/dev/null
  make_container changed few >/dev/null
  assert_eq "$(sql few shop 'select count(*) from item')" 10
  ctl delete data-container few -q
}

case_a_schedule_runs_by_itself() {
  ctl create data-source -f "$(source_yaml every 'sourceType: empty' 'schedule: "* * * * *"')" 2>"$work/err" && fail "an empty source is taken"
  assert_contains "$(<"$work/err")" "cannot be of sourceType 'empty'"
  ctl create data-source -q -f "$(source_yaml every 'sourceType: backup' 'backup: {file: items.sql}' 'schedule: "* * * * *"' 'keep: 1')"
  assert_matches "$(source_field every nextRunAt)" '^20'
  [[ $(source_field every timeZone) != '' ]] || fail "it does not say which time that is"
  wait_until 75 source_is every runs 1
  wait_until 150 run_over every
  assert_eq "$(source_field every lastOutcome)" succeeded "$(source_field every lastRunDetail)"
  assert_eq "$(source_field every lastRunCause)" schedule
  # No further ones: each costs a minute of this test.
  ctl update data-source every --schedule none -q
  assert_eq "$(source_field every nextRunAt)" null
}

# What is not there when nobody is.
case_a_schedule_has_no_environment() {
  local file; file=$(source_yaml variable 'sourceType: server' 'connection: {host: 127.0.0.1, passwordVariable: SHOP_PASSWORD}')
  assert_error 64 passwordVariable passwordFile -- ctl create data-source -f "$file" --schedule @daily
  ctl create data-source -q -f "$file" >/dev/null
  assert_error 64 passwordVariable passwordFile -- ctl update data-source variable --schedule @daily
  ctl delete data-source -q variable
}

case_so_many_stay_but_for_those_in_use() {
  ctl create data-image --source every --name by-hand -q >/dev/null
  local first; first=$(source_field every lastImageId)
  ctl update data-source every --keep 2 -q
  run_now every; run_now every; run_now every
  wait_until 20 source_is every images 3  # two of runs, and one that a person made
  ctl get data-image by-hand >/dev/null || fail "what a person made went"
  # One that has a container stays as long as it has.
  local oldest; oldest=$(ctl get data-images -o json | jq "[.[] | select(.sourceId == $(source_field every id) and .name == \"every\") | .id] | min")
  make_container "$oldest" holds >/dev/null
  run_now every
  ctl get data-image "$oldest" >/dev/null || fail "an image that has a container went"
  ctl delete data-container holds -q
  run_now every
  image_gone() { ! ctl get data-image "$1" >/dev/null 2>&1; }
  wait_until 20 image_gone "$oldest"
  wait_until 20 source_is every images 3
}

# What `create data-image -f` of a file with a schedule does: the image now, and the source of its name.
case_an_image_yaml_with_a_schedule_makes_both() {
  local yaml; yaml=$(source_yaml both 'sourceType: backup' 'backup: {file: items.sql}' 'schedule: "0 3 * * 1-5"' 'keep: 5')
  assert_eq "$(ctl create data-image -q -f "$yaml")" both
  assert_eq "$(source_field both schedule)" "0 3 * * 1-5"
  assert_eq "$(source_field both keep)" 5
  assert_eq "$(image_field both sourceId)" "$(source_field both id)"
  local id; id=$(source_field both id)
  sed -i 's/keep: 5/keep: 7/' "$yaml"
  ctl create data-image -q -f "$yaml" >/dev/null
  assert_eq "$(source_field both id)" "$id" "the same source"
  assert_eq "$(source_field both keep)" 7
  ctl delete data-source both -q
  ctl get data-image both >/dev/null || fail "its images went with it"
  # An image that cannot be made leaves no source.
  printf 'create table broken (' >"$work/files/broken.sql"
  assert_error 64 "" -- ctl create data-image -q -f "$(source_yaml broken 'sourceType: backup' 'backup: {file: broken.sql}' 'schedule: "@daily"')"
  gone broken || fail "its source stays"
}

case_what_is_wrong_is_said() {
  local yaml; yaml=$(source_yaml bad 'sourceType: backup' 'backup: {file: items.sql}')
  assert_error 64 "61 is not from 0 to 59" -- ctl create data-source -f "$yaml" --schedule "61 * * * *"
  assert_error 64 "has 4 fields and not five" -- ctl create data-source -f "$yaml" --schedule "1 2 3 4"
  assert_error 64 "never due" -- ctl create data-source -f "$yaml" --schedule "0 0 30 2 *"
  assert_error 64 "'0' is no number of images to keep" -- ctl create data-source -f "$yaml" --keep 0
  assert_error 64 "line 5" "is no number of images" -- ctl create data-source -f "$(source_yaml bad 'sourceType: backup' 'backup: {file: items.sql}' 'keep: 0')"
  assert_error 2 "cannot open" "nothing.sql" -- ctl create data-source -f "$(source_yaml bad 'sourceType: backup' 'backup: {file: nothing.sql}')"
  assert_error 64 "'keep' is given, but no 'schedule'" -- ctl create data-image -f "$(source_yaml bad 'sourceType: backup' 'backup: {file: items.sql}' 'keep: 3')"
  assert_error 64 "standard input" -- ctl create data-source -f "$(source_yaml bad 'sourceType: backup' 'backup: {path: "-"}')"
  assert_error 64 "nothing is to be changed" -- ctl update data-source shop
  assert_error 2 "no data source 'shopp'" "did you mean 'shop'" -- ctl get data-source shopp
  assert_error 2 "no data source" -- ctl create data-image --source shopp
  assert_error 2 "no data source" -- ctl logs data-source shopp
  # A name that is taken.
  assert_exit 1 ctl create data-source -f "$work/files/shop.yaml"
  assert_contains "$err" "there is a data source 'shop' already"
  gone bad || fail "something of it stays"
}

case_no_password_is_kept() {
  local yaml; yaml=$(source_yaml secret 'sourceType: server' 'connection:' '  host: 127.0.0.1' '  user: joe' '  password: s3cr3t-of-joe')
  assert_error 64 "'password' is given in clear" "passwordfile" -- ctl create data-source -f "$yaml"
  yaml=$(source_yaml secret 'sourceType: server' 'connection: postgres://joe:s3cr3t-of-joe@127.0.0.1/shop')
  assert_error 64 "a password stands in a url" -- ctl create data-source -f "$yaml"
  assert_error 64 "a password stands in a url" -- ctl create data-image -f "$(source_yaml secret 'sourceType: server' 'connection: postgres://joe:s3cr3t-of-joe@127.0.0.1/shop' 'schedule: "@daily"')"
  ! grep -rlaF s3cr3t-of-joe "$state" "$work/daemon.log" || fail "the password is kept"
  gone secret || fail "something of it stays"
}

case_a_run_that_fails_says_why() {
  ctl create data-source -q -f "$(source_yaml breaks 'sourceType: backup' 'backup: {file: items.sql}')"
  printf 'select * from nothing_of_that_name;\n' >"$work/files/items.sql"
  run_now breaks
  items_backup
  assert_eq "$(source_field breaks lastOutcome)" failed
  assert_contains "$(source_field breaks lastRunDetail)" nothing_of_that_name
  assert_contains "$(source_field breaks detail)" nothing_of_that_name
  assert_eq "$(source_field breaks status)" Failed
  assert_contains "$(ctl get data-sources)" nothing_of_that_name
  assert_contains "$(ctl logs data-source breaks)" nothing_of_that_name
  has_event breaks run-failed || fail "no event of it"
  run_now breaks
  assert_eq "$(source_field breaks status)" Ready
  ctl delete data-source breaks -q
}

case_a_folder_that_has_gone() {
  mkdir "$work/files/passing"
  cp "$work/files/items.sql" "$work/files/passing/"
  printf 'name: passing\nengine: postgresql\nsourceType: backup\nbackup: {file: items.sql}\n' >"$work/files/passing/x.yaml"
  ctl create data-source -q -f "$work/files/passing/x.yaml"
  rm -r "$work/files/passing"
  run_now passing
  assert_eq "$(source_field passing lastOutcome)" failed
  assert_contains "$(source_field passing lastRunDetail)" "is not there any more"
  # From elsewhere it goes on.
  cp "$work/files/shop.yaml" "$work/files/elsewhere.yaml"
  ctl update data-source passing -f "$work/files/elsewhere.yaml" -q
  run_now passing
  assert_eq "$(source_field passing lastOutcome)" succeeded "$(source_field passing lastRunDetail)"
  ctl delete data-source passing -q
}

# Runs are their owner's in all they can do, and nobody else sees them.
case_a_run_is_its_owners() {
  mkdir "$work/home"; chown "$ann_uid:$spawn_gid" "$work/home"; chmod 0700 "$work/home"
  cp "$work/files/items.sql" "$work/home/"
  printf 'name: hers\nengine: postgresql\nsourceType: backup\nbackup: {file: items.sql}\n' >"$work/home/hers.yaml"
  chown "$ann_uid" "$work/home"/*; chmod 0600 "$work/home"/*
  ann create data-source -q -f hers.yaml >/dev/null
  ann update data-source hers --run-now -q
  over() { [[ $(ann_field hers lastOutcome) != running ]]; }
  wait_until 150 over
  assert_eq "$(ann_field hers lastOutcome)" succeeded "$(ann_field hers lastRunDetail)"
  assert_eq "$(ann get data-image hers -o json | jq -r .owner)" ann-of-sources
  # Root sees it, and can begin a run of it; hers are her images all the same.
  assert_eq "$(source_field hers owner)" ann-of-sources
  run_now hers
  assert_eq "$(source_field hers lastOutcome)" succeeded
  assert_eq "$(ctl get data-images -o json | jq -r '[.[] | select(.name == "hers") | .owner] | unique | .[]')" ann-of-sources
  assert_error 2 "no data source" -- ann get data-source shop
  assert_eq "$(ann get data-sources -o json | jq -r '.[].name')" hers
  # What the run may read is what she may read.
  chown root "$work/home/items.sql"; chmod 0600 "$work/home/items.sql"
  run_now hers
  assert_eq "$(source_field hers lastOutcome)" failed
  assert_contains "$(source_field hers lastRunDetail)" "ermission denied"
}

case_an_owner_without_an_account() {
  cat /etc/passwd >"$work/passwd"  # the same file, which the daemon has in its place
  run_now hers
  assert_eq "$(source_field hers lastOutcome)" failed
  assert_contains "$(source_field hers lastRunDetail)" "has no account on this machine"
  ctl delete data-source hers -q
}

case_a_run_that_takes_longer_than_its_interval() {
  slow_backup 300
  ctl create data-source -q -f "$(source_yaml long 'sourceType: backup' 'backup: {file: slow.sql}' 'schedule: "* * * * *"')"
  ctl update data-source long --run-now -q
  assert_eq "$(source_field long status)" Running
  assert_error 1 "a run of data source 'long' goes on" -- ctl update data-source long --run-now
  skipped() { [[ $(source_field long skipped) -ge 1 ]]; }
  wait_until 75 skipped
  assert_contains "$(source_field long detail)" "skipped"
  has_event long run-skipped || fail "no event of it"
  assert_eq "$(source_field long runs)" 1
}

# With the run go its processes, the image that it was making, and its folder.
case_delete_during_a_run() {
  local process; process=$(run_process long)
  ctl delete data-source long -q
  gone long || fail "it is there"
  wait_until 10 process_gone "$process"
  wait_until 20 no_runs_left
  no_image() { ! ctl get data-image long >/dev/null 2>&1; }
  wait_until 20 no_image
}
run_process() {
  python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("select run_process from sources where name = ?", [sys.argv[2]]).fetchone()[0].split()[1])' \
    "$state/catalog.db" "$1"
}

# What a killed daemon leaves behind is nothing; what it was making is made again, once.
case_the_daemon_is_killed_during_a_run() {
  slow_backup 300
  ctl create data-source -q -f "$(source_yaml cut 'sourceType: backup' 'backup: {file: slow.sql}' 'schedule: "* * * * *"')"
  wait_until 75 source_is cut lastOutcome running
  has_process() { [[ $(run_process cut 2>/dev/null) -gt 1 ]]; }
  wait_until 10 has_process
  local process; process=$(run_process cut)
  kill_daemon
  wait_until 10 process_gone "$process"
  cp "$work/files/items.sql" "$work/files/slow.sql"
  start_daemon
  wait_until 20 has_event cut run-interrupted
  wait_until 150 source_is cut lastRunCause missed
  wait_until 150 run_over cut
  assert_eq "$(source_field cut lastOutcome)" succeeded "$(source_field cut lastRunDetail)"
  ctl update data-source cut --schedule none -q
  wait_until 10 no_runs_left
  # A run that somebody asked for is his to ask for again.
  slow_backup 300
  ctl update data-source cut --run-now -q
  wait_until 10 has_process
  stop_daemon
  cp "$work/files/items.sql" "$work/files/slow.sql"
  start_daemon
  wait_until 10 source_is cut lastOutcome interrupted
  assert_contains "$(source_field cut detail)" "spawnd ended while it ran"
  ctl delete data-source cut -q
}

# Due while no daemon ran, several times: once.
case_what_was_missed_runs_once() {
  ctl create data-source -q -f "$(source_yaml late 'sourceType: backup' 'backup: {file: items.sql}' 'schedule: "0 0 1 1 *"')"
  stop_daemon
  python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("update sources set next_run = 1000000000 where name = ?", ["late"]); c.commit()' \
    "$state/catalog.db"
  start_daemon
  wait_until 150 source_is late lastRunCause missed
  wait_until 150 run_over late
  assert_eq "$(source_field late lastOutcome)" succeeded "$(source_field late lastRunDetail)"
  assert_eq "$(source_field late runs)" 1
  [[ $(date -d "$(source_field late nextRunAt)" +%s) -gt $(date +%s) ]] || fail "the next run is in the past"
  ctl delete data-source late -q
}

case_it_is_renamed_and_keeps_its_images() {
  local id; id=$(source_field shop id)
  ctl update data-source shop --name store --schedule @weekly -q
  assert_eq "$(source_field store id)" "$id"
  assert_eq "$(source_field store schedule)" @weekly
  ctl update data-source store --schedule none --keep 3 -q
  ctl update data-source store --keep all -q
  assert_eq "$(source_field store keep)" 0
  ctl delete data-source store -q
  ctl get data-image shop:latest >/dev/null || fail "its image went"
  assert_eq "$(image_field shop:latest sourceId)" 0
}

run_cases "$@"
