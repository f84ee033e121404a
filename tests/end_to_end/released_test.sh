#!/usr/bin/env bash
# The state directory of every released version (tests/released) is opened by this one: its catalog is brought up to now, its
# container answers what was in it, goes back to its revision, and can be saved and deleted.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

redis_cli=$(command -v redis-cli || echo "$repo/.deps/redis/bin/redis-cli")
redis() {
  local json
  json=$(ctl get dc first -o json)
  REDISCLI_AUTH=$(jq -r .password <<<"$json") "$redis_cli" --no-auth-warning -h 127.0.0.1 -p "$(jq -r .port <<<"$json")" "$@"
}
redis_answers() { [[ $(redis ping 2>/dev/null) == PONG ]]; }

open_one() {
  local released=$1 version
  version=$(basename "$released" .tar.xz); version=${version#schema-}
  mkdir "$work/state-$version"
  tar -C "$work/state-$version" -xf "$released"
  chmod 0711 "$work/state-$version"
  state=$work/state-$version
  # What only looks changes nothing.
  assert_exit 0 "$spawnd" fsck --state-dir "$state"
  assert_eq "$out" clean
  [[ ! -e $state/catalog.pre-$((version + 1)) ]] || fail 'fsck without --repair has changed the catalog'
  start_daemon
  [[ -e $state/catalog.pre-$((version + 1)) ]] || fail "no copy of the catalog from before"
  wait_until 30 redis_answers
  assert_eq "$(redis get greeting)" 'hello of the first release'
  assert_eq "$(redis get later)" 'not saved as a revision'
  assert_eq "$(field first revision)" rev.1
  assert_exit 0 ctl save dc -q first
  assert_eq "$out" rev.2
  assert_exit 0 ctl load dc first -r rev.1 -q
  assert_eq "$(redis get later)" ''
  assert_eq "$(redis get greeting)" 'hello of the first release'
  assert_exit 0 ctl create dc -q -i counters -n second
  manifests_there() { [[ -e $state/containers/$(field first id)/manifest && -e $state/store/images/$(field first imageId).manifest ]]; }
  wait_until 20 manifests_there
  clean_slate
  assert_exit 0 ctl delete di -q counters
  stop_daemon
  assert_exit 0 "$spawnd" fsck --state-dir "$state"
  assert_eq "$out" clean
}

case_every_released_state_directory_is_opened() {
  [[ -x $redis_cli ]] || skip 'no redis-cli'
  local released count=0
  for released in "$repo"/tests/released/schema-*.tar.xz; do
    note "$released"
    open_one "$released"
    count=$((count + 1))
  done
  (( count > 0 )) || fail 'there is none'
}

daemon_may_be_down=1
write_config
run_cases "$@"
