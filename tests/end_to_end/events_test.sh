#!/usr/bin/env bash
# Events: what happens is told in order, once, to whoever may see it; over restarts, and to readers that do not read.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# Two users of the machine with accounts, members of the group `spawn`.
spawn_gid=$(getent group spawn | cut -d: -f3)
as() { local id=$1; shift; setpriv --reuid "$id" --regid "$id" --groups "$spawn_gid" "$work/spawnctl" "$@"; }
ann() { as 64101 "$@"; }
bob() { as 64102 "$@"; }

events() { ctl events -o json "$@"; }
newest() { events | tail -n 1 | jq .id; }
# words FILTER...: "created started", of what came since $since.
words() { events --since "$since" "$@" | jq -r .event | xargs; }
said() { [[ $(words "${@:2}") == *"$1"* ]]; }

case_the_life_of_a_container_in_order() {
  since=$(newest)
  make_container base told >/dev/null
  ctl save data-container -q told >/dev/null
  ctl reset data-container -q told
  ctl load data-container -q told -r rev.0
  ctl update data-container told --name renamed >/dev/null
  kill -9 "$(keeper_pid "$(field renamed id)")"
  wait_until 20 said restarted
  ctl graduate data-container -q renamed --name grown >/dev/null
  ctl stop data-container -q renamed
  ctl start data-container -q renamed
  ctl restart data-container -q renamed
  ctl delete data-container -q renamed
  assert_eq "$(words --filter type=container)" \
    "created started saved resetting reset loading loaded updated engine-ended restarted graduated stopping stopped starting started restarting restarted deleted"
  assert_eq "$(words --filter type=image --filter name=grown)" "pending completed"
  # Who did it, with what, of what.
  assert_eq "$(events --since "$since" --filter event=created | jq -c '[.name, .type, .owner, .image, .actor.user, .actor.tokenId]')" \
    '["told","container","root","base","root",0]'
  assert_eq "$(events --since "$since" --filter event=saved --filter event=loaded | jq -r .revision | xargs)" "rev.1 rev.0"
  assert_eq "$(events --since "$since" --filter event=engine-ended | jq -c .actor)" null
  assert_eq "$(events --since "$since" --filter event=restarted | head -n 1 | jq -c .actor)" null
  assert_contains "$(events --since "$since" --filter event=updated | jq -r .detail)" "'renamed' for 'told'"
  assert_contains "$(events --since "$since" --filter event=graduated | jq -r .detail)" "'grown'"
  # Ids grow by one: nobody else does anything here.
  assert_eq "$(events --since "$since" | jq -s 'map(.id) == [range(.[0].id; .[0].id + length)]')" true
  assert_matches "$(events --since "$since" | head -n 1 | jq -r .time)" '^20[0-9-]+T[0-9:]+\.[0-9]{3}Z$'
  assert_matches "$(ctl events --since "$since" | head -n 1)" \
    '^20[0-9T:.-]+Z [0-9]+ container created told \([0-9]+\) image=base revision=rev.0 owner=root by=root$'
}

case_what_fails_is_told_with_why() {
  since=$(newest)
  echo 'select * from nowhere;' >"$work/files/bad.sql"
  assert_exit 64 make_image bad 'sourceType: backup' 'version: 15' 'backup: {file: bad.sql}'
  wait_until 10 said failed --filter name=bad
  assert_eq "$(words --filter name=bad)" "pending failed"
  assert_contains "$(events --since "$since" --filter event=failed --filter name=bad | jq -r .detail)" nowhere
}

case_what_expires() {
  since=$(newest)
  ctl create data-container -q -i base -n shortly --lifetime 1s >/dev/null
  wait_until 20 said expired
  assert_eq "$(words --filter name=shortly)" "created started expired"
  assert_eq "$(events --since "$since" --filter event=expired | jq -c .actor)" null
}

