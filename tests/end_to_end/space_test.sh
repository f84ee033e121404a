#!/usr/bin/env bash
# Who takes what on the disk, and what happens when it is getting full: a warning, then a refusal that says what to
# delete. A disk that is full to the last byte is disk_full_test.sh's.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

allocated() { du -s --block-size=1 "$@" | awk '{ sum += $1 } END { print sum + 0 }'; }
# Without manifests, which come some moments later, and are nobody's.
stored() { find "$state/store" -type f ! -name '*.manifest*' -printf '%b\n' | awk '{ sum += $1 } END { print sum * 512 }'; }
layer_files() { find "$state/store/layers" -name '*.layer' | wc -l; }

case_images_know_what_is_theirs() {
  make_items_image shop
  make_image bare 'sourceType: empty' >/dev/null
  local id unique shared
  id=$(image_field shop id) unique=$(image_field shop uniqueBytes) shared=$(image_field shop sharedBytes)
  assert_eq $((unique + shared)) "$(allocated "$state/store/layers" "$state/store/images/$id.index" | awk -v d="$(stat -c '%b' "$state/store/layers")" '{ print $1 - d * 512 }')" "all of its files"
  (( unique > 0 && shared > unique )) || fail "a small dump over the empty state: $unique of its own, $shared shared"
  assert_eq "$(image_field bare uniqueBytes)" 0 "the empty state as it is has nothing of its own"
  # What it says is what deleting frees.
  make_items_image going
  local before layers
  unique=$(image_field going uniqueBytes) layers=$(layer_files)
  before=$(stored)
  ctl delete di -q going
  files_gone() { (( $(layer_files) == layers - 1 )); }
  wait_until 10 files_gone
  index_gone() { (( $(stored) == before - unique )); }
  wait_until 10 index_gone
}

case_containers_know_what_is_theirs() {
  make_container shop growing >/dev/null
  local unique
  unique=$(field growing uniqueBytes)
  assert_eq "$(field growing sharedBytes)" $(($(image_field shop uniqueBytes) + $(image_field shop sharedBytes))) "all of its image"
  sql growing '' "create table big as select i, repeat('x', 1000) from generate_series(1, 20000) i"
  grown() { (( $(field growing uniqueBytes) > unique + 16000000 )); }
  wait_until 10 grown
  assert_eq "$(field growing uniqueBytes)" "$(field growing diskBytes)"
  assert_contains "$(ctl get dc growing -o yaml)" "uniquebytes:"
}

case_a_warning_when_it_is_getting_full() {
  assert_exit 0 ctl create data-container -i shop -n calm
  assert_eq "$err" "" "no warning yet"
  fill_disk_to 81
  assert_exit 0 ctl create data-container -i shop -n warned
  assert_contains "$err" "warning: the disk of '$state' is 8"
  assert_contains "$err" "from 90 % on"
  assert_contains "$(ctl create data-container -i shop -n warned-too -o json 2>/dev/null | jq -r '.warnings[0]')" "% full"
  assert_eq "$(field warned-too 'warnings | length')" 0 "said once"
  logged() { grep -q "warning.*the disk of '$state' is 8.*nothing new is created" "$work/daemon.log"; }
  wait_until 10 logged
}

case_a_refusal_before_it_is_full() {
  fill_disk_to 91
  assert_error 5 "no space for anything new" "% full" "what would free most: \`spawnctl delete data-container growing\`" -- ctl create data-container -i shop -n refused
  assert_error 5 "no space for anything new" -- ctl create data-image -f "$(image_yaml refused 'sourceType: empty')"
  (( $(grep -o 'spawnctl delete' <<<"$err" | wc -l) <= 3 )) || fail "more than three are named: $err"
  assert_error 5 "no space for anything new" -- ctl save data-container calm
  assert_error 5 "no space for anything new" -- ctl graduate data-container calm
  # What exists goes on.
  assert_eq "$(sql calm '' 'select count(*) from item')" 1000
}

case_what_the_hint_says_helps() {
  local before
  before=$(free_kib)
  ctl delete data-container -q growing
  more_room() { (( $(free_kib) > before + 16000 )); }
  wait_until 20 more_room
  empty_ballast
  assert_exit 0 ctl create data-container -i shop -n accepted
  assert_eq "$err" ""
  logged() { grep -q 'there is room again' "$work/daemon.log"; }
  wait_until 10 logged
}

disk_limits=
write_config
small_disk 600M
start_daemon
run_cases "$@"
