#!/usr/bin/env bash
# Lifetimes when the wall clock jumps under a running daemon, and while none runs. libfaketime stands between the daemon
# and CLOCK_REALTIME; the monotonic clock, which timers go by, stays the real one, as it does when somebody sets a clock.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

faketime=$(echo /usr/lib/*/faketime/libfaketimeMT.so.1)
[[ -f $faketime ]] || { echo "SKIP $suite: needs libfaketime"; exit 77; }

# The harness starts $spawnd and remembers its pid, so this must become the daemon, not start it.
real_spawnd=$spawnd
spawnd=$work/spawnd_with_a_clock
cat >"$spawnd" <<END
#!/bin/sh
echo \$\$ >>$work/clock_pids
LD_PRELOAD=$faketime FAKETIME_TIMESTAMP_FILE=$work/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
  exec $real_spawnd "\$@"
END
chmod +x "$spawnd"
# What libfaketime shares with child processes stays when the daemon is killed.
extra_clean_up() {
  local pid
  while read -r pid; do rm -f "/dev/shm/faketime_shm_$pid" "/dev/shm/sem.faketime_sem_$pid"; done <"$work/clock_pids"
}
# set_clock OFFSET: from the machine's clock, as "+2h". Renamed into place: the daemon never reads half of it.
set_clock() { echo "$1 x1" >"$work/clock.new"; mv "$work/clock.new" "$work/clock"; }

gone() { ! ctl get "$1" "$2" >/dev/null 2>&1; }
# Seconds from the machine's clock to what the daemon takes for now, by what it has just made.
daemon_offset() {
  local made
  ctl create data-container -q -i base -n watch >/dev/null
  made=$(date -d "$(field watch createdAt)" +%s)
  ctl delete data-container -q watch
  echo $((made - $(date +%s)))
}
assert_offset() {
  local offset; offset=$(daemon_offset)
  (( offset > $1 - 60 && offset < $1 + 60 )) || fail "the daemon's clock is off by $offset seconds, not by $1"
}

case_a_jump_ahead() {
  ctl create data-image -q -f "$(image_yaml passing 'sourceType: empty' 'version: 15' 'lifetime: 1h')" >/dev/null
  ctl create data-container -q -i base -n hour --lifetime 1h >/dev/null
  ctl create data-container -q -i base -n day --lifetime 24h >/dev/null
  assert_offset 0
  answers hour || fail "a container does not answer"
  set_clock +2h
  # Nobody asks the daemon for anything here but whether it has noticed.
  wait_until 75 gone data-container hour
  wait_until 1 gone data-image passing
  assert_offset 7200
  answers day || fail "a container whose time has not come is gone"
  set_clock +0
  ctl delete data-container -q day
}

case_a_jump_back() {
  ctl create data-container -q -i base -n brief --lifetime 5s >/dev/null
  ctl create data-container -q -i base -n hour --lifetime 1h >/dev/null
  set_clock -2h
  assert_offset -7200
  sleep 7  # the timer that was set for the expiry of `brief` has fired by now
  answers brief || fail "deleted before its time by the daemon's clock"
  set_clock +0
  wait_until 75 gone data-container brief
  answers hour || fail "a container whose time has not come is gone"
  ctl delete data-container -q hour
}

case_a_jump_while_no_daemon_runs() {
  ctl create data-container -q -i base -n hour --lifetime 1h >/dev/null
  ctl create data-container -q -i base -n day --lifetime 24h >/dev/null
  kill_daemon
  set_clock +2h
  start_daemon
  wait_until 10 gone data-container hour
  wait_until 20 answers day
  set_clock +0
  ctl delete data-container -q day
}

set_clock +0
write_config
start_daemon
make_image base 'sourceType: empty' 'version: 15' >/dev/null
run_cases "$@"
