#!/usr/bin/env bash
# What spawnd.service and spawnd.socket rely on, without a running systemd: readiness is told once the API answers, an
# inherited socket is taken, and a stop leaves containers running.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

serve=("$spawnd" serve --state-dir "$state" --socket "$socket" --config "$work/spawnd.yaml")

# Writes each datagram that comes to NOTIFY_SOCKET as a line of $work/notified.
listen_for_notifications() {
  python3 - "$work/notify.sock" >"$work/notified" <<'END' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening", flush=True)
while True:
    message = s.recv(4096).decode()
    print(message.replace("\n", " "), flush=True)
    if "STOPPING=1" in message:
        break
END
  wait_until 10 grep -q listening "$work/notified"
}

# start_notified [OOM-SCORE]
start_notified() {
  rm -f "$work/notify.sock" "$work/notified"  # or what the last one heard is taken for this one's
  listen_for_notifications
  (if [[ -n ${1:-} ]]; then echo "$1" >/proc/self/oom_score_adj; fi; NOTIFY_SOCKET=$work/notify.sock exec "${serve[@]}") \
    >>"$work/daemon.log" 2>&1 </dev/null &
  echo $! >"$work/daemon.pid"
}

case_tells_when_it_is_ready_and_when_it_stops() {
  # As OOMScoreAdjust= of the unit does it; where even root may not ask for less, any other value shows the same.
  local score=-900
  (echo $score >/proc/self/oom_score_adj) 2>/dev/null || score=300
  start_notified $score
  wait_until 20 grep -q 'READY=1' "$work/notified"
  daemon_answers || fail "ready, and yet the API does not answer"
  make_image base 'sourceType: empty' >/dev/null
  make_container base kept >/dev/null
  local keeper
  keeper=$(keeper_pid "$(field kept id)")
  assert_eq "$(<"/proc/$(daemon_pid)/oom_score_adj")" $score "the daemon's as it was set"
  assert_eq "$(<"/proc/$keeper/oom_score_adj")" $score "and its keeper's"
  assert_eq "$(<"/proc/$(server_pid "$keeper")/oom_score_adj")" 0 "but not an engine"
  assert_lacks "$(<"$state/containers/$(field kept id)/engine.log")" "PID file" "the engine's log"
  stop_daemon
  wait_until 10 grep -q 'STOPPING=1' "$work/notified"
  ! process_gone "$keeper" || fail "a keeper ended with the daemon"
}

case_tells_that_it_reads_its_settings_again() {
  start_notified
  wait_until 20 grep -q 'READY=1' "$work/notified"
  kill -HUP "$(daemon_pid)"
  ready_again() { (( $(grep -c 'READY=1' "$work/notified") == 2 )); }
  wait_until 10 ready_again
  # Type=notify-reload wants both in one message.
  grep -Eq 'RELOADING=1 .*MONOTONIC_USEC=[1-9][0-9]*' "$work/notified" || fail "no reload was told: $(<"$work/notified")"
  stop_daemon
  wait_until 10 grep -q 'STOPPING=1' "$work/notified"
}

case_takes_an_inherited_socket() {
  command -v systemd-socket-activate >/dev/null || skip "systemd-socket-activate is not installed"
  rm -f "$socket"
  systemd-socket-activate -l "$socket" "${serve[@]}" >>"$work/daemon.log" 2>&1 </dev/null &
  echo $! >"$work/daemon.pid"  # it becomes the daemon at the first connection
  bound() { [[ -S $socket ]]; }
  wait_until 10 bound
  local inode
  inode=$(stat -c %i "$socket")
  wait_until 20 daemon_ready
  assert_eq "$(stat -c %i "$socket")" "$inode" "the socket is still the one that was handed over"
  answers kept || fail "the container of the last daemon does not answer"
  stop_daemon
  [[ -S $socket ]] || fail "the daemon removed a socket that is not its own"
  rm -f "$socket"
  start_daemon
}

case_refuses_what_systemd_would_not_restart() {
  # Restart=on-failure: a daemon that cannot serve must end with a failure, not hang and not succeed.
  assert_exit 2 timeout 10 "$spawnd" serve --state-dir /proc/nowhere --socket "$work/x.sock" --config "$work/spawnd.yaml"
  assert_contains "$err" "/proc/nowhere"
}

write_config
run_cases "$@"
