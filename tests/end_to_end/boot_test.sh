#!/usr/bin/env bash
# The start of a daemon with many containers that do not run: it answers at once, they come back a few at a time, those used
# last first, and whoever creates one does not queue behind them. SPAWND_TEST_LONG=1 takes 300 of them.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

number=$(( ${SPAWND_TEST_LONG:-0} ? 300 : 24 ))
first=$first_port
(( number < 90 )) || first=25000  # more than a run has of its own

redis() { REDISCLI_AUTH=$(jq -r .password <<<"$1") redis-cli -h 127.0.0.1 -p "$(jq -r .port <<<"$1")" "${@:2}"; }
running() { (( $(ctl get dc -o json | jq '[.[] | select(.state == "running")] | length') >= $1 )); }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

make_them() {
  printf 'name: red\nengine: redis\nsourceType: empty\n' >"$work/files/red.yaml"
  ctl create data-image -q -f "$work/files/red.yaml" >/dev/null
  local i json
  for ((i = 1; i <= number; ++i)); do ctl create dc -q -i red -n "c$i" >/dev/null; done
  json=$(ctl get dc -o json)
  for ((i = 1; i <= number; ++i)); do
    redis "$(jq --arg name "c$i" '.[] | select(.name == $name)' <<<"$json")" set key "$i" >/dev/null
  done
  # Of what is looked at later nothing may be in the last second, which a power cut takes.
  for i in 1 7 "$number"; do ctl save dc -q "c$i" >/dev/null; done
}

# As the power cut leaves them; c3, then c7, were used last.
power_cut() {
  local pid
  kill_daemon
  for pid in $(keepers); do kill -9 "$pid" 2>/dev/null || true; done
  none_left() { [[ -z $(keepers) ]]; }
  wait_until 60 none_left
  local i=1 directory
  for directory in "$state"/containers/*; do find "$directory/delta" -type f -exec touch -d '2020-01-01' {} +; done
  for i in c7 c3; do touch "$state/containers/$(jq -r --arg name $i '.[] | select(.name == $name) | .id' "$work/all.json")"/delta/*; done
}

case_many_come_back() {
  make_them
  ctl get dc -o json >"$work/all.json"
  power_cut
  local before lines answered created
  lines=$(lines_of_log)
  before=$(milliseconds)
  start_daemon_after_reboot
  answered=$(($(milliseconds) - before))
  ctl create dc -q -i red -n extra >/dev/null
  created=$(($(milliseconds) - before))
  local came; came=$(ctl get dc -o json | jq '[.[] | select(.state == "running")] | length')
  note "$number containers: the daemon answers after $answered ms, a create is done after $created ms, $came run then"
  (( answered < 2000 )) || fail "the daemon answers after $answered ms"
  (( came < number / 2 )) || fail "$came of $number run already: the create says nothing"
  wait_until $((60 + number)) running $((number + 1))
  note "all run after $(($(milliseconds) - before)) ms"
  local i json; json=$(ctl get dc -o json)
  for i in 1 7 "$number"; do
    assert_eq "$(redis "$(jq --arg name "c$i" '.[] | select(.name == $name)' <<<"$json")" get key)" "$i" "the row of c$i"
  done
  local order; order=$(tail -n "+$((lines + 1))" "$work/daemon.log" | grep -oE "container [0-9]+ \('c[0-9]+'\) runs again" | sed -n '1,2p' | grep -oE "c[0-9]+" | sort | tr '\n' ' ')
  assert_eq "$order" "c3 c7 " "who came first"
}

write_config "$first-$((first + number + 20))"
start_daemon
run_cases "$@"
