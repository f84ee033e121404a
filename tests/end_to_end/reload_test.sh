#!/usr/bin/env bash
# SIGHUP: spawnd reads spawnd.yaml again. What can change while it runs does, what cannot is named, a file that cannot be
# used changes nothing; and nobody ends, whoever else the signal reaches.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

spawn_gid=$(getent group spawn | cut -d: -f3)
first_gid=64123 second_gid=64124
as() { setpriv --reuid "$1" --regid "$1" --groups "$spawn_gid,$2" "$work/spawnctl" "${@:3}"; }
ann() { as 64101 $first_gid "$@"; }
bob() { as 64102 $second_gid "$@"; }

# write_teams GROUP: the one team is that group.
write_teams() {
  write_config
  cat >>"$work/spawnd.yaml" <<END
teams:
  shop:developers: {groups: [$1]}
END
}

case_nobody_ends() {
  make_image base 'sourceType: empty' >/dev/null
  make_container base kept >/dev/null
  local keeper launcher before pid
  keeper=$(keeper_pid "$(field kept id)")
  launcher=$(pgrep -P "$(daemon_pid)" -f keeper-launcher)
  sql kept '' "create table t as select 1 as one"
  before=$(lines_of_log)
  # As `systemctl kill --signal=HUP` does it, and the end of a terminal.
  for pid in "$launcher" "$keeper" $(descendants "$keeper") "$(daemon_pid)"; do kill -HUP "$pid"; done
  wait_until 10 said_since "$before" "read again"
  assert_eq "$(sql kept '' 'select one from t')" 1
  assert_eq "$(keeper_pid "$(field kept id)")" "$keeper" "the keeper"
  ! process_gone "$launcher" || fail "the keeper launcher ended"
  daemon_answers || fail "the daemon does not answer"
}

case_who_leaves_a_team_loses_the_view() {
  ctl create data-image -q -f "$(image_yaml shared 'sourceType: empty')" --team shop:developers >/dev/null
  assert_eq "$(ann get data-image shared -o name)" shared
  assert_eq "$(bob get data-images)" "No resources found."
  write_teams spawnd-second-team
  reload "read again"
  assert_eq "$(ann get data-images)" "No resources found."
  assert_eq "$(bob get data-image shared -o name)" shared
}

case_limits_of_the_disk() {
  assert_exit 0 ctl create data-container -i base -n calm
  assert_eq "$err" "" "no warning yet"
  disk_limits=$'diskWarnPercent: 1\ndiskRefusePercent: 100' write_teams spawnd-second-team
  reload "read again"
  assert_exit 0 ctl create data-container -i base -n warned
  assert_contains "$err" "warning: the disk of"
  disk_limits=$'diskWarnPercent: 1\ndiskRefusePercent: 1' write_teams spawnd-second-team
  reload "read again"
  assert_error 5 "no space for anything new" -- ctl create data-container -i base -n refused
  write_teams spawnd-second-team
  reload "read again"
  ctl delete data-container -q calm warned
}

case_a_file_that_cannot_be_used_changes_nothing() {
  write_teams spawnd-first-team
  echo "teems: {}" >>"$work/spawnd.yaml"
  reload "unknown key 'teems'"
  assert_eq "$(bob get data-image shared -o name)" shared "as before"
  mv "$work/spawnd.yaml" "$work/away"
  reload "No such file"
  assert_eq "$(bob get data-image shared -o name)" shared "as before"
  # A file that is right again is taken.
  write_teams spawnd-first-team
  reload "read again"
  assert_eq "$(ann get data-image shared -o name)" shared
  assert_eq "$(bob get data-images)" "No resources found."
}

case_what_needs_a_restart_is_named() {
  write_teams spawnd-first-team
  printf '%s\n' 'volumeSize: 1GiB' 'host: 127.0.0.2' >>"$work/spawnd.yaml"
  reload "take effect at the next start: volumeSize, listen"
  make_container base after >/dev/null
  assert_eq "$(field after host)" 127.0.0.1
}

write_teams spawnd-first-team
# The groups exist for this test's processes only.
cp /etc/group "$work/group"
printf '%s\n' "spawnd-first-team:x:$first_gid:" "spawnd-second-team:x:$second_gid:" >>"$work/group"
mount --bind "$work/group" /etc/group
extra_clean_up() { umount /etc/group; }
start_daemon
run_cases "$@"
