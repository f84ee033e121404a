#!/usr/bin/env bash
# `spawnctl run` that is killed, as runners end their jobs: its container goes, whatever else happens meanwhile.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# runs NAME ARGUMENT...: `spawnctl run` in the background, until its command runs; its pid is in $run.
runs() {
  local name=$1; shift
  "$work/spawnctl" run -q -n "$name" "$@" -i bare -- sh -c "touch '$work/$name.up'; exec sleep 600" >/dev/null 2>"$work/$name.err" </dev/null &
  run=$!
  wait_until 60 test -e "$work/$name.up"
}
# The command itself is nobody's child any more; it is ours to end.
kill_run() {
  local children; children=$(descendants "$run")
  kill -9 "$run"
  wait "$run" 2>/dev/null || true
  # shellcheck disable=SC2086 # some numbers
  [[ -z $children ]] || kill -9 $children 2>/dev/null || true
}
gone() { ! ctl get data-container "$1" >/dev/null 2>&1; }

case_a_run_that_is_killed_leaves_nothing() {
  local run
  make_image bare 'sourceType: empty' >/dev/null
  runs killed
  kill_run
  wait_until 5 gone killed
  wait_until 20 no_containers_left
  assert_contains "$(ctl events --filter name=killed)" "the process that it was made for has ended"
}

case_twenty_times_in_a_row() {
  local run i
  for i in $(seq 1 20); do
    runs "again-$i"
    kill_run
  done
  wait_until 30 no_containers_left
  wait_until 10 descriptors_back
}
descriptors_back() { ! find "/proc/$(daemon_pid)/fd" -lname '*pidfd*' | grep -q . || (( $(find "/proc/$(daemon_pid)/fd" -lname '*pidfd*' | wc -l) <= 3 )); }

case_a_lifetime_says_otherwise() {
  local run
  runs stays -t 1h
  kill_run
  sleep 1
  [[ $(field stays status) == Completed ]] || fail "it went"
  ctl delete data-container -q stays
}

case_a_lifetime_that_is_given_later_says_so_too() {
  local run
  runs later
  ctl update data-container later --lifetime 1h >/dev/null
  kill_run
  sleep 1
  [[ $(field later status) == Completed ]] || fail "it went"
  ctl delete data-container -q later
}

case_what_is_kept_after_a_failure_stays() {
  assert_exit 3 ctl run -q -n failed --keep-on-failure -i bare -- sh -c 'exit 3'
  assert_contains "$err" "kept: data container 'failed'"
  sleep 1
  [[ $(field failed status) == Completed ]] || fail "it went"
  ctl delete data-container -q failed
}

case_a_daemon_that_was_restarted_knows_it_as_well() {
  local run
  runs over
  kill_daemon
  start_daemon
  answers over || fail "it is not there any more"
  kill_run
  wait_until 10 gone over
}

case_a_client_that_ended_while_no_daemon_ran() {
  local run
  runs unseen
  stop_daemon
  kill_run
  start_daemon
  wait_until 10 gone unseen
  wait_until 20 no_containers_left
}

case_a_run_that_ends_by_itself_deletes_its_own() {
  assert_exit 0 ctl run -q -n clean -i bare -- true
  gone clean || fail "it is still there"
}

write_config
start_daemon
run_cases "$@"
