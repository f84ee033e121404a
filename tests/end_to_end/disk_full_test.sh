#!/usr/bin/env bash
# The disk fills up: while an image is built, under running containers, and across a restart of the daemon. Errors that
# say so, nothing that was acknowledged is lost, deleting works, and with room everything goes on.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"
# shellcheck source=load.sh
source "$(dirname "$0")/load.sh"

extra_clean_up() { (stop_loads); if mountpoint -q "$work/disk"; then umount "$work/disk"; fi; }
# Of two versions: 18 lives on with a file system that has given up, and waits for ever.
loaded=(everysec-17 always-17 everysec-18)

case_disk_full_during_build() {
  make_image before 'sourceType: empty' >/dev/null
  # 800 MB of table from three lines of dump; stored as it is, so that filling the disk costs little else.
  cat >"$work/files/big.sql" <<'END'
create table big (id int, noise text);
alter table big alter noise set storage external;
insert into big select i, repeat(md5(i::text), 250) from generate_series(1, 100000) i;
END
  local before
  before=$(free_kib)
  assert_error 5 "space" -- ctl create data-image -f "$(image_yaml big 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: big.sql}')"
  wait_until 20 folder_empty "$state/builds"
  assert_eq "$(find "$state" -name '*.tmp')" "" "temporary files"
  assert_eq "$(keepers)" "" "keepers"
  given_back() { (( $(free_kib) > before - 8192 )); }
  wait_until 10 given_back
}

case_the_daemon_goes_on() {
  make_container before after-the-flood
  assert_eq "$(sql after-the-flood postgres 'select 1')" 1
}

case_containers_on_a_full_disk() {
  local name
  make_bank_image 17
  make_bank_image 18
  ctl delete dc -q after-the-flood
  make_container bank-17 in-the-way >/dev/null
  sql in-the-way '' "create table ballast as select i, repeat('x', 1000) from generate_series(1, 15000) i"
  for name in "${loaded[@]}"; do
    ctl create dc -q -i "bank-${name#*-}" -n "$name" --durability "${name%-*}" >/dev/null
    start_load "$name"
  done
  everything_goes_on "${loaded[@]}"
  enough() { (( $(acknowledged "$1") > 100 )); }
  for name in "${loaded[@]}"; do wait_until 30 enough "$name"; done
  fill_disk_to_the_last_byte
  # Whoever writes much is told so, and gets no answer that it worked.
  for name in "${loaded[@]}"; do
    ! sql "$name" '' "create table flood as select i, repeat('x', 1000) from generate_series(1, 50000) i" 2>>"$work/flood" ||
      fail "50 MB fit on a full disk"
  done
  [[ -s $work/flood ]] || fail "no error"
}

case_deleting_works_on_a_full_disk() {
  fill_disk_to_the_last_byte
  (( $(free_kib) < 1024 )) || fail "the disk is not full"
  assert_exit 0 ctl delete data-container -q in-the-way
  gone() { [[ -z $(ctl get dc -o json | jq '.[] | select(.name == "in-the-way")') ]] && (( $(find "$state/containers" -mindepth 1 -maxdepth 1 | wc -l) == ${#loaded[@]} )); }
  wait_until 20 gone
}

case_the_daemon_restarts_on_a_full_disk() {
  # After a clean end SQLite's log is gone and has to be made anew; after a kill it is there.
  fill_disk_to_the_last_byte
  stop_daemon
  fill_disk_to_the_last_byte
  start_daemon
  assert_contains "$(ctl get dc)" everysec-17
  kill_daemon
  fill_disk_to_the_last_byte
  start_daemon
  assert_contains "$(ctl get dc)" always-17
}

case_with_room_everything_goes_on() {
  empty_ballast
  everything_goes_on "${loaded[@]}"
  stop_loads
  assert_nothing_lost "${loaded[@]}"
  make_container bank-18 after-all >/dev/null
  assert_eq "$(sql after-all '' 'select count(*) from item')" 1000
}

write_config
small_disk 450M
start_daemon
run_cases "$@"
