#!/usr/bin/env bash
# Containers that were started before anybody asked: who asks is given one at once when it is what he asked for, and starts
# cold when not; they are nobody's until then, outlive the daemon and never their image, and go for whatever is asked for.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

pool() { ctl get pool -o json; }
ready() { pool | jq "[.[] | select(.state == \"running\" and .image == \"$1\")] | length"; }
has_ready() { [[ $(ready "$1") == "$2" ]]; }
is_empty() { [[ $(pool) == '[]' ]]; }
pooled_ids() { pool | jq -r '.[].id' | sort; }
starts() { ctl create data-container -o json "${@:2}" | jq -r .start | grep -qx "$1" || fail "not $1: ${*:2}"; }
# metric NAME LABELS
metric() { ctl metrics | grep -F "$1{$2}" | sed 's/.* //'; }
# configure LINE...: the daemon starts again with these lines in its configuration.
configure() {
  stop_daemon
  write_config
  local line
  for line in "$@"; do
    sed -i "/^${line%%:*}:/d" "$work/spawnd.yaml"
    echo "$line" >>"$work/spawnd.yaml"
  done
  start_daemon
}
empty_image() { make_image "$1" 'sourceType: empty' 'version: 15' "${@:2}" >/dev/null; }
no_pools() {
  local id
  configure
  for id in $(ctl get data-images -o json | jq '.[].id'); do ctl delete data-image -q "$id"; done
  wait_until 20 is_empty
}

case_who_asks_is_given_one_that_waits() {
  empty_image shop 'warm: 1'
  wait_until 30 has_ready shop 1
  local id json
  id=$(pooled_ids)
  assert_eq "$(ctl get data-containers -o json)" '[]' "what is pooled is nobody's"
  assert_eq "$(pool | jq -r '.[0] | .password + .url + .user')" '' "nothing that opens it is shown"
  assert_error 2 'no data container' -- ctl get data-container "$id"
  assert_matches "$(ctl get data-images -o wide)" 'Owner +Warm'
  assert_matches "$(ctl get data-images -o wide | grep shop)" ' 1/1$'
  json=$(ctl create data-container -i shop -n first --lifetime 1h -o json)
  assert_eq "$(jq -r '.start, .id, .name' <<<"$json" | xargs)" "pooled $id first"
  assert_eq "$(sql first '' 'select 1')" 1
  (( $(jq -r '(.expiresAt | fromdate) - now | floor' <<<"$json") > 3500 )) || fail "its lifetime does not count from now: $json"
  assert_eq "$(ctl events --since 1h --filter type=container --filter id="$id" -o json | jq -r .event | xargs)" \
    'pooled created started' "what happened to it"
  wait_until 30 has_ready shop 1
  [[ $(pooled_ids) != "$id" ]] || fail "no other one was started for it"
  assert_eq "$(field first start)" pooled
  assert_eq "$(metric spawnd_pool_creates_total 'engine="postgresql",outcome="hit"')" 1
  assert_eq "$(metric spawnd_pool_containers 'engine="postgresql",state="running"')" 1
  assert_error 1 'already' -- ctl create data-container -i shop -n first
  wait_until 30 has_ready shop 1
}

case_what_a_pooled_one_is_not_starts_cold() {
  wait_until 30 has_ready shop 1
  starts cold -i shop --pids 300
  starts cold -i shop --durability always
  starts cold -i shop --setting work_mem=5MB
  starts cold -i shop --no-superuser
  has_ready shop 1 || fail "the pooled one is gone"
  starts pooled -i shop --durability everysec --superuser
  assert_eq "$(metric spawnd_pool_creates_total 'engine="postgresql",outcome="differs"')" 4
  delete_all_containers
}

