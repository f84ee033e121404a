#!/usr/bin/env bash
# What an installation is, is remembered, and that a server could not be asked for its version is no answer: nothing
# counts as not installed because the machine is busy. An upgrade of a package is noticed without a restart.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# A server whose --version does not end while $place/busy is there. A container's root has the installation, where it is another place.
place=$work/servers/redis
install_server() {  # install_server VERSION: as a package does it, another file under the same name
  cat >"$place/bin/new" <<END
#!/bin/sh
if [ "\$1" = --version ]; then
  if [ -e $place/busy ]; then sleep 60; fi
  echo 'Redis server v=$1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0'; exit
fi
exec "\${0%/*}/real" "\$@"
END
  chmod 0755 "$place/bin/new"; mv "$place/bin/new" "$place/bin/redis-server"
}
write_config_of_one() {
  write_config
  sed -i "s|^engineSearchPaths:.*|engineSearchPaths: [$work/servers]|" "$work/spawnd.yaml"
}
# What is installed says its own version; containers of it answer with that of the real one.
redis() { REDISCLI_AUTH=$(field "$1" password) redis-cli -h 127.0.0.1 -p "$(field "$1" port)" "${@:2}" </dev/null; }
redis_answers() { [[ $(redis "$1" ping 2>/dev/null) == PONG ]]; }

case_a_deadline_is_no_answer() {
  touch "$place/busy"
  local start=$SECONDS
  start_daemon
  (( SECONDS - start < 10 )) || fail "a server that does not answer holds up the start"
  assert_error 75 "not known yet whether redis is installed" "'$place/bin/redis-server'" deadline 'try again' -- \
    ctl create data-container -i redis-empty -n first
  assert_error 75 "not known yet whether redis 7.0 is installed" -- ctl create data-container -i redis-empty:7.0 -n first
  assert_contains "$(ctl get engines)" "'$place/bin/redis-server'"
  # What is not there is not there, whoever does not answer.
  assert_error 64 'not installed' -- ctl create data-container -i postgres-empty -n first
  rm "$place/busy"
  # Behind, and nobody asks.
  found() { grep -q "found redis 7.0.15 in $place" "$work/daemon.log"; }
  wait_until 20 found
  make_container redis-empty first >/dev/null
}

case_what_is_known_outlives_the_daemon_and_the_boot() {
  local id; id=$(field first id)
  touch "$place/busy"
  stop_daemon
  kill -9 "$(keeper_pid "$id")"
  local before; before=$(lines_of_log)
  start_daemon_after_reboot
  wait_until 10 redis_answers first
  assert_matches "$(ctl get engines)" 'redis +Redis +7.0.15 +yes'
  ! said_since "$before" 'redis of unknown version' || fail "it was asked again"
  rm "$place/busy"
}

case_an_upgrade_is_noticed() {
  install_server 7.0.16
  # A container that starts again, and one that is new, run what is there now.
  make_container redis-empty second >/dev/null
  assert_matches "$(ctl get engines)" 'redis +Redis +7.0.16 +yes'
  install_server 7.0.17
  noticed() { grep -q "found redis 7.0.17 in $place" "$work/daemon.log"; }
  wait_until 20 noticed
}

case_an_upgrade_on_a_busy_machine_keeps_nobody_down() {
  touch "$place/busy"
  install_server 7.0.18
  local id; id=$(field first id)
  kill -9 "$(keeper_pid "$id")"
  # It stays on its way up, however long that takes, and says what it waits for.
  waits() { [[ $(field first detail) == *"not known yet"* ]]; }
  wait_until 30 waits
  assert_eq "$(field first status)" Pending
  rm "$place/busy"
  wait_until 90 redis_answers first
}

mkdir -p "$place/bin"
real=$repo/.deps/redis/bin/redis-server
[[ -x $real ]] || real=$(PATH=$PATH:/usr/local/bin command -v redis-server) || { echo "SKIP installations: no redis-server"; exit 77; }
cp "$real" "$place/bin/real"; chmod -R a+rX "$work/servers"
install_server 7.0.15
write_config_of_one
run_cases "$@"