case_filters_places_and_mistakes() {
  since=$(newest)
  make_container base one >/dev/null; make_container base two >/dev/null
  assert_eq "$(words --filter name=one)" "created started"
  assert_eq "$(words --filter name=one --filter name=two)" "created started created started"
  assert_eq "$(words --filter name=one --filter event=started)" started
  assert_eq "$(words --filter image=base --filter event=started)" "started started"
  assert_eq "$(words --filter owner=root --filter name=two)" "created started"
  assert_eq "$(words --filter owner=nobody)" ""
  assert_eq "$(words --filter "id=$(field one id)")" "created started"
  assert_eq "$(words --until $((since + 1)))" created
  assert_eq "$(events --since 1h --filter name=one | jq -r .event | xargs)" "created started"
  assert_eq "$(events --since 2001-01-01 --until 2002-01-01)" ""
  assert_eq "$(events --filter name=one --since "$(date -u +%Y-%m-%dT%H:%M:%SZ -d '-1 hour')" | jq -r .event | xargs)" "created started"
  assert_error 64 "nothing that events understand" -- ctl events --filter colour=blue
  assert_error 64 "there is no event 'craeted'" "created" -- ctl events --filter event=craeted
  assert_error 64 "no key=value" -- ctl events --filter created
  assert_error 64 "no id of an event" -- ctl events --since yesterday-ish
  assert_error 64 "lines of text" -- ctl events -o yaml
  ctl delete data-container -q one two
}

# A reader that goes on where it was gets each event once, whatever the daemon went through.
case_nothing_is_lost_or_told_twice_over_a_killed_daemon() {
  since=$(newest)
  local i
  "$work/spawnctl" events -f --since "$since" -o json >"$work/first" 2>"$work/first.err" &
  local reader=$!
  for i in 1 2 3; do make_container base "killed-$i" >/dev/null; done
  wait_until 10 grep -q killed-3 "$work/first"
  kill_daemon
  local code=0; wait "$reader" || code=$?
  assert_eq "$code" 69
  assert_matches "$(<"$work/first.err")" 'since [0-9]+. goes on from there'
  start_daemon
  local last; last=$(tail -n 1 "$work/first" | jq .id)
  "$work/spawnctl" events -f --since "$last" -o json >"$work/second" &
  reader=$!
  for i in 1 2 3; do ctl delete data-container -q "killed-$i"; done
  wait_until 10 eval '[[ $(grep -c deleted "$work/second") == 3 ]]'
  kill "$reader"; wait "$reader" || true
  assert_eq "$(cat "$work/first" "$work/second" | jq -s --argjson since "$since" 'map(.id) == [range($since + 1; $since + 1 + length)]')" true
  assert_eq "$(cat "$work/first" "$work/second" | jq -r .id | xargs)" "$(events --since "$since" | jq -r .id | xargs)"
}

# One sees what one may see, as it was when it happened.
case_others_see_only_what_is_theirs() {
  since=$(newest)
  ann create data-image -q -f "$(image_yaml anns 'sourceType: empty' 'version: 15')" >/dev/null
  ann create data-container -q -i anns -n mine >/dev/null

  of_bob() { bob events --since "$since" -o json | jq -r '.event + " " + .name' | xargs; }
  assert_eq "$(of_bob)" ""
  assert_eq "$(ann events --since "$since" -o json | jq -r .event | xargs)" "pending completed created started"
  assert_eq "$(words)" "pending completed created started"
  # From now on he is told of the image, and of nothing before; of the container never.
  ann update data-image anns --team shared >/dev/null
  assert_eq "$(of_bob)" "updated anns"
  ann delete data-container -q mine
  ann update data-image anns --tag x >/dev/null
  assert_eq "$(of_bob)" "updated anns updated anns"
  # That it is his no more he is told, and then nothing.
  ann update data-image anns --remove-team shared --name secret >/dev/null
  ann delete data-image -q secret
  assert_eq "$(of_bob)" "updated anns updated anns unshared anns"
  assert_lacks "$(bob events --since "$since" -o json)" secret
  assert_eq "$(ann events --since "$since" -o json --filter event=deleted | jq -r .name | xargs)" "mine secret"
}

# A token for some images is told of these; the stream ends with its token.
case_a_token_is_told_what_it_is_for() {
  since=$(newest)
  local token
  ctl create data-image -q -f "$(image_yaml other 'sourceType: empty' 'version: 15')" >/dev/null
  token=$(ctl create access-token --purpose follows --image base -q)
  make_container base of-base >/dev/null
  make_container other of-other >/dev/null
  assert_eq "$(bob events --accessToken "$token" --since "$since" -o json | jq -r .name | sort -u | xargs)" of-base
  bob events --accessToken "$token" -f --since "$since" >"$work/follows" 2>"$work/follows.err" &
  local reader=$!
  wait_until 10 grep -q of-base "$work/follows"
  ctl delete access-token -q "$(ctl get at -o json | jq '.[] | select(.purpose == "follows") | .id')"
  local code=0; wait "$reader" || code=$?
  assert_eq "$code" 7
  assert_contains "$(<"$work/follows.err")" "has been deleted"
  # What was done with a token says so.
  token=$(ctl create access-token --purpose makes -q)
  ctl create data-container -q -i base -n by-token --accessToken "$token" >/dev/null
  assert_eq "$(events --filter name=by-token | jq -s 'map(.actor.tokenId) | unique | length == 1 and .[0] > 10000')" true
  ctl delete data-container -q of-base of-other by-token
}