case_restarts_of_the_daemon_leave_it() {
  [[ -n $(ctl get data-images -o name) ]] || empty_image shop 'warm: 1'
  wait_until 30 has_ready shop 1
  local id; id=$(pooled_ids)
  stop_daemon; start_daemon
  wait_until 20 has_ready shop 1
  assert_eq "$(pooled_ids)" "$id" "after a restart"
  kill_daemon; start_daemon
  wait_until 20 has_ready shop 1
  assert_eq "$(pooled_ids)" "$id" "after a kill"
  assert_eq "$(ctl create data-container -i shop -n kept -o json | jq -r '.start, .id' | xargs)" "pooled $id"
  assert_eq "$(sql kept '' 'select 1')" 1
  # What ends while no daemon runs is not started again: another one is as good.
  wait_until 30 has_ready shop 1
  id=$(pooled_ids)
  kill_daemon
  kill -9 "$(keeper_pid "$id")"
  start_daemon
  wait_until 30 eval '[[ $(pooled_ids) != '"$id"' ]] && has_ready shop 1'
  # Nor is what ends while one runs.
  id=$(pooled_ids)
  kill -9 "$(keeper_pid "$id")"
  wait_until 30 eval '[[ $(pooled_ids) != '"$id"' ]] && has_ready shop 1'
  delete_all_containers
}

case_it_goes_with_its_image() {
  wait_until 30 has_ready shop 1
  ctl delete data-image -q shop
  wait_until 20 no_containers_left
  is_empty || fail "pooled without an image: $(pool)"
}

case_numbers_follow_what_is_asked_for() {
  empty_image two 'warm: 2'
  wait_until 40 has_ready two 2
  ctl update data-image -q two --warm 1
  wait_until 20 has_ready two 1
  ctl update data-image -q two --warm 0
  wait_until 20 is_empty
  assert_eq "$(image_field two warm)" 0
  ctl update data-image -q two --warm default
  assert_eq "$(image_field two warm)" null
  assert_error 64 'warm' -- ctl update data-image two --warm many
  assert_error 64 'warm' -- ctl update data-image two --warm 5000
  assert_error 64 'no number of containers' 'line 3' -- ctl create data-image -f "$(image_yaml bad 'warm: often' 'sourceType: empty')"
  is_empty || fail "defaultWarm is 0 here"
  no_pools
}

case_it_is_given_up_for_others() {
  empty_image shop 'warm: 1'
  wait_until 30 has_ready shop 1
  # The disk is at its warning level.
  sed -i 's/^diskWarnPercent: .*/diskWarnPercent: 1/' "$work/spawnd.yaml"
  kill -HUP "$(daemon_pid)"
  wait_until 20 is_empty
  assert_contains "$(ctl events --since 1h --filter event=deleted)" 'given up'
  starts cold -i shop
  # More than pools may have together.
  configure 'readyMemory: 1MiB'
  starts cold -i shop
  wait_until 5 eval '[[ $(metric spawnd_pool_creates_total "engine=\"postgresql\",outcome=\"miss\"") == 1 ]]'
  is_empty || fail "pools take more than they may"
  # The last port.
  delete_all_containers; wait_until 20 no_containers_left
  configure "portRange: $first_port-$((first_port + 1))"
  wait_until 30 has_ready shop 1
  starts pooled -i shop -n a
  wait_until 30 has_ready shop 1
  starts cold -i shop -n b --pids 300
  assert_eq "$(ctl get data-containers -o json | jq length)" 2
  assert_eq "$(metric spawnd_pool_given_up_total 'why="port"')" 1
  clean_slate
}
clean_slate() { delete_all_containers; no_pools; wait_until 20 no_containers_left; }

