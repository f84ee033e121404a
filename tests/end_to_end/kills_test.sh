#!/usr/bin/env bash
# kill -9 of whatever there is, at random moments, under load: a daemon, a keeper, a server, one of its backends, and
# while containers come and go. Everything comes back by itself, and nothing that was acknowledged is lost.
# SPAWND_TEST_LONG=1 does a hundred rounds in place of five; SPAWND_TEST_SEED=N repeats the choices of a run.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"
# shellcheck source=load.sh
source "$(dirname "$0")/load.sh"

rounds=$(( ${SPAWND_TEST_LONG:-0} ? 100 : 5 ))
seed=${SPAWND_TEST_SEED:-$((RANDOM * 32768 + RANDOM))}
loaded=(everysec-1 everysec-2 always-1)
random_moment() { sleep "$(awk -v r="$RANDOM" -v most="$1" 'BEGIN { printf "%.3f", r / 32768 * most }')"; }

extra_clean_up() { (stop_loads); }

# The daemon gives a container up whose keeper ended five times within a minute; here it may be four.
kills_of_everysec_1=() kills_of_everysec_2=() kills_of_always_1=()
may_die() {
  local -n kills=kills_of_${1//-/_}
  (( ${#kills[@]} < 4 || SECONDS - kills[-4] > 62 ))
}
note_kill() {
  local -n kills=kills_of_${1//-/_}
  kills+=("$SECONDS")
}

# The process of kind $2 of container $1; nothing when it is just starting.
victim() {
  local keeper server
  keeper=$(keeper_pid "$(cat "$work/id-$1")")
  [[ -n $keeper ]] || return 0
  server=$(server_pid "$keeper")
  case $2 in
    keeper) echo "$keeper" ;;
    server) echo "$server" ;;
    backend) [[ -z $server ]] || ps -o pid= --ppid "$server" | awk -v r="$RANDOM" '{ pid[NR] = $1 } END { if (NR) print pid[1 + r % NR] }' ;;
  esac
}

# A container of each of three kinds: one that is asked for while something dies, one that is deleted meanwhile, one
# that is made and deleted at once. What the client was told is in $work/told-*.
come_and_go() {
  rm -f "$work"/told-*
  (make_container bank "comes-$1" && touch "$work/told-comes") >/dev/null 2>&1 &
  (random_moment 0.3; ctl delete dc -q "goes-$1" && touch "$work/told-goes") >/dev/null 2>&1 &
  (make_container bank "both-$1" && ctl delete dc -q "both-$1" && touch "$work/told-both") >/dev/null 2>&1 &
}
exists() { ctl get dc -o json | jq -e --arg name "$1" 'any(.[]; .name == $name)' >/dev/null; }
settled() { [[ $(ctl get dc -o json | jq '[.[] | select(.status == "Pending" or .state == "restarting")] | length') == 0 ]]; }
assert_as_told() {
  local name
  wait_until 40 settled
  if [[ -e $work/told-comes ]]; then exists "comes-$1" || fail "'comes-$1' was created, and is not there"; fi
  if [[ -e $work/told-goes ]]; then ! exists "goes-$1" || fail "'goes-$1' was deleted, and is there"; fi
  if [[ -e $work/told-both ]]; then ! exists "both-$1" || fail "'both-$1' was deleted, and is there"; fi
  for name in "comes-$1" "goes-$1" "both-$1"; do
    exists "$name" || continue
    wait_until 40 answers "$name"
    assert_eq "$(sql "$name" '' 'select count(*) from item')" 1000 "container '$name'"
    ctl delete dc -q "$name"
  done
}

case_setup() {
  local name
  make_bank_image || fail "cannot make the image"
  for name in "${loaded[@]}"; do
    ctl create dc -q -i bank -n "$name" --durability "${name%-*}"
    field "$name" id >"$work/id-$name"
    start_load "$name"
  done
  everything_goes_on "${loaded[@]}"
}

case_rounds_of_kills() {
  local round kind name pid kinds=(daemon keeper server backend)
  note "seed $seed"
  RANDOM=$seed
  for ((round = 0; round < rounds; round++)); do
    kind=${kinds[(round + RANDOM) % 4]}
    make_container bank "goes-$round" >/dev/null
    come_and_go "$round"
    random_moment 0.6
    if [[ $kind == daemon ]]; then
      kill_daemon
      random_moment 0.3
      start_daemon
    else
      name=${loaded[RANDOM % ${#loaded[@]}]}
      may_die "$name" || kind=backend
      [[ $kind == backend ]] || note_kill "$name"
      pid=$(victim "$name" "$kind")
      note "round $round: $kind of $name, ${pid:-not there}"
      [[ -z $pid ]] || kill -9 "$pid" 2>/dev/null || note "gone before"
    fi
    wait
    everything_goes_on "${loaded[@]}"
    assert_as_told "$round"
  done
}

case_nothing_acknowledged_is_lost() {
  stop_loads
  assert_nothing_lost "${loaded[@]}"
}

# The ports of this file's daemon are few: had a round leaked one, the last of these would find none.
case_nothing_is_left() {
  local number
  clean_slate
  for ((number = 0; number < ports; number++)); do make_container bank "port-$number" >/dev/null; done
  clean_slate
}

ports=8
write_config "$first_port-$((first_port + ports - 1))"
start_daemon
run_cases "$@"
