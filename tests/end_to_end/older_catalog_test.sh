#!/usr/bin/env bash
# A catalog from before is put back, as after a lost disk: a start refuses it; accepted, it deletes nothing of what came after
# it, ends nothing that runs, says what it found, and with the newer catalog everything is as it was.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# put_back NAME: the catalog that keep_catalog has kept, in place of the present one. No daemon runs meanwhile.
keep_catalog() { mkdir -p "$work/$1"; cp -p "$state"/catalog.db* "$work/$1/"; }
put_back() { rm -f "$state"/catalog.db*; cp -p "$work/$1"/catalog.db* "$state/"; }
id_of() { jq -r .id "$work/$1.json"; }
# sql_of CONTAINER COMMAND: by what was known of it before, whatever the daemon knows now.
sql_of() {
  PGPASSWORD=$(jq -r .password "$work/$1.json") PGCONNECT_TIMEOUT=10 psql -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 \
    -p "$(jq -r .port "$work/$1.json")" -U "$(jq -r .user "$work/$1.json")" -d shop -c "$2" </dev/null
}
keeper_of() { keeper_pid "$(id_of "$1")"; }
end_keeper() { kill -9 "$(keeper_of "$1")" && wait_until 10 lock_free "$(id_of "$1")"; }
lock_free() { flock -n "$state/containers/$1/keeper.lock" true; }
manifests_of() { local name; for name in "$@"; do [[ -e $state/containers/$(id_of "$name")/manifest ]] || return 1; done; }
warned() { grep -F ' warning: ' "$work/since.log" | grep -F "$1" >/dev/null; }
accept() { assert_exit 0 "$spawnd" fsck --state-dir "$state" --accept-older-catalog; }
start_with() { put_back "$1"; accept; : >"$work/daemon.log"; start_daemon; cp "$work/daemon.log" "$work/since.log"; }

case_setup() {
  make_items_image early
  make_container early first >/dev/null
  stop_daemon
  keep_catalog older
  start_daemon
  cat >"$work/files/noise.sql" <<'END'
create table noise as select i, sha256(i::text::bytea) from generate_series(1, 5000) i;
END
  touch "$work/before-late"; sleep 0.02
  make_image late 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: noise.sql}' >/dev/null
  find "$state/store" -newer "$work/before-late" -type f ! -name '*.manifest*' >"$work/late-files"
  (( $(wc -l <"$work/late-files") == 2 )) || fail "an index and a layer: $(<"$work/late-files")"
  local name
  for name in late:running late:ended early:stands-on-early; do
    make_container "${name%:*}" "${name#*:}" >/dev/null
    sql "${name#*:}" '' "create table week as select i from generate_series(1, 700) i"
    ctl get dc "${name#*:}" -o json >"$work/${name#*:}.json"
  done
  ctl get dc first -o json >"$work/first.json"
  wait_until 20 manifests_of running ended stands-on-early
  stop_daemon
  end_keeper ended
  keep_catalog newer
  keeper_of running >"$work/keeper-running"
  keeper_of stands-on-early >"$work/keeper-stands-on-early"
}

# Without what containers that run write meanwhile.
everything() { find "$state" -mindepth 1 ! -name 'catalog.db*' -printf '%p %y %s %T@\n' | grep -v -e engine.log -e /delta/ | sort; }
case_an_older_catalog_is_refused_and_the_right_one_is_not() {
  everything >"$work/before"
  put_back older
  assert_error 1 'is older than what is beside it' -- "$spawnd" serve --state-dir "$state" --socket "$work/other.sock" \
    --config "$work/spawnd.yaml"
  assert_exit 1 "$spawnd" fsck --state-dir "$state" -o json
  assert_eq "$(jq -r '.[0].problem | test("is older than")' <<<"$out")" true "$out"
  assert_exit 1 "$spawnd" fsck --state-dir "$state" --repair
  everything | diff "$work/before" - || fail 'something was changed'
  # It is the same of a daily copy, which is of the day of the newer one.
  rm -f "$state"/catalog.db*
  cp -p "$state/catalog.bak" "$state/catalog.db"
  assert_error 1 'is older than what is beside it' -- "$spawnd" serve --state-dir "$state" --socket "$work/other.sock" \
    --config "$work/spawnd.yaml"
  put_back newer
  assert_exit 0 "$spawnd" fsck --state-dir "$state" --accept-older-catalog
  [[ $out == *'nothing was changed'* ]] || fail "$out"
  start_daemon
  wait_until 20 answers ended
  stop_daemon
  end_keeper ended  # that start has started it again
  keep_catalog newer
}