# What is pooled, spares and idle containers have one budget together.
ready_bytes() { ctl metrics | awk -v kind="$1" '$1 == "spawnd_ready_memory_bytes{kind=\"" kind "\"}" { printf "%d", $2 }'; }
limit() { ctl metrics | awk '$1 == "spawnd_ready_memory_limit_bytes" { printf "%d", $2 }'; }
state_is() { [[ $(field "$1" state) == "$2" ]]; }
case_one_budget_for_all_that_waits() {
  local pooled idle
  configure 'readyMemory: 1GiB'
  assert_eq "$(limit)" 1073741824
  empty_image shop 'warm: 1'
  wait_until 30 has_ready shop 1
  ctl create data-container -q -i shop -n one --pids 300 --spare >/dev/null
  has_spare() { [[ $(field one 'spare // ""') == ready ]]; }
  wait_until 30 has_spare
  counted() { (( $(ready_bytes pooled) > 0 && $(ready_bytes spares) > 0 )); }
  wait_until 20 counted
  sleep 6  # what one takes has been measured, where that can be
  pooled=$(ready_bytes pooled)
  # By itself each of them fits, together they do not: what is pooled stays, and there is no spare.
  configure "readyMemory: $(( pooled / 1048576 + 4 ))MiB"
  wait_until 30 has_ready shop 1
  wait_until 20 eval '(( $(ready_bytes pooled) > 0 ))'
  without_spare() { [[ $(field one 'spare // ""') == '' && $(ready_bytes spares) == 0 ]]; }
  wait_until 30 without_spare
  sleep 3
  without_spare || fail "it has a spare beyond the budget: $(ctl metrics | grep ready_memory)"
  has_ready shop 1 || fail "what is pooled is gone"
  # The same of one that may sleep: with what is pooled it is too much.
  ctl update data-image -q shop --warm 0
  wait_until 20 is_empty
  ctl update data-container -q one --sleep-after 1h
  awake() { (( $(ready_bytes idle) > 0 )); }
  configure 'readyMemory: 1GiB'
  wait_until 30 awake
  idle=$(ready_bytes idle)
  configure "readyMemory: $(( (pooled > idle ? pooled : idle) / 1048576 + 8 ))MiB"
  ctl start data-container -q one
  wait_until 30 awake
  sleep 4
  state_is one running || fail "it is alone and sleeps: $idle of $(limit)"
  ctl update data-image -q shop --warm 1
  wait_until 40 has_ready shop 1
  wait_until 40 state_is one asleep
  clean_slate
}

case_a_quota_counts_what_is_somebodys() {
  configure 'quotas: {users: {nobody: {containers: 1}}}'
  empty_image shop 'warm: 1' 'teams: [public]'
  wait_until 30 has_ready shop 1
  nobody() { setpriv --reuid nobody --regid nogroup --groups "$(getent group spawn | cut -d: -f3)" "$work/spawnctl" "$@"; }
  assert_eq "$(nobody auth -o json | jq .usage.containers)" 0
  assert_eq "$(nobody create data-container -i root/shop -o json | jq -r .start)" pooled
  wait_until 30 has_ready shop 1
  assert_eq "$(nobody auth -o json | jq .usage.containers)" 1
  assert_error 75 'you have 1 of 1' -- nobody create data-container -i root/shop
  has_ready shop 1 || fail "who was refused has taken it"
  clean_slate
}

case_images_lately_used_have_one() {
  configure 'defaultWarm: 1'
  empty_image shop
  empty_image never 'warm: 0'
  is_empty || fail "nobody has used them"
  starts cold -i shop
  starts cold -i never
  wait_until 30 has_ready shop 1
  starts pooled -i shop
  starts cold -i never
  # A built-in image as well.
  starts cold -i redis-empty
  wait_until 30 eval '[[ $(pool | jq -r ".[].engine" | sort -u | xargs) == "PostgreSQL Redis" ]]'
  wait_until 30 eval '(( $(pool | jq "[.[] | select(.state == \"running\")] | length") == 2 ))'
  starts pooled -i redis-empty
  assert_eq "$(redis_ping)" PONG
  clean_slate
}
redis_ping() {
  local json; json=$(ctl get data-containers -o json | jq '[.[] | select(.engine == "Redis")] | last')
  redis-cli -h "$(jq -r .host <<<"$json")" -p "$(jq -r .port <<<"$json")" --user "$(jq -r .user <<<"$json")" \
    --pass "$(jq -r .password <<<"$json")" --no-auth-warning ping
}

write_config
start_daemon
run_cases "$@"
