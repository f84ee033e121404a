#!/usr/bin/env bash
# doctor: each line is good, or says what is wrong and what mends it; with a daemon, without one, on a machine that lacks something.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

level_of() { jq -r --arg subject "$1" '.[] | select(.subject == $subject) | .level' | sort | uniq | tr '\n' ' ' | sed 's/ $//'; }
offline() { "$spawnd" doctor --state-dir "$state" --socket "$socket" --config "$work/spawnd.yaml" "$@"; }

case_of_a_running_daemon() {
  ctl doctor >"$work/text" || fail "a daemon that works: $(<"$work/text")"
  ctl doctor -o json >"$work/json"
  local subject
  for subject in daemon versions kernel fuse "loop devices" program socket users "state directory" disk certificates ports confinement doors; do
    [[ $(level_of "$subject" <"$work/json") == good ]] || fail "$subject: $(jq -c --arg s "$subject" '.[] | select(.subject == $s)' "$work/json")"
  done
  grep -q '^good .*confinement' "$work/text" || fail "no such line: $(<"$work/text")"
  # Each that is not good says what or why.
  jq -e 'all(.[]; .text != "")' "$work/json" >/dev/null || fail "a line without words"
}

case_a_mistyped_command() {
  assert_error 64 "no command 'docter'" "did you mean 'doctor'?" -- "$spawnd" docter
  assert_error 64 "no command 'create'" 'spawnctl' -- "$spawnd" create
}

case_without_a_daemon() {
  stop_daemon
  local code=0
  ctl doctor >"$work/text" 2>&1 || code=$?
  (( code == 69 )) || fail "exit code $code: $(<"$work/text")"
  grep -q '^bad .*daemon .*cannot reach' "$work/text" || fail "$(<"$work/text")"
  grep -q 'sudo spawnd doctor' "$work/text" || fail "no way on: $(<"$work/text")"
  offline >"$work/text" || fail "without a daemon: $(<"$work/text")"
  [[ $(offline -o json | level_of confinement) == good ]] || fail "confinement: $(offline)"
  [[ $(offline -o json | level_of socket) == warning ]] || fail "the socket is gone: $(offline)"
}

case_what_is_wrong_is_named() {
  chmod 0777 "$state"
  local code=0
  offline >"$work/text" || code=$?
  (( code == 1 )) || fail "exit code $code"
  grep -q "^bad .*state directory .*mode 777" "$work/text" || fail "$(<"$work/text")"
  # What it says to do mends it.
  local remedy
  remedy=$(grep -A1 '^bad .*state directory' "$work/text" | sed -n 's/.*-> //p')
  bash -c "$remedy" || fail "the remedy fails: $remedy"
  offline >/dev/null || fail "still not good: $(offline)"

  sed -i 's/^engineUser: .*/engineUser: root-of-nowhere/' "$work/spawnd.yaml"
  offline >"$work/text" && fail "a user that is not there"
  grep -q "^bad .*users .*'root-of-nowhere'" "$work/text" || fail "$(<"$work/text")"
  echo 'portRange: [' >>"$work/spawnd.yaml"
  offline >"$work/text" && fail "settings that cannot be read"
  grep -q '^bad .*settings .*line' "$work/text" || fail "$(<"$work/text")"
  write_config
  start_daemon
}

case_a_machine_without_fuse() {
  local code=0
  unshare -m bash -c 'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"' sh "$spawnd" doctor --state-dir "$state" \
    --socket "$socket" >"$work/text" || code=$?
  (( code == 1 )) || fail "exit code $code: $(<"$work/text")"
  grep -q '^bad .*fuse .*no /dev/fuse' "$work/text" || fail "$(<"$work/text")"
  grep -q '^bad .*loop devices ' "$work/text" || fail "$(<"$work/text")"
}

# bpf(2) is what a door takes: without it containers run, and who comes between two servers is refused.
case_a_machine_without_doors() {
  setpriv --bounding-set=-sys_admin,-bpf,-net_admin,-perfmon -- "$spawnd" doctor --state-dir "$state" --socket "$socket" \
    --config "$work/spawnd.yaml" >"$work/text" || true
  grep -q '^warning .*doors .*bpf' "$work/text" || fail "$(<"$work/text")"
  grep -A1 '^warning .*doors' "$work/text" | grep -q -- '-> ' || fail "no way on: $(<"$work/text")"
}

write_config
start_daemon
run_cases "$@"
