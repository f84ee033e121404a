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

# The terminal gives a ctrl-C to both: the command gets it once, and its exit code counts.
case_ctrl_c_on_a_terminal() {
  cat >"$work/terminal.py" <<'END'
import os, pty, sys
SCRIPT = 'n=0; trap "n=\$((n+1))" INT; echo ready; for i in 1 2 3 4 5 6 7 8; do sleep 0.05; done; echo "got $n"; exit 7'
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], ["spawnctl", "run", "shop", "--", "sh", "-c", SCRIPT])
said, pressed = b"", False
while True:
    try:
        piece = os.read(terminal, 1000)
    except OSError:  # the other end is closed
        break
    said += piece
    if b"ready" in said and not pressed:
        pressed = os.write(terminal, b"\x03") == 1
print(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
  assert_exit 7 timeout 30 python3 "$work/terminal.py" "$work/spawnctl"
  assert_contains "$out" "got 1"
  assert_eq "$(ctl get data-containers -o json)" "[]"
}

status_of() { awk -v key="$2:" '$1 == key {print $2}' "/proc/$1/status"; }
# It holds signals back, and sleeps.
waits_for_the_daemon() { [[ $(status_of "$1" SigBlk) =~ [1-9a-f] && $(status_of "$1" State) == S ]]; }
# It has taken the signal, and sleeps.
hears_it_out() { [[ ! $(status_of "$1" ShdPnd) =~ [1-9a-f] && $(status_of "$1" State) == S ]]; }

# A daemon that says nothing: a second signal ends the wait, and nothing is claimed. The daemon sees later that nobody is there.
case_a_daemon_that_does_not_answer() {
  local code=0 create
  kill -STOP "$(daemon_pid)"
  "$work/spawnctl" create data-container -i shop -n unheard >"$work/said" 2>&1 & create=$!
  wait_until 10 waits_for_the_daemon "$create"
  kill -TERM "$create"
  wait_until 10 hears_it_out "$create"
  if process_gone "$create"; then kill -CONT "$(daemon_pid)"; fail "it does not wait for what becomes of it"; fi
  kill -TERM "$create"
  wait "$create" || code=$?
  kill -CONT "$(daemon_pid)"
  assert_eq "$code" 143
  assert_contains "$(<"$work/said")" "nobody has said whether data container 'unheard' is created"
  wait_until 20 daemon_answers
  wait_until 20 no_containers_left
  assert_error 2 unheard -- ctl get data-container unheard
}

case_create_data_image() { interrupt 40 image "$(image_yaml interrupted 'sourceType: empty' 'version: 15')"; }

# --- a server that does not end: its keeper is stopped while a script of the build runs -------------------------------

# hang_before_the_end NAME: its build waits in $build, for a keeper that will not answer it.
hang_before_the_end() {
  local yaml
  yaml=$(image_yaml "$1" 'sourceType: empty' 'version: 15' 'postScript: select pg_sleep(3)')
  : >"$work/said"
  "$work/spawnctl" create data-image --progress -f "$yaml" >"$work/said" 2>&1 & build=$!
  wait_until 20 grep -qs postScript "$work/said"
  wait_until 20 script_runs
  stopped=$(keeper_pid "$(basename "$state"/builds/*)")
  kill -STOP "$stopped"
  wait_until 20 grep -q stopping "$work/said"
}

# A backend of the build's server says in its title what it does.
script_runs() { local pid; for pid in $(descendants "$(daemon_pid)"); do grep -aq ' SELECT' "/proc/$pid/cmdline" 2>/dev/null && return; done; return 1; }

case_ctrl_c_while_the_server_is_stopped() {
  local build stopped start=$SECONDS code=0
  hang_before_the_end hangs
  kill -TERM "$build"  # as ctrl-C, which bash keeps from what runs in the background
  wait "$build" || code=$?
  assert_eq "$code" 143
  (( SECONDS - start < 20 )) || fail "it took $((SECONDS - start)) s to stop"
  wait_until 10 process_gone "$stopped"
  wait_until 10 folder_empty "$state/builds"
  assert_error 2 hangs -- ctl get data-image hangs
}

case_the_daemon_stops_while_a_server_is_stopped() {
  local build stopped
  hang_before_the_end hangs
  stop_daemon
  wait "$build" || true
  assert_contains "$(<"$work/said")" 'the daemon is stopping'
  process_gone "$stopped" || fail "the keeper of a build is left"
  start_daemon
}

# Of a new container 'saved'. The keeper waits for process 1, $first, to have the file system written out; $save is spawnctl.
begin_a_save_that_waits() {
  local keeper
  make_container shop saved >/dev/null
  keeper=$(keeper_pid "$(field saved id)")
  first=$(pgrep -P "$keeper")
  kill -STOP "$first"
  "$work/spawnctl" save data-container saved >"$work/said" 2>&1 & save=$!
  wait_until 10 waits_for_process_1 "$keeper"
}

case_the_daemon_stops_while_a_save_runs() {
  local save first
  begin_a_save_that_waits
  stop_daemon
  if wait "$save"; then fail "the save is said to be done"; fi
  kill -CONT "$first"
  start_daemon
  wait_until 20 answers saved
  ctl delete data-container -q saved
}
# In poll, of one descriptor.
waits_for_process_1() { [[ $(awk '{ print $1, $3 }' "/proc/$1/syscall") == "7 0x1" ]]; }

# The daemon is stopping already when the keeper says that the save is done.
case_a_save_ends_while_the_daemon_stops() {
  local save first
  begin_a_save_that_waits
  kill -TERM "$(daemon_pid)"
  kill -CONT "$first"
  wait "$save" || assert_contains "$(<"$work/said")" 'the daemon is stopping'
  wait_until 20 process_gone "$(daemon_pid)"
  assert_contains "$(tail -n 1 "$work/daemon.log")" 'stopped'
  start_daemon
  wait_until 20 has_revision saved rev.1
  ctl delete data-container -q saved
}
has_revision() { ctl get data-container "$1" -o json | jq -e --arg name "$2" '.revisions | any(.name == $name)' >/dev/null; }

# As many builds as run at once have scripts that do not end; one more waits in line, and its turn never comes.
case_ctrl_c_of_a_build_that_waits_in_line() {
  local n builds=() queued code=0 start
  for n in {1..8}; do
    "$work/spawnctl" create data-image -q -f "$(image_yaml "busy$n" 'sourceType: empty' 'version: 15' 'preScript: select pg_sleep(600)')" \
      >"$work/busy$n" 2>&1 & builds+=($!)
  done
  wait_until 60 eight_builds
  "$work/spawnctl" create data-image -f "$(image_yaml queued 'sourceType: empty' 'version: 15')" >"$work/said" 2>&1 & queued=$!
  wait_until 10 waits_for_the_daemon "$queued"
  start=$SECONDS
  kill -TERM "$queued"
  wait "$queued" || code=$?
  assert_eq "$code" 143
  (( SECONDS - start <= 5 )) || fail "it took $((SECONDS - start)) s to give up"
  kill -TERM "${builds[@]}"
  wait "${builds[@]}" || true
  wait_until 20 folder_empty "$state/builds"
}
eight_builds() { (( $(find "$state/builds" -mindepth 1 -maxdepth 1 | wc -l) == 8 )); }

write_config
start_daemon
make_items_image shop 'version: 15'
make_image other 'sourceType: empty' 'version: 15' >/dev/null
run_cases "$@"
