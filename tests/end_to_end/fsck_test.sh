#!/usr/bin/env bash
# Damage of every kind in a real state directory: `spawnd fsck` finds it, names the file and who is affected, and repairs
# it without deleting what somebody could want; and nobody is ever served wrong data meanwhile.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

fsck() { "$spawnd" fsck --state-dir "$state" "$@"; }
# flip FILE BYTE
flip() { python3 -c '
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2])); byte = f.read(1)[0]
    f.seek(int(sys.argv[2])); f.write(bytes([byte ^ 0x20]))' "$1" "$2"; }
id_of() { cat "$work/id-$1"; }
# The one layer that only this image has.
own_layer() { find "$state/store/layers" -newer "$1" -name '*.layer'; }
assert_clean() { assert_exit 0 fsck; assert_eq "$out" clean; }
# Ends a container's keeper while no daemon is there to start it again.
# Kills a container's keeper and returns once nothing of it is left: its lock and the process that the lock's file names.
end_keeper() {
  local lock; lock=$state/containers/$(id_of "$1")/keeper.lock
  kill -9 "$(keeper_pid "$(id_of "$1")")"
  keeper_ended() { flock -n "$1" true && process_gone "$(cut -d ' ' -f 1 "$1")"; }
  wait_until 30 keeper_ended "$lock"
}

case_setup() {
  cat >"$work/files/noise.sql" <<'END'
create table item (id int primary key, noise bytea);
alter table item alter noise set storage external;
insert into item select i, (select string_agg(sha256((i || '-' || k)::text::bytea), '' order by k) from generate_series(1, 30) k)
  from generate_series(1, 5000) i;
END
  make_items_image plain
  touch "$work/before-noise"; sleep 0.02
  make_image noise 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: noise.sql}' >/dev/null
  own_layer "$work/before-noise" >"$work/noise-layer"
  [[ -s $work/noise-layer ]] || fail "no layer"
  image_field noise id >"$work/id-noise"
  local name
  for name in reader writer; do make_container noise $name >/dev/null; field $name id >"$work/id-$name"; done
  make_container plain bystander >/dev/null
  field bystander id >"$work/id-bystander"
  sql writer '' "create table mine as select i from generate_series(1, 1000) i"
}

case_refuses_while_a_daemon_serves() {
  assert_error 1 "another spawnd" -- fsck
  assert_error 2 "no state directory" -- "$spawnd" fsck --state-dir "$work/files"
  assert_exit 64 fsck -o table
}

case_clean_with_containers_running() {
  stop_daemon
  assert_clean
  assert_exit 0 fsck -o json
  assert_eq "$out" '[]'
  answers_nobody() { [[ -n $(keepers "$(id_of reader) ") ]]; }
  answers_nobody || fail "fsck ended a container"
  start_daemon
}

# Code of its own user runs beside its server: whatever that has open, it cannot look like one that has ended.
case_a_server_cannot_let_go_of_its_container() {
  local load
  sql writer '' "copy (select 1) to program 'for fd in /proc/self/fd/* /proc/\$PPID/fd/*; do flock --unlock \${fd##*/}; done 2>/dev/null; true'"
  if flock -n "$state/containers/$(id_of writer)/keeper.lock" true; then fail "the lock is free"; fi
  sql writer '' 'create table busy (i int)'
  sql writer '' "do 'begin for i in 1..300 loop insert into busy select generate_series(1, 1000); commit; end loop; end'" & load=$!
  writes() { [[ $(sql writer '' 'select count(*) from busy') != 0 ]]; }
  wait_until 10 writes
  stop_daemon
  assert_clean
  assert_exit 0 fsck --repair
  assert_eq "$out" clean
  wait "$load" || fail "the server did not go on"
  start_daemon
  assert_eq "$(field writer state)" running
}

case_a_damaged_layer_is_an_error_and_never_wrong_data() {
  local layer
  layer=$(<"$work/noise-layer")
  # Noise does not compress, so it stands in the layer as it is: in the table, and in the log of the server that
  # restored it.
  python3 -c '
import hashlib, sys
with open(sys.argv[1], "r+b") as f:
    layer = f.read()
    word = hashlib.sha256(b"3000-1").digest()
    at = layer.find(word)
    assert at > 0, "the row is not in the layer"
    while at > 0:
        f.seek(at + 5); f.write(bytes([layer[at + 5] ^ 0x20]))
        at = layer.find(word, at + 1)' "$layer"
  make_container noise late >/dev/null
  local answer
  answer=$(sql late '' "select encode(noise, 'hex') from item where id = 3000" 2>"$work/late") && fail "a damaged row was served: '$answer'"
  grep -qi "input/output error" "$work/late" || fail "no I/O error: $(<"$work/late")"
  assert_eq "$(sql late '' "select encode(substr(noise, 1, 32), 'hex') from item where id = 1")" "$(printf '1-1' | sha256sum | cut -d' ' -f1)" "what is not damaged"
  stop_daemon
  assert_exit 1 fsck
  assert_contains "$out" "$layer" "the file"
  assert_contains "$out" "data image 'noise'" "the image"
  assert_contains "$out" "data container 'late'" "its containers"
  assert_lacks "$out" "plain" "another image"
  assert_exit 1 fsck  # nothing was changed
  assert_exit 0 fsck --repair
  assert_contains "$out" "repaired: mark the images failed"
  assert_clean
  start_daemon
  assert_eq "$(image_field noise status)" Failed
  assert_contains "$(image_field noise detail)" "is damaged"
  assert_error 64 "has failed" "damaged" -- ctl create dc -i noise -n never
  assert_eq "$(sql writer '' 'select count(*) from mine')" 1000 "its containers go on"
  assert_eq "$(sql bystander '' 'select count(*) from item')" 1000
}