case_nothing_is_deleted_and_nothing_is_ended() {
  rm "$state/containers/$(id_of stands-on-early)/manifest"
  start_with older
  local name file
  for name in running stands-on-early; do
    assert_eq "$(keeper_of $name)" "$(<"$work/keeper-$name")" "the keeper of '$name'"
    assert_eq "$(sql_of $name 'select count(*) from week')" 700 "'$name'"
    [[ -d $state/containers/$(id_of $name)/delta ]] || fail "the folder of '$name' is gone"
    warned "$state/containers/$(id_of $name)" || fail "no warning of '$name': $(<"$work/since.log")"
  done
  while read -r file; do
    [[ -e $file ]] || fail "'$file' is gone"
  done <"$work/late-files"
  [[ ! -e $state/containers/$(id_of ended) ]] || fail "what does not run stayed where an id may come again"
  file=$(echo "$state"/lost+found/20*/containers/"$(id_of ended)")
  [[ -d $file/delta ]] || fail "the folder of 'ended' is gone"
  warned "$file" || fail "no warning of 'ended': $(<"$work/since.log")"
  assert_eq "$(sql first '' 'select count(*) from item')" 1000 "what the older catalog knows"
}

# What has a manifest is as it was, and so is its image, which the older catalog did not know.
case_what_runs_and_has_a_manifest_is_as_it_was() {
  for key in id port user password database durability superuser owner image createdAt; do
    assert_eq "$(field running "$key")" "$(jq -r ".$key" "$work/running.json")" "$key"
  done
  assert_eq "$(field running state)" running
  assert_eq "$(sql running '' 'select count(*) from week')" 700
  assert_eq "$(image_field late status)" Completed
}

# Its image is known and its keeper knows the rest, but for the name and the owner.
case_what_runs_on_a_known_image_can_be_managed_again() {
  local name
  name=recovered-$(id_of stands-on-early)
  for key in id port user password database durability superuser; do
    assert_eq "$(field "$name" "$key")" "$(jq -r ".$key" "$work/stands-on-early.json")" "$key"
  done
  assert_eq "$(field "$name" state)" running
  assert_eq "$(sql "$name" '' 'select count(*) from week')" 700
  assert_exit 0 ctl save dc -q "$name"
}

case_no_id_comes_again() {
  make_container early next >/dev/null
  (( $(field next id) > $(id_of stands-on-early) && $(field next id) > $(id_of ended) )) || fail "id $(field next id)"
  assert_eq "$(sql next '' 'select count(*) from item')" 1000
  assert_eq "$(sql_of running 'select count(*) from week')" 700
  ctl delete dc -q next
  next_gone() { [[ ! -e $state/containers/$1 ]]; }
  wait_until 20 next_gone "$(sed -n "s/.*container \([0-9]*\) ('next').*/\1/p" "$work/daemon.log" | head -n 1)"
}

case_another_start_is_the_same() {
  stop_daemon
  start_daemon
  assert_eq "$(sql_of running 'select count(*) from week')" 700
  assert_eq "$(keeper_of running)" "$(<"$work/keeper-running")"
}

case_with_the_newer_catalog_all_is_as_it_was() {
  stop_daemon
  start_with newer
  local name
  for name in running ended stands-on-early; do
    wait_until 20 answers $name
    assert_eq "$(sql $name '' 'select count(*) from week')" 700 "'$name'"
    assert_eq "$(field $name id)" "$(id_of $name)"
    assert_eq "$(field $name state)" running
  done
  for name in running stands-on-early; do
    assert_eq "$(keeper_of $name)" "$(<"$work/keeper-$name")" "the keeper of '$name'"
  done
  assert_eq "$(image_field late status)" Completed
  make_container late another >/dev/null
  assert_eq "$(sql another '' 'select count(*) from noise')" 5000
  [[ -z $(find "$state/lost+found" -mindepth 3) ]] || fail "left: $(find "$state/lost+found")"
  stop_daemon
  assert_exit 0 "$spawnd" fsck --state-dir "$state"
  start_daemon
}

# Without a server that runs, nothing of the newer ones is in use: all of it is put aside, and comes back.
case_what_does_not_run_is_put_aside_and_comes_back() {
  local name
  stop_daemon
  keep_catalog newest
  for name in $(keepers); do kill -9 "$name" 2>/dev/null || true; done
  no_keepers() { [[ -z $(keepers) ]]; }
  wait_until 10 no_keepers
  start_with older
  while read -r name; do
    [[ ! -e $name ]] || fail "'$name' stayed"
    [[ -e $(echo "$state"/lost+found/20*"${name#"$state"}") ]] || fail "'$name' is gone"
    warned "${name#"$state"}" || fail "no warning of '$name'"
  done <"$work/late-files"
  stop_daemon
  # So says fsck, and a repair is the same as a start.
  put_back newest
  accept
  assert_exit 1 "$spawnd" fsck --state-dir "$state" -o json
  assert_eq "$(jq -r 'all(.[]; .remedy | startswith("put it back"))' <<<"$out")" true "$out"
  assert_exit 0 "$spawnd" fsck --state-dir "$state" --repair
  assert_exit 0 "$spawnd" fsck --state-dir "$state"
  start_with newest
  for name in first running ended stands-on-early another; do
    wait_until 30 answers $name
  done
  assert_eq "$(sql running '' 'select count(*) from week')" 700
}

write_config
start_daemon
run_cases "$@"
