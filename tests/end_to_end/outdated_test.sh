#!/usr/bin/env bash
# After an upgrade: which containers run something older than what is installed, and what brings them up to date.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# A server of a version of its own: containers of it are Redis all the same.
place=$work/servers/redis
install_server() {  # install_server VERSION: as a package does it, another file under the same name
  printf '#!/bin/sh\nif [ "$1" = --version ]; then echo "Redis server v=%s sha=0"; exit; fi\nexec "${0%%/*}/real" "$@"\n' "$1" >"$place/bin/new"
  chmod 0755 "$place/bin/new"; mv "$place/bin/new" "$place/bin/redis-server"
}
answers_redis() { [[ $(REDISCLI_AUTH=$(field "$1" password) redis-cli -h 127.0.0.1 -p "$(field "$1" port)" ping 2>/dev/null) == PONG ]]; }
pid_of() { keeper_pid "$(field "$1" id)"; }
is_outdated() { [[ -n $(field "$1" outdated) ]]; }
on_a_terminal() { script -qec "$*" /dev/null </dev/null | tr -d '\r'; }

# The daemon of another version or build: this one, with other bytes where they are said.
version=$("$build/client/spawnctl" version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)
older=${version%.*}.9; [[ $older != "$version" ]] || older=${version%.*}.8
make_other_spawnds() {
  [[ ${#older} == "${#version}" ]] || fail "'$older' has to be as long as '$version'"
  python3 - "$spawnd" "$work/older" "$version" "$older" "$work/rebuilt" <<'END'
import re, subprocess, sys
program, older, version, other, rebuilt = sys.argv[1:]
data = open(program, "rb").read()
open(older, "wb").write(data.replace(version.encode() + b"\0", other.encode() + b"\0"))
notes = subprocess.run(["readelf", "-n", program], capture_output=True, text=True).stdout
build = bytes.fromhex(re.search(r"Build ID: ([0-9a-f]+)", notes).group(1))
open(rebuilt, "wb").write(data.replace(build, build[::-1]))
END
  chmod 0755 "$work/older" "$work/rebuilt"
}
start_other() { local spawnd=$work/$1; start_daemon; }

case_an_older_spawnd() {
  make_other_spawnds
  start_other older
  make_container redis-empty first >/dev/null
  assert_eq "$(field first outdated)" "" "at first"
  assert_eq "$(field first spawndRunning)" "$older"
  stop_daemon
  start_daemon
  assert_eq "$(field first outdated)" "it runs spawnd $older, this is $version"
  # Programs read the table as it was, people are told.
  assert_matches "$(ctl get data-containers | tail -n 1)" 'first +rev\.0 +Completed +Redis:7\.0 '
  if command -v script >/dev/null; then
    out=$(on_a_terminal "$work/spawnctl" get data-container first)
    assert_contains "$out" 'Completed, outdated'
    assert_contains "$out" "'first' is outdated: it runs spawnd $older, this is $version. \`spawnctl restart data-container first\`"
  fi
  ctl restart data-container first >/dev/null
  answers_redis first || fail "it does not answer when the restart has"
  assert_eq "$(field first outdated)" "" "after the restart"
  assert_eq "$(field first spawndRunning)" "$version"
}

case_another_build_of_the_same_version() {
  stop_daemon
  start_other rebuilt
  assert_eq "$(field first outdated)" "it runs another build of spawnd $version than this"
  ctl restart data-container -q first
  assert_eq "$(field first outdated)" "" "after the restart"
  stop_daemon
  start_daemon
  ctl restart data-container -q first
}

case_an_older_server() {
  make_container redis-empty second >/dev/null
  install_server 7.0.16
  wait_until 20 is_outdated first
  assert_eq "$(field first outdated)" "it runs Redis 7.0.15, 7.0.16 is installed"
  assert_eq "$(field first '| .version + " " + .serverInstalled')" "7.0.15 7.0.16"
  ctl restart data-container -q first
  assert_eq "$(field first '| .version + " " + .serverInstalled + .outdated')" "7.0.16 7.0.16"
  is_outdated second || fail "the other one is not outdated"
  # The same version again, as a security update of a library that is linked in may be.
  install_server 7.0.16
  wait_until 20 is_outdated first
  assert_contains "$(field first outdated)" "its server is not the file that is installed now as Redis 7.0.16"
  ctl restart data-container -q first second
}

case_all_that_are_outdated_in_turn() {
  make_container redis-empty third >/dev/null
  install_server 7.0.17
  wait_until 20 is_outdated third
  ctl restart data-container -q third
  make_container redis-empty stopped >/dev/null
  ctl stop data-container -q stopped
  local third; third=$(pid_of third)
  assert_exit 0 ctl restart data-container --all --outdated --rolling
  assert_eq "$out" "Data container 'first' restarted! (1 of 2)
Data container 'second' restarted! (2 of 2)"
  local name
  for name in first second; do
    answers_redis "$name" || fail "'$name' does not answer"
    ! is_outdated "$name" || fail "'$name' is outdated still"
  done
  assert_eq "$(pid_of third)" "$third" "what was up to date goes on"
  assert_eq "$(field stopped state)" stopped
  assert_eq "$(ctl restart data-container --all --outdated --rolling)" "Nothing is outdated."
  ctl delete data-container -q stopped
}

case_it_stops_at_the_first_that_fails() {
  install_server 7.0.18
  wait_until 20 is_outdated third
  local second third id; second=$(pid_of second) third=$(pid_of third) id=$(field second id)
  # Nobody can start what is on a volume like this one.
  cp "$state/containers/$id/delta/journal" "$work/journal"
  break_second() { python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.write(b"no journal" * 10)' "$state/containers/$id/delta/journal"; }
  break_second
  assert_exit 1 ctl restart data-container --all --outdated --rolling
  assert_eq "$out" "Data container 'first' restarted! (1 of 3)"
  assert_contains "$err" "error: data container 'second' ($id): "
  assert_contains "$err" "hint: 1 of 3 were restarted before it, 1 were not touched."
  assert_eq "$(pid_of third)" "$third" "the one after it goes on"
  ctl delete data-container -q second
  assert_exit 0 ctl restart data-container --all --outdated --rolling
  assert_eq "$out" "Data container 'third' restarted! (1 of 1)"
}

case_all_at_once() {
  local first third; first=$(pid_of first) third=$(pid_of third)
  assert_exit 0 ctl restart data-container --all
  assert_eq "$out" "Data container 'first' restarted!
Data container 'third' restarted!"
  [[ $(pid_of first) != "$first" && $(pid_of third) != "$third" ]] || fail "not restarted"
  answers_redis first && answers_redis third || fail "they do not answer"
}

case_usage() {
  assert_error 64 'name none' -- ctl restart data-container --all first
  assert_error 64 'say --all' -- ctl restart data-container
  assert_error 64 'go with --all' -- ctl restart data-container --rolling first
}

mkdir -p "$place/bin"
real=$repo/.deps/redis/bin/redis-server
[[ -x $real ]] || real=$(PATH=$PATH:/usr/local/bin command -v redis-server) || { echo "SKIP outdated: no redis-server"; exit 77; }
cp "$real" "$place/bin/real"; chmod -R a+rX "$work/servers"
install_server 7.0.15
write_config
sed -i "s|^engineSearchPaths:.*|engineSearchPaths: [$work/servers]|" "$work/spawnd.yaml"
run_cases "$@"