case_a_damaged_journal_is_refused() {
  local journal=$state/containers/$(id_of writer)/delta/journal
  wait_until 10 test -e "$journal"  # its first commit
  stop_daemon
  end_keeper writer
  flip "$journal" 560
  assert_exit 1 fsck -o json
  assert_eq "$(jq -r '.[].file' <<<"$out")" "$journal"
  assert_contains "$(jq -r '.[].affects' <<<"$out")" "data container 'writer'"
  # Without a repair the container refuses by itself.
  start_daemon
  failed() { [[ $(field writer state) == failed ]]; }
  wait_until 20 failed
  assert_contains "$(field writer detail)" "$journal"
  stop_daemon
  assert_exit 0 fsck --repair
  assert_clean
  start_daemon
  assert_eq "$(field writer state)" failed
  assert_contains "$(field writer detail)" "not started again by itself"
  assert_eq "$(sql bystander '' 'select count(*) from item')" 1000
}

case_what_nobody_refers_to() {
  # Ids that the catalog has been past: larger ones would say that it is older than what lies there.
  stop_daemon
  local leak=$state/store/layers/00112233445566778899aabbccddeeff.layer
  cp "$(<"$work/noise-layer")" "$leak"
  touch "$state/store/layers/00112233445566778899aabbccddeeff.layer.tmp" "$state/store/images/7.index.tmp"
  cp "$state/store/images/$(id_of noise).index" "$state/store/images/9999.index"
  mkdir -p "$state/builds/9998/delta" "$state/containers/9997/delta"
  echo precious >"$state/containers/9997/delta/data"
  assert_exit 1 fsck -o json
  assert_eq "$(jq -r '.[].file' <<<"$out" | sort)" "$(sort <<END
$leak
$leak.tmp
$state/store/images/7.index.tmp
$state/store/images/9999.index
$state/builds/9998
$state/containers/9997
END
)"
  [[ -e $leak && -e $state/builds/9998 ]] || fail "a dry run deleted something"
  assert_exit 0 fsck --repair
  assert_clean
  [[ ! -e $leak && ! -e $state/builds/9998 ]] || fail "leaks are left"
  local kept
  kept=$(echo "$state"/lost+found/20*)
  assert_eq "$(<"$kept/containers/9997/delta/data")" precious "what somebody could want"
  [[ -e $kept/store/images/9999.index && -e $kept/store/layers/${leak##*/} ]] || fail "an image was deleted"
  [[ -e $(<"$work/noise-layer") ]] || fail "a layer in use was deleted"
  start_daemon
}

case_what_is_missing() {
  stop_daemon
  end_keeper bystander
  mv "$state/containers/$(id_of bystander)" "$work/taken"
  assert_exit 1 fsck
  assert_contains "$out" "is missing"
  assert_contains "$out" "data container 'bystander'"
  assert_exit 0 fsck --repair
  assert_clean
  start_daemon
  assert_eq "$(field bystander state)" failed
}

case_an_image_without_its_files_says_what_to_do() {
  local index
  index=$state/store/images/$(sqlite_image plain).index
  mv "$index" "$work/taken-index"
  assert_error 2 "$index" -- ctl create dc -i plain -n never
  assert_contains "$err" 'spawnd fsck --repair'
  mv "$work/taken-index" "$index"
}

case_a_damaged_index() {
  stop_daemon
  local index=$state/store/images/$(sqlite_image plain).index
  flip "$index" 5000
  assert_exit 1 fsck
  assert_contains "$out" "$index"
  assert_contains "$out" "data image 'plain'"
  assert_exit 0 fsck --repair
  assert_clean
  start_daemon
  assert_eq "$(image_field plain status)" Failed
}
# An image's id while no daemon answers: the failed cases above have left it in the log.
sqlite_image() { grep -oE "image [0-9]+ \('$1'\) is ready" "$work/daemon.log" | head -n 1 | awk '{ print $2 }'; }

case_a_damaged_catalog() {
  stop_daemon
  cp "$state/catalog.db" "$work/catalog.db"
  python3 -c '
import sys
with open(sys.argv[1], "r+b") as f: f.seek(100); f.write(b"\xff" * 3000)' "$state/catalog.db"
  assert_exit 1 fsck
  assert_contains "$out" "$state/catalog.db"
  assert_exit 1 fsck --repair
  cp "$work/catalog.db" "$state/catalog.db"; rm -f "$state/catalog.db-wal" "$state/catalog.db-shm"
  assert_clean
  start_daemon
}

write_config
start_daemon
run_cases "$@"