# in_catalog SQL: while no daemon runs.
in_catalog() { python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()' "$state/catalog.db" "$1"; }
rss() { awk '/^VmRSS/ {print $2}' "/proc/$(daemon_pid)/status"; }

# Readers that take nothing cost the daemon nothing, and hear what they missed when they read again.
case_a_reader_that_does_not_read() {
  local id before after pid i
  make_container base busy >/dev/null
  stop_daemon
  # Some ten megabytes: more than pipes and queues hold.
  in_catalog "INSERT INTO events WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
    SELECT (SELECT max(id) FROM events) + i, time, resource, event, subject, name, owner, image_id, image, image_name, image_owner,
    built_in, tags, teams, revision, container_id, actor, token_id, detail FROM n, (SELECT * FROM events ORDER BY id DESC LIMIT 1)"
  start_daemon
  id=$(newest)
  mkfifo "$work/stuck"
  sleep 600 <"$work/stuck" & local sleeps=$!
  before=$(rss)
  for i in 1 2 3 4; do "$work/spawnctl" events -f --since 0 -o json >"$work/stuck" 2>>"$work/stuck.err" & echo $! >>"$work/stuck.pids"; done
  for i in $(seq 1 20); do ctl update data-container busy --lifetime "${i}h" >/dev/null; done
  assert_eq "$(events --since "$id" | wc -l)" 20
  after=$(rss)
  (( after < before + 8192 )) || fail "from $before to $after KiB"
  [[ ! -s $work/stuck.err ]] || fail "$(<"$work/stuck.err")"
  while read -r pid; do kill "$pid"; wait "$pid" || true; done <"$work/stuck.pids"
  kill "$sleeps"; wait "$sleeps" || true
  # What is not kept any more is said to whoever asks for it, and to nobody else.
  stop_daemon
  in_catalog "DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - 10"
  start_daemon
  assert_eq "$(events --since 3 | head -n 1 | jq -c .)" "{\"event\":\"missed\",\"from\":4,\"to\":$((id + 10))}"
  assert_eq "$(events --since 3 | wc -l)" 11
  assert_eq "$(events | wc -l)" 10
  ctl events --since 3 >/dev/null 2>"$work/missed"
  assert_contains "$(<"$work/missed")" "events 4 to $((id + 10)) are not kept any more"
  ctl delete data-container -q busy
}

# Only so many may follow, as only so many may connect at all.
case_followers_are_counted_as_connections() {
  local pids=() i
  # Not through a function: what is killed is to be the program.
  follow() {
    setpriv --reuid 64101 --regid 64101 --groups "$spawn_gid" "$work/spawnctl" events -f >/dev/null 2>&1 & pids+=($!)
  }
  for i in 1 2 3; do follow; done
  wait_until 10 eval '[[ $(ann auth -o json | jq .usage.connections) == 4 ]]'
  # Whoever asks takes a place too, which may be the last one's.
  full() { follow; ! ann auth >/dev/null 2>&1; }
  wait_until 10 full
  assert_error 75 "4 of 4 connections" -- ann auth
  assert_exit 0 ctl auth
  kill "${pids[@]}" 2>/dev/null || true; wait "${pids[@]}" || true
  wait_until 10 eval 'ann auth >/dev/null'
}

# The accounts exist for this test's processes only.
sed -E 's/^(spawn:.*:).*/\1spawnd-ann,spawnd-bob/' /etc/group >"$work/group"
cp /etc/passwd "$work/passwd"
printf 'spawnd-ann:x:64101:64101::/:/bin/sh\nspawnd-bob:x:64102:64102::/:/bin/sh\n' >>"$work/passwd"
mount --bind "$work/group" /etc/group
mount --bind "$work/passwd" /etc/passwd
extra_clean_up() { umount /etc/group /etc/passwd; }
write_config
cat >>"$work/spawnd.yaml" <<'END'
teams: {shared: {users: [spawnd-ann, spawnd-bob]}}
quotas: {users: {spawnd-ann: {connections: 4}}}
END
start_daemon
make_items_image base
run_cases "$@"
