# Sourced after harness.sh: a second daemon of the same test.
# shellcheck shell=bash disable=SC2154
# On another state directory: another machine as far as the store can tell.
there_state=$work/there/state
there_socket=$work/there/spawnd.sock
there() { SPAWNCTL_API_ENDPOINT=unix://$there_socket "$@"; }
there_ctl() { SPAWNCTL_API_ENDPOINT=unix://$there_socket ctl "$@"; }
there_pid() { cat "$work/there/daemon.pid"; }
there_answers() { there_ctl auth >/dev/null 2>&1; }
# The user range is that of the ports: two daemons at a time need two.
start_there() {
  sed -e "s/^portRange:.*/portRange: $((first_port + 50))-$((first_port + 99))/" "$work/spawnd.yaml" >"$work/there/spawnd.yaml"
  printf '%s\n' "$@" >>"$work/there/spawnd.yaml"
  "$spawnd" serve --state-dir "$there_state" --socket "$there_socket" --config "$work/there/spawnd.yaml" \
    >>"$work/there/daemon.log" 2>&1 </dev/null &
  echo $! >"$work/there/daemon.pid"
  disown
  wait_until 20 there_answers
}
kill_there() { kill -9 "$(there_pid)"; wait_until 10 process_gone "$(there_pid)"; }
stop_there() { kill -TERM "$(there_pid)"; wait_until 20 process_gone "$(there_pid)"; }
