#!/usr/bin/env bash
# Signals to spawnctl while it creates something: what it says then is what the daemon has.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# interrupt ROUNDS KIND SOURCE
interrupt() {
  local said
  said=$(python3 "$repo/tests/end_to_end/interrupted_creates.py" "$work/spawnctl" "${SPAWND_ROUNDS:-$1}" "${@:2}" 2>&1) || fail "$said"
  note "$said"
}

case_create_data_container() { interrupt 40 create shop; }
case_run() { interrupt 40 run shop; }
# Both ends see the terminal's ctrl-C; run --keep-on-failure keeps nothing when the command had no chance to fail.
case_before_the_command_nothing_is_kept() {
  local code=0
  "$work/spawnctl" run shop -n early --keep-on-failure -- touch "$work/started" & local run=$!
  wait_until 20 has_begun early
  kill -TERM "$run"
  wait "$run" || code=$?
  assert_eq "$code" 143
  [[ ! -e $work/started ]] || fail "the command was started"
  assert_eq "$(ctl get data-containers -o json)" "[]"
}
has_begun() { ctl get data-container "$1" >/dev/null 2>&1; }

case_create_data_image() { interrupt 40 image "$(image_yaml interrupted 'sourceType: empty' 'version: 15')"; }

write_config
start_daemon
make_items_image shop 'version: 15'
make_image other 'sourceType: empty' 'version: 15' >/dev/null
run_cases "$@"
