#!/usr/bin/env bash
# What the removal of the package does: `spawnd inventory` says what there is, `spawnd stop-containers` ends it tidily, and the
# next daemon goes on with all of it.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

removal() { local verb=$1; shift; "$spawnd" "$verb" --state-dir "$state" "$@"; }

case_refuse_while_a_daemon_serves() {
  make_items_image items
  make_container items one >/dev/null
  make_container items two >/dev/null
  field one id >"$work/id-one"; field two id >"$work/id-two"
  assert_error 1 "another spawnd" -- removal inventory
  assert_error 1 "another spawnd" -- removal stop-containers
  assert_error 2 "no state directory" -- "$spawnd" inventory --state-dir "$work/files"
  assert_exit 64 removal stop-containers --wait -1
  answers one || fail "it does not answer any more"
}

case_inventory_names_each_with_its_size() {
  stop_daemon
  assert_exit 0 removal inventory
  assert_matches "$out" "'$state' holds 1 image and 2 containers, [0-9.]+ MiB on disk in all"
  assert_matches "$out" 'image items:?[a-z,]* \(postgresql [.0-9]+\) of root, completed: [0-9.]+ [KM]iB'
  assert_matches "$out" 'container one of root, from items, running: [0-9.]+ [KM]iB'
  assert_matches "$out" 'container two of root, from items, running: [0-9.]+ [KM]iB'
}

case_stopped_tidily_nothing_is_lost_and_all_comes_back() {
  start_daemon
  sql one '' 'create table late as select 7 as x'
  stop_daemon
  local first second
  first=$(keeper_pid "$(<"$work/id-one")") second=$(keeper_pid "$(<"$work/id-two")")
  assert_exit 0 removal stop-containers
  assert_eq "$out" "2 stopped"
  process_gone "$first" && process_gone "$second" || fail "a keeper is left"
  assert_contains "$(<"$state/containers/$(<"$work/id-one")/engine.log")" "database system is shut down" "the server's log"
  assert_exit 0 removal stop-containers
  assert_eq "$out" "0 stopped" "a second time"
  start_daemon
  wait_until 60 answers one
  wait_until 60 answers two
  assert_eq "$(sql one '' 'select x from late')" 7 "written in the last moment"
}

case_what_does_not_stop_is_killed() {
  local keeper
  keeper=$(keeper_pid "$(field two id)")
  stop_daemon
  kill -STOP "$keeper"
  assert_exit 0 removal stop-containers --wait 1
  assert_eq "$out" "2 stopped, 1 of them killed after 1 s"
  process_gone "$keeper" || fail "it is still there"
  start_daemon
  wait_until 60 answers two
}

write_config
start_daemon
run_cases "$@"
