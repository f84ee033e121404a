#!/usr/bin/env bash
# kill -9 of keepers and of the daemon, at rest and in the middle of things. SPAWND_TEST_LONG=1 tries more moments.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

rounds=$(( ${SPAWND_TEST_LONG:-0} ? 100 : 12 ))
random_moment() { sleep "$(awk -v r="$RANDOM" -v most="$1" 'BEGIN { printf "%.3f", r / 32768 * most }')"; }

case_keeper_killed() {
  make_container base survivor
  local keeper old before
  before=$(ctl get dc survivor -o json | jq -c '[.host, .port, .user, .password, .connectionString]')
  sql survivor '' "insert into item values (-1, 'committed')"
  keeper=$(keeper_pid "$(field survivor id)")
  mapfile -t old < <(descendants "$keeper")
  (( ${#old[@]} > 3 )) || fail "a keeper with an engine has more processes than ${#old[@]}"
  kill -9 "$keeper"
  wait_until 5 all_gone "$keeper" "${old[@]}"
  wait_until 20 answers survivor
  assert_eq "$(sql survivor '' 'select name from item where id = -1')" committed "what was committed is there"
  assert_eq "$(ctl get dc survivor -o json | jq -c '[.host, .port, .user, .password, .connectionString]')" "$before" "the same address and password"
  assert_eq "$(field survivor status)" Completed
}

case_engine_killed() {
  local keeper server
  keeper=$(keeper_pid "$(field survivor id)")
  server=$(server_pid "$keeper")
  [[ -n $server ]] || fail "no server below keeper $keeper"
  kill -9 "$server"
  wait_until 10 process_gone "$keeper"
  wait_until 20 answers survivor
  assert_eq "$(sql survivor '' 'select name from item where id = -1')" committed
  ctl delete dc -q survivor
}

case_keeper_killed_under_load() {
  make_container base busy
  local json keeper acknowledged
  json=$(ctl get dc busy -o json)
  sql busy '' 'create table acknowledged (n int)'
  : >"$work/acknowledged"
  # A client that notes each number only after its commit was acknowledged.
  PGPASSWORD=$(jq -r .password <<<"$json") python3 - "$(jq -r .port <<<"$json")" "$(jq -r .user <<<"$json")" >"$work/acknowledged" 2>/dev/null <<'END' &
import subprocess, sys
psql = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", sys.argv[1], "-U", sys.argv[2], "-d", "shop"],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
n = 0
while True:
    n += 1
    psql.stdin.write(f"insert into acknowledged values ({n}) returning n;\n"); psql.stdin.flush()
    line = psql.stdout.readline()
    if not line:
        break
    print(line.strip(), flush=True)
END
  some_acknowledged() { (( $(wc -l <"$work/acknowledged") > 200 )); }
  wait_until 20 some_acknowledged
  keeper=$(keeper_pid "$(field busy id)")
  kill -9 "$keeper"
  if ! (wait_until 10 process_gone "$keeper"); then
    for task in "/proc/$keeper"/task/*; do note "$(<"$task/comm") $(sed 's/.*) //;s/ .*//' "$task/stat"): $(tr '\n' ' ' <"$task/stack")"; done
    fail "the keeper does not end"
  fi
  wait_until 20 answers busy
  acknowledged=$(grep -c . "$work/acknowledged")
  (( $(sql busy '' 'select count(*) from acknowledged') >= acknowledged )) || fail "of $acknowledged acknowledged commits only $(sql busy '' 'select count(*) from acknowledged') are there"
  ctl delete dc -q busy
}

case_daemon_killed_under_pgbench() {
  clean_slate
  make_container base load
  local json before pgbench
  json=$(ctl get dc load -o json) before=$(jq -c '[.id, .name, .port, .user, .password, .status]' <<<"$json")
  export PGHOST=127.0.0.1 PGPORT PGUSER PGPASSWORD PGDATABASE=shop
  PGPORT=$(jq -r .port <<<"$json") PGUSER=$(jq -r .user <<<"$json") PGPASSWORD=$(jq -r .password <<<"$json")
  pgbench -i -q >"$work/out" 2>&1 || fail "$(<"$work/out")"
  pgbench -c 2 -T 6 -P 1 >"$work/pgbench" 2>&1 &
  pgbench=$!
  running() { grep -q '^progress: 1' "$work/pgbench"; }
  wait_until 10 running
  kill_daemon
  start_daemon
  assert_eq "$(ctl get dc load -o json | jq -c '[.id, .name, .port, .user, .password, .status]')" "$before" "what the restarted daemon knows"
  kill_daemon
  start_daemon
  wait "$pgbench" || fail "pgbench: $(<"$work/pgbench")"
  assert_lacks "$(<"$work/pgbench")" "error:" "pgbench"
  assert_contains "$(<"$work/pgbench")" "number of failed transactions: 0 "
  # Not only known: the restarted daemon looks after it.
  kill -9 "$(keeper_pid "$(field load id)")"
  wait_until 20 answers load
  ctl delete dc -q load
  wait_until 10 no_containers_left
}

case_clean_stop_and_start() {
  make_container base stays
  local keeper
  keeper=$(keeper_pid "$(field stays id)")
  stop_daemon
  process_gone "$keeper" && fail "stopping the daemon ended a keeper"
  start_daemon
  answers stays || fail "the container does not answer"
  assert_eq "$(keeper_pid "$(field stays id)")" "$keeper" "the same keeper"
  ctl delete dc -q stays
}

case_keeper_ends_while_the_daemon_is_down() {
  make_container base lonely
  local keeper
  sql lonely '' "insert into item values (-1, 'kept')"
  keeper=$(keeper_pid "$(field lonely id)")
  kill_daemon
  kill -9 "$keeper"
  wait_until 10 process_gone "$keeper"
  start_daemon
  wait_until 20 answers lonely
  assert_eq "$(sql lonely '' 'select name from item where id = -1')" kept
  ctl delete dc -q lonely
}

# What is listed works; what does not work is not listed.
assert_all_done_or_gone() {
  local name
  settled() { [[ $(ctl get dc -o json | jq '[.[] | select(.status == "Pending" or .state == "restarting")] | length') == 0 ]]; }
  wait_until 30 settled
  for name in $(ctl get dc -o json | jq -r '.[].name'); do
    assert_eq "$(sql "$name" '' 'select count(*) from item')" 1000 "container '$name' ($(field "$name" status) $(field "$name" detail))"
  done
}

case_daemon_killed_during_create_and_delete_of_containers() {
  local round
  clean_slate
  for ((round = 0; round < rounds; round++)); do
    make_container base "old-$round" >/dev/null
    (make_container base "new-$round"; ctl delete dc -q "old-$round") >/dev/null 2>&1 &
    random_moment 0.4
    kill_daemon
    wait $! || true
    start_daemon
    assert_all_done_or_gone
    clean_slate
  done
}

case_daemon_killed_during_image_builds() {
  local round name
  clean_slate
  for ((round = 0; round < rounds / 2; round++)); do
    (make_image "built-$round" 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: items.sql}') >/dev/null 2>&1 &
    random_moment 1.5
    kill_daemon
    wait $! || true
    start_daemon
    wait_until 20 folder_empty "$state/builds"
    [[ -z $(keepers) ]] || fail "a build's keeper survived: $(keepers)"
    assert_eq "$(find "$state/store" -name '*.tmp' ! -name '*.manifest.tmp')" "" "temporary files"
    for name in $(ctl get di -o json | jq -r '.[] | select(.status != "Failed" and (.name | startswith("built-"))) | .name'); do
      assert_eq "$(image_field "$name" status)" Completed
      make_container "$name" "of-$name" >/dev/null
      assert_eq "$(sql "of-$name" '' 'select count(*) from item')" 1000
      ctl delete dc -q "of-$name"
      image_deleted() { ctl delete di -q "$name" >/dev/null 2>&1; }
      wait_until 20 image_deleted
    done
  done
}

# With every image deleted, only the empty state of an engine version and nothing of anybody else's is in the store.
case_no_file_leaks() {
  local name
  no_images() { [[ $(ctl get di -o json) == "[]" ]] || { for name in $(ctl get di -o json | jq -r '.[].id'); do ctl delete di -q "$name" >/dev/null 2>&1; done; return 1; }; }
  wait_until 20 no_images
  only_the_empty_state() { (( $(find "$state/store/images" -name '*.index' | wc -l) <= 1 && $(find "$state/store/layers" -type f | wc -l) <= 1 )); }
  (wait_until 20 only_the_empty_state) || fail "left in the store: $(find "$state/store" -type f)"
}

write_config
start_daemon
make_items_image base
run_cases "$@"
