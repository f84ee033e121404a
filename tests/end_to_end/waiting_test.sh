#!/usr/bin/env bash
# A container of an image that is still being made: the create waits for the image, and says what it waits for.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

is_pending() { [[ $(image_field "$1" status 2>/dev/null) == Pending ]]; }
not_pending() { ! is_pending "$1"; }
# The create has reached the daemon, and waits there.
waits() { [[ $(grep -c "waits for image" "$work/daemon.log") -gt ${1:-0} ]]; }
waiting_so_far() { grep -c "waits for image" "$work/daemon.log" || true; }

# slow_image NAME SECONDS [LINE...]: begins to make it, in the background.
slow_image() {
  local file; file=$(image_yaml "$1" 'sourceType: empty' 'version: 15' "preScript: select pg_sleep($2)" "${@:3}")
  ctl create data-image -q -f "$file" >"$work/image.out" 2>"$work/image.err" &
  echo $! >"$work/image.pid"
  wait_until 20 is_pending "$1"
}
# waiting_create NAME ARGUMENT...: begins to create from the image and returns once that waits.
waiting_create() {
  local before; before=$(waiting_so_far)
  "$work/spawnctl" create data-container -i "$@" >"$work/create.out" 2>"$work/create.err" &
  create=$!
  wait_until 10 waits "$before"
}

case_a_create_waits_for_its_image() {
  slow_image slow 3
  waiting_create slow -n first -q
  local code=0
  ctl create data-container -i slow -n second --progress >"$work/second.out" 2>"$work/second.err" || code=$?
  assert_eq "$code" 0 "$(<"$work/second.err")"
  wait "$create" || fail "the first: $(<"$work/create.err")"
  assert_eq "$(<"$work/create.out")" first
  assert_eq "$(<"$work/create.err")" ""
  assert_contains "$(<"$work/second.out")" "Data container 'second' ("
  assert_contains "$(<"$work/second.err")" "running preScript" "it sees how far the image is"
  answers first && answers second || fail "not both answer"
  wait "$(<"$work/image.pid")" || fail "the image was not made"
  assert_eq "$(ctl run slow -- psql -X -A -t -c 'select 1')" 1
  clean_slate
}

case_no_wait() {
  slow_image impatient 2
  assert_error 75 impatient "still being made" -- ctl create data-container -i impatient --no-wait
  assert_error 75 "still being made" -- ctl run impatient --no-wait -- true
  assert_eq "$(ctl get data-containers -o json)" "[]"
  wait "$(<"$work/image.pid")"
  ctl create data-container -i impatient -n there --no-wait -q >/dev/null
  clean_slate
}

case_the_image_fails() {
  slow_image doomed 2 'postScript: select * from nowhere'
  waiting_create doomed -n never
  local code=0
  wait "$create" || code=$?
  assert_eq "$code" 64
  assert_contains "$(<"$work/create.err")" "data image 'doomed'"
  assert_contains "$(<"$work/create.err")" nowhere "it says why"
  assert_eq "$(wc -l <"$work/create.out")" 0
  assert_error 2 never -- ctl get data-container never
  assert_error 2 doomed -- ctl get data-image doomed
}

case_the_image_is_deleted() {
  slow_image dropped 60
  waiting_create dropped -n never
  ctl delete data-image -q dropped
  local code=0
  wait "$create" || code=$?
  assert_eq "$code" 2
  assert_contains "$(<"$work/create.err")" "data image 'dropped'"
  assert_contains "$(<"$work/create.err")" "deleted"
  assert_eq "$(ctl get data-containers -o json)" "[]"
}

case_ctrl_c_while_it_waits() {
  slow_image patient 3
  waiting_create patient -n never
  kill -TERM "$create"  # a background job of a script ignores SIGINT
  local code=0
  wait "$create" || code=$?
  assert_eq "$code" 143
  assert_contains "$(<"$work/create.err")" "is not created"
  is_pending patient || fail "the image went with it"
  wait "$(<"$work/image.pid")" || fail "the image was not made: $(<"$work/image.err")"
  assert_eq "$(ctl get data-containers -o json)" "[]" "nothing is made for whoever has gone"
}

# As a deleted image: whoever waits is told, and nothing of either is left at the next start.
case_the_daemon_stops() {
  slow_image stopped 60
  waiting_create stopped -n never
  stop_daemon
  local code=0
  wait "$create" || code=$?
  assert_eq "$code" 69
  assert_contains "$(<"$work/create.err")" "stopping"
  start_daemon
  assert_eq "$(ctl get data-containers -o json)" "[]"
  wait_until 20 no_containers_left
}

write_config
start_daemon
make_image base 'sourceType: empty' 'version: 15' >/dev/null
run_cases "$@"
