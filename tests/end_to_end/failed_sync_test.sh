#!/usr/bin/env bash
# A sync fails: the disk below the containers takes writes and then cannot keep them. For real: a file system on a loop
# device whose file has holes, on a tmpfs that has no room left to fill them.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

extra_clean_up() {
  if mountpoint -q "$state/containers"; then umount "$state/containers"; fi
  if mountpoint -q "$work/memory"; then umount "$work/memory"; fi
}

make_unreliable_disk() {
  mkdir -p "$work/memory" "$state/containers"
  mount -t tmpfs -o size=160M,mode=0700 tmpfs "$work/memory"
  truncate -s 1G "$work/memory/disk.img"
  # What the file system keeps of itself, its journal too, stands in front and takes its room now: it is files' data that
  # is lost. Without its journal ext4 would let nobody write any more, and nothing could be mended.
  mkfs.ext4 -q -b 4096 -N 1024 -J size=4 -E nodiscard,packed_meta_blocks=1,lazy_itable_init=0 "$work/memory/disk.img"
  dd if="$work/memory/disk.img" of="$work/memory/disk.img" bs=1M count=16 conv=notrunc status=none
  mount -o loop "$work/memory/disk.img" "$state/containers"
  rmdir "$state/containers/lost+found"  # the daemon would ask whose that is
}
break_disk() { head -c 1G /dev/zero >"$work/memory/everything-else" 2>/dev/null || true; }
mend_disk() { rm -f "$work/memory/everything-else"; }

write_much() { sql "$1" '' "create table much as select i, repeat('x', 1000) from generate_series(1, 60000) i; checkpoint" 2>/dev/null; }
failed() { [[ $(field "$1" state) == failed ]]; }

case_the_container_fails_at_once() {
  make_items_image base
  make_container base every >/dev/null
  ctl create dc -q -i base -n always --durability always >/dev/null
  break_disk
  # With everysec a flush is acknowledged before anything is synced; the next commit finds out.
  write_much every || note "the server noticed first"
  wait_until 30 failed every
  ! write_much always || fail "60 MB were acknowledged that there is no room for"
  wait_until 30 failed always
  local name
  for name in every always; do
    assert_eq "$(field $name status)" Failed
    assert_contains "$(field $name detail)" "not started again by itself: volume '$state/containers/$(field $name id)/delta' is poisoned"
    assert_contains "$(field $name detail)" "spawnctl delete data-container" "what to do"
    ended() { [[ -z $(keepers "$(field $name id) ") ]]; }
    wait_until 10 ended  # it said so just before
  done
}

case_and_stays_so() {
  mend_disk
  kill_daemon
  start_daemon
  assert_eq "$(field every state)" failed "after a kill of the daemon"
  stop_daemon
  start_daemon
  assert_eq "$(field every state)" failed "after a restart of the daemon"
  assert_contains "$(field always detail)" "is poisoned"
  assert_eq "$(keepers)" "" "keepers"
  ! grep -E "container $(field every id) .*is ready" "$work/daemon.log" | tail -n +2 | grep -q . || fail "it was started again"
}

case_a_person_can_go_back() {
  assert_exit 0 ctl reset dc -q every
  assert_eq "$(field every state)" running
  assert_eq "$(field every detail)" ""
  assert_eq "$(sql every '' 'select count(*) from item')" 1000
  # And from here on it is like any other.
  sql every '' 'create table after as select 1'
  stop_daemon
  start_daemon
  assert_eq "$(field every state)" running
}

case_it_can_be_deleted() {
  ctl delete dc -q every always
  both_gone() { [[ $(ctl get dc -o json) == '[]' ]]; }
  wait_until 20 both_gone
}

write_config
make_unreliable_disk
start_daemon
run_cases "$@"
